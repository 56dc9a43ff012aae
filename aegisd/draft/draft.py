"""A list of tools -> a manifest, with every field written out that somebody has to fill in."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from aegisd.core.errors import ManifestInvalid
from aegisd.core.manifest.model import SCHEMA_V2
from aegisd.core.program.reading import grammar_of
from aegisd.draft.tool import Guess, guess, to_check

# What suits a chat that goes on for a day, and a task of a few hundred calls.
STEPS = 1_000
TOOL_CALLS = 300

_FILES = frozenset({"read", "write", "delete", "exec"})


class Draft(Struct, frozen=True):
    """A manifest's document, and sentences about what a person has to look at."""

    manifest: dict[str, object]
    check: tuple[str, ...]


def frame(name: str) -> dict[str, object]:
    """What every manifest has."""
    return {"schema": SCHEMA_V2, "name": name, "version": "0.1.0", "publisher": name}


def draft(document: object, name: str) -> Draft:
    """A v0.2 manifest for tools as `tools/list` of MCP answers them, or as model APIs take them.

    `document` is a list of `{name, description?, inputSchema | input_schema | parameters}`, or an
    object with such a list under `tools`. Raises `ManifestInvalid`.
    """
    guesses = [guess(tool_name, tool) for tool_name, tool in _tools(document)]
    if not guesses:
        raise ManifestInvalid("expected at least one tool, found an empty list")
    places = _places(guesses)
    manifest = {**frame(name), "tools": {each.name: each.entry for each in guesses}, **places}
    return Draft(
        manifest, (*_about_tools(guesses), *_about_readers(guesses), *_about_places(places))
    )


def _places(guesses: list[Guess]) -> dict[str, object]:
    """What is empty until somebody fills it in, as far as some tool needs it; and budgets."""
    effects = frozenset[str]().union(*(each.effects for each in guesses))
    found: dict[str, object] = {}
    if effects & _FILES:
        found["fs"] = {"read_roots": [], "write_roots": []}
    if effects & {"net", "exec"}:
        found["net"] = {"domains": []}
    if "exec" in effects:
        found["exec"] = {"binaries": [{"name": each, "args": ["*"]} for each in _named(guesses)]}
    if effects & {"message", "spend"}:
        found["recipients"] = {name: [] for name in sorted({n for g in guesses for n in g.people})}
    found["budgets"] = {
        "steps": STEPS,
        "tool_calls": TOOL_CALLS,
        "model_calls": None,
        "wall_time_ms": None,
    }
    return found


def _named(guesses: list[Guess]) -> list[str]:
    """The programs that a schema lists for a command."""
    schemas = [
        p.schema
        for each in guesses
        for p in each.parameters
        if p.name in each.of("command", "") and isinstance(p.schema, dict) and "command" in p.name
    ]
    found = [name for schema in schemas for name in schema.get("enum", ())]
    return list(dict.fromkeys(name for name in found if isinstance(name, str) and name))


def _about_tools(guesses: list[Guess]) -> Iterator[str]:
    for each in sorted(guesses, key=lambda found: found.name):
        clauses = list(to_check(each))
        if clauses:
            yield f"{each.name}: {'; '.join(clauses)}"


def _about_readers(guesses: list[Guess]) -> Iterator[str]:
    """What reads, in two sentences for all: there are many, and mostly they do no harm."""
    readers = [each for each in guesses if each.only_reads]
    if free := [f"{each.name}.{name}" for each in readers for name in each.free]:
        yield f"reading tools, and nothing holds: {', '.join(free)}"
    asked = [each for each in readers if not each.of("path")]
    if told := [f"{each.name}.{name}" for each in asked for name in each.told]:
        yield f"a secret may go with what is asked: {', '.join(told)}"


def _about_places(places: Mapping[str, object]) -> Iterator[str]:
    if "fs" in places:
        yield "fs.read_roots and fs.write_roots are empty: every path in arguments is denied"
        yield 'relative paths need a relative root: "." is where the tool runs'
    if "net" in places:
        yield "net.domains is empty: every host in arguments is denied"
    if "recipients" in places:
        yield "recipients are empty: every message and payment to somebody is denied"
    if isinstance(programs := places.get("exec"), dict):
        yield from _about_programs([each["name"] for each in programs["binaries"]])
    yield f"budgets suit a chat and a task: {TOOL_CALLS} calls, no wall time; N allows exactly N"


def _about_programs(names: list[str]) -> Iterator[str]:
    if not names:
        yield "exec.binaries is empty: every command is denied"
    for name in names:
        if grammar_of(name) is None:
            yield (
                f'exec.binaries: nothing describes {name}; write its `net`: "none", "any" or where '
                "its hosts stand"
            )


def _tools(document: object) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield (name, tool) from any of the shapes that list tools."""
    while isinstance(document, dict) and ("result" in document or "tools" in document):
        document = document.get("tools", document.get("result"))
    if not isinstance(document, list):
        raise ManifestInvalid("expected a list of tools, or an object with one under `tools`")
    seen: set[str] = set()
    for index, listed in enumerate(document):
        tool = listed.get("function", listed) if isinstance(listed, dict) else listed
        name = tool.get("name") if isinstance(tool, dict) else None
        if not isinstance(tool, dict) or not isinstance(name, str):
            raise ManifestInvalid(f"tool {index}: expected an object with a name")
        if name in seen:
            raise ManifestInvalid(f"tool {index}: the name was listed before")
        seen.add(name)
        yield name, tool
