"""Events checked in segments are told to hold by nothing that the check line by line does not."""

import io
import random
from pathlib import Path

import pytest

from aegisd.audit.anchors import NONE
from aegisd.audit.progress import silent
from aegisd.audit.verification import export as verifying
from aegisd.audit.verification import segment
from aegisd.audit.verification.export import ExportVerifier, read_in_segments, verify_export
from aegisd.audit.verification.result import Verification
from aegisd.audit.verification.segment import Segments, check_segment
from aegisd.core.log.envelope import restore
from aegisd.core.log.export import Scope
from tests.audit.conftest import exported
from tests.core.builders import export_lines, small_log

LINES = b"".join(row.body + b"\n" for row in small_log())
ACME = Scope(tenant_id="acme")


@pytest.fixture(params=[None, "s1"])
def export(recorded: Path, tmp_path: Path, request: pytest.FixtureRequest) -> bytes:
    """A real export, of a tenant or of a session."""
    return exported(recorded, tmp_path / "export.jsonl", request.param).read_bytes()


def quickly(data: bytes) -> Verification | None:
    verifier = ExportVerifier(Verification(), NONE, [])
    if not read_in_segments(io.BytesIO(data), None, verifier, silent) or not verifier.holds():
        return None
    return verifier.told


def slowly(data: bytes) -> Verification:
    verifier = ExportVerifier(Verification(), NONE, [])
    verifier.read(io.BytesIO(data), silent)
    return verifier.told


@pytest.fixture(params=[1, 2, 16])
def together(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments and groups of lines of every length."""
    monkeypatch.setattr(segment, "LINES_TOGETHER", request.param)
    monkeypatch.setattr(verifying, "SEGMENT_BYTES", request.param * 400)


@pytest.mark.usefixtures("together")
def test_an_export_that_holds_is_told_quickly_and_told_the_same(export: bytes) -> None:
    found = quickly(export)
    assert found is not None
    assert found == slowly(export)
    assert verify_export(io.BytesIO(export)) == found


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


def test_a_segment_tells_what_is_left_to_compare() -> None:
    told = check_segment(LINES, ACME)
    assert told is not None
    assert (told.events, told.length) == (7, len(LINES))
    assert told.digests() == [row.hash for row in small_log()]
    assert told.heads == {"s1": (2, small_log()[4].hash), "s2": (3, small_log()[6].hash)}
    assert told.last == ("s2", 3)
    assert [link.seq for link in told.firsts.values()] == [0, 0]


@pytest.mark.parametrize("cut", range(8))
def test_two_segments_are_one(cut: int) -> None:
    bodies = LINES.splitlines(keepends=True)
    together = Segments()
    for part in (bodies[:cut], bodies[cut:]):
        told = check_segment(b"".join(part), ACME)
        assert told is not None
        assert together.take(told)
    whole = check_segment(LINES, ACME)
    assert whole is not None
    assert together.heads == whole.heads


@pytest.mark.parametrize("left_out", range(6))
def test_an_event_missing_between_two_segments_shows(left_out: int) -> None:
    bodies = LINES.splitlines(keepends=True)
    together, taken = Segments(), True
    for part in (bodies[:left_out], bodies[left_out + 1 :]):
        told = check_segment(b"".join(part), ACME)
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
def test_a_segment_that_may_not_hold_is_not_told_to(data: bytes) -> None:
    assert check_segment(data, ACME) is None


def test_a_segment_of_another_session_than_the_scope_is_not_told_to_hold() -> None:
    assert check_segment(LINES, Scope(tenant_id="acme", session_id="s1")) is None


def test_a_segment_ends_before_the_first_line_of_another_kind() -> None:
    told = check_segment(LINES + b'{"$kind":"trailer"}\n' + LINES, ACME)
    assert told is not None
    assert (told.length, told.events) == (len(LINES), 7)
    nothing = check_segment(b'{"$kind":"trailer"}\n', ACME)
    assert nothing is not None
    assert (nothing.length, nothing.events, nothing.first) == (0, 0, None)


def test_other_processes_tell_the_same(
    export: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "PROCESSES_FROM_BYTES", 0)
    monkeypatch.setattr(verifying, "SEGMENT_BYTES", 700)
    path = tmp_path / "export"
    path.write_bytes(export)
    verifier = ExportVerifier(Verification(), NONE, [])
    with path.open("rb") as file:
        assert read_in_segments(file, str(path), verifier, silent)
    assert verifier.holds()
    assert verifier.told == slowly(export)


def test_events_of_one_clock_running_back_are_left_to_the_slow_check() -> None:
    body = (
        b'{"event_type":"SESSION_OPENED","payload":{"now_ms":%d},"seq":0,"session_id":"s%d",'
        b'"tenant_id":"acme","ts_unix_ms":0,"user_id":""}'
    )
    rows = [restore(body % (now, now), at) for at, now in enumerate((5, 7, 6))]
    lines = [row.body + b"\n" for row in rows]
    assert check_segment(b"".join(lines), ACME) is None
    together = Segments()
    taken = []
    for line in lines:
        told = check_segment(line, ACME)
        assert told is not None
        taken.append(together.take(told))
    assert taken == [True, True, False]
    assert quickly(b"".join(export_lines(ACME, [], rows))) is None


def test_a_segment_with_a_line_past_the_bound_is_left_to_the_slow_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segment, "LINE_BYTES_MAX", len(LINES))
    assert check_segment(LINES, ACME) is not None
    monkeypatch.setattr(segment, "LINE_BYTES_MAX", len(LINES) - 1)
    assert check_segment(LINES, ACME) is None


def test_a_decision_has_a_cause_before_it_also_at_the_beginning_of_a_segment() -> None:
    decision = (
        b'{"event_type":"POLICY_DECISION","payload":{"now_ms":1},"seq":0,"session_id":"",'
        b'"tenant_id":"acme","ts_unix_ms":0,"user_id":""}\n'
    )
    told = check_segment(decision, ACME)
    assert told is not None
    assert not Segments().take(told)
