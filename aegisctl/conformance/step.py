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


class Received(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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


class Listed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the stored events of a session must be: their types in order, or how many."""

    types: list[str] | UnsetType = UNSET
    count: Count | UnsetType = UNSET


class Verified(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether the log holds; where not, the rule of one break, and the seq it is at."""

    holds: bool
    rule: Text | UnsetType = UNSET
    place: Count | UnsetType = UNSET


class Replayed(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"klass": "class"}
):
    """Whether each decision comes out again; how many there are, and how many differ."""

    holds: bool
    decisions: Count | UnsetType = UNSET
    differences: Count | Literal["some"] | UnsetType = UNSET
    klass: Literal["tampered", "upgrade", "fault", "unreplayable"] | UnsetType = UNSET


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every step may say: the session it is about, where that is not the case's own `s1`."""

    session: Text | UnsetType = UNSET


class Request(Step, frozen=True, kw_only=True):
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


class SnapshotStep(Step, frozen=True, kw_only=True):
    """The fold of a session (null: the step's), compared in the fields that are named.

    `status` and `code` are of the answer, where there is no such session.
    """

    snapshot: Text | None
    expect: Json = {}
    save: Saves = {}


class EventsStep(Step, frozen=True, kw_only=True):
    """The stored events of a session (null: the step's) in order."""

    events: Text | None
    expect: Listed = Listed()


class Restart(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the gate ends: in order, or killed."""

    kill: bool = False


class RestartStep(Step, frozen=True, kw_only=True):
    """End the gate and start it on the same log."""

    restart: Restart


class At(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event of the session."""

    seq: Count


class Replacement(
    Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"old": "from", "new": "to"},
):
    """Text of a line, found exactly once, and what stands there afterwards."""

    old: Text
    new: str


class EventReplacement(Replacement, frozen=True, kw_only=True):
    """Text of one event, and what stands there afterwards."""

    seq: Count


class Tampering(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One edit of an export of the tenant's log. Exactly one of them.

    The trailer's SHA-256 is made to fit again, as a forger would; `rechain` makes every later link
    and head fit too; `trailer` changes the trailer as told.
    """

    edit: EventReplacement | UnsetType = UNSET
    rechain: EventReplacement | UnsetType = UNSET
    delete: At | UnsetType = UNSET
    truncate: At | UnsetType = UNSET
    swap: At | UnsetType = UNSET
    repeat: At | UnsetType = UNSET
    header: Replacement | UnsetType = UNSET
    trailer: Replacement | UnsetType = UNSET


class TamperStep(Step, frozen=True, kw_only=True):
    """Change an export of the log; `verify` and `replay` read the changed copy from here on."""

    tamper: Tampering


class Nothing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to say: `{}`."""


class VerifyStep(Step, frozen=True, kw_only=True):
    """Check the export; where it was not tampered with, the gate's own check too."""

    verify: Nothing
    expect: Verified = Verified(holds=True)


class ReplayStep(Step, frozen=True, kw_only=True):
    """Verify the export and decide it again."""

    replay: Nothing
    expect: Replayed = Replayed(holds=True)


Action = (
    ManifestStep
    | PolicyStep
    | PostStep
    | RawStep
    | RawBase64Step
    | CheckStep
    | OpenStep
    | SnapshotStep
    | EventsStep
    | RestartStep
    | TamperStep
    | VerifyStep
    | ReplayStep
)

SHAPES: dict[str, type[Action]] = {
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
}
