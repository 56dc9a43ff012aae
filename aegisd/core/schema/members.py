"""Keywords that apply subschemas to members and items, and the table of all that apply some."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from aegisd.core.schema import branches
from aegisd.core.schema.node import Applicator, Around, Keyword, Node, Reached, evaluated, every
from aegisd.core.schema.steps import Steps, TooCostly

# Drafts, by their year or number, from which on keywords are others.
D2019 = 2019
D2020 = 2020

# How many properties there are for each member, and members for each step.
_FEW = 8


def properties(argument: dict[str, Any], around: Around) -> Keyword:
    """`properties`. What tells branches apart is asked first."""
    nodes = {name: around.node(part) for name, part in argument.items()}
    asked = sorted(
        (inner.rank, name, inner.check)
        for name, inner in nodes.items()
        if inner.keywords or inner.never
    )
    checks = [(name, check) for _, name, check in asked]

    def check(value: object, steps: Steps) -> bool:
        if value.__class__ is not dict:
            return True
        members: dict[str, object] = value
        if len(checks) > _FEW * (1 + len(members)):
            steps.spend(8 + 4 * len(members))
            return all(
                nodes[name].check(inner, steps) for name, inner in members.items() if name in nodes
            )
        steps.left -= 1 + len(checks)
        if steps.left < 0:
            raise TooCostly
        for name, inner_check in checks:
            if name in members and not inner_check(members[name], steps):
                return False
        return True

    def reach(value: object, steps: Steps) -> Iterator[Reached]:
        for name in _both(nodes, value, steps):
            yield nodes[name], name, value[name]  # type: ignore[index]  # it has members

    return Keyword(name="properties", check=check, reach=reach, marks=partial(_both, nodes))


def _both(nodes: dict[str, Node], value: object, steps: Steps) -> list[str]:
    """The names of nodes that a value has as well."""
    if not isinstance(value, dict):
        return []
    few, many = (nodes, value) if len(nodes) < len(value) else (value, nodes)
    steps.spend(len(few) // 2)
    return [name for name in few if name in many]


def pattern_properties(argument: dict[str, Any], around: Around) -> Keyword:
    """`patternProperties`."""
    nodes = [(around.patterns.pattern(text), around.node(part)) for text, part in argument.items()]

    def reach(value: object, steps: Steps) -> Iterator[Reached]:
        for name, inner in value.items() if isinstance(value, dict) else ():
            steps.spend(len(nodes) * 8)
            for pattern, each in nodes:
                if pattern.search(name, steps):
                    yield each, name, inner

    def marks(value: object, steps: Steps) -> Iterable[str]:
        return [str(name) for _, name, _ in reach(value, steps)]

    return Keyword(name="patternProperties", check=every(reach), reach=reach, marks=marks)


def additional_properties(argument: object, around: Around) -> Keyword:
    """`additionalProperties`. If there may be none, that is what is told, not each of them."""
    names = frozenset(around.schema.get("properties", ()))
    patterns = [
        around.patterns.pattern(text) for text in around.schema.get("patternProperties", ())
    ]
    inner = around.node(argument)

    def reach(value: object, steps: Steps) -> Iterator[Reached]:
        for name, part in value.items() if isinstance(value, dict) else ():
            steps.spend(1 + len(patterns) * 8)
            if name not in names and not any(each.search(name, steps) for each in patterns):
                yield inner, name, part

    def check(value: object, steps: Steps) -> bool:
        if value.__class__ is dict and not patterns:
            steps.spend(len(value) // _FEW)
            if names.issuperset(value):
                return True
        return each_holds(value, steps)

    each_holds = every(reach)
    return Keyword(
        name="additionalProperties",
        check=check,
        reach=None if inner.never else reach,
        marks=_all_names,
        unknown=reach if inner.never else None,
    )


def property_names(argument: object, around: Around) -> Keyword:
    """`propertyNames`, told where the object is."""
    inner = around.node(argument)

    def reach(value: object, _: Steps) -> Iterator[Reached]:
        for name in value if isinstance(value, dict) else ():
            yield inner, None, name

    return Keyword(name="propertyNames", check=every(reach), reach=reach)


def prefix_items(argument: list[Any], around: Around) -> Keyword:
    """`prefixItems`, and the list form of `items`."""
    nodes = [around.node(part) for part in argument]

    def reach(value: object, _: Steps) -> Iterator[Reached]:
        if isinstance(value, list):
            for index, (inner, part) in enumerate(zip(nodes, value, strict=False)):
                yield inner, index, part

    def marks(value: object, _: Steps) -> Iterable[int]:
        return range(min(len(nodes), len(value))) if isinstance(value, list) else ()

    return Keyword(name="prefixItems", check=every(reach), reach=reach, marks=marks)


def items(argument: Any, around: Around) -> Keyword | None:  # noqa: ANN401  # a schema or a list of them
    """`items`, behind those that `prefixItems` names."""
    if around.draft < D2020 and isinstance(argument, list):
        return prefix_items(argument, around)
    start = len(around.schema.get("prefixItems", ())) if around.draft >= D2020 else 0
    return _rest("items", start, around.node(argument))


def additional_items(argument: object, around: Around) -> Keyword | None:
    """`additionalItems`, behind a list of `items`."""
    first = around.schema.get("items")
    if not isinstance(first, list):
        return None
    inner = around.node(argument)
    rest = _rest("additionalItems", len(first), inner)
    if not inner.never:
        return rest
    return Keyword(name=rest.name, check=rest.check, marks=rest.marks)


def _rest(name: str, start: int, inner: Node) -> Keyword:
    def check(value: object, steps: Steps) -> bool:
        if value.__class__ is not list:
            return True
        parts: list[object] = value[start:] if start else value
        steps.spend(1 + len(parts))
        inner_check = inner.check
        for part in parts:  # noqa: SIM110  # a generator costs as much as a few checks
            if not inner_check(part, steps):
                return False
        return True

    def reach(value: object, _: Steps) -> Iterator[Reached]:
        if isinstance(value, list):
            for index in range(start, len(value)):
                yield inner, index, value[index]

    return Keyword(name=name, check=check, reach=reach, marks=_all_indices)


def _contained(around: Around) -> Callable[[object, Steps], list[int]]:
    inner = around.node(around.schema["contains"])

    def found(value: object, steps: Steps) -> list[int]:
        parts = value if isinstance(value, list) else []
        steps.spend(4 + 3 * len(parts))
        return [index for index, part in enumerate(parts) if inner.check(part, steps)]

    return found


def contains(_: object, around: Around) -> Keyword:
    """`contains`, where `minContains` says nothing else."""
    found = _contained(around)
    counted = around.draft >= D2019 and "minContains" in around.schema

    def check(value: object, steps: Steps) -> bool:
        return counted or not isinstance(value, list) or bool(found(value, steps))

    return Keyword(name="contains", check=check, marks=found)


def _contains_so_many(name: str, sign: int) -> Applicator:
    def keyword(argument: int, around: Around) -> Keyword | None:
        if "contains" not in around.schema:
            return None
        found = _contained(around)

        def check(value: object, steps: Steps) -> bool:
            return not isinstance(value, list) or sign * len(found(value, steps)) >= sign * argument

        return Keyword(name=name, check=check)

    return keyword


def unevaluated(argument: object, around: Around, *, kind: type) -> Keyword:
    """`unevaluatedProperties` of objects, `unevaluatedItems` of arrays: what all else left."""
    inner = around.node(argument)

    def check(value: object, steps: Steps) -> bool:
        if value.__class__ is not kind:
            return True
        looked = evaluated(around.before, value, steps)
        steps.spend(2 * len(value))  # type: ignore[arg-type]  # it is an object or an array
        parts = value.items() if isinstance(value, dict) else enumerate(value)  # type: ignore[arg-type]  # as above
        return all(inner.check(part, steps) for at, part in parts if at not in looked)

    if kind is dict:
        return Keyword(name="unevaluatedProperties", check=check, marks=_all_names)
    return Keyword(name="unevaluatedItems", check=check, marks=_all_indices)


def _all_names(value: object, _: Steps) -> Iterable[str]:
    return value if isinstance(value, dict) else ()


def _all_indices(value: object, _: Steps) -> Iterable[int]:
    return range(len(value)) if isinstance(value, list) else ()


# The keywords that apply subschemas, with the first and the last draft that has them, in the order
# in which they are asked, behind those that look at a value alone.
APPLICATORS: dict[str, tuple[Applicator, int, int]] = {
    "not": (branches.negation, 4, D2020),
    "properties": (properties, 4, D2020),
    "additionalProperties": (additional_properties, 4, D2020),
    "patternProperties": (pattern_properties, 4, D2020),
    "propertyNames": (property_names, 6, D2020),
    "prefixItems": (prefix_items, D2020, D2020),
    "items": (items, 4, D2020),
    "additionalItems": (additional_items, 4, D2019),
    "if": (branches.condition, 7, D2020),
    "then": (branches.branch("then", when=True), 7, D2020),
    "else": (branches.branch("else", when=False), 7, D2020),
    "dependentSchemas": (branches.dependent_schemas, D2019, D2020),
    "dependencies": (branches.dependent_schemas, 4, D2020),
    "allOf": (branches.all_of, 4, D2020),
    "anyOf": (branches.any_of, 4, D2020),
    "oneOf": (branches.one_of, 4, D2020),
    "contains": (contains, 6, D2020),
    "minContains": (_contains_so_many("minContains", 1), D2019, D2020),
    "maxContains": (_contains_so_many("maxContains", -1), D2019, D2020),
    # These look at what all others evaluated.
    "unevaluatedProperties": (partial(unevaluated, kind=dict), D2019, D2020),
    "unevaluatedItems": (partial(unevaluated, kind=list), D2019, D2020),
}
