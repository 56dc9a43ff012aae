"""An input built node by node and the same input parsed are one input to every rule."""

from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import EvaluatorFailed
from aegisd.core.log.canonical import encode
from aegisd.rego import machine, term
from aegisd.rego.machine import Machine

RULES = """package e
import rego.v1
echo := input.a
keys contains key if some key, _ in input.a
sizes contains count(value) if { some value in input.a; is_string(value) }
same if input.a == input.b
"""
ENTRYPOINTS = ("e/echo", "e/keys", "e/sizes", "e/same")

texts = st.text(st.sampled_from('a"\\/\n\t\0\x1f\x7fé😀\u2028%{}|\x08 u0041'), max_size=8)
leaves = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)

asked = Machine({"e.rego": RULES}, b"{}", ENTRYPOINTS)


def _answers() -> list[bytes | str]:
    answers: list[bytes | str] = []
    for entrypoint in ENTRYPOINTS:
        output = machine._query(asked._interpreter, asked._bundle, entrypoint.encode())
        try:
            answers.append(machine._answer(output))
        except EvaluatorFailed as error:
            answers.append(error.message)
        finally:
            machine._free_output(output)
    return answers


@given(left=values, right=values)
def test_rules_cannot_tell_a_built_input_from_a_parsed_one(left: object, right: object) -> None:
    document = {"a": left, "b": right}
    assert machine._set_input(asked._interpreter, encode(document)) == 0
    parsed = _answers()
    assert term.set_input(asked._interpreter, document)
    assert _answers() == parsed


def test_a_float_is_left_to_the_parser() -> None:
    assert asked.ask("e/same", b'{"a":1.5,"b":1.5}') == b"true"
