"""A line for each request, where somebody asks for them: method, path, status, milliseconds."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aegisd.printable import shown

_logger = logging.getLogger("aegisd.request")


class RequestLog:
    """An application with its requests told. No query and no body: they may hold anything."""

    def __init__(self, inside: ASGIApp) -> None:
        self._inside = inside
        _logger.setLevel(logging.INFO)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and tell how it ended; 0 is one without an answer."""
        status, started_s = 0, time.monotonic()

        async def answer(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._inside(scope, receive, answer)
        finally:
            took_ms = (time.monotonic() - started_s) * 1000
            what = f"{scope.get('method', '')} {scope.get('path', '')}"
            _logger.info("%s %d %.1f ms", shown(what), status, took_ms)
