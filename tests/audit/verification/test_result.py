"""What a verification tells, and how much of it."""

import pytest

from aegisd.audit.verification.result import BREAKS_MAX, Verification
from aegisd.core.errors import SessionUnknown
from aegisd.core.log.chain import Break


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
