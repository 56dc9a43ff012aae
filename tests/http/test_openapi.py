"""The description describes the door: its routes, and what they really answer."""

import json
import re

from aegisd.http.app import operations
from aegisd.http.openapi import document
from tests.http.described import Described, check
from tests.http.door import MANIFEST, Door, call, event, message


def test_each_reference_leads_somewhere(described: Described) -> None:
    schemas = described["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)))
    assert references <= set(schemas)
    assert "\\Z" not in json.dumps(described)


def test_each_operation_has_its_own_name(described: Described) -> None:
    names = [told["operationId"] for path in described["paths"].values() for told in path.values()]  # type: ignore[index]
    assert len(set(names)) == len(names)


def test_it_is_the_same_whenever_it_is_made(shared: Door) -> None:
    assert document(operations()) == document(operations())


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
