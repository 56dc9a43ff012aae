"""Many seeds hold, one seed is one history, and a bug in the engine is found by some seed."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence

import msgspec
import pytest
from click.testing import CliRunner

from aegisd.engine.batch import Decided
from aegisd.engine.recorded import Recorded
from aegisd.engine.resident import Resident
from aegisd.engine.signed_log import SignedLog
from aegisd.engine.writer import Writer
from tests.core.builders import ROOT
from tests.sim import __main__ as program
from tests.sim.world import History, simulate

# The command runs thousands; these few meet every fault.
SEEDS = range(6)
FILE_SEEDS = range(2)

# Seeds within which each planted bug must be found.
FOUND_WITHIN = 40


def test_no_law_breaks_under_any_seed() -> None:
    histories = [simulate(seed) for seed in SEEDS]
    met = {fault for history in histories for fault in history.met}
    assert met == {"failed", "unknown", "broken", "crash", "read"}
    assert all(history.acknowledged for history in histories)


@pytest.mark.parametrize("seed", FILE_SEEDS)
def test_no_law_breaks_on_a_file_that_is_found_as_the_crash_left_it(seed: int) -> None:
    assert simulate(seed, "sqlite").acknowledged


def test_a_seed_tells_one_history_in_every_process() -> None:
    again = "from tests.sim.world import simulate; import msgspec;"
    again += "print(msgspec.json.encode(simulate(3)).decode())"
    expected = simulate(3)
    for hash_seed in ("0", "7"):
        told = subprocess.run(
            [sys.executable, "-c", again],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        )
        assert msgspec.json.decode(told.stdout, type=History) == expected


async def _answer_before_commit(self: Writer, decided: Decided) -> bool:
    for reply, told in decided.replies:
        if not isinstance(told, Exception) and not reply.done():
            reply.set_result(told)
    return await COMMIT(self, decided)


def _keep_keys(self: Resident) -> None:
    self.tenant = None
    self.sessions.clear()


def _keep_sessions(self: Resident) -> None:
    self.tenant = None
    self._keyed.clear()


def _keep_all(self: Writer, *, held: bool) -> bool:
    return held


def _forget_keys(self: Resident, key: str) -> Sequence[Recorded]:
    return self._keyed.get(key, [])


def _sign_unstored(self: SignedLog, growth: object) -> None:
    """Nothing is stored."""


COMMIT = Writer._commit

BUGS: dict[str, tuple[type, str, Callable[..., object]]] = {
    "answered before the commit": (Writer, "_commit", _answer_before_commit),
    "keys of a failed batch are kept": (Resident, "drop", _keep_keys),
    "sessions of a failed batch are kept": (Resident, "drop", _keep_sessions),
    "what was staged on a failed batch is kept": (Writer, "_settle", _keep_all),
    "keys in the log are not looked up": (Resident, "recorded", _forget_keys),
    "a checkpoint is signed before it is stored": (SignedLog, "_grow", _sign_unstored),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found_by_a_seed_and_again_by_the_same(
    bug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, name, wrong = BUGS[bug]
    monkeypatch.setattr(owner, name, wrong)
    runs = (program.run(seed, "memory") for seed in range(FOUND_WITHIN))
    first = next(run for run in runs if run.broken)
    assert program.run(first.seed, "memory").broken == first.broken


def test_the_command_names_the_failing_seed_and_how_to_see_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Resident, "recorded", _forget_keys)
    said = CliRunner().invoke(program.main, ["--seeds", "4", "--jobs", "1"])
    assert said.exit_code == 1
    assert "BROKEN under seed" in said.output
    assert "again: python -m tests.sim --store memory --seed" in said.output


def test_the_command_says_that_all_held_and_in_json_nothing_else() -> None:
    said = CliRunner().invoke(program.main, ["--seed", "1", "--json"])
    assert said.exit_code == 0
    found = msgspec.json.decode(said.stdout, type=program.Summary)
    assert (found.seeds, found.failing) == (1, {})
