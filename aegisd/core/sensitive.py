"""Which values of a payload are kept out of its event: what the manifest marks, and what is long.

A mark is a name or a JSON pointer (RFC 6901) below the member it is about, where `*` stands for
every member or item: `ssn`, `/customer/ssn`, `/rows/*/ssn`. Where a mark wants to look inside a
value that has no inside, or another kind of it, that whole value is taken: better too much than
too little.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

import msgspec
from msgspec import Raw, Struct

from aegisd.core.errors import ManifestInvalid
from aegisd.core.events import DECLARATIONS
from aegisd.core.log.detached import Tokens, pointer_of, tokens
from aegisd.core.manifest.model import Manifest, Sensitivity, Tool
from aegisd.core.nearest import nearest

# Canonical bytes up to which a text stays in its event; longer ones are kept beside it, which keeps
# the log that everybody reads small.
DETACHED_BYTES_MIN = 65_536

# Values detached from one event, each 200 bytes in the event and a row beside it. Where marks find
# more, the whole member they are about is one value.
DETACHED_VALUES_MAX = 256

# Marks of one manifest: each is held to each other one of its list, and to what an event says.
MARKS_MAX = 1_024

# Members and items that the marks of an event are held to, half a microsecond each for every level.
# Past it, too, the whole member is one value.
LOOKED_AT_MAX = 16_384

# Tokens of a mark: what is deeper is marked at this depth. Keeps commitments, which add two levels,
# far from the nesting that readers of the log take.
MARK_TOKENS_MAX = 16

# The events whose content a manifest may mark, apart from the calls of its tools, with the members
# that hold what people and tools said.
_CONTENT = {name: declared.content for name, declared in DECLARATIONS.items() if declared.content}

_EVERY = "*"

_read_object = msgspec.json.Decoder(dict[str, Raw]).decode


class Mark(Struct, frozen=True, kw_only=True):
    """A place in payloads, and whether what stands there is kept until erased, or not at all."""

    path: Tokens
    kind: Sensitivity


# What is taken of a payload whose manifest cannot be read any more: all that was said in it.
_MEMBERS = sorted({member for members in _CONTENT.values() for member in members})
UNREADABLE = tuple(Mark(path=(member,), kind="personal") for member in ("args", *_MEMBERS))


class Sensitive:
    """What one manifest keeps out of events."""

    def __init__(self, manifest: Manifest) -> None:
        """Read every mark. Raises `ManifestInvalid`, naming one that cannot be kept."""
        marked = sum(map(len, manifest.sensitive.values()))
        for tool in manifest.tools.values():
            marked += len(tool.sensitive) + len(tool.result_sensitive)
        if marked > MARKS_MAX:
            raise ManifestInvalid(
                f"{marked} marks of what is sensitive, past MARKS_MAX = {MARKS_MAX}; mark what is "
                "around them"
            )
        self._args = {name: _args(name, tool) for name, tool in manifest.tools.items()}
        self._results = {name: _results(name, tool) for name, tool in manifest.tools.items()}
        self._events = {
            event_type: _event(event_type, marked)
            for event_type, marked in manifest.sensitive.items()
        }
        self._any_result = _whole(mark for marks in self._results.values() for mark in marks)

    def found(
        self, event_type: str, payload: object, body: bytes, tool: str | None
    ) -> Mapping[str, Sensitivity]:
        """What to detach of a payload, by pointer, none inside another. `body` is its RFC 8785.

        `tool` is the tool that a result is of, None where no open call of the session tells.
        """
        marks = self._of(event_type, payload, tool)
        if not marks and len(body) <= DETACHED_BYTES_MIN:
            return {}
        return found(marks, payload, body)

    def _of(self, event_type: str, payload: object, tool: str | None) -> Sequence[Mark]:
        if event_type == "TOOL_CALL_PROPOSED":
            name = payload.get("tool_name") if isinstance(payload, dict) else None
            return self._args.get(name, ()) if isinstance(name, str) else ()
        marks = self._events.get(event_type, ())
        if event_type != "TOOL_RESULT":
            return marks
        if tool is None:
            return (*marks, *self._any_result)
        return (*marks, *self._results.get(tool, ()))


def found(marks: Sequence[Mark], payload: object, body: bytes) -> Mapping[str, Sensitivity]:
    """What marks and the bound on length find in a payload, by pointer, none inside another."""
    if not isinstance(payload, dict):
        return {}
    places = _outermost(_places(marks, payload))
    if len(places) > DETACHED_VALUES_MAX:
        places = _by_member(places)
    if len(body) > DETACHED_BYTES_MIN:
        places |= _long(body, places)
        places = _outermost(places)
    return {pointer_of(path): kind for path, kind in sorted(places.items())}


def _places(marks: Sequence[Mark], payload: object) -> dict[Tokens, Sensitivity]:
    """What marks find, or the members they are about where they would look at too much."""
    places: dict[Tokens, Sensitivity] = {}
    looked_at = 0
    for mark in marks:
        for path in _match(payload, mark.path):
            looked_at += 1
            if looked_at > LOOKED_AT_MAX:
                members = _by_member({mark.path: mark.kind for mark in marks})
                return {
                    path: kind
                    for member, kind in members.items()
                    for path in _match(payload, member)
                    if path is not None
                }
            if path is not None:
                places[path] = _stricter(places.get(path), mark.kind)
    return places


def _match(value: object, path: Tokens, at: Tokens = ()) -> Iterator[Tokens | None]:
    """The places that a mark means, in a payload or a part of it; None for others looked at."""
    if not path:
        yield at
    elif isinstance(value, dict):
        keys = list(value) if path[0] == _EVERY else [path[0]] if path[0] in value else []
        for key in keys:
            yield None
            yield from _match(value[key], path[1:], (*at, key))
    elif isinstance(value, list) and path[0] == _EVERY:
        for index, item in enumerate(value):
            yield None
            yield from _match(item, path[1:], (*at, str(index)))
    else:
        # It has no such inside: taken whole, so that an answer in another shape is kept as well.
        yield at


def _stricter(one: Sensitivity | None, other: Sensitivity) -> Sensitivity:
    return "secret" if "secret" in (one, other) else other


def _outermost(places: Mapping[Tokens, Sensitivity]) -> dict[Tokens, Sensitivity]:
    """Without places inside others, whose kind is the stricter of both."""
    kept: dict[Tokens, Sensitivity] = {}
    for path, kind in sorted(places.items()):
        around = next((path[:length] for length in range(len(path)) if path[:length] in kept), None)
        place = path if around is None else around
        kept[place] = _stricter(kept.get(place), kind)
    return kept


def _by_member(places: Mapping[Tokens, Sensitivity]) -> dict[Tokens, Sensitivity]:
    """The members that places are in, of arguments each parameter, instead of the places."""
    parameters = {path[1] for path in places if path[0] == "args" and path[1:]}
    apart = len(parameters) <= DETACHED_VALUES_MAX and _EVERY not in parameters
    members: dict[Tokens, Sensitivity] = {}
    for path, kind in places.items():
        member = path[:2] if path[0] == "args" and apart else path[:1]
        members[member] = _stricter(members.get(member), kind)
    return members


def _long(body: bytes, places: Mapping[Tokens, Sensitivity]) -> dict[Tokens, Sensitivity]:
    """Members past `DETACHED_BYTES_MIN`. One that holds a secret is left to its marks."""
    secret = {path[0] for path, kind in places.items() if kind == "secret"}
    members = _read_object(body)
    return {
        (member,): "personal"
        for member in _MEMBERS
        if member in members
        and member not in secret
        and memoryview(members[member]).nbytes > DETACHED_BYTES_MIN
    }


# ── reading marks ────────────────────────────────────────────────────────────────────────────────


def _args(name: str, tool: Tool) -> tuple[Mark, ...]:
    """The marks of a tool's arguments. Only content may be sensitive: rules name all else."""
    where = f"tools.{name}.sensitive"
    marks = _marks(where, tool.sensitive, ("args",))
    for mark in marks:
        parameter = mark.path[1] if mark.path[1:] else ""
        role = tool.roles.get(parameter)
        if role != "content":
            has = f"has the role {role!r}" if role else "has no role"
            raise ManifestInvalid(
                f"{where}: {parameter!r} {has}, so rules judge it and name it in their reasons, "
                'which are kept for ever; give it the role "content", or leave it unmarked'
            )
    return marks


def _results(name: str, tool: Tool) -> tuple[Mark, ...]:
    """The marks of a tool's answers, in whichever member an answer stands."""
    where = f"tools.{name}.result_sensitive"
    return tuple(
        mark
        for member in _CONTENT["TOOL_RESULT"]
        for mark in _marks(where, tool.result_sensitive, (member,))
    )


def _whole(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """Marks for an answer of a tool that nobody can name: all of it, as strictly as any of them."""
    kinds = {mark.kind for mark in marks}
    if not kinds:
        return ()
    kind: Sensitivity = "secret" if "secret" in kinds else "personal"
    return tuple(Mark(path=(member,), kind=kind) for member in _CONTENT["TOOL_RESULT"])


def _event(event_type: str, marked: Mapping[str, Sensitivity]) -> tuple[Mark, ...]:
    """The marks of an event's content, each a pointer into its payload."""
    where = f"sensitive.{event_type}"
    members = _CONTENT.get(event_type)
    if members is None:
        guess = nearest(event_type, sorted(_CONTENT))
        raise ManifestInvalid(
            f"{where}: no event whose content can be marked; the nearest is {guess!r}; arguments "
            "are marked at their tool"
        )
    marks = _marks(where, marked, ())
    for mark in marks:
        if mark.path[:1] not in {(member,) for member in members}:
            known = " or ".join(f"'/{member}'" for member in members)
            raise ManifestInvalid(f"{where}: expected a name or pointer that begins with {known}")
    return marks


def _marks(where: str, marked: Mapping[str, Sensitivity], below: Tokens) -> tuple[Mark, ...]:
    marks = tuple(
        Mark(path=(*below, *_path(where, place)), kind=kind) for place, kind in marked.items()
    )
    for one, other in combinations(marks, 2):
        inner, outer = sorted((one.path, other.path), key=len, reverse=True)
        if len(inner) > len(outer) and all(map(_meets, inner, outer)):
            raise ManifestInvalid(
                f"{where}: {pointer_of(inner)!r} is inside {pointer_of(outer)!r}, which takes all "
                "of it; mark the outer one alone"
            )
    return marks


def _meets(one: str, other: str) -> bool:
    return _EVERY in (one, other) or one == other


def _path(where: str, place: str) -> Tokens:
    """The tokens of a mark: a name, or a pointer if it begins with a slash."""
    is_pointer = place.startswith("/")
    path = tokens(place) if is_pointer or not place else (place,)
    if len(path) > MARK_TOKENS_MAX:
        raise ManifestInvalid(
            f"{where}: {len(path)} steps deep, past MARK_TOKENS_MAX = {MARK_TOKENS_MAX}; mark what "
            "is around it"
        )
    if is_pointer and pointer_of(path) != place:
        raise ManifestInvalid(f"{where}: {place!r} is no JSON pointer; a `~` is written `~0`")
    return path
