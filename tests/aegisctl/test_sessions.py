"""`sessions`: the same list from every source."""

import json
from pathlib import Path

from tests.aegisctl.conftest import Type
from tests.remote.shelf import Shelf


def test_sessions_are_alike_everywhere(
    recorded: Path, export: Path, shelf: Shelf, type_: Type
) -> None:
    asked = ("sessions", "--tenant", "acme", "--json")
    database = type_(*asked, recorded)
    report = json.loads(database.out)
    assert [(each["session_id"], each["events"]) for each in report["sessions"]] == [
        ("$control", 2),
        ("s1", 9),
        ("s2", 7),
    ]
    assert type_(*asked, export).out == database.out
    assert type_(*asked).out == database.out
