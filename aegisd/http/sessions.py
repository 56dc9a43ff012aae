"""`/v1/sessions`: open, list, fold, verify and ask without recording."""

import secrets
from typing import Literal

from msgspec import UNSET, Struct, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aegisd.core.errors import TooLarge
from aegisd.core.events import check_id
from aegisd.core.log.canonical import encode
from aegisd.core.log.chain import Break
from aegisd.core.proposal import PAYLOAD_BYTES_MAX
from aegisd.core.proposal import read as read_proposal
from aegisd.core.state.model import ALLOWED
from aegisd.core.state.snapshot import digest, document
from aegisd.engine.engine import Engine
from aegisd.engine.work import OpenSession
from aegisd.http.answers import Decision, Head, answer, decision, head
from aegisd.http.body import as_shape, receive_object, receive_unkeyed
from aegisd.http.events import FILTERS, page_of
from aegisd.http.query import Query, check_any_id, token

# Random bytes of an id that the daemon makes: 128 bits, so that no two of any log meet.
ID_RANDOM_BYTES = 16


class SessionOpening(Struct, frozen=True, kw_only=True):
    """What opens a session. Without `session_id` the daemon makes one."""

    tenant_id: str
    session_id: str | UnsetType = UNSET
    user_id: str = ""
    agent_id: str | UnsetType = UNSET
    meta: dict[str, object] | UnsetType = UNSET


class SessionOpenedReceipt(Struct, frozen=True, kw_only=True):
    """Where SESSION_OPENED stands."""

    session_id: str
    seq: int
    position: int
    hash: str
    head: Head


class SessionSummary(Struct, frozen=True, kw_only=True):
    """One session: how many events it has, and the newest."""

    session_id: str
    events: int
    head: Head


class SessionPage(Struct, frozen=True, kw_only=True):
    """Sessions by id in code point order. `next_page_token` is null after the last page."""

    sessions: list[SessionSummary]
    next_page_token: str | None


class OpenCall(Struct, frozen=True, kw_only=True):
    """A call that was allowed and has no result yet."""

    call_id: str
    event_type: str


class SessionSnapshot(Struct, frozen=True, kw_only=True):
    """The fold of a session's events, the same for everybody who has them.

    Counts are those policy reads; a budget of N allows exactly N. `started_ms` is the daemon's
    clock at the session's first recorded time, milliseconds since the Unix epoch; null before it.
    `violations` counts results and starts of calls that nobody allowed. `digest` is the SHA-256 of
    the RFC 8785 bytes of `state`.
    """

    tenant_id: str
    session_id: str
    head: Head
    steps_consumed: int
    tool_calls_consumed: int
    model_calls_consumed: int
    started_ms: int | None
    terminated: bool
    violations: int
    open_calls: list[OpenCall]
    digest: str
    state: dict[str, object]


class SessionVerification(Struct, frozen=True, kw_only=True):
    """A session hashed again from stored bytes. `valid` is true when `breaks` is empty."""

    valid: bool
    events: int
    head: Head
    breaks: list[Break]


class Question(Struct, frozen=True, kw_only=True):
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
        named = asked.session_id is not UNSET
        session_id = asked.session_id if named else f"s-{secrets.token_hex(ID_RANDOM_BYTES)}"
        if asked.meta is not UNSET:
            _check_meta(asked.meta)
        work = OpenSession(
            session_id=check_id(session_id, "session_id"),
            named=named,
            user_id=asked.user_id and check_id(asked.user_id, "user_id"),
            agent_id=None if asked.agent_id is UNSET else check_id(asked.agent_id, "agent_id"),
            meta=asked.meta,
            idempotency_key=body.idempotency_key,
        )
        done = await self._engine.open_session(check_id(asked.tenant_id, "tenant_id"), work)
        told = SessionOpenedReceipt(
            session_id=done.event.session_id,
            seq=done.event.seq,
            position=done.event.position,
            hash=done.event.hash.hex(),
            head=head(done.event),
        )
        return answer(told, 201, replayed=done.replayed)

    async def list(self, request: Request) -> Response:
        """`GET /v1/sessions`: a tenant's sessions by id."""
        query = Query(request, "tenant_id", "limit", "page_token")
        tenant_id, limit = query.id("tenant_id"), query.limit()
        after = query.token("s") or ""
        store = self._engine.store
        heads = await self._engine.read(
            lambda: store.sessions(tenant_id, after=after, limit=limit + 1)
        )
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
        tenant_id, session_id = _names(request, Query(request, "tenant_id"))
        newest = await self._engine.head(tenant_id, session_id)
        return answer(
            SessionSummary(session_id=session_id, events=newest.seq + 1, head=head(newest))
        )

    async def snapshot(self, request: Request) -> Response:
        """`GET /v1/sessions/{session_id}/snapshot`: its fold. Raises `SessionUnknown`."""
        tenant_id, session_id = _names(request, Query(request, "tenant_id"))
        state = await self._engine.session(tenant_id, session_id)
        told = SessionSnapshot(
            tenant_id=tenant_id,
            session_id=session_id,
            head=Head(seq=state.next_seq - 1, hash=state.head_hash.hex()),
            steps_consumed=state.counters.steps,
            tool_calls_consumed=state.counters.tool_calls,
            model_calls_consumed=state.counters.model_calls,
            started_ms=state.counters.started_ms,
            terminated=state.terminated,
            violations=state.violations,
            open_calls=[
                OpenCall(call_id=call_id, event_type=str(entry[0]))
                for call_id, entry in state.calls.items()
                if entry[1] == ALLOWED
            ],
            digest=digest(state).hex(),
            state=document(state),
        )
        return answer(told)

    async def verify(self, request: Request) -> Response:
        """`GET /v1/sessions/{session_id}/verify`: hash it again. Raises `SessionUnknown`."""
        tenant_id, session_id = _names(request, Query(request, "tenant_id"))
        chain, breaks = await self._engine.verify(tenant_id, session_id)
        seq, digest_of_head = chain.heads[session_id]
        told = SessionVerification(
            valid=not breaks,
            events=chain.events,
            head=Head(seq=seq, hash=digest_of_head.hex()),
            breaks=breaks,
        )
        return answer(told)

    async def events(self, request: Request) -> Response:
        """`GET /v1/sessions/{session_id}/events`: like `GET /v1/events` for one session."""
        query = Query(request, "tenant_id", *FILTERS)
        return await page_of(self._engine, query, *_names(request, query))

    async def check(self, request: Request) -> Response:
        """`POST /v1/sessions/{session_id}/check`: judge and record nothing."""
        value = await receive_unkeyed(request.scope, request.receive)
        as_shape(value, Question)
        proposal = read_proposal({**value, "session_id": request.path_params["session_id"]})
        verdict = await self._engine.check(proposal)
        return answer(CheckAnswer(decision=None if verdict is None else decision(verdict)))


def _names(request: Request, query: Query) -> tuple[str, str]:
    return query.id("tenant_id"), check_any_id(request.path_params["session_id"], "session_id")


def _check_meta(meta: dict[str, object]) -> None:
    found = len(encode(meta))
    if found > PAYLOAD_BYTES_MAX:
        raise TooLarge(
            f"meta: {found} bytes in canonical form, past PAYLOAD_BYTES_MAX",
            limit=PAYLOAD_BYTES_MAX,
            found=found,
        )


def routes(engine: Engine) -> list[Route]:
    """The routes of this resource."""
    sessions = Sessions(engine)
    one = "/v1/sessions/{session_id}"
    return [
        Route("/v1/sessions", sessions.open, methods=["POST"]),
        Route("/v1/sessions", sessions.list, methods=["GET"]),
        Route(one, sessions.show, methods=["GET"]),
        Route(f"{one}/snapshot", sessions.snapshot, methods=["GET"]),
        Route(f"{one}/verify", sessions.verify, methods=["GET"]),
        Route(f"{one}/events", sessions.events, methods=["GET"]),
        Route(f"{one}/check", sessions.check, methods=["POST"]),
    ]
