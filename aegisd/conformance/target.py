"""What a case is held against: a gate behind some door, asked the same things at each."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from aegisd.audit.log import Log
from aegisd.conformance.step import Json

# Who acts, as the log of a case tells it.
AUTHOR = "conformance"
REASON = "a step of a conformance pack"

# Milliseconds that a proof may be waited for: ten times what the gate lets pass until it signs.
PROOF_WAIT_MS = 10_000

NO_BACKUP = "no step before it took a backup"


class Refusal(Struct, frozen=True, kw_only=True):
    """What a gate said instead of an answer. `code` is empty where it is none of ours."""

    code: str
    message: str
    index: int | None = None


class Reply(Struct, frozen=True, kw_only=True):
    """A gate's answer: `value` as the JSON of HTTP, or the refusal.

    `status` is None at a door that has none. `replayed`: an earlier answer, given again; None at a
    door that does not tell.
    """

    value: object = None
    refusal: Refusal | None = None
    status: int | None = None
    replayed: bool | None = False


class NotJudged(Exception):
    """Whether a case holds cannot be shown on this target; the message is the sentence why."""


class Target(Protocol):
    """A gate. Where it cannot be asked at all, everything here raises `Unavailable`.

    `kind` is `in-process`, `daemon` or `server`; `engine` is the policy engine's name and version,
    None where nobody tells.
    """

    kind: str
    url: str | None
    engine: tuple[str, str] | None

    def register(self, tenant_id: str, manifest: Json) -> Reply:
        """Put a manifest in force."""

    def activate(self, tenant_id: str, files: Mapping[str, str]) -> Reply:
        """Put Rego files in force; none: the base rules alone."""

    def append(self, data: bytes, *, ndjson: bool, key: str | None) -> Reply:
        """Send the body of a `POST /v1/events`. A batch is answered with a list."""

    def check(self, tenant_id: str, session_id: str, event: Json) -> Reply:
        """Judge and record nothing."""

    def open(self, fields: Json, *, key: str | None) -> Reply:
        """Open a session. Raises `NotJudged` where the door cannot be asked so."""

    def snapshot(self, tenant_id: str, session_id: str) -> Reply:
        """The fold of a session."""

    def verify(self, tenant_id: str, session_id: str) -> Reply:
        """The gate's own check of a session."""

    def keys(self) -> Reply:
        """The log's name, and the verifier keys that sign now."""

    def checkpoint(self, tenant_id: str) -> Reply:
        """Sign now all that is durable."""

    def inclusion(self, tenant_id: str, position: int, size: int | None) -> Reply:
        """The proof of an event, in the newest checkpoint or in the one of `size`.

        Where none covers it yet, one is waited for: `PROOF_WAIT_MS` at most.
        """

    def consistency(self, tenant_id: str, first: int) -> Reply:
        """The proof that the newest checkpoint continues the tree of `first` events."""

    def log(self) -> Log:
        """The log as this door shows it."""

    def restart(self, *, kill: bool) -> None:
        """End the gate, in order or killed, and start it on the same log. Raises `NotJudged`."""

    def backup(self) -> None:
        """Copy the log's database as it lies. Raises `NotJudged`."""

    def rollback(self) -> str | None:
        """Start another gate on the backup, with the key and the guard of now, and end it.

        None where it starts, else the sentence why it does not. Raises `NotJudged`.
        """

    def close(self) -> None:
        """End what was started for the run."""
