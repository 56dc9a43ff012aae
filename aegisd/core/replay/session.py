"""Pass 1: the decisions of one session, asked again and compared with what was recorded."""

from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest

import msgspec
from msgspec import UNSET, Raw

from aegisd.core import gate
from aegisd.core.decision import Decision, PolicyDecision, Reason
from aegisd.core.errors import LogCorrupt
from aegisd.core.gate import Question
from aegisd.core.log import detached
from aegisd.core.log.envelope import Envelope, StoredEvent, unseal
from aegisd.core.policy.judge import Judge, maker
from aegisd.core.policy.verdict import Verdict
from aegisd.core.replay.difference import (
    Class,
    Derivation,
    Difference,
    Place,
    blamed,
    difference,
    made_by,
    misplaced,
    rules_blamed,
)
from aegisd.core.replay.judgement import (
    JUDGED_BEFORE,
    Judgement,
    Values,
    asked,
    judgements,
    no_values,
    restored,
)
from aegisd.core.target.node import ROOT

# Compared before the rows are: what other rules' input was is no difference by itself.
_COMPARED_BEFORE = frozenset({"input_sha256"})

_encode = msgspec.json.Encoder().encode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode


# Seconds east of UTC in a zone at a time, by the auditor's own data; None for a zone not in it.
Offset = Callable[[str, int], int | None]


def derive_session(
    events: Iterable[StoredEvent],
    judge: Judge,
    values: Values = no_values,
    offset: Offset | None = None,
) -> Derivation:
    """Derive the decisions of one session, and list where that differs from the log.

    Recorded offsets are held to `offset`, where it is given. Raises `msgspec.MsgspecError` where
    stored bytes are no envelope: `chain.Chain` comes first.
    """
    derivation = Derivation()
    for judgement in judgements(events, judge, derivation.differences):
        derivation.decisions += 1
        decision = judgement.decision
        judging = judge.on(decision.evaluator.name)
        if made_by(decision) != maker(judging):
            derivation.others[made_by(decision)] += 1
        if offset is not None:
            derivation.differences += _zoned(judgement, judging, offset)
        _derive(judgement, judging, values, derivation)
    return derivation


def _derive(judgement: Judgement, judge: Judge, values: Values, derivation: Derivation) -> None:
    """Ask again what one decision answered, and compare all that was recorded of it."""
    row, decision, found = judgement.row, judgement.decision, derivation.differences
    question = asked(judgement, judge)
    if question is None or question.policy_input is None:
        found.append(_unasked(judgement, judge))
        return
    recorded, derived = decision.input_sha256, question.policy_input.sha256
    # No engine has a part in the input: other rules alone can have made another one.
    if recorded != derived and rules_blamed(decision, judge) == "tampered":
        found.append(difference(row, "input", "tampered", "input_sha256", recorded, derived))
        return
    derivation.changed_inputs += recorded != derived
    try:
        question = restored(judgement, question, values)
    except LogCorrupt as corrupt:
        found.append(_beside(judgement, "tampered", corrupt.message))
        return
    if question is None:
        found.append(_beside(judgement, "unreplayable (erased)", "a value is not in this log"))
        return
    verdict = gate.judged(question, judge, decision.bundle)
    if verdict is None:
        found.append(difference(row, "verdict", "unreplayable", "bundle", decision.bundle, ""))
        return
    derivation.compared += 1
    derivation.engines[judge.evaluator()] += 1
    faulted = verdict.fault is not None or _denied_by_fault(decision)
    klass: Class = "fault" if faulted else blamed(decision, judge)
    found += _compared(judgement, question, verdict, klass, rules_blamed(decision, judge))


def _zoned(judgement: Judgement, judge: Judge, offset: Offset) -> Iterator[Difference]:
    """Where the recorded offset is not that of the manifest's zone by the auditor's data.

    Data of another year may lawfully say otherwise, so it is a class of its own. A decision that an
    error denied may have had no zone to go by.
    """
    decision = judgement.decision
    held = judge.capabilities(decision.manifest)
    if held is None or _denied_by_fault(decision):
        return
    zone, recorded = held.manifest.zone, decision.utc_offset_s
    found = offset(zone, decision.now_ms)
    if found != recorded:
        derived = f"no zone {zone} here" if found is None else f"{found} in {zone}"
        yield difference(judgement.row, "facts", "zone", "utc_offset_s", str(recorded), derived)


def _unasked(judgement: Judgement, judge: Judge) -> Difference:
    manifest = judgement.decision.manifest
    if judge.capabilities(manifest) is None:
        return difference(judgement.row, "input", "unreplayable", "manifest", manifest, "")
    klass = rules_blamed(judgement.decision, judge)
    return difference(judgement.row, "input", klass, "facts", "unreadable", "")


def _beside(judgement: Judgement, klass: Class, found: str) -> Difference:
    """A decision that cannot be made again, for what was found beside its event."""
    places = ", ".join(detached.pointers(judgement.proposal.payload))
    return difference(judgement.row, "input", klass, "detached", places, found)


def _denied_by_fault(decision: PolicyDecision) -> bool:
    """Whether an evaluation failed when this was decided; one that did not deny is no excuse."""
    return decision.evaluator.fault is not UNSET and decision.outcome == "deny"


def _compared(
    judgement: Judgement, question: Question, verdict: Verdict, klass: Class, rules: Class
) -> Iterator[Difference]:
    """Where the rows behind the cause differ from those that the verdict gives.

    They are derived under the names of the engine and rules that made them: a newer engine that
    gives the same answer is no difference; one that does not is an `upgrade`. `klass` is that of a
    row that differs, and `rules` that of one too many or too few.
    """
    rows = [row for row in judgement.act.consequences if row not in judgement.act.surplus]
    expected = gate.consequences(question, verdict, made_by(judgement.decision))
    for row, derived in zip_longest(rows, expected):
        if derived is None:
            yield misplaced(row, "cause", JUDGED_BEFORE, rules)
        elif row is None:
            yield misplaced(judgement.act.last, derived.event_type, "a row behind it", rules)
        else:
            for place, name, theirs, mine in _unlike(unseal(row.body), derived):
                if klass == "tampered" or name != "reasons" or _told(theirs) != _told(mine):
                    yield difference(row, place, klass, name, theirs, mine)


def _told(reasons: str) -> set[tuple[str, str]] | str:
    """Reasons without what other rules, or a failing engine, may put otherwise.

    That are their words, and those that only follow from another one: of the same text, or of the
    arguments as a whole where a text in them cannot be read.
    """
    try:
        said = msgspec.json.decode(reasons, type=list[Reason])
    except msgspec.MsgspecError:
        return reasons
    told = {(each.code, each.where) for each in said}
    placed = {code for code, where in told if where != ROOT}
    return {(code, where) for code, where in told if where != ROOT or code not in placed}


def _unlike(recorded: Envelope, derived: Envelope) -> Iterator[tuple[Place, str, str, str]]:
    """Where two rows differ, as (place, field, recorded, derived)."""
    for name in derived.__struct_fields__:
        if name in {"payload", "prev_hash"}:
            continue
        theirs, mine = getattr(recorded, name), getattr(derived, name)
        if theirs != mine:
            yield "decide", name, _text(theirs), _text(mine)
    if bytes(recorded.payload) == bytes(derived.payload):
        return
    fields = _decode_fields(recorded.payload), _decode_fields(derived.payload)
    unlike = [
        (name, theirs, mine)
        for name in sorted({*fields[0], *fields[1]})
        for theirs, mine in [[_text(side.get(name, UNSET)) for side in fields]]
        if theirs != mine
    ]
    # Bytes that differ where no field does are spelled otherwise than the daemon spells them.
    for name, theirs, mine in unlike or [("payload", "not canonical", "canonical")]:
        if name not in _COMPARED_BEFORE:
            yield "verdict" if name in Decision.__struct_fields__ else "decide", name, theirs, mine


def _text(value: object) -> str:
    return "absent" if value is UNSET else _encode(value).decode()
