"""A break is told with what is known of its place, and cannot write on a terminal."""

import pytest

from aegisd.audit.verification.breaks import sentence, unreadable
from aegisd.core.errors import LogCorrupt
from aegisd.core.log.chain import NOWHERE, Break


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Break("file", "x"), "the file: file: x"),
        (Break("row", "x", tenant_id="acme", position=0), "tenant acme, position 0: row: x"),
        (Break("seq", "x", session_id="s\x1b", seq=3), "session s\\u001b, seq 3: seq: x"),
    ],
)
def test_a_sentence_names_the_places_that_are_known(found: Break, said: str) -> None:
    assert sentence(found) == said


def test_a_row_that_cannot_be_read_is_told_with_what_the_reader_knew_of_it() -> None:
    error = LogCorrupt("x", position=4, seq=None, session_id="s1")
    found = unreadable("acme", error)
    assert (found.rule, found.position, found.seq, found.session_id) == ("row", 4, NOWHERE, "s1")
