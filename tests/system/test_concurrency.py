"""Sixty-four clients at once: nothing lost, doubled or forked; 409 only where it was asked for."""

import threading
from pathlib import Path

from aegisd.core.log.chain import Chain
from aegisd.store.dsn import open_reader
from drills.daemon import Daemon, proposal
from tests.effort import times

CLIENTS = 64
EVENTS_EACH = times(8, 25)


def _post_all(daemon: Daemon, session_of: dict[int, str]) -> dict[int, list[dict[str, object]]]:
    answers: dict[int, list[dict[str, object]]] = {}
    start = threading.Barrier(CLIENTS)

    def post(number: int) -> None:
        client = daemon.connect()
        start.wait()
        answers[number] = [
            client.propose(session_of[number], user_id=f"u{number}", ts_unix_ms=turn)
            for turn in range(EVENTS_EACH)
        ]
        client.close()

    threads = [threading.Thread(target=post, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == CLIENTS
    return answers


def _check(database: Path, answers: dict[int, list[dict[str, object]]]) -> None:
    reader = open_reader(str(database))
    chain = Chain(whole=True)
    events = list(reader.events("acme"))
    assert [broken for event in events for broken in chain.check(event)] == []
    stored = {event.hash.hex(): event for event in events}
    acknowledged = [answer for told in answers.values() for answer in told]
    assert len({answer["hash"] for answer in acknowledged}) == CLIENTS * EVENTS_EACH
    for number, told in answers.items():
        for turn, answer in enumerate(told):
            event = stored[str(answer["hash"])]
            assert (event.user_id, event.ts_unix_ms) == (f"u{number}", turn)
            assert (event.seq, event.position) == (answer["seq"], answer["position"])
    proposals = [event for event in events if event.event_type == "TOOL_CALL_PROPOSED"]
    assert len(proposals) == CLIENTS * EVENTS_EACH


def test_64_clients_on_64_sessions_lose_double_and_fork_nothing(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        answers = _post_all(daemon, {number: f"s{number}" for number in range(CLIENTS)})
    _check(daemon.database, answers)


def test_64_clients_on_one_session_lose_double_and_fork_nothing(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        answers = _post_all(daemon, dict.fromkeys(range(CLIENTS), "shared"))
    _check(daemon.database, answers)
    seqs = sorted(int(str(answer["seq"])) for told in answers.values() for answer in told)
    assert seqs == list(range(0, 2 * CLIENTS * EVENTS_EACH, 2))


def test_of_64_clients_that_name_the_same_seq_one_wins_and_the_rest_see_the_head(
    tmp_path: Path,
) -> None:
    statuses: list[int] = []
    heads: list[object] = []
    with Daemon(tmp_path) as daemon:
        daemon.connect().propose("s")
        start = threading.Barrier(CLIENTS)

        def post() -> None:
            client = daemon.connect()
            start.wait()
            status, answer = client.request("POST", "/v1/events", proposal("s", seq=2))
            statuses.append(status)
            heads.append(answer.get("head"))
            client.close()

        threads = [threading.Thread(target=post) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(statuses) == [201] + [409] * (CLIENTS - 1)
    assert all(isinstance(head, dict) and head["seq"] == 3 for head in heads)
