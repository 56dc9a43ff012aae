"""What agents say in an archive: every event they can send in several forms, and every answer.

Each function is one part of the conversation, in sessions of its own, so that parts can be told
again by another engine under another prefix.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from drills.daemon import Client

Answer = dict[str, object]

CREATED = 201

# Canonical bytes; a text past 64 KiB is kept beside its event.
LONG_TEXT = "It goes on. " * 5_700

# The request that is sent again, word for word, to every later build.
REPEATED_KEY = "pay-the-rent"


@dataclass(frozen=True)
class Speaker:
    """An agent of one tenant. `prefix` begins the names of its sessions and keys."""

    client: Client
    tenant_id: str
    prefix: str

    def session(self, name: str) -> str:
        """The full name of a session."""
        return f"{self.prefix}-{name}"

    def event(self, session: str, event_type: str, payload: object, **more: object) -> Answer:
        """An event as it is sent; `more` are fields of the request."""
        return {
            "tenant_id": self.tenant_id,
            "session_id": self.session(session),
            "event_type": event_type,
            "payload": payload,
            **more,
        }

    def say(self, session: str, event_type: str, payload: object, **more: object) -> Answer:
        """Send an event; the answer."""
        return self.post("/v1/events", self.event(session, event_type, payload, **more))

    def call(self, session: str, tool: str, args: object = None, **more: object) -> Answer:
        """Propose a call; `call_id` and other fields of the payload may be named."""
        names = ("call_id", "server", "estimate", "meta")
        payload = {name: more.pop(name) for name in names if name in more}
        payload |= {"tool_name": tool, "args": {} if args is None else args}
        return self.say(session, "TOOL_CALL_PROPOSED", payload, **more)

    def post(self, path: str, body: object, **headers: str) -> Answer:
        """Send anything. Raises `SystemExit` for another answer than 201."""
        status, answer = self.client.request("POST", path, body, **headers)
        if status != CREATED:
            raise SystemExit(f"POST {path} was answered {status}: {json.dumps(answer)}")
        return answer


def read(name: str = "notes.txt") -> dict[str, object]:
    """Arguments of a read that is allowed."""
    return {"path": f"/workspace/{name}"}


def every_event(speaker: Speaker) -> None:
    """A session with every event that an agent can send, in short and in full, to its end."""
    opening = {
        "tenant_id": speaker.tenant_id,
        "session_id": speaker.session("all"),
        "user_id": "ann",
        "agent_id": "scribe",
        "meta": {"ticket": 7, "tags": ["a", "ü"]},
    }
    speaker.post("/v1/sessions", opening, Idempotency_Key=f"{speaker.prefix}-open")
    who = {"user_id": "ann", "agent_id": "scribe"}
    for event_type, payload in _SPOKEN:
        speaker.say("all", event_type, payload, **who)
    # What was allowed before the end may still come in, and settles; a new call is denied.
    speaker.say("all", "TOOL_RESULT", {"call_id": "late", "content": "at last"}, **who)
    speaker.call("all", "read_file", read(), **who)
    speaker.say("ended", "TERMINATION", None)
    speaker.say("ended", "MEMORY_WRITE", {"memory_key": "k"})


_FILE = {"tool_name": "read_file", "args": read()}

_SPOKEN: tuple[tuple[str, object], ...] = (
    ("USER_MESSAGE", {"content": 'Please tidy up. ☂ "quoted" \\ \u2028'}),
    ("USER_MESSAGE", {"content": {"parts": [1, 2.5, -0.001, 1e21, None, True]}, "meta": {}}),
    ("MODEL_CALL_STARTED", {"model": "m-small"}),
    ("MODEL_CALL_FINISHED", {"call_id": "c5", "finish_reason": "stop", "content": "Done."}),
    (
        "MODEL_CALL_STARTED",
        {
            "model": "m-large",
            "call_id": "m2",
            "provider": "somebody",
            "purpose": "plan",
            "complexity": "high",
            "max_tokens": 900,
            "prompt_tokens": 12,
        },
    ),
    (
        "MODEL_CALL_FINISHED",
        {
            "call_id": "m2",
            "finish_reason": "length",
            "usage": {"input_tokens": 12, "output_tokens": 900, "cost_usd_micros": 1_300},
            "latency_ms": 820,
        },
    ),
    ("MODEL_CALL_STARTED", {"model": "m-large", "call_id": "m3"}),
    ("TOOL_CALL_PROPOSED", {**_FILE, "call_id": "f1", "meta": {"why": "asked"}}),
    ("TOOL_CALL_EXECUTED", {"call_id": "f1", "started_ms": 1_700_000_000_000}),
    ("TOOL_RESULT", {"call_id": "f1", "content": "two lines\n", "latency_ms": 3}),
    (
        "TOOL_CALL_PROPOSED",
        {
            "tool_name": "lookup",
            "server": "directory",
            "call_id": "l1",
            "estimate": {"usd_micros": 5, "tokens": 10},
        },
    ),
    ("TOOL_CALL_EXECUTED", {"call_id": "l1"}),
    (
        "TOOL_RESULT",
        {
            "call_id": "l1",
            "result": {
                "people": [{"id": 1, "mail": "ann@example.com"}, {"id": 2, "mail": "bo@x.org"}],
                "token": "t-0123456789",
            },
            "usage": {"cost_usd_micros": 4},
        },
    ),
    ("TOOL_CALL_PROPOSED", {**_FILE, "call_id": "f2"}),
    ("TOOL_RESULT", {"call_id": "f2", "result": None, "is_error": True}),
    ("TOOL_CALL_PROPOSED", {**_FILE, "call_id": "f3"}),
    ("ERROR_RAISED", {"code": "timeout", "message": "no answer", "call_id": "f3"}),
    ("ERROR_RAISED", {"code": "odd", "message": "", "fatal": True, "meta": {"at": [1]}}),
    ("TOOL_CALL_PROPOSED", {**_FILE, "call_id": "f4"}),
    ("TOOL_RESULT", {"call_id": "f4", "content": "for the desk only"}),
    ("MEMORY_READ", {"memory_key": "taste"}),
    ("MEMORY_READ", {"memory_key": "stale", "memory_store": "s", "content": [1], "bytes": 3}),
    ("MEMORY_WRITE", {"memory_key": "taste", "content": "Ann likes rain."}),
    ("MEMORY_WRITE", {"memory_key": "size", "memory_store": "s", "bytes": 10}),
    ("HANDOFF_REQUESTED", {"from_agent": "scribe", "to_agent": "clerk"}),
    ("HANDOFF_COMPLETED", {"from_agent": "scribe", "to_agent": "clerk", "success": True}),
    (
        "HANDOFF_REQUESTED",
        {"from_agent": "clerk", "to_agent": "scribe", "context_id": "x1", "content": {"n": 1}},
    ),
    (
        "HANDOFF_COMPLETED",
        {
            "from_agent": "clerk",
            "to_agent": "scribe",
            "success": False,
            "context_id": "x1",
            "content": "no",
        },
    ),
    ("TOOL_CALL_PROPOSED", {**_FILE, "call_id": "late"}),
    ("USER_MESSAGE", {"content": "wait"}),
    ("TERMINATION", {"reason_code": "done", "reason": "all done", "detail": "nothing left"}),
)


def every_denial(speaker: Speaker) -> None:
    """A call for each reason the household's manifest and rules have to deny, ask or fail."""
    calls: tuple[tuple[str, object], ...] = (
        ("unheard_of", None),
        ("read_file", {"path": 1}),
        ("wipe", {"disk": "all"}),
        ("fetch", {"url": "https://evil.test/"}),
        ("fetch", {"url": "https://user@docs.python.org/"}),
        ("fetch", {"url": "https://a.example.com/x"}),
        ("read_file", {"path": "/workspace/../etc/passwd"}),
        ("write_file", {"path": "/workspace/in.txt", "content": "x"}),
        ("run", {"command": "git status; rm -rf /"}),
        ("run", {"command": "git log -n HEAD~3"}),
        ("delete_file", {"path": "/workspace/out/a"}),
        ("pay", {"amount": 100, "to": "bo"}),
        ("pay", {"amount": 101.5, "to": "bo"}),
        ("pay", {"amount": "much", "to": "bo"}),
    )
    for tool, args in calls:
        speaker.call("denied", tool, args, agent_id="scribe")
    speaker.call("denied", "lookup", {}, server="another")
    speaker.call("fault", "fetch", {"url": "https://docs.python.org/3/"}, user_id="eve")
    for name in ("n1", "n2"):
        speaker.call(name, "unheard_of", agent_id="noisy")
    speaker.call("n3", "read_file", read(), agent_id="noisy")


def unasked(speaker: Speaker) -> None:
    """Results and starts that nobody allowed: recorded, and counted as violations."""
    speaker.call("unasked", "unheard_of", call_id="no")
    speaker.say("unasked", "TOOL_CALL_EXECUTED", {"call_id": "no"})
    speaker.say("unasked", "TOOL_RESULT", {"call_id": "no", "content": "done anyway"})
    speaker.say("unasked", "TOOL_RESULT", {"call_id": "never", "result": [1]})
    speaker.say("unasked", "MODEL_CALL_FINISHED", {"call_id": "never"})


def batches(speaker: Speaker) -> None:
    """Events in one commit: an array, lines, and one under a key."""
    denied = speaker.event("batch", "TOOL_CALL_PROPOSED", {"tool_name": "wipe"})
    allowed = speaker.event("batch", "TOOL_CALL_PROPOSED", {"tool_name": "pay", "args": _FEE})
    told = speaker.event("batch2", "USER_MESSAGE", {"content": "two sessions, one commit"})
    speaker.post("/v1/events", [allowed, denied, told])
    lines = b"".join(json.dumps(each).encode() + b"\n" for each in (told, allowed))
    speaker.post("/v1/events", lines, Content_Type="application/x-ndjson")
    key = f"{speaker.prefix}-batch"
    speaker.post("/v1/events", [told, denied], Idempotency_Key=key)


_FEE = {"amount": 1, "to": "bank"}


def careful(speaker: Speaker) -> tuple[Mapping[str, object], Answer]:
    """A caller with its own clock, keys and heads; the request under a key, and its answer."""
    first = speaker.call("careful", "pay", _FEE, ts_unix_ms=1_600_000_000_000)
    head = first["head"]
    if not isinstance(head, dict):
        raise SystemExit("an answer without a head")
    after = {"seq": head["seq"] + 1, "prev_hash": head["hash"]}
    speaker.say("careful", "USER_MESSAGE", {"content": "only if nothing is between"}, **after)
    rent = {"tool_name": "pay", "args": {"amount": 90, "to": "landlord"}, "call_id": "rent"}
    request = speaker.event("careful", "TOOL_CALL_PROPOSED", rent, agent_id="payer")
    key = f"{speaker.prefix}-{REPEATED_KEY}"
    answer = speaker.post("/v1/events", request, Idempotency_Key=key)
    again = speaker.post("/v1/events", request, Idempotency_Key=key)
    if again["hash"] != answer["hash"]:
        raise SystemExit("a request under a key was answered anew")
    return {"key": key, "body": request}, answer


def kept_beside(speaker: Speaker, user: str) -> None:
    """Personal, secret and long values of one user, in events judged and not."""
    session = f"kept-{user}"
    message = {"content": {"name": "Ann Example", "text": "hello"}}
    speaker.say(session, "USER_MESSAGE", message, user_id=user)
    note = {"path": "/workspace/out/ann.txt", "content": "born in a small town"}
    speaker.call(session, "write_file", note, user_id=user)
    speaker.call(session, "sign_in", {"password": "correct horse battery"}, user_id=user)
    memory = {"memory_key": "ann", "content": {"likes": ["rain", "long walks"]}}
    speaker.say(session, "MEMORY_WRITE", memory, user_id=user)
    speaker.call(session, "lookup", {}, server="directory", call_id="who", user_id=user)
    found = {"people": [{"mail": "somebody@example.com"}], "token": "t-9876543210"}
    speaker.say(session, "TOOL_RESULT", {"call_id": "who", "result": found}, user_id=user)


def long_text(speaker: Speaker) -> None:
    """A text too large for its event, of a session that names no user."""
    speaker.say("long", "USER_MESSAGE", {"content": LONG_TEXT})


def spent(speaker: Speaker) -> None:
    """A session that uses up what the zoned manifest gives it: tool calls, model calls, steps."""
    for _ in range(4):
        speaker.call("spent", "read_file", read())
    speaker.say("spent", "MODEL_CALL_STARTED", {"model": "m"})
    for number in range(3):
        speaker.say("spent", "MEMORY_WRITE", {"memory_key": f"k{number}"})


def letters(speaker: Speaker) -> None:
    """Texts that a rule looks into, on which the engines part where a line breaks."""
    for text in ("good morning", "the secret word", "two\nlines"):
        speaker.call("letters", "send", {"to": "bo", "text": text})


def long_session(speaker: Speaker) -> None:
    """A session long enough for its fold to be cached."""
    told = speaker.event("many", "ERROR_RAISED", {"code": "tick", "message": ""})
    speaker.call("many", "pay", _FEE)
    speaker.post("/v1/events", [told] * 128)
    speaker.call("many", "pay", _FEE)
