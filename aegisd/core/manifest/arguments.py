"""A tool's JSON Schemas, compiled once and applied before policy runs.

Drafts 4 to 2020-12, as `$schema` says. Formats are checked and unknown ones refused. Patterns run
on a linear-time engine, and a reference that leaves the schema is refused: a manifest fetches
nothing.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Never, Protocol

import jsonschema_rs
from msgspec import Struct

from aegisd.core.errors import ManifestInvalid
from aegisd.core.log.detached import pointer_of
from aegisd.core.manifest.model import Manifest

# Enough to show what is wrong with a call; a hostile call cannot make the log grow by failing more.
ARGUMENT_ERRORS_MAX = 8

# The characters of a JSON pointer that reach the log; a hostile key cannot be longer than this.
WHERE_CHARACTERS_MAX = 256


class ArgumentError(Struct, frozen=True, kw_only=True):
    """Where arguments break their schema, and the keyword they break: never the value itself."""

    where: str
    rule: str


class _Error(Protocol):
    instance_path: list[str | int]
    schema_path: list[str | int]


class _Validator(Protocol):
    def is_valid(self, instance: object) -> bool: ...
    def iter_errors(self, instance: object) -> Iterator[_Error]: ...


class Arguments:
    """The argument check of one manifest."""

    def __init__(self, manifest: Manifest) -> None:
        """Compile every schema. Raises `ManifestInvalid` naming the tool whose schema is broken."""
        self._validators: Mapping[str, _Validator] = {
            name: _compile(name, tool.args)
            for name, tool in manifest.tools.items()
            if tool.args is not None
        }

    def check(self, tool: str, args: object) -> tuple[ArgumentError, ...]:
        """The first `ARGUMENT_ERRORS_MAX` breaches, sorted; none for a tool without a schema.

        Which are first follows the order of keys, so `args` come from canonical bytes.
        """
        validator = self._validators.get(tool)
        if validator is None or validator.is_valid(args):
            return ()
        found = {
            (pointer(error.instance_path), str(error.schema_path[-1]) if error.schema_path else "")
            for error in islice(validator.iter_errors(args), ARGUMENT_ERRORS_MAX)
        }
        return tuple(ArgumentError(where=where, rule=rule) for where, rule in sorted(found))


def pointer(path: list[str | int]) -> str:
    """A JSON pointer (RFC 6901) into the payload for a path below `args`."""
    return pointer_of(("args", *map(str, path)))[:WHERE_CHARACTERS_MAX]


def _compile(tool: str, schema: dict[str, object]) -> _Validator:
    try:
        return jsonschema_rs.validator_for(
            schema,
            validate_formats=True,
            ignore_unknown_formats=False,
            retriever=_refuse,
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ManifestInvalid(
            f"tools.{tool}.args is not a JSON Schema that Aegis can apply: {reason}"
        ) from None


def _refuse(uri: str) -> Never:
    raise ValueError(f"{uri}: a schema may refer only to itself")
