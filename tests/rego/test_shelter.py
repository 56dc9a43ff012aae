"""An engine in a child process: it answers as here, and what ends it is nobody else's trouble."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aegisd.core.errors import Busy, EvaluatorFailed, EvaluatorStuck, PolicyInvalid
from aegisd.core.log.canonical import encode
from aegisd.rego import bundle, shelter
from aegisd.rego.child import Question, Told
from aegisd.rego.engines import choose
from aegisd.rego.shelter import Child, Lane, Shelter, Sheltered
from drills.faults import stuck
from tests.patience import PATIENCE_S, until
from tests.rego.evaluators import ENGINES, HEAD, EvaluatorContract, require
from tests.rego.worlds import INPUT, MANIFEST, base_files, bent

QUIET = HEAD + 'deny contains "no" if input.call.args.n == 1\n'


class TestShelter(EvaluatorContract):
    """The promises of an evaluator, kept in a child as well."""

    name = "regopy"

    @pytest.fixture(scope="class")
    @classmethod
    def evaluator(cls) -> Shelter:
        """The engine in a child."""
        require(cls.name)
        return Shelter(choose(cls.name))

    def test_a_bundle_is_checked_once_whatever_it_is_judged_with(self) -> None:  # type: ignore[override]
        """Not seen from here: the child checks."""


@pytest.fixture(params=ENGINES)
def sheltered(request: pytest.FixtureRequest) -> Iterator[Shelter]:
    """Each engine in children of its own."""
    require(str(request.param))
    shelter = Shelter(choose(str(request.param)))
    yield shelter
    shelter.close()


def compiled(sheltered: Shelter, rules: str, tenant_id: str = "one") -> Sheltered:
    body = bundle.build({"a.rego": rules}, base_files())
    return sheltered.compile(body, encode(MANIFEST), tenant_id)


def said(program: Sheltered, **args: object) -> list[str]:
    output = json.loads(program.evaluate(encode(bent(INPUT, call__args=args))))
    return [each["message"] for each in output["deny"]]


def child_of(lane: Lane) -> Child:
    assert lane._child is not None
    return lane._child


def test_rules_that_hang_or_swell_are_ended_and_others_are_judged_on(sheltered: Shelter) -> None:
    hostile, quiet = compiled(sheltered, stuck.RULES[sheltered.name]), compiled(sheltered, QUIET)
    with pytest.raises(EvaluatorFailed):
        said(hostile, **stuck.ARGS)
    assert said(quiet, n=1) == ["no"]
    begun = time.monotonic()
    with pytest.raises(EvaluatorStuck, match="REST_MS"):
        said(hostile, **stuck.ARGS)
    with pytest.raises(PolicyInvalid, match="REST_MS"):
        compiled(sheltered, stuck.RULES[sheltered.name])
    assert time.monotonic() - begun < shelter.REST_MS / 1000
    # Another tenant may have the same rules, and asks them something else.
    assert said(hostile.of("two"), list=[1]) == []
    assert said(quiet, n=2) == []


def test_rules_that_rested_are_asked_again(
    sheltered: Shelter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelter, "REST_MS", 0)
    hostile = compiled(sheltered, stuck.RULES[sheltered.name])
    for _ in range(2):
        with pytest.raises(EvaluatorFailed, match=r"dies of it|EVALUATION_MS_MAX"):
            said(hostile, **stuck.ARGS)


def test_a_tenant_past_its_share_rests_and_another_is_judged(
    sheltered: Shelter, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The child tells what it used: here every answer is told to have been slow.
    real = Child.ask
    monkeypatch.setattr(Child, "ask", lambda *asked: (real(*asked)[0], 900.0))
    for lane in (sheltered._judging, sheltered._trying):
        lane.shares.count("two", 1)
    one, body = compiled(sheltered, QUIET), bundle.build({"a.rego": QUIET}, base_files())
    assert said(one, n=1) == said(one, n=1) == ["no"]
    with pytest.raises(EvaluatorStuck, match="SHARE_MS_MAX"):
        said(one, n=1)
    assert said(one.of("two"), n=1) == ["no"]
    # What was tried is counted for itself: mended rules are taken, until there are too many.
    for _ in range(3):
        sheltered.attempt(body, encode(MANIFEST), "one")
    with pytest.raises(Busy, match="SHARE_MS_MAX"):
        sheltered.attempt(body, encode(MANIFEST), "one")
    sheltered.attempt(body, encode(MANIFEST), "two")


def test_rules_are_tried_in_another_child_than_the_one_that_judges(sheltered: Shelter) -> None:
    quiet = compiled(sheltered, QUIET)
    with sheltered._trying.turn:
        # Somebody's rules are being compiled, for as long as they may take.
        assert said(quiet, n=1) == ["no"]
    with pytest.raises(PolicyInvalid):
        sheltered.attempt(b"{}", encode(MANIFEST), "one")
    assert child_of(sheltered._trying)._process.pid != child_of(sheltered._judging)._process.pid


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("when", ["between two questions", "while it is asked"])
def test_a_child_that_was_ended_or_stopped_is_nobodys_fault(
    sheltered: Shelter, end: signal.Signals, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet, first = compiled(sheltered, QUIET), child_of(sheltered._judging)
    if when == "while it is asked":
        lives = iter([True])
        monkeypatch.setattr(first, "lives", lambda: next(lives, False))
    looks, look = list[str](), shelter._state

    def looked(process_id: int) -> str:
        looks.append(look(process_id))
        return looks[-1]

    monkeypatch.setattr(shelter, "_state", looked)
    os.kill(first._process.pid, end)
    assert said(quiet, n=1) == ["no"]
    # It is ended when it is first seen to be stopped.
    assert looks.count("T") <= 1
    assert first._process.returncode == -signal.SIGKILL
    assert child_of(sheltered._judging) is not first


def test_what_ends_a_second_child_is_the_fault_of_who_asks(
    sheltered: Shelter, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled(sheltered, QUIET)
    real = Child.ask

    def dies(self: Child, question: Question) -> Told:
        self._process.kill()
        self._process.wait()
        return real(self, question)

    monkeypatch.setattr(Child, "ask", dies)
    other = HEAD + 'deny contains "x" if input.call.tool == "y"\n'
    for match in ("does not compile: the engine dies of it", "REST_MS"):
        with pytest.raises(PolicyInvalid, match=match):
            compiled(sheltered, other)


def test_a_child_without_a_processor_is_waited_for_and_one_that_sleeps_is_not(
    sheltered: Shelter, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet, first = compiled(sheltered, QUIET), child_of(sheltered._judging)
    monkeypatch.setattr(shelter, "LOOK_MS", shelter.CHILD_WAIT_MS_MAX)
    looks = iter([*"RRR", "S"])
    monkeypatch.setattr(shelter, "_state", lambda _: next(looks))
    first._socket.settimeout(0.01)
    os.kill(first._process.pid, signal.SIGSTOP)
    with pytest.raises(EvaluatorStuck, match="CHILD_WAIT_MS_MAX"):
        said(quiet, n=1)
    assert next(looks, None) is None


def test_children_end_with_their_shelter_whoever_forgets_to_close_it(sheltered: Shelter) -> None:
    one, two = Shelter(choose(sheltered.name)), Shelter(choose(sheltered.name))
    quiet = compiled(one, QUIET)
    compiled(two, QUIET)
    closed, dropped = child_of(one._judging)._process, child_of(two._judging)._process
    one.close()
    assert closed.returncode == -signal.SIGKILL
    with pytest.raises(EvaluatorFailed, match="closed"):
        said(quiet, n=1)
    del two
    gc.collect()
    assert dropped.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="the system hangs up who is stopped")
def test_a_stopped_child_does_not_outlive_a_parent_that_was_killed() -> None:
    parent = (
        "import os, signal; from aegisd.rego.shelter import Child, _state; "
        "child = Child('regopy'); pid = child._process.pid; os.kill(pid, signal.SIGSTOP)\n"
        "while _state(pid) != 'T': pass\n"
        "print(pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    # A session of its own, so that nobody who takes the child over belongs to it.
    ended = subprocess.run(
        [sys.executable, "-c", parent],
        check=False,
        capture_output=True,
        timeout=PATIENCE_S,
        start_new_session=True,
    )
    until(lambda: shelter._state(int(ended.stdout)) in {"", "Z"})


def test_a_forked_process_leaves_the_child_to_its_parent(
    sheltered: Shelter, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet, child = compiled(sheltered, QUIET), child_of(sheltered._judging)
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: 1)
        shelter._end(2, child._socket.dup(), child._process)
    assert child._process.poll() is None
    assert said(quiet, n=1) == ["no"]


def test_where_no_process_is_left_nothing_is_judged_and_no_rules_rest(
    sheltered: Shelter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(11, "none left")

    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "Popen", refuse)
        with pytest.raises(PolicyInvalid, match="no process for the engine: none left"):
            compiled(sheltered, QUIET)
    assert said(compiled(sheltered, QUIET), n=1) == ["no"]


def test_the_child_needs_nothing_from_where_it_begins(
    sheltered: Shelter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said(compiled(sheltered, QUIET), n=1) == ["no"]
