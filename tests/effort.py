"""How hard the tests look: at what finds a mistake of today, or at all that they can in hours."""

import os

# The properties' profile, by which `make exhaustive` asks for hours.
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
EXHAUSTIVE = PROFILE == "thorough"


def times(quick: int, exhaustive: int) -> int:
    """How often something is tried."""
    return exhaustive if EXHAUSTIVE else quick


def some(places: range, one_in: int) -> range:
    """One of so many places, or each. An odd number meets every bit of a byte."""
    return places if EXHAUSTIVE else places[::one_in]
