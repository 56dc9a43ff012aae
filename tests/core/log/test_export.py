"""An export is the stored bytes and nothing else, and every change to the file shows."""

import hashlib
import io
import json
from collections.abc import Sequence

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aegisd.core.errors import ExportInvalid, TooLarge
from aegisd.core.log import export, export_reading
from aegisd.core.log.canonical import INTEGER_MAX, encode
from aegisd.core.log.chain import Break
from aegisd.core.log.envelope import StoredEvent, restore
from aegisd.core.log.export import (
    LINE_BYTES_MAX,
    ExportedDocument,
    ExportWriter,
    Head,
    Scope,
    Trailer,
)
from aegisd.core.log.export_check import ExportCheck
from aegisd.core.log.export_reading import read
from tests.core.builders import (
    GOLDEN,
    chain,
    envelope,
    export_lines,
    identifier,
    json_value,
    small_log,
)
from tests.table import each

LOG = small_log()
SCOPE = Scope(tenant_id="acme")
DOCUMENTS = [("manifest", encode({"name": "é", "tools": {}})), ("bundle", encode(["a\nb"]))]
LINES = list(export_lines(SCOPE, DOCUMENTS, LOG))
FILE = b"".join(LINES)
EVENTS_FROM = 3  # The header and two documents come first.


def faults(data: bytes) -> list[str]:
    """What a reader of the file is told: rules of breaks, and `ExportInvalid` where it stopped."""
    checked = ExportCheck()
    found: list[str] = []
    try:
        for part in read(io.BytesIO(data)):
            found += [broken.rule for broken in checked.check(part)]
    except ExportInvalid as error:
        found.append(error.code)
    return found


def breaks(data: bytes) -> list[Break]:
    checked = ExportCheck()
    return [broken for part in read(io.BytesIO(data)) for broken in checked.check(part)]


def ended(lines: Sequence[bytes]) -> bytes:
    """A file of these lines with a trailer that agrees with them: what a forger would write."""
    body = b"".join(lines)
    heads = {}
    events = [line for line in lines if not line.startswith((b'{"$kind"', b'{"aegis_export"'))]
    for line in events:
        told = msgspec.json.decode(line)
        digest = hashlib.sha256(line[:-1]).hexdigest()
        heads[told["session_id"]] = {"seq": told["seq"], "hash": digest}
    digest = hashlib.sha256(body).hexdigest()
    trailer = {"$kind": "trailer", "events": len(events), "heads": heads, "sha256": digest}
    return body + encode(trailer) + b"\n"


def with_trailer(**changes: object) -> bytes:
    trailer = {**msgspec.json.decode(LINES[-1]), **changes}
    return b"".join(LINES[:-1]) + encode(trailer) + b"\n"


def test_an_export_is_these_lines() -> None:
    assert FILE.decode() == (GOLDEN / "export.jsonl").read_text("utf-8")


def test_an_untouched_export_holds() -> None:
    assert faults(FILE) == []
    assert ended(LINES[:-1]) == FILE


def test_an_export_reads_back_as_what_was_written() -> None:
    parts = list(read(LINES))
    assert parts[0] == SCOPE
    documents = [part for part in parts if isinstance(part, ExportedDocument)]
    assert [(each.kind, each.body.encode()) for each in documents] == sorted(DOCUMENTS)
    assert [part for part in parts if isinstance(part, StoredEvent)] == LOG
    assert parts[-1] == Trailer(
        events=7,
        heads={
            "s1": Head(seq=2, hash=LOG[4].hash.hex()),
            "s2": Head(seq=3, hash=LOG[6].hash.hex()),
        },
        sha256=hashlib.sha256(b"".join(LINES[:-1])).hexdigest(),
    )


def test_each_event_line_is_exactly_the_stored_bytes() -> None:
    assert [line[:-1] for line in LINES[EVENTS_FROM:-1]] == [row.body for row in LOG]


@given(st.lists(st.integers(0, len(LOG)), min_size=2, max_size=2), st.integers(0, 9999))
def test_lines_that_go_by_in_pieces_make_the_same_export(ends: list[int], cut: int) -> None:
    begin, end = sorted(ends)
    writer = ExportWriter()
    written = list(writer.begin(SCOPE, DOCUMENTS))
    for part in (LOG[:begin], LOG[begin:end], LOG[end:]):
        passing = b"".join(row.body + b"\n" for row in part)
        written += [writer.lines(passing[:cut]), writer.lines(passing[cut:])]
    written.append(writer.end({row.session_id: (row.seq, row.hash) for row in LOG}, len(LOG)))
    assert b"".join(written) == FILE


def test_a_person_with_sha256_and_a_json_reader_can_check_it() -> None:
    heads = {}
    *lines, last = FILE.decode().splitlines()
    for line in lines[EVENTS_FROM:]:
        told = json.loads(line)
        digest = hashlib.sha256(line.encode()).hexdigest()
        heads[told["session_id"]] = {"seq": told["seq"], "hash": digest}
    assert json.loads(last)["heads"] == heads
    digest = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    assert json.loads(last)["sha256"] == digest


@given(
    st.lists(st.tuples(identifier, json_value), max_size=6),
    st.lists(st.tuples(st.sampled_from(["manifest", "bundle"]), json_value), max_size=3),
)
def test_any_log_is_exported_byte_stably_and_read_back(
    said: list[tuple[str, object]], kept: list[tuple[str, object]]
) -> None:
    seqs: dict[str, int] = {}
    envelopes = []
    for session_id, content in said:
        seq = seqs.setdefault(session_id, 0)
        seqs[session_id] += 1
        payload = {"content": content}
        envelopes.append(envelope(seq, "USER_MESSAGE", payload, session_id=session_id))
    rows = chain(envelopes)
    documents = [(kind, encode(value)) for kind, value in kept]
    data = b"".join(export_lines(SCOPE, documents, rows))
    assert data == b"".join(export_lines(SCOPE, [*reversed(documents), *documents], iter(rows)))
    assert faults(data) == []
    assert [part for part in read(io.BytesIO(data)) if isinstance(part, StoredEvent)] == rows


@pytest.mark.parametrize("flip", [0x01, 0x20, 0x80])
def test_any_flipped_byte_of_the_file_shows(flip: int) -> None:
    for at in range(len(FILE)):
        flipped = bytes([*FILE[:at], FILE[at] ^ flip, *FILE[at + 1 :]])
        assert faults(flipped), f"byte {at}"


def test_a_file_cut_off_anywhere_shows() -> None:
    for at in range(len(FILE)):
        assert "export_invalid" in faults(FILE[:at]), f"byte {at}"


@pytest.mark.parametrize("at", range(len(LINES)))
def test_a_dropped_a_doubled_and_an_inserted_line_show(at: int) -> None:
    for lines in (
        LINES[:at] + LINES[at + 1 :],
        LINES[: at + 1] + LINES[at:],
        [*LINES[:at], b"{}\n", *LINES[at:]],
        [*LINES[:at], b"\n", *LINES[at:]],
    ):
        assert "export_invalid" in faults(b"".join(lines))


@each("first", range(len(LINES)))
@each("second", range(len(LINES)))
def test_two_lines_in_each_others_place_show(first: int, second: int) -> None:
    lines = list(LINES)
    lines[first], lines[second] = lines[second], lines[first]
    assert bool(faults(b"".join(lines))) == (first != second)


# Indices of lines with a later event of the same session.
CONTINUED = [EVENTS_FROM + at for at in range(4)] + [EVENTS_FROM + 5]


@pytest.mark.parametrize("at", CONTINUED)
def test_a_dropped_event_shows_though_the_trailer_was_made_to_agree(at: int) -> None:
    assert faults(ended(LINES[:at] + LINES[at + 1 : -1])) == ["seq", "prev_hash"]


@pytest.mark.parametrize("at", CONTINUED)
def test_an_edited_event_shows_though_the_trailer_was_made_to_agree(at: int) -> None:
    told = msgspec.json.decode(LINES[at])
    line = rfc8785.dumps({**told, "ts_unix_ms": 1}) + b"\n"
    assert faults(ended([*LINES[:at], line, *LINES[at + 1 : -1]])) == ["prev_hash"]


def test_an_event_of_another_tenant_or_session_shows() -> None:
    foreign = chain([envelope(0, "USER_MESSAGE", {"content": "x"}, tenant_id="other")])
    assert faults(b"".join(export_lines(SCOPE, [], foreign))) == ["scope"]
    session = Scope(tenant_id="acme", session_id="s1")
    own = [row for row in LOG if row.session_id == "s1"]
    assert faults(b"".join(export_lines(session, [], own))) == []
    assert set(faults(b"".join(export_lines(session, [], LOG)))) == {"scope"}


def test_a_document_that_is_not_what_its_digest_names_shows() -> None:
    manifest = next(line for line in LINES if b'"manifest"' in line)
    other = rfc8785.dumps({**msgspec.json.decode(manifest), "body": "{}"}) + b"\n"
    assert faults(ended([LINES[0], other, *LINES[EVENTS_FROM:-1]])) == ["document"]


def test_a_trailer_that_tells_of_another_end_shows() -> None:
    heads = msgspec.json.decode(LINES[-1])["heads"]
    assert [(b.rule, b.detail) for b in breaks(with_trailer(events=8))] == [
        ("head", "the trailer counts 8 events, found 7")
    ]
    for changed in (
        {**heads, "s1": {**heads["s1"], "seq": 3}},
        {**heads, "s1": {**heads["s1"], "hash": "0" * 64}},
        {**heads, "s3": heads["s1"]},
        {"s1": heads["s1"]},
    ):
        assert [b.rule for b in breaks(with_trailer(heads=changed))] == ["head"]


def test_the_check_counts_what_it_saw() -> None:
    checked = ExportCheck()
    for part in read(LINES):
        checked.check(part)
    assert (checked.scope, checked.chain.events, len(checked.chain.heads)) == (SCOPE, 7, 2)


@pytest.mark.parametrize(
    "header",
    [
        b"{}",
        b"[]",
        b"null",
        b"",
        b"\xff",
        b'{"aegis_export":2,"tenant_id":"acme"}',
        b'{"aegis_export":true,"tenant_id":"acme"}',
        b'{"aegis_export":"1","tenant_id":"acme"}',
        b'{"aegis_export":1}',
        b'{"aegis_export":1,"tenant_id":1}',
        b'{"aegis_export":1,"tenant_id":"acme","until":5}',
        b'{"aegis_export": 1,"tenant_id":"acme"}',
        b'{"tenant_id":"acme","aegis_export":1}',
        LINES[EVENTS_FROM][:-1],
    ],
)
def test_a_file_that_does_not_begin_as_an_export_is_refused(header: bytes) -> None:
    with pytest.raises(ExportInvalid, match=r"^line 1: "):
        list(read([header + b"\n", *LINES[1:]]))


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"[]",
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"$kind":1}',
        b'{"$kind":"manifest"}',
        b'{"$kind":"manifest","body":"{}"}',
        b'{"$kind":"manifest","body":1,"digest":""}',
        b'{"$kind":"manifest","body":"{}","digest":"","more":1}',
        b'{"$kind":"manifest","digest":"","body":"{}"}',
        b'{"$kind":"trailer"}',
        b'{"$kind":"trailer","events":true,"heads":{},"sha256":""}',
        b'{"$kind":"trailer","events":0,"heads":{"s":{"seq":0}},"sha256":""}',
        b'{"$kind":"trailer","events":0,"heads":{"s":{"hash":"","seq":"0"}},"sha256":""}',
        b'{"$kind":"trailer","events":0,"heads":{},"more":1,"sha256":""}',
        b'{"$kind":"trailer","events":0,"heads":{},"sha256":""}',
        LINES[EVENTS_FROM][:-1] + b"\r",
    ],
)
def test_a_line_that_is_none_of_an_exports_is_refused_by_its_number(line: bytes) -> None:
    with pytest.raises(ExportInvalid, match=r"^line 2: "):
        list(read([LINES[0], line + b"\n", *LINES[1:]]))


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(ExportInvalid, match="without a trailer"):
        list(read([]))


def test_nothing_may_follow_the_trailer() -> None:
    with pytest.raises(ExportInvalid, match=r"^line 12: nothing may follow"):
        list(read([*LINES, LINES[-1]]))


def test_a_line_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LINE_BYTES_MAX > 2 * (1_048_576 + 65_536)  # A document, every byte of it escaped.
    longest = max(map(len, LINES))
    monkeypatch.setattr(export_reading, "LINE_BYTES_MAX", longest)
    assert faults(FILE) == []
    monkeypatch.setattr(export_reading, "LINE_BYTES_MAX", longest - 1)
    assert faults(FILE)[-1] == "export_invalid"


def test_a_trailer_is_written_as_long_as_a_reader_takes_it_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = chain(envelope(0, "TERMINATION", None, session_id=f"s{at}") for at in range(9))
    data = b"".join(export_lines(SCOPE, [], rows))
    trailer = data.splitlines(keepends=True)[-1]
    for module in (export, export_reading):
        monkeypatch.setattr(module, "LINE_BYTES_MAX", len(trailer))
    assert b"".join(export_lines(SCOPE, [], rows)) == data
    assert faults(data) == []
    for module in (export, export_reading):
        monkeypatch.setattr(module, "LINE_BYTES_MAX", len(trailer) - 1)
    with pytest.raises(TooLarge, match="9 sessions"):
        list(export_lines(SCOPE, [], rows))
    assert faults(data) == ["export_invalid"]


def test_reading_stops_at_the_first_line_it_cannot_trust_to_be_an_event() -> None:
    rows = replace(LOG[0], body=b"not an envelope")
    data = b"".join(export_lines(SCOPE, [], [rows]))
    with pytest.raises(ExportInvalid, match="line 2: not an event"):
        list(read(io.BytesIO(data)))


def test_positions_are_counted_from_zero_whatever_they_were() -> None:
    own = [row for row in LOG if row.session_id == "s2"]
    parts = read(export_lines(Scope(tenant_id="acme", session_id="s2"), [], own))
    rows = [part for part in parts if isinstance(part, StoredEvent)]
    assert [row.position for row in rows] == [0, 1, 2, 3]
    assert rows == [restore(row.body, at) for at, row in enumerate(own)]


def test_a_head_past_what_json_keeps_is_refused() -> None:
    heads = {"s1": {"seq": INTEGER_MAX, "hash": ""}}
    data = with_trailer(heads=heads).replace(b"9007199254740991", b"9007199254740992")
    assert faults(data) == ["export_invalid"]
