"""Events decided but not yet durable: one piece of work, staged on the state before it."""

import os
from collections.abc import Callable

import msgspec
from msgspec import Raw, Struct

from aegisd.core.decide import Admission, Grounds, admit, check_hash, decide, decided, record
from aegisd.core.errors import ManifestInvalid, SessionExists, SessionUnknown
from aegisd.core.events import CONTROL_SESSION, PayloadErased, PolicyDecision, SessionOpened
from aegisd.core.log.canonical import encode as canonical
from aegisd.core.log.detached import SALT_BYTES, Value, detach
from aegisd.core.log.envelope import Envelope, StoredEvent, seal
from aegisd.core.manifest.capabilities import NONE, Capabilities
from aegisd.core.manifest.sensitive import UNREADABLE, found
from aegisd.core.policy.input import Moment, PolicyInput, beside, build, facts, snapshot
from aegisd.core.policy.judge import Judge
from aegisd.core.policy.redaction import redact
from aegisd.core.policy.verdict import Verdict, failed
from aegisd.core.proposal import Proposal, with_payload
from aegisd.core.state.fold import fold_session, fold_tenant, tool_of
from aegisd.core.state.model import Fact, SessionState, TenantState
from aegisd.engine.work import Answer, Control, Erase, OpenSession
from aegisd.ports import Clock, Detached, Document


class Parted(Struct, frozen=True, kw_only=True):
    """A proposal as it is judged and as it is recorded, and the values in which they differ.

    `secret` are the pointers of those that are not kept either.
    """

    proposal: Proposal
    recorded: Proposal
    values: tuple[Value, ...] = ()
    secret: frozenset[str] = frozenset()


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
        self.events: list[StoredEvent] = []
        self.documents: list[Document] = []
        self.detached: list[Detached] = []
        self.erased: list[str] = []
        self._session = session
        self._judge = judge
        self._clock = clock
        self._now_ms = now_ms

    def propose(self, proposal: Proposal) -> Answer:
        """Judge and stage one event. Raises a `Conflict` when it cannot follow."""
        session = self._of(proposal.session_id)
        bundle = self.tenant.bundle.digest if self.tenant.bundle else ""
        admission = admit(session, proposal, self._judge.released(bundle))
        told = self._parted(session, proposal)
        envelope = record(session, told.recorded, Moment(now_ms=self._now_ms))
        judged = admission is Admission.JUDGE
        decision_of = self._decision(session, told) if judged else None
        event = self._append(envelope, told.recorded.payload)
        check_hash(proposal, event)
        kept = self._keep(event, told)
        if decision_of is None:
            return Answer(event=event, detached=kept)
        behind = decided(envelope, decision_of)
        outcome = {"call_id": decision_of.call_id, "outcome": decision_of.outcome}
        decision = self._append(behind, {**outcome, "now_ms": self._now_ms})
        return Answer(event=event, decision=decision, detached=kept)

    def check(self, proposal: Proposal) -> Verdict | None:
        """Judge one event and stage nothing. Raises `SessionUnknown` before the first event."""
        session = self._of(proposal.session_id)
        if session.next_seq == 0:
            raise SessionUnknown(f"the log has no session {proposal.session_id}")
        bundle = self.tenant.bundle.digest if self.tenant.bundle else ""
        if admit(session, proposal, self._judge.released(bundle)) is Admission.RECORD:
            return None
        told = self._parted(session, proposal)
        return redact(self._verdict(session, told)[0], told.values)

    def open(self, work: OpenSession) -> Answer:
        """Stage SESSION_OPENED. Raises `SessionExists` for a session with events."""
        if self._of(work.session_id).next_seq:
            raise SessionExists(
                f"session {work.session_id} has events already", session_id=work.session_id
            )
        optional: dict[str, str] = {}
        if work.agent_id is not None:
            optional["agent_id"] = work.agent_id
        if work.idempotency_key is not None:
            optional["idempotency_key"] = work.idempotency_key
        payload = SessionOpened(meta=work.meta, now_ms=self._now_ms)
        return Answer(
            event=self._append(
                self._envelope("SESSION_OPENED", work.session_id, payload, work.user_id, optional),
                msgspec.to_builtins(payload),
            )
        )

    def control(self, work: Control) -> Answer:
        """Stage an operator's act, with the document it brings."""
        payload = work.payload(self._now_ms)
        envelope = self._envelope(work.event_type, CONTROL_SESSION, payload, "", {})
        if work.document is not None:
            self.documents.append(work.document)
        return Answer(event=self._append(envelope, msgspec.to_builtins(payload)))

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

    def _parted(self, session: SessionState, proposal: Proposal) -> Parted:
        """The proposal, and what of it is recorded: without what the manifest keeps apart."""
        capabilities = self._judge.capabilities(
            self.tenant.manifest.digest if self.tenant.manifest else ""
        )
        payload, size = proposal.payload, len(proposal.body)
        if capabilities is None:
            places = found(UNREADABLE, payload, size)
        else:
            tool = tool_of(session, payload) if isinstance(payload, dict) else None
            places = capabilities.sensitive.found(proposal.event_type, payload, size, tool)
        if not places:
            return Parted(proposal=proposal, recorded=proposal)
        salts = [os.urandom(SALT_BYTES) for _ in places]
        stored, values = detach(payload, list(places), salts)
        return Parted(
            proposal=proposal,
            recorded=with_payload(proposal, stored),
            values=values,
            secret=frozenset(place for place, kind in places.items() if kind == "secret"),
        )

    def _keep(self, event: StoredEvent, told: Parted) -> tuple[Detached, ...]:
        """Stage the values beside an event. Secrets are for the policy's eyes alone."""
        kept = tuple(
            Detached(
                tenant_id=event.tenant_id,
                position=event.position,
                pointer=value.pointer,
                subject=event.user_id or event.session_id,
                salt=value.salt,
                value=value.value,
            )
            for value in told.values
            if value.pointer not in told.secret
        )
        self.detached += kept
        return kept

    def _of(self, session_id: str) -> SessionState:
        return self.sessions.get(session_id) or self._session(session_id)

    def _decision(self, session: SessionState, told: Parted) -> PolicyDecision:
        verdict, policy_input, moment = self._verdict(session, told)
        name, version = self._judge.evaluator()
        grounds = Grounds(
            bundle=self.tenant.bundle.digest if self.tenant.bundle else "",
            manifest=self.tenant.manifest.digest if self.tenant.manifest else "",
            evaluator=name,
            evaluator_version=version,
            rules_version=self._judge.rules_version,
            moment=moment,
        )
        return decide(told.recorded, session.next_seq, verdict, policy_input, grounds)

    def _verdict(self, session: SessionState, told: Parted) -> tuple[Verdict, PolicyInput, Moment]:
        manifest = self.tenant.manifest.digest if self.tenant.manifest else ""
        bundle = self.tenant.bundle.digest if self.tenant.bundle else ""
        capabilities = self._judge.capabilities(manifest)
        moment = self._moment(capabilities)
        counters = snapshot(session, self._now_ms)
        across = facts(self.tenant, told.proposal.agent_id)

        def made_of(proposal: Proposal) -> PolicyInput:
            at = moment or Moment(now_ms=self._now_ms)
            return build(proposal, session.next_seq, counters, across, capabilities or NONE, at)

        policy_input = made_of(told.proposal)
        if told.values:
            policy_input = beside(policy_input, made_of(told.recorded), told.values)
        if capabilities is None or moment is None:
            return failed("error"), policy_input, Moment(now_ms=self._now_ms)
        verdict = self._judge.judge(bundle, manifest, policy_input)
        return verdict or failed("error"), policy_input, moment

    def _moment(self, capabilities: Capabilities | None) -> Moment | None:
        """The writer's time in the manifest's zone; None where this machine cannot tell."""
        if capabilities is None:
            return None
        try:
            offset = self._clock.utc_offset_s(capabilities.manifest.zone, self._now_ms)
        except ManifestInvalid:
            return None
        return Moment(now_ms=self._now_ms, utc_offset_s=offset)

    def _envelope(
        self,
        event_type: str,
        session_id: str,
        payload: Struct,
        user_id: str,
        optional: dict[str, str],
    ) -> Envelope:
        return Envelope(
            event_type=event_type,
            payload=Raw(canonical(msgspec.to_builtins(payload))),
            seq=self._of(session_id).next_seq,
            session_id=session_id,
            tenant_id=self.tenant.tenant_id,
            ts_unix_ms=self._now_ms,
            user_id=user_id,
            **optional,
        )

    def _append(self, envelope: Envelope, payload: object) -> StoredEvent:
        session = self._of(envelope.session_id)
        event = seal(envelope, self.tenant.next_position, session.head_hash)
        seen = Fact(
            position=event.position,
            session_id=event.session_id,
            seq=event.seq,
            hash=event.hash,
            event_type=event.event_type,
            agent_id=event.agent_id,
            payload=payload,
        )
        self.sessions[event.session_id] = fold_session(session, seen)
        self.tenant = fold_tenant(self.tenant, seen)
        self.events.append(event)
        return event
