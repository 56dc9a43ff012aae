"""JUnit XML: every verdict is there, and no text of a stranger becomes an element."""

from xml.etree import ElementTree as ET

from aegisd.conformance import junit
from tests.conformance.results import FAILED, HELD, UNJUDGED, WAITING, ended

ALL = (HELD, FAILED, UNJUDGED, WAITING)


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
