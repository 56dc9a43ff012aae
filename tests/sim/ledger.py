"""What the clients of a world were told, and whether the log still says the same."""

import hashlib
from collections import Counter
from typing import Literal

from msgspec import Struct

from aegisd.core.log.chain import Chain
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.state.fold import fact, fold_session, fold_tenant
from aegisd.core.state.model import SessionState, TenantState
from aegisd.engine.recorded import Recorded
from aegisd.ports import EventReader
from tests.sim.disk import Weather

Fate = Literal["pending", "acknowledged", "refused"]


class Violated(AssertionError):
    """An invariant does not hold; the message says which, and where."""


def require(*, holds: bool, law: str) -> None:
    """Raise `Violated` with the law unless it holds."""
    if not holds:
        raise Violated(law)


class Promise(Struct):
    """What somebody was told of one event they asked for: its fate, and (position, hash).

    `unsure` tells that a process died before it said anything, or said that it does not know: a
    later refusal is of the later attempt, and the event may be there.
    """

    tenant_id: str
    unsure: bool = False
    fate: Fate = "pending"
    place: tuple[int, bytes] | None = None


class Followed:
    """One tenant's log as far as it was looked at: chain, folds, and where each request went."""

    def __init__(self, tenant_id: str) -> None:
        self.chain = Chain(whole=True)
        self.hashes: list[bytes] = []
        self.tenant = TenantState(tenant_id=tenant_id)
        self.sessions: dict[str, SessionState] = {}
        self.requests: Counter[str] = Counter()
        self.last_now_ms = 0

    def take(self, event: StoredEvent) -> None:
        """Look at the next event."""
        where = f"{event.tenant_id}/{event.position}"
        broken = self.chain.check(event)
        require(holds=not broken, law=f"{where}: {broken}")
        require(holds=hashlib.sha256(event.body).digest() == event.hash, law=f"{where}: hash")
        seen = fact(event)
        before = self.sessions.get(event.session_id) or SessionState(
            tenant_id=event.tenant_id, session_id=event.session_id
        )
        self.sessions[event.session_id] = fold_session(before, seen)
        self.tenant = fold_tenant(self.tenant, seen)
        self.hashes.append(event.hash)
        if event.event_type != "POLICY_DECISION" and event.user_id:
            self.requests[event.user_id] += 1
        now_ms = seen.payload.get("now_ms") if isinstance(seen.payload, dict) else None
        if event.event_type == "CLOCK_CORRECTED":
            law = f"{where}: time was corrected from before the last"
            from_ms = seen.fields["from_ms"]
            require(holds=isinstance(from_ms, int) and from_ms >= self.last_now_ms, law=law)
            self.last_now_ms = self.tenant.last_now_ms
        if isinstance(now_ms, int):
            require(holds=now_ms >= self.last_now_ms, law=f"{where}: the log's time went back")
            self.last_now_ms = now_ms


class Ledger:
    """Every promise of a world. Requests are told apart by their `user_id`."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self.promises: dict[str, Promise] = {}
        self.followed: dict[str, Followed] = {}
        # Those that the log was not yet held to. It only grows until the next process looks anew.
        self._due: set[str] = set()

    def asked(self, tenant_id: str, request: str) -> None:
        """A request is on its way, for the first time or again."""
        self._due.add(request)
        promise = self.promises.get(request)
        if promise is None:
            self.promises[request] = Promise(tenant_id=tenant_id)
        elif promise.fate == "pending":
            promise.unsure = True
        elif promise.fate == "refused":
            promise.fate = "pending"

    def answered(self, request: str, answer: Recorded) -> None:
        """A client was told that its event is in the log."""
        place = (answer.event.position, answer.event.hash)
        promise = self.promises[request]
        require(holds=answer.event.user_id == request, law=f"{request}: somebody else's answer")
        require(
            holds=promise.place in (None, place),
            law=f"{request}: answered as {promise.place} and as {place}",
        )
        promise.fate, promise.place = "acknowledged", place
        self._due.add(request)

    def refused(self, request: str, *, unknown: bool = False) -> None:
        """A client was told no, or that nobody knows."""
        promise = self.promises[request]
        promise.unsure = promise.unsure or unknown
        if promise.fate == "pending":
            promise.fate = "refused"

    def check(self, reader: EventReader, *, anew: bool = False) -> None:
        """Hold the log to every promise; with `anew` from its first byte, else what was added."""
        if anew:
            self.followed.clear()
        for tenant_id in reader.tenants():
            followed = self.followed.setdefault(tenant_id, Followed(tenant_id))
            for event in reader.events(tenant_id, from_position=len(followed.hashes)):
                followed.take(event)
            end = reader.next_position(tenant_id)
            require(holds=end == len(followed.hashes), law=f"{tenant_id}: ends at {end}")
        for request in sorted(self.promises if anew else self._due):
            promise = self.promises[request]
            self._check(request, promise)
            if promise.fate == "acknowledged":
                self._due.discard(request)

    def _check(self, request: str, promise: Promise) -> None:
        followed = self.followed.get(promise.tenant_id)
        times = 0 if followed is None else followed.requests[request]
        require(holds=times <= 1, law=f"{request}: is in the log {times} times")
        if promise.place is not None:
            position, expected = promise.place
            found = followed is not None and followed.hashes[position : position + 1] == [expected]
            require(holds=found, law=f"{request}: acknowledged at {position} and not there")
        doubtful = promise.unsure or request in self._weather.doubtful
        if promise.fate == "refused" and not doubtful:
            require(holds=times == 0, law=f"{request}: refused, and in the log all the same")
