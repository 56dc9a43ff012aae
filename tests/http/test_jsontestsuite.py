"""JSONTestSuite through the door, bare and as a value in payloads: refused or kept, never 5xx."""

import json
from pathlib import Path

import pytest

from tests.http.door import ROOT, Door
from tests.table import each

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

WRAPPINGS = [
    b'{"tenant_id":"acme","session_id":"s1","event_type":"USER_MESSAGE","payload":{"content":%s}}',
    (
        b'{"tenant_id":"acme","session_id":"s1","event_type":"TOOL_RESULT",'
        b'"payload":{"call_id":"c1","result":%s}}'
    ),
    (
        b'{"tenant_id":"acme","session_id":"s1","event_type":"TOOL_CALL_PROPOSED",'
        b'"payload":{"tool_name":"think","args":{"a":%s}}}'
    ),
]

if not FILES:
    pytest.skip(f"no JSONTestSuite in {FOLDER.name}/ beside the checkout", allow_module_level=True)


@each("file", FILES)
def test_each_document_is_refused_or_kept_whole(shared: Door, file: Path) -> None:
    document = file.read_bytes()
    verdict = file.name[0]
    # None of the documents is an event, so what can be read is refused for its fields.
    bare = shared.post("/v1/events", document)
    assert 400 <= bare.status_code < 500
    assert verdict == "n" or bare.json()["code"] in DESIGNED
    assert verdict != "n" or bare.status_code == 400
    for wrapping in WRAPPINGS:
        answer = shared.post("/v1/events", wrapping.replace(b"%s", document))
        told = answer.json()
        if verdict == "n":
            assert 400 <= answer.status_code < 500, wrapping
        elif answer.status_code == 201:
            expected = json.loads(document)
            stored = list(shared.store.session_events("acme", "s1", from_seq=told["seq"], limit=1))
            kept = json.loads(stored[0].body)["payload"]
            values = kept.get("content"), kept.get("result"), kept.get("args", {}).get("a")
            assert expected in values, wrapping
        else:
            assert told["code"] in DESIGNED, answer.text
