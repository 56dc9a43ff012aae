"""What a parameter's schema should not let through, by its name.

A schema says what an honest call looks like. Where it says only `string` or `integer`, names tell a
good deal more: an id has no quote in it, a count is not negative, a switch that widens stays off.
"""

from collections.abc import Mapping

from aegisd.draft.words import EFFECTS, joined, says, widens, words

# Keywords that bound a value already, or that a reader of older drafts takes alone.
_BOUND = frozenset(
    {"enum", "const", "pattern", "format", "$ref", "allOf", "minimum", "maximum", "not"}
)

_OFF = {"enum": [False, None]}
_ID = {"pattern": "^[A-Za-z0-9._:@#+=<>~-]{1,256}$"}
_SORTING = {"pattern": "^[A-Za-z0-9_.,: +-]{0,256}$"}
_CLAIM = {
    "not": {
        "description": "what names admin, root or super, or has quotes or parentheses",
        "pattern": "[Aa][Dd][Mm][Ii][Nn]|[Rr][Oo][Oo][Tt]|[Ss][Uu][Pp][Ee][Rr]|['\"()]",
    }
}
_REVISION = {
    "not": {
        "description": "what begins like an option or refs/, or has %, .., quotes or blanks",
        "pattern": "^-|^refs/|%|\\.\\.|[ '\"]",
    }
}
_OF_ANOTHER_SYSTEM = {
    "not": {
        "description": "what climbs (..), begins with //, or has %, a backslash or a colon",
        "pattern": "(^|/)\\.\\.(/|$)|^//|[%\\\\]|:",
    }
}
# A file there is started, or read as settings, by a program that no agent calls itself.
_STARTED = {
    "not": {
        "description": "a file in .git, or one that a shell reads when it starts",
        "pattern": "(^|/)\\.[Gg][Ii][Tt](/|$)|(^|/)\\.(ba|z)?sh(rc|env)$|(^|/)\\.profile$",
    }
}
# A mail that loads something tells whoever it loads from, with what stands in the address.
_LOADING = {
    "not": {
        "description": "HTML that loads something: src=, url(), @import, link, meta or form",
        "pattern": "[Ss][Rr][Cc]([Ss][Ee][Tt])?\\s*=|[Uu][Rr][Ll]\\s*\\(|@[Ii][Mm][Pp][Oo][Rr][Tt]"
        "|<[Ll][Ii][Nn][Kk]|<[Mm][Ee][Tt][Aa]|<[Ff][Oo][Rr][Mm]|[Bb][Aa][Cc][Kk][Gg][Rr][^>]*=",
    }
}

# (words, least, most) of numbers that grow; by the first or last word of the name.
_NUMBERS = (
    ({"iteration", "round", "repeat", "repetition"}, 1, 1_000_000),
    ({"count", "worker", "thread", "process", "concurrency", "copie"}, 1, 1_000),
    ({"retries", "depth"}, 0, 100),
    ({"age", "use", "ttl"}, 1, None),
    ({"port"}, 1, 65_535),
    ({"limit", "page", "offset", "size", "result", "timeout", "second"}, 0, None),
)
# The bits of a mode that let nobody act as somebody else.
_MODE_BITS = 0o777


def is_bound(schema: object) -> bool:
    """Whether more than its type holds a value."""
    return isinstance(schema, dict) and not _BOUND.isdisjoint(schema)


def added(name: str, kind: str, kinds: frozenset[str], tool: str) -> Mapping[str, object]:
    """The keywords to add to the schema of a parameter of some JSON types."""
    if kinds == {"boolean"}:
        return _OFF if widens(name) else {}
    if kinds & {"integer", "number"}:
        return _numbers(words(name), tool)
    return _texts(name, kind, words(tool)) if "string" in kinds else {}


def _numbers(said: tuple[str, ...], tool: str) -> Mapping[str, object]:
    if "mode" in said and says("permissions", *words(tool)):
        return {"minimum": 0, "maximum": _MODE_BITS}
    for names, least, most in _NUMBERS:
        if not names.isdisjoint({*said[:2], *said[-1:]}):
            return {"minimum": least, **({} if most is None else {"maximum": most})}
    return {}


def _texts(name: str, kind: str, tool: tuple[str, ...]) -> Mapping[str, object]:
    whole, said = joined(name), words(name)
    if kind == "path" and (says("written", whole) or says("writes", *tool)):
        return _STARTED
    if kind == "control":
        return _OF_ANOTHER_SYSTEM
    if kind == "content" and "html" in said and not EFFECTS["message"].isdisjoint(tool):
        return _LOADING
    if kind:
        return {}
    if says("claims", *said) or ("mode" in said and says("modes", *said)):
        return {} if "member" in tool else _CLAIM
    if says("sorts", whole):
        return _SORTING
    if says("branches", whole) or (whole == "target" and "git" in tool):
        return _REVISION
    return _ID if says("ids", *said[-1:]) else {}
