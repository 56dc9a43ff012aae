"""A JSON Schema made ready once, which judges values within a bound on steps.

Drafts 4 to 2020-12, as `$schema` says; 2020-12 where it says nothing. Its form is checked by the
draft's own schema, formats by the same library; everything else by a walk of our own, so that
what is counted is what is done. A reference that leaves the schema is refused: nothing is fetched.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
from msgspec import structs

from aegisd.core.errors import ManifestInvalid
from aegisd.core.schema.document import NAMED_SCHEMAS, REFERENCES, Document, Part
from aegisd.core.schema.expectation import expected
from aegisd.core.schema.keywords import KEYWORDS, classes
from aegisd.core.schema.members import APPLICATORS, D2019, D2020
from aegisd.core.schema.node import ANYTHING, NOTHING, Around, Keyword, Node, Reached, tell
from aegisd.core.schema.pattern import Patterns
from aegisd.core.schema.steps import Steps, TooCostly

# Characters of a reason; a schema may be told back in it, and that be long.
REASON_CHARACTERS_MAX = 512

# Steps of a value that is judged where the stack stands. Python takes the stack in pieces, and asks
# the system for one at each call across the end of a piece: ten microseconds, so ten milliseconds.
AT_EASE_STEPS_MAX = 1_024

# Slots of a frame that brings a piece of its own, with room behind it for `FRAMES_MAX` others.
_FRAME_SLOTS = 17_000

Place = tuple[tuple[str | int, ...], str]

# A place, the keyword that is broken there, and what it expects.
Breach = tuple[tuple[str | int, ...], str, str]

_2020_12 = "https://json-schema.org/draft/2020-12/schema"
_DRAFTS = {
    "draft-04/schema": 4,
    "draft-06/schema": 6,
    "draft-07/schema": 7,
    "draft/2019-09/schema": D2019,
}

# Keywords of drafts later than the fourth that look at a value alone.
_SINCE = {"const": 6, "dependentRequired": D2019}

# Where the value of a keyword holds schemas: itself or a list of them.
_SCHEMAS = frozenset(
    {"additionalItems", "additionalProperties", "allOf", "anyOf", "contains", "else", "if"}
    | {"items", "not", "oneOf", "prefixItems", "propertyNames", "then", "unevaluatedItems"}
    | {"unevaluatedProperties"}
)

_REFERENCE_RANK = 1_000


class Schema:
    """One schema. Raises `ManifestInvalid` for one that cannot be applied."""

    def __init__(self, schema: dict[str, Any], patterns: Patterns) -> None:
        self._uri = str(schema.get("$schema", _2020_12))
        self._draft = next((of for end, of in _DRAFTS.items() if end in self._uri), D2020)
        self._well_formed(schema)
        self._document = Document(schema)
        self._patterns = patterns
        self._placed: set[int] = set()
        self._unplaced(self._document.root)
        self._nodes: dict[int, Node] = {}
        self._ready: set[int] = set()
        self._pending: list[Part] = []
        self._root = self._node(self._document.root)
        while self._pending:
            self._node(self._pending.pop())
        _looped(list(self._nodes.values()))
        for node in self._nodes.values():
            for keyword in node.keywords:
                if keyword.is_ready is not None:
                    keyword.is_ready()

    def judge(self, value: object, most: int) -> list[Breach]:
        """What a value breaks, the first so many places of it; nothing where it is valid.

        Raises `TooCostly` where that takes more than `JUDGED_STEPS_MAX`, and nothing was found.
        """
        try:
            return self._judge(value, most, Steps(AT_EASE_STEPS_MAX))
        except TooCostly:
            return _roomy(lambda: self._judge(value, most, Steps()))

    def _judge(self, value: object, most: int, steps: Steps) -> list[Breach]:
        steps.frames -= self._root.frames
        try:
            return [] if self._root.check(value, steps) else self._told(value, most, steps)
        finally:
            steps.close()

    def _told(self, value: object, most: int, steps: Steps) -> list[Breach]:
        found: dict[Place, str] = {}

        def told(path: tuple[str | int, ...], keyword: Keyword, value: object) -> None:
            if (path, keyword.name) not in found:
                found[path, keyword.name] = ""  # where telling more is too costly
                found[path, keyword.name] = expected(keyword, value, steps)
            if len(found) == most:
                raise _Enough

        try:
            tell(self._root, value, (), steps, told)
        except _Enough:
            pass
        except TooCostly:
            if not found:
                raise
        return [(*place, wanted) for place, wanted in found.items()] or [((), "", "")]

    def _well_formed(self, schema: dict[str, Any]) -> None:
        try:
            jsonschema_rs.meta.validate(schema)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ManifestInvalid(reason[:REASON_CHARACTERS_MAX]) from None

    # Any: what stands there may be any JSON.
    def _unplaced(self, schema: Any) -> Any:  # noqa: ANN401
        """A copy of what may stand for a schema, without those in it that have a place already.

        They all have one from now on: references that lead into one another are no dearer than one.
        """
        if isinstance(schema, list):
            return [self._unplaced(each) for each in schema]
        if not isinstance(schema, Part):
            return schema
        if schema.number in self._placed:
            return {}
        self._placed.add(schema.number)
        copy = dict(schema)
        for name, value in schema.items():
            if name in _SCHEMAS:
                copy[name] = self._unplaced(value)
            elif name in NAMED_SCHEMAS and isinstance(value, dict):
                copy[name] = {key: self._unplaced(each) for key, each in value.items()}
        return copy

    def _node(self, schema: object) -> Node:
        """The node of a subschema, made ready at once."""
        if not isinstance(schema, Part):
            return NOTHING if schema is False else ANYTHING
        node = self._nodes.setdefault(schema.number, Node())
        if schema.number not in self._ready:
            self._ready.add(schema.number)
            self._compile(schema, node)
        return node

    def _compile(self, part: Part, node: Node) -> None:
        inner: list[Node] = []

        def subschema(schema: object) -> Node:
            inner.append(self._node(schema))
            return inner[-1]

        node.close(self._keywords(part, subschema))
        if not self._is_reference(part):
            node.tags = self._tags(part)
            node.classes = classes(part.get("type"))
        node.rank += len(node.keywords) + sum(each.rank for each in inner)
        if any(keyword in part for keyword in REFERENCES):
            node.rank += _REFERENCE_RANK
        node.frames = 3 + max((each.frames for each in inner), default=0)

    def _tags(self, part: Part) -> dict[str, frozenset[str]]:
        """The texts that members may be, by name, of those that may be nothing else."""
        tags: dict[str, frozenset[str]] = {}
        for name, inner in part.get("properties", {}).items():
            if not isinstance(inner, Part) or self._is_reference(inner):
                continue
            options = inner.get("enum", (None,))
            if "const" in inner and self._draft >= _SINCE["const"]:
                options = (inner["const"],)
            if all(isinstance(option, str) for option in options):
                tags[name] = frozenset(options)
        return tags

    def _keywords(self, part: Part, node: Callable[[object], Node]) -> list[Keyword]:
        around = Around(
            schema=part,
            draft=self._draft,
            uri=self._uri,
            patterns=self._patterns,
            node=node,
            before=(),
        )
        keywords = [self._reference(part, name) for name in REFERENCES if self._refers(part, name)]
        if self._is_reference(part):
            return keywords
        for name, leaf in KEYWORDS.items():
            if name in part and self._draft >= _SINCE.get(name, 0):
                check = leaf(part[name], around)
                if check is not None:
                    keywords.append(Keyword(name=name, check=check, schema=part))
        for name, (applicator, first, last) in APPLICATORS.items():
            if name in part and first <= self._draft <= last:
                around = structs.replace(around, before=tuple(keywords))
                keyword = applicator(part[name], around)
                if keyword is not None:
                    keywords.append(structs.replace(keyword, schema=part))
        return keywords

    def _is_reference(self, part: Part) -> bool:
        """Whether nothing but its reference counts."""
        return self._draft < D2019 and "$ref" in part

    def _refers(self, part: Part, name: str) -> bool:
        """Whether a keyword is a reference in this draft."""
        drafts = {"$ref": self._draft, "$recursiveRef": D2019, "$dynamicRef": D2020}
        return name in part and drafts[name] == self._draft

    def _reference(self, part: Part, name: str) -> Keyword:
        target = self._target(self._document.target(part, name, str(part[name])))

        def check(value: object, steps: Steps) -> bool:
            frames = target.frames
            steps.left -= 3
            steps.frames -= frames
            if steps.left < 0 or steps.frames < 0:
                raise TooCostly
            held = target.check(value, steps)
            steps.frames += frames
            return held

        def reach(value: object, _: Steps) -> Iterator[Reached]:
            yield target, None, value

        def holds(_: object, __: Steps) -> Iterator[Node]:
            yield target

        return Keyword(name=name, check=check, reach=reach, holds=holds, here=(target,))

    def _target(self, schema: object) -> Node:
        """The node that a reference means, which is made ready later."""
        if not isinstance(schema, Part):
            return NOTHING if schema is False else ANYTHING
        if schema.number not in self._placed:
            # The draft's schema has not looked there, where by its word no schema stands.
            self._well_formed({**self._unplaced(schema), "$schema": self._uri})
        if schema.number not in self._nodes:
            self._nodes[schema.number] = Node()
            self._pending.append(schema)
        return self._nodes[schema.number]


def _roomy(judge: Callable[[], list[Breach]]) -> list[Breach]:
    return judge()


_roomy.__code__ = _roomy.__code__.replace(co_stacksize=_FRAME_SLOTS)


class _Enough(Exception):
    """Nothing is wrong: so many breaches were found."""


def _looped(nodes: list[Node]) -> None:
    """Refuse schemas that come back to themselves for the same value, which never ends."""
    waits: dict[Node, int] = dict.fromkeys(nodes, 0)
    for node in nodes:
        for inner in node.here():
            waits[inner] = waits.get(inner, 0) + 1
    free = [node for node, count in waits.items() if not count]
    while free:
        for inner in free.pop().here():
            waits[inner] -= 1
            if not waits[inner]:
                free.append(inner)
    if any(waits.values()):
        raise ManifestInvalid(
            "a schema refers to itself for the same value, which never ends; refer to it from a "
            "property or an item"
        )
