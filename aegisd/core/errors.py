"""Every error Aegis raises on purpose. One file, so that reading it is reading the list.

`code` is API and never changes; the message is for people and may. `details` are JSON values that
travel beside the message in a problem+json answer. No message repeats a payload value: payloads
may hold secrets.
"""

from typing import ClassVar


class AegisError(Exception):
    """Root of the tree. Catch a subclass; the root is for the edges that turn errors to answers."""

    code: ClassVar[str] = "internal"

    def __init_subclass__(cls, *, code: str = "") -> None:
        super().__init_subclass__()
        cls.code = code or cls.code

    def __init__(self, message: str, **details: str | int | bool | None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


# ── the caller's request is wrong: nothing was written, the same request fails again ────────────


class InvalidRequest(AegisError, code="request_invalid"):
    """Root of what a caller must change before trying again."""


class InvalidJson(InvalidRequest, code="json_invalid"):
    """The bytes are not the strict JSON of RFC 8259 and RFC 8785 that the log can hold."""


class DuplicateKey(InvalidJson, code="json_duplicate_key"):
    """An object names one key twice, so two readers could see two different requests."""


class NumberOutOfRange(InvalidJson, code="json_number_range"):
    """A number that not every JSON reader keeps exactly; send it as a string."""


class TooDeep(InvalidJson, code="json_too_deep"):
    """Nested past `DEPTH_MAX`."""


class TooLarge(InvalidRequest, code="too_large"):
    """Past a named bound; `details` has the bound and what was found."""


class BodyTooSlow(InvalidRequest, code="body_too_slow"):
    """The body did not arrive within `BODY_SECONDS_MAX`; nothing of it was read."""


class HttpInvalid(InvalidRequest, code="http_invalid"):
    """The bytes are no HTTP/1.1 request, or do not say where one ends."""


class HeadTooLarge(InvalidRequest, code="head_too_large"):
    """The request line and headers are past `HEAD_BYTES_MAX`, or more than `HEADERS_MAX`."""


class TargetTooLong(InvalidRequest, code="target_too_long"):
    """The request line is past `REQUEST_LINE_BYTES_MAX`."""


class HeadTooSlow(InvalidRequest, code="head_too_slow"):
    """The headers were not there within `HEAD_SECONDS_MAX`; nothing of the request was read."""


class MediaTypeUnsupported(InvalidRequest, code="media_type_unsupported"):
    """The body is neither JSON nor newline-delimited JSON."""


class InvalidField(InvalidRequest, code="field_invalid"):
    """A field is missing or has the wrong type or form; `details["field"]` names it."""


class UnknownField(InvalidRequest, code="field_unknown"):
    """A field Aegis does not know; the nearest known one is named."""


class UnsupportedField(InvalidRequest, code="field_unsupported"):
    """A field that belongs to a part this version does not have; refused rather than ignored."""


class UnknownEventType(InvalidRequest, code="event_type_unknown"):
    """Not one of the event types of the log; the nearest known one is named."""


class ReservedEventType(InvalidRequest, code="event_type_reserved"):
    """An event type that only the daemon writes."""


class ReservedId(InvalidRequest, code="id_reserved"):
    """An id that starts with `$` belongs to the daemon."""


class OriginRefused(InvalidRequest, code="origin_refused"):
    """A browser page of another site sent the request; see docs/THREATS.md."""


class HashMismatch(InvalidRequest, code="hash_mismatch"):
    """The hash the caller computed is not the hash of the envelope that would be stored."""


class IdempotencyConflict(InvalidRequest, code="idempotency_conflict"):
    """The key was used before for a different request; use a new key."""


class ManifestInvalid(InvalidRequest, code="manifest_invalid"):
    """The capability manifest cannot be honoured as written; nothing of it was used."""


class PolicyInvalid(InvalidRequest, code="policy_invalid"):
    """The policy bundle does not load; the bundle in force stays in force."""


class NoteInvalid(InvalidRequest, code="note_invalid"):
    """A checkpoint, proof or verifier key is malformed, or not signed by whom it should be."""


class ExportInvalid(InvalidRequest, code="export_invalid"):
    """Not an export of a version this build reads, or a broken one."""


# ── the request is well-formed but does not fit the log as it is ─────────────────────────────────


class NotFound(AegisError, code="not_found"):
    """No such route, session, manifest, policy or event."""


class CheckpointUnknown(NotFound, code="checkpoint_unknown"):
    """No signed checkpoint of that tenant, or of that size."""


class EventUnknown(NotFound, code="event_unknown"):
    """The tenant's log has no event at that position."""


class SessionUnknown(NotFound, code="session_unknown"):
    """The log holds no event of this session."""


class NothingKept(NotFound, code="nothing_kept"):
    """No value is kept of the subject that was to be erased, and whoever asked expected some."""


class MethodNotAllowed(AegisError, code="method_not_allowed"):
    """The route exists and does not speak this method."""


class Conflict(AegisError, code="conflict"):
    """Root of what another event in the log has made impossible."""


class HeadMismatch(Conflict, code="head_mismatch"):
    """The request continues another head than the session has; read the head and decide again."""


class ClockNotOff(Conflict, code="clock_not_off"):
    """The clock is within its bounds, so there is nothing for an operator to correct."""


class NotCovered(Conflict, code="not_covered"):
    """The event is durable, but no signed checkpoint covers it yet; ask again, with `wait_ms`."""


class SessionExists(Conflict, code="session_exists"):
    """The session to open has events already."""


class SessionTerminated(Conflict, code="session_terminated"):
    """The session has ended; only results of calls allowed before are still taken."""


class CallIdReused(Conflict, code="call_id_reused"):
    """The session has used this call id; a new call needs a new one."""


# ── Aegis itself cannot answer: deny, and try again later ────────────────────────────────────────


class Unavailable(AegisError, code="unavailable"):
    """Root of 503. No decision was made; a PEP treats it as deny."""


class LogUnavailable(Unavailable, code="log_unavailable"):
    """The events could not be made durable; if the process ended, what is on disk is not known."""


class QueueFull(Unavailable, code="queue_full"):
    """More requests wait than `QUEUE_EVENTS_MAX`; back off and try again."""


class Busy(Unavailable, code="busy"):
    """A bound of all callers, or of one tenant beside others, is reached; nothing was done."""


class Stopping(Unavailable, code="stopping"):
    """The daemon is shutting down and takes no new events."""


class Outdated(Unavailable, code="daemon_outdated"):
    """The tenant has the base rules of a newer build, so that a daemon of that build answers."""


class PositionConflict(AegisError, code="position_conflict"):
    """The store's head is not where the batch continues: somebody else wrote. Re-read the head."""


class StoreFailed(AegisError, code="store_failed"):
    """The store refused a batch and holds nothing of it (disk full, lock lost). May pass."""


class SigningFailed(AegisError, code="signing_failed"):
    """A checkpoint could not be signed: the key, or the command that holds it, failed."""


class StoreBroken(AegisError, code="store_broken"):
    """The disk failed under the store: what is on it is not known. The process must stop."""


class CommitUnknown(StoreFailed, code="commit_unknown"):
    """The database was lost during a commit, which it may hold; the same idempotency key tells."""


class LogCorrupt(AegisError, code="log_corrupt"):
    """Stored bytes and their hashes or columns disagree; run `aegisctl verify`."""


class LogRolledBack(LogCorrupt, code="log_rolled_back"):
    """The log is shorter than, or different from, what this log signed before."""


class EvaluatorFailed(AegisError, code="evaluator_failed"):
    """The policy evaluator failed on one input; the verdict is POLICY_ERROR, which denies."""


class RuleFailed(EvaluatorFailed, code="rule_failed"):
    """A rule failed on one input. The message names file, line and kind, and repeats no value."""


class EvaluatorStuck(EvaluatorFailed, code="evaluator_stuck"):
    """An evaluation did not end within its bound of time."""


class ConfigInvalid(AegisError, code="config_invalid"):
    """A setting that cannot be honoured stops the start and says why."""


class NotNow(ConfigInvalid, code="not_now"):
    """What stops a start may pass: an address or a log in use, a database that is away."""


class WrongFile(ConfigInvalid, code="file_wrong"):
    """A file or database is there, and is not what was asked for: another kind, or no log."""


class UnknownVersion(WrongFile, code="version_unknown"):
    """A log by its own marks, of a version that this build does not read."""
