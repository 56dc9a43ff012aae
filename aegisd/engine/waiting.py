"""Who waits for a writer, for what, and what they are told when it cannot be done."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aegisd.core.errors import LogUnavailable
from aegisd.core.shapes.identifier import CONTROL_SESSION
from aegisd.engine.idempotency import key_of
from aegisd.engine.work import Append, Check, OpenSession, Reply, Work


class Waiting(NamedTuple):
    """Work in the queue, with whoever waits for it and how many events it may write."""

    work: Work
    reply: asyncio.Future[Reply]
    size: int

    @property
    def key(self) -> str | None:
        """The idempotency key that the work comes under, if any."""
        return key_of(self.work) if isinstance(self.work, Append | OpenSession) else None

    def session_ids(self) -> Iterator[str]:
        """The sessions whose state deciding the work reads."""
        if isinstance(self.work, Append):
            yield from (proposal.session_id for proposal in self.work.proposals)
        elif isinstance(self.work, Check):
            yield self.work.proposal.session_id
        elif isinstance(self.work, OpenSession):
            yield self.work.session_id
        else:
            yield CONTROL_SESSION


def unavailable() -> LogUnavailable:
    """What is told when nothing was written."""
    return LogUnavailable("the events could not be made durable; nothing of them was decided")


def unknown() -> LogUnavailable:
    """What is told when nobody knows whether it was written."""
    return LogUnavailable(
        "the database was lost during the commit, which it may hold; ask again under the same "
        "idempotency key",
        commit="unknown",
    )


def fail(reply: asyncio.Future[Reply], error: Exception) -> None:
    """Tell one caller, who may have gone."""
    if not reply.done():
        reply.set_exception(error)


def fail_all(taken: Iterable[Waiting], error: Exception) -> None:
    """Tell everybody the same."""
    for waiting in taken:
        fail(waiting.reply, error)
