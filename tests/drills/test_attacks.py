"""Every attack on a log, run on a real one: who notices is what the table promises."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from drills.attacks.__main__ import main, run, table
from drills.attacks.attack import ATTACKS, COLUMNS
from drills.attacks.looking import VERIFIERS, Sighting

ROOT = Path(__file__).parents[2]

# Who notices, column by column: nobody may move a line of this without saying so.
CAUGHT_BY = {
    "nothing was done": (),
    "edit one stored event": ("chain", "checkpoint", "kept"),
    "edit the newest event of a session": ("checkpoint", "kept"),
    "remove an event in the middle": ("chain", "checkpoint", "kept"),
    "reorder events of one session": ("chain", "checkpoint", "kept"),
    "reorder events of two sessions": ("checkpoint", "kept"),
    "truncate a session's tail": ("checkpoint", "kept"),
    "delete a whole session": ("checkpoint", "kept"),
    "rewrite everything and re-chain": ("checkpoint", "kept"),
    "re-sign a rewritten log with another key": ("checkpoint", "kept"),
    "roll back to an old backup": ("kept",),
    "cut what came after the newest kept checkpoint": (),
    "equivocation, auditors do not compare": (),
    "equivocation, auditors compare checkpoints": ("kept",),
    "re-sign a rewritten log with a stolen key": ("kept",),
    "back-date an event": (),
    "never append the event": (),
    "append false content": (),
}


@pytest.fixture(scope="module")
def findings() -> list[Sighting]:
    return run()


def test_every_verifier_says_of_every_attack_what_the_table_promises(
    findings: list[Sighting],
) -> None:
    assert [each for each in findings if not each.as_expected] == []
    assert len(findings) == len(ATTACKS) * len(COLUMNS) * len(VERIFIERS)


def test_the_table_promises_what_stands_here(findings: list[Sighting]) -> None:
    expected = {
        (name, column, verifier)
        for name, columns in CAUGHT_BY.items()
        for column in columns
        for verifier in VERIFIERS
    }
    caught = {
        (each.attack, each.column, each.verifier) for each in findings if each.found == "caught"
    }
    assert {attack.name for attack in ATTACKS} == set(CAUGHT_BY)
    assert caught == expected


def test_every_miss_says_what_it_means() -> None:
    for attack in ATTACKS:
        missed = "missed" in map(attack.expected, COLUMNS)
        assert bool(attack.why) == missed, attack.name


def test_the_page_shows_the_table_as_it_is_printed(findings: list[Sighting]) -> None:
    page = (ROOT / "docs" / "ATTACKS.md").read_text("utf-8")
    for line in table(findings):
        assert line in page


def test_one_verdict_that_is_not_expected_fails_the_run(
    findings: list[Sighting], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drills.attacks.__main__.run", lambda: findings)
    assert CliRunner().invoke(main, []).exit_code == 0
    told = CliRunner().invoke(main, ["--json"])
    assert (told.exit_code, len(json.loads(told.stdout))) == (0, len(findings))
    blind = Sighting(
        attack=findings[-1].attack,
        column="kept",
        verifier=VERIFIERS[0],
        expected="caught",
        found="exit 2",
    )
    monkeypatch.setattr("drills.attacks.__main__.run", lambda: [*findings[:-1], blind])
    told = CliRunner().invoke(main, [])
    assert told.exit_code == 1
    assert "UNEXPECTED append false content, kept, aegis_verify export" in told.stdout
    assert "EXIT 2" in told.stdout
