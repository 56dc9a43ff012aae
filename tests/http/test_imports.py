"""Foreign logs through the door: verified, kept under an archive tenant, read like any other."""

import io

import pytest

from aegisd.core.errors import ExportInvalid
from aegisd.core.log.export import LINE_BYTES_MAX, Scope
from aegisd.http import imports
from aegisd.http.imports import HEADER_BYTES_MAX
from tests.core.builders import export_lines
from tests.http.door import Door, call

HEADER = b'{"aegis_export":1,"tenant_id":"acme"}\n'
QUERY = "tenant_id=audit&author=ann&reason=case+12"


def exported(door: Door) -> bytes:
    """A tenant's log as an export."""
    scope = Scope(tenant_id="acme")
    return b"".join(export_lines(scope, [], door.store.events("acme")))


def test_an_import_is_kept_under_an_archive_and_told_in_control(door: Door) -> None:
    door.record(call())
    answer = door.ask("POST", f"/v1/imports?{QUERY}", exported(door))
    told = answer.json()
    assert answer.status_code == 201, answer.text
    assert (told["source_tenant"], told["events"]) == ("acme", 4)
    kept = door.get("/v1/events", tenant_id=told["archive"]).json()["events"]
    assert [each["hash"] for each in kept] == [row.hash.hex() for row in door.store.events("acme")]
    acts = door.get("/v1/sessions/$control/events", tenant_id="audit").json()["events"]
    assert acts[-1]["event_type"] == "LOG_IMPORTED"
    assert acts[-1]["hash"] == told["hash"]
    held = door.get("/v1/sessions/s1/verify", tenant_id=told["archive"]).json()
    assert (held["valid"], held["breaks"]) == (True, [])


def test_an_act_with_an_idempotency_key_is_refused_rather_than_done_twice(door: Door) -> None:
    headers = {"Idempotency-Key": "k1"}
    door.record(call())
    for path, body in (
        (f"/v1/imports?{QUERY}", exported(door)),
        ("/v1/policies", b'{"tenant_id":"acme","files":{},"author":"a","reason":"r"}'),
        ("/v1/policy/decide", b'{"event":{"event_type":"TERMINATION"}}'),
    ):
        answer = door.ask("POST", path, body, headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "field_unsupported"), path


@pytest.mark.parametrize("spare", [0, -1])
def test_an_export_may_have_import_bytes_max_and_not_one_more(
    door: Door, monkeypatch: pytest.MonkeyPatch, spare: int
) -> None:
    door.record(call())
    data = exported(door)
    monkeypatch.setattr(imports, "IMPORT_BYTES_MAX", len(data) + spare)
    answer = door.ask("POST", f"/v1/imports?{QUERY}", data)
    assert answer.status_code == (413 if spare else 201)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("tenant_id=audit&author=ann", "field_invalid"),
        ("tenant_id=audit&author=config&reason=x", "id_reserved"),
        ("tenant_id=$x&author=ann&reason=x", "id_reserved"),
        (f"{QUERY}&force=1", "field_unknown"),
        (QUERY, "export_invalid"),
    ],
)
def test_what_does_not_hold_is_not_imported(shared: Door, query: str, code: str) -> None:
    answer = shared.ask("POST", f"/v1/imports?{query}", b"{}\n")
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert not shared.store.tenants()


def test_an_export_that_cannot_be_spooled_is_our_trouble_and_keeps_nothing(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.record(call())
    data = exported(door)

    def full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(imports, "TemporaryFile", full)
    answer = door.ask("POST", f"/v1/imports?{QUERY}", data)
    assert (answer.status_code, answer.json()["code"]) == (503, "store_failed"), answer.text
    assert "TMPDIR" in answer.json()["detail"]
    assert door.store.tenants() == ["acme"]


@pytest.mark.parametrize(
    ("parts", "taken"),
    [
        ([b"x" * HEADER_BYTES_MAX], 1),
        ([b"x" * HEADER_BYTES_MAX, b"x"], 1),
        ([b"{}\n"], 0),
        ([HEADER[:9], HEADER[9:] + b"{", b"x" * (LINE_BYTES_MAX - 1)], 3),
        ([HEADER[:9], HEADER[9:] + b"{", b"x" * LINE_BYTES_MAX], 2),
        ([HEADER, b"{\n" + b"{" * LINE_BYTES_MAX + b"\n", b"{" * (LINE_BYTES_MAX + 1)], 2),
        ([HEADER + b"{}\nrubbish", b"{}\n"], 0),
    ],
)
def test_a_spool_takes_nothing_behind_the_first_line_that_is_of_no_export(
    parts: list[bytes], taken: int
) -> None:
    file = io.BytesIO()
    lines = imports._Lines(file)
    for part in parts[:taken]:
        lines.write(part)
    for part in parts[taken:][:1]:
        with pytest.raises(ExportInvalid):
            lines.write(part)
    assert file.getvalue() == b"".join(parts[:taken])
