"""What somebody brought along to hold a log against: keys, and checkpoints kept from earlier."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from aegisctl import trust
from aegisctl.display import shown
from aegisctl.integrity.report import Report, broken
from aegisd.core.log import checkpoint
from aegisd.core.log.checkpoint import Head
from aegisd.core.log.note import Key
from aegisd.signing import ed25519


class Anchors(Struct, frozen=True, kw_only=True):
    """Verifier keys, and what kept checkpoints say; those are signed where there are keys."""

    keys: tuple[Key, ...] = ()
    kept: tuple[Head, ...] = ()

    def sizes(self, tenant_id: str | None = None) -> set[int]:
        """Of which sizes roots are wanted, of one tenant or of any."""
        return {head.size for head in self.kept if tenant_id in (None, tenant_of(head))}

    def of(self, tenant_id: str) -> list[Head]:
        """The kept checkpoints of a tenant."""
        return [head for head in self.kept if tenant_of(head) == tenant_id]


NONE = Anchors()


def read(keys: Sequence[Key], kept: Iterable[str]) -> Anchors:
    """Read checkpoint files. Raises `NoteInvalid` for one that the keys did not sign, `OSError`."""
    notes = [trust.text(path) for path in kept]
    if keys:
        heads = [checkpoint.verify(note, keys, ed25519.check) for note in notes]
    else:
        heads = [checkpoint.read(note)[0] for note in notes]
    return Anchors(keys=tuple(keys), kept=tuple(heads))


def tenant_of(head: Head) -> str:
    """The tenant that a checkpoint is of: the end of its origin, see `core.log.checkpoint`."""
    return head.origin.rpartition("/")[2]


def compare(report: Report, tenant_id: str, head: Head, events: int, root: bytes | None) -> bool:
    """Hold a kept checkpoint against a log of so many events, whose tree has `root` at its size.

    Whether it holds; None stands for a root that cannot be computed, which is said.
    """
    if head.size > events:
        detail = (
            f"the checkpoint you kept covers {head.size} events, the log holds {events}: its tail "
            "was cut, or an older log was put in its place"
        )
        report.add(broken("checkpoint", detail, tenant_id=tenant_id))
    elif root is None:
        report.unknown.append(
            f"the checkpoint you kept of {head.size} events of {shown(head.origin)} cannot be held "
            "against one session; verify the whole tenant"
        )
    elif root != head.root:
        detail = (
            f"the first {head.size} events are others than those of the checkpoint you kept: "
            "history was changed"
        )
        report.add(broken("root", detail, tenant_id=tenant_id))
    else:
        return True
    return False


def require_answers(report: Report, anchors: Anchors, required: Iterable[str]) -> None:
    """Say which of `required` tenants no key signed, and which kept checkpoints found no tenant."""
    signed = {told.tenant_id for told in report.tenants if told.level != "CHAIN"}
    if anchors.keys:
        report.unknown += [
            f"nothing of tenant {shown(name)} is signed by a key that was given"
            for name in required
            if name not in signed
        ]
    held = {told.tenant_id for told in report.tenants}
    report.unknown += [
        f"the checkpoint you kept is of {shown(head.origin)}, which is not in this log"
        for head in anchors.kept
        if tenant_of(head) not in held
    ]
