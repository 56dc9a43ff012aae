"""What opens a session: its ids held to their form, its `meta` to its bound, a name made up."""

import secrets

from msgspec import UNSET, UnsetType

from aegisd.core.errors import TooLarge
from aegisd.core.log.canonical import encode
from aegisd.core.proposal import PAYLOAD_BYTES_MAX
from aegisd.core.shapes.identifier import check_id
from aegisd.engine.work import OpenSession

# Random bytes of an id that the daemon makes: 128 bits, so that no two of any log meet.
ID_RANDOM_BYTES = 16


def new_session_id() -> str:
    """An id for a session that nobody named."""
    return f"s-{secrets.token_hex(ID_RANDOM_BYTES)}"


def opening(
    session_id: str | None,
    *,
    user_id: str = "",
    agent_id: str | None = None,
    meta: dict[str, object] | UnsetType = UNSET,
    idempotency_key: str | None = None,
) -> OpenSession:
    """The work of opening a session. Raises `InvalidField`, `ReservedId` or `TooLarge`."""
    if meta is not UNSET:
        _check_meta(meta)
    return OpenSession(
        session_id=new_session_id() if session_id is None else check_id(session_id, "session_id"),
        named=session_id is not None,
        user_id=user_id and check_id(user_id, "user_id"),
        agent_id=None if agent_id is None else check_id(agent_id, "agent_id"),
        meta=meta,
        idempotency_key=idempotency_key,
    )


def _check_meta(meta: dict[str, object]) -> None:
    found = len(encode(meta))
    if found > PAYLOAD_BYTES_MAX:
        raise TooLarge(
            f"meta: {found} bytes in canonical form, past PAYLOAD_BYTES_MAX",
            limit=PAYLOAD_BYTES_MAX,
            found=found,
        )
