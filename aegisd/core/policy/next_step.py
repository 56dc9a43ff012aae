"""What somebody who was told no does next, by the rule that said it.

Constant words, so that no value of a call is in them: they stand beside every reason, and a model
acts on them. What an operator's rule says is the operator's, with what to do in its own message.
"""

from collections.abc import Mapping

_FAULT = "this is a fault of the gate and not of the call: tell an operator, who reads its log"

_BUDGET = "stop here: a person begins a new session, or an operator raises `budgets.{}`"
_BUDGETS = ("steps", "tool_calls", "model_calls", "wall_time_ms")

STEPS: Mapping[str, str] = {
    "aegis.error": "an operator corrects the rule, or activates other rules",
    "aegis.nonsense": "an operator corrects what the rule gives, or activates other rules",
    "aegis.timeout": "an operator makes the rule shorter, or activates other rules; then try again",
    "aegis.clock": "an operator puts the clock right; then try again",
    "aegis.session.terminated": "stop here: a person begins a new session",
    "aegis.permission.manifest": (
        "an operator registers one: `aegisctl manifest register FILE --tenant TENANT`"
    ),
    "aegis.permission.tool": "use a declared tool, or ask an operator to add this one to `tools`",
    "aegis.permission.effects": "ask an operator to write this tool's `effects` into the manifest",
    "aegis.args.schema": "correct that, and propose the call again",
    "aegis.args.untyped": (
        "ask an operator to give this tool `args`, a JSON Schema: a risky tool needs one"
    ),
    "aegis.egress.host": "use a listed host, or ask an operator to add this one to `net.domains`",
    "aegis.egress.scheme": (
        "use a listed URL, or ask an operator to add this entry to `net.domains`: its scheme needs "
        "one of its own"
    ),
    "aegis.egress.no_host": (
        "name the host in an argument; an operator can give that argument the role `url`"
    ),
    "aegis.egress.unreadable": _FAULT,
    "aegis.path.root": (
        "use a path inside a root, or ask an operator to add one to `fs.read_roots`, or to "
        "`fs.write_roots` for a write"
    ),
    "aegis.path.unreadable": _FAULT,
    "aegis.exec.binary": (
        "run a listed program, or ask an operator to add this one to `exec.binaries`"
    ),
    "aegis.exec.argument": (
        "use arguments that its patterns allow, or ask an operator to widen its `args` in "
        "`exec.binaries`"
    ),
    "aegis.exec.no_command": (
        "name the program in an argument; an operator can give that argument the role `command`"
    ),
    "aegis.exec.unreadable": _FAULT,
    "aegis.recipient.listed": (
        "write to somebody listed, or ask an operator to add this one to `recipients`"
    ),
    "aegis.recipient.unreadable": _FAULT,
    **{f"aegis.budget.{name}": _BUDGET.format(name) for name in _BUDGETS},
    "aegis.budget.unreadable": _FAULT,
    "aegis.approval.tool": (
        "no yes can be recorded here yet: leave it to a person, or ask an operator to take "
        "`approval` off this tool"
    ),
    "aegis.decision.unexplained": _FAULT,
}


def with_step(said: str, rule: str, characters: int, step: str | None = None) -> str:
    """A sentence with the next step of a rule behind it; the sentence gives way at the bound.

    `step` is a more exact one, where the manifest tells it.
    """
    step = step or STEPS.get(rule)
    return said if step is None else f"{said[: characters - len(step) - 2]}; {step}"
