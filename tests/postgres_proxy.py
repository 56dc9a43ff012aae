"""A wire to PostgreSQL that a test can cut, freeze or listen in on: one TCP proxy on loopback."""

import socket
import threading
from collections.abc import Callable
from typing import Literal, Self

CHUNK_BYTES = 1 << 16

Cut = Literal["before", "within", "after"]


class Proxy:
    """Forwards every connection to a server until told otherwise.

    `cut` armed with bytes ends the first connection whose client sends them: `before` the server
    saw them, or `after` the server answered them, its answer withheld. `within` cuts nothing: the
    server gets them and no byte more. `frozen` swallows everything in both directions, the end of
    a connection too: each side thinks the other has vanished. `rewrite` changes what the server
    says.
    """

    def __init__(self, port: int, rewrite: Callable[[bytes], bytes] = bytes) -> None:
        self._target = ("127.0.0.1", port)
        self._rewrite = rewrite
        self._armed: tuple[bytes, Cut] | None = None
        self.frozen = threading.Event()
        self.cuts = 0
        self._links: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone would leave the thread waiting, and the port taken.
        _hang_up(self._listener)
        self.cut_all()

    def cut(self, when: bytes, where: Cut) -> None:
        """Arm: the next connection whose client sends these bytes is cut."""
        self._armed = (when, where)

    def cut_all(self) -> None:
        """Cut every connection there is."""
        for link in list(self._links):
            _hang_up(link)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            self._links |= {client, server}
            withheld = threading.Event()
            for work in (self._upward, self._downward):
                threading.Thread(target=work, args=(client, server, withheld), daemon=True).start()

    def _upward(
        self, client: socket.socket, server: socket.socket, withheld: threading.Event
    ) -> None:
        """Client to server."""
        while data := _received(client):
            armed = self._armed
            if armed is not None and armed[0] in data:
                self._armed = None
                self.cuts += 1
                if armed[1] == "before":
                    break
                if armed[1] == "within":
                    data = data[: data.index(armed[0]) + len(armed[0])]
                    _sent(server, data)
                    self.frozen.set()
                else:
                    withheld.set()
            if not self.frozen.is_set():
                _sent(server, data)
        self._ended(client, server)

    def _downward(
        self, client: socket.socket, server: socket.socket, withheld: threading.Event
    ) -> None:
        """Server to client."""
        while data := _received(server):
            if withheld.is_set():
                break
            if not self.frozen.is_set():
                _sent(client, self._rewrite(data))
        self._ended(client, server)

    def _ended(self, *links: socket.socket) -> None:
        """One end has hung up; the other hears of it, unless everything is swallowed."""
        if not self.frozen.is_set():
            for link in links:
                _hang_up(link)


def _received(link: socket.socket) -> bytes:
    try:
        return link.recv(CHUNK_BYTES)
    except OSError:
        return b""


def _sent(link: socket.socket, data: bytes) -> None:
    try:
        link.sendall(data)
    except OSError:
        _hang_up(link)


def _hang_up(link: socket.socket) -> None:
    try:
        link.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
    finally:
        link.close()
