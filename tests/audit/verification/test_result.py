"""What a verification tells, and how much of it; and no break can write on a terminal."""

import pytest

from aegisd.audit.verification.result import BREAKS_MAX, Verification, sentence, unreadable
from aegisd.core.errors import LogCorrupt, SessionUnknown
from aegisd.core.log.chain import NOWHERE, Break


def test_only_the_first_breaks_are_kept_and_all_are_counted() -> None:
    told = Verification()
    for number in range(BREAKS_MAX + 1):
        told.add(Break("hash", "x", position=number))
    assert (len(told.breaks), told.breaks_found) == (BREAKS_MAX, BREAKS_MAX + 1)
    assert told.document()["holds"] is False


def test_a_break_of_another_session_that_leaves_this_one_whole_is_counted_apart() -> None:
    told = Verification(session_id="s1")
    told.add(Break("hash", "x", session_id="s2"))
    assert (told.holds, told.elsewhere) == (True, 1)
    told.add(Break("position", "x", session_id="s2"))
    assert (told.holds, told.elsewhere) == (False, 1)


def test_a_session_that_is_nowhere_is_unknown_where_nothing_else_is_wrong() -> None:
    told = Verification(session_id="s1")
    told.require_session(present=True)
    with pytest.raises(SessionUnknown, match="s1"):
        told.require_session(present=False)
    told.add(Break("position", "x"))
    told.require_session(present=False)


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
