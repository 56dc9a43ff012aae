"""`Library`: one engine and its log, composed as the daemon composes them."""

import asyncio
import logging
import os
from contextlib import ExitStack

import msgspec
from msgspec import UNSET

from aegisd import compose
from aegisd.compose import Manifest, Policy, read_manifest, read_policy
from aegisd.core.decision import Decision
from aegisd.core.errors import AegisError, InvalidField, Stopping, Unavailable
from aegisd.core.log.canonical import encode
from aegisd.core.proposal import Proposal
from aegisd.core.proposal import read as read_proposal
from aegisd.core.request import Asked
from aegisd.core.request import read as read_request
from aegisd.core.shapes.identifier import check_id
from aegisd.door import evidence
from aegisd.door.answer import (
    EventRecord,
    Receipt,
    SessionOpenedReceipt,
    SessionSnapshot,
    SessionVerification,
    opened,
    receipts,
    record,
    session_snapshot,
    session_verification,
)
from aegisd.door.operator import ActReceipt, OperatorAct, act_receipt, check
from aegisd.engine.commands.opening import opening
from aegisd.engine.recorded import Recorded
from aegisd.ports import EventReader, EventStore
from aegisd.rego.installation import installation
from aegisd.store.dsn import open_store
from aegisd.store.memory import MemoryStore

_log = logging.getLogger("aegis")


class Receipts(tuple[Receipt, ...]):  # noqa: SLOT001 - carries a fact beside its items
    """The receipts of one request, in its order.

    `replayed` tells that they answer a request recorded before under the same idempotency key:
    nothing may run on them a second time.
    """

    replayed: bool


class Library:
    """One engine and its log. Its coroutines run on the loop that `start` ran on, and no other.

    `dsn` names a log file as `aegisd --dsn` does; None keeps the log in memory, for as long as the
    process lives. `manifest` is a file or the manifest itself, `policy` a folder of Rego files or
    the files by name; both are put in force for every tenant, as the daemon puts its own.
    `evaluator` is `auto`, `regorus` or `regopy`.

    The constructor reads files and compiles rules, some tens of milliseconds. It raises
    `ConfigInvalid` for what cannot be honoured, a log that another process or gate writes to
    included, and `LogCorrupt` for a damaged log.
    """

    def __init__(
        self,
        dsn: str | None = None,
        *,
        manifest: Manifest | None = None,
        policy: Policy | None = None,
        evaluator: str = "auto",
    ) -> None:
        declared = None if manifest is None else read_manifest(manifest)
        installed = installation(evaluator)
        files = None if policy is None else read_policy(policy)
        self._process = os.getpid()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._broken = self._closed = False
        with ExitStack() as undo:
            self._store: EventStore = MemoryStore() if dsn is None else open_store(dsn)
            undo.callback(self._store.close)
            self._judge = judge = installed.judge(self._store.document)
            undo.callback(judge.close)
            self._engine = compose.engine(
                self._store,
                judge,
                compose.configured(judge, declared, files),
                on_fatal=self._break,
                signing=None if dsn is None else compose.signing(dsn, self._store),
                snapshot_key=None if dsn is None else compose.snapshot_key(dsn),
            )
            undo.pop_all()

    async def start(self) -> None:
        """Recover every tenant and put the configuration in force. Raises as `Engine.start`."""
        self._loop = asyncio.get_running_loop()
        started = False
        try:
            told = await self._engine.start()
            started = True
        finally:
            if not started:
                await self.close()
        for tenant_id, problem in told.broken.items():
            _log.critical(
                "tenant %s: its rules do not load, so all is denied: %s", tenant_id, problem
            )
        for tenant_id in told.newer:
            _log.critical("tenant %s has the base rules of a newer build and is refused", tenant_id)

    async def close(self) -> None:
        """Recorded what is queued, then give the log and its lock back. Twice is once.

        In a forked process it does nothing: the log is still its parent's.
        """
        if self._closed or os.getpid() != self._process:
            return
        self._closed = True
        if self._loop not in {None, asyncio.get_running_loop()}:
            # The writers ended with the loop that they ran on.
            self._release()
            return
        # Whoever waits for the end may be cancelled; the end goes on.
        await asyncio.shield(asyncio.ensure_future(self._end()))

    async def _end(self) -> None:
        try:
            await self._engine.stop()
        finally:
            self._release()

    def _release(self) -> None:
        self._judge.close()
        self._store.close()

    # ── writing ─────────────────────────────────────────────────────────────────────────────────

    async def append(
        self, data: bytes, *, ndjson: bool = False, idempotency_key: str | None = None
    ) -> Receipts:
        """Judge and record the body of a `POST /v1/events`: an event, an array, or JSON lines.

        Raises what the route answers: an `InvalidRequest`, a `Conflict` or `Unavailable`.
        """
        self._refuse_when_unusable()
        key = _key(idempotency_key)
        answers = await self._append(read_request(data, ndjson=ndjson, idempotency_key=key))
        told = Receipts(self._receipts(answers))
        told.replayed = answers[0].replayed
        return told

    async def record(self, event: dict[str, object]) -> Receipt:
        """Judge and record one event of plain JSON values: what `append` takes as bytes."""
        self._refuse_when_unusable()
        answers = await self._append(Asked((_proposal(event),), batch=False))
        return self._receipts(answers)[0]

    async def check(self, event: dict[str, object]) -> Decision | None:
        """What would be decided now. Records nothing, so nothing may run on the answer."""
        self._refuse_when_unusable()
        verdict = await self._engine.check(_proposal(event))
        return None if verdict is None else verdict.spell()

    async def open_session(
        self,
        tenant_id: str,
        session_id: str | None = None,
        *,
        user_id: str = "",
        agent_id: str | None = None,
        meta: dict[str, object] | None = None,
        idempotency_key: str | None = None,
    ) -> SessionOpenedReceipt:
        """Record SESSION_OPENED, under a made-up id where none is given. Raises `SessionExists`."""
        self._refuse_when_unusable()
        work = opening(
            session_id,
            user_id=user_id,
            agent_id=agent_id,
            meta=UNSET if meta is None else meta,
            idempotency_key=_key(idempotency_key),
        )
        return opened(await self._engine.open_session(check_id(tenant_id, "tenant_id"), work))

    async def register_manifest(
        self, tenant_id: str, manifest: Manifest, *, author: str, reason: str
    ) -> ActReceipt:
        """Put a manifest in force for a tenant from the next decision on."""
        self._refuse_when_unusable()
        act = _act(tenant_id, author, reason)
        found = await self._engine.reads.apart(lambda: read_manifest(manifest))
        done = await self._engine.register_manifest(
            tenant_id, found, author=act.author, reason=act.reason
        )
        return act_receipt(done, ActReceipt)

    async def activate_policy(
        self, tenant_id: str, policy: Policy, *, author: str, reason: str
    ) -> ActReceipt:
        """Put an operator's rules in force for a tenant. Raises `PolicyInvalid`."""
        self._refuse_when_unusable()
        act = _act(tenant_id, author, reason)
        files = await self._engine.reads.apart(lambda: read_policy(policy))
        done = await self._engine.activate_policy(
            tenant_id, files, author=act.author, reason=act.reason
        )
        return act_receipt(done, ActReceipt)

    # ── reading ─────────────────────────────────────────────────────────────────────────────────

    async def snapshot(self, tenant_id: str, session_id: str) -> SessionSnapshot:
        """The durable fold of a session. Raises `SessionUnknown`."""
        self._refuse_when_unusable()
        return session_snapshot(await self._engine.reads.session(tenant_id, session_id))

    async def verify(self, tenant_id: str, session_id: str) -> SessionVerification:
        """A session hashed again from stored bytes. Raises `SessionUnknown`."""
        self._refuse_when_unusable()
        chain, breaks = await self._engine.reads.verify(tenant_id, session_id)
        return session_verification(session_id, chain, breaks)

    async def events(self, tenant_id: str, session_id: str | None = None) -> list[EventRecord]:
        """A tenant's events in position order, or one session's in seq order; [] for neither."""
        self._refuse_when_unusable()
        store = self._store

        def look() -> list[EventRecord]:
            if session_id is None:
                return list(map(record, store.events(tenant_id)))
            return list(map(record, store.session_events(tenant_id, session_id)))

        return await self._engine.reads.apart(look)

    # ── evidence ────────────────────────────────────────────────────────────────────────────────

    async def signing_keys(self) -> evidence.SigningKeys:
        """The log's name, and the verifier keys that sign now. Raises `CheckpointUnknown`."""
        self._refuse_when_unusable()
        return evidence.signing_keys(*self._engine.signing().keys())

    async def checkpoint(self, tenant_id: str) -> evidence.SignedCheckpoint:
        """Sign all that is durable. Raises `CheckpointUnknown`: no events, or a log in memory."""
        self._refuse_when_unusable()
        return evidence.signed_checkpoint(await self._engine.signing().sign_now(tenant_id))

    async def inclusion(
        self, tenant_id: str, position: int, *, size: int | None = None, wait_ms: int = 0
    ) -> evidence.InclusionProof:
        """Prove an event in the newest checkpoint, or in the one of `size`.

        Waits up to `wait_ms` for one that covers it. Raises `EventUnknown`, `NotCovered`,
        `CheckpointUnknown`.
        """
        self._refuse_when_unusable()
        signing = self._engine.signing()
        found = await signing.inclusion(tenant_id, position, size=size, wait_ms=wait_ms)
        return evidence.inclusion_proof(tenant_id, found)

    async def consistency(self, tenant_id: str, first: int) -> evidence.ConsistencyProof:
        """Prove that the newest checkpoint continues the tree of `first` events.

        Raises `CheckpointUnknown` where the log was never signed or is shorter.
        """
        self._refuse_when_unusable()
        found = await self._engine.signing().consistency(tenant_id, first, None)
        return evidence.consistency_proof(tenant_id, found)

    @property
    def reader(self) -> EventReader:
        """The log itself, for what reads a whole one: an export, a replay. Safe from any thread."""
        return self._store

    # ── what stands against a call ──────────────────────────────────────────────────────────────

    async def _append(self, asked: Asked) -> tuple[Recorded, ...]:
        try:
            return await self._engine.append(asked.proposals)
        except AegisError as error:
            raise asked.placed(error) from None

    def _receipts(self, answers: tuple[Recorded, ...]) -> list[Receipt]:
        tenant_id = answers[0].event.tenant_id
        return receipts(answers, self._engine.newest_checkpoint(tenant_id))

    def _refuse_when_unusable(self) -> None:
        forked = forked_from(self._process)
        if forked is not None:
            raise forked
        if self._broken:
            raise Unavailable("this gate is broken and decides nothing more; its log line says why")
        if self._closed:
            raise closed()
        if self._loop is None or asyncio.get_running_loop() is not self._loop:
            raise Unavailable("this gate belongs to another event loop, the one it was started on")

    def _break(self, reason: str) -> None:
        """The daemon would end here. The process is the caller's, so only the gate does."""
        self._broken = True
        if self._closed:
            # Whoever waited has been told; at the interpreter's end this is how threads refuse.
            return
        _log.critical("the gate takes no more calls: %s", reason)


def forked_from(process: int) -> Unavailable | None:
    """What stands against a call in another process than the one that made the gate."""
    if os.getpid() == process:
        return None
    return Unavailable(
        f"this gate belongs to process {process}, from which this one was forked, and two "
        "processes cannot write one log; make a gate after the fork"
    )


def closed() -> Stopping:
    """The answer of a gate that was closed."""
    return Stopping("this gate is closed; nothing may run")


def _key(given: str | None) -> str | None:
    return None if given is None else check_id(given, "Idempotency-Key")


def _proposal(event: dict[str, object]) -> Proposal:
    # The bound on depth is one of whole requests, at every door.
    encode(event)
    return read_proposal(event)


def _act(tenant_id: str, author: str, reason: str) -> OperatorAct:
    try:
        told = {"tenant_id": tenant_id, "author": author, "reason": reason}
        act = msgspec.convert(told, OperatorAct)
    except msgspec.ValidationError as error:
        raise InvalidField(str(error).replace("`$.", "`"), field="") from None
    check(act)
    return act
