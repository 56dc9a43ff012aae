"""Rules that come back to themselves, which Rego forbids and engines punish: one dies of it.

rego-cpp fails when such a rule is asked, regorus runs out of stack and takes the process with it.
"""

from collections.abc import Iterable, Mapping, Sequence

from aegisd.core.errors import PolicyInvalid
from aegisd.rego.module import Module
from aegisd.rego.unread import Path, Rule, definitions

# Rules that read rules that read rules. People write five levels; an engine's stack holds some
# thousands, each with its expression inside.
LEVELS_MAX = 128


def check(modules: Sequence[Module]) -> None:
    """Raise `PolicyInvalid`, naming file and line, for recursion and for more than LEVELS_MAX."""
    rules, reads = _graph(modules)
    levels = _levels(reads)
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


def _graph(modules: Sequence[Module]) -> tuple[dict[Path, Rule], dict[Path, set[Path]]]:
    """Every rule by its full name, and the rules that each one reads."""
    rules: dict[Path, Rule] = {}
    paths: dict[Path, set[Path]] = {}
    for module in modules:
        for rule, named in definitions(module):
            name: Path = (*rule.package, rule.name)
            rules.setdefault(name, rule)
            paths.setdefault(name, set()).update(named)
    below: dict[Path, set[Path]] = {}
    for name in rules:
        for length in range(len(name) + 1):
            below.setdefault(name[:length], set()).add(name)
    return rules, {name: _read(named, below) for name, named in paths.items()}


def _read(paths: Iterable[Path], below: Mapping[Path, set[Path]]) -> set[Path]:
    """The rules that some paths lead to: at a path, below it, or on the way to it."""
    found: set[Path] = set()
    for path in paths:
        plain = path[: path.index(None)] if None in path else path
        found |= below.get(plain, set())
        for length in range(len(plain)):
            found |= below.get(plain[:length], set()) & {plain[:length]}
    return found


def _levels(reads: Mapping[Path, set[Path]]) -> dict[Path, int]:
    """The levels of rules that each one stands on, its own counted. Rules in circles have none."""
    readers: dict[Path, list[Path]] = {name: [] for name in reads}
    for name, named in reads.items():
        for other in named:
            readers[other].append(name)
    waiting = {name: len(named) for name, named in reads.items()}
    ready = [name for name, number in waiting.items() if number == 0]
    levels: dict[Path, int] = {}
    while ready:
        name = ready.pop()
        levels[name] = 1 + max((levels[other] for other in reads[name]), default=0)
        for reader in readers[name]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ready.append(reader)
    return levels


def _cycle(name: Path, reads: Mapping[Path, set[Path]], levels: Mapping[Path, int]) -> list[Path]:
    """A circle of rules that `name` is in or leads to, its first rule also last."""
    walked: list[Path] = []
    while name not in walked:
        walked.append(name)
        name = min((other for other in reads[name] if other not in levels), key=str)
    return [*walked[walked.index(name) :], name]
