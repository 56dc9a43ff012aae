"""Paths of the operators' rules that nothing answers, such as a misspelt `data.aegis.rules.hepler`.

Rego takes such a path for a value that is missing, so the rule that reads it never holds.
"""

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter

from aegisd.core.errors import PolicyInvalid
from aegisd.core.nearest import nearest
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.rego.module import Module, Reference
from aegisd.rego.portable import declared
from aegisd.rego.unread import Path, absolute, definitions, plain


def check(modules: Sequence[Module], package: tuple[str, ...]) -> None:
    """Raise `PolicyInvalid`, naming file and line, for a path below `package` that leads nowhere.

    A path may go to a rule, on into its value, or to a package. What follows a computed step is
    not known here.
    """
    rules = {(*rule.package, rule.name) for module in modules for rule, _ in definitions(module)}
    named: set[Path] = {*rules, *(module.package for module in modules)}
    known = {name[:length] for name in named for length in range(len(name) + 1)}
    for module in modules:
        if not module.path.startswith(OPERATOR_PREFIX):
            continue
        unanswered = [
            (reference, path)
            for reference, path in _full_paths(module, package)
            if path not in known and not any(path[:end] in rules for end in range(len(path)))
        ]
        # Where each statement starts, and its variables and parameters.
        spans = module.spans() if unanswered else ()
        variables = [(start, declared(module, start, end)) for start, end in spans]
        for reference, path in unanswered:
            here = bisect_right(variables, reference.token, key=itemgetter(0)) - 1
            if reference.root == "data" or here < 0 or reference.root not in variables[here][1]:
                _refuse(module, reference, path, known)


def _full_paths(module: Module, package: tuple[str, ...]) -> list[tuple[Reference, Path]]:
    """The references through `data` or an import that lead below `package`, and where they do."""
    aliases = {item.alias: item.reference for item in module.imports}
    heads = {module.head(start) for start, _ in module.spans()}
    full = [
        (reference, plain(absolute(module, aliases, reference)))
        for reference in module.references
        if reference.token not in heads and (reference.root == "data" or reference.root in aliases)
    ]
    return [(reference, path) for reference, path in full if path[: len(package)] == package]


def _refuse(module: Module, reference: Reference, path: Path, known: set[Path]) -> None:
    """Refuse with the nearest name beside the first one that is not known."""
    length = max(length for length in range(len(path)) if path[:length] in known)
    beside = {str(name[-1]) for name in known if name[:-1] == path[:length] and name}
    names = map(str, path[:length])
    hint = (
        f"the nearest is {'.'.join(['data', *names, nearest(str(path[length]), beside)])}"
        if beside
        else f"package {'.'.join(names)} is empty"
    )
    raise PolicyInvalid(
        f"{module.path}:{reference.line}: no rule and no package answers "
        f"{'.'.join(['data', *map(str, path)])}, so what reads it never holds: {hint}"
    )
