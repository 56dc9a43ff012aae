"""What a load sends: requests of tool calls as each server under test spells them.

Texts are spelled once and filled in, so that the load costs the shared cores as little as it can.
"""

from collections.abc import Callable

from msgspec import Struct

# (connection, number of the request on it) to the request's body.
Body = Callable[[int, int], bytes]

# Calls of a session before it gives way to a new one, as agents' sessions do; under the quickstart
# manifest's budget of 30.
CALLS_PER_SESSION = 20
BATCH_EVENTS = 100

# An argument that makes one request about 0.5 KB.
_TEXT = "Keep each line short, and name what changed for whoever reads it. " * 4
_ARGS = f'{{"path":"/workspace/out/%d.md","content":"{_TEXT}"}}'
_PEER_ACTION = f'{{"action_type":"write_file","target":"workspace","params":{_ARGS}}}'


class Workload(Struct, frozen=True, kw_only=True):
    """One kind of request, and how many events it holds."""

    path: str
    events: int
    bodies: Callable[[str], Body]


def proposal(session: str) -> Body:
    """Governed tool calls, one a request, in sessions of each connection's own."""
    form = _event("TOOL_CALL_PROPOSED", f'{{"tool_name":"write_file","args":{_ARGS}}}')
    template = _in_session(form, session)

    def body(connection: int, number: int) -> bytes:
        return template % (connection, number // CALLS_PER_SESSION, connection % 4, number)

    return body


def batch(one: Body, form: bytes = b"[%b]") -> Body:
    """`BATCH_EVENTS` of a kind a request, in the frame that the server takes them in."""

    def body(connection: int, number: int) -> bytes:
        first = number * BATCH_EVENTS
        return form % b",".join(one(connection, first + item) for item in range(BATCH_EVENTS))

    return body


def mixed(session: str) -> Body:
    """`BATCH_EVENTS` events a request: 33 calls proposed, executed and answered, and a message."""
    call_id = '"call_id":"k%d"'
    proposed = f'{{"tool_name":"write_file",{call_id},"args":{_ARGS}}}'
    forms = (
        _event("TOOL_CALL_PROPOSED", proposed),
        _event("TOOL_CALL_EXECUTED", f"{{{call_id}}}"),
        _event("TOOL_RESULT", f'{{{call_id},"content":"{_TEXT}"}}'),
    )
    propose, execute, result = (_in_session(form, session) for form in forms)
    message = _in_session(_event("USER_MESSAGE", f'{{"content":"{_TEXT}"}}'), session)

    def body(connection: int, number: int) -> bytes:
        agent = connection % 4
        events = [message % (connection, number * 2, agent)]
        for call in range(BATCH_EVENTS // 3):
            place = (connection, number * 2 + call // CALLS_PER_SESSION, agent, call)
            events += (propose % (*place, call), execute % place, result % place)
        return b"[%b]" % b",".join(events)

    return body


def peer_action(_session: str) -> Body:
    """The peer's spelling of one tool call; it has no sessions."""
    template = _PEER_ACTION.encode()
    return lambda _connection, number: template % number


def _event(event_type: str, payload: str) -> str:
    return (
        f'{{"tenant_id":"bench","session_id":"SESSION","agent_id":"agent-%d",'
        f'"event_type":"{event_type}","payload":{payload}}}'
    )


def _in_session(form: str, session: str) -> bytes:
    return form.replace("SESSION", f"{session}-%d-%d").encode()


WORKLOADS = {
    "call": Workload(path="/v1/events", events=1, bodies=proposal),
    "calls": Workload(
        path="/v1/events", events=BATCH_EVENTS, bodies=lambda name: batch(proposal(name))
    ),
    "mixed": Workload(path="/v1/events", events=BATCH_EVENTS, bodies=mixed),
}
for _verb in ("evaluate", "execute"):
    _path = f"/api/v1/{_verb}"
    WORKLOADS[f"peer-{_verb}"] = Workload(path=_path, events=1, bodies=peer_action)
    WORKLOADS[f"peer-{_verb}-batch"] = Workload(
        path=_path,
        events=BATCH_EVENTS,
        bodies=lambda name: batch(peer_action(name), b'{"actions":[%b]}'),
    )
