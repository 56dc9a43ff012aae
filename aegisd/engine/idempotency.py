"""Retries: the same request under the same key gets the recorded answer, another one is refused."""

from collections.abc import Iterable

from msgspec import UNSET

from aegisd.core.errors import IdempotencyConflict
from aegisd.core.log.canonical import encode as canonical
from aegisd.core.log.detached import BEGINS, Value
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.proposal import same_request
from aegisd.core.state.fold import fact
from aegisd.engine.work import Answer, Append, OpenSession, Reply
from aegisd.ports import Detached, EventReader


def recorded(store: EventReader, tenant_id: str, key: str) -> list[Answer]:
    """What was answered under a key before, from the log; empty for a key never used."""
    return [_answer(store, event) for event in store.by_idempotency_key(tenant_id, key)]


def key_of(work: Append | OpenSession) -> str | None:
    """The key that work comes under, if any."""
    if isinstance(work, OpenSession):
        return work.idempotency_key
    return work.proposals[0].idempotency_key


def _answer(store: EventReader, event: StoredEvent) -> Answer:
    following = store.events(event.tenant_id, from_position=event.position + 1, limit=1)
    behind = next(following, None)
    if behind is not None and behind.event_type != "POLICY_DECISION":
        behind = None
    kept = store.detached(event.tenant_id, event.position) if BEGINS in event.body else ()
    return Answer(event=event, decision=behind, detached=tuple(kept))


def replayed(work: Append | OpenSession, recorded: list[Answer]) -> Reply:
    """The recorded answers, if the work asks for exactly what was recorded.

    Raises `IdempotencyConflict` where it does not, and where nobody can tell any more.
    """
    if isinstance(work, OpenSession):
        same = len(recorded) == 1 and _same_opening(work, recorded[0].event)
    else:
        same = len(recorded) == len(work.proposals) and all(
            same_request(proposal, answer.event, values(answer.detached))
            for proposal, answer in zip(work.proposals, recorded, strict=True)
        )
    if not same:
        raise IdempotencyConflict(
            "the idempotency key was used before for another request; use a new key"
        )
    return tuple(
        Answer(event=answer.event, decision=answer.decision, replayed=True) for answer in recorded
    )


def values(kept: Iterable[Detached]) -> list[Value]:
    """What is kept beside one event, without the columns that say beside which."""
    return [Value(pointer=row.pointer, salt=row.salt, value=row.value) for row in kept]


def _same_opening(work: OpenSession, event: StoredEvent) -> bool:
    payload = fact(event).payload
    meta = payload.get("meta") if isinstance(payload, dict) else None
    asked = None if work.meta is UNSET else work.meta
    return (
        event.event_type == "SESSION_OPENED"
        and event.user_id == work.user_id
        and event.agent_id == work.agent_id
        and (not work.named or event.session_id == work.session_id)
        # As bytes, because Python takes True for 1.
        and canonical(meta) == canonical(asked)
    )
