"""The judge: whatever an engine does, or a log names, the answer is a verdict or an honest None."""

import hashlib
from collections.abc import Callable, Mapping, Sized

import pytest

from aegisd.core.capabilities import NONE
from aegisd.core.errors import (
    EvaluatorFailed,
    EvaluatorStuck,
    PolicyInvalid,
    RuleFailed,
    StoreFailed,
)
from aegisd.core.events import RELEASED
from aegisd.core.policy.input import PolicyInput
from aegisd.core.policy.verdict import Verdict, failed
from aegisd.ports import Program
from aegisd.rego import judge as module
from aegisd.rego.bundle import build
from aegisd.rego.judge import RegoJudge
from aegisd.rows import Document
from tests.core.gate import digest, manifest
from tests.rego.evaluators import Unsheltered

ASKED = PolicyInput(body=b"{}", facts=b"{}")
SILENCE = b'{"deny":[],"require_approval":[],"constraints":[],"obligations":[],"advice":[]}'
HEAD = "package aegis.rules\n\nimport rego.v1\n"
BASE = {"decision.rego": "package aegis.decision\n\nresult := {}\n"}
ERROR, NONSENSE, TIMEOUT = failed("error"), failed("nonsense"), failed("timeout")

Answer = Callable[[bytes], bytes]


def silent(_policy_input: bytes) -> bytes:
    return SILENCE


class OneProgram:
    """A program that answers with a function."""

    prompt = False

    def __init__(self, answer: Answer) -> None:
        self.evaluate = answer


class OneEvaluator:
    """An engine that compiles everything to the same answer, and notes what it compiled."""

    name, version, bounded = "one", "1", True

    def __init__(self, answer: Answer = silent, refusal: Exception | None = None) -> None:
        self.compiled: list[tuple[bytes, bytes]] = []
        self._answer, self._refusal = answer, refusal

    def compile(self, bundle: bytes, manifest: bytes) -> Program:
        self.compiled.append((bundle, manifest))
        if self._refusal is not None:
            raise self._refusal
        return OneProgram(self._answer)


def bundle(rules: Mapping[str, str] | None = None) -> bytes:
    return build(rules or {}, BASE)


def document(body: bytes, kind: str = "bundle") -> Document:
    return Document(digest=hashlib.sha256(body).digest(), kind=kind, body=body)


def nowhere(_digest: bytes) -> None:
    """A store that holds nothing."""


def judging(
    evaluator: OneEvaluator, find: Callable[[bytes], Document | None] = nowhere
) -> RegoJudge:
    judge = RegoJudge(evaluator, Unsheltered(evaluator), BASE, find, "rules 1")
    judge.keep(document(bundle()))
    return judge


def asked(judge: RegoJudge, held: str = "") -> Verdict | None:
    return judge.judge(digest(bundle()), held, ASKED)


def test_silence_allows_and_the_engine_is_named() -> None:
    judge = judging(OneEvaluator())
    verdict = asked(judge)
    assert verdict is not None
    assert (verdict.outcome, verdict.reason) == ("allow", "OK")
    assert (judge.evaluator(), judge.rules_version) == (("one", "1"), "rules 1")


@pytest.mark.parametrize(
    "thrown",
    [
        EvaluatorFailed("undefined"),
        PolicyInvalid("late"),
        ZeroDivisionError("odd"),
        MemoryError(),
        RecursionError(),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "odd"),
    ],
)
def test_whatever_an_engine_throws_denies(thrown: Exception) -> None:
    def throws(_policy_input: bytes) -> bytes:
        raise thrown

    assert asked(judging(OneEvaluator(throws))) == ERROR


@pytest.mark.parametrize("output", [b"", b"null", b"{}", b"\xff", SILENCE[:-1], SILENCE + b"x"])
def test_whatever_else_it_answers_denies(output: bytes) -> None:
    assert asked(judging(OneEvaluator(lambda _policy_input: output))) == NONSENSE


def test_an_evaluation_past_its_bound_of_time_is_told_from_one_that_failed() -> None:
    def late(_policy_input: bytes) -> bytes:
        raise EvaluatorStuck("late")

    assert asked(judging(OneEvaluator(late))) == TIMEOUT


@pytest.mark.parametrize(
    ("bounded", "rules", "where"),
    [
        (True, {}, "here"),
        (True, {"a.rego": HEAD}, "sheltered"),
        (False, {}, "sheltered"),
        (False, {"a.rego": HEAD}, "sheltered"),
    ],
)
def test_only_the_rules_of_this_build_are_judged_here_and_only_where_steps_are_counted(
    bounded: bool, rules: Mapping[str, str], where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OneEvaluator, "bounded", bounded)
    here, sheltered = OneEvaluator(), OneEvaluator()
    judge = RegoJudge(here, Unsheltered(sheltered), BASE, nowhere, "rules 1")
    judge.keep(document(bundle(rules)))
    assert judge.judge(digest(bundle(rules)), "", ASKED) is not None
    assert {"here": here.compiled, "sheltered": sheltered.compiled}[where]
    assert not (here.compiled and sheltered.compiled)
    # A stranger's log may call anything base rules.
    strange = build(rules, {"decision.rego": BASE["decision.rego"] + "\n"})
    judge.keep(document(strange))
    assert judge.judge(digest(strange), "", ASKED) is not None
    assert sheltered.compiled[-1][0] == strange


def test_a_compiler_that_throws_what_nobody_foresaw_denies() -> None:
    body = bundle()
    refusing = OneEvaluator(refusal=OSError("no process"))
    broken = RegoJudge(refusing, Unsheltered(refusing), BASE, lambda _: None, "v")
    broken.keep(document(body))
    assert broken.judge(digest(body), "", ASKED) == ERROR


def test_a_bundle_that_does_not_compile_denies_and_one_that_is_gone_is_not_judged() -> None:
    assert asked(judging(OneEvaluator(refusal=PolicyInvalid("no")))) == ERROR
    judge = judging(OneEvaluator())
    assert judge.judge("0" * 64, "", ASKED) is None
    assert judge.judge(digest(bundle()), "0" * 64, ASKED) is None


@pytest.mark.parametrize("named", ["x", "zz" * 32, "0" * 63, "A" * 64, "0" * 64 + "\n", "../x"])
def test_what_is_no_digest_names_nothing(named: str) -> None:
    def find(_digest: bytes) -> Document | None:
        raise AssertionError

    judge = judging(OneEvaluator(), find)
    assert judge.capabilities(named) is None
    assert judge.judge(named, "", ASKED) is None
    assert judge.released(named) == RELEASED


def test_bytes_that_do_not_have_their_digest_are_gone() -> None:
    held, other = manifest(), manifest(version="other")

    def find(asked_for: bytes) -> Document | None:
        return Document(digest=asked_for, kind="manifest", body=other.document)

    judge = judging(OneEvaluator(), find)
    assert judge.capabilities(held.digest) is None
    assert asked(judge, held.digest) is None


def test_a_manifest_is_found_in_the_store_and_compiled_in_once() -> None:
    held = manifest()
    looked: list[bytes] = []

    def find(asked_for: bytes) -> Document | None:
        looked.append(asked_for)
        return document(held.document, "manifest")

    evaluator = OneEvaluator()
    judge = judging(evaluator, find)
    for _ in range(3):
        assert asked(judge, held.digest) is not None
        assert asked(judge) is not None
    assert evaluator.compiled == [(bundle(), held.data), (bundle(), NONE.data)]
    assert looked == [bytes.fromhex(held.digest)]
    found = judge.capabilities(held.digest)
    assert found is not None
    assert found.data == held.data


def test_a_document_that_is_not_a_manifest_any_more_is_gone() -> None:
    judge = judging(OneEvaluator())
    judge.keep(document(b"{}", "manifest"))
    assert judge.capabilities(digest(b"{}")) is None


def test_a_store_that_cannot_be_read_denies() -> None:
    def find(_digest: bytes) -> Document | None:
        raise StoreFailed("cannot read")

    judge = RegoJudge(OneEvaluator(), Unsheltered(OneEvaluator()), BASE, find, "rules 1")
    assert asked(judge) == ERROR


@pytest.mark.parametrize("bound", ["PROGRAMS_MAX", "MANIFESTS_MAX", "DOCUMENTS_MAX"])
def test_what_is_kept_at_hand_is_bounded_and_the_rest_is_read_again(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, bound, 2)
    helds = [manifest(version=str(number)) for number in range(3)]
    kept = {body.digest: body for body in (document(held.document, "manifest") for held in helds)}
    kept[hashlib.sha256(bundle()).digest()] = document(bundle())
    judge = judging(OneEvaluator(), kept.get)
    for held in helds:
        judge.keep(kept[bytes.fromhex(held.digest)])
    for _ in range(2):
        assert all(asked(judge, held.digest) for held in helds)
    caches: dict[str, Sized] = {
        "PROGRAMS_MAX": judge._programs,
        "MANIFESTS_MAX": judge._manifests,
        "DOCUMENTS_MAX": judge._kept,
    }
    assert len(caches[bound]) == 2
    assert len(judge._programs) <= 3


def test_a_document_kept_again_stays_and_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DOCUMENTS_MAX", 2)
    judge = judging(OneEvaluator())
    for number in range(5):
        judge.keep(document(bundle()))
        judge.keep(document(str(number).encode()))
        assert asked(judge) is not None


def test_the_release_types_are_the_ones_that_an_operators_rule_names() -> None:
    rules = {
        "r.rego": 'package aegis.rules\n\ndeny contains "x" if input.event.type == "TOOL_RESULT"\n'
    }
    judge = judging(OneEvaluator())
    judge.keep(document(bundle(rules)))
    assert judge.released(digest(bundle())) == frozenset()
    assert judge.released(digest(bundle(rules))) == {"TOOL_RESULT"}


def test_a_bundle_that_was_gone_is_read_once_it_is_there() -> None:
    judge = RegoJudge(OneEvaluator(), Unsheltered(OneEvaluator()), BASE, nowhere, "rules 1")
    assert (asked(judge), judge.released(digest(bundle()))) == (None, RELEASED)
    judge.keep(document(bundle()))
    assert asked(judge) is not None
    assert judge.released(digest(bundle())) == frozenset()


def test_a_bundle_that_can_no_longer_be_read_releases_nothing_unjudged() -> None:
    judge = judging(OneEvaluator())
    judge.keep(document(b"{}"))
    assert judge.released(digest(b"{}")) == RELEASED


def test_operators_files_become_a_bundle_only_if_they_compile() -> None:
    evaluator = OneEvaluator()
    assert judging(evaluator).bundle({}) == bundle()
    assert evaluator.compiled == [(bundle(), NONE.data)]
    with pytest.raises(PolicyInvalid):
        judging(OneEvaluator(refusal=PolicyInvalid("no"))).bundle({})


def test_what_is_asked_apart_pushes_out_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROGRAMS_MAX", 1)
    held = manifest()
    kept = document(held.document, "manifest")
    judge = judging(engine := OneEvaluator())
    apart = judge.apart()
    for each in (document(bundle()), kept):
        apart.keep(each)
    assert asked(judge)
    assert asked(apart, held.digest)
    assert asked(judge)
    assert len(engine.compiled) == 2


def test_a_failing_rule_is_told_once_on_standard_error_and_a_replay_tells_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(_policy_input: bytes) -> bytes:
        raise RuleFailed(why[-1])

    why = ["rules/a.rego:7: rule deny: a rule failed"]
    judge = judging(OneEvaluator(fails))
    for each in (judge, judge.of("acme"), judge.of("acme")):
        asked(each)
    (told,) = caplog.messages
    digest = document(bundle()).digest.hex()
    assert told.startswith(f"tenant acme: bundle {digest[:8]}: POLICY_ERROR: ")
    assert "rules/a.rego:7: rule deny" in told
    why.append("rules/a.rego:9: rule deny: a rule failed")
    other = document(bundle({"a.rego": "package aegis.rules\n"}))
    judge.keep(other)
    for _ in range(2):
        asked(judge.of("acme"))
        judge.of("acme").judge(other.digest.hex(), "", ASKED)
    assert len(caplog.messages) == 3
