"""What opens a session: its ids held to their form, its `meta` to its bound, a name made up."""

import secrets
from collections.abc import Iterable

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from aegisd.core.errors import SessionExists, TooLarge
from aegisd.core.lifetime import SessionOpened
from aegisd.core.log.canonical import encode
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.proposal import PAYLOAD_BYTES_MAX
from aegisd.core.shapes.identifier import check_id
from aegisd.core.state.fold import fact
from aegisd.engine.commands.command import Command
from aegisd.engine.recorded import Recorded, different
from aegisd.engine.stage import Stage

# Random bytes of an id that the daemon makes: 128 bits, so that no two of any log meet.
ID_RANDOM_BYTES = 16


class OpenSession(Command[Recorded], frozen=True, kw_only=True):
    """Open a session before its first agent event. `named` tells that the caller chose the id."""

    session_id: str
    named: bool
    user_id: str
    agent_id: str | None
    meta: dict[str, object] | UnsetType
    idempotency_key: str | None

    @property
    def key(self) -> str | None:
        """As it was given."""
        return self.idempotency_key

    @property
    def sessions(self) -> Iterable[str]:
        """The one it opens."""
        return [self.session_id]

    def stage(self, stage: Stage) -> Recorded:
        """Stage SESSION_OPENED. Raises `SessionExists` for a session with events."""
        before = stage.recorded(self.key)
        if before:
            if len(before) != 1 or not self._opened(before[0].event):
                raise different()
            return replace(before[0], replayed=True)
        if stage.session(self.session_id).next_seq:
            raise SessionExists(
                f"session {self.session_id} has events already", session_id=self.session_id
            )
        answer = stage.note(
            "SESSION_OPENED",
            self.session_id,
            SessionOpened(
                clock_stepped_ms=stage.tenant.stepped_ms or UNSET,
                meta=self.meta,
                now_ms=stage.now_ms,
            ),
            user_id=self.user_id,
            agent_id=self.agent_id,
            idempotency_key=self.idempotency_key,
        )
        stage.remember(self.key, (answer,))
        return answer

    def _opened(self, event: StoredEvent) -> bool:
        """Whether a recorded event is what this asks for."""
        payload = fact(event).payload
        meta = payload.get("meta") if isinstance(payload, dict) else None
        asked = None if self.meta is UNSET else self.meta
        return (
            event.event_type == "SESSION_OPENED"
            and event.user_id == self.user_id
            and event.agent_id == self.agent_id
            and (not self.named or event.session_id == self.session_id)
            # As bytes, because Python takes True for 1.
            and encode(meta) == encode(asked)
        )


def opening(
    session_id: str | None,
    *,
    user_id: str = "",
    agent_id: str | None = None,
    meta: dict[str, object] | UnsetType = UNSET,
    idempotency_key: str | None = None,
) -> OpenSession:
    """The command of opening a session. Raises `InvalidField`, `ReservedId` or `TooLarge`."""
    if meta is not UNSET:
        _check_meta(meta)
    made_up = f"s-{secrets.token_hex(ID_RANDOM_BYTES)}"
    return OpenSession(
        session_id=made_up if session_id is None else check_id(session_id, "session_id"),
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
