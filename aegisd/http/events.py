"""`/v1/events`: record events and read them back. The POST is the hot route, plain ASGI."""

import base64
import binascii
from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from aegisd.core.errors import (
    AegisError,
    InvalidField,
    InvalidJson,
    InvalidRequest,
    LogCorrupt,
    TooDeep,
    TooLarge,
    UnknownEventType,
)
from aegisd.core.events import AGENT_EVENTS, DAEMON_EVENTS, NAME_CHARACTERS_MAX
from aegisd.core.log.canonical import parse
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.nearest import nearest
from aegisd.core.proposal import Proposal
from aegisd.core.proposal import read as read_proposal
from aegisd.engine.engine import Engine
from aegisd.engine.work import Answer
from aegisd.http.answers import answer, line, receipt
from aegisd.http.body import Body, receive_body
from aegisd.http.query import Query, token
from aegisd.http.scan import Filter, Page, page

# Events of one request, which become one transaction. A third of a second to judge; a longer log is
# sent in parts.
EVENTS_PER_REQUEST_MAX = 1000

# Bytes read on the event loop, about a millisecond's worth. A larger body is read on another
# thread, so that nobody else waits for it.
INLINE_BYTES_MAX = 65_536

OUTCOMES = ("allow", "deny", "require_approval")

FILTERS = ("event_type", "tool_name", "outcome", "from_position", "limit", "page_token")

_BLANK = b" \t\r\n"
_split = msgspec.json.Decoder(list[Raw]).decode
_JSON = (b"content-type", b"application/json")
_REPLAYED = (b"idempotency-replayed", b"true")


class EventRecord(Struct, frozen=True, kw_only=True):
    """One event of the log. Hashes are hex; `position` and `hash` stand beside what is hashed.

    The hash is SHA-256 over the RFC 8785 bytes of the other fields, with `prev_hash` in base64.
    """

    agent_id: str | UnsetType = UNSET
    event_type: str
    hash: str
    idempotency_key: str | UnsetType = UNSET
    payload: Raw
    position: int
    prev_hash: str | UnsetType = UNSET
    seq: int
    session_id: str
    tenant_id: str
    ts_unix_ms: int
    user_id: str


class EventPage(Struct, frozen=True, kw_only=True):
    """Events in order. `next_page_token` is null after the last page."""

    events: list[EventRecord]
    next_page_token: str | None


class Asked(NamedTuple):
    """What a body asks to record. `batch` tells that it came as a list, however short."""

    proposals: tuple[Proposal, ...]
    batch: bool


class Ingest:
    """`POST /v1/events` without a request object: one event or one tenant's batch, judged."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 201 for every outcome, once it is durable."""
        body = await receive_body(scope, receive)
        if len(body.data) <= INLINE_BYTES_MAX:
            asked = read(body)
        else:
            asked = await self._engine.read(partial(read, body))
        answers = await self._append(asked)
        told = line([receipt(each) for each in answers] if asked.batch else receipt(answers[0]))
        headers = [_JSON, (b"content-length", b"%d" % len(told))]
        if answers[0].replayed:
            headers.append(_REPLAYED)
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": told})

    async def _append(self, asked: Asked) -> tuple[Answer, ...]:
        try:
            return await self._engine.append(asked.proposals)
        except AegisError as error:
            index = error.details.pop("index", None)
            raise (_at(error, index) if asked.batch and type(index) is int else error) from None


def read(body: Body) -> Asked:
    """Read the proposals of a body: a JSON object, a JSON array, or newline-delimited JSON.

    Raises an `InvalidRequest`; of a batch it names the first wrong item.
    """
    key = body.idempotency_key
    if not body.ndjson and body.data.lstrip(_BLANK)[:1] != b"[":
        one = read_proposal(parse(body.data), idempotency_key=key)
        return Asked((one,), batch=False)
    items = _lines(body.data) if body.ndjson else _members(body.data)
    if not items:
        raise InvalidField("expected at least one event, found an empty batch", field="")
    return Asked(tuple(_proposals(items, key)), batch=True)


def _proposals(items: Iterable[bytes | Raw], idempotency_key: str | None) -> Iterator[Proposal]:
    tenant_id = None
    for index, item in enumerate(items):
        try:
            proposal = read_proposal(parse(bytes(item)), idempotency_key=idempotency_key)
            if proposal.tenant_id != (tenant_id or proposal.tenant_id):
                raise InvalidField("tenant_id: a batch is of one tenant", field="tenant_id")
        except InvalidRequest as error:
            raise _at(error, index) from None
        tenant_id = proposal.tenant_id
        yield proposal


def _lines(data: bytes) -> list[bytes]:
    data = data.strip(_BLANK)
    _check_count(data.count(b"\n") + 1)
    return data.split(b"\n") if data else []


def _members(data: bytes) -> list[Raw]:
    """The members of an array, each still in its own bytes, so that each is read strictly."""
    try:
        members = _split(data)
    except RecursionError:
        raise TooDeep("the document is nested too deeply to be read") from None
    except (msgspec.MsgspecError, UnicodeError):
        raise InvalidJson("expected one JSON array in UTF-8, found broken JSON") from None
    _check_count(len(members))
    return members


def _check_count(found: int) -> None:
    if found > EVENTS_PER_REQUEST_MAX:
        raise TooLarge(
            f"{found} events in one request, EVENTS_PER_REQUEST_MAX is {EVENTS_PER_REQUEST_MAX}",
            limit=EVENTS_PER_REQUEST_MAX,
            found=found,
        )


def _at(error: AegisError, index: int) -> AegisError:
    """The same error, naming the item of the batch that raised it."""
    error.message = f"item {index}: {error.message}"
    error.details["index"] = index
    return error


class Events:
    """Reads of the log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def list(self, request: Request) -> Response:
        """`GET /v1/events`: a tenant's events in position order, or one session's."""
        query = Query(request, "tenant_id", "session_id", *FILTERS)
        session_id = query.optional_id("session_id")
        return await page_of(self._engine, query, query.id("tenant_id"), session_id)


async def page_of(engine: Engine, query: Query, tenant_id: str, session_id: str | None) -> Response:
    """One page of a tenant's events, or of one session's. Raises `SessionUnknown`."""
    wanted = _filter(query)
    limit = query.limit()
    kind = "p" if session_id is None else "q"
    start = query.place(kind) or 0
    if session_id is None:
        start = max(start, wanted.from_position)
        wanted = msgspec.structs.replace(wanted, from_position=0)
    else:
        await engine.head(tenant_id, session_id)

    def look() -> EventPage:
        found = _page(engine, tenant_id, session_id, start, wanted, limit)
        place = found.next_place
        return EventPage(
            events=[record(row) for row in found.rows],
            next_page_token=None if place is None else token(kind, place),
        )

    return answer(await engine.read(look))


def record(row: StoredEvent) -> EventRecord:
    """One stored event as its bytes tell it. Raises `LogCorrupt` where they are no envelope."""
    try:
        told = unseal(row.body)
        before = told.prev_hash
        prev_hash = before and base64.b64decode(before, validate=True).hex()
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        raise LogCorrupt(
            f"tenant {row.tenant_id}, position {row.position}: the stored bytes are not an "
            "envelope; run `aegisctl verify`"
        ) from None
    return EventRecord(
        agent_id=told.agent_id,
        event_type=told.event_type,
        hash=row.hash.hex(),
        idempotency_key=told.idempotency_key,
        payload=told.payload,
        position=row.position,
        prev_hash=prev_hash,
        seq=told.seq,
        session_id=told.session_id,
        tenant_id=told.tenant_id,
        ts_unix_ms=told.ts_unix_ms,
        user_id=told.user_id,
    )


def _page(
    engine: Engine,
    tenant_id: str,
    session_id: str | None,
    start: int,
    wanted: Filter,
    limit: int,
) -> Page:
    store = engine.store
    if session_id is None:
        return page(
            lambda first, most: store.events(tenant_id, from_position=first, limit=most),
            lambda row: row.position,
            start,
            wanted,
            limit,
        )
    return page(
        lambda first, most: store.session_events(tenant_id, session_id, from_seq=first, limit=most),
        lambda row: row.seq,
        start,
        wanted,
        limit,
    )


def _filter(query: Query) -> Filter:
    event_type, tool_name = query.text("event_type"), query.text("tool_name")
    known = (*AGENT_EVENTS, *DAEMON_EVENTS)
    if event_type is not None and event_type not in known:
        raise UnknownEventType(
            f"event_type: not of the log; the nearest is {nearest(event_type, known)}"
        )
    if tool_name is not None and not 1 <= len(tool_name) <= NAME_CHARACTERS_MAX:
        raise InvalidField(
            f"tool_name: expected 1 to {NAME_CHARACTERS_MAX} characters", field="tool_name"
        )
    return Filter(
        event_type=event_type,
        tool_name=tool_name,
        outcome=query.choice("outcome", OUTCOMES),
        from_position=query.integer("from_position", 0),
    )


def routes(engine: Engine) -> list[Route]:
    """The routes of this resource, the hot one first."""
    return [
        Route("/v1/events", Ingest(engine), methods=["POST"]),
        Route("/v1/events", Events(engine).list, methods=["GET"]),
    ]
