"""A denial in the words of its call and manifest: what was wanted there, and what is listed.

Rules compare, and give a few values. What a schema expects, whose word is refused and which roots
there are is told from here: names of the manifest, of programs and of options, and no value.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from aegisd.core.manifest.model import Manifest, recipient_lists
from aegisd.core.policy.input import Findings
from aegisd.core.target.model import PROGRAM_CHARS_MAX, Problem
from aegisd.core.wording import bounded, listed

# Programs that are named: the fourth may be the one that was meant.
_PROGRAMS = 8

# Characters of one root, host or program of several.
_NAME_CHARACTERS_MAX = 64

# What a program's name may look like to be told; whatever else stands there may be a text.
_PROGRAM = re.compile(rf"[A-Za-z0-9_./+-]{{1,{PROGRAM_CHARS_MAX}}}")

_TARGETS = {
    "aegis.egress.problem": "host",
    "aegis.path.problem": "path",
    "aegis.exec.problem": "command",
    "aegis.recipient.problem": "recipient",
}

# That nothing was found is said twice, by a rule and by a problem of this code.
_NONE_FOUND = "no_command"

# That nothing was found, and that something cannot be read.
_EMPTY = {
    "aegis.egress.no_host": "aegis.egress.problem",
    "aegis.exec.no_command": "aegis.exec.problem",
}


class Claim(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reason as rules give it; `data` are the values that its sentence names."""

    code: str
    rule: str
    where: str = ""
    data: dict[str, object] = {}
    message: str | None = None


def once(claims: Iterable[Claim], findings: Findings) -> list[Claim]:
    """The claims without those that only follow from others, which stay.

    Nothing is found where a text cannot be read, and what is no listed program need not be told
    its words.
    """
    claims = list(claims)
    rules = {each.rule for each in claims if each.data.get("problem") != _NONE_FOUND}
    unlisted = {_program(each) for each in claims if each.rule == "aegis.exec.binary"}

    def follows(claim: Claim) -> bool:
        if claim.data.get("problem") == _NONE_FOUND:
            return not rules.isdisjoint({"aegis.exec.problem", "aegis.exec.no_command"})
        if claim.rule in _EMPTY:
            return _EMPTY[claim.rule] in rules
        if claim.rule == "aegis.exec.argument":
            return _program(claim) in unlisted
        found = _problems(claim, findings) if claim.rule == "aegis.exec.problem" else []
        return bool(found) and all((each.where, each.program) in unlisted for each in found)

    return [claim for claim in claims if not follows(claim)]


def _program(claim: Claim) -> tuple[str, str]:
    return claim.where, str(claim.data.get("binary"))[:PROGRAM_CHARS_MAX]


def _problems(claim: Claim, findings: Findings) -> list[Problem]:
    """What the claim is about."""
    about = (_TARGETS.get(claim.rule), claim.data.get("problem"), claim.where)
    return [each for each in findings.problems if (each.target, each.code, each.where) == about]


def whose(claim: Claim, findings: Findings) -> str:
    """The programs and options whose words cannot be read, as the beginning of a sentence."""
    found = _problems(claim, findings)
    named = [f"{each.program} {each.option}".strip() for each in found if _is_name(each.program)]
    return f"{listed(dict.fromkeys(named))}: " if named else ""


def _is_name(program: str) -> bool:
    return _PROGRAM.fullmatch(program) is not None


def detail(claim: Claim, findings: Findings) -> str:
    """What the schema expects at the place of a breach; "" for another claim."""
    if claim.rule != "aegis.args.schema":
        return ""
    rule = claim.data.get("rule")
    wanted = next(
        (e.wanted for e in findings.breaches if (e.where, e.rule) == (claim.where, rule)), ""
    )
    return f"{bounded(claim.where)}: {wanted or f'rule {rule}'}"


def step(claim: Claim, manifest: Manifest) -> str | None:
    """What to do next, with what the manifest lists; None where it lists nothing about it."""
    told = _STEPS.get(claim.rule)
    return None if told is None else told(claim.data, manifest)


def _path(data: Mapping[str, Any], manifest: Manifest) -> str:
    fs, access = manifest.fs, data.get("access")
    field = "fs.read_roots" if access in {"read", "load"} else "fs.write_roots"
    listed_there = fs.read_roots if field == "fs.read_roots" else fs.write_roots
    roots = _outer((*fs.read_roots, *fs.write_roots) if access == "read" else listed_there)
    if not roots:
        return f"ask an operator to add its folder to `{field}`, which is empty"
    is_absolute = str(data.get("path")).startswith("/")
    if any(root.startswith("/") is is_absolute for root in roots):
        use = f"use a path inside {_listed(roots)}"
    elif is_absolute:
        use = f"write it relative, inside {_listed(roots)}"
    else:
        return (
            f"write it absolute, inside {_listed(roots)}; an operator who adds `.` to `{field}` "
            "allows relative names"
        )
    return f"{use}, or ask an operator to add its folder to `{field}`"


def _outer(roots: Iterable[str]) -> list[str]:
    """The roots that are inside no other one."""
    kept: list[str] = []
    for root in sorted(roots):
        if not kept or not f"{root}/".startswith(f"{kept[-1].rstrip('/')}/"):
            kept.append(root)
    return kept


def _host(_: Mapping[str, Any], manifest: Manifest) -> str:
    # An entry with a scheme is of no use to what is asked for here.
    domains = [each for each in manifest.net.domains if "://" not in each]
    use = f"use a listed host ({_listed(domains)}), or " if domains else ""
    return f"{use}ask an operator to add this one to `net.domains`"


def _binary(data: Mapping[str, Any], manifest: Manifest) -> str:
    names = dict.fromkeys(each.name for each in manifest.exec.binaries)
    if data.get("binary") == "cd":
        return (
            "`cd` needs an entry like a program, since all behind it runs elsewhere: do without, "
            'or ask an operator to add {"name": "cd", "args": ["*"]} to `exec.binaries`'
        )
    use = (
        f"run a listed program ({listed(names, _NAME_CHARACTERS_MAX, _PROGRAMS)}), or "
        if names
        else ""
    )
    return f"{use}ask an operator to add this one to `exec.binaries`"


def _recipient(data: Mapping[str, Any], manifest: Manifest) -> str:
    entries = recipient_lists(manifest)
    listed_there = entries.get(str(data.get("list")), ()) if entries else ()
    # Domains, and no person who may be reached.
    domains = [each for each in listed_there if each.startswith("@")]
    use = f"write to somebody listed{f' ({_listed(domains)})' if domains else ''}"
    return (
        f"{use if listed_there else 'leave it out'}, or ask an operator to add this one to "
        "`recipients`"
    )


def _argument(data: Mapping[str, Any], manifest: Manifest) -> str:
    patterns = next(
        (each.args for each in manifest.exec.binaries if each.name == data.get("binary")), ()
    )
    use = f"use arguments that its patterns allow ({_listed(patterns)})"
    return (
        f"{use if patterns else 'run it without arguments'}, or ask an operator to widen its "
        "`args` in `exec.binaries`"
    )


_STEPS: Mapping[str, Callable[[Mapping[str, Any], Manifest], str]] = {
    "aegis.path.root": _path,
    "aegis.egress.host": _host,
    "aegis.exec.binary": _binary,
    "aegis.exec.argument": _argument,
    "aegis.recipient.listed": _recipient,
}


def _listed(names: Iterable[str]) -> str:
    return listed(tuple(names), _NAME_CHARACTERS_MAX)
