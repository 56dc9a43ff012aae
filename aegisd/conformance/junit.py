"""A run as JUnit XML for the viewers of build servers: a suite per pack, a test per case."""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from aegisd.conformance.result import CaseResult, PackResult, Run
from aegisd.printable import shown

# What XML 1.0 cannot hold at all, section 2.2.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(run: Run) -> bytes:
    """The run as a document in UTF-8."""
    root = Element("testsuites", {"name": f"aegis conformance ({_text(run.judged)})"})
    _count(root, run.cases)
    for each in run.packs:
        _suite(root, each, f"{run.moment:%Y-%m-%dT%H:%M:%S}")
    indent(root)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _suite(root: Element, result: PackResult, moment: str) -> None:
    pack = result.pack
    suite = SubElement(root, "testsuite", {"name": pack.name, "timestamp": moment})
    _count(suite, result.cases)
    for judged in result.cases:
        case = judged.case
        test = SubElement(
            suite,
            "testcase",
            {
                "classname": pack.name,
                "name": _text(f"{case.id} {case.requirement}"),
                "file": _text(pack.file),
                "line": str(case.line),
                "time": f"{judged.seconds:.3f}",
            },
        )
        if judged.verdict == "not_judged":
            SubElement(test, "skipped", {"message": _text(f"not judged: {judged.why}")})
        for each in judged.steps:
            step = each.step
            for found in each.mismatches:
                place = f"{pack.file}:{step.line}: {case.id}: step {step.number} ({step.verb})"
                message = f"{found.field}: expected {found.expected}, found {found.found}"
                failure = SubElement(
                    test, "failure", {"message": _text(message), "type": _text(found.field)}
                )
                failure.text = _text(f"{place}: {message}")


def _count(element: Element, cases: tuple[CaseResult, ...]) -> None:
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.verdict == "fails" for case in cases)))
    element.set("skipped", str(sum(case.verdict == "not_judged" for case in cases)))
    element.set("errors", "0")
    element.set("time", f"{sum(case.seconds for case in cases):.3f}")


def _text(text: str) -> str:
    """The text as XML can hold it: what is unseen is escaped for the eye."""
    return _NO_XML.sub("\ufffd", shown(text, None))
