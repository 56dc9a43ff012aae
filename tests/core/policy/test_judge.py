"""What a judge promises, held against the one that these tests use and the one that ships."""

import hashlib

import pytest

from aegisd.core.capabilities import NONE
from aegisd.core.events import RELEASED
from aegisd.core.policy.input import PolicyInput
from aegisd.core.policy.judge import Judge
from aegisd.core.policy.verdict import failed
from aegisd.ports import LiveJudge, Program
from aegisd.rego.bundle import build
from aegisd.rego.judge import RegoJudge
from aegisd.rows import Document
from tests.core.gate import Json, ScriptedJudge, digest, manifest
from tests.rego.evaluators import Unsheltered

ASKED = PolicyInput(body=b"{}", facts=b"{}")
BASE = {"decision.rego": "package aegis.decision\n\nresult := {}\n"}
BODY = build({}, BASE)
GONE = "0" * 64


class Sick:
    """An engine, and its only program, that can do nothing."""

    name, version, bounded, prompt = "sick", "1", True, False

    def compile(self, bundle: bytes, manifest: bytes) -> Program:
        return self

    def evaluate(self, policy_input: bytes) -> bytes:
        raise ZeroDivisionError


def sick(_given: Json, _held: Json) -> Json:
    raise ZeroDivisionError


def nowhere(_digest: bytes) -> Document | None:
    return None


@pytest.fixture(params=["scripted", "rego"])
def judge(request: pytest.FixtureRequest) -> Judge:
    """A judge with one bundle, the office manifest, and an engine that fails."""
    judge: LiveJudge = ScriptedJudge({BODY: sick})
    if request.param == "rego":
        judge = RegoJudge(Sick(), Unsheltered(Sick()), BASE, nowhere, "rules 1")
    for kind, body in (("bundle", BODY), ("manifest", manifest().document)):
        judge.keep(Document(digest=hashlib.sha256(body).digest(), kind=kind, body=body))
    return judge


def test_no_manifest_is_the_empty_one_and_a_manifest_is_known_by_its_digest(judge: Judge) -> None:
    assert judge.capabilities("") is NONE
    held = judge.capabilities(manifest().digest)
    assert held is not None
    assert held.data == manifest().data


def test_what_is_gone_is_none_and_not_a_verdict(judge: Judge) -> None:
    assert judge.capabilities(GONE) is None
    assert judge.judge(GONE, "", ASKED) is None
    assert judge.judge(digest(BODY), GONE, ASKED) is None


def test_an_engine_that_fails_denies_and_nothing_is_raised(judge: Judge) -> None:
    assert judge.judge(digest(BODY), "", ASKED) == failed("error")
    assert judge.judge(digest(BODY), manifest().digest, ASKED) == failed("error")


def test_a_bundle_that_is_gone_releases_nothing_unjudged(judge: Judge) -> None:
    assert judge.released(digest(BODY)) == frozenset()
    assert judge.released(GONE) == RELEASED
