"""The evaluator's output, read strictly and combined: deny before ask before allow.

Anything that is not exactly the shape the base bundle promises is POLICY_ERROR, which denies. A
rule that failed is never skipped, because a `deny` that fails would then forbid nothing.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

import msgspec
from msgspec import Raw, Struct, to_builtins
from msgspec.structs import replace

from aegisd.core.decision import Decision, Outcome, Reason
from aegisd.core.errors import EvaluatorFailed, EvaluatorStuck, InvalidJson, RuleFailed
from aegisd.core.log.canonical import INTEGER_MAX, encode, parse
from aegisd.core.nearest import alike
from aegisd.core.policy import explanation
from aegisd.core.policy.explanation import Claim
from aegisd.core.policy.input import Findings, PolicyInput
from aegisd.core.policy.next_step import with_step
from aegisd.core.target.model import PROBLEMS

# Reason codes in the order that decides which one is named first.
PRECEDENCE = (
    "POLICY_ERROR",
    "QUARANTINED",
    "SESSION_TERMINATED",
    "PERMISSION_UNDECLARED",
    "ARGS_INVALID",
    "EGRESS_DENY",
    "PATH_DENY",
    "EXEC_DENY",
    "RECIPIENT_DENY",
    "BUDGET_EXCEEDED",
    "RATE_LIMITED",
    "LEASE_REQUIRED",
    "LOOP_DETECTED",
    "TAINTED_TO_HIGH_RISK",
    "GUARDRAIL_BLOCKED",
    "POLICY_DENY",
    "APPROVAL_REQUIRED",
    "OK",
)
_RANK = {code: rank for rank, code in enumerate(PRECEDENCE)}

SENTENCES = {
    "POLICY_ERROR": "the policy could not be evaluated, so the answer is no",
    "SESSION_TERMINATED": "the session has ended",
    "PERMISSION_UNDECLARED": "the manifest in force does not declare this",
    "ARGS_INVALID": "the arguments do not satisfy the tool's schema",
    "EGRESS_DENY": "a host is not among the manifest's domains",
    "PATH_DENY": "a path is not inside the manifest's roots",
    "EXEC_DENY": "a command is not among the manifest's binaries and argument patterns",
    "RECIPIENT_DENY": "a recipient is not among the manifest's recipients",
    "BUDGET_EXCEEDED": "a budget of the session is used up",
    "POLICY_DENY": "an operator's rule denies this",
    "APPROVAL_REQUIRED": "a human must approve this call",
}

# What is known of a fault where nobody knows more.
_FAULTS = {
    "error": "the engine failed, and the daemon's standard error may say more",
    "nonsense": "a rule gives what no rule may give",
    "timeout": "judging took too long",
}

UNDECLARED = "PERMISSION_UNDECLARED"

_TIMELESS = (
    "the answer depends on the time and the daemon's clock is too far off to tell it, so it is no"
)

# What a bundle may say; POLICY_ERROR is said about a bundle, never by one.
_SPOKEN = frozenset(SENTENCES) - {"POLICY_ERROR"}

APPROVAL = "APPROVAL_REQUIRED"

# Reasons kept per decision. Past it the sorted rest is dropped: the outcome does not depend on it.
REASONS_MAX = 32

# Characters of a message or location: enough for a sentence with a host in it.
TEXT_CHARACTERS_MAX = 512

# Steps of one evaluation, where the engine counts them: about a tenth of a second. The base rules
# take 400; a thousand operator's rules over ten hosts take a tenth of this. Here and not beside an
# engine, so that `rules_version` covers it: a replay must end where the decision ended.
EVALUATION_STEPS_MAX = 2_000_000

# Bytes of constraints, obligations and advice together; they are stored with every decision.
EXTRAS_BYTES_MAX = 16_384

# Answers of an evaluator kept read: half a megabyte in all.
OUTPUTS_REMEMBERED_MAX = 256

# Bytes of the longest answer kept read. A longer one explains something, and seldom comes twice.
OUTPUT_REMEMBERED_BYTES_MAX = 1_024


class Verdict(Struct, frozen=True, kw_only=True):
    """What policy says about one input. `fault` names what went wrong in a POLICY_ERROR."""

    outcome: Outcome
    reason: str
    reasons: tuple[Reason, ...] = ()
    constraints: dict[str, object] = {}
    obligations: tuple[dict[str, object], ...] = ()
    advice: tuple[dict[str, object], ...] = ()
    fault: str | None = None
    spelled: Decision | None = None

    def spell(self) -> Decision:
        """As it is recorded and answered. A verdict that was read is spelled once."""
        return self.spelled or Decision(
            outcome=self.outcome,
            reason=self.reason,
            reasons=Raw(encode([to_builtins(reason) for reason in self.reasons])),
            constraints=Raw(encode(self.constraints)),
            obligations=Raw(encode(self.obligations)),
            advice=Raw(encode(self.advice)),
        )


class _Constraint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    value: object


class _Output(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    deny: list[Claim]
    require_approval: list[Claim]
    constraints: list[_Constraint]
    obligations: list[dict[str, object]]
    advice: list[dict[str, object]]


class _NonsenseError(Exception):
    """The output has the right shape and says something no rule may say."""


def failed(fault: str, why: str = "") -> Verdict:
    """The verdict for an evaluation that did not give one: `error`, `nonsense` or `timeout`.

    `why` names the file, the line and the kind of error, and no value.
    """
    said = f"{SENTENCES['POLICY_ERROR']}: {why or _FAULTS[fault]}"
    return Verdict(
        outcome="deny",
        reason="POLICY_ERROR",
        reasons=(_denial("POLICY_ERROR", said, f"aegis.{fault}"),),
        fault=fault,
    )


def timeless() -> Verdict:
    """The verdict where it depends on what time it is, and the daemon's clock is too far off.

    No evaluator failed: it is derived again from the recorded `clock_off_ms`.
    """
    reason = _denial("POLICY_ERROR", _TIMELESS, "aegis.clock")
    return Verdict(outcome="deny", reason="POLICY_ERROR", reasons=(reason,))


def _denial(code: str, said: str, rule: str) -> Reason:
    message = with_step(said, rule, TEXT_CHARACTERS_MAX)
    return Reason(code=code, message=message, rule=rule, where="")


def pointed(verdict: Verdict, tool: object, tools: Iterable[str]) -> Verdict:
    """The verdict with the declared tool named that an undeclared one is most like, if any is."""
    guess = alike(tool, tools) if isinstance(tool, str) else None
    if guess is None or guess == tool:
        return verdict
    reasons = (
        replace(each, message=f"{each.message}; the nearest is {guess}"[:TEXT_CHARACTERS_MAX])
        if each.code == UNDECLARED
        else each
        for each in verdict.reasons
    )
    return replace(verdict, reasons=tuple(reasons), spelled=None)


def judge(policy_input: PolicyInput, evaluate: Callable[[bytes], bytes]) -> Verdict:
    """Evaluate and read. `evaluate` raises `EvaluatorFailed`; every failure denies."""
    if policy_input.too_large:
        return failed("error", "the call has more to judge than the rules can be given; split it")
    try:
        output = evaluate(policy_input.body)
    except EvaluatorStuck:
        return failed("timeout")
    except RuleFailed as error:
        return failed("error", error.message)
    except EvaluatorFailed:
        return failed("error")
    return read(output, policy_input.findings)


def read(output: bytes, findings: Findings | None = None) -> Verdict:
    """Combine an evaluator's output. Never raises: what cannot be read denies.

    Read as strictly as a request: of two equal keys the second could take back a denial. Most calls
    of an agent get one of a few answers, so short ones are read once. A denial is told in words of
    `findings`, which are the call's own.
    """
    short = len(output) <= OUTPUT_REMEMBERED_BYTES_MAX
    verdict, denials = _remembered(output) if short else _read(output)
    if findings is None or not denials:
        return verdict
    told = _reasons(explanation.once(denials, findings), findings)
    asked = [each for each in verdict.reasons if each.code == APPROVAL]
    return replace(verdict, reasons=tuple((told + asked)[:REASONS_MAX]), spelled=None)


def _read(output: bytes) -> tuple[Verdict, list[Claim]]:
    try:
        read = msgspec.convert(parse(output, sent=False), _Output)
        return _combine(read), read.deny
    except (InvalidJson, msgspec.ValidationError, _NonsenseError):
        return failed("nonsense"), []


_remembered = lru_cache(OUTPUTS_REMEMBERED_MAX)(_read)


def _combine(output: _Output) -> Verdict:
    if any(each.code not in _SPOKEN or each.code == APPROVAL for each in output.deny):
        raise _NonsenseError
    if any(each.code != APPROVAL for each in output.require_approval):
        raise _NonsenseError
    denials, asks = _reasons(output.deny), _reasons(output.require_approval)
    outcome: Outcome = "deny" if denials else "require_approval" if asks else "allow"
    reasons = (denials + asks)[:REASONS_MAX]
    denied = outcome == "deny"
    verdict = Verdict(
        outcome=outcome,
        reason=reasons[0].code if reasons else "OK",
        reasons=tuple(reasons),
        constraints={} if denied else _constraints(output.constraints),
        obligations=() if denied else _typed(output.obligations),
        advice=_typed(output.advice),
    )
    spelled = verdict.spell()
    extras = (
        (verdict.constraints, spelled.constraints),
        (verdict.obligations, spelled.obligations),
        (verdict.advice, spelled.advice),
    )
    if sum(len(bytes(body)) for part, body in extras if part) > EXTRAS_BYTES_MAX:
        raise _NonsenseError
    return replace(verdict, spelled=spelled)


def in_order(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Reasons as decisions list them."""
    return tuple(sorted(reasons, key=lambda r: (_RANK[r.code], r.rule, r.where, r.message)))


def _reasons(claims: Iterable[Claim], findings: Findings | None = None) -> list[Reason]:
    return list(in_order({_reason(claim, findings) for claim in claims}))


def _reason(claim: Claim, findings: Findings | None) -> Reason:
    message = _message(claim, findings) if claim.message is None else claim.message
    return Reason(
        code=claim.code,
        message=message[:TEXT_CHARACTERS_MAX],
        rule=claim.rule[:TEXT_CHARACTERS_MAX],
        where=claim.where[:TEXT_CHARACTERS_MAX],
    )


def _message(claim: Claim, findings: Findings | None) -> str:
    problem = claim.data.get("problem")
    if isinstance(problem, str) and problem in PROBLEMS:
        named = explanation.whose(claim, findings) if findings is not None else ""
        return (
            f"what the call reaches for cannot be read in one way only: {named}{PROBLEMS[problem]}"
        )
    detail = ", ".join(f"{name} {_shown(value)}" for name, value in sorted(claim.data.items()))
    step = None
    if findings is not None:
        detail = explanation.detail(claim, findings) or detail
        step = explanation.step(claim, findings.manifest)
    said = SENTENCES[claim.code] + (f": {detail}" if detail else "")
    return with_step(said, claim.rule, TEXT_CHARACTERS_MAX, step)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else encode(value).decode()


def _constraints(claims: list[_Constraint]) -> dict[str, object]:
    """By name; where rules differ the smallest integer wins, and any other difference is an error.

    A constraint can only be narrowed: an operator's rule cannot lift the manifest's.
    """
    combined: dict[str, object] = {}
    for claim in claims:
        before = combined.setdefault(claim.name, claim.value)
        # As bytes, because Python takes True for 1 at any depth.
        if encode(before) != encode(claim.value):
            combined[claim.name] = min(_limit(before), _limit(claim.value))
    return dict(sorted(combined.items()))


def _limit(value: object) -> int:
    if type(value) is int and 0 <= value <= INTEGER_MAX:
        return value
    raise _NonsenseError


def _typed(items: Iterable[dict[str, object]]) -> tuple[dict[str, object], ...]:
    """Objects that name their `type`, in the order of their canonical bytes, each once."""
    ordered = {encode(item): item for item in items}
    if not all(isinstance(item.get("type"), str) for item in ordered.values()):
        raise _NonsenseError
    return tuple(item for _body, item in sorted(ordered.items()))
