"""Clients that propose without a pause, and what they were told is in the log."""

import threading
from collections.abc import Callable

import msgspec
from msgspec import Struct

from drills.daemon import CREATED, HUNG_UP, Client, Daemon, proposal
from drills.faults.acknowledged import Acknowledged

# Every so-manieth client of a load sends batches of three proposals, six rows with their decisions,
# in a session of its own whose name begins so.
BATCHING = 4
BATCHES_OF = "batches-"
BATCH_EVENTS = 3
BATCH_ROWS = 6


class _Head(Struct):
    hash: str


class _Receipt(Struct):
    """What is read of an answer 201."""

    position: int
    hash: str
    head: _Head
    decision: object


def acknowledge(heard: Acknowledged, answer: object, tenant_id: str = "acme") -> None:
    """Take note of what an answer 201 says is in the log: the event, and its decision behind it."""
    answers = answer if isinstance(answer, list) else [answer]
    for told in msgspec.convert(answers, list[_Receipt]):
        heard.add(tenant_id, told.position, told.hash)
        if told.decision is not None:
            # They are of one commit, so nothing stands between the two.
            heard.add(tenant_id, told.position + 1, told.head.hash)


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
        self._odd: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._propose, args=(daemon.connect(), number, sessions))
            for number in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def _propose(self, client: Client, number: int, sessions: Callable[[int], str]) -> None:
        try:
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
        except HUNG_UP:
            client.close()
        except (TypeError, msgspec.ValidationError) as error:
            # Raised where somebody looks: a client that died of itself proves nothing.
            self._odd.append(error)

    def stop(self) -> None:
        """End every client after its answer."""
        self._stopping.set()
        self.join()

    def join(self) -> None:
        """Wait until every client has ended. Raises what one of them could not make sense of."""
        for thread in self._threads:
            thread.join()
        for error in self._odd:
            raise error
