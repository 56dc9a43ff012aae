"""Filtered pages against a model too dumb to be wrong: the whole log, filtered, then cut."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import LogCorrupt
from aegisd.core.log.envelope import StoredEvent
from aegisd.http import scan
from aegisd.http.scan import Filter, page
from tests.http.door import Door, call, event, message

TOOLS = ["think", "read"]
OUTCOMES = ["allow", "deny", "require_approval"]


def row(position: int, event_type: str, **payload: object) -> StoredEvent:
    return StoredEvent(
        tenant_id="acme",
        position=position,
        session_id="s1",
        seq=position,
        event_type=event_type,
        ts_unix_ms=0,
        user_id="",
        agent_id=None,
        idempotency_key=None,
        prev_hash=b"",
        hash=b"",
        body=msgspec.json.encode({"event_type": event_type, "payload": payload}),
    )


class Model:
    """A log, with the tool and outcome of each row written beside it."""

    def __init__(self) -> None:
        self.rows: list[StoredEvent] = []
        self.tools: list[str | None] = []
        self.outcomes: list[str | None] = []

    def add(
        self, event_type: str, tool: str | None, outcome: str | None, payload: dict[str, object]
    ) -> None:
        self.rows.append(row(len(self.rows), event_type, **payload))
        self.tools.append(tool)
        self.outcomes.append(outcome)

    def matching(self, wanted: Filter) -> list[int]:
        return [
            place
            for place, each in enumerate(self.rows)
            if place >= wanted.from_position
            and (wanted.event_type is None or each.event_type == wanted.event_type)
            and (wanted.tool_name is None or self.tools[place] == wanted.tool_name)
            and (wanted.outcome is None or self.outcomes[place] == wanted.outcome)
        ]

    def read(self, first: int, most: int) -> Iterator[StoredEvent]:
        return iter(self.rows[first : first + most])


def written(steps: list[tuple[str, str, str]]) -> Model:
    """A log of these steps."""
    model = Model()
    for kind, tool, outcome in steps:
        if kind == "call":
            model.add("TOOL_CALL_PROPOSED", tool, outcome, {"tool_name": tool})
            model.add("POLICY_DECISION", tool, outcome, {"outcome": outcome})
        elif kind == "undecided":
            model.add("TOOL_CALL_PROPOSED", tool, None, {"tool_name": tool})
        elif kind == "said":
            model.add("USER_MESSAGE", None, None, {"tool_name": tool, "outcome": outcome})
        else:
            model.add("TOOL_RESULT", None, outcome, {})
            model.add("POLICY_DECISION", None, outcome, {"outcome": outcome})
    return model


steps = st.tuples(
    st.sampled_from(["call", "undecided", "said", "shown"]),
    st.sampled_from(TOOLS),
    st.sampled_from(OUTCOMES),
)
logs = st.lists(steps, max_size=25).map(written)

FILTERS = [
    Filter(event_type=event_type, tool_name=tool_name, outcome=outcome)
    for event_type in (None, "TOOL_CALL_PROPOSED", "POLICY_DECISION")
    for tool_name in (None, *TOOLS)
    for outcome in (None, *OUTCOMES)
]


@given(model=logs, begin=st.integers(0, 12), limit=st.integers(1, 6), scanned=st.integers(2, 9))
def test_pages_put_together_are_what_matches_whatever_their_bounds(
    model: Model, begin: int, limit: int, scanned: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # A page that looks at one act less than three rows long could not go on.
        patch.setattr(scan, "PAGE_SCAN_EVENTS_MAX", scanned + 1)
        for each in FILTERS:
            wanted = msgspec.structs.replace(each, from_position=begin)
            assert walked(model, wanted, limit) == model.matching(wanted)


def walked(model: Model, wanted: Filter, limit: int) -> list[int]:
    """The positions that pages give, one page after another."""
    found: list[int] = []
    start: int | None = 0
    while start is not None:
        told = page(model.read, lambda each: each.position, start, wanted, limit)
        assert len(told.rows) <= limit
        assert told.next_place is None or told.next_place > start
        found += [each.position for each in told.rows]
        start = told.next_place
    return found


@pytest.mark.parametrize("extra", [0, 1])
def test_a_page_looks_at_page_scan_events_max_rows_and_not_one_more(extra: int) -> None:
    looked: list[int] = []

    def read(first: int, most: int) -> Iterator[StoredEvent]:
        looked.append(most)
        last = scan.PAGE_SCAN_EVENTS_MAX + extra - 1
        kinds = ("USER_MESSAGE", "TERMINATION")
        rows = (row(place, kinds[place == last]) for place in range(first, last + 1))
        return (each for count, each in enumerate(rows) if count < most)

    wanted = Filter(event_type="TERMINATION")
    told = page(read, lambda each: each.position, 0, wanted, 10)
    assert looked == [scan.PAGE_SCAN_EVENTS_MAX]
    assert not told.rows
    again = page(read, lambda each: each.position, told.next_place or 0, wanted, 10)
    assert [each.event_type for each in again.rows] == ["TERMINATION"]
    assert again.next_place is None


@pytest.mark.parametrize(
    ("bound", "spare", "full"),
    [
        ("PAGE_BYTES_MAX", 0, 2),
        ("PAGE_BYTES_MAX", -1, 1),
        ("PAGE_SCAN_BYTES_MAX", 0, 2),
        ("PAGE_SCAN_BYTES_MAX", 1, 3),
    ],
)
def test_a_page_is_bounded_in_bytes_too_and_goes_on(
    bound: str, spare: int, full: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(place, "USER_MESSAGE") for place in range(7)]
    monkeypatch.setattr(scan, bound, 2 * len(rows[0].body) + spare)
    place: int | None = 0
    pages: list[int] = []
    while place is not None:
        told = page(lambda first, most: rows[first : first + most], _position, place, Filter(), 9)
        pages += [len(told.rows)] if told.rows else []
        place = told.next_place
    assert pages == [min(full, 7 - done) for done in range(0, 7, full)]


def _position(each: StoredEvent) -> int:
    return each.position


def test_bytes_that_no_filter_can_read_are_a_corrupt_log() -> None:
    broken = msgspec.structs.replace(row(0, "POLICY_DECISION"), body=b"{}")
    with pytest.raises(LogCorrupt):
        page(lambda _first, _most: iter([broken]), lambda _: 0, 0, Filter(outcome="deny"), 1)


def test_filters_through_the_door_give_calls_with_their_answers(door: Door) -> None:
    door.record(
        message(), call("think"), call("ask_boss"), call("rm_rf"), event("TERMINATION", None)
    )

    def found(**query: object) -> list[str]:
        told = door.get("/v1/events", tenant_id="acme", **query)
        assert told.status_code == 200, told.text
        return [
            each["payload"].get("tool_name") or each["payload"].get("outcome")
            for each in told.json()["events"]
        ]

    assert found(tool_name="think") == ["think", "allow"]
    assert found(outcome="deny") == ["rm_rf", "deny"]
    assert found(tool_name="rm_rf", outcome="deny") == ["rm_rf", "deny"]
    assert found(tool_name="think", outcome="deny") == []
    assert found(event_type="POLICY_DECISION") == ["allow", "require_approval", "deny"]
    assert found(event_type="TOOL_CALL_PROPOSED", session_id="s1", outcome="allow") == ["think"]
