"""`policy input`: a recorded call becomes a test that can be run."""

import json
from pathlib import Path

import pytest

from tests.aegisctl.conftest import Type

CALL = ("--tenant", "acme", "--session", "s2")
RULE = (
    "package aegis.rules\n\nimport rego.v1\n\n"
    'deny contains "no fetching" if {\n\tinput.call.tool == "fetch"\n'
    '\t"docs.python.org" in data.manifest.net.domains\n}\n'
)


def test_a_recorded_call_is_shown_as_rules_read_it(recorded: Path, type_: Type) -> None:
    shown = json.loads(type_("policy", "input", recorded, *CALL, "--seq", "0").out)
    assert shown["call"]["tool"] == "fetch"
    assert shown["call"]["args"] == {"url": "https://docs.python.org/3/"}
    told = json.loads(type_("policy", "input", recorded, *CALL, "--seq", "0", "--json").out)
    assert (told["input"], told["outcome"], told["reason"]) == (shown, "allow", "OK")
    assert told["manifest"]["registered"] is True


def test_it_becomes_a_test_that_runs(recorded: Path, type_: Type, tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_text(RULE.replace('"fetch"', '"other"'))
    for name, seq in (("a", "0"), ("b", "2")):
        test = type_("policy", "input", recorded, *CALL, "--seq", seq, "--test")
        (tmp_path / f"{name}_test.rego").write_text(test.out)
    ran = type_("policy", "test", tmp_path)
    assert ran.out == "2 tests passed, 0 failed, 0 to do\n"
    # A rule that would have denied what was allowed is told by it.
    (tmp_path / "a.rego").write_text(RULE)
    assert type_("policy", "test", tmp_path).code == 1


@pytest.mark.parametrize("more", [("--seq", "99"), (), ("--seq", "-1")])
def test_where_nothing_was_decided_could_not_be_told(
    more: tuple[str, ...], recorded: Path, type_: Type
) -> None:
    assert type_("policy", "input", recorded, *CALL, *more).code == 2
