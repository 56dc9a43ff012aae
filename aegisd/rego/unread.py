"""Rules of the operators that nothing reads, such as a misspelt `denny contains …`.

The gate reads five sets of one package, and rules read rules. Whatever is not reached from there
never fires, and its author believes it does.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

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
    rules, paths = collected(
        module for module in modules if module.package[: len(package)] == package
    )
    below = everything_below(rules)
    reads = {name: _places(named, rules, below) for name, named in paths.items()}
    spoken = {(*package, root) for root in roots}
    tests = {name for name, rule in rules.items() if rule.name.startswith(_TESTS)}
    unread = rules.keys() - _reached(reads, below, spoken | tests)
    named = _named(unread, reads)
    candidates = [rules[name] for name in (unread - named or unread)]
    return min(candidates, key=lambda rule: (rule.path, rule.line), default=None)


def collected(modules: Iterable[Module]) -> tuple[dict[Path, Rule], dict[Path, set[Path]]]:
    """Every rule by its full name as it is first defined, and every path that it names anywhere."""
    rules: dict[Path, Rule] = {}
    paths: dict[Path, set[Path]] = {}
    for module in modules:
        for rule, named in definitions(module):
            name: Path = (*rule.package, rule.name)
            rules.setdefault(name, rule)
            paths.setdefault(name, set()).update(named)
    return rules, paths


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
                absolute(module, aliases, reference)
                for reference in module.references[
                    bisect_right(places, head) : bisect_left(places, end)
                ]
            },
        )


def absolute(module: Module, aliases: dict[str, Reference], reference: Reference) -> Path:
    """What a reference means in full, from below `data`."""
    if reference.root == "data":
        return reference.steps
    if reference.root in aliases:
        return (*aliases[reference.root].steps, *reference.steps)
    return (*module.package, reference.root, *reference.steps)


def plain(path: Path) -> Path:
    """A path up to its first computed step, which may be any name, as may all behind it."""
    return path[: path.index(None)] if None in path else path


def everything_below(names: Iterable[Path]) -> dict[Path, list[Path]]:
    """The names that start with each path that some name starts with, themselves too."""
    below: dict[Path, list[Path]] = {}
    for name in names:
        for length in range(len(name) + 1):
            below.setdefault(name[:length], []).append(name)
    return below


def _places(
    paths: Iterable[Path], rules: Mapping[Path, Rule], below: Mapping[Path, list[Path]]
) -> set[Path]:
    """Where paths lead: to rules, into their values, or to what holds rules.

    Places and not rules, so that many readers of one package cost no more than one.
    """
    found: set[Path] = set()
    for path in map(plain, paths):
        found |= {path[:length] for length in range(len(path))} & rules.keys()
        found |= {path} & below.keys()
    return found


def _reached(
    reads: Mapping[Path, set[Path]], below: Mapping[Path, list[Path]], roots: set[Path]
) -> set[Path]:
    seen = set(roots)
    places: set[Path] = set()
    left = list(roots)
    while left:
        for place in reads.get(left.pop(), set()) - places:
            places.add(place)
            fresh = [name for name in below[place] if name not in seen]
            seen.update(fresh)
            left += fresh
    return seen


def _named(unread: AbstractSet[Path], reads: Mapping[Path, set[Path]]) -> set[Path]:
    """Those of the unread rules that another of them reads."""
    readers: dict[Path, set[Path]] = {}
    for name in unread:
        for place in reads[name]:
            readers.setdefault(place, set()).add(name)
    return {
        name
        for name in unread
        for length in range(len(name) + 1)
        if len(others := readers.get(name[:length], set())) > (name in others)
    }
