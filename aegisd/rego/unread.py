"""Rules of the operators that nothing reads, such as a misspelt `denny contains …`.

The gate reads five sets of one package, and rules read rules. Whatever is not reached from there
never fires, and its author believes it does.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from msgspec import Struct

from aegisd.rego.module import Module, Reference

# Rules that are there to be run by hand and not to be read.
_TESTS = ("test_", "todo_test_")

Path = tuple[str | None, ...]


class Rule(Struct, frozen=True):
    """A rule as it is first defined: its file and line, its package as names, and its name."""

    path: str
    line: int
    package: tuple[str, ...]
    name: str


def first(
    modules: Sequence[Module], package: tuple[str, ...], roots: frozenset[str]
) -> Rule | None:
    """The first rule in `package` or below it that is not reached from `roots` of `package`.

    None where all are. Of a rule and the one that alone reads it, the reader is named.
    """
    rules: dict[Path, Rule] = {}
    reads: dict[Path, set[Path]] = {}
    for module in modules:
        for rule, paths in definitions(module):
            if module.package[: len(package)] == package:
                rules.setdefault((*rule.package, rule.name), rule)
            reads.setdefault((*rule.package, rule.name), set()).update(paths)
    edges = {
        reader: {name for name in rules if name != reader and any(_meet(name, p) for p in paths)}
        for reader, paths in reads.items()
    }
    spoken = {(*package, root) for root in roots}
    tests = {name for name, rule in rules.items() if rule.name.startswith(_TESTS)}
    unread = rules.keys() - _reached(edges, spoken | tests)
    named = {name for reader in unread for name in edges[reader]}
    candidates = [rules[name] for name in (unread - named or unread)]
    return min(candidates, key=lambda rule: (rule.path, rule.line), default=None)


def definitions(module: Module) -> Iterator[tuple[Rule, set[Path]]]:
    """Each statement that defines something: what it defines, and every path that it names."""
    aliases = {item.alias: item.reference for item in module.imports}
    places = [reference.token for reference in module.references]
    for start, end in module.spans():
        head = module.head(start)
        if module.tokens[start].text in ("package", "import") or head >= end:
            continue
        token = module.tokens[head]
        yield (
            Rule(module.path, token.line, module.package, token.text),
            {
                _absolute(module, aliases, reference)
                for reference in module.references[
                    bisect_right(places, head) : bisect_left(places, end)
                ]
            },
        )


def _absolute(module: Module, aliases: dict[str, Reference], reference: Reference) -> Path:
    """What a reference means in full, from below `data`."""
    if reference.root == "data":
        return reference.steps
    if reference.root in aliases:
        return (*aliases[reference.root].steps, *reference.steps)
    return (*module.package, reference.root, *reference.steps)


def _meet(rule: Path, path: Path) -> bool:
    """Whether a path reads a rule: goes to it, below it, or to a package that holds it.

    A computed step may be any name.
    """
    return all(step is None or name == step for name, step in zip(rule, path, strict=False))


def _reached(edges: dict[Path, set[Path]], roots: set[Path]) -> set[Path]:
    seen: set[Path] = set()
    left = list(roots)
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left += edges.get(name, ())
    return seen
