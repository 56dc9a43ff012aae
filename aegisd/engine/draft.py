"""Events decided but not yet durable: one piece of work, staged on the state before it."""

import os
from collections.abc import Callable
from functools import partial

from aegisd.core import gate
from aegisd.core.custody import PayloadErased
from aegisd.core.errors import ManifestInvalid, SessionExists, SessionUnknown
from aegisd.core.gate import InForce, Question, States, Step
from aegisd.core.lifetime import SessionOpened
from aegisd.core.log.detached import SALT_BYTES
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.policy.judge import Judge, maker
from aegisd.core.policy.verdict import Verdict
from aegisd.core.proposal import Proposal
from aegisd.core.shapes.identifier import CONTROL_SESSION
from aegisd.core.state.model import SessionState, TenantState
from aegisd.engine.work import Answer, Control, Erase, OpenSession
from aegisd.ports import Clock, Detached, Document

_salt = partial(os.urandom, SALT_BYTES)


class Draft:
    """Stages one piece of work. Drop it and nothing happened; take its parts and it did."""

    def __init__(
        self,
        tenant: TenantState,
        session: Callable[[str], SessionState],
        judge: Judge,
        clock: Clock,
        now_ms: int,
    ) -> None:
        self.tenant = tenant
        self.sessions: dict[str, SessionState] = {}
        self.events = list[StoredEvent]()
        self.documents: list[Document] = []
        self.detached: list[Detached] = []
        self.erased: list[str] = []
        self._session = session
        self._judge = judge
        self._clock = clock
        self._now_ms = now_ms

    def propose(self, proposal: Proposal) -> Answer:
        """Judge and stage one event. Raises a `Conflict` when it cannot follow."""
        states, question = self._asked(proposal)
        verdict = gate.answer(question, self._judge)
        step = gate.settle(states, question, verdict, maker(self._judge))
        self._take(step)
        kept = tuple(
            Detached(
                tenant_id=question.cause.tenant_id,
                position=question.cause.position,
                pointer=value.pointer,
                subject=question.cause.user_id or question.cause.session_id,
                salt=value.salt,
                value=value.value,
            )
            for value in step.values
        )
        self.detached += kept
        event, *behind = step.events
        return Answer(event=event, decision=behind[0] if behind else None, detached=kept)

    def check(self, proposal: Proposal) -> Verdict | None:
        """Judge one event and stage nothing. Raises `SessionUnknown` before the first event."""
        if self._of(proposal.session_id).next_seq == 0:
            raise SessionUnknown(f"the log has no session {proposal.session_id}")
        _states, question = self._asked(proposal)
        return gate.answer(question, self._judge)

    def open(self, work: OpenSession) -> Answer:
        """Stage SESSION_OPENED. Raises `SessionExists` for a session with events."""
        if self._of(work.session_id).next_seq:
            raise SessionExists(
                f"session {work.session_id} has events already", session_id=work.session_id
            )
        payload = SessionOpened(meta=work.meta, now_ms=self._now_ms)
        step = gate.note(
            self._states(work.session_id),
            "SESSION_OPENED",
            payload,
            self._now_ms,
            user_id=work.user_id,
            agent_id=work.agent_id,
            idempotency_key=work.idempotency_key,
        )
        self._take(step)
        return Answer(event=step.events[0])

    def control(self, work: Control) -> Answer:
        """Stage an operator's act, with the document it brings."""
        if work.document is not None:
            self.documents.append(work.document)
        states = self._states(CONTROL_SESSION)
        step = gate.note(states, work.event_type, work.payload(self._now_ms), self._now_ms)
        self._take(step)
        return Answer(event=step.events[0])

    def erase(self, work: Erase, values: int) -> Answer:
        """Stage PAYLOAD_ERASED and the deletion of the subject's `values`, in one commit."""
        act = Control(
            event_type="PAYLOAD_ERASED",
            payload=lambda now_ms: PayloadErased(
                author=work.author,
                now_ms=now_ms,
                reason=work.reason,
                subject=work.subject,
                values=values,
            ),
        )
        self.erased.append(work.subject)
        return self.control(act)

    def _asked(self, proposal: Proposal) -> tuple[States, Question]:
        states = self._states(proposal.session_id)
        held = gate.in_force(states.tenant, self._judge)
        question = gate.ask(
            states,
            proposal,
            held,
            now_ms=self._now_ms,
            utc_offset_s=self._utc_offset_s(held),
            salt=_salt,
        )
        return states, question

    def _utc_offset_s(self, held: InForce) -> int | None:
        """Seconds east of UTC in the manifest's zone; None where this machine cannot tell."""
        if held.capabilities is None:
            return None
        try:
            return self._clock.utc_offset_s(held.capabilities.manifest.zone, self._now_ms)
        except ManifestInvalid:
            return None

    def _take(self, step: Step) -> None:
        self.tenant = step.states.tenant
        self.sessions[step.states.session.session_id] = step.states.session
        self.events += step.events

    def _states(self, session_id: str) -> States:
        return States(tenant=self.tenant, session=self._of(session_id))

    def _of(self, session_id: str) -> SessionState:
        return self.sessions.get(session_id) or self._session(session_id)
