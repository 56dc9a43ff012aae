"""`/v1/sessions`: open, list, fold, verify and ask without recording."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
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
from aegisd.http.operation import Operation
from aegisd.http.query import LIMIT, PAGE_TOKEN, TENANT, Query, check_any_id, token

_LIST = (TENANT, LIMIT, PAGE_TOKEN)


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


class Sessions:
    """The sessions of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def open(self, request: Request) -> Response:
        """`POST /v1/sessions`: record SESSION_OPENED. Raises `SessionExists`."""
        value, body = await receive_object(request.scope, request.receive)
        asked = as_shape(value, SessionOpening)
        work = opening(
            None if asked.session_id is UNSET else asked.session_id,
            user_id=asked.user_id,
            agent_id=None if asked.agent_id is UNSET else asked.agent_id,
            meta=asked.meta,
            idempotency_key=body.idempotency_key,
        )
        done = await self._engine.open_session(check_id(asked.tenant_id, "tenant_id"), work)
        return answer(opened(done), 201, replayed=done.replayed)

    async def list(self, request: Request) -> Response:
        """`GET /v1/sessions`: a tenant's sessions by id."""
        query = Query(request, *_LIST)
        tenant_id, limit = query.id("tenant_id"), query.limit()
        after = query.token("s") or ""
        heads = await self._engine.reads.heads(tenant_id, after=after, limit=limit + 1)
        told = SessionPage(
            sessions=[
                SessionSummary(session_id=each.session_id, events=each.seq + 1, head=head(each))
                for each in heads[:limit]
            ],
            next_page_token=token("s", heads[limit - 1].session_id) if heads[limit:] else None,
        )
        return answer(told)

    async def show(self, request: Request) -> Response:
        """`GET /v1/sessions/{session_id}`: its length and head. Raises `SessionUnknown`."""
        tenant_id, session_id = _names(request, Query(request, TENANT))
        newest = await self._engine.reads.head(tenant_id, session_id)
        return answer(
            SessionSummary(session_id=session_id, events=newest.seq + 1, head=head(newest))
        )

    async def snapshot(self, request: Request) -> Response:
        """`GET /v1/sessions/{session_id}/snapshot`: its fold. Raises `SessionUnknown`."""
        tenant_id, session_id = _names(request, Query(request, TENANT))
        state = await self._engine.reads.session(tenant_id, session_id)
        return answer(session_snapshot(state))

    async def verify(self, request: Request) -> Response:
        """`GET /v1/sessions/{session_id}/verify`: hash it again. Raises `SessionUnknown`."""
        tenant_id, session_id = _names(request, Query(request, TENANT))
        chain, breaks = await self._engine.reads.verify(tenant_id, session_id)
        return answer(session_verification(session_id, chain, breaks))

    async def events(self, request: Request) -> Response:
        """`GET /v1/sessions/{session_id}/events`: like `GET /v1/events` for one session."""
        query = Query(request, TENANT, *FILTERS)
        return await page_of(self._engine, query, *_names(request, query))

    async def check(self, request: Request) -> Response:
        """`POST /v1/sessions/{session_id}/check`: judge and record nothing."""
        value = await receive_unkeyed(request.scope, request.receive)
        as_shape(value, SessionCheck)
        proposal = read_proposal({**value, "session_id": request.path_params["session_id"]})
        verdict = await self._engine.check(proposal)
        return answer(CheckAnswer(decision=None if verdict is None else verdict.spell()))


def _names(request: Request, query: Query) -> tuple[str, str]:
    return query.id("tenant_id"), check_any_id(request.path_params["session_id"], "session_id")


def operations(engine: Engine) -> list[Operation]:
    """The operations of this resource."""
    sessions = Sessions(engine)
    return [*_of_all(sessions), *_of_one(sessions, "/v1/sessions/{session_id}")]


def _of_all(sessions: Sessions) -> list[Operation]:
    return [
        Operation(
            "POST",
            "/v1/sessions",
            sessions.open,
            "Open a session before its first event.",
            asks=SessionOpening,
            answers=SessionOpenedReceipt,
            status=201,
            keyed=True,
        ),
        Operation(
            "GET",
            "/v1/sessions",
            sessions.list,
            "A tenant's sessions by id.",
            query=_LIST,
            answers=SessionPage,
        ),
    ]


def _of_one(sessions: Sessions, one: str) -> list[Operation]:
    return [
        Operation(
            "GET",
            one,
            sessions.show,
            "How many events a session has, and the newest.",
            query=(TENANT,),
            answers=SessionSummary,
        ),
        Operation(
            "GET",
            f"{one}/snapshot",
            sessions.snapshot,
            "The fold of a session's events, with its digest.",
            query=(TENANT,),
            answers=SessionSnapshot,
        ),
        Operation(
            "GET",
            f"{one}/verify",
            sessions.verify,
            "Hash a session again from stored bytes.",
            query=(TENANT,),
            answers=SessionVerification,
        ),
        Operation(
            "GET",
            f"{one}/events",
            sessions.events,
            "A session's events in seq order.",
            query=(TENANT, *FILTERS),
            answers=EventPage,
        ),
        Operation(
            "POST",
            f"{one}/check",
            sessions.check,
            "Judge an event on the session's live state and record nothing.",
            asks=SessionCheck,
            answers=CheckAnswer,
        ),
    ]
