"""A run has one verdict of many, and a JSON document that programs rely on."""

import json

import pytest

from aegisd.conformance.result import CaseResult
from aegisd.core.log.canonical import encode
from tests.conformance.results import FAILED, HELD, HOSTILE, UNJUDGED, WAITING, ended

ALL = (HELD, FAILED, UNJUDGED, WAITING)


@pytest.mark.parametrize(
    ("cases", "verdict"),
    [
        ((HELD,), "holds"),
        ((HELD, WAITING), "holds"),
        ((HELD, FAILED), "fails"),
        ((HELD, UNJUDGED), "not_judged"),
        ((FAILED, UNJUDGED), "fails"),
        ((WAITING,), "not_judged"),
        ((), "not_judged"),
    ],
)
def test_one_verdict_of_many_and_never_compliance_of_nothing(
    cases: tuple[CaseResult, ...], verdict: str
) -> None:
    run = ended(*cases)
    assert run.verdict == verdict
    assert run.document()["verdict"] == verdict


def test_what_waits_counts_as_neither_held_nor_broken() -> None:
    assert ended(*ALL).counts() == {"holds": 1, "fails": 1, "not_judged": 1, "waits": 1}


def test_the_json_document_has_the_shape_that_programs_rely_on() -> None:
    found = json.loads(encode(ended(HELD, FAILED, WAITING).document()))
    assert found["aegis_conformance"] == 1
    assert found["target"] == {
        "kind": "in-process",
        "url": None,
        "engine": {"name": "regopy", "version": "1.5.2"},
    }
    assert (found["run_at_ms"], found["version"]) == (1_700_000_000_000, "0.1.0")
    assert found["counts"] == {"holds": 1, "fails": 1, "not_judged": 0, "waits": 1}
    (pack,) = found["packs"]
    assert set(pack) == {"pack", "title", "file", "verdict", "cases"}
    assert pack["cases"][0] == {
        "id": "SM-001",
        "requirement": "It holds.",
        "from": "BS-001 SEC-001",
        "line": 18,
        "verdict": "holds",
        "why": None,
        "waits_for": None,
        "steps": [{"step": 1, "line": 21, "verb": "verify", "verdict": "holds", "findings": []}],
    }
    assert pack["cases"][1]["steps"][1]["findings"] == [
        {"field": "outcome", "expected": '"deny"', "found": HOSTILE}
    ]
    assert pack["cases"][2]["waits_for"] == "taint"


def test_the_json_of_a_server_names_it() -> None:
    told = ended(HELD, url="http://gate.example").document()["target"]
    assert told == {"kind": "server", "url": "http://gate.example", "engine": None}
