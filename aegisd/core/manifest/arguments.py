"""A tool's JSON Schema, made ready once and applied before policy runs.

What a call may cost is counted while it is judged: `aegisd.core.schema` says how.
"""

from msgspec import Struct

from aegisd.core.errors import ManifestInvalid
from aegisd.core.log.detached import pointer_of
from aegisd.core.manifest.model import Manifest
from aegisd.core.schema.pattern import Patterns
from aegisd.core.schema.schema import Schema
from aegisd.core.schema.steps import TooCostly

# Enough to show what is wrong with a call; a hostile call cannot make the log grow by failing more.
ARGUMENT_ERRORS_MAX = 8

# The characters of a JSON pointer that reach the log; a hostile key cannot be longer than this.
WHERE_CHARACTERS_MAX = 256


class ArgumentError(Struct, frozen=True, kw_only=True):
    """Where arguments break their schema, and the keyword they break: never the value itself.

    `wanted` is what the schema expects there, in words; "" where that is not known.
    """

    where: str
    rule: str
    wanted: str = ""


# What is said of arguments that would cost more to judge than any may.
TOO_COSTLY = ArgumentError(
    where="/args", rule="cost", wanted="more to judge than one call may have; split it"
)

# What is said of arguments whose schema this build does not apply.
NOT_APPLIED = ArgumentError(
    where="/args",
    rule="schema",
    wanted="this build does not apply the schema; an operator registers one that it does",
)


class Arguments:
    """The argument check of one manifest.

    `refused` says of each tool why its schema is not applied: its calls are denied. Only a
    manifest that is in the log already may have one.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.refused: dict[str, str] = {}
        self._schemas: dict[str, Schema] = {}
        patterns = Patterns()
        for name, tool in manifest.tools.items():
            if tool.args is not None:
                try:
                    self._schemas[name] = Schema(tool.args, patterns)
                except ManifestInvalid as error:
                    self.refused[name] = error.message

    def check(self, tool: str, args: object) -> tuple[ArgumentError, ...]:
        """The first `ARGUMENT_ERRORS_MAX` breaches, sorted; none for a tool without a schema.

        Which are first follows the order of keys, so `args` come from canonical bytes. Of
        arguments that take more than `JUDGED_STEPS_MAX` it is said that they do: `TOO_COSTLY`.
        """
        schema = self._schemas.get(tool)
        if schema is None:
            return (NOT_APPLIED,) if tool in self.refused else ()
        try:
            found = schema.judge(args, ARGUMENT_ERRORS_MAX)
        except TooCostly:
            return (TOO_COSTLY,)
        if not found:
            return ()
        named = {(pointer(path), rule): wanted for path, rule, wanted in found}
        return tuple(
            ArgumentError(where=where, rule=rule, wanted=wanted)
            for (where, rule), wanted in sorted(named.items())
        )


def pointer(path: tuple[str | int, ...]) -> str:
    """A JSON pointer (RFC 6901) into the payload for a path below `args`."""
    return pointer_of(("args", *map(str, path)))[:WHERE_CHARACTERS_MAX]
