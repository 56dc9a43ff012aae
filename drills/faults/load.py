"""Clients that propose without a pause, and what they were told is in the log."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from aegisd.ports import EventReader
from drills.daemon import CREATED, HUNG_UP, Client, Daemon, proposal
from drills.faults.acknowledged import Acknowledged

# Every so-manieth client of a load sends batches of three proposals, six rows with their decisions,
# in a session of its own whose name begins so.
BATCHING = 4
BATCHES_OF = "batches-"
BATCH_EVENTS = 3
BATCH_ROWS = 6


def half_batches(reader: EventReader) -> list[str]:
    """Sessions of batches that hold part of one."""
    return [
        f"session {head.session_id} holds part of a batch"
        for head in reader.sessions("acme")
        if head.session_id.startswith(BATCHES_OF) and (head.seq + 1) % BATCH_ROWS
    ]


def acknowledge(heard: Acknowledged, answer: Any) -> None:  # noqa: ANN401 - JSON
    """Take note of what an answer 201 says is in the log: the event, and its decision behind it."""
    for told in answer if isinstance(answer, list) else [answer]:
        heard.add("acme", told["position"], told["hash"])
        if told["decision"] is not None:
            # They are of one commit, so nothing stands between the two.
            heard.add("acme", told["position"] + 1, told["head"]["hash"])


def session_of(number: int) -> str:
    """A session for each client of a load."""
    return f"{BATCHES_OF if number % BATCHING == 0 else 's'}{number}"


class Load:
    """Clients that propose without a pause until the daemon dies or they are told to stop."""

    def __init__(
        self,
        daemon: Daemon,
        clients: int,
        sessions: Callable[[int], str] = session_of,
        heard: Acknowledged | None = None,
    ) -> None:
        """What is acknowledged goes to `heard`, refusals are (status, code)."""
        self.heard = Acknowledged() if heard is None else heard
        self.refusals: list[tuple[int, object]] = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(clients)
        self._clients = [
            self._pool.submit(self._propose, daemon.connect(), number, sessions)
            for number in range(clients)
        ]

    def _propose(self, client: Client, number: int, sessions: Callable[[int], str]) -> None:
        with suppress(*HUNG_UP):
            while not self._stopping.is_set():
                session = sessions(number)
                event = proposal(session, user_id=f"u{number}")
                batch = [event] * BATCH_EVENTS if session.startswith(BATCHES_OF) else event
                status, answer = client.request("POST", "/v1/events", batch)
                with self._lock:
                    if status == CREATED:
                        acknowledge(self.heard, answer)
                    else:
                        self.refusals.append((status, answer.get("code")))

    def stop(self) -> None:
        """End every client after its answer."""
        self._stopping.set()
        self.join()

    def join(self) -> None:
        """Wait until every client has ended. Raises what one of them could not make sense of."""
        self._pool.shutdown()
        # A client that died of itself proves nothing.
        for client in self._clients:
            client.result()
