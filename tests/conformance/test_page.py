"""The page: every verdict is there, and no text of a stranger acts."""

from html.parser import HTMLParser

import pytest

from aegisd.conformance import page
from aegisd.conformance.result import CaseResult, Run
from tests.conformance.results import FAILED, HELD, UNJUDGED, WAITING, ended

ALL = (HELD, FAILED, UNJUDGED, WAITING)

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
