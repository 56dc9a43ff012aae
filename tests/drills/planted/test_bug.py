"""A planted bug fits the source that it is for, and is written so that a reader learns from it."""

from functools import partial
from pathlib import Path

import msgspec
import pytest

from drills.planted.bug import ROOT, Bug, BugInvalid, bugs, plant
from tests.table import each

BUGS = bugs()

HARMLESS = Bug(
    story="Somebody mended a comment.",
    law="None.",
    file="policies/aegis/limits.rego",
    old="# What the manifest makes the enforcement point hold",
    new="# To what the manifest makes the enforcement point hold",
    cases=("TNE-001", "TNE-002"),
)


@each("name", BUGS)
def test_the_old_text_stands_once_in_the_source_and_the_new_one_never(name: str) -> None:
    bug = BUGS[name]
    text = (ROOT / bug.file).read_text("utf-8")
    assert text.count(bug.old) == 1
    assert bug.story.endswith(".")
    assert bug.law.endswith(".")
    assert all((ROOT / test.partition("::")[0]).is_file() for test in bug.tests)


def test_bugs_are_planted_in_the_rules_the_core_the_engine_and_the_log() -> None:
    rooms = {"/".join(bug.file.split("/")[:3]) for bug in BUGS.values()}
    assert len(BUGS) >= 60
    assert {"policies/aegis/path.rego", "aegisd/core/log", "aegisd/core/policy"} <= rooms
    assert any(room.startswith("aegisd/engine") for room in rooms)


def test_no_bug_is_of_one_engine_alone() -> None:
    assert not [bug.file for bug in BUGS.values() if bug.file.endswith("_engine.py")]


def test_old_text_that_is_gone_is_refused_with_the_file_to_mend(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n")
    into = partial(plant, tree=tmp_path)
    for old, found in (("x = 1", 2), ("y = 1", 0)):
        bug = msgspec.structs.replace(HARMLESS, file="a.py", old=old, new="z = 1")
        with pytest.raises(BugInvalid, match=f"a.py: .* found it {found} times"):
            into(bug)
    assert (tmp_path / "a.py").read_text() == "x = 1\nx = 1\n"
    with pytest.raises(BugInvalid, match="expected a file of the checkout"):
        into(msgspec.structs.replace(HARMLESS, file="b.py"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("story: [", "x.yaml: "),
        ("story: a\n", "x.yaml: .*`law`"),
        ("story: a\nlaw: b\nfile: c\nold: d\nnew: e\ncases: [CH-001]\nwhy: f\n", "x.yaml: .*`why`"),
        ("story: a\nlaw: b\nfile: c\nold: d\nnew: e\ncases: []\n", "expected ids of cases"),
        ("story: a\nlaw: b\nfile: c\nold: d\nnew: d\ncases: [CH-001]\n", "the same text"),
    ],
)
def test_a_bug_that_is_not_written_right_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(BugInvalid, match=said):
        bugs(folder=tmp_path)
