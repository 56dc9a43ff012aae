"""The steps of a case, one shape per verb: the vocabulary of packs on one page.

Text of a step may hold `{tenant}`, `{session}`, `{n}` and names that a step before it saved.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

# Times one step may send its request: the largest budget worth reaching, reached in seconds.
REPEAT_MAX = 10_000

# Events of a batch in a pack: one past what the gate takes in one request.
BATCH_EVENTS_MAX = 1_001

Json = dict[str, object]
Text = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=0)]
# A number, or the text `{name}` of a number that was saved.
Number = Count | Annotated[str, Meta(pattern=r"^\{[a-z][a-z0-9_]*\}$")]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Saves = dict[Name, Text]


class Shape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Read strictly: a member that nobody declared is a fault of the pack."""


class Received(Shape, frozen=True, kw_only=True):
    """What one receipt must say. Only what is named is compared.

    `outcome` null: recorded and not judged. `reasons`, `rules` and `where` are the codes, rule
    names and JSON pointers of all reasons in order.
    """

    outcome: Literal["allow", "deny", "require_approval"] | UnsetType | None = UNSET
    reason: str | UnsetType = UNSET
    reasons: list[str] | UnsetType = UNSET
    rules: list[str] | UnsetType = UNSET
    where: list[str] | UnsetType = UNSET
    constraints: Json | UnsetType = UNSET
    obligations: list[Json] | UnsetType = UNSET
    advice: list[Json] | UnsetType = UNSET
    seq: Number | UnsetType = UNSET
    call_id: str | UnsetType | None = UNSET
    digest: str | UnsetType = UNSET
    same_as: Name | UnsetType = UNSET


class Answered(Received, frozen=True, kw_only=True):
    """What the answer to a request must be.

    `code`: refused, with this stable code, at `index` of a batch. `status` is HTTP's and judged
    over HTTP only. `items`: one expectation per receipt of a batch.
    """

    status: Annotated[int, Meta(ge=100, le=599)] | UnsetType = UNSET
    code: Text | UnsetType = UNSET
    index: Count | UnsetType = UNSET
    replayed: bool | UnsetType = UNSET
    items: list[Received] | UnsetType = UNSET


class Listed(Shape, frozen=True, kw_only=True):
    """What the stored events of a session must be: their types in order, or how many."""

    types: list[str] | UnsetType = UNSET
    count: Count | UnsetType = UNSET


class Verified(Shape, frozen=True, kw_only=True):
    """Whether the log holds; where not, the rule of one break, and the seq it is at.

    `level` is what a log that holds rests on; SIGNED where a key was brought along and nothing else
    is said.
    """

    holds: bool
    rule: Text | UnsetType = UNSET
    place: Count | UnsetType = UNSET
    level: Literal["CHAIN", "SIGNED"] | UnsetType = UNSET


class Told(Shape, frozen=True, kw_only=True):
    """What the answer of a question about evidence must be: accepted, or refused with `code`."""

    status: Annotated[int, Meta(ge=100, le=599)] | UnsetType = UNSET
    code: Text | UnsetType = UNSET


class Signed(Told, frozen=True, kw_only=True):
    """What a checkpoint must be, beyond what each must be: the very one that was saved before."""

    same_as: Name | UnsetType = UNSET


class Proved(Told, frozen=True, kw_only=True):
    """Whether the proof shows the event that it is held against."""

    holds: bool = True


class Started(Shape, frozen=True, kw_only=True):
    """Whether a gate starts; where not, text of the sentence that says why."""

    starts: bool
    says: Text | UnsetType = UNSET


class Replayed(Shape, frozen=True, kw_only=True, rename={"klass": "class"}):
    """Whether each decision comes out again; how many there are, and how many differ."""

    holds: bool
    decisions: Count | UnsetType = UNSET
    differences: Count | Literal["some"] | UnsetType = UNSET
    klass: Literal["tampered", "upgrade", "fault", "unreplayable"] | UnsetType = UNSET


class StepText(Shape, frozen=True, kw_only=True):
    """What every step may say: the session it is about, where that is not the case's own `s1`."""

    session: Text | UnsetType = UNSET


class Request(StepText, frozen=True, kw_only=True):
    """A step that the gate answers. Without `expect` it must be accepted.

    With `repeat` it is sent so many times, `{n}` counting from 0; each answer must be as expected.
    """

    repeat: Annotated[int, Meta(ge=1, le=REPEAT_MAX)] = 1
    expect: Answered = Answered()
    save: Saves = {}


class KeyedRequest(Request, frozen=True, kw_only=True):
    """A request that may be sent again under its `Idempotency-Key`."""

    key: str | UnsetType = UNSET


class ManifestStep(Request, frozen=True, kw_only=True):
    """Put a manifest of the pack in force."""

    manifest: Text


class PolicyStep(Request, frozen=True, kw_only=True):
    """Put rules of the pack in force; null: the base rules alone."""

    policy: Text | None


class PostStep(KeyedRequest, frozen=True, kw_only=True):
    """Record one event, or a batch. Tenant and session are filled in where they are left out."""

    post: Json | Annotated[list[Json], Meta(max_length=BATCH_EVENTS_MAX)]


class RawStep(KeyedRequest, frozen=True, kw_only=True):
    """Send bytes as they are written here, in UTF-8."""

    raw: str
    ndjson: bool = False


class RawBase64Step(KeyedRequest, frozen=True, kw_only=True):
    """Send bytes that are no text, in base64."""

    raw_base64: str
    ndjson: bool = False


class CheckStep(Request, frozen=True, kw_only=True):
    """Judge an event on live state and record nothing."""

    check: Json


class OpenStep(KeyedRequest, frozen=True, kw_only=True):
    """Open a session."""

    open: Json


class SnapshotStep(StepText, frozen=True, kw_only=True):
    """The fold of a session (null: the step's), compared in the fields that are named.

    `status` and `code` are of the answer, where there is no such session.
    """

    snapshot: Text | None
    expect: Json = {}
    save: Saves = {}


class EventsStep(StepText, frozen=True, kw_only=True):
    """The stored events of a session (null: the step's) in order."""

    events: Text | None
    expect: Listed = Listed()


class Restart(Shape, frozen=True, kw_only=True):
    """How the gate ends: in order, or killed."""

    kill: bool = False


class RestartStep(StepText, frozen=True, kw_only=True):
    """End the gate and start it on the same log."""

    restart: Restart


class At(Shape, frozen=True, kw_only=True):
    """An event of the session."""

    seq: Count


class Replacement(Shape, frozen=True, kw_only=True, rename={"old": "from", "new": "to"}):
    """Text of a line, found exactly once, and what stands there afterwards."""

    old: Text
    new: str


class EventReplacement(Replacement, frozen=True, kw_only=True):
    """Text of one event, and what stands there afterwards."""

    seq: Count


class Nothing(Shape, frozen=True, kw_only=True):
    """Nothing to say: `{}`."""


class Tampering(Shape, frozen=True, kw_only=True):
    """One edit of an export of the tenant's log. Exactly one of them.

    The trailer's SHA-256 is made to fit again, as a forger would; `rechain` makes every later link
    and head fit too, `cut` the heads and the count; `trailer` changes the trailer as told. `note`
    changes the checkpoint, `unsigned` leaves it out, and `resign` makes one that fits, with a key
    of the forger's own.
    """

    edit: EventReplacement | UnsetType = UNSET
    rechain: EventReplacement | UnsetType = UNSET
    delete: At | UnsetType = UNSET
    truncate: At | UnsetType = UNSET
    swap: At | UnsetType = UNSET
    repeat: At | UnsetType = UNSET
    header: Replacement | UnsetType = UNSET
    trailer: Replacement | UnsetType = UNSET
    cut: At | UnsetType = UNSET
    note: Replacement | UnsetType = UNSET
    unsigned: Nothing | UnsetType = UNSET
    resign: Nothing | UnsetType = UNSET


class TamperStep(StepText, frozen=True, kw_only=True):
    """Change an export of the log; `verify` and `replay` read the changed copy from here on."""

    tamper: Tampering


class Against(Shape, frozen=True, kw_only=True):
    """What an auditor brings along: the log's key, or also the checkpoints that the case kept."""

    against: Literal["key", "kept"] | UnsetType = UNSET


class VerifyStep(StepText, frozen=True, kw_only=True):
    """Check the export; where it was not tampered with, the gate's own check too."""

    verify: Against
    expect: Verified = Verified(holds=True)


class ReplayStep(StepText, frozen=True, kw_only=True):
    """Verify the export and decide it again."""

    replay: Nothing
    expect: Replayed = Replayed(holds=True)


class CheckpointStep(StepText, frozen=True, kw_only=True):
    """Ask the gate to sign now, and keep what it signed.

    Whatever else is expected, the log's key must have signed it, over exactly the events there are.
    From here on an export carries the newest checkpoint that was kept.
    """

    checkpoint: Nothing
    expect: Signed = Signed()
    save: Saves = {}


class Proof(Shape, frozen=True, kw_only=True):
    """Which event is to be proved, all of the session where none is named.

    `size` names an older checkpoint; `of` is the event that the proof is held against instead.
    """

    seq: Count | UnsetType = UNSET
    size: Number | UnsetType = UNSET
    of: Count | UnsetType = UNSET


class ProveStep(StepText, frozen=True, kw_only=True):
    """Let the gate prove that events are in its signed tree, waiting for a checkpoint."""

    prove: Proof
    expect: Proved = Proved()


class Earlier(Shape, frozen=True, kw_only=True, rename={"note": "from"}):
    """The checkpoint to go on from: a note that was saved, or the first that was kept."""

    note: Text | UnsetType = UNSET


class ContinuesStep(StepText, frozen=True, kw_only=True):
    """Let the gate prove that its newest checkpoint continues an earlier one."""

    continues: Earlier
    expect: Told = Told()


class BackupStep(StepText, frozen=True, kw_only=True):
    """Copy the log's database as it lies."""

    backup: Nothing


class RollbackStep(StepText, frozen=True, kw_only=True):
    """Start another gate on the backup, with the key and the guard as they are now."""

    rollback: Nothing
    expect: Started


SHAPES: dict[str, type[StepText]] = {
    "manifest": ManifestStep,
    "policy": PolicyStep,
    "post": PostStep,
    "raw": RawStep,
    "raw_base64": RawBase64Step,
    "check": CheckStep,
    "open": OpenStep,
    "snapshot": SnapshotStep,
    "events": EventsStep,
    "restart": RestartStep,
    "tamper": TamperStep,
    "verify": VerifyStep,
    "replay": ReplayStep,
    "checkpoint": CheckpointStep,
    "prove": ProveStep,
    "continues": ContinuesStep,
    "backup": BackupStep,
    "rollback": RollbackStep,
}
