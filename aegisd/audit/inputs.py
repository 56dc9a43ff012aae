"""What policy was asked about one recorded event: the input made again from the log."""

from msgspec import Struct

from aegisd.audit.log import Log
from aegisd.core.capabilities import NONE
from aegisd.core.decision import PolicyDecision
from aegisd.core.errors import NotFound
from aegisd.core.policy.judge import Judge
from aegisd.core.replay.judgement import asked, judgements


class Asked(Struct, frozen=True, kw_only=True):
    """`input` and `data.manifest` as canonical JSON, and what was decided then.

    Values that are kept beside the event stay there: commitments stand in their place.
    """

    input: bytes
    manifest: bytes
    decision: PolicyDecision


def recorded(source: Log, tenant_id: str, session_id: str, seq: int, judge: Judge) -> Asked:
    """The input of the decision about the event at `seq`, or of the decision at `seq`.

    Raises `NotFound` where nothing was decided there, or where nobody can tell what was asked.
    """
    place = f"session {session_id}, seq {seq}"
    for judgement in judgements(source.session_events(tenant_id, session_id), judge, []):
        if seq not in (judgement.act.cause.seq, judgement.row.seq):
            continue
        question = asked(judgement, judge)
        if question is None or question.policy_input is None:
            raise NotFound(f"{place}: the manifest that was in force is not in this log")
        held = judge.capabilities(judgement.decision.manifest) or NONE
        told = question.policy_input
        return Asked(
            input=told.recorded or told.body, manifest=held.data, decision=judgement.decision
        )
    raise NotFound(
        f"{place}: nothing was decided there; `aegisctl events --session {session_id}` shows "
        "decisions with what they are about"
    )
