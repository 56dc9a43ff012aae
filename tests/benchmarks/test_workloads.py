"""Workloads: each body holds as many events as its row in a table claims, all of them valid."""

from collections import Counter

import msgspec
import pytest

from aegisd.core.events import JUDGED
from aegisd.core.request import read
from benchmarks.workloads import CALLS_PER_SESSION, WORKLOADS

OWN = sorted(name for name in WORKLOADS if not name.startswith("peer"))
PEERS = sorted(name for name in WORKLOADS if name.startswith("peer"))


# Events of a request that are judged.
JUDGED_EVENTS = {"call": 1, "calls": 100, "mixed": 33}


@pytest.mark.parametrize("name", OWN)
def test_a_request_holds_the_events_and_the_judged_ones_it_is_counted_for(name: str) -> None:
    workload = WORKLOADS[name]

    for number in (0, 1, 7):
        proposals = read(workload.bodies("load")(3, number)).proposals
        judged = [proposal for proposal in proposals if proposal.event_type in JUDGED]

        assert (len(proposals), len(judged)) == (workload.events, JUDGED_EVENTS[name])


@pytest.mark.parametrize("name", PEERS)
def test_the_peer_is_sent_as_many_actions_as_aegis_is_sent_calls(name: str) -> None:
    workload = WORKLOADS[name]

    document = msgspec.json.decode(workload.bodies("load")(3, 1))

    actions = document.get("actions", [document])
    assert len(actions) == workload.events
    assert {action["params"]["path"].split("/")[2] for action in actions} == {"out"}


@pytest.mark.parametrize("name", OWN)
def test_a_session_gives_way_before_its_budget_is_used_up(name: str) -> None:
    workload = WORKLOADS[name]
    calls: Counter[str] = Counter()

    for number in range(60):
        proposals = read(workload.bodies("load")(0, number)).proposals
        calls.update(p.session_id for p in proposals if p.event_type in JUDGED)

    assert max(calls.values()) <= CALLS_PER_SESSION


def test_two_connections_and_two_loads_share_no_session() -> None:
    bodies = WORKLOADS["call"].bodies
    sessions = {
        read(bodies(load)(connection, 0)).proposals[0].session_id
        for load in ("a", "b")
        for connection in (0, 1)
    }

    assert len(sessions) == 4
