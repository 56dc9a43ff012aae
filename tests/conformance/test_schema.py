"""The schema that editors check by takes what is loaded, and refuses what is not."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from aegisd.conformance import schema, source
from aegisd.conformance.step import SHAPES
from tests.conformance.packs import FETCH, NOTE, steps
from tests.conformance.test_loading import STEP_FAULTS
from tests.table import each

ROOT = Path(__file__).resolve().parents[2]
PACKS = sorted((ROOT / "conformance/packs").glob("*.yaml"))

# What only the whole pack tells: names of what is in it or was saved, and what belongs together.
BEYOND = ("no step before", "cannot have", "in items", "of its own", "it has", "exactly one")


FILE = json.loads((ROOT / "conformance/pack.schema.json").read_text("utf-8"))


def valid(text: str) -> bool:
    """Whether an editor would say nothing to a pack, by the file and by this build alike."""
    pack = source.read(text, "a").value
    by_file, by_build = (
        jsonschema_rs.validator_for(each).is_valid(pack) for each in (FILE, schema.document())
    )
    assert by_file == by_build
    return by_build


def shapes(document: dict[str, Any]) -> dict[str, object]:
    """What our shapes decide of a schema, without how a release of msgspec spells the rest."""
    return {
        name: (
            told.get("description"),
            told["additionalProperties"],
            sorted(told["required"]),
            sorted(told["properties"]),
        )
        for name, told in document["$defs"].items()
    }


def test_the_file_beside_the_packs_is_the_schema_of_this_build() -> None:
    """Make it again with `aegisctl conformance schema > conformance/pack.schema.json`."""
    assert shapes(FILE) == shapes(schema.document())


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_every_pack_is_valid(path: Path) -> None:
    assert valid(path.read_text("utf-8"))


def test_every_verb_is_taken() -> None:
    every = {
        "manifest": "manifest: desk",
        "policy": "policy: null",
        "post": f"{{post: [{NOTE}, {FETCH}], key: k, expect: {{items: [{{seq: '{{a}}'}}, {{}}]}}}}",
        "raw": "{raw: x, ndjson: true}",
        "raw_base64": "raw_base64: eA==",
        "check": f"{{check: {NOTE}, expect: {{outcome: null}}, repeat: 2}}",
        "open": "{open: {}, save: {first: '.'}}",
        "snapshot": "{snapshot: null, expect: {violations: 0}}",
        "events": "{events: s1, expect: {count: 0}}",
        "restart": "restart: {kill: true}",
        "tamper": "tamper: {swap: {seq: 1}}",
        "verify": "{verify: {}, expect: {holds: false, rule: seq}}",
        "replay": "{replay: {}, expect: {holds: false, class: tampered}}",
        "checkpoint": "{checkpoint: {}, expect: {code: checkpoint_unknown}, save: {n: note}}",
        "prove": "{prove: {seq: 1, size: '{n}', of: 2}, expect: {holds: false}}",
        "continues": "continues: {from: '{n}'}",
        "backup": "backup: {}",
        "rollback": "{rollback: {}, expect: {starts: false, says: x}}",
    }
    assert set(every) == set(SHAPES)
    for line in every.values():
        assert valid(steps(line)), line


@each(("line", "said"), STEP_FAULTS.items())
def test_what_a_shape_forbids_an_editor_marks(line: str, said: str) -> None:
    beyond = any(word in said for word in BEYOND)
    assert valid(steps(line)) == beyond
