"""The base rules once more, in Python too plain to be wrong: what they deny, for any JSON at all.

Written from the rules' sentences, family by family. An absent field is `ABSENT`: it equals nothing.
"""

from typing import Any, TypeAlias

# JSON of any shape, wrong types above all: nothing narrower would be true.
Json: TypeAlias = Any


class _Absent:
    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment] # nothing may be a key by being absent


ABSENT = _Absent()

STEPS = ("MODEL_CALL_STARTED", "MEMORY_WRITE", "HANDOFF_REQUESTED")
RELEASES = ("USER_MESSAGE", "MODEL_CALL_FINISHED", "TOOL_RESULT", "MEMORY_READ")


def at(value: Json, *path: str) -> Json:
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return ABSENT
        value = value[name]
    return value


def same(left: Json, right: Json) -> bool:
    """JSON equality: true is not 1."""
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def within(value: Json, items: Json) -> bool:
    if isinstance(items, dict):
        items = list(items.values())
    return isinstance(items, list) and any(same(value, item) for item in items)


def is_count(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)


def denied(document: Json, manifest: Json) -> set[str]:
    """The codes of every family that finds something wrong."""
    kind = at(document, "event", "type")
    release = within(kind, list(RELEASES))
    call = not release and not within(kind, list(STEPS))
    found: set[str] = set()
    if release:
        return found
    if at(document, "snapshot", "terminated") is not False:
        found.add("SESSION_TERMINATED")
    if not budget_fine(document, manifest, call=call, kind=kind):
        found.add("BUDGET_EXCEEDED")
    if at(manifest, "registered") is not True:
        found.add("PERMISSION_UNDECLARED")
    if call:
        found |= denied_call(at(document, "call"), manifest)
    return found


def denied_call(call: Json, manifest: Json) -> set[str]:
    found: set[str] = set()
    effects = at(call, "effects")
    if not declared(call) or not isinstance(effects, list):
        found.add("PERMISSION_UNDECLARED")
    if not isinstance(at(call, "approval"), bool):
        found.add("PERMISSION_UNDECLARED")
    typed = at(call, "args_typed")
    low = typed is False and within(at(call, "risk"), ["low", "medium"])
    if at(call, "args_errors") != [] or not (typed is True or low or at(call, "declared") is False):
        found.add("ARGS_INVALID")
    if (within("net", effects) or within("exec", effects)) and not egress_fine(call, manifest):
        found.add("EGRESS_DENY")
    if any(within(e, effects) for e in ("read", "write", "delete")) and not path_fine(
        call, manifest
    ):
        found.add("PATH_DENY")
    if within("exec", effects) and not exec_fine(call, manifest):
        found.add("EXEC_DENY")
    people = within("message", effects) or within("spend", effects)
    if people and not recipient_fine(call, manifest):
        found.add("RECIPIENT_DENY")
    return found


def declared(call: Json) -> bool:
    return at(call, "declared") is True


def no_problem(call: Json, target: str) -> bool:
    problems = at(call, "problems")
    others = [other for other in ("host", "path", "command", "recipient") if other != target]
    return isinstance(problems, list) and all(within(at(p, "target"), others) for p in problems)


def egress_fine(call: Json, manifest: Json) -> bool:
    hosts = at(call, "hosts")
    if not isinstance(hosts, list) or not no_problem(call, "host"):
        return False
    if hosts == [] and within("net", at(call, "effects")):
        return False
    return all(host_allowed(host, manifest["net"]["domains"]) for host in hosts)


def host_allowed(host: Json, domains: list[str]) -> bool:
    scheme = at(host, "scheme")
    before = f"{scheme}://" if isinstance(scheme, str) else "nothing"
    behind = [each.removeprefix(before) for each in domains if each.startswith(before)]
    return name_listed(host, behind) or (at(host, "plain") is True and name_listed(host, domains))


def name_listed(host: Json, domains: list[str]) -> bool:
    name = at(host, "host")
    if within(name, domains):
        return True
    if at(host, "kind") != "name" or not isinstance(name, str):
        return False
    labels = name.split(".")
    parents = [".".join(["*", *labels[n:]]) for n in range(1, len(labels))]
    return "*" in domains or (labels[0] != "" and any(parent in domains for parent in parents))


def path_fine(call: Json, manifest: Json) -> bool:
    paths = at(call, "paths")
    return (
        isinstance(paths, list)
        and no_problem(call, "path")
        and all(path_allowed(path, manifest["fs"]) for path in paths)
    )


def path_allowed(path: Json, roots: Json) -> bool:
    access, text = at(path, "access"), at(path, "path")
    allowed = list(roots["write_roots"]) if within(access, ["read", "write", "delete"]) else []
    allowed += roots["read_roots"] if within(access, ["read", "load"]) else []
    return isinstance(text, str) and any(inside(text, root) for root in allowed)


def inside(path: str, root: str) -> bool:
    if path == "" or root == "":
        return False
    if root == "/":
        return path.startswith("/")
    segments, prefix = path.split("/"), root.split("/")
    if root == ".":
        return segments[0] not in ("", "..")
    return segments[: len(prefix)] == prefix


def exec_fine(call: Json, manifest: Json) -> bool:
    commands = at(call, "commands")
    binaries = manifest["exec"]["binaries"]
    return (
        isinstance(commands, list)
        and commands != []
        and no_problem(call, "command")
        and all(
            isinstance(at(c, "binary"), str)
            and at(c, "binary") in binaries
            and at(c, "unmatched") == []
            for c in commands
        )
    )


def recipient_fine(call: Json, manifest: Json) -> bool:
    recipients = at(call, "recipients")
    return (
        isinstance(recipients, list)
        and no_problem(call, "recipient")
        and all(recipient_allowed(each, manifest["recipients"]) for each in recipients)
    )


def recipient_allowed(recipient: Json, lists: dict[str, list[str]]) -> bool:
    text, domain, field = (at(recipient, name) for name in ("recipient", "domain", "field"))
    listed = lists.get(field, []) if isinstance(field, str) else []
    if isinstance(domain, str) and domain in listed:
        return True
    return isinstance(text, str) and (text in listed or "*" in listed)


def budget_fine(document: Json, manifest: Json, *, call: bool, kind: Json) -> bool:
    def below(counter: str, budget: str) -> bool:
        consumed, limit = at(document, "snapshot", counter), at(manifest, "budgets", budget)
        if limit is None:
            return True
        return is_count(consumed) and isinstance(limit, int) and bool(consumed < limit)

    wall, limit = at(document, "snapshot", "wall_time_ms"), at(manifest, "budgets", "wall_time_ms")
    in_time = limit is None or (is_count(wall) and isinstance(limit, int) and wall <= limit)
    started = kind == "MODEL_CALL_STARTED" or kind is ABSENT
    return (
        below("steps_consumed", "steps")
        and in_time
        and (not call or below("tool_calls_consumed", "tool_calls"))
        and (not started or below("model_calls_consumed", "model_calls"))
    )
