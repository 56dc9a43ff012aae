"""`aegisctl detached`: the values kept beside one event, held to what the event says of them."""

import click
import msgspec

from aegisctl import options
from aegisctl.display import coloured, table, tell
from aegisctl.exits import BROKEN, HOLDS
from aegisd.audit import log
from aegisd.audit.absence import Absences
from aegisd.audit.log import Log
from aegisd.core.errors import LogCorrupt, NotFound
from aegisd.core.log.detached import attach, pointers
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.log.foreign import Decode, decoder
from aegisd.printable import shown
from aegisd.rows import Detached

_decode: Decode[object] = decoder(object)


@click.command("detached", cls=options.Verb)
@click.argument("file", metavar="FILE")
@options.tenant
@click.option(
    "--position", required=True, type=click.IntRange(0), help="The event's position in the tenant."
)
@options.as_json
def command(file: str, tenant_id: str | None, position: int, *, as_json: bool) -> int:
    """Show the values kept beside one event of a log.

    FILE is a database, or an export made with --detached. Each value is held to the event, which
    has its salted digest. Of a value that is not there it is told why: it is a secret, which is
    never kept, it was erased, or it was left out of an export. A server gives no such values out.

    Example:
      aegisctl detached aegis.db --tenant acme --position 7

    Exit codes: 0 shown, 1 a value is not the one the event is committed to, 2 could not tell.

    """
    with log.opened(log.database(file)) as source:
        tenant = log.one_tenant(source, tenant_id)
        event = _event(source, tenant, position)
        payload = _payload(event)
        kept = {row.pointer: row for row in source.detached(tenant, position)}
        places = pointers(payload)
        absent = Absences(source, tenant).why(event)
    wrong = [place for place, row in kept.items() if not _fits(payload, row)]
    document = {
        "holds": not wrong,
        "position": position,
        "tenant_id": tenant,
        "values": [
            _told(place, kept.get(place), absent.get(place)) for place in sorted({*places, *kept})
        ],
    }
    cells = (
        (place, *_cells(kept.get(place), absent.get(place, "")))
        for place in sorted({*places, *kept})
    )
    changed = (
        f"{coloured('changed', 'bad')}: {shown(place)} is not what the event tells"
        for place in wrong
    )
    lines = (*table(("pointer", "subject", "value"), cells), *changed)
    tell(document, lines, as_json=as_json)
    return BROKEN if wrong else HOLDS


def _event(source: Log, tenant_id: str, position: int) -> StoredEvent:
    event = next(source.events(tenant_id, from_position=position, limit=1), None)
    if event is None or event.position != position:
        raise NotFound(f"the log of {shown(tenant_id)} has no event at position {position}")
    return event


def _payload(event: StoredEvent) -> object:
    try:
        return _decode(unseal(event.body).payload)
    except (msgspec.MsgspecError, UnicodeError):
        found = f"position {event.position}: the stored bytes are not an envelope"
        raise LogCorrupt(f"{found}; run `aegisctl verify`") from None


def _fits(payload: object, row: Detached) -> bool:
    """Whether a value is the one that its event's payload commits to."""
    try:
        attach(payload, [row.plain])
    except LogCorrupt:
        return False
    return True


def _told(place: str, row: Detached | None, absent: str | None) -> dict[str, object]:
    if row is None:
        return {"absent": absent, "pointer": place, "subject": None, "value": None}
    return {"pointer": place, "subject": row.subject, "value": row.value.decode(errors="replace")}


def _cells(row: Detached | None, absent: str) -> tuple[str, str]:
    if row is None:
        return "", coloured(absent, "faint")
    return shown(row.subject), shown(row.value.decode(errors="backslashreplace"))
