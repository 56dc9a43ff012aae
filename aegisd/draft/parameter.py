"""One parameter of a tool: what it steers."""

from collections.abc import Mapping

from msgspec import Struct

from aegisd.draft import bound
from aegisd.draft.words import LAST, SAYS, WHOLE, joined, says, words


class Context(Struct, frozen=True, kw_only=True):
    """The tool around a parameter: its name, words that say what it is about, its properties."""

    tool: str
    about: frozenset[str]
    beside: Mapping[str, object]

    @property
    def is_elsewhere(self) -> bool:
        """Whether its paths are of another system."""
        return says("elsewhere", *map(joined, self.beside))


class Parameter(Struct, frozen=True, kw_only=True):
    """What was guessed of one parameter.

    `kind` is a role, or code, formula, query, or "". `schema` is its JSON Schema, tightened where
    `tightened` says so, and `pinned` where it is a switch that stays off.
    """

    name: str
    kind: str
    schema: object
    kinds: frozenset[str]
    tightened: bool
    secret: bool
    required: bool

    @property
    def pinned(self) -> bool:
        """Whether it is a switch that is held to false."""
        return self.tightened and is_switch(self.kinds)

    @property
    def is_free(self) -> bool:
        """Whether nothing but its type holds it."""
        plain = self.kinds & {"string", "object", "array"} or not self.kinds
        return bool(plain) and not self.kind and not bound.is_bound(self.schema)

    @property
    def is_unbounded(self) -> bool:
        """Whether an amount may grow as it likes."""
        known = {"enum", "const", "maximum"} & set(
            self.schema if isinstance(self.schema, dict) else ()
        )
        return self.kind == "amount" and not known


def read(name: str, schema: object, around: Context, *, required: bool) -> Parameter:
    """Guess one parameter of a tool."""
    kinds = types(schema)
    kind = _kind(name, schema, kinds, around)
    added: Mapping[str, object] = {}
    if isinstance(schema, dict) and not bound.is_bound(schema):
        added = bound.added(name, kind, kinds, around.tool)
    is_key = joined(name) == "key" and says("keys", *words(around.tool))
    is_secret = (is_key or says("secrets", joined(name))) and "string" in kinds
    return Parameter(
        name=name,
        kind="content" if is_secret else kind,
        schema={**schema, **added} if isinstance(schema, dict) else schema,
        kinds=kinds,
        tightened=bool(added),
        secret=is_secret,
        required=required,
    )


def types(schema: object) -> frozenset[str]:
    """The JSON types that a schema names, those of its alternatives with them, but null."""
    if not isinstance(schema, dict):
        return frozenset()
    named = schema.get("type")
    found = set(named) if isinstance(named, list) else {named}
    for keyword in ("anyOf", "oneOf"):
        alternatives = schema.get(keyword)
        for alternative in alternatives if isinstance(alternatives, list) else ():
            found |= types(alternative)
    return frozenset(each for each in found if isinstance(each, str) and each != "null")


def is_switch(kinds: frozenset[str]) -> bool:
    """Whether a value is true or false."""
    return kinds == {"boolean"}


def is_number(kinds: frozenset[str]) -> bool:
    """Whether a value is a number."""
    return bool(kinds) and kinds <= {"integer", "number"}


def _kind(name: str, schema: object, kinds: frozenset[str], around: Context) -> str:
    """What a parameter is by its schema, its whole name, or the last word of it."""
    whole, tool = joined(name), words(around.tool)
    last = words(name)[-1:]
    given: Mapping[str, object] = schema if isinstance(schema, dict) else {}
    if is_number(kinds):
        return "amount" if whole in WHOLE["amount"] or LAST["amount"].intersection(last) else ""
    if is_switch(kinds) or "enum" in given:
        return "command" if whole in WHOLE["command"] else ""
    if given.get("format") in ("uri", "url"):
        return "url"
    if says("code", whole) or (says("module", whole) and says("loads", *tool)):
        return "code"
    if says("formula", whole):
        return "formula"
    asks = tool[-1:] == ("query",) or not SAYS["database"].isdisjoint(around.about)
    if says("query", whole) or (whole == "query" and asks):
        return "query"
    role = next((role for role, names in WHOLE.items() if whole in names), "")
    if says("ends", whole) and not says("files", *tool):
        role = ""
    if not role and not says("lists", *words(name)):
        role = next((role for role, names in LAST.items() if names.intersection(last)), "")
    return "control" if role == "path" and around.is_elsewhere else role
