"""The manifests and bundles that events name by digest, and whether a log still has them."""

import hashlib
from collections.abc import Callable, Iterator, Mapping

import msgspec
from msgspec import Struct

from aegisd.core.log.envelope import StoredEvent
from aegisd.ports import Document

Find = Callable[[bytes], Document | None]


class Named(Struct, frozen=True, order=True):
    """A document as an event names it: `manifest` or `bundle`, and the digest in hex."""

    kind: str
    digest: str


class _Payload(Struct):
    digest: str = ""
    manifest: str = ""
    bundle: str = ""


class _Envelope(Struct):
    payload: _Payload


_decode = msgspec.json.Decoder(_Envelope).decode
_ACTS = {"MANIFEST_REGISTERED": "manifest", "POLICY_ACTIVATED": "bundle"}


def named(event: StoredEvent) -> Iterator[Named]:
    """What an event names; nothing where its payload is not what its type promises."""
    act = _ACTS.get(event.event_type)
    if act is None and event.event_type != "POLICY_DECISION":
        return
    try:
        payload = _decode(event.body).payload
    except (msgspec.MsgspecError, UnicodeError):
        return
    for kind, digest in (
        (act, payload.digest if act else ""),
        ("manifest", payload.manifest),
        ("bundle", payload.bundle),
    ):
        if kind and digest:
            yield Named(kind, digest)


def named_by(event_type: str, payload: Mapping[str, object]) -> set[Named] | None:
    """What `named` tells, of a payload that was decoded; None where it is not as promised."""
    act = _ACTS.get(event_type)
    if act is None and event_type != "POLICY_DECISION":
        return set()
    digest, manifest = payload.get("digest", ""), payload.get("manifest", "")
    bundle = payload.get("bundle", "")
    if not (isinstance(digest, str) and isinstance(manifest, str) and isinstance(bundle, str)):
        return None
    names = ((act, digest if act else ""), ("manifest", manifest), ("bundle", bundle))
    return {Named(kind, digest) for kind, digest in names if kind and digest}


def found(name: Named, find: Find) -> bytes | str:
    """The bytes of a document; or, as text, what is wrong with it."""
    try:
        digest = bytes.fromhex(name.digest)
    except ValueError:
        return f"a {name.kind} is named by what is not a SHA-256"
    document = find(digest)
    if document is None:
        return f"{name.kind} {name.digest} is named by an event and missing"
    if hashlib.sha256(document.body).digest() != digest:
        return f"{name.kind} {name.digest} has other bytes than its digest says"
    return document.body
