"""The steps about evidence: what the gate signs and proves, asked for and handed to the auditor."""

from collections.abc import Iterator, Mapping
from contextlib import closing

import msgspec
from msgspec import UNSET

from aegisd.conformance import agreement, comparison, step
from aegisd.conformance.auditor import Auditor
from aegisd.conformance.comparison import Mismatch, told
from aegisd.conformance.filling import fill, text
from aegisd.conformance.target import Reply, Target
from aegisd.core.errors import EventUnknown, InvalidField
from aegisd.core.log.envelope import StoredEvent

Names = dict[str, object]


class Proving:
    """Of one case."""

    def __init__(self, target: Target, tenant_id: str) -> None:
        self.auditor = Auditor(target, tenant_id)
        self._target, self._tenant = target, tenant_id

    def take(self, action: step.StepText, session: str, names: Names) -> Iterator[Mismatch]:
        """Where a step does not hold; `names` is given what it saves. Raises as the target does."""
        match action:
            case step.CheckpointStep():
                yield from self._checkpoint(action, names)
            case step.ProveStep():
                yield from self._prove(action, session, names)
            case step.ContinuesStep():
                yield from self._continues(action, names)
            case step.BackupStep():
                self._target.backup()
            case step.RollbackStep():
                yield from self._rollback(action.expect, names)

    def _checkpoint(self, action: step.CheckpointStep, names: Names) -> Iterator[Mismatch]:
        reply = self._target.checkpoint(self._tenant)
        yield from _answered(action.expect, reply, names)
        if reply.refusal is None:
            yield from self.auditor.keep(reply)
            members = reply.value if isinstance(reply.value, dict) else {}
            yield from comparison.save(names, action.save, reply.value, members)

    def _prove(self, action: step.ProveStep, session: str, names: Names) -> Iterator[Mismatch]:
        asked = action.prove
        size = None if asked.size is UNSET else _number(asked.size, names)
        with closing(self._target.log()) as log:
            events = {event.seq: event for event in log.session_events(self._tenant, session)}
        for seq in events if asked.seq is UNSET else [asked.seq]:
            event = _event(events, seq)
            reply = self._target.inclusion(self._tenant, event.position, size)
            yield from _answered(action.expect, reply, names)
            if reply.refusal is None:
                yield from self.auditor.proved(reply, event)
                shown = event if asked.of is UNSET else _event(events, asked.of)
                shows = self.auditor.shows(reply, shown)
                yield from comparison.holds(found=shows, expected=action.expect.holds)

    def _continues(self, action: step.ContinuesStep, names: Names) -> Iterator[Mismatch]:
        asked = action.continues.note
        note = self.auditor.first if asked is UNSET else text(asked, names)
        before = self.auditor.verified(note)
        reply = self._target.consistency(self._tenant, before.size)
        yield from _answered(action.expect, reply, names)
        if reply.refusal is None:
            yield from self.auditor.continued(reply, before)

    def _rollback(self, expect: step.Started, names: Names) -> Iterator[Mismatch]:
        why = self._target.rollback()
        if (why is None) is not expect.starts:
            found = "it started" if why is None else f"it did not: {why}"
            yield Mismatch(field="starts", expected=told(expect.starts), found=found)
        elif why is not None and expect.says is not UNSET:
            says = text(expect.says, names)
            if says not in why:
                yield Mismatch(field="says", expected=told(says), found=told(why))


def _answered(expect: step.Told, reply: Reply, names: Names) -> Iterator[Mismatch]:
    """Where a question about evidence is not accepted, or refused, as expected."""
    given = [name for name in agreement.given(expect) if name != "holds"]
    said = {name: getattr(expect, name) for name in given}
    yield from comparison.answer(msgspec.convert(said, step.Answered), reply, names)


def _number(given: int | str, names: Names) -> int:
    """A number, or the saved one that a name stands for. Raises `InvalidField`."""
    value = fill(given, names)
    if type(value) is not int:
        raise InvalidField(f"{given} is no number: {told(value)}", field="size")
    return value


def _event(events: Mapping[int, StoredEvent], seq: int) -> StoredEvent:
    """Raises `EventUnknown`."""
    if seq not in events:
        raise EventUnknown(f"the session has no event {seq}")
    return events[seq]
