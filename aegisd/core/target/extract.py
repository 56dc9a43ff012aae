"""The one reading of a call's args."""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from aegisd.core.target.command import Programs, commands
from aegisd.core.target.host import Names, hosts
from aegisd.core.target.model import (
    TARGETS_MAX,
    Command,
    Host,
    PathTarget,
    Problem,
    Recipient,
    Targets,
)
from aegisd.core.target.node import NODES_MAX, ROOT, walk
from aegisd.core.target.path import paths
from aegisd.core.target.recipient import REACHES_PEOPLE, Limits, recipients

Finding = Host | PathTarget | Command | Recipient | Problem

NO_PROGRAMS = Programs(binaries={})

_REACHES_HOSTS = frozenset({"net", "exec"})
_REACHES_PATHS = frozenset({"read", "write", "delete"})


def extract(
    args: object,
    *,
    tool: str = "",
    effects: Collection[str],
    roles: Mapping[str, str],
    programs: Programs = NO_PROGRAMS,
    limits: Limits | None = None,
) -> Targets:
    """Read what a call's args reach for. Total: any JSON value is read or refused, never raised on.

    `effects` are the tool's: net and exec look for hosts; read, write and delete for paths; exec
    for commands; message and spend for recipients. `roles` maps top-level parameters to roles;
    content is never looked into, and a parameter without a role is judged by its name. `programs`
    is what the manifest says of programs, `limits` what it says of recipients: without it they are
    not looked for. Same args, same result, whatever the key order.
    """
    nodes = list(islice(walk(args, roles), NODES_MAX + 1))
    is_cut = len(nodes) > NODES_MAX
    names = Names()
    found: set[Finding] = set()
    if "exec" in effects:
        found |= _bounded(commands(nodes, roles, programs, names), "command")
        if not any(isinstance(item, Command) for item in found):
            found.add(Problem(target="command", code="no_command", where=ROOT))
        # What is a command and nothing else was read as one; a key never is.
        nodes = [
            node
            for node in nodes
            if node.is_key or not node.means("command") or len(node.named) > 1
        ]
    if not _REACHES_HOSTS.isdisjoint(effects):
        found |= _bounded(hosts(nodes, names), "host")
    if not _REACHES_PATHS.isdisjoint(effects):
        found |= _bounded(paths(nodes, effects), "path")
    if limits is not None and not REACHES_PEOPLE.isdisjoint(effects):
        found |= _bounded(recipients(args, tool, roles, limits, names), "recipient")
    if is_cut:
        kinds = {"command": {"exec"}, "host": _REACHES_HOSTS, "path": _REACHES_PATHS}
        found |= {
            Problem(target=kind, code="too_many", where=ROOT)
            for kind, reaching in kinds.items()
            if not reaching.isdisjoint(effects)
        }
    # Any: each list has what its type says.
    of: dict[type[Finding], list[Any]] = {
        kind: [] for kind in (Host, PathTarget, Command, Recipient, Problem)
    }
    for item in found:
        of[type(item)].append(item)
    return Targets(
        hosts=tuple(sorted(of[Host])),
        paths=tuple(sorted(of[PathTarget])),
        commands=tuple(sorted(of[Command])),
        recipients=tuple(sorted(of[Recipient])),
        problems=tuple(sorted(of[Problem])),
    )


def _bounded(findings: Iterator[Finding], kind: str) -> set[Finding]:
    """Take at most `TARGETS_MAX` findings, doubles counted, so that the work is bounded as well."""
    found = set(islice(findings, TARGETS_MAX))
    if next(findings, None) is not None:
        found.add(Problem(target=kind, code="too_many", where=ROOT))
    return found
