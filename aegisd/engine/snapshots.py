"""Cached folds: when a state is worth keeping, the row it is kept as, and whether one is believed.

Whoever can write to the database can write such a row, and calls are judged by it. So it carries
an HMAC under a key that lies outside the database, and without it counts for nothing. It is over
all that the fold was made of: a session's last hash tells all its events, and of a tenant's the
root of its tree does, since its last event tells those of one session only.
"""

import hashlib
import hmac
import logging
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from aegisd.core.log.canonical import encode
from aegisd.core.state.model import SessionState, TenantState
from aegisd.core.state.snapshot import freeze, thaw
from aegisd.engine.tree import Histories
from aegisd.ports import EventReader
from aegisd.rows import SnapshotRow

# The first bytes of a row's body: HMAC-SHA-256 over all else of the row.
MAC_BYTES = hashlib.sha256().digest_size

# Events of a session between its cached folds: the tail that a first touch has to read. Of a long
# session an eighth of its length or less, since its fold grows with it and is written each time.
SESSION_SNAPSHOT_EVENTS = 128

# Events of a tenant between its cached folds: the tail that a start has to read.
TENANT_SNAPSHOT_EVENTS = 4096

_logger = logging.getLogger("aegisd.snapshots")

S = TypeVar("S", SessionState, TenantState)


class Snapshots:
    """Writes and reads the cached folds of one `rules_version` under one key of 32 bytes.

    `refused` counts rows of these rules that were not believed: changed, of another history, or
    kept under another key.
    """

    def __init__(self, rules_version: str, key: bytes, *, signed: bool) -> None:
        """Of a log that is not `signed` nobody can tell its history from another's."""
        self.refused = 0
        self._rules_version, self._key = rules_version, key
        self._histories = Histories() if signed else None

    def due(
        self, first: int, after: TenantState, sessions: Iterable[tuple[int, SessionState]]
    ) -> Iterator[SnapshotRow]:
        """Folds worth caching behind a batch, as `row` gives them.

        `first` is the position where it began and `after` the tenant's state behind it; `sessions`
        are those it changed, each with its length before.
        """
        for length, state in sessions:
            every = _spacing(state.next_seq)
            if state.next_seq // every != length // every:
                yield self.row(state)
        every = TENANT_SNAPSHOT_EVENTS
        if after.next_position // every != first // every:
            yield self.row(after)

    def row(self, state: SessionState | TenantState) -> SnapshotRow:
        """The row of a session's fold, or of a tenant's, before it is `sealed`."""
        if isinstance(state, SessionState):
            session_id, length = state.session_id, state.next_seq
        else:
            session_id, length = "", state.next_position
        return SnapshotRow(
            tenant_id=state.tenant_id,
            session_id=session_id,
            rules_version=self._rules_version,
            head=length - 1,
            head_hash=state.head_hash,
            body=freeze(state),
        )

    def sealed(self, plain: SnapshotRow, reader: EventReader) -> SnapshotRow:
        """A row as it is believed, once all that it is made of is durable. Blocks on the store."""
        return msgspec.structs.replace(plain, body=self._mac(plain, reader) + plain.body)

    def hold(self, reader: EventReader, tenant_id: str, first: int, end: int) -> None:
        """See `Histories.hold`; a log that is not signed has nothing to be held to."""
        if self._histories is not None:
            self._histories.hold(reader, tenant_id, first, end)

    def state(self, row: SnapshotRow, kind: type[S], reader: EventReader) -> S | None:
        """The state that `row` made a row of; None for one of other rules, or of another hand.

        Nor for one of another history than the log has.
        """
        if row.rules_version != self._rules_version:
            return None
        mac, body = row.body[:MAC_BYTES], row.body[MAC_BYTES:]
        plain = msgspec.structs.replace(row, body=body)
        if hmac.compare_digest(mac, self._mac(plain, reader)):
            return thaw(body, kind)
        self.refused += 1
        if self.refused == 1:
            _logger.warning(
                "a cached fold of tenant %s is not under this daemon's snapshot key: it was "
                "changed, is of another history, or a daemon with another key wrote it; it and all "
                "like it are computed from the log",
                row.tenant_id,
            )
        return None

    def _mac(self, plain: SnapshotRow, reader: EventReader) -> bytes:
        """Over a row whose body is the frozen state. JSON tells where the place ends."""
        history = b""
        if self._histories is not None and not plain.session_id:
            history = self._histories.root(reader, plain.tenant_id, plain.head + 1)
        place = (
            plain.tenant_id,
            plain.session_id,
            plain.rules_version,
            str(plain.head),
            plain.head_hash.hex(),
            history.hex(),
        )
        return hmac.digest(self._key, encode(list(place)) + plain.body, "sha256")


def _spacing(length: int) -> int:
    """Events between the cached folds of a session of `length`: a power of two, so that they nest.

    With it all that is ever written of a session grows as its length does, not as the square.
    """
    return max(SESSION_SNAPSHOT_EVENTS, 1 << max(0, length.bit_length() - 4))
