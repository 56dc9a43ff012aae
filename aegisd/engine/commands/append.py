"""Events of agents, judged and recorded."""

from collections.abc import Generator, Iterable, Sequence

from msgspec.structs import replace

from aegisd.core.errors import AegisError
from aegisd.core.policy.verdict import Verdict
from aegisd.core.proposal import Proposal, same_request
from aegisd.engine.commands.command import Command
from aegisd.engine.recorded import Recorded, different
from aegisd.engine.stage import Stage

# Events whose recorded answers are read on the event loop, a fraction of a millisecond each.
RETRIED_EVENTS_MAX = 16


class Append(Command[tuple[Recorded, ...]], frozen=True, kw_only=True):
    """Events of one tenant, all or nothing, judged in order."""

    proposals: tuple[Proposal, ...]

    @property
    def size(self) -> int:
        """One for each event; decisions are not counted."""
        return len(self.proposals)

    @property
    def is_short(self) -> bool:
        """A retry reads all that was answered, in one go."""
        return self.key is None or self.size <= RETRIED_EVENTS_MAX

    @property
    def key(self) -> str | None:
        """Of a request, so the same for all of its events."""
        return self.proposals[0].idempotency_key

    @property
    def sessions(self) -> Iterable[str]:
        """Those of its events."""
        return [proposal.session_id for proposal in self.proposals]

    def steps(self, stage: Stage) -> Generator[None, None, tuple[Recorded, ...]]:
        """Judge and stage each event, or find what was answered under the key before.

        Raises a `Conflict` with the `index` of the event that cannot follow.
        """
        before = stage.recorded(self.key)
        if before:
            return self._replayed(before)
        answers: list[Recorded] = []
        for index, proposal in enumerate(self.proposals):
            if index:
                yield
            try:
                answers.append(stage.propose(proposal))
            except AegisError as error:
                error.details["index"] = index
                raise
        stage.remember(self.key, answers)
        return tuple(answers)

    def _replayed(self, before: Sequence[Recorded]) -> tuple[Recorded, ...]:
        same = len(before) == len(self.proposals) and all(
            same_request(proposal, answer.event, [row.plain for row in answer.detached])
            for proposal, answer in zip(self.proposals, before, strict=True)
        )
        if not same:
            raise different()
        return tuple(replace(answer, replayed=True, detached=()) for answer in before)


class Check(Command[Verdict | None], frozen=True, kw_only=True):
    """Judge on live state and record nothing; None for an event that nothing judges."""

    proposal: Proposal

    @property
    def sessions(self) -> Iterable[str]:
        """The one it is asked about."""
        return [self.proposal.session_id]

    def stage(self, stage: Stage) -> Verdict | None:
        """Judge. Raises `SessionUnknown` before a session's first event."""
        return stage.check(self.proposal)
