"""A run as text, JSON, JUnit XML and HTML: the same verdicts, and no text of a stranger's acts."""

import json
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from aegisd.conformance import junit, page
from aegisd.conformance.result import CaseResult, Run
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


# ── JUnit ────────────────────────────────────────────────────────────────────────────────────────


def test_junit_is_read_back_with_every_verdict() -> None:
    root = ET.fromstring(junit.document(ended(*ALL)))  # noqa: S314 - our own document
    assert root.tag == "testsuites"
    (suite,) = root.findall("testsuite")
    for element in (root, suite):
        counts = {name: element.get(name) for name in ("tests", "failures", "skipped", "errors")}
        assert counts == {"tests": "4", "failures": "1", "skipped": "2", "errors": "0"}
    assert suite.get("timestamp") == "2023-11-14T22:13:20"
    held, failed, unjudged, waiting = suite.findall("testcase")
    assert (held.get("classname"), held.get("name")) == ("small", "SM-001 It holds.")
    assert (held.get("file"), held.get("line"), held.get("time")) == (
        "packs/small.yaml",
        "18",
        "0.250",
    )
    assert list(held) == []
    (failure,) = failed
    assert failure.tag == "failure"
    assert str(failure.get("message")).startswith('outcome: expected "deny", found ')
    assert str(failure.text).startswith("packs/small.yaml:26: SM-002: step 2 (post): ")
    assert [each.tag for each in (*unjudged, *waiting)] == ["skipped", "skipped"]


def test_junit_holds_no_element_of_a_stranger() -> None:
    root = ET.fromstring(junit.document(ended(*ALL)))  # noqa: S314 - our own document
    tags = {element.tag for element in root.iter()}
    assert tags == {"testsuites", "testsuite", "testcase", "failure", "skipped"}


# ── HTML ─────────────────────────────────────────────────────────────────────────────────────────

VOID = {"meta", "br"}


class Outline(HTMLParser):
    """The elements of a page, each closed in order, and its text."""

    def __init__(self, document: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: dict[str, int] = {}
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(document.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def outline(run: Run) -> Outline:
    return Outline(page.document(run))


def test_the_page_is_well_formed_and_every_text_is_escaped() -> None:
    found = outline(ended(*ALL))
    assert found.open == []
    assert "script" not in found.tags
    assert found.text.count("<script>alert(1)</script>") == 7
    assert not {"\x1b", "\u202e", "\x00"} & set(found.text)


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    found = outline(ended(*ALL, url="http://gate.example/"))
    names = {name for name, _ in found.attributes}
    assert not {name for name in names if name.startswith("on")} | (names & {"src", "style"})
    links = [value for name, value in found.attributes if name == "href"]
    assert links == ["#small"]
    policy = [value for _, value in found.attributes if value and "default-src" in value]
    assert policy == [
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    ]
    assert not {"link", "img", "iframe", "object", "form"} & set(found.tags)
    assert "url(" not in page.document(ended()).decode()


def test_the_page_has_a_table_that_can_be_read_aloud_and_folded_failures() -> None:
    found = outline(ended(*ALL))
    assert (found.tags["caption"], found.tags["details"]) == (2, 1)
    scopes = [value for name, value in found.attributes if name == "scope"]
    assert (scopes.count("col"), scopes.count("row")) == (8, 5)
    assert ("lang", "en") in found.attributes
    assert "prefers-color-scheme: dark" in page.document(ended()).decode()


@pytest.mark.parametrize(
    ("cases", "said"),
    [((HELD,), "Complies."), ((FAILED,), "Does not comply."), ((), "Could not tell.")],
)
def test_the_page_begins_with_the_verdict(cases: tuple[CaseResult, ...], said: str) -> None:
    assert said in outline(ended(*cases)).text
