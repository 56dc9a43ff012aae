"""How hard the tests look: at what finds a mistake of today, or at all that they can in hours."""

import os

# The properties' profile, by which `make exhaustive` asks for hours.
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
EXHAUSTIVE = PROFILE == "thorough"


def times(quick: int, exhaustive: int) -> int:
    """How often something is tried."""
    return exhaustive if EXHAUSTIVE else quick
