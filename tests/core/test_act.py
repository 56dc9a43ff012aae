"""Rows grouped by their causes: what a reader who looks at each pair of rows would say."""

from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.act import ACT_ROWS_MAX, Act, acts
from aegisd.core.decision import Decision, PolicyDecision
from aegisd.core.events import CONSEQUENCES
from aegisd.core.log.envelope import StoredEvent, seal
from tests.core.builders import chain, envelope
from tests.core.gate import Gate, manifest, proposal, tool


def shape(act: Act) -> tuple[str, ...]:
    return tuple(row.event_type for row in act.rows)


@st.composite
def rows(draw: st.DrawFn) -> list[StoredEvent]:
    """Rows of a log that nobody checked: decisions anywhere, sessions mixed, numbers left out."""
    told: list[StoredEvent] = []
    for position in range(draw(st.integers(0, 12))):
        row = envelope(
            draw(st.integers(0, 3)),
            draw(st.sampled_from(["TOOL_RESULT", "POLICY_DECISION"])),
            {},
            session_id=draw(st.sampled_from(["s1", "s2"])),
        )
        told.append(seal(row, position, b""))
    return told


@given(rows())
def test_a_row_is_behind_another_exactly_where_it_is_a_consequence_that_continues_it(
    log: list[StoredEvent],
) -> None:
    expected: list[list[StoredEvent]] = []
    for row in log:
        group = expected[-1] if expected else []
        continues = bool(group) and (row.session_id, row.seq) == (
            group[-1].session_id,
            group[-1].seq + 1,
        )
        about = bool(group) and group[0].event_type != "POLICY_DECISION"
        if row.event_type == "POLICY_DECISION" and continues and about:
            group.append(row)
        else:
            expected.append([row])
    assert [list(act.rows) for act in acts(log)] == expected


def test_a_gates_log_is_a_cause_and_its_decision_after_the_other() -> None:
    gate = Gate(held=manifest())
    gate.propose(proposal("USER_MESSAGE", {"content": "hi"}))
    gate.propose(tool("read_file"))
    gate.propose(tool("pay", "s2"))
    told = list(acts(gate.events))
    assert [shape(act) for act in told] == [
        ("POLICY_ACTIVATED",),
        ("MANIFEST_REGISTERED",),
        ("USER_MESSAGE",),
        ("TOOL_CALL_PROPOSED", "POLICY_DECISION"),
        ("TOOL_CALL_PROPOSED", "POLICY_DECISION"),
    ]
    message, call = told[2], told[3]
    assert (message.decision, message.last) == (None, message.cause)
    assert call.decision is call.last is gate.events[4]
    assert not call.is_parted


def test_a_decision_without_its_cause_is_an_act_of_its_own_and_says_so() -> None:
    gate = Gate(held=manifest())
    gate.propose(tool("read_file"))
    (act,) = acts(gate.of()[1:])
    assert act.is_parted
    assert act.decision is None


def test_an_act_has_at_most_act_rows_max_rows_and_a_reader_finds_all_of_the_longest() -> None:
    """One row of each consequence that there is, behind its cause."""
    assert 1 + len(CONSEQUENCES) <= ACT_ROWS_MAX
    rows = chain(
        [envelope(0, "TOOL_CALL_PROPOSED", {"tool_name": "t"})]
        + [envelope(seq, "POLICY_DECISION", {}) for seq in range(1, ACT_ROWS_MAX)]
    )
    (act,) = acts(rows)
    assert len(act.rows) == ACT_ROWS_MAX
    assert act.surplus == act.consequences[1:]
    # Read from anywhere in it, looking back as far as a reader does.
    for row in act.rows:
        first = max(0, row.position - (ACT_ROWS_MAX - 1))
        assert next(acts(rows[first:])).cause == act.cause


def test_a_decision_is_found_behind_other_consequences() -> None:
    rows = chain(
        [envelope(seq, name, {}) for seq, name in enumerate(["A", "B", "POLICY_DECISION"])]
    )
    act = Act(cause=rows[0], consequences=tuple(rows[1:]))
    assert (act.decision, act.surplus) == (rows[2], ())


def test_what_a_hostile_log_has_behind_a_full_act_stands_alone() -> None:
    rows = chain(
        [envelope(0, "TOOL_CALL_PROPOSED", {"tool_name": "t"})]
        + [envelope(seq, "POLICY_DECISION", {}) for seq in range(1, ACT_ROWS_MAX + 2)]
    )
    told = list(acts(rows))
    assert [len(act.rows) for act in told] == [ACT_ROWS_MAX, 1, 1]
    assert [act.is_parted for act in told] == [False, True, True]


def test_what_is_answered_of_a_decision_is_all_recorded_under_the_same_names() -> None:
    assert {*Decision.__struct_fields__} <= {*PolicyDecision.__struct_fields__}
