"""Members that the gate could not read are refused where they are written out, and no others."""

import pytest

from aegisd.core.errors import PolicyInvalid
from aegisd.rego.bundle import build
from aegisd.rego.members import SHAPES
from tests.rego.worlds import base_files

HEAD = "package aegis.rules\n\nimport rego.v1\n\n"
HOLDS = ' if input.event.type == "MEMORY_WRITE"'


@pytest.mark.parametrize(
    ("member", "told"),
    [
        ('deny contains {"mesage": "x"}', "5: a member of deny has no mesage"),
        ('deny contains {"rule": "x"}', "5: a member of deny needs message"),
        (
            'deny contains {\n\t"message": "x",\n\t"were": "y",\n}',
            "7: a member of deny has no were",
        ),
        ('require_approval contains {"why": "x"}', "5: a member of require_approval has no why"),
        ('constrain contains {"name": "x"}', "5: a member of constrain needs value"),
        ('constrain contains {"name": "x", "value": 1, "unit": "s"}', "5: a member of constrain"),
        ('oblige contains {"kind": "x"}', "5: a member of oblige needs type"),
        ('advise contains {"kind": "x"}', "5: a member of advise needs type"),
    ],
)
def test_a_member_that_nobody_could_read_is_refused_by_rule_line_and_key(
    member: str, told: str
) -> None:
    with pytest.raises(PolicyInvalid) as refused:
        build({"a.rego": HEAD + member + HOLDS + "\n"}, base_files())
    assert refused.value.message.startswith(f"rules/a.rego:{told}")


@pytest.mark.parametrize(
    "member",
    [
        'deny contains "x"',
        'deny contains {"message": "x"}',
        'deny contains {"message": concat("", ["a", "b"]), "rule": "x", "where": "/args"}',
        'constrain contains {"name": "x", "value": {"unit": "s", "other": [{"a": 1}]}}',
        'oblige contains {"type": "x", "any": {"thing": 1}}',
        'advise contains {"type": "x"}',
    ],
)
def test_a_member_that_the_gate_reads_loads(member: str) -> None:
    assert build({"a.rego": HEAD + member + HOLDS + "\n"}, base_files())


def test_what_is_computed_is_nobodys_slip() -> None:
    rules = 'advise contains {key: 1} if some key in ["type"]\n\ndeny contains said if {\n'
    rules += '\tsome said in [{"mesage": "x"}]\n}\n'
    assert build({"a.rego": HEAD + rules}, base_files())


def test_the_shapes_are_of_the_five_sets() -> None:
    assert sorted(SHAPES) == ["advise", "constrain", "deny", "oblige", "require_approval"]
