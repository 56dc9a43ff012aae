"""What judging one value may cost: steps in one counter, and frames of the stack."""

from typing import Any

# Steps of judging one value, telling what it breaks included; one is 100 ns of work, and 310 of the
# dearest. Past it the value is not judged.
JUDGED_STEPS_MAX = 139_264

# Frames of the stack in use at once, of Python's thousand; references inside each other take them.
FRAMES_MAX = 600


class TooCostly(Exception):
    """Judging the value takes more than it may."""


class Steps:
    """What is left for one value. `graphs` and `read` are kept by the patterns it meets."""

    __slots__ = ("frames", "graphs", "left", "read")

    def __init__(self, left: int = JUDGED_STEPS_MAX) -> None:
        self.left = left
        self.frames = FRAMES_MAX
        # Any: a pattern's own, by pattern; only it looks at them.
        self.graphs: dict[Any, Any] = {}
        self.read: dict[Any, int] = {}

    def spend(self, count: int) -> None:
        """Count steps. Raises `TooCostly` when none are left."""
        self.left -= count
        if self.left < 0:
            raise TooCostly

    def enter(self, frames: int) -> None:
        """Take frames, given back by adding to `frames`. Raises `TooCostly`."""
        self.frames -= frames
        if self.frames < 0:
            raise TooCostly

    def close(self) -> None:
        """Let go of what patterns keep; their states refer to each other."""
        for graph in self.graphs.values():
            for state in graph.values():
                state.clear()
