"""The input that is made again is the one whose digest the decision has."""

import hashlib
from pathlib import Path

import pytest

from aegisd.audit import inputs, log, rules
from aegisd.audit.log import Log
from aegisd.core.errors import NotFound
from aegisd.core.replay.judgement import judgements


def test_the_input_of_each_decision_is_the_one_that_was_judged(recorded: Path) -> None:
    with log.opened(str(recorded)) as source:
        assert _compared(source, "acme", ("s1", "s2")) > 3


def _compared(source: Log, tenant_id: str, sessions: tuple[str, ...]) -> int:
    judge, compared = rules.judge(source.document), 0
    for session_id in sessions:
        events = list(source.session_events(tenant_id, session_id))
        for judgement in judgements(events, judge, []):
            decision = judgement.decision
            for seq in (judgement.act.cause.seq, judgement.row.seq):
                told = inputs.recorded(source, tenant_id, session_id, seq, judge)
                assert hashlib.sha256(told.input).hexdigest() == decision.input_sha256
                assert told.decision == decision
            compared += 1
    return compared


def test_where_nothing_was_decided_nothing_was_asked(recorded: Path) -> None:
    with log.opened(str(recorded)) as source:
        judge = rules.judge(source.document)
        for session_id, seq in (("s1", 999), ("nobody", 0)):
            with pytest.raises(NotFound):
                inputs.recorded(source, "acme", session_id, seq, judge)
