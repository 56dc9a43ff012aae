"""`/v1/checkpoints` and the checkpoint in a receipt."""

from collections.abc import Iterator

import pytest

from aegisd.core.log import checkpoint
from aegisd.core.log.note import read_key
from aegisd.signing import ed25519
from tests.engine.world import LOG_NAME, MemoryGuard, evidence, signer
from tests.http.door import Door, message

KEYS = signer().keys(0)


@pytest.fixture
def signing() -> Iterator[Door]:
    """A door whose log is signed when somebody asks."""
    with Door(evidence=evidence(MemoryGuard(), interval_ms=0)) as door:
        yield door


def test_a_tenant_without_a_checkpoint_is_404(signing: Door) -> None:
    signing.record(message())
    answer = signing.get("/v1/checkpoints/latest", tenant_id="acme")
    assert (answer.status_code, answer.json()["code"]) == (404, "checkpoint_unknown")
    answer = signing.post("/v1/checkpoints", {"tenant_id": "nobody"})
    assert (answer.status_code, answer.json()["code"]) == (404, "checkpoint_unknown")


def test_a_checkpoint_on_demand_covers_everything_recorded(signing: Door) -> None:
    (receipt,) = signing.record(message())
    told = signing.post("/v1/checkpoints", {"tenant_id": "acme"}).json()
    head = checkpoint.verify(told["note"], KEYS, ed25519.check)
    assert head.size == told["size"] == len(list(signing.store.events("acme")))
    assert head.size - 1 == receipt["position"]
    assert (head.origin, head.root.hex()) == (told["origin"], told["root"])
    assert told["origin"] == f"{LOG_NAME}/acme"
    assert signing.get("/v1/checkpoints/latest", tenant_id="acme").json() == told
    assert signing.post("/v1/checkpoints", {"tenant_id": "acme"}).json() == told


def test_a_receipt_has_the_newest_checkpoint_and_a_batch_has_it_once(signing: Door) -> None:
    (first,) = signing.record(message())
    assert "checkpoint" not in first
    note = signing.post("/v1/checkpoints", {"tenant_id": "acme"}).json()["note"]
    (second,) = signing.record(message())
    assert second["checkpoint"] == note
    batch = signing.post("/v1/events", [message(), message("s2")]).json()
    assert [each.get("checkpoint") for each in batch] == [None, note]
    assert "checkpoint" not in signing.record(message(tenant="other"))[0]


def test_the_answer_to_a_retry_is_the_recorded_one_whatever_was_signed_since(
    signing: Door,
) -> None:
    first = signing.post("/v1/events", message(), Idempotency_Key="k")
    signing.post("/v1/checkpoints", {"tenant_id": "acme"})
    again = signing.post("/v1/events", message(), Idempotency_Key="k")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.content == first.content


def test_checkpoints_are_listed_by_size_in_pages(signing: Door) -> None:
    notes = []
    for _ in range(5):
        signing.record(message())
        notes.append(signing.post("/v1/checkpoints", {"tenant_id": "acme"}).json())
    # The last note is stored with the next root.
    listed, token = [], None
    while True:
        asked = {"tenant_id": "acme", "limit": 2, "page_token": token}
        given = {name: value for name, value in asked.items() if value is not None}
        page = signing.get("/v1/checkpoints", **given).json()
        listed += page["checkpoints"]
        token = page["next_page_token"]
        if token is None:
            break
    assert listed == notes[:4]
    size = notes[2]["size"]
    page = signing.get("/v1/checkpoints", tenant_id="acme", from_size=size).json()
    assert page["checkpoints"] == notes[2:4]


def test_the_keys_are_told_under_the_logs_name(signing: Door) -> None:
    told = signing.get("/v1/checkpoints/keys").json()
    assert told["log_name"] == LOG_NAME
    assert [read_key(each) for each in told["keys"]] == list(KEYS)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/checkpoints/latest", {}),
        ("/v1/checkpoints/latest", {"tenant_id": "a b"}),
        ("/v1/checkpoints/latest", {"tenant_id": "acme", "size": "1"}),
        ("/v1/checkpoints", {"tenant_id": "acme", "from_size": "-1"}),
        ("/v1/checkpoints", {"tenant_id": "acme", "limit": "0"}),
        ("/v1/checkpoints/keys", {"tenant_id": "acme"}),
    ],
)
def test_bad_questions_are_422(signing: Door, path: str, query: dict[str, str]) -> None:
    assert signing.get(path, **query).status_code == 422


@pytest.mark.parametrize("body", [{}, {"tenant_id": 1}, {"tenant_id": "a b"}, {"tenant": "acme"}])
def test_bad_requests_to_sign_are_422(signing: Door, body: object) -> None:
    assert signing.post("/v1/checkpoints", body).status_code == 422


def test_a_log_in_memory_is_not_signed() -> None:
    with Door() as door:
        door.record(message())
        assert door.post("/v1/checkpoints", {"tenant_id": "acme"}).status_code == 404
