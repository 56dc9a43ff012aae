"""`/v1/proofs`: checked as somebody who has nothing but a public key."""

import base64
from collections.abc import Iterator

import pytest

from aegisd.core.log import checkpoint, proof
from aegisd.core.log.merkle import consistent
from aegisd.signing import ed25519
from tests.engine.world import MemoryGuard, evidence, signer
from tests.http.door import Door, message

KEYS = signer().keys(0)


@pytest.fixture
def signing() -> Iterator[Door]:
    """A door whose log is signed when somebody asks."""
    with Door(evidence=evidence(MemoryGuard(), interval_ms=0)) as door:
        yield door


def sign(door: Door) -> dict[str, object]:
    told: dict[str, object] = door.post("/v1/checkpoints", {"tenant_id": "acme"}).json()
    return told


def test_an_event_is_proved_against_the_key_alone(signing: Door) -> None:
    receipts = signing.record(*(message(f"s{number}") for number in range(5)))
    sign(signing)
    for receipt in receipts:
        told = signing.get(
            "/v1/proofs/inclusion", tenant_id="acme", position=receipt["position"]
        ).json()
        assert told["hash"] == receipt["hash"]
        read = proof.read(told["proof"])
        head = proof.verify(read, bytes.fromhex(told["hash"]), KEYS, ed25519.check)
        assert head.size == told["size"]
        assert [base64.b64decode(each) for each in told["hashes"]] == list(read.hashes)
        assert read.checkpoint == told["checkpoint"]


def test_a_proof_in_an_older_checkpoint_can_be_asked_for(signing: Door) -> None:
    signing.record(message())
    older = sign(signing)
    signing.record(message())
    sign(signing)
    told = signing.get(
        "/v1/proofs/inclusion", tenant_id="acme", position=0, size=older["size"]
    ).json()
    assert told["checkpoint"] == older["note"]


def test_the_log_of_one_size_is_proved_to_continue_the_log_of_another(signing: Door) -> None:
    signing.record(message())
    older = sign(signing)
    signing.record(message(), message())
    newer = sign(signing)
    told = signing.get("/v1/proofs/consistency", tenant_id="acme", **{"from": older["size"]}).json()
    heads = [checkpoint.read(str(each["note"]))[0] for each in (older, newer)]
    assert (told["from_root"], told["to_root"]) == (older["root"], newer["root"])
    assert told["checkpoint"] == newer["note"]
    path = [base64.b64decode(each) for each in told["hashes"]]
    assert consistent(heads[0].size, heads[1].size, heads[0].root, heads[1].root, path)


def test_an_event_that_no_checkpoint_covers_yet_is_409(signing: Door) -> None:
    (receipt,) = signing.record(message())
    answer = signing.get("/v1/proofs/inclusion", tenant_id="acme", position=receipt["position"])
    assert (answer.status_code, answer.json()["code"]) == (409, "not_covered")
    assert answer.json()["covered"] == 0


def test_wait_ms_waits_for_a_checkpoint() -> None:
    with Door(evidence=evidence(MemoryGuard(), interval_ms=20)) as door:
        (receipt,) = door.record(message())
        answer = door.get(
            "/v1/proofs/inclusion", tenant_id="acme", position=receipt["position"], wait_ms=5000
        )
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"tenant_id": "acme", "position": 99}, "event_unknown"),
        ({"tenant_id": "nobody", "position": 0}, "event_unknown"),
        ({"tenant_id": "acme", "position": 0, "size": 2}, "checkpoint_unknown"),
    ],
)
def test_what_is_not_there_is_404(signing: Door, query: dict[str, object], code: str) -> None:
    signing.record(message())
    sign(signing)
    answer = signing.get("/v1/proofs/inclusion", **query)
    assert (answer.status_code, answer.json()["code"]) == (404, code)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("inclusion", {"tenant_id": "acme"}),
        ("inclusion", {"tenant_id": "acme", "position": "-1"}),
        ("inclusion", {"tenant_id": "acme", "position": "x"}),
        ("inclusion", {"tenant_id": "acme", "position": "0", "wait_ms": "20001"}),
        ("inclusion", {"tenant_id": "acme", "position": "0", "hash": "x"}),
        ("consistency", {"tenant_id": "acme"}),
        ("consistency", {"tenant_id": "acme", "from": "1", "until": "2"}),
    ],
)
def test_bad_questions_are_422(signing: Door, path: str, query: dict[str, str]) -> None:
    assert signing.get(f"/v1/proofs/{path}", **query).status_code == 422


def test_sizes_the_wrong_way_round_or_not_signed_yet_are_404(signing: Door) -> None:
    signing.record(message())
    size = sign(signing)["size"]
    for query in ({"from": size, "to": 1}, {"from": 0, "to": 99}):
        answer = signing.get("/v1/proofs/consistency", tenant_id="acme", **query)
        assert (answer.status_code, answer.json()["code"]) == (404, "checkpoint_unknown")
