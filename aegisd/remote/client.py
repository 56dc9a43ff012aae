"""Asking a server, with the standard library: no redirect is followed, no proxy is looked up."""

import http.client
import io
from collections.abc import Mapping
from typing import BinaryIO, Protocol, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from msgspec import Struct

from aegisd.core.errors import ConfigInvalid, InvalidRequest, NotFound, Unavailable
from aegisd.core.log.canonical import encode
from aegisd.core.log.foreign import decoder

# Seconds for one answer. The slowest is a page of large events; slower than this is stuck.
TIMEOUT_S_MAX = 30.0

# Seconds for the answer to an upload, which comes when all of it was checked and is durable. Longer
# than the server waits for its last byte; see `aegisd.http.body`.
UPLOAD_S_MAX = 7200.0

# Bytes of an upload handed to the connection at once.
BLOCK_BYTES = 1 << 18

# Bytes of one answer: a page of `PAGE_EVENTS` events of 1 MiB each, escaped, and room for as much.
ANSWER_BYTES_MAX = 1 << 29

# Events asked for at once; see above.
PAGE_EVENTS = 250

_NOT_FOUND, _BAD_REQUEST, _SERVER_ERROR, _REDIRECT = 404, 400, 500, 300

T = TypeVar("T")


class Answer(Struct, frozen=True):
    """Status, body and headers of an HTTP answer; the names of headers in lower case."""

    status: int
    body: bytes
    headers: dict[str, str] = {}


class Transport(Protocol):
    """How requests get to a server."""

    def __call__(
        self, method: str, path: str, body: BinaryIO | None, headers: Mapping[str, str], /
    ) -> Answer:
        """Send one request and return the answer, whatever its status. `path` is escaped already.

        Raises `OSError` or `http.client.HTTPException`.
        """


class Problem(Struct):
    """What is read of an RFC 9457 answer. `index` is of a batch."""

    detail: str = ""
    code: str = ""
    index: int | None = None


class Client:
    """The routes of one server."""

    def __init__(
        self, url: str, transport: Transport | None = None, timeout_s: float = TIMEOUT_S_MAX
    ) -> None:
        """`url` is `http://host[:port][/prefix]` or https. Raises `ConfigInvalid` for another."""
        self.url = url.rstrip("/")
        self._send = transport or connect(url, timeout_s)

    def get(self, path: str, **query: str | int | None) -> bytes:
        """The body of a 2xx answer. `path` is escaped already; None leaves a parameter out.

        Raises `NotFound` for 404, `InvalidRequest` for another 4xx, `Unavailable` for the rest: a
        server that cannot be reached, does not answer in time or answers something else.
        """
        given = {name: value for name, value in query.items() if value is not None}
        return self._ask("GET", f"{path}?{urlencode(given)}" if given else path, None, {})

    def ask(self, path: str, value: object) -> bytes:
        """Post a JSON value and return the body of a 2xx answer. Raises as `get`."""
        body = encode(value)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        return self._ask("POST", path, io.BytesIO(body), headers)

    def post(self, path: str, body: BinaryIO, length: int, **query: str) -> bytes:
        """Send `length` bytes and return the body of a 2xx answer. Raises as `get`."""
        headers = {"Content-Type": "application/x-ndjson", "Content-Length": str(length)}
        return self._ask("POST", f"{path}?{urlencode(query)}", body, headers)

    def read(self, answer: bytes, shape: type[T]) -> T:
        """An answer as a type. Raises `Unavailable` when it is none of ours."""
        try:
            return decoder(shape)(answer)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise Unavailable(f"{self.url} answered as no Aegis server does: {error}") from None

    def _ask(
        self, method: str, path: str, body: BinaryIO | None, headers: Mapping[str, str]
    ) -> bytes:
        try:
            answer = self._send(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(
                f"{self.url} cannot be asked: {str(error) or type(error).__name__}; is the server "
                "running there? Name another with --server, or a FILE"
            ) from error
        if answer.status < _REDIRECT:
            return answer.body
        told = problem(answer.body)
        detail = f": {told.detail}" if told is not None and told.detail else ""
        sentence = f"{self.url} answered {answer.status}{detail}"
        if answer.status == _NOT_FOUND:
            raise NotFound(sentence)
        if _BAD_REQUEST <= answer.status < _SERVER_ERROR:
            raise InvalidRequest(sentence)
        raise Unavailable(sentence)


def segment(text: str) -> str:
    """One segment of a path, with everything escaped that is not a letter, a digit or `-._~`."""
    return quote(text, safe="")


def problem(body: bytes) -> Problem | None:
    """What a problem+json answer says, if it is one."""
    try:
        return decoder(Problem)(body)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def connect(url: str, timeout_s: float = TIMEOUT_S_MAX) -> Transport:
    """The transport to a URL, a connection per request. Raises `ConfigInvalid`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigInvalid("--server: expected http://HOST:PORT or https://HOST:PORT")
    if parts.username is not None:
        raise ConfigInvalid("--server: a URL with a user in it; this version has no accounts")
    host, prefix = parts.hostname, parts.path.rstrip("/")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection

    def send(method: str, path: str, body: BinaryIO | None, given: Mapping[str, str]) -> Answer:
        connection = kind(host, port, timeout=timeout_s, blocksize=BLOCK_BYTES)
        try:
            connection.request(method, prefix + path, body, dict(given))
            response = connection.getresponse()
            read = response.read(ANSWER_BYTES_MAX + 1)
            if len(read) > ANSWER_BYTES_MAX:
                raise http.client.HTTPException(f"an answer past {ANSWER_BYTES_MAX} bytes")
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, read, headers)
        finally:
            connection.close()

    return send
