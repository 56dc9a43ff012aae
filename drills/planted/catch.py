"""Whether a planted bug is noticed: packs and tests are run on a copy, and what fails is told."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec import Struct

from aegisd import reaper
from drills.planted.bug import Bug, copy, plant

# Seconds for one run: two for most bugs, thirty for all cases. A copy that hangs is not caught; a
# machine that does much else is no hang.
RUN_SECONDS_MAX = 900

# Copies judged at once. Each is a process that keeps one core busy.
JOBS = 2

CAUGHT, NOT_CAUGHT, UNKNOWN = 0, 1, 2

# What pytest ends with: https://docs.pytest.org/en/stable/reference/exit-codes.html
_TESTS_PASSED, _TESTS_FAILED = 0, 1

# Properties stop at the first example that fails: nobody reads it. See tests/conftest.py.
_UNSHRUNK = {"HYPOTHESIS_PROFILE": "unshrunk"}

_PACKS = "conformance/packs"
_START = "from aegisctl.main import main; main()"


class Catch(Struct, frozen=True, kw_only=True):
    """What was said about one copy.

    `cases` are the ids that failed, by pack, and `tests` the modules. `missed` are those that the
    bug names and that did not. `problem` says why a run gave no verdict, else it is empty. `holds`
    tells that every judged case and test held.
    """

    name: str
    law: str
    cases: dict[str, list[str]] = {}
    tests: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    holds: bool
    seconds: float
    problem: str = ""

    @property
    def caught(self) -> bool:
        """Whether all that is named failed; a run that broke down proves nothing."""
        return bool(self.cases or self.tests) and not self.missed and not self.problem


class Catches(Struct, frozen=True, kw_only=True):
    """All bugs, and the same cases and tests on the copy that nobody changed."""

    engine: str
    bugs: tuple[Catch, ...]
    unchanged: Catch

    @property
    def exit_code(self) -> int:
        """0: all caught and the unchanged copy holds; 2: a run broke down; 1: the rest."""
        runs = (*self.bugs, self.unchanged)
        if any(each.problem for each in runs):
            return UNKNOWN
        good = self.unchanged.holds and all(each.caught for each in self.bugs)
        return CAUGHT if good else NOT_CAUGHT


class Named(Struct, frozen=True):
    """What is run on a copy: cases by their ids, and modules of tests."""

    cases: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


class _Case(Struct):
    id: str
    verdict: str
    waits_for: str | None


class _Pack(Struct):
    pack: str
    cases: list[_Case]


class _Run(Struct):
    """What is read of the runner's JSON."""

    packs: list[_Pack]


class _NoVerdict(Exception):
    """A run that told nothing; the message says why."""


def judge(name: str, bug: Bug | None, run: Named, engine: str, *, every: bool = False) -> Catch:
    """Run cases and tests on a copy, changed by `bug` where there is one; with `every`, all cases.

    Raises `BugInvalid`.
    """
    started = time.perf_counter()
    failed: dict[str, list[str]] = {}
    broken: tuple[str, ...] = ()
    holds, problem = True, ""
    with tempfile.TemporaryDirectory(prefix=f"aegis-planted-{name}-") as folder:
        tree = Path(folder)
        copy(tree)
        if bug is not None:
            plant(bug, tree)
        try:
            if run.cases or every:
                failed, holds = _play(tree, () if every else run.cases, engine)
            broken = tuple(each for each in run.tests if not _passes(tree, each))
        except _NoVerdict as error:
            holds, problem = False, str(error)
    found = {*broken, *(case for ids in failed.values() for case in ids)}
    named = () if bug is None else (*bug.cases, *bug.tests)
    return Catch(
        name=name,
        law="" if bug is None else bug.law,
        cases=failed,
        tests=broken,
        missed=tuple(each for each in named if each not in found),
        holds=holds and not broken,
        seconds=round(time.perf_counter() - started, 1),
        problem=problem,
    )


def judge_all(
    chosen: Mapping[str, Bug], *, engine: str, every: bool = False, jobs: int = JOBS
) -> Catches:
    """Judge bugs, and the copy that nobody changed by all that they name."""
    everything = Named(
        tuple(sorted({case for bug in chosen.values() for case in bug.cases})),
        tuple(sorted({test for bug in chosen.values() for test in bug.tests})),
    )
    with ThreadPoolExecutor(jobs) as workers:
        # The longest run first, so that nobody waits for it alone at the end.
        control = workers.submit(judge, "unchanged", None, everything, engine, every=every)
        runs = [
            workers.submit(judge, name, bug, Named(bug.cases, bug.tests), engine, every=every)
            for name, bug in chosen.items()
        ]
        return Catches(
            engine=engine,
            bugs=tuple(each.result() for each in runs),
            unchanged=control.result(),
        )


def told(answer: bytes) -> tuple[dict[str, list[str]], bool]:
    """The failed cases by pack in the runner's JSON, and whether every judged case holds.

    What waits for a later version is left out; what nobody judged does not hold. Raises
    `msgspec.MsgspecError` for anything but the runner's document.
    """
    run = msgspec.json.decode(answer, type=_Run)
    judged = [(pack.pack, case) for pack in run.packs for case in pack.cases if not case.waits_for]
    failed: dict[str, list[str]] = {}
    for pack, case in judged:
        if case.verdict == "fails":
            failed.setdefault(pack, []).append(case.id)
    return failed, bool(judged) and all(case.verdict == "holds" for _, case in judged)


def _play(tree: Path, cases: Sequence[str], engine: str) -> tuple[dict[str, list[str]], bool]:
    """The failed cases by pack, and whether all judged ones hold. Raises `_NoVerdict`."""
    chosen = [word for case in cases for word in ("--case", case)]
    arguments = ["conformance", "run", _PACKS, *chosen, "--engine", engine, "--json"]
    done = _ran(tree, [sys.executable, "-c", _START, *arguments])
    try:
        return told(done.stdout)
    except msgspec.MsgspecError:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise _NoVerdict(f"exit code {done.returncode} and no verdict: {last}") from None


def _passes(tree: Path, test: str) -> bool:
    """Whether a module of tests passes. Raises `_NoVerdict` where it does not come to that."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", test]
    done = _ran(tree, command)
    if done.returncode not in (_TESTS_PASSED, _TESTS_FAILED):
        last = done.stdout.decode(errors="replace").strip().rpartition("\n")[2]
        raise _NoVerdict(f"{test}: exit code {done.returncode} and no verdict: {last}")
    return done.returncode == _TESTS_PASSED


def _ran(tree: Path, command: list[str]) -> "subprocess.CompletedProcess[bytes]":
    try:
        return reaper.run(command, tree, RUN_SECONDS_MAX, {"PYTHONPATH": str(tree), **_UNSHRUNK})
    except subprocess.TimeoutExpired:
        raise _NoVerdict(f"no verdict within RUN_SECONDS_MAX = {RUN_SECONDS_MAX} s") from None
