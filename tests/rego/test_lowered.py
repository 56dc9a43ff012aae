"""A test whose `with` cannot be carried out is refused before it is run."""

import pytest

from aegisd.core.errors import PolicyInvalid
from aegisd.rego.lowered import lower

HEAD = "package aegis.rules_test\n\nimport rego.v1\n\n"


@pytest.mark.parametrize(
    ("tests", "says"),
    [
        (
            'test_it if { true with input as {} \n true with input as {"a": 1} }',
            "make it two tests",
        ),
        ("test_it if { true with data.aegis.rules.deny as {} }", "expected `with input"),
        ("helper if { true with input as {} }", "belongs in the body"),
        ("test_it if { true with input }", "expected `as`"),
        ("test_it if http.send({})", "may not be called"),
        ("test_it if {", "to be closed"),
    ],
)
def test_a_test_that_cannot_be_carried_out_is_refused(tests: str, says: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"^a_test\.rego:\d+: ") as caught:
        lower("a_test.rego", HEAD + tests)
    assert says in caught.value.message
