"""The base rules of this installation are judged on an engine that is installed, or not at all."""

import pytest

from aegisd.core.errors import ConfigInvalid
from aegisd.rego.bundle import load_directory
from aegisd.rego.engines import installed
from aegisd.rego.installation import base_folder, installation
from aegisd.rules_version import rules_version


@pytest.mark.parametrize("name", installed())
def test_the_rules_that_are_installed_are_judged_on_the_engine_that_was_named(name: str) -> None:
    found = installation(name)
    judge = found.judge(lambda _digest: None)
    assert found.base == load_directory(base_folder())
    assert (judge.evaluator()[0], judge.rules_version) == (name, rules_version())


def test_an_engine_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match="rego9"):
        installation("rego9")
