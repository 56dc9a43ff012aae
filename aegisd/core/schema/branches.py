"""Keywords that apply subschemas to the value itself: all of them, any, one, none, or if."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import structs

from aegisd.core.schema.node import (
    Applicator,
    Around,
    Check,
    Keyword,
    Node,
    Reached,
    anything,
    every,
)
from aegisd.core.schema.steps import Steps, TooCostly

# Texts that tell branches apart, and names of members that have them, of all branches of one
# keyword: a thousand kinds with a few each. Where there are more, every branch is asked.
TAGS_MAX = 8_192


def all_of(argument: list[Any], around: Around) -> Keyword:
    """`allOf`."""
    nodes = [around.node(part) for part in argument]
    checks = [each.check for each in nodes]

    def check(value: object, steps: Steps) -> bool:
        steps.spend(1 + len(checks))
        for each in checks:  # noqa: SIM110  # a generator costs as much as a few checks
            if not each(value, steps):
                return False
        return True

    place = _in_place("allOf", lambda value, _: ((each, None, value) for each in nodes))
    return structs.replace(place, check=check, here=tuple(nodes))


class _Branches:
    """The branches of `anyOf` and `oneOf`; of a value, those that its class and tag leave open.

    Branches mostly say a type, and of an object what one member has to be, `{"kind": {"const":
    …}}`: of the name that most of them do so for, only those that say its value are asked.
    """

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = tuple(nodes)
        self._of_class: dict[type, list[Node]] = {}
        self._name = ""
        self._tagged: dict[str, list[Node]] = {}
        self._untagged: list[Node] = []

    def of(self, value: object, steps: Steps) -> Iterable[Node]:
        """The branches that may hold of a value."""
        found = self._of_class[value.__class__]
        if value.__class__ is dict and self._name:
            tag = value.get(self._name)
            if tag.__class__ is str:
                found = [*self._tagged.get(tag, ()), *self._untagged]
        steps.left -= 3 + 2 * len(found)
        if steps.left < 0:
            raise TooCostly
        return found

    def sort(self) -> None:
        """Sort the branches, once those are ready that are references."""
        meant = [(node, node.meant()) for node in self.nodes]
        self._of_class = {
            kind: [node for node, of in meant if of.classes is None or kind in of.classes]
            for kind in (type(None), bool, int, float, str, list, dict)
        }
        objects = [
            (node, of.tags) for node, of in meant if of.classes is None or dict in of.classes
        ]
        if _few(tags for _, tags in objects):
            self._tag(objects)

    def _tag(self, objects: list[tuple[Node, dict[str, frozenset[str]]]]) -> None:
        names = Counter(name for _, tags in objects for name in tags)
        name = max(sorted(names), key=names.__getitem__, default="")
        self._untagged = [node for node, tags in objects if name not in tags]
        for node, tags in objects:
            for text in tags.get(name, ()):
                self._tagged.setdefault(text, []).append(node)
        self._name = name


def _few(tags: Iterable[dict[str, frozenset[str]]]) -> bool:
    """Whether there are at most `TAGS_MAX`; many branches may refer to one that has thousands."""
    found = 0
    for each in tags:
        found += len(each) + sum(map(len, each.values()))
        if found > TAGS_MAX:
            return False
    return True


def any_of(argument: list[Any], around: Around) -> Keyword:
    """`anyOf`: one question, whose branches are not told of."""
    branches = _Branches([around.node(part) for part in argument])

    def check(value: object, steps: Steps) -> bool:
        for each in branches.of(value, steps):  # noqa: SIM110  # a generator costs as much as some
            if each.check(value, steps):
                return True
        return False

    return _either("anyOf", check, branches)


def one_of(argument: list[Any], around: Around) -> Keyword:
    """`oneOf`, as `anyOf`."""
    branches = _Branches([around.node(part) for part in argument])

    def check(value: object, steps: Steps) -> bool:
        found = False
        for each in branches.of(value, steps):
            if each.check(value, steps):
                if found:
                    return False
                found = True
        return found

    return _either("oneOf", check, branches)


def _either(name: str, check: Check, branches: _Branches) -> Keyword:
    def holds(value: object, steps: Steps) -> Iterator[Node]:
        return (each for each in branches.of(value, steps) if each.check(value, steps))

    return Keyword(name=name, check=check, holds=holds, here=branches.nodes, is_ready=branches.sort)


def negation(argument: object, around: Around) -> Keyword:
    """`not`."""
    inner = around.node(argument)

    def check(value: object, steps: Steps) -> bool:
        steps.spend(1)
        return not inner.check(value, steps)

    return Keyword(name="not", check=check, here=(inner,))


def condition(argument: object, around: Around) -> Keyword:
    """`if`, which says nothing but what it evaluated."""
    inner = around.node(argument)

    def holds(value: object, steps: Steps) -> Iterator[Node]:
        return (each for each in (inner,) if each.check(value, steps))

    return Keyword(name="if", check=anything, holds=holds, here=(inner,))


def branch(name: str, *, when: bool) -> Applicator:
    """`then` and `else`, beside `if`."""

    def keyword(argument: object, around: Around) -> Keyword | None:
        if "if" not in around.schema:
            return None
        asked, inner = around.node(around.schema["if"]), around.node(argument)

        def reach(value: object, steps: Steps) -> Iterator[Reached]:
            steps.spend(2)
            if asked.check(value, steps) is when:
                yield inner, None, value

        return structs.replace(_in_place(name, reach), here=(asked, inner))

    return keyword


def dependent_schemas(argument: dict[str, Any], around: Around) -> Keyword:
    """`dependentSchemas`, and the schemas in `dependencies`."""
    nodes = {
        name: around.node(part) for name, part in argument.items() if not isinstance(part, list)
    }

    def reach(value: object, steps: Steps) -> Iterator[Reached]:
        if isinstance(value, dict):
            steps.spend(len(value))
            for name in value:
                if name in nodes:
                    yield nodes[name], None, value

    name = (
        "dependentSchemas" if argument is around.schema.get("dependentSchemas") else "dependencies"
    )
    return structs.replace(_in_place(name, reach), here=tuple(nodes.values()))


def _in_place(name: str, reach: Callable[[object, Steps], Iterator[Reached]]) -> Keyword:
    def holds(value: object, steps: Steps) -> Iterator[Node]:
        return (each for each, _, _ in reach(value, steps))

    return Keyword(name=name, check=every(reach), reach=reach, holds=holds)
