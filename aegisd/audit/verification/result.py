"""What a verification found of a database, an export or a server: what was checked, and breaks."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import msgspec
from msgspec import Struct

from aegisd.audit.documents import Find, Named, found
from aegisd.audit.verification.breaks import unreadable
from aegisd.core.errors import LogCorrupt, SessionUnknown
from aegisd.core.log.chain import Break
from aegisd.printable import shown

# Breaks kept for the result, first ones first: they show where to look, and a wholly broken log
# must not fill the memory. All of them are counted.
BREAKS_MAX = 1000

# Breaks that cannot hide an event of another session: the row is there, in order, and says whose
# it is.
_OWN_RULES = frozenset({"hash", "canonical", "envelope", "prev_hash", "seq"})


# How much a result rests on, each more than the one before it. CHAIN: every event continues the
# one before it in its session. SIGNED: and they lead to a root that a key given here signed.
CHAIN = "CHAIN"
SIGNED = "SIGNED"


class VerifiedTenant(Struct, frozen=True, kw_only=True):
    """What was checked of one tenant.

    `covered` of its events, the first ones, lead to the newest checkpoint there is; `level` tells
    whether that is signed by a key that was given. Nothing but the chain covers the rest.
    """

    tenant_id: str
    events: int
    sessions: int
    level: str = CHAIN
    covered: int = 0


class Verification(Struct, kw_only=True):
    """What was found. `breaks` are the first `BREAKS_MAX` of `breaks_found`.

    Where one session was asked about, `elsewhere` counts breaks of others that leave it whole.
    `unknown` are the questions asked that could not be answered, a sentence each.
    """

    tenants: list[VerifiedTenant] = []
    session_id: str | None = None
    documents: int = 0
    breaks: list[Break] = []
    breaks_found: int = 0
    elsewhere: int = 0
    unknown: list[str] = []

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return self.breaks_found == 0

    @property
    def events(self) -> int:
        """Events checked, over all tenants."""
        return sum(tenant.events for tenant in self.tenants)

    def document(self) -> dict[str, object]:
        """The result as JSON values. -1 stands for a position or seq that is not known."""
        plain: dict[str, object] = msgspec.to_builtins(self)
        return {**plain, "events": self.events, "holds": self.holds}

    def add(self, place: Break) -> None:
        """Count a break, and keep it if it is among the first."""
        other = self.session_id is not None and place.session_id not in ("", self.session_id)
        if other and place.rule in _OWN_RULES:
            self.elsewhere += 1
            return
        self.breaks_found += 1
        if len(self.breaks) < BREAKS_MAX:
            self.breaks.append(place)

    @contextmanager
    def reading(self, tenant_id: str) -> Iterator[None]:
        """Count as a break what cannot be read in the block, which ends there."""
        try:
            yield
        except LogCorrupt as error:
            self.add(unreadable(tenant_id, error))

    def count(
        self, tenant_id: str, events: int, sessions: int, *, signed: bool = False, covered: int = 0
    ) -> None:
        """Say how much of a tenant was checked, and what that rests on."""
        told = VerifiedTenant(
            tenant_id=tenant_id,
            events=events,
            sessions=sessions,
            level=SIGNED if signed else CHAIN,
            covered=covered,
        )
        self.tenants.append(told)

    def check_documents(self, names: Iterable[Named], find: Find) -> None:
        """Find every document that events name, and hash it again."""
        for name in sorted(names):
            try:
                body = found(name, find)
            except LogCorrupt as error:
                body = error.message
            if isinstance(body, str):
                self.add(Break("document", body))
            else:
                self.documents += 1

    def require_session(self, *, present: bool) -> None:
        """Raise `SessionUnknown` where nothing is wrong and the session asked about is nowhere."""
        if self.session_id is not None and self.holds and not present:
            raise SessionUnknown(f"the log holds no event of session {shown(self.session_id)}")
