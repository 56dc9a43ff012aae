"""The gate: what every door asks. Decides through one writer per tenant; reads what is durable."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import BinaryIO, TypeVar

from msgspec import Struct

from aegisd.core import gate
from aegisd.core.activation import Activation, ManifestRegistered, PolicyActivated
from aegisd.core.archive import body_tenant
from aegisd.core.capabilities import Capabilities
from aegisd.core.errors import (
    CheckpointUnknown,
    ConfigInvalid,
    EvaluatorStuck,
    ManifestInvalid,
    NotFound,
    PositionConflict,
    SessionUnknown,
    Stopping,
)
from aegisd.core.log.chain import Break, Chain
from aegisd.core.policy.input import Moment, Snapshot
from aegisd.core.policy.verdict import Verdict, failed
from aegisd.core.proposal import Proposal
from aegisd.core.shapes.identifier import CONTROL_SESSION
from aegisd.core.state.model import SessionState, TenantState
from aegisd.engine import imports, recovery
from aegisd.engine.checkpoints import Checkpoints, Evidence
from aegisd.engine.evaluation import Evaluation
from aegisd.engine.imports import Import, Keeping
from aegisd.engine.work import (
    CONFIG,
    Answer,
    Append,
    Check,
    Control,
    Erase,
    Judged,
    OpenSession,
    Work,
)
from aegisd.engine.writer import Threads, Writer
from aegisd.ports import Batch, Clock, Document, EventStore, LiveJudge, SessionHead

# Reads run beside the writer; more threads than this only wait for the same two cores.
READ_THREADS_MAX = 4

# Tenants whose turns are waited for, or ended, at once where the log is shared: each holds a
# connection to the database, of which a server has about a hundred.
TURN_THREADS_MAX = 16

T = TypeVar("T")


class Configured(Struct, frozen=True, kw_only=True):
    """What the start names for every tenant: the policy bundle and, maybe, a manifest.

    `policy_named` tells that an operator chose the bundle; else it is the base bundle alone.
    """

    bundle: bytes
    policy_named: bool
    capabilities: Capabilities | None


class Engine:
    """One per process. Coroutines run on one event loop; `close` ends what `start` began."""

    def __init__(
        self,
        *,
        store: EventStore,
        judge: LiveJudge,
        clock: Clock,
        configured: Configured,
        on_fatal: Callable[[str], None],
        evidence: Evidence | None = None,
    ) -> None:
        """Without `evidence` nothing is signed: for a log that ends with its process."""
        self.store, self.judge = store, judge
        self._clock, self._configured, self._on_fatal = clock, configured, on_fatal
        self._ended = False
        self._writers: dict[str, Writer] = {}
        self._evaluation = Evaluation()
        # In a shared log the turns of several tenants are waited for, and ended, side by side.
        self._commits = ThreadPoolExecutor(TURN_THREADS_MAX if store.shared else 1, "commit")
        self._turns = ThreadPoolExecutor(TURN_THREADS_MAX, "turn")
        self._reads = ThreadPoolExecutor(READ_THREADS_MAX, "read")
        self._refusal: Stopping | None = None
        self.checkpoints: Checkpoints | None = None
        self._deafen: Callable[[], None] = _nothing
        if evidence is not None:
            self.checkpoints = Checkpoints(
                evidence, store=store, clock=clock, commits=self._commits, on_fatal=self._end
            )

    async def start(self, *, accept_rollback: bool = False) -> int:
        """Recover every tenant and put the configuration in force; return how many there are.

        Raises `ConfigInvalid` where an operator's later act contradicts the configuration,
        `LogCorrupt` where the log does not hold, and `LogRolledBack` where it is not the one that
        was signed; with `accept_rollback` a log older than that goes on, and says so.
        """
        self._keep_configured()
        self._check_zone()
        tenants = [name for name in await self.read(self.store.tenants) if name[:1] != "$"]
        due: list[tuple[Writer, Control]] = []
        if self.checkpoints is not None:
            acts = await self.checkpoints.start(tenants, accept_rollback=accept_rollback)
            due += ((self._writer(tenant_id), control) for tenant_id, control in acts)
        ends: dict[str, int] = {}
        for tenant_id in tenants:
            writer = self._writer(tenant_id)
            state = await self.read(writer.recover)
            ends[tenant_id] = state.next_position
            due += ((writer, control) for control in self._due(state))
        # A start that is refused for one tenant has written nothing for another.
        for writer, control in due:
            await writer.submit(control)
        if self.checkpoints is not None:
            await self.checkpoints.resume(ends)
            self._deafen = self._listen(self.checkpoints)
        return len(tenants)

    def _listen(self, checkpoints: Checkpoints) -> Callable[[], None]:
        """Have commits of other processes followed too, for one that dies before it signs."""
        loop = asyncio.get_running_loop()

        def hear(tenant_id: str, next_position: int) -> None:
            # The loop may have ended while a last commit was being told.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(checkpoints.heard, tenant_id, next_position)

        return self.store.listen(hear)

    async def stop(self) -> None:
        """Answer what is queued, make it durable, and end the writers."""
        self._refusal = self._refusal or Stopping("the daemon is shutting down")
        for writer in list(self._writers.values()):
            await writer.stop()
        if self.checkpoints is not None:
            self._deafen()
            await self.checkpoints.stop()
        self._evaluation.close()
        for threads in (self._commits, self._turns, self._reads):
            threads.shutdown(wait=False, cancel_futures=True)

    # ── writing ─────────────────────────────────────────────────────────────────────────────────

    async def append(self, proposals: tuple[Proposal, ...]) -> tuple[Answer, ...]:
        """Judge and record events of one tenant, all or nothing."""
        return await self._answers(proposals[0].tenant_id, Append(proposals=proposals))

    async def check(self, proposal: Proposal) -> Verdict | None:
        """Judge an event on live state and record nothing. Raises `SessionUnknown`."""
        if proposal.tenant_id not in self._writers:
            # A question about a tenant that nobody wrote to must not leave a writer behind.
            await self.head(proposal.tenant_id, proposal.session_id)
        reply = await self._writer(proposal.tenant_id).submit(Check(proposal=proposal))
        return reply.verdict if isinstance(reply, Judged) else None

    async def open_session(self, tenant_id: str, work: OpenSession) -> Answer:
        """Record SESSION_OPENED. Raises `SessionExists`."""
        return (await self._answers(tenant_id, work))[0]

    async def control(self, tenant_id: str, work: Control) -> Answer:
        """Record an operator's act in the tenant's `$control` session."""
        if work.document is not None:
            # The next batch may be judged by it while this one is still being committed.
            self.judge.keep(work.document)
        return (await self._answers(tenant_id, work))[0]

    async def register_manifest(
        self, tenant_id: str, capabilities: Capabilities, *, author: str, reason: str
    ) -> Answer:
        """Put a manifest in force from the next decision on. Raises `ManifestInvalid`."""
        self._clock.utc_offset_s(capabilities.manifest.zone, self._clock.now_ms())
        return await self.control(tenant_id, manifest_control(capabilities, author, reason))

    async def activate_policy(
        self, tenant_id: str, files: Mapping[str, str], *, author: str, reason: str
    ) -> Answer:
        """Put an operator's rules in force from the next decision on. Raises `PolicyInvalid`."""
        bundle = await self._evaluated(lambda: self.judge.bundle(files))
        return await self.control(tenant_id, policy_control(bundle, author, reason))

    async def erase(self, tenant_id: str, subject: str, *, author: str, reason: str) -> Answer:
        """Delete every value kept beside the tenant's events of a subject, and record that."""
        work = Erase(subject=subject, author=author, reason=reason)
        return (await self._answers(tenant_id, work))[0]

    async def import_log(
        self, tenant_id: str, file: BinaryIO, *, author: str, reason: str
    ) -> tuple[Import, Answer]:
        """Keep a foreign log, read from a file of our own, under an archive tenant.

        One batch after the other, so that commits of other tenants go between. Raises
        `ExportInvalid` or `StoreFailed`.
        """
        checked = await self.read(lambda: imports.check(file))
        loop = asyncio.get_running_loop()
        keeping = Keeping(self.store, file, checked)
        while (batch := await self.read(keeping.batch)) is not None:
            try:
                await loop.run_in_executor(self._commits, self.store.append, batch)
            except PositionConflict:
                # Somebody else imports the same file, and was quicker with this part.
                keeping = Keeping(self.store, file, checked)
        growth = keeping.growth()
        if growth is not None:
            await loop.run_in_executor(self._commits, self.store.grow, growth)
        return checked, await self.control(tenant_id, keeping.act(author=author, reason=reason))

    async def simulate(
        self, proposal: Proposal, counters: Snapshot, capabilities: Capabilities
    ) -> Verdict:
        """Judge a caller's own event, snapshot and manifest by the configured bundle. Pure."""
        now_ms = self._clock.now_ms()
        offset = self._clock.utc_offset_s(capabilities.manifest.zone, now_ms)
        moment = Moment(now_ms=now_ms, utc_offset_s=offset)
        policy_input = gate.suppose(proposal, counters, capabilities, moment)
        self._keep_configured()
        if capabilities.document:
            self.judge.keep(_document("manifest", capabilities.document))
        bundle = hashlib.sha256(self._configured.bundle).hexdigest()
        verdict = await self._evaluated(
            lambda: self.judge.judge(bundle, capabilities.digest, policy_input)
        )
        return verdict or failed("error")

    async def _evaluated(self, work: Callable[[], T]) -> T:
        try:
            return await self._evaluation.run(work)
        except EvaluatorStuck as stuck:
            self._end(stuck.message)
            raise

    def _end(self, reason: str) -> None:
        """Tell once that the process must end; what follows from the first reason is no news."""
        if not self._ended:
            self._ended = True
            self._refusal = Stopping(f"the daemon is ending: {reason}")
            self._on_fatal(reason)

    async def _answers(self, tenant_id: str, work: Work) -> tuple[Answer, ...]:
        reply = await self._writer(tenant_id).submit(work)
        return () if isinstance(reply, Judged) else reply

    # ── reading ─────────────────────────────────────────────────────────────────────────────────

    def signing(self) -> Checkpoints:
        """What signs this log. Raises `CheckpointUnknown` for a log that nobody signs."""
        if self.checkpoints is None:
            raise CheckpointUnknown("this log ends with its process, so nothing of it is signed")
        return self.checkpoints

    def newest_checkpoint(self, tenant_id: str) -> str | None:
        """The newest signed note that is known without asking anybody."""
        return None if self.checkpoints is None else self.checkpoints.newest(tenant_id)

    async def ready(self) -> None:
        """Return when events are taken and the log can be read. Raises what stands against it."""
        await self.read(lambda: self.store.next_position(CONTROL_SESSION))

    async def read(self, ask: Callable[[], T]) -> T:
        """Run a blocking read on the readers' threads. Raises `Unavailable` at the end."""
        if self._refusal is not None:
            raise self._refusal
        return await asyncio.get_running_loop().run_in_executor(self._reads, ask)

    async def session(self, tenant_id: str, session_id: str) -> SessionState:
        """The durable fold of a session. Raises `SessionUnknown`."""
        version = self.judge.rules_version
        state = await self.read(
            lambda: recovery.session_state(self.store, tenant_id, session_id, version)
        )
        if state.next_seq == 0:
            raise SessionUnknown(f"the log has no session {session_id}")
        return state

    async def tenant(self, tenant_id: str) -> TenantState:
        """The durable fold of a tenant; empty for one without events."""
        version = self.judge.rules_version
        return await self.read(lambda: recovery.tenant_state(self.store, tenant_id, version))

    async def head(self, tenant_id: str, session_id: str) -> SessionHead:
        """The durable head of a session. Raises `SessionUnknown`."""
        head = await self.read(lambda: self.store.session_head(tenant_id, session_id))
        if head is None:
            raise SessionUnknown(f"the log has no session {session_id}")
        return head

    async def verify(self, tenant_id: str, session_id: str) -> tuple[Chain, list[Break]]:
        """Hash a session again from stored bytes. Raises `SessionUnknown`."""
        await self.head(tenant_id, session_id)

        def check() -> tuple[Chain, list[Break]]:
            chain = Chain(whole=False, body_tenant=body_tenant(self.store, tenant_id))
            events = self.store.session_events(tenant_id, session_id)
            return chain, [broken for event in events for broken in chain.check(event)]

        return await self.read(check)

    async def document(self, digest: str, kind: str) -> bytes:
        """The bytes of a `manifest` or `bundle` by hex digest. Raises `NotFound`."""
        found = await self.read(lambda: self.store.document(bytes.fromhex(digest)))
        if found is None or found.kind != kind or hashlib.sha256(found.body).hexdigest() != digest:
            raise NotFound(f"no {kind} has the digest {digest}")
        return found.body

    def _check_zone(self) -> None:
        """Hold the configured manifest to a zone of this machine. Raises `ConfigInvalid`."""
        if self._configured.capabilities is None:
            return
        try:
            zone = self._configured.capabilities.manifest.zone
            self._clock.utc_offset_s(zone, self._clock.now_ms())
        except ManifestInvalid as error:
            raise ConfigInvalid(f"manifest: {error.message}") from None

    # ── tenants ─────────────────────────────────────────────────────────────────────────────────

    def _writer(self, tenant_id: str) -> Writer:
        if self._refusal is not None:
            raise self._refusal
        writer = self._writers.get(tenant_id)
        if writer is None:
            writer = Writer(
                tenant_id,
                store=self.store,
                judge=self.judge,
                clock=self._clock,
                threads=Threads(self._evaluation, self._commits, self._turns),
                opening=self._opening,
                on_commit=self._committed,
                on_fatal=self._end,
            )
            self._writers[tenant_id] = writer
        return writer

    def _committed(self, batch: Batch) -> None:
        """Tell those who follow the log what is durable now."""
        if self.checkpoints is not None:
            self.checkpoints.committed(batch)

    def _opening(self) -> list[Control]:
        """What a tenant's log begins with: the rules in force before its first event."""
        self._keep_configured()
        configured = self._configured
        acts = [policy_control(configured.bundle, CONFIG, "configured at start")]
        if configured.capabilities is not None:
            acts.append(manifest_control(configured.capabilities, CONFIG, "configured at start"))
        return acts

    def _keep_configured(self) -> None:
        """Let the judge know what no store may hold yet."""
        self.judge.keep(_document("bundle", self._configured.bundle))
        if self._configured.capabilities is not None:
            self.judge.keep(_document("manifest", self._configured.capabilities.document))

    def _due(self, state: TenantState) -> Iterator[Control]:
        """Activations that the configuration asks for and the log does not have yet."""
        configured = self._configured
        bundle = hashlib.sha256(configured.bundle).hexdigest()
        if _must_activate(
            state, "policy", state.activations.bundle, bundle, named=configured.policy_named
        ):
            yield policy_control(configured.bundle, CONFIG, "changed at start")
        capabilities = configured.capabilities
        if capabilities is None:
            return
        if _must_activate(
            state, "manifest", state.activations.manifest, capabilities.digest, named=True
        ):
            yield manifest_control(capabilities, CONFIG, "changed at start")


def manifest_control(capabilities: Capabilities, author: str, reason: str) -> Control:
    """MANIFEST_REGISTERED, with the manifest's bytes."""
    manifest, digest = capabilities.manifest, capabilities.digest
    return Control(
        event_type="MANIFEST_REGISTERED",
        payload=lambda now_ms: ManifestRegistered(
            author=author,
            digest=digest,
            name=manifest.name,
            now_ms=now_ms,
            reason=reason,
            version=manifest.version,
        ),
        document=_document("manifest", capabilities.document),
    )


def policy_control(bundle: bytes, author: str, reason: str) -> Control:
    """POLICY_ACTIVATED, with the bundle's bytes."""
    digest = hashlib.sha256(bundle).hexdigest()
    return Control(
        event_type="POLICY_ACTIVATED",
        payload=lambda now_ms: PolicyActivated(
            author=author, digest=digest, now_ms=now_ms, reason=reason
        ),
        document=_document("bundle", bundle),
    )


def _nothing() -> None:
    """End a listening that never began."""


def _document(kind: str, body: bytes) -> Document:
    return Document(digest=hashlib.sha256(body).digest(), kind=kind, body=body)


def _must_activate(
    state: TenantState, what: str, active: Activation | None, digest: str, *, named: bool
) -> bool:
    if active is None:
        return True
    if active.digest == digest:
        return False
    if active.author == CONFIG:
        return True
    if named:
        raise ConfigInvalid(
            f"tenant {state.tenant_id}: the configured {what} is {digest}, but {active.author} "
            f"put {active.digest} in force since; start without --{what}, or activate it again"
        )
    return False
