"""`aegisctl events`: what happened, a line per event."""

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

import click
import msgspec
from msgspec import Struct

from aegisctl import options, source
from aegisctl.display import coloured, say, say_json
from aegisctl.display import time as shown_time
from aegisctl.exits import HOLDS
from aegisd.audit.log import Log, one_tenant, require_event
from aegisd.core.act import Act, acts
from aegisd.core.decision import DECISION
from aegisd.core.errors import InvalidJson, LogCorrupt, NotFound, Unavailable
from aegisd.core.events import DECLARATIONS
from aegisd.core.log.canonical import encode, parse
from aegisd.core.log.envelope import StoredEvent
from aegisd.printable import shown
from aegisd.remote.client import Client
from aegisd.remote.log import ServerLog

# Seconds between two questions of `--follow`: quick for a person, nothing for a server.
FOLLOW_SECONDS = 1.0

OUTCOMES = ("allow", "deny", "require_approval")

_COLOURS = {"allow": "good", "deny": "bad", "require_approval": "doubt"}


class Filter(Struct, frozen=True):
    """What is asked for, as `GET /v1/events` understands it; None asks for nothing in particular.

    A tool's proposals come with the decisions about them, and an outcome's decisions with the
    events they are about.
    """

    session_id: str | None
    event_type: str | None
    tool_name: str | None
    outcome: str | None


@click.command("events", cls=options.Verb)
@options.file
@options.server
@options.tenant
@options.session
@click.option(
    "--type",
    "event_type",
    type=click.Choice([*DECLARATIONS]),
    metavar="TYPE",
    help="Only events of this type.",
)
@click.option("--tool", "tool_name", metavar="NAME", help="Only calls of this tool.")
@click.option(
    "--outcome", type=click.Choice(OUTCOMES), help="Only decisions, and what they are about."
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N events.")
@click.option(
    "--follow", is_flag=True, help="Only what a server records from now on, until Ctrl-C."
)
@click.option("--json", "as_json", is_flag=True, help="One canonical JSON object per line.")
def command(  # noqa: PLR0913 - click passes each option by its name
    file: str | None,
    server: str,
    tenant_id: str | None,
    session_id: str | None,
    event_type: str | None,
    tool_name: str | None,
    outcome: str | None,
    limit: int | None,
    *,
    follow: bool,
    as_json: bool,
) -> int:
    """Show the events of a log, a line each.

    The columns are position in the tenant, the time the caller claimed, else the daemon's, session
    and seq, event type, and the heart of the payload; behind what was not allowed stands why.
    Values are cut and their control characters escaped. The user and the agent are in --json.

    Examples:
      aegisctl events aegis.db --session s1
      aegisctl events acme.jsonl --session s1 --outcome deny
      aegisctl events --tenant acme --outcome deny --follow
      aegisctl events acme.jsonl --json | jq .payload

    """
    options.refuse_two_sources(file)
    wanted = Filter(session_id, event_type, tool_name, outcome)
    if follow and file is not None:
        raise click.UsageError("--follow asks a server; leave FILE out")
    with source.opened(file, server) as log:
        tenant = one_tenant(log, tenant_id)
        if follow:
            found = _followed(ServerLog(Client(server)), tenant, wanted)
        else:
            found = _matching(log, tenant, wanted)
        try:
            for event in islice(found, limit):
                if as_json:
                    say_json(document(event))
                else:
                    say(line(event))
        except KeyboardInterrupt:
            if not follow:
                raise
    return HOLDS


def _matching(log: Log, tenant_id: str, wanted: Filter) -> Iterator[StoredEvent]:
    """The events asked for. A server filters by itself, and by the same rules."""
    if isinstance(log, ServerLog):
        found = None
        for found in log.matching(tenant_id, **msgspec.structs.asdict(wanted)):
            yield found
        if found is None:
            require_event(log, tenant_id)
        return
    events: Iterable[StoredEvent]
    if wanted.session_id is None:
        events = log.events(tenant_id)
    elif log.session_head(tenant_id, wanted.session_id) is None:
        raise NotFound(f"the log holds no event of session {shown(wanted.session_id)}")
    else:
        events = log.session_events(tenant_id, wanted.session_id)
    for act in acts(events):
        yield from (row for row in act.rows if matches(row, act, wanted))


def _followed(log: ServerLog, tenant_id: str, wanted: Filter) -> Iterator[StoredEvent]:
    require_event(log, tenant_id)
    position = log.end(tenant_id)
    filters = msgspec.structs.asdict(wanted)
    is_lost = False
    while True:
        try:
            for event in log.matching(tenant_id, from_position=position, **filters):
                position = event.position + 1
                yield event
        except Unavailable as error:
            # A server that starts again goes on where it was, and so does who follows it.
            if not is_lost:
                click.echo(f"{error.message}; asking again until Ctrl-C", err=True)
            is_lost = True
        else:
            if is_lost:
                click.echo(f"it answers again; from position {position} on", err=True)
            is_lost = False
        time.sleep(FOLLOW_SECONDS)


def matches(event: StoredEvent, act: Act, wanted: Filter) -> bool:
    """Whether an event is asked for; `act` is what it belongs to."""
    decided = act.decision or act.cause
    return (
        wanted.event_type in (None, event.event_type)
        and (wanted.tool_name is None or wanted.tool_name == _text(act.cause, "tool_name"))
        and (wanted.outcome is None or wanted.outcome == _text(decided, "outcome"))
    )


def _decoded(event: StoredEvent) -> dict[str, object]:
    try:
        envelope = parse(event.body)
    except InvalidJson:
        envelope = None
    if isinstance(envelope, dict):
        return envelope
    raise LogCorrupt(
        f"position {event.position}: the stored bytes are not an envelope; run `aegisctl verify`"
    )


def _payload(event: StoredEvent) -> dict[str, object]:
    payload = _decoded(event).get("payload")
    return payload if isinstance(payload, dict) else {}


def _text(event: StoredEvent, field: str) -> str | None:
    value = _payload(event).get(field)
    return value if isinstance(value, str) else None


def document(event: StoredEvent) -> dict[str, object]:
    """The event as `GET /v1/events` answers it: the envelope, hashes in hex, and its position.

    Raises `LogCorrupt` for stored bytes that are not an envelope.
    """
    envelope = {**_decoded(event), "hash": event.hash.hex(), "position": event.position}
    if event.prev_hash:
        envelope["prev_hash"] = event.prev_hash.hex()
    return envelope


def line(event: StoredEvent) -> str:
    """The event for a person."""
    payload = _payload(event)
    declared = DECLARATIONS.get(event.event_type)
    shown_of = payload if declared is None or declared.shown is None else declared.shown
    detail = " ".join(_shown(payload[name]) for name in shown_of if name in payload)
    outcome = payload.get("outcome")
    if event.event_type == DECISION and isinstance(outcome, str):
        detail = detail.replace(outcome, coloured(outcome, _COLOURS.get(outcome, "doubt")), 1)
        if outcome != "allow" and (why := _first_message(payload)):
            detail += f": {shown(why)}"
    place = f"{shown(event.session_id)}/{event.seq}"
    columns = f"{event.position:>6}  {coloured(shown_time(event.ts_unix_ms), 'faint')}  {place:<16}"
    return f"{columns}  {event.event_type:<20}  {detail}".rstrip()


def _first_message(payload: Mapping[str, object]) -> str:
    """The sentence of a decision's first reason; empty where it has none."""
    reasons = payload.get("reasons")
    first = reasons[0] if isinstance(reasons, list) and reasons else None
    message = first.get("message") if isinstance(first, dict) else None
    return message if isinstance(message, str) else ""


def _shown(value: object) -> str:
    return shown(value if isinstance(value, str) else encode(value).decode())
