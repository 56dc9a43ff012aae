"""A server's events, downloaded and rebuilt into the bytes it stores, then hashed here."""

import msgspec

from aegisctl import documents
from aegisctl.display import Step, shown
from aegisctl.integrity.order import Order
from aegisctl.integrity.report import Report, broken
from aegisctl.log import Log, all_sessions
from aegisd.core.archive import body_tenant
from aegisd.core.errors import SessionUnknown
from aegisd.core.log.chain import Chain


def check_server(log: Log, tenant_id: str, session_id: str | None, step: Step) -> Report:
    """Check a tenant, or one session of it, and compare where the server says that sessions end.

    Raises `NotFound` or `SessionUnknown` for an unknown tenant or session.
    """
    report = Report(session_id=session_id)
    chain = Chain(whole=session_id is None, body_tenant=body_tenant(log, tenant_id))
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
            report.add(found)
        names.update(documents.named(event))
        step()
    for head in heads:
        seq, digest = chain.heads.get(head.session_id, (-1, b""))
        if seq < head.seq or (seq == head.seq and digest != head.hash):
            report.add(
                broken(
                    "head",
                    "the server says that the session ends elsewhere than its events do",
                    tenant_id=tenant_id,
                    session_id=head.session_id,
                    seq=head.seq,
                )
            )
    report.check_documents(names, log.document)
    report.count(tenant_id, chain.events, len(chain.heads))
    if report.holds and not chain.heads:
        where = f"tenant {tenant_id}" if session_id is None else f"session {session_id}"
        raise SessionUnknown(f"the server has no event of {shown(where)}")
    return report
