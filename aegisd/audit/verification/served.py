"""A log that only answers questions, such as a server's: its events are hashed here, one by one."""

import msgspec

from aegisd.audit import documents
from aegisd.audit.log import Log, all_sessions
from aegisd.audit.progress import Progress, silent
from aegisd.audit.verification.order import Order
from aegisd.audit.verification.result import Verification
from aegisd.core.archive import body_tenant
from aegisd.core.errors import SessionUnknown
from aegisd.core.log.chain import Break, Chain
from aegisd.printable import shown


def verify_log(
    log: Log, tenant_id: str, session_id: str | None = None, *, progress: Progress = silent
) -> Verification:
    """Check a tenant, or one session of it, and compare where the server says that sessions end.

    Progress is told of events. Raises `NotFound` or `SessionUnknown` for an unknown tenant or
    session.
    """
    told = Verification(session_id=session_id)
    chain = Chain(whole=session_id is None, body_tenant=body_tenant(log.events, tenant_id))
    order = Order()
    names: set[documents.Named] = set()
    # Heads are asked for first: a daemon may be appending meanwhile, and never takes away.
    if session_id is None:
        heads = list(all_sessions(log, tenant_id))
        events = log.events(tenant_id)
    else:
        head = log.session_head(tenant_id, session_id)
        heads = [] if head is None else [head]
        events = log.session_events(tenant_id, session_id)
    for event in events:
        # What was asked for is the column; what came back is the body.
        row = msgspec.structs.replace(event, tenant_id=tenant_id)
        for found in (*chain.check(row), *order.check(row)):
            told.add(found)
        names.update(documents.named(event))
        progress()
    for head in heads:
        seq, digest = chain.heads.get(head.session_id, (-1, b""))
        if seq < head.seq or (seq == head.seq and digest != head.hash):
            detail = "the server says that the session ends elsewhere than its events do"
            told.add(Break("head", detail, tenant_id, session_id=head.session_id, seq=head.seq))
    told.check_documents(names, log.document)
    told.count(tenant_id, chain.events, len(chain.heads))
    if told.holds and not chain.heads:
        where = f"tenant {tenant_id}" if session_id is None else f"session {session_id}"
        raise SessionUnknown(f"the server has no event of {shown(where)}")
    return told
