"""Servers beside ours, in a process of their own: `peer_server.py [POLICY DATABASE]`.

With a policy the peer's REST server, run by the peer's own Python. Its own command has no switch
for the access log and prints one line per request; here it is off, uvloop and httptools serve, and
the dashboard is left out. All of that is in the peer's favour. Without, a Starlette that does
nothing: it answers what it was sent, which is what HTTP itself costs.
"""

import asyncio
import logging
import socket
import sys
from importlib import import_module

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def echo(request: Request) -> Response:
    """201 with the request's own body."""
    return Response(await request.body(), status_code=201, media_type="application/json")


def application(policy: str, database: str) -> Starlette:
    """The peer's application."""
    # By name, because in this repository's own environment `aegis` is another package.
    logging.getLogger("aegis.server").setLevel(logging.ERROR)
    create = import_module("aegis.server.app").create_app
    made: Starlette = create(policy_path=policy, audit_db_path=database, enable_dashboard=False)
    return made


async def serve(app: Starlette) -> None:
    """Listen on a free loopback port, say which, and serve until a signal."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    settings = uvicorn.Config(app, http="httptools", ws="none", access_log=False, log_level="error")
    serving = asyncio.create_task(uvicorn.Server(settings).serve(sockets=[listener]))
    print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await serving


if __name__ == "__main__":
    bare = Starlette(routes=[Route("/v1/events", echo, methods=["POST"])])
    uvloop.run(serve(application(*sys.argv[1:]) if sys.argv[1:] else bare))
