"""A schema that says the same of every value and tells less of what breaks it.

A validator tells with each breach of an alternative every breach of each of its branches, and of
theirs: one wrong leaf below a recursion is told once for every way to it. Here a branch, and a
reference back to what it stands in, is one question with one answer, which "not not" asks.
"""

from collections.abc import Collection

from aegisd.core.manifest.document import Part

# The keywords whose branches are told of.
_ALTERNATIVES = frozenset({"anyOf", "oneOf"})

# What looks at which branches held, and so not through a question.
_LOOKING_BACK = frozenset({"unevaluatedProperties", "unevaluatedItems"})

Path = tuple[str | int, ...]


class Terse:
    """The terse form of a schema. `schema` is None where there is none.

    `asked` are the places in it, as paths, where a reference became a question.
    """

    def __init__(self, schema: Part, recursive: Collection[int]) -> None:
        """Take a schema, and which of its subschemas are references back, by number."""
        self.asked: set[Path] = set()
        self._recursive = recursive
        self._looks_back = False
        self._has_alternatives = False
        terse = self._of(schema, ())
        lost = self._looks_back and (self._has_alternatives or bool(self.asked))
        self.schema = terse if isinstance(terse, dict) and not lost else None

    def keyword(self, path: Path) -> str:
        """The keyword that an error in the schema is about; "" for the schema as a whole."""
        if path in self.asked:
            return "$ref"
        return str(path[-1]) if path else ""

    def _of(self, part: object, path: Path) -> object:
        if isinstance(part, list):
            return [self._of(item, (*path, index)) for index, item in enumerate(part)]
        if not isinstance(part, Part):
            return part
        if part.number in self._recursive and path:
            self.asked.add((*path, "not"))
            return _asked(part)
        self._looks_back = self._looks_back or not _LOOKING_BACK.isdisjoint(part)
        terse: dict[str, object] = {}
        for keyword, value in part.items():
            if keyword in _ALTERNATIVES and isinstance(value, list):
                self._has_alternatives = True
                terse[keyword] = [_asked(branch) for branch in value]
            else:
                terse[keyword] = self._of(value, (*path, keyword))
        return terse


def _asked(schema: object) -> object:
    return {"not": {"not": schema}}
