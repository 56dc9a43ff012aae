"""A file that somebody has: what kind it is tells its content, and what it is, the verification."""

from pathlib import Path

from aegisd.audit import log
from aegisd.audit.anchors import NONE, Anchors, tenant_of
from aegisd.audit.progress import Progress, silent
from aegisd.audit.verification.result import Verification
from aegisd.core.errors import InvalidJson, LogCorrupt, NotFound, UnknownVersion, WrongFile
from aegisd.core.log.chain import Break
from aegisd.printable import shown


def verify_file(
    file: str,
    tenant_id: str | None = None,
    session_id: str | None = None,
    *,
    anchors: Anchors = NONE,
    event: str | None = None,
    progress: Progress = silent,
) -> Verification:
    """Verify a database, a PostgreSQL URL, an export or a proof, or one tenant or session of it.

    `event` names the file of the event that a proof does not hold. Progress is told of events.
    Raises `WrongFile` for what claims to be no log, `NotFound` for a tenant or session that is not
    there, and what opening raises. Where `anchors` name what must be there, both are breaks:
    whoever holds the file decides what it is, and must not choose the verdict by that.
    """
    told = Verification(session_id=session_id)
    try:
        return _verify(file, tenant_id, session_id, anchors, event, progress)
    except (UnknownVersion, LogCorrupt, InvalidJson) as error:
        # By its own marks it is a log, and something in it cannot be read at all.
        told.add(Break("file", error.message))
    except (WrongFile, NotFound) as error:
        if anchors == NONE:
            raise
        told.add(Break("file", error.message))
    return told


def _verify(
    file: str,
    tenant_id: str | None,
    session_id: str | None,
    anchors: Anchors,
    event: str | None,
    progress: Progress,
) -> Verification:
    # Each kind is imported here, because each costs start time and nobody needs more than one.
    kind = log.kind(file)
    if kind == "proof":
        from aegisd.audit.verification.event_proof import verify_proof  # noqa: PLC0415

        if session_id is not None:
            raise WrongFile("a proof is of one event; it takes no --session")
        return _of_tenant(verify_proof(file, event, anchors), tenant_id, "proof")
    if event is not None:
        raise WrongFile("--event goes with a .tlog-proof file, and FILE is none")
    if kind == "export":
        from aegisd.audit.verification.export import verify_export  # noqa: PLC0415

        with Path(file).open("rb") as opened:
            told = verify_export(opened, session_id, anchors=anchors, path=file, progress=progress)
        return _of_tenant(told, tenant_id, "export")
    from aegisd.audit.verification.database import verify_database  # noqa: PLC0415

    with log.opened_database(file) as reader:
        try:
            tenants = log.known_tenants(reader, tenant_id)
        except NotFound:
            # Of a log whose rows were all deleted, its schema or what somebody kept may tell.
            emptied = verify_database(reader, [], session_id, anchors=anchors)
            if emptied.holds:
                raise
            return emptied
        if tenant_id is None:
            # A list of tenants can be shortened more easily than a log.
            kept = {tenant_of(head) for head in anchors.kept} - set(tenants)
            tenants += sorted(each for each in kept if reader.next_position(each))
        return verify_database(reader, tenants, session_id, anchors=anchors, progress=progress)


def _of_tenant(told: Verification, tenant_id: str | None, what: str) -> Verification:
    """What was found of the tenant that was asked about, if any. Raises `NotFound`."""
    held = [tenant.tenant_id for tenant in told.tenants]
    if tenant_id is not None and told.holds and held != [tenant_id]:
        raise NotFound(f"the {what} holds no event of tenant {shown(tenant_id)}")
    return told
