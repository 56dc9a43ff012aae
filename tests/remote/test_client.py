"""Asking a server: every answer is a value or one of three errors, and none is unbounded."""

import http.client
import io
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import AegisError, ConfigInvalid, InvalidRequest, NotFound, Unavailable
from aegisd.remote import client
from aegisd.remote.client import Answer, Client, Transport, segment


def answering(status: int, body: bytes = b"") -> Client:
    def send(
        _method: str, _path: str, _body: BinaryIO | None, _headers: Mapping[str, str]
    ) -> Answer:
        return Answer(status, body)

    return Client("http://h", send)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, Unavailable),
        (400, InvalidRequest),
        (404, NotFound),
        (409, InvalidRequest),
        (413, InvalidRequest),
        (422, InvalidRequest),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_a_status_says_whose_fault_it_is(status: int, error: type[AegisError]) -> None:
    with pytest.raises(error, match=f"{status}.*: no such"):
        answering(status, b'{"detail":"no such","code":"x"}').get("/v1/x")
    with pytest.raises(error):
        answering(status, b"<html>").get("/v1/x")


@pytest.mark.parametrize(
    "raised", [ConnectionRefusedError(111, "no"), TimeoutError(), http.client.BadStatusLine("x")]
)
def test_a_server_that_does_not_answer_is_unavailable(raised: Exception) -> None:
    def send(*_: object) -> Answer:
        raise raised

    with pytest.raises(Unavailable, match="cannot be asked"):
        Client("http://h", send).get("/")


@given(st.text(st.characters(codec="utf-8")))
def test_an_id_stays_one_segment_of_a_path(text: str) -> None:
    assert not set(segment(text)) & set("/?#;&= \r\n")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8080",
        "ftp://h",
        "http://",
        "http://h:notaport",
        "http://u:p@h",
        "http://h?x=1",
        "http://[::1",
    ],
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ConfigInvalid):
        Client(url)


# ── over a real socket ──────────────────────────────────────────────────────────────────────────


class Replies(BaseHTTPRequestHandler):
    """Echoes what it was asked; `/big` answers 64 bytes, `/away` redirects."""

    def do_GET(self) -> None:
        if self.path == "/p/away":
            self.send_response(302)
            self.send_header("Location", "/p/big")
            self.end_headers()
            return
        body = b"x" * 64 if self.path == "/p/big" else self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.end_headers()
        self.wfile.write(self.headers["Content-Type"].encode() + b" " + body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Replies) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/p/"
        server.shutdown()
        thread.join()


def test_queries_are_escaped_and_prefixes_kept(url: str) -> None:
    told = Client(url).get("/v1/x", tenant_id="a&b=ü", limit=3, gone=None)
    assert told == b"/p/v1/x?tenant_id=a%26b%3D%C3%BC&limit=3"


def test_a_body_is_sent_as_it_is(url: str) -> None:
    told = Client(url).post("/v1/x", io.BytesIO(b"abc"), 3, tenant_id="t")
    assert told == b"application/x-ndjson abc"


def test_a_redirect_is_not_followed(url: str) -> None:
    with pytest.raises(Unavailable, match="302"):
        Client(url).get("/away")


def test_an_answer_is_read_to_its_bound_and_not_past_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "ANSWER_BYTES_MAX", 64)
    assert len(Client(url).get("/big")) == 64
    monkeypatch.setattr(client, "ANSWER_BYTES_MAX", 63)
    with pytest.raises(Unavailable, match="past 63"):
        Client(url).get("/big")


def test_the_transport_is_what_a_test_may_replace() -> None:
    send: Transport = lambda *_: Answer(200, b"{}")  # noqa: E731 - checked by mypy
    assert Client("http://h", send).get("/") == b"{}"
