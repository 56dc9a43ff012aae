"""Which texts a bundle wants to see before they are released to the agent.

A text nobody has a rule for is recorded without a decision. A rule asks to see a type by naming it.
The scan is for the quoted name, so a comment that quotes it asks too, at the cost of a decision.
"""

from collections.abc import Mapping

from aegisd.core.events import RELEASED

# Where a bundle keeps the operators' files; the base rules name every type and ask for none.
OPERATOR_PREFIX = "rules/"


def released(files: Mapping[str, str]) -> frozenset[str]:
    """The release types that a bundle's operator files name as a string, in either quoting."""
    texts = [text for path, text in files.items() if path.startswith(OPERATOR_PREFIX)]
    return frozenset(
        event_type
        for event_type in RELEASED
        if any(f'"{event_type}"' in text or f"`{event_type}`" in text for text in texts)
    )
