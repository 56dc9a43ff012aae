"""What `aegisd.ports.Evaluator` promises, as tests that every engine inherits.

An engine's own test module makes `class TestSome(EvaluatorContract)` with its `name`.
"""

import json
import os
from collections.abc import Mapping

import pytest
import rfc8785

from aegisd.core.errors import EvaluatorFailed, PolicyInvalid
from aegisd.core.log.canonical import encode
from aegisd.ports import Evaluator, Program
from aegisd.rego import bundle, module
from aegisd.rego.engines import choose, installed
from aegisd.rego.shelter import Shelter
from tests.rego.worlds import INPUT, MANIFEST, base_files, bent

ENGINES = ("regopy", "regorus")

HEAD = "package aegis.rules\n\nimport rego.v1\n\n"


class Unsheltered(Shelter):
    """The engine here, where a child would be."""

    def __init__(self, evaluator: Evaluator) -> None:
        super().__init__(evaluator)
        self._here = evaluator

    def attempt(self, bundle: bytes, manifest: bytes, tenant_id: str) -> None:
        """Compile, and keep nothing."""
        self._here.compile(bundle, manifest)

    def compile(self, bundle: bytes, manifest: bytes, tenant_id: str = "") -> Program:  # type: ignore[override]
        """A program of the engine's own."""
        return self._here.compile(bundle, manifest)


# Rules that fail for an argument `n` that is text, zero or the number 1, each in another place.
FAILING = [
    'deny contains "x" if abs(input.call.args.n) > 1',
    'deny contains "x" if startswith(input.call.args.m, "a")',
    'deny contains "x" if input.call.args.n + 1 > 1',
    'deny contains "x" if 1 / input.call.args.zero > 1',
    'deny contains "x" if 1 % input.call.args.zero > 1',
    'deny contains "x" if not abs(input.call.args.n) == 1',
    'deny contains "x" if {\n\tevery item in [1] { abs(input.call.args.n) == item }\n}',
    'deny contains "x" if count([1 | abs(input.call.args.n) == 1]) > 5',
    'deny contains "x" if count({item | some item in [input.call.args.n]; abs(item) == 1}) > 5',
    'deny contains "x" if fails(input.call.args.n)\n\nfails(value) if abs(value) == 1',
    'deny contains "x" if fails\n\ndefault fails := false\n\nfails if abs(input.call.args.n) == 1',
    'deny contains "x" if fails == 2\n\nfails := 1 if abs(input.call.args.n) == 1 else := 3',
    'deny contains "x" if abs(input.call.args.n) == 1\n\ndeny contains "y" if true',
    # A rule and a function with two values, and an object with two values for a key.
    'deny contains "x" if two == 3\n\ntwo := 1 if true\n\ntwo := input.call.args.m if true',
    'deny contains "x" if two(1) == 3\n\ntwo(_) := 1 if true\n\ntwo(_) := 2 if true',
    'deny contains "x" if count({"k": item | some item in [1, 2]}) == 3',
    'deny contains "x" if two.k == 3\n\ntwo[k] := n if {\n\tk := "k"\n\tsome n in [1, 2]\n}',
]


def required() -> tuple[str, ...]:
    """The engines that must be here: AEGIS_TEST_ENGINES, names with commas between."""
    return tuple(name for name in os.environ.get("AEGIS_TEST_ENGINES", "").split(",") if name)


def require(name: str) -> None:
    """Skip a test whose engine is not installed, or fail where it must be."""
    if name in installed():
        return
    if name in required():
        pytest.fail(f"AEGIS_TEST_ENGINES names {name}, which is not installed")
    pytest.skip(f"{name} is not installed: build it with `pip install ./native`")


class EvaluatorContract:
    """The promises of `ports.Evaluator` and `ports.Program`."""

    name: str

    @pytest.fixture
    def evaluator(self) -> Evaluator:
        """The engine."""
        require(self.name)
        return choose(self.name)

    def compiled(self, evaluator: Evaluator, rules: str, manifest: object = MANIFEST) -> Program:
        body = bundle.build({"a.rego": HEAD + rules}, base_files())
        return evaluator.compile(body, encode(manifest))

    def denials(self, program: Program, **args: object) -> list[str]:
        output = program.evaluate(encode(bent(INPUT, call__args=args)))
        return [reason["message"] for reason in json.loads(output)["deny"]]

    def test_it_names_itself_for_the_record(self, evaluator: Evaluator) -> None:
        assert evaluator.name == self.name
        assert evaluator.version[0].isdigit()

    def test_the_base_rules_are_judged(self, evaluator: Evaluator) -> None:
        program = evaluator.compile(bundle.build({}, base_files()), encode(MANIFEST))
        assert json.loads(program.evaluate(encode(INPUT)))["deny"] == []
        denied = program.evaluate(encode(bent(INPUT, call__declared=False)))
        assert [reason["code"] for reason in json.loads(denied)["deny"]] == [
            "PERMISSION_UNDECLARED"
        ]

    def test_a_bundle_is_checked_once_whatever_it_is_judged_with(
        self, evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Longer than a file that is remembered by itself.
        rules = f'{HEAD}deny contains "once" if input.call.args.once\n#{"-" * 9_000}\n'
        body = bundle.build({"a.rego": rules}, base_files())
        evaluator.compile(body, encode(MANIFEST))
        monkeypatch.delattr(module, "tokens")
        again = choose(self.name).compile(body, encode({**MANIFEST, "name": "another"}))
        assert self.denials(again, once=True) == ["once"]

    @pytest.mark.parametrize("rules", FAILING)
    def test_a_rule_that_fails_is_never_a_rule_that_does_not_hold(
        self, evaluator: Evaluator, rules: str
    ) -> None:
        with pytest.raises(EvaluatorFailed):
            self.denials(self.compiled(evaluator, rules), n="text", m=7, zero=0)

    def test_a_failure_is_over_with_the_next_input(self, evaluator: Evaluator) -> None:
        rules = (
            'deny contains "x" if {\n\tsome item in input.call.args.n\n\tadded(item) > 2\n}\n\n'
            "added(item) := item + 1"
        )
        program = self.compiled(evaluator, rules)
        for _ in range(3):
            with pytest.raises(EvaluatorFailed):
                self.denials(program, n=[1, "a"])
            assert self.denials(program, n=[1]) == []
            assert self.denials(program, n=[2]) == ["x"]

    def test_a_failure_repeats_no_value(self, evaluator: Evaluator) -> None:
        program = self.compiled(evaluator, 'deny contains "x" if abs(input.call.args.n) > 1')
        with pytest.raises(EvaluatorFailed) as caught:
            self.denials(program, n="hunter2")
        assert "hunter2" not in repr(caught.value)

    def test_an_undefined_result_is_a_failure(self, evaluator: Evaluator) -> None:
        rules = 'package aegis.decision\n\nimport rego.v1\n\nresult := 1 if input.call.tool == "x"'
        program = evaluator.compile(bundle.build({}, {"decision.rego": rules}), encode(MANIFEST))
        with pytest.raises(EvaluatorFailed, match="undefined"):
            program.evaluate(encode(INPUT))

    @pytest.mark.parametrize(
        "document", [b"", b"{", b'{"call":', b"\xff", b'{"call":{"args":"\xff"}}']
    )
    def test_what_is_not_json_is_a_failure(self, evaluator: Evaluator, document: bytes) -> None:
        program = self.compiled(evaluator, 'deny contains "x" if input.call.args.n == 1')
        with pytest.raises(EvaluatorFailed):
            program.evaluate(document)

    def test_text_in_an_answer_is_what_the_rule_said(self, evaluator: Evaluator) -> None:
        text = 'a"b\\c\nd\x00\x01\x1f\x7f\u2028\ufeff\uffff\U0001f600e\u0301%s%v`${x}"}]}'
        program = self.compiled(evaluator, "deny contains input.call.args.body if true")
        assert self.denials(program, body=text) == [text]

    def test_whole_text_is_compared_as_it_is(self, evaluator: Evaluator) -> None:
        program = self.compiled(
            evaluator,
            "deny contains input.call.args.a if same\n\n"
            "same if input.call.args.a == input.call.args.b",
        )
        for text in ('"', "\\", "\n", "\\n", "\0", "\u00e9", "e\u0301", "\U0001f600"):
            assert self.denials(program, a=text, b=text) == [text]
            assert self.denials(program, a=text, b=text + "\n") == []
        assert self.denials(program, a="\u00e9", b="e\u0301") == []

    @pytest.mark.parametrize("number", [1.5, 1e-7, 1e21])
    def test_a_fraction_in_an_answer_is_a_failure(
        self, evaluator: Evaluator, number: float
    ) -> None:
        rules = 'constrain contains {"name": "n", "value": input.call.args.n} if true'
        with pytest.raises(EvaluatorFailed):
            self.denials(self.compiled(evaluator, rules), n=number)

    def test_a_zero_with_a_sign_is_no_answer_but_a_failure_or_zero(
        self, evaluator: Evaluator
    ) -> None:
        rules = 'constrain contains {"name": "n", "value": input.call.args.n * 0.5} if true'
        try:
            output = self.compiled(evaluator, rules).evaluate(
                encode(bent(INPUT, call__args={"n": -5e-324}))
            )
        except EvaluatorFailed:
            return
        assert b"-0" not in output

    def test_a_fraction_in_the_arguments_is_judged(self, evaluator: Evaluator) -> None:
        program = self.compiled(evaluator, 'deny contains "much" if input.call.args.n > 0.5')
        assert self.denials(program, n=0.75) == ["much"]
        assert self.denials(program, n=0.25) == []

    def test_much_and_deep_is_judged(self, evaluator: Evaluator) -> None:
        rules = (
            'deny contains "found" if {\n\twalk(input.call.args, [_, leaf])\n\tleaf == "needle"\n}'
        )
        program = self.compiled(evaluator, rules)
        deep: object = "needle"
        for _ in range(50):
            deep = [deep]
        assert self.denials(program, deep=deep) == ["found"]
        assert self.denials(program, many=["hay"] * 5_000) == []
        assert self.denials(program, many=["hay"] * 5_000 + ["needle"]) == ["found"]

    @pytest.mark.parametrize("bracket", ["[]", "{}"])
    def test_bottomless_json_is_a_failure_and_nobody_dies(
        self, evaluator: Evaluator, bracket: str
    ) -> None:
        opening = bracket[0] if bracket == "[]" else '{"a":'
        for depth in (1_000, 100_000):
            nested = opening * depth + "1" + bracket[1] * depth
            document = b'{"call":{"args":' + nested.encode() + b"}}"
            program = self.compiled(evaluator, 'deny contains "x" if input.call.args.n == 1')
            with pytest.raises(EvaluatorFailed):
                program.evaluate(document)

    @pytest.mark.parametrize(
        ("rules", "line"), [("x := := 1", 5), ('deny contains "x" if {', 5), ("x := 1 +", 5)]
    )
    def test_a_policy_that_does_not_compile_says_where(
        self, evaluator: Evaluator, rules: str, line: int
    ) -> None:
        with pytest.raises(PolicyInvalid, match=rf"^rules/a\.rego:{line}: "):
            evaluator.compile(_bundle({"a.rego": HEAD + rules}), encode(MANIFEST))

    def test_two_kinds_of_one_rule_do_not_compile(self, evaluator: Evaluator) -> None:
        with pytest.raises(PolicyInvalid, match=r"^rules/a\.rego:7: x is a set in one place"):
            self.compiled(evaluator, "x := 1\n\nx contains 1 if true")

    def test_stored_bytes_are_checked_again_when_they_are_compiled(
        self, evaluator: Evaluator
    ) -> None:
        sneaked = _bundle({"a.rego": "package aegis.decision\n"})
        with pytest.raises(PolicyInvalid, match=r"^rules/a\.rego:1: "):
            evaluator.compile(sneaked, encode(MANIFEST))

    def test_a_manifest_may_hold_any_text(self, evaluator: Evaluator) -> None:
        publisher = 'The "Firm" \\ \n\u2028\U0001f600'
        program = self.compiled(
            evaluator,
            "deny contains data.manifest.publisher if input.call.args.n == 1",
            bent(MANIFEST, publisher=publisher),
        )
        assert self.denials(program, n=1) == [publisher]


def _bundle(operator_files: Mapping[str, str]) -> bytes:
    """A bundle that nobody has checked."""
    files = {f"aegis/{path}": text for path, text in base_files().items() if "_test" not in path}
    files |= {f"rules/{path}": text for path, text in operator_files.items()}
    return rfc8785.dumps({"files": dict(files)})
