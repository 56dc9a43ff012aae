"""kill -9 under load: what was acknowledged is there, and the daemon comes back by itself.

Fifty rounds, as docs/RELIABILITY.md reports; `AEGIS_KILL_ROUNDS` asks for more or fewer.
"""

import hashlib
import http.client
import json
import os
import random
import threading
import time
from pathlib import Path

from aegisd.core.log.chain import Chain
from aegisd.core.state.fold import fact, fold_session
from aegisd.core.state.model import SessionState
from aegisd.core.state.snapshot import digest
from aegisd.store.dsn import open_reader
from tests.system.daemon import Client, Daemon

ROUNDS = int(os.environ.get("AEGIS_KILL_ROUNDS", "50"))
CLIENTS = 8


def _load(client: Client, session: str, acknowledged: list[dict[str, object]]) -> None:
    try:
        while True:
            acknowledged.append(client.propose(session))
    except (OSError, http.client.HTTPException, json.JSONDecodeError):
        client.close()


def test_every_acknowledged_event_survives_kill_9_and_state_is_a_fold_of_the_log(
    tmp_path: Path,
) -> None:
    chance = random.Random(20_260_101)
    acknowledged: list[dict[str, object]] = []
    for number in range(ROUNDS):
        daemon = Daemon(tmp_path)
        sessions = [f"s{number % 3}-{client}" for client in range(CLIENTS)]
        threads = [
            threading.Thread(target=_load, args=(daemon.connect(), session, acknowledged))
            for session in sessions
        ]
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(0.05, 0.6))
        daemon.kill()
        for thread in threads:
            thread.join()
    with Daemon(tmp_path) as daemon:
        _check(daemon, acknowledged)
    print(f"{ROUNDS} kills, {len(acknowledged)} acknowledged events, none lost")  # noqa: T201 - the figure


def _check(daemon: Daemon, acknowledged: list[dict[str, object]]) -> None:
    reader = open_reader(str(daemon.database))
    chain = Chain(whole=True)
    states: dict[str, SessionState] = {}
    stored: dict[int, bytes] = {}
    for event in reader.events("acme"):
        assert chain.check(event) == []
        assert hashlib.sha256(event.body).digest() == event.hash
        stored[event.position] = event.hash
        before = states.get(event.session_id) or SessionState(
            tenant_id="acme", session_id=event.session_id
        )
        states[event.session_id] = fold_session(before, fact(event))
    assert acknowledged
    for answer in acknowledged:
        assert stored[int(str(answer["position"]))].hex() == answer["hash"]
        head = answer["head"]
        assert isinstance(head, dict)
        assert stored[int(str(answer["position"])) + 1].hex() == head["hash"]
    client = daemon.connect()
    for session, state in states.items():
        if session.startswith("$"):
            continue
        path = f"/v1/sessions/{session}/snapshot?tenant_id=acme"
        status, answer = client.request("GET", path)
        assert (status, answer["digest"]) == (200, digest(state).hex())
