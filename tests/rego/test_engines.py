"""Which engine judges, and that it does not matter: one contract, and the same verdicts."""

import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aegisd.core.capabilities import NONE
from aegisd.core.errors import ConfigInvalid
from aegisd.core.log.canonical import encode
from aegisd.rego import bundle, engines
from aegisd.rego.engines import CHOICES, choose, installed
from aegisd.rego.query import Query, compiled
from drills.differential import __main__ as differential
from drills.differential import inputs
from tests.effort import times
from tests.rego import evaluators
from tests.rego.evaluators import ENGINES, require
from tests.rego.worlds import base_files

# ── the choice ───────────────────────────────────────────────────────────────────────────────────


def test_auto_is_the_native_engine_where_it_is_installed() -> None:
    assert choose("auto").name == installed()[0]
    assert installed()[-1] == "regopy"


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_had_by_its_name(name: str) -> None:
    require(name)
    assert choose(name).name == name


@pytest.mark.parametrize("name", ENGINES)
def test_only_the_base_rules_on_an_engine_that_counts_are_prompt(name: str) -> None:
    require(name)
    base = bundle.build({}, base_files())
    rules = 'package aegis.rules\n\nimport rego.v1\n\ndeny contains "x" if input.event.seq == 9\n'
    operators = bundle.build({"a.rego": rules}, base_files())
    assert choose(name).compile(base, NONE.data).prompt is (name == "regorus")
    assert choose(name).compile(operators, NONE.data).prompt is False


def test_an_engine_that_is_not_installed_is_refused_and_auto_takes_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "aegisd.rego.regorus_engine", None)
    monkeypatch.setattr(engines, "_regorus", lambda: None)
    assert installed() == ("regopy",)
    assert choose("auto").name == "regopy"
    with pytest.raises(ConfigInvalid, match=r"pip install \./native"):
        choose("regorus")


def test_an_unknown_engine_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigInvalid, match="auto, regorus, regopy"):
        choose("opa")
    assert CHOICES == ("auto", "regorus", "regopy")


def test_an_engine_that_is_missing_skips_its_tests_or_fails_them_where_it_must_be_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluators, "installed", lambda: ("regopy",))
    monkeypatch.delenv("AEGIS_TEST_ENGINES", raising=False)
    require("regopy")
    with pytest.raises(pytest.skip.Exception, match=r"pip install \./native"):
        require("regorus")
    monkeypatch.setenv("AEGIS_TEST_ENGINES", "regopy,regorus")
    with pytest.raises(pytest.fail.Exception, match="names regorus"):
        require("regorus")


# ── one answer ───────────────────────────────────────────────────────────────────────────────────


RULES = sorted(differential.operators_rules())


@settings(max_examples=times(150, 20_000))
@given(seed=st.integers(0, 2**64), rules=st.sampled_from(RULES), manifest=st.sampled_from([0, 1]))
def test_two_engines_give_one_verdict_or_a_reason_that_is_written_down(
    seed: int, rules: str, manifest: int
) -> None:
    for name in ENGINES:
        require(name)
    document = inputs.policy_input(Random(seed))
    _, difference = differential.compare(rules, manifest, document)
    assert difference is None or difference.explanation, difference


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=4),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3)
    ),
    max_leaves=10,
)


@cache
def gathered(engine: str) -> Query:
    rules = "package a\n\nimport rego.v1\n\nresult := {item | some item in input.items}\n"
    return compiled(engine, {"a.rego": rules}, b"{}", ["data.a.result"])


@settings(max_examples=times(60, 5_000))
@given(items=st.lists(values, max_size=6))
def test_a_set_leaves_both_engines_as_the_same_bytes(items: list[object]) -> None:
    for name in ENGINES:
        require(name)
    one, other = (gathered(name)("data.a.result", encode({"items": items})) for name in ENGINES)
    assert one == other


def test_the_generated_inputs_reach_every_kind_of_verdict() -> None:
    for name in ENGINES:
        require(name)
    reasons: Counter[str] = Counter()
    for rules in ("freeze", "second_eyes"):
        for seed in range(400):
            verdict, _ = differential.compare(rules, 0, inputs.policy_input(Random(seed)))
            reasons[verdict.reason] += 1
    wanted = {"OK", "APPROVAL_REQUIRED", "POLICY_DENY", "BUDGET_EXCEEDED", "EXEC_DENY", "PATH_DENY"}
    wanted |= {"EGRESS_DENY", "ARGS_INVALID", "PERMISSION_UNDECLARED", "SESSION_TERMINATED"}
    assert wanted <= set(reasons)


def test_a_seed_names_an_input() -> None:
    one, other = (inputs.policy_input(Random(7)) for _ in range(2))
    assert one == other
    assert one != inputs.policy_input(Random(8))
    assert encode(inputs.manifest(Random(7))) == encode(inputs.manifest(Random(7)))


def test_a_difference_that_nobody_has_explained_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENGINES:
        require(name)

    class Lenient:
        def evaluate(self, _policy_input: bytes) -> bytes:
            return (
                b'{"deny":[],"require_approval":[],"constraints":[],"obligations":[],"advice":[]}'
            )

    held = differential.programs("base", 0)
    assert held is not None
    broken = {"regopy": held["regopy"], "regorus": Lenient()}
    monkeypatch.setattr(differential, "programs", lambda *_: broken)
    kinds, _, unexplained = differential.run(0, 200, 1)
    assert kinds["unexplained"] > 50
    assert len(unexplained) == differential.SHOWN_MAX


def test_the_command_prints_one_document_and_exits_zero_where_all_agree() -> None:
    for name in ENGINES:
        require(name)
    root = Path(differential.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "drills.differential", "--inputs", "3", "--json"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert '"inputs":3' in done.stdout
