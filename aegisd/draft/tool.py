"""One tool of a draft: effects, risk and approval, and what a person has to look at."""

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from aegisd.draft import parameter
from aegisd.draft.parameter import Context, Parameter
from aegisd.draft.words import EFFECTS, SAYS, WHOLE, joined, says, words

_SCHEMA_KEYS = ("inputSchema", "input_schema", "parameters")
_ASKED = frozenset({"auth", "delete", "spend"})
_REACHES_PEOPLE = frozenset({"message", "spend"})
_VERBS = frozenset[str]().union(*EFFECTS.values())
_NO_YES = "every call needs approval, which cannot be given yet"
_CHANGES = ("write", "delete", "exec", "message", "spend", "auth")


class Guess(Struct, frozen=True, kw_only=True):
    """What was guessed of one tool; `entry` is its part of the manifest."""

    name: str
    entry: dict[str, object]
    parameters: tuple[Parameter, ...]
    effects: frozenset[str]
    approval: bool
    typed: bool

    def of(self, *kinds: str) -> list[str]:
        """The names of the parameters of some kinds."""
        return [each.name for each in self.parameters if each.kind in kinds]

    @property
    def people(self) -> list[str]:
        """The parameters that name somebody."""
        return self.of("recipient")

    @property
    def told(self) -> list[str]:
        """The parameters whose text goes out as it is."""
        return [each.name for each in self.parameters if each.kind == "content" and not each.secret]

    @property
    def free(self) -> list[str]:
        """The parameters that nothing but their type holds."""
        return [each.name for each in self.parameters if each.is_free]

    @property
    def only_reads(self) -> bool:
        """Whether its calls read and are not asked about."""
        return self.effects == {"read"} and not self.approval


def guess(name: str, listed: Mapping[str, object]) -> Guess:
    """Guess a tool from its name and schema. Its description is for people: it is no promise."""
    schema = next((listed[key] for key in _SCHEMA_KEYS if isinstance(listed.get(key), dict)), None)
    written = schema.get("properties") if isinstance(schema, dict) else None
    beside: Mapping[str, object] = written if isinstance(written, dict) else {}
    needed = schema.get("required") if isinstance(schema, dict) else None
    description = listed.get("description")
    description = description if isinstance(description, str) else ""
    about = frozenset({*words(name), *(SAYS["languages"].intersection(words(description)))})
    around = Context(tool=name, about=about, beside=beside)
    parameters = tuple(
        parameter.read(
            each, beside[each], around, required=not isinstance(needed, list) or each in needed
        )
        for each in beside
    )
    if _verb(name) in EFFECTS["read"] and EFFECTS["exec"].isdisjoint(words(name)):
        # Who only looks at code does not run it; what looks at it, nobody knows.
        parameters = tuple(
            replace(each, kind="formula") if each.kind == "code" else each for each in parameters
        )
    effects = _effects(name, parameters, typed=schema is not None)
    parameters = tuple(_steering(each, effects) for each in parameters)
    kinds = {each.kind for each in parameters}
    programs = bool(kinds & {"code"}) or ("exec" in effects and "command" in kinds)
    approval = not programs and _asks(name, effects, kinds, typed=schema is not None)
    secrets = {each.name: "secret" for each in parameters if each.secret}
    entry: dict[str, object] = {
        "description": description,
        "effects": sorted(effects),
        "risk": "critical" if programs else "high" if approval else _risk(effects),
        "approval": approval,
        "roles": {each.name: _ROLES.get(each.kind, each.kind) for each in parameters if each.kind},
        **({"sensitive": secrets} if secrets else {}),
    }
    if isinstance(schema, dict):
        entry["args"] = _closed(schema, parameters)
    return Guess(
        name=name,
        entry=entry,
        parameters=parameters,
        effects=effects,
        approval=approval,
        typed=schema is not None,
    )


# What is not read at all has the role content.
_ROLES = {"code": "content", "formula": "content", "query": "content"}


def _effects(name: str, parameters: tuple[Parameter, ...], *, typed: bool) -> frozenset[str]:
    said = words(name)
    kinds = {each.kind for each in parameters}
    verb = _verb(name)
    reads, computes = verb in EFFECTS["read"], verb in EFFECTS["compute"]
    found = {effect for effect, known in EFFECTS.items() if not known.isdisjoint(said)}
    found = found & ({"read"} if reads else set()) if reads or computes else found - {"read"}
    if "exec" in found and typed and not kinds & {"code", "command"}:
        found = (found - {"exec"}) | {"write"}
    named = {joined(each.name) for each in parameters}
    if verb in SAYS["kept"]:
        found.discard("message")
    # Whose it is, is whom it reaches.
    if found & {"write", "delete"} and {"owner", "repo"} <= named:
        found.add("message")
    found |= {"message"} if SAYS["invited"] & named and not reads else set()
    found |= {"exec"} if kinds & {"code", "command"} else set()
    found |= {"write", "delete"} if "query" in kinds else set()
    paths = [each.name for each in parameters if each.kind == "path"]
    if paths:
        if "upload" in said and not says("written", *map(joined, paths)):
            found = (found - {"write"}) | {"read"}
        found |= {"write"} if says("written", *map(joined, paths)) else set()
        found |= {"read"} if not found & {"read", "write", "delete"} or len(paths) > 1 else set()
        found -= {"auth"} if "exec" not in found and "permission" in said else set()
        found |= {"write"} if "permission" in said else set()
    urls = [each for each in parameters if each.kind == "url"]
    hosts = says("net", *said)
    whole = WHOLE["url"]
    if any(each.required or (hosts and joined(each.name) in whole) for each in urls) or (
        hosts and not typed
    ):
        found.add("net")
    if "webhook" in said and not reads and any("object" in each.kinds for each in parameters):
        found.add("net")
    return frozenset(found - {"compute"})


def _verb(name: str) -> str:
    """The first word of a name that says what is done, or ""."""
    return next((word for word in words(name) if word in _VERBS), "")


def _steering(found: Parameter, effects: frozenset[str]) -> Parameter:
    """In a tool that writes or pays to somebody, a parameter may name whom."""
    named = says("people", joined(found.name)) or says("addresses", *words(found.name)[-1:])
    names_somebody = named and found.kind in {"", "content", "url", "path"}
    if effects & _REACHES_PEOPLE and names_somebody and found.kinds.isdisjoint({"boolean"}):
        return replace(found, kind="recipient")
    return found


def _asks(name: str, effects: frozenset[str], kinds: set[str], *, typed: bool) -> bool:
    said = words(name)
    known = any(not verbs.isdisjoint(said) for verbs in (SAYS["net"], *EFFECTS.values()))
    return (
        not known
        or bool(effects & _ASKED)
        or bool(kinds & {"formula", "query"})
        or ("exec" in effects and not typed)
        or (says("grave", *said) and bool(effects & set(_CHANGES)))
    )


# Keywords that say themselves what else there may be.
_OPEN = frozenset({"additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf", "$ref"})


def _risk(effects: frozenset[str]) -> str:
    return "low" if effects <= {"read"} else "medium"


def _closed(schema: Mapping[str, object], parameters: tuple[Parameter, ...]) -> dict[str, object]:
    """The schema, tightened; what it does not name is refused where it does not say otherwise."""
    closed: dict[str, object] = {**schema}
    if parameters:
        closed["properties"] = {each.name: each.schema for each in parameters}
        if _OPEN.isdisjoint(schema):
            closed["additionalProperties"] = False
    return closed


def to_check(found: Guess) -> Iterator[str]:
    """What a person has to look at, clause by clause: what no name tells, and what was guessed."""
    effects = ", ".join(sorted(found.effects))
    if found.of("code"):
        yield f"{_list(found.of('code'))} is code, which nothing reads: every call is denied"
    elif "exec" in found.effects and not found.approval:
        yield f"{effects}; runs what exec.binaries lists"
    elif found.approval and not found.effects:
        yield f"its name does not say what it does; {_NO_YES}"
    elif found.approval:
        yield f"{effects}; {_NO_YES}"
    elif found.effects & _REACHES_PEOPLE:
        yield f"{effects}; sends without asking anybody"
    if found.of("formula", "query"):
        yield f"{_list(found.of('formula', 'query'))} may hold a program, which nothing reads"
    if not found.typed:
        yield "has no schema, so its arguments are not checked"
    if pinned := [each.name for each in found.parameters if each.pinned]:
        yield f"{_list(pinned)} pinned to false"
    if secrets := [each.name for each in found.parameters if each.secret]:
        yield f"{_list(secrets)} kept out of the log; better no parameter at all"
    yield from _loose(found)


def _loose(found: Guess) -> Iterator[str]:
    """What nothing holds."""
    if found.free and not found.only_reads:
        yield f"nothing holds {_list(found.free)}"
    stays = found.of("path", "command", "code") and not found.effects & {"message", "net"}
    if (leaves := found.told) and not found.only_reads and not stays:
        yield f"{_list(leaves)} is not looked into: a secret or a link may go with it"
    if loose := [each.name for each in found.parameters if each.is_unbounded]:
        yield f"no upper bound for {_list(loose)}"
    if "net" not in found.effects and (urls := found.of("url")):
        yield f"the host of {_list(urls)} is not judged, as not every call names one"
    vague = [name for name in found.of("path") if says("vague", joined(name))]
    if vague and not says("places", *words(found.name)):
        yield f"{_list(vague)} is taken for a place below fs roots"


def _list(names: list[str]) -> str:
    return ", ".join(names)
