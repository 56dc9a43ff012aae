"""Events checked in spans are told to hold by nothing that the check line by line does not."""

import io
import random
from pathlib import Path

import pytest

from aegisctl.display import silent
from aegisctl.integrity import quick, span
from aegisctl.integrity.anchors import NONE
from aegisctl.integrity.exported import Check, check_export
from aegisctl.integrity.quick import read_quickly
from aegisctl.integrity.report import Report
from aegisctl.integrity.span import Spans, check_span
from aegisd.core.log.envelope import restore
from aegisd.core.log.export import Scope, write
from tests.aegisctl.conftest import Type
from tests.core.builders import small_log

LINES = b"".join(row.body + b"\n" for row in small_log())
ACME = Scope(tenant_id="acme")


@pytest.fixture(params=["acme", "s1"])
def export(recorded: Path, tmp_path: Path, type_: Type, request: pytest.FixtureRequest) -> bytes:
    """A real export, of a tenant or of a session."""
    path = tmp_path / "export.jsonl"
    scope = ("--session", "s1") if request.param == "s1" else ()
    typed = type_("export", "--dsn", recorded, "--tenant", "acme", *scope, "--out", path)
    assert typed.code == 0
    return path.read_bytes()


def quickly(data: bytes) -> Report | None:
    check = Check(Report(), NONE, [])
    if not read_quickly(io.BytesIO(data), None, check, silent) or not check.holds():
        return None
    return check.report


def slowly(data: bytes) -> Report:
    check = Check(Report(), NONE, [])
    check.read(io.BytesIO(data), silent)
    return check.report


@pytest.fixture(params=[1, 2, 16])
def together(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans and groups of lines of every length."""
    monkeypatch.setattr(span, "LINES_TOGETHER", request.param)
    monkeypatch.setattr(quick, "SPAN_BYTES", request.param * 400)


@pytest.mark.usefixtures("together")
def test_an_export_that_holds_is_told_quickly_and_told_the_same(export: bytes) -> None:
    found = quickly(export)
    assert found is not None
    assert found == slowly(export)
    assert check_export(io.BytesIO(export), None, silent) == found


@pytest.mark.usefixtures("together")
def test_no_edit_is_told_to_hold_that_the_slow_check_finds(export: bytes) -> None:
    chance = random.Random(3)
    lines = export.splitlines(keepends=True)
    for _ in range(400):
        changed = _edited(lines, chance)
        if quickly(changed) is not None:
            assert slowly(changed).holds
        else:
            assert not slowly(changed).holds or changed == export


def _edited(lines: list[bytes], chance: random.Random) -> bytes:
    """The file with a byte, a line or the order of two lines changed."""
    changed = list(lines)
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(5):
        case 0:
            line = bytearray(lines[at])
            line[chance.randrange(len(line))] ^= 1 << chance.randrange(8)
            changed[at] = bytes(line)
        case 1:
            del changed[at]
        case 2:
            changed.insert(at, lines[other])
        case 3:
            changed[at], changed[other] = lines[other], lines[at]
        case _:
            return b"".join(lines)[: chance.randrange(sum(map(len, lines)))]
    return b"".join(changed)


def test_a_span_tells_what_is_left_to_compare() -> None:
    told = check_span(LINES, ACME)
    assert told is not None
    assert (told.events, told.length) == (7, len(LINES))
    assert told.digests() == [row.hash for row in small_log()]
    assert told.heads == {"s1": (2, small_log()[4].hash), "s2": (3, small_log()[6].hash)}
    assert told.last == ("s2", 3)
    assert [place.seq for place in told.firsts.values()] == [0, 0]


@pytest.mark.parametrize("cut", range(8))
def test_two_spans_are_one(cut: int) -> None:
    bodies = LINES.splitlines(keepends=True)
    together = Spans()
    for part in (bodies[:cut], bodies[cut:]):
        told = check_span(b"".join(part), ACME)
        assert told is not None
        assert together.take(told)
    whole = check_span(LINES, ACME)
    assert whole is not None
    assert together.heads == whole.heads


@pytest.mark.parametrize("left_out", range(6))
def test_an_event_missing_between_two_spans_shows(left_out: int) -> None:
    bodies = LINES.splitlines(keepends=True)
    together, taken = Spans(), True
    for part in (bodies[:left_out], bodies[left_out + 1 :]):
        told = check_span(b"".join(part), ACME)
        taken = taken and told is not None and together.take(told)
    if left_out != 4:  # The last event of its session; that shows in the trailer.
        assert not taken


@pytest.mark.parametrize(
    "data",
    [
        LINES[:-1],
        LINES + b"\n",
        b"\n" + LINES,
        LINES.replace(b"\n", b"\r\n"),
        LINES.replace(b'"seq":1', b'"seq":2', 1),
        LINES.replace(b'"tenant_id":"acme"', b'"tenant_id":"evil"', 1),
        LINES.replace(b'"prev_hash":"', b'"prev_hash":"A', 1),
        LINES.replace(b'"seq":0', b'"prev_hash":"","seq":0', 1),
        LINES.replace(b'"tenant_id":"acme"', b'"tenant_id":"acme" ', 1),
    ],
)
def test_a_span_that_may_not_hold_is_not_told_to(data: bytes) -> None:
    assert check_span(data, ACME) is None


def test_a_span_of_another_session_than_the_scope_is_not_told_to_hold() -> None:
    assert check_span(LINES, Scope(tenant_id="acme", session_id="s1")) is None


def test_a_span_ends_before_the_first_line_of_another_kind() -> None:
    told = check_span(LINES + b'{"$kind":"trailer"}\n' + LINES, ACME)
    assert told is not None
    assert (told.length, told.events) == (len(LINES), 7)
    nothing = check_span(b'{"$kind":"trailer"}\n', ACME)
    assert nothing is not None
    assert (nothing.length, nothing.events, nothing.first) == (0, 0, None)


def test_other_processes_tell_the_same(
    export: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quick, "PROCESSES_FROM_BYTES", 0)
    monkeypatch.setattr(quick, "SPAN_BYTES", 700)
    path = tmp_path / "export"
    path.write_bytes(export)
    check = Check(Report(), NONE, [])
    with path.open("rb") as file:
        assert read_quickly(file, str(path), check, silent)
    assert check.holds()
    assert check.report == slowly(export)


def test_events_of_one_clock_running_back_are_left_to_the_slow_check() -> None:
    body = (
        b'{"event_type":"SESSION_OPENED","payload":{"now_ms":%d},"seq":0,"session_id":"s%d",'
        b'"tenant_id":"acme","ts_unix_ms":0,"user_id":""}'
    )
    rows = [restore(body % (now, now), at) for at, now in enumerate((5, 7, 6))]
    lines = [row.body + b"\n" for row in rows]
    assert check_span(b"".join(lines), ACME) is None
    together = Spans()
    taken = []
    for line in lines:
        told = check_span(line, ACME)
        assert told is not None
        taken.append(together.take(told))
    assert taken == [True, True, False]
    assert quickly(b"".join(write(ACME, [], rows))) is None


def test_a_span_with_a_line_past_the_bound_is_left_to_the_slow_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(span, "LINE_BYTES_MAX", len(LINES))
    assert check_span(LINES, ACME) is not None
    monkeypatch.setattr(span, "LINE_BYTES_MAX", len(LINES) - 1)
    assert check_span(LINES, ACME) is None


def test_a_decision_has_a_cause_before_it_also_at_the_beginning_of_a_span() -> None:
    decision = (
        b'{"event_type":"POLICY_DECISION","payload":{"now_ms":1},"seq":0,"session_id":"",'
        b'"tenant_id":"acme","ts_unix_ms":0,"user_id":""}\n'
    )
    told = check_span(decision, ACME)
    assert told is not None
    assert not Spans().take(told)
