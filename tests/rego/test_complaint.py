"""What the native engine says against a policy becomes one line with the place in front."""

import pytest

from aegisd.rego.complaint import explain


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "\n--> rules/a.rego:7:12\n  |\n7 | x\nerror: no such thing\n",
            "rules/a.rego:7: no such thing",
        ),
        ("\n--> a.rego:1:2\nsome\n  words", "a.rego:1: no reason is given"),
        ("error: no rules", "the engine cannot compile the policy: no rules"),
    ],
)
def test_the_line_names_the_place_and_the_sentence(said: str, told: str) -> None:
    assert explain(said) == told
