"""What a gate answers: decisions and receipts, and the exceptions that carry a no."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

import msgspec
from msgspec import Struct

from aegisd.core.decision import Outcome, Reason
from aegisd.core.errors import Unavailable

if TYPE_CHECKING:
    from aegisd import library


class Ruling(Struct, frozen=True, kw_only=True):
    """What the rules say of one event.

    `reason` is the code of the first of `reasons`, which are in the order of their precedence; `OK`
    where there is none. `constraints` are limits by name, `obligations` must be met before the call
    runs, `advice` may be ignored.
    """

    outcome: Outcome
    reason: str
    reasons: tuple[Reason, ...]
    constraints: Mapping[str, object]
    obligations: tuple[Mapping[str, object], ...]
    advice: tuple[Mapping[str, object], ...]


class Decision(Ruling, frozen=True, kw_only=True):
    """A decision that is in the log.

    It is true in an `if` only when it allows: every other object of Python is true, and a no that
    reads as a yes would be a trap. `seq` and `hash` (hex) are those of the event it is about;
    `call_id` names the call to its `executed` and `result`.
    """

    call_id: str | None
    seq: int
    hash: str

    @property
    def allowed(self) -> bool:
        """Whether the call may run, within `constraints` and after `obligations`."""
        return self.outcome == "allow"

    def __bool__(self) -> bool:
        return self.allowed

    def require(self) -> None:
        """Return when the call may run. Raises `ApprovalRequired`, or `Denied` for any other no."""
        if self.outcome == "require_approval":
            raise ApprovalRequired(self)
        if not self.allowed:
            raise Denied(self)


class Preview(Ruling, frozen=True, kw_only=True):
    """What would be decided now. Nothing was recorded, so nothing may run on it.

    It is neither true nor false, so that no `if` takes it for a decision: read `outcome`.
    """

    def __bool__(self) -> NoReturn:
        raise TypeError("nothing may run on a check, which records nothing; ask propose instead")


class Receipt(Struct, frozen=True, kw_only=True):
    """Where a recorded event stands: its `seq` in the session, its `hash` in hex.

    `decision` is None where nothing judges the event.
    """

    seq: int
    hash: str
    call_id: str | None
    decision: Decision | None

    @property
    def released(self) -> bool:
        """Whether what the event tells may go on to the agent: no rule withholds it."""
        return self.decision is None or self.decision.allowed


class Denied(Exception):
    """The call did not run. Catch this and every no is caught; the message may go to the model.

    `decision` is None where nothing was judged: `Refused`.
    """

    def __init__(self, decision: Decision | None, message: str | None = None) -> None:
        self.decision = decision
        super().__init__(message or ("" if decision is None else _sentence(decision)))

    def __reduce__(self) -> tuple[type["Denied"], tuple[Decision | None, str]]:
        """Exceptions travel between processes; the decision goes with them."""
        return type(self), (self.decision, str(self))


class Refused(Denied):
    """The arguments are none that a call can have, so it was not judged, and did not run.

    NaN, bytes, text that is no Unicode, more than one event holds. Nothing is recorded.
    """


class ApprovalRequired(Denied):
    """A human must say yes first, so the call did not run."""


class UnmetCondition(Denied):
    """Allowed on a condition that `governed` cannot keep, so the call did not run."""


class Withheld(Denied):
    """The call ran, and what it gave back is kept from the caller."""


class TimedOut(Withheld):
    """The call took longer than its decision allows; what it gave back, if anything, is lost."""


_reasons = msgspec.json.Decoder(tuple[Reason, ...]).decode
_named = msgspec.json.Decoder(dict[str, object]).decode
_typed = msgspec.json.Decoder(tuple[dict[str, object], ...]).decode
_preview = msgspec.json.Decoder(Preview).decode


def receipt(told: "library.Receipt") -> Receipt:
    """A receipt as an author reads it."""
    decision = None if told.decision is None else decided(told)
    return Receipt(seq=told.seq, hash=told.hash, call_id=told.call_id, decision=decision)


def decided(told: "library.Receipt") -> Decision:
    """The decision of a judged event. Raises `Unavailable` where there is none."""
    verdict = told.decision
    if verdict is None:
        raise Unavailable("no decision came back, so nothing may run")
    return Decision(
        outcome=verdict.outcome,
        reason=verdict.reason,
        reasons=_reasons(verdict.reasons),
        constraints=_named(verdict.constraints),
        obligations=_typed(verdict.obligations),
        advice=_typed(verdict.advice),
        call_id=told.call_id,
        seq=told.seq,
        hash=told.hash,
    )


def previewed(verdict: "library.Decision | None") -> Preview:
    """What a check found. Raises `Unavailable` for an event that nothing judges."""
    if verdict is None:
        raise Unavailable("nothing judges this event, so there is nothing to check")
    return _preview(msgspec.json.encode(verdict))


def _sentence(decision: Decision) -> str:
    said = [f"{reason.code}: {reason.message}" for reason in decision.reasons]
    return "; ".join([decision.outcome, *(said or [decision.reason])])
