"""The peer that does nothing: Starlette under the same server, answering what it was sent."""

import asyncio
import socket

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def echo(request: Request) -> Response:
    """201 with the request's own body."""
    return Response(await request.body(), status_code=201, media_type="application/json")


async def serve() -> None:
    """Listen on a free loopback port, say which, and serve until a signal."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = Starlette(routes=[Route("/v1/events", echo, methods=["POST"])])
    settings = uvicorn.Config(app, http="httptools", ws="none", access_log=False, log_level="error")
    serving = asyncio.create_task(uvicorn.Server(settings).serve(sockets=[listener]))
    print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await serving


if __name__ == "__main__":
    uvloop.run(serve())
