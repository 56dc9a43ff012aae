"""What was done to the log itself: imported, erased from, rolled back, signed by other keys."""

from msgspec import UNSET, Struct, UnsetType

from aegisd.core.shapes.declaration import Declaration


class LogImported(Struct, frozen=True, kw_only=True):
    """Daemon, `$control`: an export was verified and kept under an archive tenant.

    `export_sha256` is the digest of the whole file; `source_tenant` is the tenant named in it.
    `evidence` names documents by digest in hex: the checkpoint and the proofs that came with an
    export of one session, absent where there are none. `root` is that of the tree over all events
    of the archive, `values` counts the values that came with it, and `values_at` is the SHA-256
    over the `log.detached.place` of each, both in hex; older builds told none of these.
    """

    archive: str
    author: str
    events: int
    evidence: tuple[str, ...] | UnsetType = UNSET
    export_sha256: str
    now_ms: int
    reason: str
    root: str | UnsetType = UNSET
    source_tenant: str
    values: int | UnsetType = UNSET
    values_at: str | UnsetType = UNSET


class PayloadErased(Struct, frozen=True, kw_only=True):
    """Daemon, `$control`: the values kept beside the events of one subject were deleted.

    `subject` is a user id, or the id of a session without one. `values` counts what was deleted;
    the events stay as they are, and so does every hash and proof.
    """

    author: str
    now_ms: int
    reason: str
    subject: str
    values: int


class RollbackAccepted(Struct, frozen=True, kw_only=True):
    """Daemon, `$control`: an operator started on a log shorter than, or other than, one it signed.

    The checkpoint of `signed` events with `root` (hex) no longer holds; the log had `found` events.
    """

    author: str
    found: int
    now_ms: int
    reason: str
    root: str
    signed: int


class SigningKeysChanged(Struct, frozen=True, kw_only=True):
    """Daemon, `$control`: other keys sign this log's checkpoints than before.

    `before` are the key ids (hex) that signed the newest checkpoint, `keys` the verifier keys that
    sign from now on, the newest first.
    """

    author: str
    before: tuple[str, ...]
    keys: tuple[str, ...]
    now_ms: int
    reason: str


EVENTS = (
    Declaration(
        event_type="LOG_IMPORTED",
        payload=LogImported,
        writer="daemon",
        shown=("archive", "source_tenant", "events", "author"),
    ),
    Declaration(event_type="PAYLOAD_ERASED", payload=PayloadErased, writer="daemon"),
    Declaration(event_type="ROLLBACK_ACCEPTED", payload=RollbackAccepted, writer="daemon"),
    Declaration(event_type="SIGNING_KEYS_CHANGED", payload=SigningKeysChanged, writer="daemon"),
)
