"""What the engine needs from the world, stated once, with the promises it relies on.

All of it is synchronous: the engine owns the threads and decides which one calls what.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.note import Key
from aegisd.core.policy.judge import Judge
from aegisd.rows import (
    Batch,
    Checkpoint,
    Detached,
    Document,
    Growth,
    Place,
    SessionHead,
    SnapshotRow,
    Turn,
)


class Signer(Protocol):
    """The keys that sign checkpoints. They lie outside the database."""

    log_name: str

    def sign(self, origin: str, text: str, now_ms: int) -> str:
        """The signed note (C2SP signed-note) over `text`, by every key that signs at `now_ms`.

        `origin` is the name they sign under. Raises `SigningFailed`.
        """

    def signed(self, note: str, now_ms: int) -> bool:
        """Whether a checkpoint is signed by one of the keys that sign at `now_ms`."""

    def keys(self, now_ms: int) -> tuple[Key, ...]:
        """The public keys that sign at `now_ms`, under the log's name, the newest first."""


class Guard(Protocol):
    """Where the newest checkpoint of each tenant is kept besides the database."""

    def tenants(self) -> list[str]:
        """Tenants with a checkpoint here, sorted."""

    def newest(self, tenant_id: str) -> str | None:
        """The signed note kept last. Raises `ConfigInvalid` for what cannot be read."""

    def keep(self, tenant_id: str, note: str) -> None:
        """Replace the tenant's note, durably, whole or not at all. Raises `StoreFailed`."""

    def set_aside(self, tenant_id: str) -> str:
        """Move the tenant's note out of the way and say where to. It is evidence, so it stays."""


class LogReader(Protocol):
    """What a log can be asked wherever it lies: in a database, an export or on a server.

    Stored bytes come back unchanged.
    """

    def tenants(self) -> list[str]:
        """All tenants with events, sorted by code point.

        Raises `InvalidField` where a server does not tell.
        """

    def sessions(self, tenant_id: str, *, after: str = "", limit: int = 1000) -> list[SessionHead]:
        """Heads of at most `limit` sessions with id greater than `after`, sorted by code point."""

    def session_head(self, tenant_id: str, session_id: str) -> SessionHead | None:
        """The head of one session, or None when the log has no event of it."""

    def events(
        self, tenant_id: str, *, from_position: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """A tenant's events in position order. Flat memory, whatever the log's size."""

    def session_events(
        self, tenant_id: str, session_id: str, *, from_seq: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """One session's events in seq order."""

    def document(self, digest: bytes) -> Document | None:
        """The bytes with this SHA-256, or None. The caller checks the digest again."""

    def detached(self, tenant_id: str, position: int) -> list[Detached]:
        """The detached values of one event that were not erased, by pointer.

        Raises `ConfigInvalid` for a server, which gives none out.
        """


class EventReader(LogReader, Protocol):
    """Reads of a database's log. Safe from any thread, and while a batch is being appended.

    What is returned was durable when it was read.
    """

    def next_position(self, tenant_id: str) -> int:
        """One past the tenant's last position; 0 for an unknown tenant."""

    def recorded_head(self, tenant_id: str) -> tuple[int, bytes] | None:
        """Where the last commit said the tenant's log ends: next position, and its last hash.

        A cache beside the log, checked against it at start: rows cut from the tail show here.
        """

    def in_sessions(self, tenant_id: str) -> int | None:
        """How many events a tenant's sessions have, told by an index alone.

        None where one does not have every seq from 0 to its last.
        """

    def by_idempotency_key(self, tenant_id: str, key: str) -> list[StoredEvent]:
        """Every event that carries the key, in position order; empty when it was never used."""

    def snapshot(self, tenant_id: str, session_id: str) -> SnapshotRow | None:
        """The cached fold of a session, or of the tenant when `session_id` is empty."""

    def hashes(self, tenant_id: str, *, from_position: int, limit: int) -> list[bytes]:
        """Hashes of at most `limit` events in position order: the leaves of the tenant's tree.

        Raises `LogCorrupt` where a position is missing between them.
        """

    def blocks(self, tenant_id: str, *, first: int = 0) -> list[bytes]:
        """The roots of the tenant's complete blocks from number `first` on.

        As far as `grow` kept them without a gap from there.

        A cache: whoever uses it holds the root it leads to against a checkpoint.
        """

    def checkpoints(
        self, tenant_id: str, *, from_size: int = 0, limit: int = 1000
    ) -> list[Checkpoint]:
        """At most `limit` checkpoints of at least `from_size` events, by size."""

    def newest_checkpoint(self, tenant_id: str) -> Checkpoint | None:
        """The checkpoint of the largest size, signed or not."""

    def kept(self, tenant_id: str) -> Iterator[Detached]:
        """A tenant's detached values that were not erased, by position and pointer. Flat memory."""

    def values_of(self, tenant_id: str, subject: str) -> list[Place]:
        """Where the values of a subject are kept, in order, by the bytes of their events.

        Looks at all values of the tenant, and at no column or index that says whose they are.
        Raises `LogCorrupt` where one is kept of no event.
        """

    def close(self) -> None:
        """Release files and locks. Nothing is lost by not calling it."""


class EventStore(EventReader, Protocol):
    """A durable, append-only log with one writer.

    `tests/store/contract.py` holds every implementation to these words. `waits` tells whether an
    append waits for a disk or a network; one that does not is called on the event loop. `shared`
    tells that other processes append to the same log: then a batch is decided within a turn.
    `fault` says why the last write failed, to be read from any thread; it is empty where it held.
    """

    waits: bool
    shared: bool
    fault: str

    def begin(self, tenant_id: str) -> Turn:
        """Take the tenant's turn, waiting for whoever has it. Only where the log is shared.

        Ended by `append` of a batch of that tenant, whatever comes of it, or by `abandon`. Raises
        `StoreFailed` when the turn cannot be had in time or the database is lost.
        """

    def abandon(self, tenant_id: str) -> None:
        """Give a turn back and write nothing. Nothing happens where there is no turn."""

    def append(self, batch: Batch) -> None:
        """Append all of the batch or nothing; return only once it is durable (fsync).

        Called by one thread at a time. Raises `PositionConflict` when the tenant's log does not end
        at `first_position` or a row already exists, `StoreFailed` when nothing was written and a
        later batch may pass (disk full), `StoreBroken` on an I/O or fsync error: what is on disk is
        then unknown and the process must end without another attempt.
        """

    def probe(self) -> None:
        """Find out whether an append would pass now; writes only where the last one failed.

        Raises as `append`, and is called by the thread that appends.
        """

    def listen(self, callback: Callable[[str, int], None]) -> Callable[[], None]:
        """Call back, from a thread of its own, with a tenant and where its log ends, after commits.

        Those of every process count, and several may be told as one, some seconds late. Where the
        log is not shared nothing is ever told. Returns what ends it.
        """

    def announce(self, key_ids: Sequence[bytes]) -> list[tuple[bytes, ...]]:
        """Make known until `close` which signing keys this process has; give those of each other.

        Keys by the id of 4 bytes in their signatures. Where the log is not shared there is nobody
        else. Raises `StoreFailed`.
        """

    def grow(self, *growths: Growth) -> None:
        """Keep what tenants' trees grew by; return once it is durable. Raises as `append`.

        One commit, however many tenants. Called by one thread at a time, the one that appends where
        the log is not shared. Raises `LogCorrupt` where a block or a checkpoint of that size is
        kept with another root.
        """

    def keep(self, rows: Sequence[SnapshotRow]) -> None:
        """Cache folds, of any tenants: one commit, and no turn, whatever the log has by now.

        Called as `grow`, and raises as `append`.
        """


class Follower(Protocol):
    """Who reads a log behind its commits: checkpoints, and whoever else is told of what is durable.

    What it is promised: it hears at least once of all that is durable, in each tenant's order, and
    nothing that is not. What it promises: hearing is a note that returns at once, so that none
    slows a call; the rest it does on a thread of its own, from where it left off, and its lag has
    a bound. Losing one loses no fact: it can begin again at any position. One that raises is not
    told anything any more. An archive, which is kept whole before anybody can ask for it, is told
    by the act that records its import.
    """

    async def resume(self, ends: Mapping[str, int]) -> None:
        """Begin, where it left off. `ends` are the tenants, with the positions where logs ended.

        It may have been told of commits behind these ends by then.
        """

    def committed(self, batch: Batch) -> None:
        """Take note of what this process made durable. Called on the event loop."""

    def heard(self, tenant_id: str, next_position: int) -> None:
        """Take note that some process did, and where that tenant's log ends now."""

    async def stop(self) -> None:
        """Do what is left to do, and end."""


class Program(Protocol):
    """One policy bundle compiled together with one manifest.

    `prompt` tells that an evaluation is short whatever the input, because only rules of ours are
    judged, on an engine that counts steps. Any other is waited for on a thread of its own.
    """

    prompt: bool

    def evaluate(self, policy_input: bytes) -> bytes:
        """JSON bytes in, the bundle's result as JSON bytes out.

        Never called by two threads at once. Raises `EvaluatorStuck` past a bound of time, and
        `EvaluatorFailed` on any other error, on an undefined result included; there is no partial
        answer.
        """


class Evaluator(Protocol):
    """A Rego engine. A `bounded` one ends each evaluation after a number of steps."""

    name: str
    version: str
    bounded: bool

    def compile(self, bundle: bytes, manifest: bytes) -> Program:
        """Compile a bundle (canonical bytes) with a manifest's data (canonical bytes).

        Raises `PolicyInvalid`, naming file and line, for what does not compile or may not load.
        """


class LiveJudge(Judge, Protocol):
    """A judge that the gate can give new rules to.

    `generation` is that of its base rules; see `core.policy.generation`.
    """

    generation: int

    def of(self, tenant_id: str) -> "LiveJudge":
        """The same judge, asked for a tenant: what its rules use is counted there."""

    def apart(self) -> "LiveJudge":
        """The same judge, with a memory and a child of its own. What is asked there delays nobody.

        It ends with the judge that it is of.
        """

    def bundle(self, files: Mapping[str, str]) -> bytes:
        """The canonical bytes of a bundle: the base rules and an operator's files by name.

        Safe beside the thread that judges. Raises `PolicyInvalid`, naming file and line, for what
        does not load, and `Busy` where the tenant tried too much.
        """

    def renewed(self, bundle: bytes) -> bytes:
        """A bundle's operator's files on this judge's base rules, whether that loads or not.

        Raises `PolicyInvalid` for what is no bundle.
        """

    def problem(self, bundle: bytes) -> str | None:
        """What keeps a bundle from being judged by; None where nothing does."""

    def keep(self, document: Document) -> None:
        """Make bytes known before an event in the log names them."""

    def is_prompt(self, bundle: str, manifest: str) -> bool:
        """Whether judging by them is short: compiled already, and prompt.

        Then it may happen on the event loop; else it belongs on a thread that somebody watches.
        """


class Clock(Protocol):
    """The only place time comes from."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC. May jump; the writer never lets it run back."""

    def elapsed_ms(self) -> int:
        """Milliseconds since an unknown start, also those that the machine slept. Never jumps."""

    def utc_offset_s(self, zone: str, now_ms: int) -> int:
        """Seconds east of UTC in an IANA zone at that time. Raises `ManifestInvalid` if unknown."""
