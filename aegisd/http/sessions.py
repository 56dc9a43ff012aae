"""`/v1/sessions`: open, list, fold, verify and ask without recording."""

from bisect import bisect_right
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType
from starlette.responses import Response

from aegisd.core.decision import Decision
from aegisd.core.proposal import read as read_proposal
from aegisd.core.shapes.identifier import check_id
from aegisd.door.answer import (
    Head,
    SessionOpenedReceipt,
    SessionSnapshot,
    SessionVerification,
    head,
    opened,
    session_snapshot,
    session_verification,
)
from aegisd.engine.commands.opening import opening
from aegisd.engine.engine import Engine
from aegisd.http.answers import answer
from aegisd.http.body import as_shape, receive_object, receive_unkeyed
from aegisd.http.events import FILTERS, EventPage, page_of
from aegisd.http.operation import Asked, Operation
from aegisd.http.query import LIMIT, PAGE_TOKEN, TENANT, Query, check_any_id, token
from aegisd.rows import SessionHead

_ONE = "/v1/sessions/{session_id}"


class SessionOpening(Struct, frozen=True, kw_only=True):
    """What opens a session. Without `session_id` the daemon makes one."""

    tenant_id: str
    session_id: str | UnsetType = UNSET
    user_id: str = ""
    agent_id: str | UnsetType = UNSET
    meta: dict[str, object] | UnsetType = UNSET


class SessionSummary(Struct, frozen=True, kw_only=True):
    """One session: how many events it has, and the newest."""

    session_id: str
    events: int
    head: Head


class SessionPage(Struct, frozen=True, kw_only=True):
    """Sessions by id in code point order. `next_page_token` is null after the last page."""

    sessions: list[SessionSummary]
    next_page_token: str | None


class SessionSnapshotPage(SessionSnapshot, frozen=True, kw_only=True):
    """A session's snapshot with a part of its calls, by id in code point order.

    The other calls, and those of them that are open, are on other pages; all else is on each.
    `digest` is of the whole: of a `state` that has the `calls.known` of all pages. A page with
    another `head` is of a later state. `next_page_token` is null after the last page.
    """

    next_page_token: str | None


class SessionCheck(Struct, frozen=True, kw_only=True):
    """An event to judge on the session's live state."""

    tenant_id: str
    event_type: str
    payload: dict[str, object] | None
    user_id: str | UnsetType = UNSET
    agent_id: str | UnsetType = UNSET


class CheckAnswer(Struct, frozen=True, kw_only=True):
    """What would be decided now. Nothing was recorded, so nothing may run on it."""

    decision: Decision | None
    recorded: Literal[False] = False


def _summary(session: SessionHead) -> SessionSummary:
    return SessionSummary(session_id=session.session_id, events=session.seq + 1, head=head(session))


def _names(asked: Asked, query: Query) -> tuple[str, str]:
    return query.id("tenant_id"), check_any_id(asked.path_params["session_id"], "session_id")


@Operation(
    "POST",
    "/v1/sessions",
    asks=SessionOpening,
    answers=SessionOpenedReceipt,
    status=201,
    keyed=True,
)
async def open_session(engine: Engine, asked: Asked) -> Response:
    """Open a session before its first event.

    Raises `SessionExists`.
    """
    value, body = await receive_object(asked)
    told = as_shape(value, SessionOpening)
    work = opening(
        None if told.session_id is UNSET else told.session_id,
        user_id=told.user_id,
        agent_id=None if told.agent_id is UNSET else told.agent_id,
        meta=told.meta,
        idempotency_key=body.idempotency_key,
    )
    done = await engine.open_session(check_id(told.tenant_id, "tenant_id"), work)
    return answer(opened(done), 201, replayed=done.replayed)


@Operation("GET", "/v1/sessions", query=(TENANT, LIMIT, PAGE_TOKEN))
async def listing(engine: Engine, asked: Asked) -> SessionPage:
    """A tenant's sessions by id."""
    query = asked.query()
    tenant_id, limit = query.id("tenant_id"), query.limit()
    after = query.token("s") or ""
    heads = await engine.reads.heads(tenant_id, after=after, limit=limit + 1)
    return SessionPage(
        sessions=list(map(_summary, heads[:limit])),
        next_page_token=token("s", heads[limit - 1].session_id) if heads[limit:] else None,
    )


@Operation("GET", _ONE, query=(TENANT,))
async def show(engine: Engine, asked: Asked) -> SessionSummary:
    """How many events a session has, and the newest.

    Raises `SessionUnknown`.
    """
    return _summary(await engine.reads.head(*_names(asked, asked.query())))


@Operation("GET", f"{_ONE}/snapshot", query=(TENANT, LIMIT, PAGE_TOKEN))
async def snapshot(engine: Engine, asked: Asked) -> SessionSnapshotPage:
    """The fold of a session's events, with its digest; its calls are paged.

    Raises `SessionUnknown`.
    """
    query = asked.query()
    names, limit, after = _names(asked, query), query.limit(), query.token("c") or ""
    state = await engine.reads.session(*names)
    return await engine.reads.apart(lambda: _page(session_snapshot(state), after, limit))


def _page(whole: SessionSnapshot, after: str, limit: int) -> SessionSnapshotPage:
    fields = msgspec.structs.asdict(whole)
    calls = msgspec.convert(whole.state["calls"], dict[str, object])
    known = msgspec.convert(calls["known"], dict[str, object])
    ids = sorted(known)
    first = bisect_right(ids, after)
    shown = set(ids[first : first + limit])
    part = {call_id: call for call_id, call in known.items() if call_id in shown}
    fields["state"] = {**whole.state, "calls": {**calls, "known": part}}
    fields["open_calls"] = [call for call in whole.open_calls if call.call_id in shown]
    more = first + limit < len(ids)
    told = token("c", ids[first + limit - 1]) if more else None
    return SessionSnapshotPage(**fields, next_page_token=told)


@Operation("GET", f"{_ONE}/verify", query=(TENANT,))
async def verify(engine: Engine, asked: Asked) -> SessionVerification:
    """Hash a session again from stored bytes.

    Raises `SessionUnknown`.
    """
    tenant_id, session_id = _names(asked, asked.query())
    return session_verification(session_id, *await engine.reads.verify(tenant_id, session_id))


@Operation("GET", f"{_ONE}/events", query=(TENANT, *FILTERS))
async def events(engine: Engine, asked: Asked) -> EventPage:
    """A session's events in seq order."""
    query = asked.query()
    return await page_of(engine, query, *_names(asked, query))


@Operation("POST", f"{_ONE}/check", asks=SessionCheck)
async def check(engine: Engine, asked: Asked) -> CheckAnswer:
    """Judge an event on the session's live state and record nothing."""
    value = await receive_unkeyed(asked)
    as_shape(value, SessionCheck)
    proposal = read_proposal({**value, "session_id": asked.path_params["session_id"]})
    verdict = await engine.check(proposal)
    return CheckAnswer(decision=None if verdict is None else verdict.spell())
