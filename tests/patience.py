"""How long a test waits for what will happen, on a machine that may be busy with much else."""

import time
from collections.abc import Callable

# Seconds for any one thing that a test waits for. It takes milliseconds; only what hangs runs out.
PATIENCE_S = 120.0

# Seconds between two looks.
LOOK_S = 0.005


def until(holds: Callable[[], object]) -> None:
    """Return once something holds. Raises `AssertionError` when it does not come to that."""
    give_up = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < give_up, "this never came to hold"
        time.sleep(LOOK_S)
