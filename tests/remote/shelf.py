"""A server without a socket: the real routes over a database file, asked through a transport."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from threading import Thread
from typing import BinaryIO, TypeVar

import httpx

from aegisd import compose
from aegisd.audit import rules
from aegisd.http.app import app
from aegisd.remote.client import Answer
from aegisd.store.sqlite.store import SqliteStore
from tests.audit.recording import SteadyClock

URL = "http://127.0.0.1:8080"

T = TypeVar("T")

Lie = Callable[[str, bytes], bytes]


class Shelf:
    """A `Transport` over a log. `lie` may change the body of an answer to a path."""

    def __init__(self, path: Path, lie: Lie = lambda _path, body: body) -> None:
        self.asked: list[str] = []
        self.store = SqliteStore(str(path))
        judge = rules.judge(self.store.document)
        self._engine = compose.engine(
            self.store,
            judge,
            compose.configured(judge),
            clock=SteadyClock(),
            on_fatal=lambda _reason: None,
        )
        self._app, self.lie = app(self._engine), lie

    def __call__(
        self, method: str, path: str, body: BinaryIO | None, headers: Mapping[str, str]
    ) -> Answer:
        """Ask the routes."""
        self.asked.append(path)
        answer = self._run(self._send(method, path, b"" if body is None else body.read()))
        return Answer(answer.status_code, self.lie(path, answer.content))

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run(work)

    async def _send(self, method: str, path: str, body: bytes) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
            return await client.request(method, path, content=body)

    def close(self) -> None:
        """Give the file back."""
        self._run(self._engine.stop())
        self.store.close()


class Desk(Shelf):
    """A shelf that also takes acts: its engine lives in one loop, on a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()
        super().__init__(path)

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """Give the file and the thread back."""
        super().close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
