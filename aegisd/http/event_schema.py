"""What `POST /v1/events` takes and answers, as schemas: an event of any type, or a batch."""

from collections.abc import Mapping

from aegisd.core.events import AGENT_EVENTS, JUDGED, RELEASED
from aegisd.core.request import EVENTS_PER_REQUEST_MAX
from aegisd.door.answer import Receipt
from aegisd.http.operation import Choice, reference
from aegisd.http.query import ID
from aegisd.json_schema import Schema

# Fields of an event request beside its type and payload.
_CONDITION = "Only if the event continues exactly there; else 409 with the session's head."
_HASH: Schema = {"type": "string", "description": f"64 hex digits or base64. {_CONDITION}"}
_ENVELOPE: Mapping[str, Schema] = {
    "tenant_id": ID,
    "session_id": ID,
    "user_id": {"type": "string", "default": ""},
    "agent_id": ID,
    "ts_unix_ms": {"type": "integer", "description": "The caller's claim; no rule reads it."},
    "seq": {"type": "integer", "minimum": 0, "description": _CONDITION},
    "prev_hash": _HASH,
    "hash": _HASH,
}


def _event(event_type: str) -> Schema:
    shape = AGENT_EVENTS[event_type]
    judged = "Judged." if event_type in JUDGED else "Recorded."
    if event_type in RELEASED:
        judged = "Recorded; judged for release where an operator's rule names the type."
    payload = reference(shape.__name__)
    return {
        "type": "object",
        "description": judged,
        "required": ["tenant_id", "session_id", "event_type", "payload"],
        "additionalProperties": False,
        "properties": {
            **_ENVELOPE,
            "event_type": {"const": event_type},
            "payload": {"anyOf": [payload, {"type": "null"}]}
            if event_type == "TERMINATION"
            else payload,
        },
    }


def _one_or_batch(name: str) -> Schema:
    one = reference(name)
    batch = {"type": "array", "items": one, "minItems": 1, "maxItems": EVENTS_PER_REQUEST_MAX}
    return {"oneOf": [one, batch]}


REQUEST = Choice(
    name="EventRequest",
    schemas={
        "Event": {"oneOf": [_event(event_type) for event_type in AGENT_EVENTS]},
        "EventRequest": _one_or_batch("Event"),
    },
    structs=tuple(AGENT_EVENTS.values()),
)

RECEIPT = Choice(
    name="EventReceipt",
    schemas={"EventReceipt": _one_or_batch("Receipt")},
    structs=(Receipt,),
)
