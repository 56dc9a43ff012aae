"""A file is read alike however its names are spelled, and what cannot be placed is refused."""

import pytest

from aegisd.core.errors import PolicyInvalid
from aegisd.rego.module import read


@pytest.mark.parametrize(
    "spelled",
    [
        "input.call.hosts[i].host",
        'input["call"].hosts[i]["host"]',
        "input . call . hosts[i] . host",
        "input.call # of the agent\n\t.hosts[ i ].host",
    ],
)
def test_a_chain_is_the_same_in_any_spelling(spelled: str) -> None:
    module = read("a.rego", f"package a\n\nx if {{\n\t{spelled}\n}}\n")
    (chain,) = (each for each in module.references if each.root == "input")
    assert chain.dotted == "input.call.hosts.[…].host"
    assert (chain.steps, chain.line, chain.called) == (("call", "hosts", None, "host"), 4, False)


def test_rules_are_the_words_that_start_a_statement() -> None:
    source = "package a.b\n\nimport data.c.d as e\n\ndefault x := 1\n\nf(y) if {\n\tz(y)\n}\n"
    module = read("a.rego", source)
    assert module.package == ("a", "b")
    assert module.rules == {"package", "import", "x", "f"}
    assert module.functions == {"f"}
    assert [(each.alias, each.reference.dotted) for each in module.imports] == [("e", "data.c.d")]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x := 1", "a.rego:1: expected `package`"),
        ("package a[x]\n", "a.rego:1: expected a package of plain names"),
        ("package a\nimport data[x]\n", "a.rego:2: expected an import of plain names"),
        ("package a\nx := [f][0](1)\n", "a.rego:2: expected a function's name"),
    ],
)
def test_what_cannot_be_placed_is_refused_with_its_line(source: str, says: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        read("a.rego", source)
    assert caught.value.message.startswith(says)
