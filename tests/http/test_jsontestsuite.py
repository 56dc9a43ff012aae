"""JSONTestSuite through the door, bare and as a value in payloads: refused or kept, never 5xx."""

import json
from pathlib import Path

import pytest

from tests.http.door import ROOT, Door

FOLDER = ROOT.parent / "shared" / "data" / "jsontestsuite"
FILES = sorted(FOLDER.glob("[niy]_*.json"))

# Why a document that RFC 8259 allows may still be refused.
DESIGNED = {
    "json_duplicate_key",
    "json_number_range",
    "json_too_deep",
    "json_invalid",
    "too_large",
    "field_invalid",
    "field_unknown",
}

WRAPPED = {
    "bare": b"%s",
    "message": b'{"tenant_id":"acme","session_id":"s1","event_type":"USER_MESSAGE",'
    b'"payload":{"content":%s}}',
    "result": b'{"tenant_id":"acme","session_id":"s1","event_type":"TOOL_RESULT",'
    b'"payload":{"call_id":"c1","result":%s}}',
    "args": b'{"tenant_id":"acme","session_id":"s1","event_type":"TOOL_CALL_PROPOSED",'
    b'"payload":{"tool_name":"think","args":{"a":%s}}}',
}

if not FILES:
    pytest.skip(f"no JSONTestSuite in {FOLDER.name}/ beside the checkout", allow_module_level=True)


@pytest.mark.parametrize("wrapping", WRAPPED)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_document_is_refused_or_kept_whole(shared: Door, file: Path, wrapping: str) -> None:
    document = file.read_bytes()
    answer = shared.post("/v1/events", WRAPPED[wrapping].replace(b"%s", document))
    told = answer.json()
    verdict = file.name[0]
    if wrapping == "bare":
        # None of the documents is an event, so what can be read is refused for its fields.
        assert 400 <= answer.status_code < 500
        assert verdict == "n" or told["code"] in DESIGNED
        assert verdict != "n" or answer.status_code == 400
        return
    if verdict == "n":
        assert 400 <= answer.status_code < 500
    elif answer.status_code == 201:
        expected = json.loads(document)
        stored = list(shared.store.session_events("acme", "s1", from_seq=told["seq"], limit=1))
        kept = json.loads(stored[0].body)["payload"]
        assert expected in (kept.get("content"), kept.get("result"), kept.get("args", {}).get("a"))
    else:
        assert told["code"] in DESIGNED, answer.text
