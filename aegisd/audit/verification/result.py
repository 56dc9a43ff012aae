"""What a verification found of a database, an export or a server: what was checked, and breaks."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import msgspec
from msgspec import Struct

from aegisd.audit.anchors import Anchors, tenant_of
from aegisd.audit.documents import Find, Named, found
from aegisd.core.errors import LogCorrupt, SessionUnknown
from aegisd.core.log.canonical import INTEGER_MAX
from aegisd.core.log.chain import NOWHERE, Break, missing
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.note import Key
from aegisd.printable import shown

# Breaks kept for the result, first ones first: they show where to look, and a wholly broken log
# must not fill the memory. All of them are counted.
BREAKS_MAX = 1000

# Breaks that cannot hide an event of another session: the row is there, in order, and says whose
# it is.
_OWN_RULES = frozenset({"hash", "canonical", "envelope", "prev_hash", "seq"})

# Where one shows, events may be missing that are not at the end.
_GAPS = frozenset({"position", "seq", "row"})


# How much a result rests on, each more than the one before it. CHAIN: every event continues the
# one before it in its session. SIGNED: and they lead to a root that a key given here signed.
CHAIN = "CHAIN"
SIGNED = "SIGNED"


class VerifiedTenant(Struct, frozen=True, kw_only=True):
    """What was checked of one tenant.

    `covered` of its events, the first ones, lead to the newest checkpoint there is; `level` tells
    whether that is signed by a key that was given, and `signers` are the keys that did. Nothing but
    the chain covers the rest.
    """

    tenant_id: str
    events: int
    sessions: int
    level: str = CHAIN
    covered: int = 0
    signers: list[str] = []


class Verification(Struct, kw_only=True):
    """What was found. `breaks` are the first `BREAKS_MAX` of `breaks_found`.

    Where one session was asked about, `elsewhere` counts breaks of others that leave it whole. Of a
    proof that holds, `proved` is the event.
    """

    tenants: list[VerifiedTenant] = []
    session_id: str | None = None
    documents: int = 0
    breaks: list[Break] = []
    breaks_found: int = 0
    elsewhere: int = 0
    proved: dict[str, object] | None = None

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
        if self.proved is None:
            del plain["proved"]
        return {**plain, "events": self.events, "holds": self.holds}

    def add(self, place: Break) -> None:
        """Count a break, and keep it if it is among the first."""
        if abs(place.seq) > INTEGER_MAX:
            # An event may say any number, and a result that nobody can write down tells nothing.
            place = msgspec.structs.replace(place, seq=NOWHERE)
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
        self,
        tenant_id: str,
        events: int,
        sessions: int,
        *,
        signed: bool = False,
        covered: int = 0,
        signers: Iterable[Key] = (),
    ) -> None:
        """Say how much of a tenant was checked, and what that rests on."""
        told = VerifiedTenant(
            tenant_id=tenant_id,
            events=events,
            sessions=sessions,
            level=SIGNED if signed else CHAIN,
            covered=covered,
            signers=[str(key) for key in signers] if signed else [],
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

    def hold(self, tenant_id: str, head: TreeHead, events: int, root: bytes | None) -> bool:
        """Hold a kept checkpoint against a log of so many events, with `root` at its size.

        Whether it holds; None stands for a root that the log does not show.
        """
        if head.size > events:
            detail = (
                f"the checkpoint you kept covers {head.size} events, the log holds {events}: "
                f"{self.missing(tenant_id)}, or an older log was put in its place"
            )
            self.add(Break("checkpoint", detail, tenant_id=tenant_id))
        elif root is None:
            detail = (
                f"nothing here shows that the log continues the checkpoint you kept of {head.size} "
                "events: only a whole tenant does, or a checkpoint of the same size"
            )
            self.add(Break("checkpoint", detail, tenant_id=tenant_id))
        elif root != head.root:
            detail = (
                f"the first {head.size} events are others than those of the checkpoint you kept: "
                "history was changed"
            )
            self.add(Break("root", detail, tenant_id=tenant_id))
        else:
            return True
        return False

    def missing(self, tenant_id: str) -> str:
        """What is missing of a log that a checkpoint says is longer."""
        gaps = (each for each in self.breaks if each.rule in _GAPS and each.tenant_id == tenant_id)
        return missing(has_gap=any(gaps))

    def require_answers(self, anchors: Anchors, required: Iterable[str]) -> None:
        """Count what was brought along and not answered: unanswered, it could be anything.

        That is each of `required` tenants that no key signed, unless more is wrong with it anyway,
        and each checkpoint of no tenant.
        """
        signed = {tenant.tenant_id for tenant in self.tenants if tenant.level != CHAIN}
        broken = {found.tenant_id for found in self.breaks}
        for name in required:
            if anchors.keys and name not in signed | broken:
                detail = "nothing of it is signed by a key that was given"
                self.add(Break("signature", detail, tenant_id=name))
        held = {tenant.tenant_id for tenant in self.tenants}
        for head in anchors.kept:
            if tenant_of(head) not in held:
                detail = (
                    f"you kept a checkpoint of {head.size} events of {head.origin}, and nothing of "
                    "that was found here"
                )
                self.add(Break("checkpoint", detail, tenant_id=tenant_of(head)))


def unreadable(tenant_id: str, error: LogCorrupt) -> Break:
    """The break of a row that cannot be read."""
    place = error.details
    position, seq, session_id = place.get("position"), place.get("seq"), place.get("session_id")
    return Break(
        "row",
        error.message,
        tenant_id=tenant_id,
        position=position if isinstance(position, int) else NOWHERE,
        session_id=session_id if isinstance(session_id, str) else "",
        seq=seq if isinstance(seq, int) else NOWHERE,
    )


def sentence(found: Break) -> str:
    """Where and how a log does not hold."""
    places = [f"tenant {shown(found.tenant_id)}"] if found.tenant_id else []
    if found.position != NOWHERE:
        places.append(f"position {found.position}")
    if found.session_id:
        places.append(f"session {shown(found.session_id)}")
    if found.seq != NOWHERE:
        places.append(f"seq {found.seq}")
    where = ", ".join(places) or "the file"
    return f"{where}: {found.rule}: {shown(found.detail, None)}"
