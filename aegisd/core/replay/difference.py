"""Where a log and its derivation disagree: the place, the class, and how much was compared."""

from collections import Counter
from typing import Literal

from msgspec import Struct, field

from aegisd.core.decision import PolicyDecision
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.policy.judge import Judge, Maker, maker

Place = Literal["state", "input", "verdict", "decide", "facts"]
Class = Literal["tampered", "upgrade", "fault", "zone", "unreplayable", "unreplayable (erased)"]


class Difference(Struct, frozen=True, kw_only=True):
    """One place where the log and its derivation disagree. `recorded` and `derived` are JSON."""

    position: int
    session_id: str
    seq: int
    place: Place
    klass: Class = field(name="class")
    field: str
    recorded: str
    derived: str


class Derivation(Struct, kw_only=True):
    """What deriving the decisions of a session, or the facts of a tenant, found.

    `compared` counts the decisions whose outcome was derived and compared. `changed_inputs` and
    `changed_facts` count those whose input or facts other rules than today's had seen otherwise,
    which by itself is no difference. `engines` counts, by name and version, on which engine the
    outcomes were derived. `others` counts, by who is named, the decisions that name
    another engine or other rules than those that derived them as their maker.
    """

    decisions: int = 0
    compared: int = 0
    changed_inputs: int = 0
    changed_facts: int = 0
    engines: Counter[tuple[str, str]] = field(default_factory=Counter)
    others: Counter[Maker] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)


def difference(
    row: StoredEvent, place: Place, klass: Class, name: str, recorded: str, derived: str
) -> Difference:
    """A difference in the field called `name` at a row of the log."""
    return Difference(
        position=row.position,
        session_id=row.session_id,
        seq=row.seq,
        place=place,
        klass=klass,
        field=name,
        recorded=recorded,
        derived=derived,
    )


def misplaced(row: StoredEvent, name: str, expected: str, klass: Class = "tampered") -> Difference:
    """A row that stands where the gate would not have written it, or lacks one behind it."""
    return difference(row, "state", klass, name, "absent", expected)


def blamed(decision: PolicyDecision, judge: Judge) -> Class:
    """Why a decision may differ: other rules or another engine made it, or somebody changed it."""
    return "tampered" if made_by(decision) == maker(judge) else "upgrade"


def rules_blamed(decision: PolicyDecision | None, judge: Judge) -> Class:
    """Why what no engine has a part in may differ: the input, other sessions' facts, which rows.

    Where there is no decision at all, nobody else's rules are to blame.
    """
    ours = decision is None or decision.rules_version == judge.rules_version
    return "tampered" if ours else "upgrade"


def made_by(decision: PolicyDecision) -> Maker:
    """The engine and the rules that a decision names as its own."""
    return Maker(
        evaluator=decision.evaluator.name,
        evaluator_version=decision.evaluator.version,
        rules_version=decision.rules_version,
    )
