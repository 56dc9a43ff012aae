"""A session ends once, and what is asked after that is counted."""

from aegisd.core.lifetime import Lifetime
from tests.core.facts import seen


def test_what_is_asked_after_the_end_is_counted_and_nothing_else() -> None:
    lifetime = Lifetime()
    asked = ["TOOL_CALL_PROPOSED", "MEMORY_WRITE", "TOOL_RESULT", "POLICY_DECISION"]
    for event_type in asked:
        lifetime = lifetime.fold(seen(event_type), None)
    assert lifetime == Lifetime()
    lifetime = lifetime.fold(seen("TERMINATION"), None)
    for event_type in [*asked, "TERMINATION", "WRITTEN_LATER"]:
        lifetime = lifetime.fold(seen(event_type), None)
    assert lifetime == Lifetime(terminated=True, after_end=2)
