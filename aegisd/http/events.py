"""`/v1/events`: record events and read them back. The POST is the hot route, plain ASGI."""

from functools import partial

import msgspec
from msgspec import Struct
from starlette.types import Receive, Scope, Send

from aegisd.core import request
from aegisd.core.errors import AegisError, InvalidField, UnknownEventType
from aegisd.core.events import DECLARATIONS
from aegisd.core.nearest import nearest
from aegisd.core.shapes.payload import NAME_CHARACTERS_MAX
from aegisd.door.answer import EventRecord, receipts, record
from aegisd.engine.engine import Engine
from aegisd.engine.recorded import Recorded
from aegisd.http.answers import line
from aegisd.http.body import receive_body
from aegisd.http.event_schema import RECEIPT, REQUEST
from aegisd.http.memory import INLINE_BYTES_MAX, turn
from aegisd.http.operation import Asked, Operation
from aegisd.http.query import ID, LIMIT, PAGE_TOKEN, TENANT, Parameter, Query, token
from aegisd.http.scan import Filter, page

OUTCOMES = ("allow", "deny", "require_approval")

FILTERS = (
    Parameter(name="event_type", schema={"type": "string"}),
    Parameter(name="tool_name", schema={"type": "string"}),
    Parameter(name="outcome", schema={"enum": list(OUTCOMES)}),
    Parameter(name="from_position", schema={"type": "integer", "minimum": 0}),
    LIMIT,
    PAGE_TOKEN,
)

INGEST_PATH = "/v1/events"

_JSON = (b"content-type", b"application/json")
_REPLAYED = (b"idempotency-replayed", b"true")


class EventPage(Struct, frozen=True, kw_only=True):
    """Events in order. `next_page_token` is null after the last page."""

    events: list[EventRecord]
    next_page_token: str | None


class Ingest:
    """`POST /v1/events` without a request object: one event or one tenant's batch, judged."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Recorded 201 for every outcome, once it is durable."""
        body = await receive_body(scope, receive)
        data, ndjson, key = body
        if len(data) <= INLINE_BYTES_MAX:
            asked = request.read(data, ndjson=ndjson, idempotency_key=key)
        else:
            apart = partial(request.read, data, ndjson=ndjson, idempotency_key=key)
            async with turn(scope):
                asked = await self._engine.reads.apart(apart)
        answers = await self._append(asked)
        found = receipts(answers, self._engine.newest_checkpoint(asked.proposals[0].tenant_id))
        told = line(found if asked.batch else found[0])
        headers = [_JSON, (b"content-length", b"%d" % len(told))]
        if answers[0].replayed:
            headers.append(_REPLAYED)
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": told})

    async def _append(self, asked: request.Asked) -> tuple[Recorded, ...]:
        try:
            return await self._engine.append(asked.proposals)
        except AegisError as error:
            raise asked.placed(error) from None


async def page_of(
    engine: Engine, query: Query, tenant_id: str, session_id: str | None
) -> EventPage:
    """One page of a tenant's events, or of one session's. Raises `SessionUnknown`."""
    wanted = _filter(query)
    limit = query.limit()
    kind = "p" if session_id is None else "q"
    start = query.place(kind) or 0
    if session_id is None:
        start = max(start, wanted.from_position)
        wanted = msgspec.structs.replace(wanted, from_position=0)
    else:
        await engine.reads.head(tenant_id, session_id)

    def look() -> EventPage:
        found = page(
            lambda first, most: engine.reads.rows(tenant_id, session_id, first, most),
            lambda row: row.position if session_id is None else row.seq,
            start,
            wanted,
            limit,
        )
        place = found.next_place
        return EventPage(
            events=[record(row) for row in found.rows],
            next_page_token=None if place is None else token(kind, place),
        )

    return await engine.reads.apart(look)


def _filter(query: Query) -> Filter:
    event_type, tool_name = query.text("event_type"), query.text("tool_name")
    if event_type is not None and event_type not in DECLARATIONS:
        raise UnknownEventType(
            f"event_type: not of the log; the nearest is {nearest(event_type, DECLARATIONS)}"
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


INGEST = Operation(
    "POST",
    INGEST_PATH,
    summary="Judge and record one event, or a batch of one tenant; 201 for every outcome.",
    asks=REQUEST,
    lines=True,
    answers=RECEIPT,
    status=201,
    keyed=True,
    app=Ingest,
)


@Operation("GET", INGEST_PATH, query=(TENANT, *FILTERS, Parameter(name="session_id", schema=ID)))
async def listing(engine: Engine, asked: Asked) -> EventPage:
    """A tenant's events in position order, or one session's."""
    query = asked.query()
    session_id = query.optional_id("session_id")
    return await page_of(engine, query, query.id("tenant_id"), session_id)
