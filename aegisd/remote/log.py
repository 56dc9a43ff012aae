"""A server's log, read over HTTP and rebuilt into the bytes it stores.

Nothing a server says about its own log is believed: the stored bytes are made again from the fields
of each event, and the hash it gave is kept beside them, to be compared.
"""

import base64
from collections.abc import Iterator
from itertools import islice

import msgspec
from msgspec import Raw, Struct

from aegisd.core.errors import AegisError, ConfigInvalid, InvalidField, NotFound, Unavailable
from aegisd.core.log import checkpoint
from aegisd.core.log.canonical import encode, parse
from aegisd.core.log.envelope import StoredEvent
from aegisd.remote.client import PAGE_EVENTS, Client, segment
from aegisd.rows import Detached, Document, SessionHead

# What a server adds to an envelope when it answers.
_ADDED = ("hash", "position")


class _Events(Struct):
    events: list[Raw]
    next_page_token: str | None


class _Head(Struct):
    seq: int
    hash: str


class _Session(Struct):
    session_id: str
    head: _Head


class _Sessions(Struct):
    sessions: list[_Session]
    next_page_token: str | None


class _Note(Struct):
    note: str


class ServerLog:
    """Answers what `aegisd.audit.log.Log` asks."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._page_token: str | None = None

    def tenants(self) -> list[str]:
        """A server does not tell. Raises `InvalidField`."""
        raise InvalidField("a server does not list its tenants; name one with --tenant")

    def sessions(self, tenant_id: str, *, after: str = "", limit: int = 1000) -> list[SessionHead]:
        """See `aegisd.ports.LogReader.sessions`. Page after page; `after` continues the last."""
        if after and self._page_token is None:
            return []
        answer = self.client.get(
            "/v1/sessions",
            tenant_id=tenant_id,
            limit=limit,
            page_token=self._page_token if after else None,
        )
        page = self.client.read(answer, _Sessions)
        self._page_token = page.next_page_token
        return [self._head(tenant_id, found) for found in page.sessions]

    def session_head(self, tenant_id: str, session_id: str) -> SessionHead | None:
        """See `aegisd.ports.LogReader.session_head`."""
        try:
            answer = self.client.get(f"/v1/sessions/{segment(session_id)}", tenant_id=tenant_id)
        except NotFound:
            return None
        return self._head(tenant_id, self.client.read(answer, _Session))

    def events(
        self, tenant_id: str, *, from_position: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.LogReader.events`."""
        return self.matching(tenant_id, from_position=from_position or None, limit=limit)

    def session_events(
        self, tenant_id: str, session_id: str, *, from_seq: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.LogReader.session_events`. Raises `NotFound` for an unknown session."""
        events = self.matching(tenant_id, session_id=session_id)
        return islice((event for event in events if event.seq >= from_seq), limit)

    def matching(
        self, tenant_id: str, *, limit: int | None = None, **filters: str | int | None
    ) -> Iterator[StoredEvent]:
        """A tenant's events that the filters of `GET /v1/events` let through, in position order.

        Raises `Unavailable` for an answer that is not the page that was asked for.
        """
        page_token: str | None = None
        left = limit
        while left is None or left > 0:
            answer = self.client.get(
                "/v1/events",
                tenant_id=tenant_id,
                limit=PAGE_EVENTS if left is None else min(left, PAGE_EVENTS),
                page_token=page_token,
                **filters,
            )
            page = self.client.read(answer, _Events)
            yield from map(self._event, page.events[:left])
            left = None if left is None else left - len(page.events)
            if page.next_page_token is None:
                return
            if page.next_page_token == page_token:
                raise Unavailable(f"{self.client.url} gave the same page token twice")
            page_token = page.next_page_token

    def end(self, tenant_id: str) -> int:
        """The position behind the newest event: the signed are counted, the rest looked at."""
        try:
            answer = self.client.get("/v1/checkpoints/latest", tenant_id=tenant_id)
            position = checkpoint.read(self.client.read(answer, _Note).note)[0].size
        except NotFound:
            position = 0
        for found in self.events(tenant_id, from_position=position):
            position = found.position + 1
        return position

    def document(self, digest: bytes) -> Document | None:
        """See `aegisd.ports.LogReader.document`."""
        for kind, route in (("manifest", "manifests"), ("bundle", "policies")):
            try:
                body = self.client.get(f"/v1/{route}/{digest.hex()}")
            except NotFound:
                continue
            return Document(digest=digest, kind=kind, body=body)
        return None

    def detached(self, tenant_id: str, position: int) -> list[Detached]:
        """A server keeps salts to itself. Raises `ConfigInvalid`."""
        raise ConfigInvalid(
            f"tenant {tenant_id}, position {position}: a server does not give out values that are "
            "kept beside events; export --detached from the database, with --dsn"
        )

    def close(self) -> None:
        """Nothing is kept open between two requests."""

    def _event(self, answer: Raw) -> StoredEvent:
        try:
            return event(bytes(answer))
        except (AegisError, KeyError, TypeError, ValueError, msgspec.MsgspecError):
            raise Unavailable(f"{self.client.url} answered what is not an event") from None

    def _head(self, tenant_id: str, session: _Session) -> SessionHead:
        try:
            digest = bytes.fromhex(session.head.hash)
        except ValueError:
            raise Unavailable(f"{self.client.url} answered a hash that is not hex") from None
        return SessionHead(
            tenant_id=tenant_id, session_id=session.session_id, seq=session.head.seq, hash=digest
        )


class _Columns(Struct):
    """The fields of an answered event that the log also keeps as columns."""

    tenant_id: str
    position: int
    session_id: str
    seq: int
    event_type: str
    ts_unix_ms: int
    hash: str
    user_id: str = ""
    agent_id: str | None = None
    idempotency_key: str | None = None
    prev_hash: str | None = None


def event(answer: bytes) -> StoredEvent:
    """The row that an answered event was made from, with the hash the server claims.

    Raises `InvalidJson`, `msgspec.MsgspecError`, `TypeError` or `ValueError` for anything else.
    """
    value = parse(answer)
    columns = msgspec.convert(value, _Columns)
    if not isinstance(value, dict):
        raise TypeError("expected an object")
    prev_hash = bytes.fromhex(columns.prev_hash or "")
    envelope = {name: member for name, member in value.items() if name not in _ADDED}
    envelope.pop("prev_hash", None)
    if prev_hash:
        envelope["prev_hash"] = base64.b64encode(prev_hash).decode()
    told = bytes.fromhex(columns.hash)
    row = {"prev_hash": prev_hash, "hash": told, "body": encode(envelope)}
    return StoredEvent(**{**msgspec.structs.asdict(columns), **row})
