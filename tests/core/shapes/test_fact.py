"""What a fold is told of an event."""

import pytest

from tests.core.facts import seen


@pytest.mark.parametrize("payload", [None, [], "x", 7])
def test_a_payload_that_is_no_object_has_no_fields(payload: object) -> None:
    assert seen("TERMINATION", payload).fields == {}
    assert seen("TERMINATION", {"reason": "done"}).fields == {"reason": "done"}


def test_only_what_the_daemon_wrote_tells_its_time() -> None:
    assert seen("SESSION_OPENED", {"now_ms": 5}).now_ms == 5
    assert seen("SESSION_OPENED", {"now_ms": "5"}).now_ms == 0
    assert seen("USER_MESSAGE", {"now_ms": 5}).now_ms is None
    assert seen("WRITTEN_LATER", {"now_ms": 5}).now_ms is None


def test_what_costs_a_step_is_told_by_the_declaration() -> None:
    assert seen("MEMORY_WRITE", {}).is_judged
    assert not seen("MEMORY_READ", {}).is_judged
    assert not seen("WRITTEN_LATER", {}).is_judged
