"""The judge of replay: each decision on the engine that made it, where that is installed."""

from pathlib import Path

import pytest

from aegisd.audit import rules
from aegisd.core.errors import PolicyInvalid
from aegisd.rego.engines import installed
from tests.rego.evaluators import require


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


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("input.call.tol == 1", "the nearest is input.call.tool"),
        # A name without a value, which this engine alone refuses.
        ("not late == 1\n\tnot late == 2", r".* \(engine regorus\)"),
    ],
)
def test_a_supposition_says_what_is_wrong_with_its_rules_when_it_is_asked_for_them(
    tmp_path: Path, rule: str, says: str
) -> None:
    require("regorus")
    head = 'package aegis.rules\n\nimport rego.v1\n\ndeny contains "x" if {\n\t'
    (tmp_path / "a.rego").write_text(f"{head}{rule}\n}}\n")
    with (
        rules.Supposition(tmp_path, "regorus") as supposed,
        pytest.raises(PolicyInvalid, match=rf"{tmp_path}/a.rego:6: .*{says}"),
    ):
        supposed.bundle()
