"""Ids: of tenants, sessions, users, agents and calls."""

import re
from typing import Annotated

from msgspec import Meta

from aegisd.core.errors import InvalidField, ReservedId

# Long enough for a UUID with a prefix or a DNS name, short enough for an index key.
ID_CHARACTERS_MAX = 128

CONTROL_SESSION = "$control"
ARCHIVE_PREFIX = "$archive."

_ID = re.compile(r"[A-Za-z0-9_:@-][A-Za-z0-9._:@-]{0,127}\Z")

Id = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_:@-][A-Za-z0-9._:@-]*\Z",
        min_length=1,
        max_length=ID_CHARACTERS_MAX,
    ),
]


def check_id(value: object, field: str) -> str:
    """Return an id, or raise `InvalidField` naming `field`, or `ReservedId` for a leading `$`."""
    if type(value) is str and _ID.match(value):
        return value
    if type(value) is str and value.startswith("$"):
        raise ReservedId(f"{field}: ids that start with '$' belong to the daemon", field=field)
    raise InvalidField(
        f"{field}: expected 1 to {ID_CHARACTERS_MAX} of A-Z a-z 0-9 . _ : @ - "
        "not starting with a dot",
        field=field,
    )


def call_id_of(payload: object, seq: int) -> str:
    """The id of a call: its own, else the server's for the event's seq."""
    own = payload.get("call_id") if isinstance(payload, dict) else None
    return own if isinstance(own, str) else f"c{seq}"
