"""The native engine keeps the contract, and ends every evaluation at the same step."""

import pytest

from aegisd.core.errors import EvaluatorFailed, PolicyInvalid
from aegisd.core.log.canonical import encode
from aegisd.rego import bundle
from aegisd.rego.engines import choose
from tests.rego.evaluators import EvaluatorContract, require
from tests.rego.worlds import INPUT, MANIFEST, base_files, bent


class TestRegorus(EvaluatorContract):
    name = "regorus"


SQUARE = (
    "package aegis.rules\n\nimport rego.v1\n\n"
    'deny contains "x" if {\n\tsome left in input.call.args.n\n\tsome right in input.call.args.n\n'
    "\tleft + right == -1\n}\n"
)


def least(rules: dict[str, str], document: bytes, monkeypatch: pytest.MonkeyPatch) -> int:
    """The smallest bound that lets an input be judged."""
    from aegisd.rego import regorus_engine  # noqa: PLC0415 - where it is not installed, see `require`

    body = bundle.build(rules, base_files())
    low, high = 1, 1_000_000
    while low < high:
        middle = (low + high) // 2
        monkeypatch.setattr(regorus_engine, "EVALUATION_STEPS_MAX", middle)
        try:
            choose("regorus").compile(body, encode(MANIFEST)).evaluate(document)
            high = middle
        except EvaluatorFailed:
            low = middle + 1
    return low


@pytest.mark.parametrize("rules", [{}, {"a.rego": SQUARE}], ids=["base", "operators"])
def test_an_evaluation_ends_at_the_bound_on_steps_and_always_at_the_same_one(
    rules: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    require("regorus")
    from aegisd.rego import regorus_engine  # noqa: PLC0415 - as above

    document = encode(bent(INPUT, call__args={"n": [1, 2, 3]}))
    enough = least(rules, document, monkeypatch)
    body = bundle.build(rules, base_files())
    for _ in range(5):
        monkeypatch.setattr(regorus_engine, "EVALUATION_STEPS_MAX", enough)
        choose("regorus").compile(body, encode(MANIFEST)).evaluate(document)
        monkeypatch.setattr(regorus_engine, "EVALUATION_STEPS_MAX", enough - 1)
        with pytest.raises(EvaluatorFailed, match=f"stopped after {enough - 1} steps"):
            choose("regorus").compile(body, encode(MANIFEST)).evaluate(document)


def test_what_would_take_minutes_is_stopped_within_a_second() -> None:
    require("regorus")
    program = choose("regorus").compile(
        bundle.build({"a.rego": SQUARE}, base_files()), encode(MANIFEST)
    )
    with pytest.raises(EvaluatorFailed, match="stopped after 2000000 steps"):
        program.evaluate(encode(bent(INPUT, call__args={"n": list(range(20_000))})))
    assert program.evaluate(encode(bent(INPUT, call__args={"n": [1]})))


def test_a_panic_is_a_failure_and_the_next_answer_is_right() -> None:
    require("regorus")
    import aegis_regorus  # noqa: PLC0415 - as above

    # The machine's own strings.count panics on an empty text; the interpreter has ours.
    rules = 'package a\n\nimport rego.v1\n\nresult := strings.count("aa", input.x)\n'
    program = aegis_regorus.Program([("a", rules)], b"{}", ["data.a.result"], 1_000)
    for _ in range(3):
        with pytest.raises(aegis_regorus.EvaluationError, match="failed on this input"):
            program.evaluate("data.a.result", b'{"x":""}')
        assert program.evaluate("data.a.result", b'{"x":"a"}') == b"2"


def test_recursion_is_refused_before_the_engine_dies_of_it() -> None:
    require("regorus")
    base = {f"aegis/{path}": text for path, text in base_files().items() if "_test" not in path}
    rules = (
        'package aegis.rules\n\nimport rego.v1\n\ndeny contains "x" if f(1)\n\nf(x) if f(x + 1)\n'
    )
    with pytest.raises(PolicyInvalid, match=r"^rules/a\.rego:7: .* may not come back to itself"):
        choose("regorus").compile(
            encode({"files": {**base, "rules/a.rego": rules}}), encode(MANIFEST)
        )
