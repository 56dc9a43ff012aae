"""What `python -m drills.planted` prints and ends with."""

import msgspec
import pytest
from click.testing import CliRunner, Result

from drills.planted import __main__ as program
from drills.planted.bug import Bug, bugs
from drills.planted.catch import CAUGHT, NOT_CAUGHT, UNKNOWN, Catch, Catches, Named


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was judged: every bug is caught by the first case it names, and no copy is made."""
    names: list[str] = []

    def judge(name: str, bug: Bug | None, _run: Named, _engine: str, *, every: bool) -> Catch:
        names.append(name)
        if bug is None:
            return Catch(name=name, law="", holds=not every, seconds=0.0)
        first, *missed = bug.cases
        return Catch(
            name=name,
            law=bug.law,
            cases={"conditions": [first]},
            missed=tuple(missed),
            holds=False,
            seconds=0.0,
        )

    monkeypatch.setattr("drills.planted.catch.judge", judge)
    return names


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(program.main, arguments)


def test_an_unknown_name_ends_with_2_and_the_names_there_are() -> None:
    done = invoke("nobody")
    assert done.exit_code == UNKNOWN
    assert "no bug is called nobody" in done.stderr
    assert "budget-off-by-one" in done.stderr


def test_json_is_one_document_that_names_the_cases(judged: list[str]) -> None:
    seq = bugs(["seq-ignored"])["seq-ignored"]
    done = invoke("seq-ignored", "--json")
    assert done.exit_code == (CAUGHT if len(seq.cases) == 1 else NOT_CAUGHT)
    told = msgspec.json.decode(done.stdout, type=Catches)
    assert told.bugs[0].name == "seq-ignored"
    assert told.bugs[0].cases == {"conditions": [seq.cases[0]]}
    assert told.unchanged.holds
    assert sorted(judged) == ["seq-ignored", "unchanged"]


def test_the_table_names_bug_case_test_and_what_was_missed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    half = Catch(
        name="half",
        law="",
        cases={"conditions": ["CN-001"]},
        tests=("tests/core/test_budget.py",),
        missed=("CN-006",),
        holds=False,
        seconds=0.0,
    )
    held = Catch(name="unchanged", law="", holds=True, seconds=0.0)
    program.show(Catches(engine="regopy", bugs=(half,), unchanged=held))
    shown = capsys.readouterr().out
    assert "NOT CAUGHT by CN-006" in shown
    assert "conditions CN-001; tests/core/test_budget.py" in shown
    assert "0 of 1 planted bugs caught" in shown
