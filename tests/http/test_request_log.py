"""A line for each request, and nothing of what it carried."""

import asyncio

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from aegisd.http.request_log import RequestLog


def test_a_request_is_one_line_without_its_query(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"secret"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/a\x1b", "query_string": b"secret"}
    asyncio.run(RequestLog(PlainTextResponse("told", 418))(scope, receive, send))
    (line,) = caplog.messages
    assert line.startswith("GET /a\\u001b 418 ")
    assert "secret" not in line
    assert len(sent) == 2
