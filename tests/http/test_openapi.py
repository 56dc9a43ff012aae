"""The description describes the door: its routes, and what they really answer."""

import json
import re

import jsonschema_rs
import pytest

from aegisd.core.events import AGENT_EVENTS
from aegisd.http.app import operations
from aegisd.http.openapi import document
from tests.http.door import MANIFEST, Door, call, event, message

Described = dict[str, dict[str, dict[str, object]]]


@pytest.fixture(scope="module")
def described(shared: Door) -> Described:
    answer = shared.ask("GET", "/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    told: Described = answer.json()
    return told


def test_its_routes_are_the_routers(described: Described, shared: Door) -> None:
    served = {(each.path, each.method.lower()) for each in operations()}
    assert {
        (path, method) for path, told in described["paths"].items() for method in told
    } == served


def test_each_reference_leads_somewhere(described: Described) -> None:
    schemas = described["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)))
    assert references <= set(schemas)
    assert "\\Z" not in json.dumps(described)


def test_each_operation_has_its_own_name(described: Described) -> None:
    names = [told["operationId"] for path in described["paths"].values() for told in path.values()]  # type: ignore[index]
    assert len(set(names)) == len(names)


def test_each_event_type_is_described(described: Described) -> None:
    text = json.dumps(described["components"]["schemas"]["Event"])
    assert all(f'{{"const": "{event_type}"}}' in text for event_type in AGENT_EVENTS)


def test_it_is_the_same_whenever_it_is_made(shared: Door) -> None:
    assert document(operations()) == document(operations())


def check(described: Described, name: str, value: object) -> None:
    """Hold a value to a schema of the description."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
    jsonschema_rs.validator_for(schema).validate(value)


def test_what_the_door_answers_is_what_it_describes(described: Described, door: Door) -> None:
    asked = [message(), call(), call("rm_rf"), event("TERMINATION", None)]
    check(described, "EventRequest", asked)
    for each in asked:
        check(described, "EventRequest", each)
        check(described, "EventReceipt", door.record(each)[0])
    check(described, "EventReceipt", door.post("/v1/events", [message("b")]).json())
    opened = door.post("/v1/sessions", {"tenant_id": "acme"}).json()
    check(described, "SessionOpenedReceipt", opened)
    for path, name in (
        ("/v1/events", "EventPage"),
        ("/v1/sessions", "SessionPage"),
        ("/v1/sessions/s1", "SessionSummary"),
        ("/v1/sessions/s1/snapshot", "SessionSnapshot"),
        ("/v1/sessions/s1/verify", "SessionVerification"),
        ("/v1/sessions/s1/events", "EventPage"),
        ("/v1/manifests", "ManifestList"),
        ("/v1/policies", "PolicyList"),
    ):
        check(described, name, door.get(path, tenant_id="acme").json())
    check(described, "Health", door.get("/readyz").json())
    check(described, "Problem", door.get("/v1/nothing").json())
    question = {"event_type": "USER_MESSAGE", "payload": {"content": "x"}, "tenant_id": "acme"}
    check(described, "SessionCheck", question)
    check(described, "CheckAnswer", door.post("/v1/sessions/b/check", question).json())
    simulation = {"event": {"event_type": "TERMINATION", "payload": None}, "manifest": MANIFEST}
    check(described, "Simulation", simulation)
    told = door.post("/v1/policy/decide", simulation).json()
    check(described, "SimulatedDecision", told)
    act = {"tenant_id": "acme", "manifest": MANIFEST, "author": "ann", "reason": "why"}
    check(described, "ManifestRegistration", act)
    check(described, "ActReceipt", door.post("/v1/manifests", act).json())


def test_the_schema_refuses_what_the_door_refuses(described: Described) -> None:
    for wrong in (message(seqq=1), message("a b"), event("USER_MESSAGE", {}), event("NOTHING", {})):
        with pytest.raises(jsonschema_rs.ValidationError):
            check(described, "EventRequest", wrong)


def test_a_read_takes_the_parameters_it_declares_and_no_other(shared: Door) -> None:
    for each in operations():
        if each.method != "GET":
            continue
        path = each.path.format_map({"session_id": "s1", "digest": "0" * 64})
        for parameter in each.query:
            told = shared.get(path, **{parameter.name: ""})
            assert told.json()["code"] != "field_unknown", (path, parameter.name)
        if each.query:
            assert shared.get(path, nothing="").json()["code"] == "field_unknown"
