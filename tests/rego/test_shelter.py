"""An engine in a child process: it answers as here, and what ends it is nobody else's trouble."""

import gc
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aegisd.core.errors import EvaluatorFailed, EvaluatorStuck, PolicyInvalid
from aegisd.core.log.canonical import encode
from aegisd.rego import bundle, shelter
from aegisd.rego.engines import choose
from aegisd.rego.shelter import Shelter, Sheltered
from drills.faults import stuck
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
    """Each engine in a child of its own, with little patience."""
    require(str(request.param))
    yield Shelter(choose(str(request.param)))
    gc.collect()


def compiled(sheltered: Shelter, rules: str) -> Sheltered:
    return sheltered.compile(bundle.build({"a.rego": rules}, base_files()), encode(MANIFEST))


def said(program: Sheltered, **args: object) -> list[str]:
    output = json.loads(program.evaluate(encode(bent(INPUT, call__args=args))))
    return [each["message"] for each in output["deny"]]


def child_of(sheltered: Shelter) -> "subprocess.Popen[bytes]":
    assert sheltered._child is not None
    process: subprocess.Popen[bytes] = sheltered._child._process
    return process


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
    assert said(quiet, n=2) == []


def test_rules_that_rested_are_asked_again(
    sheltered: Shelter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelter, "REST_MS", 0)
    hostile = compiled(sheltered, stuck.RULES[sheltered.name])
    for _ in range(2):
        with pytest.raises(EvaluatorFailed, match=r"dies of it|EVALUATION_MS_MAX"):
            said(hostile, **stuck.ARGS)


def test_a_child_that_ended_between_two_questions_is_nobodys_fault(sheltered: Shelter) -> None:
    quiet = compiled(sheltered, QUIET)
    first = child_of(sheltered)
    first.kill()
    first.wait()
    assert said(quiet, n=1) == ["no"]
    assert child_of(sheltered).pid != first.pid


def test_a_child_that_gets_no_time_is_ended(
    sheltered: Shelter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelter, "REST_MS", 0)
    quiet = compiled(sheltered, QUIET)
    stopped = child_of(sheltered)
    assert sheltered._child is not None
    sheltered._child._socket.settimeout(0.1)
    os.kill(stopped.pid, signal.SIGSTOP)
    with pytest.raises(EvaluatorStuck, match="CHILD_WAIT_MS_MAX"):
        said(quiet, n=1)
    assert stopped.returncode == -signal.SIGKILL
    assert said(quiet, n=1) == ["no"]


def test_a_child_ends_with_what_asked_it(sheltered: Shelter) -> None:
    one = Shelter(choose(sheltered.name))
    compiled(one, QUIET)
    process = child_of(one)
    del one
    gc.collect()
    assert process.returncode == -signal.SIGKILL


def test_a_forked_process_leaves_the_child_to_its_parent(
    sheltered: Shelter, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = compiled(sheltered, QUIET)
    process = child_of(sheltered)
    assert sheltered._child is not None
    theirs = sheltered._child._socket.dup()
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: 1)
        shelter._end(2, theirs, process)
    assert process.poll() is None
    assert said(quiet, n=1) == ["no"]


def test_an_engine_that_dies_while_it_compiles_refuses_the_policy(
    sheltered: Shelter, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled(sheltered, QUIET)
    process = child_of(sheltered)
    lives = iter([True])
    monkeypatch.setattr(shelter.Child, "lives", lambda _: next(lives))
    process.kill()
    process.wait()
    with pytest.raises(PolicyInvalid, match="does not compile: the engine dies of it"):
        compiled(sheltered, HEAD + 'deny contains "x" if input.call.tool == "y"\n')


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
