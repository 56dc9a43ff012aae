"""Events decided but not yet durable: one command, staged on the states before it."""

import os
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from msgspec import Struct

from aegisd.core import gate
from aegisd.core.act import Act
from aegisd.core.errors import ManifestInvalid, SessionUnknown
from aegisd.core.gate import InForce, Question, States, Step
from aegisd.core.log.detached import SALT_BYTES, subject_of
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.policy.judge import Judge, maker
from aegisd.core.policy.verdict import Verdict
from aegisd.core.proposal import Proposal
from aegisd.core.state.model import SessionState, TenantState
from aegisd.engine.reckoning import Reading
from aegisd.engine.recorded import Recorded
from aegisd.ports import Clock
from aegisd.rows import Detached, Document, Place

_salt = partial(os.urandom, SALT_BYTES)


class Known(Protocol):
    """What a command may ask of the log before it: staged, committing and durable alike."""

    def session(self, session_id: str) -> SessionState:
        """The fold of a session; empty for one without events."""

    def recorded(self, key: str) -> Sequence[Recorded]:
        """What was answered under an idempotency key before."""


class Stage:
    """Stages one command. Drop it and nothing happened; take its parts and it did.

    `reading` is the writer's time, the same for a whole batch, and `now_ms` what is recorded of it.
    """

    events: list[StoredEvent]

    def __init__(
        self, tenant: TenantState, known: Known, judge: Judge, clock: Clock, reading: Reading
    ) -> None:
        self.tenant = tenant
        self.reading, self.now_ms = reading, reading.now_ms
        self.sessions: dict[str, SessionState] = {}
        self.events = []
        self.documents: list[Document] = []
        self.detached: list[Detached] = []
        self.erased: list[Place] = []
        self.keyed: dict[str, Sequence[Recorded]] = {}
        self._known, self._judge, self._clock = known, judge, clock

    # ── what commands read ──────────────────────────────────────────────────────────────────────

    def session(self, session_id: str) -> SessionState:
        """The fold of a session, with what this stage holds."""
        return self.sessions.get(session_id) or self._known.session(session_id)

    def recorded(self, key: str | None) -> Sequence[Recorded]:
        """What was answered under a key before; nothing without a key."""
        return () if key is None else self._known.recorded(key)

    # ── what commands write ─────────────────────────────────────────────────────────────────────

    def propose(self, proposal: Proposal) -> Recorded:
        """Judge and stage one event. Raises a `Conflict` when it cannot follow."""
        states, question = self._asked(proposal)
        verdict = gate.answer(question, self._judge)
        step = gate.settle(states, question, verdict, maker(self._judge))
        cause = question.cause
        kept = tuple(
            Detached(
                tenant_id=cause.tenant_id,
                position=cause.position,
                pointer=value.pointer,
                subject=subject_of(cause.user_id, cause.session_id),
                salt=value.salt,
                value=value.value,
            )
            for value in step.values
        )
        self.detached += kept
        return self._taken(step, kept)

    def check(self, proposal: Proposal) -> Verdict | None:
        """Judge one event and stage nothing. Raises `SessionUnknown` before the first event."""
        if self.session(proposal.session_id).next_seq == 0:
            raise SessionUnknown(f"the log has no session {proposal.session_id}")
        _states, question = self._asked(proposal)
        return gate.answer(question, self._judge)

    def note(
        self,
        event_type: str,
        session_id: str,
        payload: Struct,
        *,
        user_id: str = "",
        agent_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Recorded:
        """Stage an event of the daemon's own."""
        step = gate.note(
            self._states(session_id),
            event_type,
            payload,
            self.now_ms,
            user_id=user_id,
            agent_id=agent_id,
            idempotency_key=idempotency_key,
        )
        return self._taken(step)

    def remember(self, key: str | None, answers: Sequence[Recorded]) -> None:
        """Keep what is answered under a key, for a retry that comes before the commit."""
        if key is not None:
            self.keyed[key] = answers

    def _asked(self, proposal: Proposal) -> tuple[States, Question]:
        states = self._states(proposal.session_id)
        held = gate.in_force(states.tenant, self._judge)
        question = gate.ask(
            states,
            proposal,
            held,
            now_ms=self.now_ms,
            utc_offset_s=self._utc_offset_s(held),
            clock_off_ms=self.reading.off_ms,
            salt=_salt,
        )
        return states, question

    def _utc_offset_s(self, held: InForce) -> int | None:
        """Seconds east of UTC in the manifest's zone; None where this machine cannot tell."""
        if held.capabilities is None:
            return None
        try:
            return self._clock.utc_offset_s(held.capabilities.manifest.zone, self.now_ms)
        except ManifestInvalid:
            return None

    def _taken(self, step: Step, kept: tuple[Detached, ...] = ()) -> Recorded:
        self.tenant = step.states.tenant
        self.sessions[step.states.session.session_id] = step.states.session
        self.events += step.events
        cause, *consequences = step.events
        return Recorded(act=Act(cause=cause, consequences=tuple(consequences)), detached=kept)

    def _states(self, session_id: str) -> States:
        return States(tenant=self.tenant, session=self.session(session_id))
