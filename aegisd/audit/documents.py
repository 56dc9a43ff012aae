"""The manifests and bundles that events name by digest, and whether a log still has them."""

import hashlib
from collections.abc import Callable, Iterator, Mapping

import msgspec
from msgspec import Struct

from aegisd.core.events import DECLARATIONS
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.foreign import decoder
from aegisd.rows import Document

Find = Callable[[bytes], Document | None]


class Named(Struct, frozen=True, order=True):
    """A document as an event names it: `manifest` or `bundle`, and the digest in hex."""

    kind: str
    digest: str


# The members of payloads that name a document, of every event type that has some.
_NAMING = {name: declared.documents for name, declared in DECLARATIONS.items()}
MEMBERS = sorted({member for members in _NAMING.values() for member in members})
_Payload = msgspec.defstruct("_Payload", [(member, object, "") for member in MEMBERS])


class _Envelope(Struct):
    payload: _Payload  # type: ignore[valid-type]  # made of the declarations


_decode = decoder(_Envelope)


def named(event: StoredEvent) -> Iterator[Named]:
    """What an event names, as far as its payload is what its type promises."""
    members = _NAMING.get(event.event_type)
    if not members:
        return
    try:
        payload = _decode(event.body).payload
    except (msgspec.MsgspecError, UnicodeError):
        return
    yield from named_by(event.event_type, {name: getattr(payload, name) for name in members})


def named_by(event_type: str, payload: Mapping[str, object]) -> set[Named]:
    """What `named` tells, of a payload that was decoded."""
    members = _NAMING.get(event_type, {})
    digests = ((kind, payload.get(member)) for member, kind in members.items())
    return {Named(kind, digest) for kind, digest in digests if digest and isinstance(digest, str)}


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
    if document.kind != name.kind:
        return f"{name.kind} {name.digest} is kept as something else, so no request finds it"
    return document.body
