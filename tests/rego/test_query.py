"""Rules asked on either engine, by one spelling of their names."""

import pytest

from aegisd.core.errors import ConfigInvalid, EvaluatorFailed, PolicyInvalid
from aegisd.rego.engines import installed
from aegisd.rego.query import OPINIONS, compiled, engines

FILES = {"a.rego": "package a.b\n\nimport rego.v1\n\nc if input.n == data.m\n\nd := [1]\n"}

on_each = pytest.mark.parametrize("engine", installed())


@on_each
def test_any_rule_is_asked_by_its_full_name(engine: str) -> None:
    rules = compiled(engine, FILES, b'{"m":3}', ["data.a.b.c", "data.a.b.d"])
    assert rules("data.a.b.c", b'{"n":3}') == b"true"
    assert rules("data.a.b.d", b"{}") == b"[1]"


@on_each
def test_what_has_no_value_is_an_error(engine: str) -> None:
    rules = compiled(engine, FILES, b'{"m":3}', ["data.a.b.c"])
    with pytest.raises(EvaluatorFailed, match="undefined"):
        rules("data.a.b.c", b'{"n":4}')


@on_each
def test_what_does_not_compile_names_file_and_line(engine: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"^a\.rego:2: "):
        compiled(engine, {"a.rego": "package a\n:= 1\n"}, b"{}", ["data.a.b"])


def test_an_engine_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigInvalid, match="expected the engine regorus or regopy"):
        compiled("opa", FILES, b"{}", ["data.a.b.c"])
    with pytest.raises(ConfigInvalid, match="expected one of"):
        engines("opa")


def test_an_opinion_names_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engines("regopy") == ("regopy",)
    assert engines("auto") == installed()[:1]
    monkeypatch.setattr("aegisd.rego.engines._regorus", lambda: None)
    monkeypatch.setattr("aegisd.rego.query.installed", lambda: ("regopy",))
    assert engines("auto") == ("regopy",)
    for opinion in ("both", "regorus"):
        with pytest.raises(ConfigInvalid, match="not installed"):
            engines(opinion)
    assert OPINIONS == ("auto", "regorus", "regopy", "both")
