"""One question has one answer, whichever source is asked."""

from pathlib import Path

import pytest

from tests.aegisctl.conftest import Type
from tests.remote.shelf import Shelf

FILTERS: list[tuple[str, ...]] = [
    (),
    ("--session", "s2"),
    ("--type", "TOOL_CALL_PROPOSED"),
    ("--tool", "fetch"),
    ("--outcome", "deny"),
    ("--tool", "fetch", "--outcome", "deny"),
    ("--session", "s1", "--outcome", "allow", "--type", "POLICY_DECISION"),
    ("--limit", "4"),
]


@pytest.mark.parametrize("filters", FILTERS)
def test_every_source_answers_a_question_alike(
    filters: tuple[str, ...], recorded: Path, export: Path, shelf: Shelf, type_: Type
) -> None:
    asked = ("events", "--tenant", "acme", "--json", *filters)
    database = type_(*asked, recorded)
    assert (database.code, database.err) == (0, "")
    assert database.out
    assert type_(*asked, export).out == database.out
    assert type_(*asked).out == database.out
