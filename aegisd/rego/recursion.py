"""Rules that come back to themselves, which Rego forbids and engines punish: one dies of it.

rego-cpp fails when such a rule is asked, regorus runs out of stack and takes the process with it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aegisd.core.errors import PolicyInvalid
from aegisd.rego.module import Module
from aegisd.rego.unread import Path, Rule, collected, everything_below, plain

# Rules that read rules that read rules. People write five levels; an engine's stack holds some
# thousands, each with its expression inside.
LEVELS_MAX = 128

# Brackets inside brackets, summed over those levels: an engine calls itself for each. On a stack of
# 8 MB about 4,000 are too many; a thread may have a quarter of that.
DEPTH_MAX = 512


class _Place(NamedTuple):
    """Where a path leads: all rules there and below."""

    path: Path


Node = Path | _Place


def check(modules: Sequence[Module]) -> None:
    """Raise `PolicyInvalid`, naming file and line, for recursion and for what stands too high.

    That is a rule on more than `LEVELS_MAX` levels of rules, or on more than `DEPTH_MAX` brackets.
    """
    rules, reads = _graph(modules)
    levels = _levels(reads, dict.fromkeys(rules, 1))
    depths = _levels(reads, _brackets(modules))
    for name, rule in rules.items():
        if name not in levels:
            circle = _cycle(name, reads, levels)
            first = rules[circle[0]]
            told = " reads ".join(".".join(map(str, step)) for step in circle)
            raise PolicyInvalid(
                f"{first.path}:{first.line}: {told}: a rule may not come back to "
                "itself; where it is a variable that has the name of a rule, rename it"
            )
        if levels[name] > LEVELS_MAX:
            raise PolicyInvalid(
                f"{rule.path}:{rule.line}: {rule.name} stands on more than LEVELS_MAX = "
                f"{LEVELS_MAX} levels of rules"
            )
        if depths[name] > DEPTH_MAX:
            raise PolicyInvalid(
                f"{rule.path}:{rule.line}: {rule.name} and the rules it stands on nest more than "
                f"DEPTH_MAX = {DEPTH_MAX} brackets; write fewer inside each other"
            )


def _brackets(modules: Sequence[Module]) -> dict[Path, int]:
    """How deep the brackets of each rule are inside each other, and one for the rule."""
    found: dict[Path, int] = {}
    for module in modules:
        for start, end in module.spans():
            head = module.head(start)
            if head < end:
                name = (*module.package, module.tokens[head].text)
                depth = 1 + max(token.depth for token in module.tokens[start:end])
                found[name] = max(depth, found.get(name, 0))
    return found


def _graph(modules: Sequence[Module]) -> tuple[dict[Path, Rule], dict[Node, set[Node]]]:
    """Every rule by its full name, and what each one reads.

    Those are the rules that a path leads to: on the way to it, and by its place all that are at it
    or below, so that many readers of one place cost no more than one.
    """
    rules, paths = collected(modules)
    below = everything_below(rules)
    reads: dict[Node, set[Node]] = {name: set() for name in rules}
    for name, named in paths.items():
        for path in map(plain, named):
            reads[name].update({path[:length] for length in range(len(path))} & rules.keys())
            if path in below:
                reads[name].add(_Place(path))
                reads[_Place(path)] = set(below[path])
    return rules, reads


def _levels(reads: Mapping[Node, set[Node]], weights: Mapping[Path, int]) -> dict[Node, int]:
    """The weight of the heaviest chain of rules below each one, its own counted; places have none.

    Rules in circles are not there.
    """
    readers: dict[Node, list[Node]] = {name: [] for name in reads}
    for name, named in reads.items():
        for other in named:
            readers[other].append(name)
    waiting = {name: len(named) for name, named in reads.items()}
    ready = [name for name, number in waiting.items() if number == 0]
    levels: dict[Node, int] = {}
    while ready:
        name = ready.pop()
        own = 0 if isinstance(name, _Place) else weights.get(name, 1)
        levels[name] = own + max((levels[other] for other in reads[name]), default=0)
        for reader in readers[name]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ready.append(reader)
    return levels


def _cycle(name: Path, reads: Mapping[Node, set[Node]], levels: Mapping[Node, int]) -> list[Path]:
    """A circle of rules that `name` is in or leads to, its first rule also last."""
    walked: dict[Path, None] = {}
    while name not in walked:
        walked[name] = None
        name = min(_rules(name, reads) - levels.keys(), key=str)
    circle = list(walked)
    return [*circle[circle.index(name) :], name]


def _rules(name: Path, reads: Mapping[Node, set[Node]]) -> set[Path]:
    """The rules that a rule reads, by whatever place."""
    found: set[Path] = set()
    for other in reads[name]:
        named = reads[other] if isinstance(other, _Place) else {other}
        found |= {node for node in named if not isinstance(node, _Place)}
    return found
