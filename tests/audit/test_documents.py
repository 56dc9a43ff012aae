"""What events name by digest is found with exactly those bytes, or said to be wrong."""

import hashlib

from aegisd.audit.documents import Named, found, named, named_by
from aegisd.rows import Document
from tests.core.gate import BUNDLE, Gate, digest, manifest

BODY = b"{}"
DIGEST = hashlib.sha256(BODY).digest()


def test_an_event_names_the_documents_that_its_type_promises() -> None:
    held = manifest()
    events = Gate(held=held).events
    assert [[*named(event)] for event in events] == [
        [Named("bundle", digest(BUNDLE))],
        [Named("manifest", held.digest)],
    ]
    assert named_by("USER_MESSAGE", {"digest": "00"}) == set()
    assert named_by("POLICY_ACTIVATED", {"digest": "00"}) == {Named("bundle", "00")}
    assert named_by("POLICY_ACTIVATED", {"digest": 3}) == set()
    halves = {"manifest": [], "bundle": "00"}
    assert named_by("POLICY_DECISION", halves) == {Named("bundle", "00")}


def test_a_document_that_is_missing_or_another_is_told_and_never_given() -> None:
    name = Named("bundle", DIGEST.hex())

    def kept(body: bytes) -> Document:
        return Document(digest=DIGEST, kind="bundle", body=body)

    assert found(name, lambda _: kept(BODY)) == BODY
    assert "other bytes" in str(found(name, lambda _: kept(b"[]")))
    assert "missing" in str(found(name, lambda _: None))
    assert "not a SHA-256" in str(found(Named("bundle", "x"), lambda _: kept(BODY)))
