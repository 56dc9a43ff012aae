"""A row that was moved shows by what events tell of their order."""

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.verification.database import verify_database
from aegisd.audit.verification.export import verify_export
from aegisd.audit.verification.order import Order
from aegisd.audit.verification.result import Verification
from aegisd.core.clock import CORRECTED
from aegisd.core.log.envelope import Envelope
from aegisd.core.log.export import Scope
from conformance.verifier import aegis_verify
from tests.audit.tampering import insert, tamper
from tests.core.builders import START_MS, chain, envelope, export_lines
from tests.core.gate import Gate, manifest, proposal
from tests.core.replay.rewriting import payload, rewritten


def check(path: Path, tenant: str) -> Verification:
    """One tenant, without what opening a file does around it."""
    with closing(DatabaseLog(str(path))) as log:
        return verify_database(log, [tenant])


@pytest.mark.parametrize(
    ("order", "broken"),
    [
        # A decision parted from its cause, and an act put before the one that came first.
        ((8, 10, 9, 11), (10, "position")),
        ((8, 9, 6, 7), (9, "position")),
    ],
)
def test_rows_moved_by_inserting_them_anew_show_by_what_events_tell(
    log_file: Path, order: tuple[int, ...], broken: tuple[int, str]
) -> None:
    # The chains of both sessions still link, and row numbers say nothing.
    log = DatabaseLog(str(log_file))
    events = list(log.events("acme"))
    log.close()
    first = min(order)
    events[first : first + len(order)] = [events[position] for position in order]
    moved = (msgspec.structs.replace(each, position=at) for at, each in enumerate(events))
    tamper(log_file, "DELETE FROM events WHERE tenant_id = 'acme'", *map(insert, moved))
    assert [(each.position, each.rule) for each in check(log_file, "acme").breaks] == [broken]


@pytest.mark.parametrize(
    ("session_id", "from_ms", "rules"),
    [(None, 0, set()), ("s1", 0, set()), ("$control", 0, set()), (None, -1, {"position"})],
)
def test_time_runs_back_by_a_correction_from_no_earlier_time_and_both_verifiers_say_so(
    tmp_path: Path, session_id: str | None, from_ms: int, rules: set[str]
) -> None:
    gate = Gate(held=manifest())
    gate.propose(proposal())
    gate.correct(gate.now_ms - 86_400_000)
    gate.propose(proposal())
    gate.propose(proposal(session_id="s2"))

    def earlier(envelopes: list[Envelope]) -> None:
        at = next(i for i, each in enumerate(envelopes) if each.event_type == CORRECTED)
        envelopes[at] = payload(envelopes[at], from_ms=START_MS + from_ms)

    events = [e for e in rewritten(gate.events, earlier) if session_id in (None, e.session_id)]
    documents = [
        ("bundle" if digest in gate.judge.rules else "manifest", body)
        for digest, body in gate.judge.documents.items()
    ]
    scope = Scope(tenant_id="acme", session_id=session_id)
    path = tmp_path / "export.jsonl"
    path.write_bytes(b"".join(export_lines(scope, documents, events)))
    with path.open("rb") as file:
        assert {each.rule for each in verify_export(file).breaks} == rules
    report = aegis_verify.check(path, None, [], [])
    assert {each.rule for each in report.breaks} == rules


@pytest.mark.parametrize("told", [None, True, "1", 1.5, [], {}])
def test_what_is_no_integer_is_no_time(told: object) -> None:
    order = Order()
    rows = chain(
        envelope(seq, "SESSION_OPENED", {"now_ms": now_ms}, session_id=name)
        for name, seq, now_ms in (("s1", 0, 9), ("s2", 0, told), ("s2", 1, 8))
    )
    assert [len(list(order.check(row))) for row in rows] == [0, 0, 1]
