"""Every error Aegis raises on purpose. One file, so that reading it is reading the list.

`code` is API and never changes; the message is for people and may. `details` are JSON values that
travel beside the message in a problem+json answer. No message repeats a payload value: payloads
may hold secrets.
"""

from typing import ClassVar


class AegisError(Exception):
    """Root of the tree. Catch a subclass; the root is for the edges that turn errors to answers."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, **details: str | int | bool | None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


# ── the caller's request is wrong: nothing was written, the same request fails again ────────────


class InvalidRequest(AegisError):
    """Root of what a caller must change before trying again."""

    code = "request_invalid"


class InvalidJson(InvalidRequest):
    """The bytes are not the strict JSON of RFC 8259 and RFC 8785 that the log can hold."""

    code = "json_invalid"


class DuplicateKey(InvalidJson):
    """An object names one key twice, so two readers could see two different requests."""

    code = "json_duplicate_key"


class NumberOutOfRange(InvalidJson):
    """A number that not every JSON reader keeps exactly; send it as a string."""

    code = "json_number_range"


class TooDeep(InvalidJson):
    """Nested past `DEPTH_MAX`."""

    code = "json_too_deep"


class TooLarge(InvalidRequest):
    """Past a named bound; `details` has the bound and what was found."""

    code = "too_large"


class BodyTooSlow(InvalidRequest):
    """The body did not arrive within `BODY_SECONDS_MAX`; nothing of it was read."""

    code = "body_too_slow"


class MediaTypeUnsupported(InvalidRequest):
    """The body is neither JSON nor newline-delimited JSON."""

    code = "media_type_unsupported"


class InvalidField(InvalidRequest):
    """A field is missing or has the wrong type or form; `details["field"]` names it."""

    code = "field_invalid"


class UnknownField(InvalidRequest):
    """A field Aegis does not know; the nearest known one is named."""

    code = "field_unknown"


class UnsupportedField(InvalidRequest):
    """A field that belongs to a part this version does not have; refused rather than ignored."""

    code = "field_unsupported"


class UnknownEventType(InvalidRequest):
    """Not one of the event types of the log; the nearest known one is named."""

    code = "event_type_unknown"


class ReservedEventType(InvalidRequest):
    """An event type that only the daemon writes."""

    code = "event_type_reserved"


class ReservedId(InvalidRequest):
    """An id that starts with `$` belongs to the daemon."""

    code = "id_reserved"


class OriginRefused(InvalidRequest):
    """A browser page of another site sent the request; see docs/THREATS.md."""

    code = "origin_refused"


class HashMismatch(InvalidRequest):
    """The hash the caller computed is not the hash of the envelope that would be stored."""

    code = "hash_mismatch"


class IdempotencyConflict(InvalidRequest):
    """The key was used before for a different request; use a new key."""

    code = "idempotency_conflict"


class ManifestInvalid(InvalidRequest):
    """The capability manifest cannot be honoured as written; nothing of it was used."""

    code = "manifest_invalid"


class PolicyInvalid(InvalidRequest):
    """The policy bundle does not load; the bundle in force stays in force."""

    code = "policy_invalid"


class NoteInvalid(InvalidRequest):
    """A checkpoint, proof or verifier key is malformed, or not signed by whom it should be."""

    code = "note_invalid"


class ExportInvalid(InvalidRequest):
    """Not an export of a version this build reads, or a broken one."""

    code = "export_invalid"


# ── the request is well-formed but does not fit the log as it is ─────────────────────────────────


class NotFound(AegisError):
    """No such route, session, manifest, policy or event."""

    code = "not_found"


class CheckpointUnknown(NotFound):
    """No signed checkpoint of that tenant, or of that size."""

    code = "checkpoint_unknown"


class EventUnknown(NotFound):
    """The tenant's log has no event at that position."""

    code = "event_unknown"


class SessionUnknown(NotFound):
    """The log holds no event of this session."""

    code = "session_unknown"


class MethodNotAllowed(AegisError):
    """The route exists and does not speak this method."""

    code = "method_not_allowed"


class Conflict(AegisError):
    """Root of what another event in the log has made impossible."""

    code = "conflict"


class HeadMismatch(Conflict):
    """The request continues another head than the session has; read the head and decide again."""

    code = "head_mismatch"


class NotCovered(Conflict):
    """The event is durable, but no signed checkpoint covers it yet; ask again, with `wait_ms`."""

    code = "not_covered"


class SessionExists(Conflict):
    """The session to open has events already."""

    code = "session_exists"


class SessionTerminated(Conflict):
    """The session has ended; only results of calls allowed before are still taken."""

    code = "session_terminated"


class CallIdReused(Conflict):
    """The session has used this call id; a new call needs a new one."""

    code = "call_id_reused"


# ── Aegis itself cannot answer: deny, and try again later ────────────────────────────────────────


class Unavailable(AegisError):
    """Root of 503. No decision was made; a PEP treats it as deny."""

    code = "unavailable"


class LogUnavailable(Unavailable):
    """The events could not be made durable; if the process ended, what is on disk is not known."""

    code = "log_unavailable"


class QueueFull(Unavailable):
    """More requests wait than `QUEUE_EVENTS_MAX`; back off and try again."""

    code = "queue_full"


class EvaluatorStuck(Unavailable):
    """An evaluation ran past `EVALUATOR_STUCK_MS_MAX`; the process ends."""

    code = "evaluator_stuck"


class Stopping(Unavailable):
    """The daemon is shutting down and takes no new events."""

    code = "stopping"


class Outdated(Unavailable):
    """The tenant has the base rules of a newer build, so that a daemon of that build answers."""

    code = "daemon_outdated"


class PositionConflict(AegisError):
    """The store's head is not where the batch continues: somebody else wrote. Re-read the head."""

    code = "position_conflict"


class StoreFailed(AegisError):
    """The store refused a batch and holds nothing of it (disk full, lock lost). May pass."""

    code = "store_failed"


class SigningFailed(AegisError):
    """A checkpoint could not be signed: the key, or the command that holds it, failed."""

    code = "signing_failed"


class StoreBroken(AegisError):
    """The disk failed under the store: what is on it is not known. The process must stop."""

    code = "store_broken"


class CommitUnknown(StoreFailed):
    """The database was lost during a commit, which it may hold; the same idempotency key tells."""

    code = "commit_unknown"


class LogCorrupt(AegisError):
    """Stored bytes and their hashes or columns disagree; run `aegisctl verify`."""

    code = "log_corrupt"


class LogRolledBack(LogCorrupt):
    """The log is shorter than, or different from, what this log signed before."""

    code = "log_rolled_back"


class EvaluatorFailed(AegisError):
    """The policy evaluator failed on one input; the verdict is POLICY_ERROR, which denies."""

    code = "evaluator_failed"


class ConfigInvalid(AegisError):
    """A setting that cannot be honoured stops the start and says why."""

    code = "config_invalid"
