"""A text is judged before release exactly when an operator's file names its type."""

import pytest

from aegisd.core.events import RELEASED
from aegisd.core.policy.release import released


@pytest.mark.parametrize("event_type", sorted(RELEASED))
@pytest.mark.parametrize("quote", ['"', "`"])
def test_a_type_is_asked_for_by_its_quoted_name(event_type: str, quote: str) -> None:
    files = {"rules/a.rego": f"deny contains 1 if input.event.type == {quote}{event_type}{quote}"}
    assert released(files) == {event_type}


def test_the_base_rules_ask_for_nothing() -> None:
    assert released({"aegis/event.rego": '"TOOL_RESULT"'}) == frozenset()


def test_a_longer_name_and_a_bare_one_ask_for_nothing() -> None:
    assert released({"rules/a.rego": '"TOOL_RESULTS" TOOL_RESULT'}) == frozenset()


def test_files_ask_together() -> None:
    files = {"rules/a.rego": '"TOOL_RESULT"', "rules/b.rego": '"MEMORY_READ"'}
    assert released(files) == {"TOOL_RESULT", "MEMORY_READ"}
