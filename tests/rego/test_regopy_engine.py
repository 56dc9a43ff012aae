"""The evaluator port on rego-cpp: what it is given, and what it refuses."""

import json
from collections.abc import Mapping

import pytest
import regopy
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import EvaluatorFailed, PolicyInvalid
from aegisd.core.log.canonical import encode
from aegisd.rego import bundle
from aegisd.rego.check import project
from aegisd.rego.regopy_engine import RegopyEvaluator
from tests.rego.evaluators import EvaluatorContract
from tests.rego.worlds import INPUT, MANIFEST, base_files, bent, compiled

HEAD = "package aegis.rules\n\nimport rego.v1\n\n"
READS_ARGS = HEAD + 'deny contains "secret" if contains(input.call.args.body, "hunter")\n'
READS_TOOL = HEAD + 'deny contains "tool" if endswith(input.call.tool, "ool")\n'


def denials(document: object, rules: str) -> list[str]:
    output = compiled(MANIFEST, {"a.rego": rules}).evaluate(encode(document))
    return [reason["message"] for reason in json.loads(output)["deny"]]


def test_it_names_itself_for_the_record() -> None:
    evaluator = RegopyEvaluator()
    assert (evaluator.name, evaluator.version) == ("regopy", regopy.__version__)


def test_a_rule_looks_inside_plain_text() -> None:
    assert denials(bent(INPUT, call__args={"body": "hunter2"}), READS_ARGS) == ["secret"]
    assert denials(bent(INPUT, call__args={"body": "hunting"}), READS_ARGS) == []


@pytest.mark.parametrize("body", ["a\nhunter", 'a"', "a\\b", "\u0001"])
def test_a_rule_that_looks_inside_text_fails_on_escapes(body: str) -> None:
    with pytest.raises(EvaluatorFailed, match="cannot look inside text"):
        denials(bent(INPUT, call__args={"body": body}), READS_ARGS)


def test_escapes_where_no_rule_looks_disturb_nobody() -> None:
    document = bent(INPUT, call__args={"body": 'two\n"lines"'})
    assert denials(document, READS_TOOL) == ["tool"]


def test_a_rule_that_compares_whole_strings_takes_every_string() -> None:
    rules = HEAD + 'deny contains "two" if input.call.args.body == "a\\n\\"b\\\\"\n'
    assert denials(bent(INPUT, call__args={"body": 'a\n"b\\'}), rules) == ["two"]
    assert denials(bent(INPUT, call__args={"body": 'a\n"b'}), rules) == []


def test_a_manifest_with_escapes_is_refused_where_rules_look_inside_text() -> None:
    manifest = bent(MANIFEST, publisher='The "Firm"')
    compiled(manifest, {"a.rego": HEAD + 'deny contains "x" if input.call.tool == "y"'})
    with pytest.raises(PolicyInvalid, match="take them out of the manifest"):
        compiled(manifest, {"a.rego": READS_ARGS})


@pytest.mark.parametrize("document", [b"", b"[]", b"{", b'{"call":null}', b'{"call":[]}', b"\xff"])
def test_what_is_no_policy_input_is_a_failure(document: bytes) -> None:
    with pytest.raises(EvaluatorFailed):
        compiled(MANIFEST).evaluate(document)


def test_a_failing_rule_is_a_failure_of_the_whole() -> None:
    rules = HEAD + 'deny contains "x" if 1 / input.call.args.n == 1\n'
    with pytest.raises(EvaluatorFailed):
        denials(bent(INPUT, call__args={"n": 0}), rules)


def test_text_in_an_answer_is_what_the_rule_said() -> None:
    text = 'a"b\\c\nd\x01\u2028\U0001f600'
    rules = HEAD + "deny contains input.call.args.body if true\n"
    assert denials(bent(INPUT, call__args={"body": text}), rules) == [text]


@pytest.mark.parametrize("value", [1.5, 1e-7])
def test_a_fraction_in_an_answer_is_a_failure(value: float) -> None:
    rules = HEAD + 'constrain contains {"name": "n", "value": input.call.args.n} if true\n'
    with pytest.raises(EvaluatorFailed):
        denials(bent(INPUT, call__args={"n": value}), rules)


def test_a_fraction_in_the_arguments_is_judged() -> None:
    rules = HEAD + 'deny contains "much" if input.call.args.n > 0.5\n'
    assert denials(bent(INPUT, call__args={"n": 0.75}), rules) == ["much"]
    assert denials(bent(INPUT, call__args={"n": 0.25}), rules) == []


def test_a_policy_that_does_not_compile_says_where() -> None:
    with pytest.raises(PolicyInvalid, match=r"^rules/a\.rego:5: "):
        compiled(MANIFEST, {"a.rego": HEAD + 'deny contains "x" if x := := 1'})


def test_stored_bytes_are_checked_again_when_they_are_compiled() -> None:
    files = bundle.decode(bundle.build({}, base_files()))
    sneaked = encode({"files": {**files, "rules/a.rego": "package aegis.decision\n"}})
    with pytest.raises(PolicyInvalid, match=r"^rules/a\.rego:1: "):
        RegopyEvaluator().compile(sneaked, encode(MANIFEST))


fields = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=4)


@given(
    document=st.dictionaries(st.sampled_from("abc"), fields), names=st.sets(st.sampled_from("abc"))
)
def test_projection_keeps_what_is_read_and_nothing_else(
    document: Mapping[str, Mapping[str, object]], names: set[str]
) -> None:
    reads = {name: frozenset(sorted(document.get(name, {}))[:2]) for name in sorted(names)}
    projected = json.loads(project(json.dumps(document).encode(), reads))
    assert projected == {
        section: {name: value for name, value in members.items() if name in reads[section]}
        for section, members in document.items()
        if section in reads
    }


class TestRegopy(EvaluatorContract):
    name = "regopy"
