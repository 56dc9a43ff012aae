"""A tool's JSON Schemas, compiled once and applied before policy runs.

Drafts 4 to 2020-12, as `$schema` says. Formats are checked and unknown ones refused. Patterns run
on a linear-time engine, and a reference that leaves the schema is refused: a manifest fetches
nothing. What a call may cost is known before it is judged: `cost` says how.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Never, Protocol

import jsonschema_rs
from msgspec import Struct

from aegisd.core.errors import ManifestInvalid
from aegisd.core.log.detached import pointer_of
from aegisd.core.manifest.breach import Terse
from aegisd.core.manifest.cost import parameters
from aegisd.core.manifest.model import Manifest

# Enough to show what is wrong with a call; a hostile call cannot make the log grow by failing more.
ARGUMENT_ERRORS_MAX = 8

# The characters of a JSON pointer that reach the log; a hostile key cannot be longer than this.
WHERE_CHARACTERS_MAX = 256

# Steps of judging one call: 50 ms at 12 ns each. Past it the call is not judged, which denies.
JUDGED_STEPS_MAX = 4_194_304

# Steps at one character in the patterns of all tools together: 256 K positions of them, which take
# twenty megabytes compiled.
CHARACTER_STEPS_MAX = 1_048_576

# Steps up to which every breach is looked for, each a kilobyte until it is dropped; past it, one.
TOLD_STEPS_MAX = 16_384


class ArgumentError(Struct, frozen=True, kw_only=True):
    """Where arguments break their schema, and the keyword they break: never the value itself."""

    where: str
    rule: str


# What is said of arguments that would cost more to judge than any may.
TOO_COSTLY = ArgumentError(where="/args", rule="cost")


class _Error(Protocol):
    instance_path: list[str | int]
    schema_path: list[str | int]


class _Validator(Protocol):
    def is_valid(self, instance: object) -> bool: ...
    def iter_errors(self, instance: object) -> Iterator[_Error]: ...
    def validate(self, instance: object) -> None: ...


class Arguments:
    """The argument check of one manifest."""

    def __init__(self, manifest: Manifest) -> None:
        """Compile every schema. Raises `ManifestInvalid` naming the tool whose schema is broken."""
        self._schemas: dict[str, _Schema] = {}
        characters = 0
        for name, tool in manifest.tools.items():
            if tool.args is not None:
                schema = self._schemas[name] = _Schema(name, tool.args)
                characters += schema.character_steps
                if characters > CHARACTER_STEPS_MAX:
                    raise _refused(
                        name,
                        "with the tools before it, its patterns cost more than "
                        f"CHARACTER_STEPS_MAX = {CHARACTER_STEPS_MAX} steps at a character; write "
                        "fewer repetitions, or maxLength beside them",
                    )

    def check(self, tool: str, args: object, size: int) -> tuple[ArgumentError, ...]:
        """The first `ARGUMENT_ERRORS_MAX` breaches, sorted; none for a tool without a schema.

        `size` is that of the arguments in canonical bytes. Which are first follows the order of
        keys, so `args` come from canonical bytes. Of arguments that are large for their schema
        one breach is told, and of those past `JUDGED_STEPS_MAX` that they are: `TOO_COSTLY`.
        """
        schema = self._schemas.get(tool)
        return () if schema is None else schema.check(args, size)


class _Schema:
    """One tool's schema: what it costs, what says yes or no, and what tells where a no is."""

    def __init__(self, tool: str, schema: dict[str, object]) -> None:
        try:
            self._cost = parameters(schema)
        except ManifestInvalid as error:
            raise _refused(tool, error) from None
        self._validator = _compile(tool, schema)
        # A value has at least two bytes, its comma among them, and a character one.
        whole = self._cost.whole
        self._bytes_at_ease = 2 * JUDGED_STEPS_MAX // whole.of(1, 1, 2)
        self._terse = Terse(self._cost.root, self._cost.recursive)
        self._telling: _Validator | None = None
        if self._terse.schema == schema:
            self._telling = self._validator
        elif self._terse.schema is not None:
            self._telling = _compile(tool, self._terse.schema)

    @property
    def character_steps(self) -> int:
        """Steps at one character, by which compiled patterns grow."""
        return self._cost.whole.character

    def check(self, args: object, size: int) -> tuple[ArgumentError, ...]:
        if size > self._bytes_at_ease and self._steps(args) > JUDGED_STEPS_MAX:
            return (TOO_COSTLY,)
        if self._validator.is_valid(args):
            return ()
        found = {
            (pointer(error.instance_path), self._terse.keyword(tuple(error.schema_path)))
            for error in self._told(args)
        }
        named = found or {("/args", "")}
        return tuple(ArgumentError(where=where, rule=rule) for where, rule in sorted(named))

    def _steps(self, args: object) -> int:
        """What judging the arguments takes at most; each parameter by its own schema if it can."""
        alone = self._cost.alone
        if not isinstance(args, dict) or not alone:
            return self._cost.whole.of(*_extent(args))
        rest = {name: value for name, value in args.items() if name not in alone}
        return self._cost.whole.of(*_extent(rest)) + sum(
            cost.of(*_extent(args[name])) for name, cost in alone.items() if name in args
        )

    def _told(self, args: object) -> list[_Error]:
        """The first breaches; none where nothing can tell them within the bound."""
        telling = self._telling
        if self._cost.whole.of(*_extent(args)) <= TOLD_STEPS_MAX:
            if telling is None and not self._cost.recursive:
                telling = self._validator
            return list(islice(telling.iter_errors(args), ARGUMENT_ERRORS_MAX)) if telling else []
        try:
            if telling is not None:
                telling.validate(args)
        except jsonschema_rs.ValidationError as error:
            return [error]
        return []


def _extent(value: object) -> tuple[int, int, int]:
    """How many values, numbers and characters there are, keys among the characters."""
    values, numbers, characters = 0, 0, 0
    pending = [value]
    while pending:
        part = pending.pop()
        values += 1
        if isinstance(part, str):
            characters += len(part)
        elif isinstance(part, dict):
            pending += part.values()
            characters += sum(map(len, part))
        elif isinstance(part, list):
            pending += part
        elif type(part) is not bool:
            numbers += part is not None
    return values, numbers, characters


def pointer(path: list[str | int]) -> str:
    """A JSON pointer (RFC 6901) into the payload for a path below `args`."""
    return pointer_of(("args", *map(str, path)))[:WHERE_CHARACTERS_MAX]


def _refused(tool: str, reason: object) -> ManifestInvalid:
    return ManifestInvalid(f"tools.{tool}.args is not a JSON Schema that Aegis can apply: {reason}")


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
        raise _refused(tool, reason) from None


def _refuse(uri: str) -> Never:
    raise ValueError(f"{uri}: a schema may refer only to itself")
