"""The judge of replay: each decision on the engine that made it, where that is installed."""

import pytest

from aegisd.audit import rules
from aegisd.rego.engines import installed


def test_auto_judges_each_decision_on_the_engine_that_made_it() -> None:
    judge = rules.judge(lambda _digest: None)
    for name in installed():
        assert judge.on(name).evaluator()[0] == name


def test_an_engine_that_is_not_installed_is_stood_in_for_by_the_preferred_one() -> None:
    judge = rules.judge(lambda _digest: None)
    assert judge.on("opa") is judge
    assert judge.evaluator()[0] == installed()[0]


@pytest.mark.parametrize("name", installed())
def test_a_named_engine_judges_everything(name: str) -> None:
    judge = rules.judge(lambda _digest: None, name)
    assert {judge.on(other).evaluator()[0] for other in ("regopy", "regorus", "opa")} == {name}
