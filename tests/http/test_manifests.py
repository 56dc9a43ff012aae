"""Manifests through the door: in force from the next decision on, and readable ever after."""

import hashlib

import pytest

from aegisd.core.log.canonical import encode
from aegisd.core.manifest.parse import MANIFEST_BYTES_MAX
from aegisd.core.shapes.payload import MESSAGE_CHARACTERS_MAX
from tests.http.door import MANIFEST, Door, call

SMALLER = {**MANIFEST, "version": "2", "tools": {"read_file": {"effects": ["read"]}}}


def registration(**more: object) -> dict[str, object]:
    return {
        "tenant_id": "acme",
        "manifest": SMALLER,
        "author": "ann",
        "reason": "less is more",
        **more,
    }


def test_a_manifest_is_in_force_from_the_next_decision_on(door: Door) -> None:
    assert door.record(call())[0]["decision"]["outcome"] == "allow"  # type: ignore[index]
    answer = door.post("/v1/manifests", registration())
    told = answer.json()
    assert answer.status_code == 201
    assert told["digest"] == hashlib.sha256(encode(SMALLER)).hexdigest()
    assert (told["name"], told["version"], told["author"]) == ("notes", "2", "ann")
    assert told["head"] == {"seq": told["seq"], "hash": told["hash"]}
    decision = door.record(call())[0]["decision"]
    assert decision["reason"] == "PERMISSION_UNDECLARED"  # type: ignore[index]


def test_the_manifest_in_force_is_shown_with_who_put_it_there(door: Door) -> None:
    assert door.get("/v1/manifests", tenant_id="acme").json() == {"manifests": []}
    door.record(call())
    first = door.get("/v1/manifests", tenant_id="acme").json()["manifests"]
    assert [(each["author"], each["manifest"]) for each in first] == [("config", MANIFEST)]
    digest = door.post("/v1/manifests", registration()).json()["digest"]
    then = door.get("/v1/manifests", tenant_id="acme").json()["manifests"]
    assert then == [{"digest": digest, "author": "ann", "manifest": SMALLER}]
    assert door.get(f"/v1/manifests/{first[0]['digest']}").json() == MANIFEST


def test_a_digest_brings_back_the_bytes_it_is_of(door: Door) -> None:
    digest = door.post("/v1/manifests", registration()).json()["digest"]
    body = door.get(f"/v1/manifests/{digest}").content
    assert body == encode(SMALLER)
    assert hashlib.sha256(body).hexdigest() == digest


def test_a_manifest_is_no_policy(door: Door) -> None:
    digest = door.post("/v1/manifests", registration()).json()["digest"]
    assert door.get(f"/v1/policies/{digest}").status_code == 404


@pytest.mark.parametrize(
    ("digest", "status"),
    [("0" * 64, 404), ("0" * 63, 422), ("A" * 64, 422), (" " + "0" * 63, 422), ("x" * 64, 422)],
)
@pytest.mark.parametrize("kind", ["manifests", "policies"])
def test_a_digest_nobody_knows_is_404_and_no_digest_422(
    shared: Door, kind: str, digest: str, status: int
) -> None:
    assert shared.get(f"/v1/{kind}/{digest}").status_code == status


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"author": "config"}, "id_reserved"),
        ({"author": "$me"}, "id_reserved"),
        ({"author": ""}, "field_invalid"),
        ({"author": None}, "field_invalid"),
        ({"reason": ""}, "field_invalid"),
        ({"reason": "x" * (MESSAGE_CHARACTERS_MAX + 1)}, "field_invalid"),
        ({"tenant_id": "$control"}, "id_reserved"),
        ({"manifest": "text"}, "field_invalid"),
        ({"manifest": {}}, "manifest_invalid"),
        ({"manifest": {**SMALLER, "tols": {}}}, "manifest_invalid"),
        ({"manifst": {}}, "field_unknown"),
    ],
)
def test_a_registration_that_cannot_be_honoured_changes_nothing(
    shared: Door, more: dict[str, object], code: str
) -> None:
    answer = shared.post("/v1/manifests", registration(**more))
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert shared.get("/v1/manifests", tenant_id="acme").json() == {"manifests": []}


@pytest.mark.parametrize("extra", [0, 1])
def test_a_manifest_may_have_manifest_bytes_max_and_not_one_more(door: Door, extra: int) -> None:
    padded = {**SMALLER, "description": ""}
    room = MANIFEST_BYTES_MAX - len(encode(padded))
    padded["description"] = "x" * (room + extra)
    answer = door.post("/v1/manifests", registration(manifest=padded))
    assert answer.status_code == (422 if extra else 201)


def test_a_reason_may_have_message_characters_max(door: Door) -> None:
    asked = registration(reason="x" * MESSAGE_CHARACTERS_MAX)
    assert door.post("/v1/manifests", asked).status_code == 201
