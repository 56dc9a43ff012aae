"""Errors as problem details: one status per class, a stable code, and nothing unmeant."""

import asyncio
import logging

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from aegisd.core import errors
from aegisd.core.errors import AegisError
from aegisd.http.errors import Problems, problem, status_of
from tests.http.door import Door
from tests.table import each

# Faults of ours: no caller can do anything about them.
INTERNAL = {
    "internal",
    "position_conflict",
    "evaluator_failed",
    "rule_failed",
    "evaluator_stuck",
    "config_invalid",
    "not_now",
    "file_wrong",
    "version_unknown",
}

STATUSES = {
    "json_invalid": 400,
    "json_duplicate_key": 400,
    "json_number_range": 400,
    "json_too_deep": 400,
    "http_invalid": 400,
    "event_type_reserved": 403,
    "origin_refused": 403,
    "not_found": 404,
    "session_unknown": 404,
    "checkpoint_unknown": 404,
    "event_unknown": 404,
    "nothing_kept": 404,
    "method_not_allowed": 405,
    "body_too_slow": 408,
    "head_too_slow": 408,
    "conflict": 409,
    "not_covered": 409,
    "head_mismatch": 409,
    "session_exists": 409,
    "session_terminated": 409,
    "call_id_reused": 409,
    "clock_not_off": 409,
    "too_large": 413,
    "target_too_long": 414,
    "media_type_unsupported": 415,
    "head_too_large": 431,
    "unavailable": 503,
    "log_unavailable": 503,
    "queue_full": 503,
    "busy": 503,
    "daemon_outdated": 503,
    "stopping": 503,
    "store_failed": 503,
    "commit_unknown": 503,
    "signing_failed": 503,
    "log_rolled_back": 503,
    "store_broken": 503,
    "log_corrupt": 503,
}

EVERY = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, AegisError)
]


@each("kind", EVERY)
def test_each_error_has_the_status_its_caller_can_act_on(kind: type[AegisError]) -> None:
    expected = 500 if kind.code in INTERNAL else STATUSES.get(kind.code, 422)
    assert status_of(kind("why")) == expected
    assert issubclass(kind, errors.InvalidRequest) or expected != 422


def test_a_problem_is_rfc_9457_with_the_code_and_the_details() -> None:
    answer = problem(errors.UnknownField("a sentence", field="tenat", nearest="tenant"))
    assert answer.media_type == "application/problem+json"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body == (
        b'{"type":"about:blank","title":"Unprocessable Content","status":422,"detail":"a sentence",'
        b'"code":"field_unknown","field":"tenat","nearest":"tenant"}\n'
    )


@pytest.mark.parametrize("code", ["unavailable", "queue_full", "store_failed", "log_corrupt"])
def test_what_may_pass_says_when_to_try_again(code: str) -> None:
    kind = next(kind for kind in EVERY if kind.code == code)
    assert problem(kind("why")).headers["retry-after"] == "1"


def test_what_the_caller_must_change_says_no_time() -> None:
    assert "retry-after" not in problem(errors.Conflict("why")).headers


@pytest.mark.parametrize(
    "raised", [ZeroDivisionError("secret"), AegisError("secret"), errors.EvaluatorFailed("secret")]
)
def test_a_fault_of_ours_is_logged_and_tells_the_caller_nothing(
    raised: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise raised

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "POST", "path": "/v1/\nevents"}
    with caplog.at_level(logging.ERROR, "aegisd.http"):
        asyncio.run(Problems(broken)(scope, receive, send))
    assert sent[0]["status"] == 500
    assert b"secret" not in sent[1]["body"]
    assert b'"code":"internal"}' in sent[1]["body"]
    assert "'/v1/\\nevents' failed" in caplog.messages[0]


@pytest.mark.parametrize("gone", [ClientDisconnect, asyncio.CancelledError])
def test_where_nobody_is_there_any_more_nothing_is_told(
    gone: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    async def inside(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise gone

    async def told(*_asked: object) -> Message:
        raise AssertionError

    asyncio.run(Problems(inside)({"type": "http"}, told, told))  # type: ignore[arg-type]  # neither is asked
    assert not caplog.records


def test_a_failing_commit_is_503_without_a_decision(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_batch: object) -> None:
        raise errors.StoreFailed("the disk is full")

    monkeypatch.setattr(door.store, "append", full)
    answer = door.post(
        "/v1/events",
        {"tenant_id": "acme", "session_id": "s1"}
        | {
            "event_type": "USER_MESSAGE",
            "payload": {"content": "hello"},
        },
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "log_unavailable")
    assert "decision" not in answer.json()


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/events/", "/v1/session", "/v1/sessions/a/b/c", "/v1/sessions/a%2Fb"]
)
def test_an_unknown_path_is_a_404_problem(shared: Door, path: str) -> None:
    answer = shared.ask("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/v1/events", "GET, HEAD, POST"),
        ("GET", "/v1/policy/decide", "POST"),
        ("POST", "/v1/sessions/s1/verify", "GET, HEAD"),
        ("BREW", "/healthz", "GET, HEAD"),
    ],
)
def test_an_unknown_method_is_a_405_problem_that_lists_the_known(
    shared: Door, method: str, path: str, allow: str
) -> None:
    answer = shared.ask(method, path)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == allow


def test_head_answers_like_get(shared: Door) -> None:
    assert shared.ask("HEAD", "/healthz").status_code == 200


def test_a_web_socket_is_closed(shared: Door) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/v1/events", "headers": []}
    shared.serve(scope, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]
