"""A command: what a writer takes, whoever asks for it."""

from collections.abc import Generator, Iterable
from typing import Generic, TypeVar

from msgspec import Struct

from aegisd.engine.stage import Stage

# The author of what the configuration puts in force.
CONFIG = "config"

R = TypeVar("R")


class Command(Struct, Generic[R], frozen=True, kw_only=True):
    """What a writer is asked to do, and how that is staged. `R` is what its caller gets.

    `by` is who asks: the author of an act, empty for agents, whose ids stand in their events.
    """

    by: str = ""

    @property
    def size(self) -> int:
        """How many events it may write, for the bounds on a batch and on the queue."""
        return 1

    @property
    def is_alone(self) -> bool:
        """Whether it is a batch of its own, begun when all before it is durable."""
        return False

    @property
    def is_short(self) -> bool:
        """Whether staging it compiles nothing and reads no log from its start."""
        return True

    @property
    def key(self) -> str | None:
        """The idempotency key that it comes under, if any."""
        return None

    @property
    def sessions(self) -> Iterable[str]:
        """The sessions whose state staging it reads."""
        raise NotImplementedError

    def stage(self, stage: Stage) -> R:
        """Stage its events. Raises what stands against it; then nothing of it happens."""
        raise NotImplementedError

    def steps(self, stage: Stage) -> Generator[None, None, R]:
        """Stage its events, with a pause behind each part that takes its time. Raises as `stage`.

        Whatever others do in a pause, nobody else changes what the stage rests on.
        """
        yield from ()
        return self.stage(stage)
