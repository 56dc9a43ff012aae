"""A server with as many connections as it has files for, and an end that waits for nobody."""

import resource
import socket
from pathlib import Path

import pytest

from aegisd.http import server
from aegisd.http.connection import CONNECTIONS_MAX
from drills.daemon import Daemon

HALF = b"POST /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000\r\n\r\n{"


def test_there_are_no_more_connections_than_files(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(1024, 1024), (1024, resource.RLIM_INFINITY), (1 << 20, 1 << 20)]
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits.pop(0))
    monkeypatch.setattr(resource, "setrlimit", lambda _, given: told.append(given))
    found = [server.connections() for _ in range(3)]
    assert found == [1024 - 256, CONNECTIONS_MAX, CONNECTIONS_MAX]
    assert told == [(1024, 1024), (CONNECTIONS_MAX + 256, resource.RLIM_INFINITY)]


def test_fifty_half_bodies_and_a_half_head_do_not_keep_it_from_ending(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        half = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(50)]
        for each in half:
            each.sendall(HALF)
        half[0].sendall(b"{")
        assert daemon.connect().propose("s1")["seq"] == 0
        assert daemon.stop() == 0
        assert daemon.errors() == ""
        for each in half:
            assert each.recv(1 << 16).startswith(b"HTTP/1.1 503 ")
            each.close()
