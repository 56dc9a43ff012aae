"""A schema made ready: its keywords, each a question, and what else is asked of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from aegisd.core.schema.pattern import Patterns
from aegisd.core.schema.steps import Steps, TooCostly

Check = Callable[[object, Steps], bool]

# References behind each other that are followed to see what a branch is.
_REFERRED = 8

# A subschema, the name or index of what it is applied to (None for the value itself), and that.
Reached = tuple["Node", str | int | None, object]


class Keyword(Struct, frozen=True, kw_only=True):
    """One keyword of a schema.

    `reach`, where every subschema it reaches has to hold: which. `marks` are the names or indices
    that it has evaluated, and `holds` the subschemas that hold of the value itself, both for
    `unevaluated…`. `here` are all that are asked of the value itself. `unknown` are members that
    may not be there. `is_ready` is called once when every subschema is ready. `schema` is the one
    it stands in, which says what it expects.
    """

    name: str
    check: Check
    reach: Callable[[object, Steps], Iterator[Reached]] | None = None
    marks: Callable[[object, Steps], Iterable[str | int]] | None = None
    holds: Callable[[object, Steps], Iterator["Node"]] | None = None
    here: tuple["Node", ...] = ()
    unknown: Callable[[object, Steps], Iterator[Reached]] | None = None
    schema: Mapping[str, Any] = {}
    is_ready: Callable[[], None] | None = None


class Around(Struct, frozen=True, kw_only=True):
    """What a keyword stands in: its schema, the draft, the manifest's patterns.

    `node` makes a subschema ready, and `before` are the keywords of this one that are. Any: the
    form of a schema was checked, so that each keyword's argument is what it has to be.
    """

    schema: dict[str, Any]
    draft: int
    uri: str
    patterns: Patterns
    node: Callable[[object], "Node"]
    before: tuple[Keyword, ...]


# What makes a keyword ready, from its argument and what it stands in; None if it says nothing.
Applicator = Callable[[Any, Around], Keyword | None]


class Node:
    """One schema. Who asks `check` counts a step for it; what takes more counts itself.

    `frames` is how deep a check goes below it, up to references. `rank` says what is asked first.
    `never` is true of the schema `false`. `tags` are the texts that a member may be, by its name,
    where the schema says that it is one of a few; `classes` those of values, None for any.
    """

    __slots__ = ("check", "classes", "frames", "keywords", "never", "rank", "tags")

    def __init__(self) -> None:
        self.check: Check = anything
        self.frames = 1
        self.rank = 0
        self.never = False
        self.classes: frozenset[type] | None = None
        self.tags: dict[str, frozenset[str]] = {}
        self.keywords: list[Keyword] = []

    def here(self) -> Iterator["Node"]:
        """The schemas that are asked of the same value."""
        return (inner for keyword in self.keywords for inner in keyword.here)

    def meant(self) -> "Node":
        """Itself, or what it refers to and says nothing beside, a few references further."""
        node = self
        for _ in range(_REFERRED):
            if len(node.keywords) == 1 and node.keywords[0].name == "$ref":
                (node,) = node.keywords[0].here
        return node

    def close(self, keywords: list[Keyword]) -> None:
        """Take the keywords, in the order in which they are asked."""
        self.keywords = keywords
        checks = tuple(keyword.check for keyword in keywords if keyword.check is not anything)
        if len(checks) == 1:
            self.check = checks[0]
        elif checks:
            self.check = _every(checks)


def anything(_value: object, _steps: Steps) -> bool:
    """Hold of every value."""
    return True


def _every(checks: tuple[Check, ...]) -> Check:
    first, second, *more = checks
    rest = tuple(more)
    cost = len(checks)

    def check(value: object, steps: Steps) -> bool:
        steps.left -= cost
        if steps.left < 0:
            raise TooCostly
        if not (first(value, steps) and second(value, steps)):
            return False
        for each in rest:  # noqa: SIM110  # a generator costs as much as a few checks
            if not each(value, steps):
                return False
        return True

    return check


def _never(_value: object, _steps: Steps) -> bool:
    return False


ANYTHING = Node()
NOTHING = Node()
NOTHING.check = _never
NOTHING.never = True


def every(reach: Callable[[object, Steps], Iterator[Reached]]) -> Check:
    """The check of a keyword all of whose subschemas have to hold."""

    def check(value: object, steps: Steps) -> bool:
        for node, _, inner in reach(value, steps):
            steps.left -= 5
            if steps.left < 0:
                raise TooCostly
            if not node.check(inner, steps):
                return False
        return True

    return check


def evaluated(keywords: Iterable[Keyword], value: object, steps: Steps) -> set[str | int]:
    """The names or indices that these keywords, which hold, have evaluated."""
    found: set[str | int] = set()
    for keyword in keywords:
        if keyword.marks is not None:
            marked = list(keyword.marks(value, steps))
            steps.spend(8 + len(marked) // 2)
            found.update(marked)
        if keyword.holds is not None:
            for node in keyword.holds(value, steps):
                steps.spend(8)
                steps.enter(2)
                inside = evaluated(node.keywords, value, steps)
                steps.spend(len(inside) // 2)
                found |= inside
                steps.frames += 2
    return found


def tell(
    node: Node,
    value: object,
    path: tuple[str | int, ...],
    steps: Steps,
    told: Callable[[tuple[str | int, ...], Keyword, object], None],
) -> None:
    """Say where each keyword is that a value breaks, and what it breaks it with.

    Raises `TooCostly`, or what `told` raises.
    """
    steps.enter(2)
    for keyword in node.keywords:
        steps.spend(3)
        if keyword.reach is None:
            if not keyword.check(value, steps):
                told(path, keyword, value)
            continue
        for inner, at, part in keyword.reach(value, steps):
            steps.spend(8)
            below = path if at is None else (*path, at)
            if inner.never:
                told(below, keyword, part)
            else:
                tell(inner, part, below, steps, told)
    steps.frames += 2
