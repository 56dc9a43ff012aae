"""The peer's REST server, run by the peer's own Python: `peer_server.py POLICY DATABASE`.

Its own command has no switch for the access log and prints one line per request; here it is off,
uvloop and httptools serve, and the dashboard is left out. All of that is in the peer's favour.
"""

import asyncio
import logging
import socket
import sys
from importlib import import_module

import uvicorn
import uvloop


async def serve(policy: str, database: str) -> None:
    """Listen on a free loopback port, say which, and serve until a signal."""
    # By name, because in this repository's own environment `aegis` is another package.
    logging.getLogger("aegis.server").setLevel(logging.ERROR)
    create = import_module("aegis.server.app").create_app
    app = create(policy_path=policy, audit_db_path=database, enable_dashboard=False)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    settings = uvicorn.Config(app, http="httptools", ws="none", access_log=False, log_level="error")
    serving = asyncio.create_task(uvicorn.Server(settings).serve(sockets=[listener]))
    print(f"listening on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await serving


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], sys.argv[2]))
