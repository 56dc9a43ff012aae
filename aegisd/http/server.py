"""The server of the HTTP door: uvicorn with bounded connections, stopped in order."""

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from aegisd.http.connection import CONNECTIONS_MAX, LINGER_SECONDS_MAX, Connection
from aegisd.http.memory import HeldMemory

# Connections that wait to be accepted; the queue behind them has its own bound and its own answer.
BACKLOG_MAX = 512

# Seconds that open requests get at the end; each waits for one commit at most.
DRAIN_SECONDS_MAX = 7

# Bytes of answers that nobody reads, of all connections at once: some tens of the largest pages.
ANSWERS_BYTES_MAX = 67_108_864

# Files of this process that are no connections: the log, its readers, modules, a child's pipes.
_OTHER_FILES = 256

# Ticks of a tenth of a second in which every connection is looked at: where a thousand have to end
# at once, others do not wait for all of them.
_LOOK_TICKS = 10


class Server(uvicorn.Server):
    """Uvicorn without its own signal handling: the log is closed before the process ends.

    `app` is set before it serves.
    """

    def __init__(self) -> None:
        connection = partial(Connection, HeldMemory(ANSWERS_BYTES_MAX), connections())
        super().__init__(
            uvicorn.Config(
                app=_nothing,
                http=cast("type[asyncio.Protocol]", connection),
                ws="none",
                lifespan="off",
                access_log=False,
                log_level="warning",
                server_header=False,
                # No proxy is trusted, so what its headers say of the caller is nobody's business.
                proxy_headers=False,
                date_header=False,
                backlog=BACKLOG_MAX,
                timeout_graceful_shutdown=DRAIN_SECONDS_MAX,
            )
        )
        self.listening = asyncio.Event()

    def answers(self, app: ASGIApp) -> None:
        """Say who answers, before it serves."""
        self.config.app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell when connections are taken."""
        await super().startup(sockets)
        self.listening.set()

    async def on_tick(self, counter: int) -> bool:
        """Look at a part of the connections each time, and at every one within a second."""
        now = asyncio.get_running_loop().time()
        for connection in list(self._connections()):
            if hash(connection) % _LOOK_TICKS == counter % _LOOK_TICKS:
                connection.look(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what has been read, refuse what is still coming, and wait for nobody else."""
        loop = asyncio.get_running_loop()
        loop.call_later(LINGER_SECONDS_MAX, self._hang_up)
        # A second before uvicorn cancels what it then calls a failure of ours.
        loop.call_later(DRAIN_SECONDS_MAX - 1, partial(self._hang_up, at_work=True))
        await super().shutdown(sockets)

    def _connections(self) -> Iterator[Connection]:
        return (each for each in self.server_state.connections if isinstance(each, Connection))

    def _hang_up(self, *, at_work: bool = False) -> None:
        for connection in list(self._connections()):
            if at_work or connection.waits:
                connection.hang_up()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the daemon."""
        yield


def connections() -> int:
    """How many connections there may be: as many as this process may have files for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + _OTHER_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(CONNECTIONS_MAX, max(1, soft - _OTHER_FILES))


async def _nothing(_scope: object, _receive: object, _send: object) -> None:
    """Stands in until the engine exists; the socket is not accepted from before that."""
