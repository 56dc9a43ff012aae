"""Rules through the door: in force from the next decision on, or refused and nothing changed."""

import hashlib

import pytest

from tests.http.door import Door, call

RULES = (
    'package aegis.rules\n\nimport rego.v1\n\ndeny contains "no" if input.call.tool == "think"\n'
)
BROKEN = "package aegis.rules\n\ndeny contains {"
CLOCK = 'package aegis.rules\n\nimport rego.v1\n\ndeny contains "late" if time.now_ns() > 0\n'


def activation(**more: object) -> dict[str, object]:
    return {
        "tenant_id": "acme",
        "files": {"no.rego": RULES},
        "author": "ann",
        "reason": "thinking is overrated",
        **more,
    }


def test_rules_are_in_force_from_the_next_decision_on(door: Door) -> None:
    assert door.record(call())[0]["decision"]["outcome"] == "allow"  # type: ignore[index]
    answer = door.post("/v1/policies", activation())
    assert answer.status_code == 201
    assert door.record(call())[0]["decision"]["reason"] == "POLICY_DENY"  # type: ignore[index]
    assert door.post("/v1/policies", activation(files={})).status_code == 201
    assert door.record(call())[0]["decision"]["outcome"] == "allow"  # type: ignore[index]


def test_the_bundle_in_force_is_shown_and_its_digest_brings_back_its_bytes(door: Door) -> None:
    assert door.get("/v1/policies", tenant_id="acme").json() == {"policies": []}
    told = door.post("/v1/policies", activation()).json()
    shown = door.get("/v1/policies", tenant_id="acme").json()["policies"]
    assert [(each["digest"], each["author"]) for each in shown] == [(told["digest"], "ann")]
    assert shown[0]["bundle"]["files"]["rules/no.rego"] == RULES
    body = door.get(f"/v1/policies/{told['digest']}").content
    assert hashlib.sha256(body).hexdigest() == told["digest"]
    assert door.get(f"/v1/manifests/{told['digest']}").status_code == 404


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"files": {"a.rego": BROKEN}}, "policy_invalid"),
        ({"files": {"a.rego": CLOCK}}, "policy_invalid"),
        ({"files": {"a.rego": "package aegis.decision\n"}}, "policy_invalid"),
        ({"files": {"a.rego": 3}}, "field_invalid"),
        ({"files": ["a.rego"]}, "field_invalid"),
        ({"author": "config"}, "id_reserved"),
        ({"file": {}}, "field_unknown"),
    ],
)
def test_rules_that_do_not_load_leave_those_in_force(
    shared: Door, more: dict[str, object], code: str
) -> None:
    shared.record(call(session="before"))
    before = shared.get("/v1/policies", tenant_id="acme").json()
    answer = shared.post("/v1/policies", activation(**more))
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert shared.get("/v1/policies", tenant_id="acme").json() == before
