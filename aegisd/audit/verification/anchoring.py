"""A log held against what somebody brought along, so that an old one in its place shows."""

from collections.abc import Iterable

from aegisd.audit.anchors import Anchors, tenant_of
from aegisd.audit.verification.result import Verification
from aegisd.core.log.chain import Break
from aegisd.core.log.checkpoint import TreeHead
from aegisd.printable import shown


def hold(
    told: Verification, tenant_id: str, head: TreeHead, events: int, root: bytes | None
) -> bool:
    """Hold a kept checkpoint against a log of so many events, whose tree has `root` at its size.

    Whether it holds; None stands for a root that cannot be computed, which is said.
    """
    if head.size > events:
        detail = (
            f"the checkpoint you kept covers {head.size} events, the log holds {events}: its tail "
            "was cut, or an older log was put in its place"
        )
        told.add(Break("checkpoint", detail, tenant_id=tenant_id))
    elif root is None:
        told.unknown.append(
            f"the checkpoint you kept of {head.size} events of {shown(head.origin)} cannot be held "
            "against one session; verify the whole tenant"
        )
    elif root != head.root:
        detail = (
            f"the first {head.size} events are others than those of the checkpoint you kept: "
            "history was changed"
        )
        told.add(Break("root", detail, tenant_id=tenant_id))
    else:
        return True
    return False


def require_answers(told: Verification, anchors: Anchors, required: Iterable[str]) -> None:
    """Say which of `required` tenants no key signed, and which kept checkpoints found no tenant."""
    signed = {tenant.tenant_id for tenant in told.tenants if tenant.level != "CHAIN"}
    if anchors.keys:
        told.unknown += [
            f"nothing of tenant {shown(name)} is signed by a key that was given"
            for name in required
            if name not in signed
        ]
    held = {tenant.tenant_id for tenant in told.tenants}
    told.unknown += [
        f"the checkpoint you kept is of {shown(head.origin)}, which is not in this log"
        for head in anchors.kept
        if tenant_of(head) not in held
    ]
