# ruff: noqa: INP001, T201 - one file to read, copy and run, not a package
"""A policy enforcement point: a tool runs only after Aegis allowed the call and recorded it.

Everything but a 201 with `allow` is a no: another outcome, another status, a broken connection, a
condition that this code does not know. `docs/GOVERN.md` says why, answer by answer.

Run it beside `aegisd --manifest manifests/quickstart.json`: `python docs/examples/pep.py`, with the
daemon's port if that is not 8080.
"""

import http.client
import json
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from typing import Any

# Any: JSON that the daemon answers.
Json = dict[str, Any]
Tool = Callable[[dict[str, str], float], str]

TRIES = 3
LIMITS = {"timeout_ms": 30_000, "max_output_bytes": 1_000_000}

# Bytes of a result's payload in the log, in which a line break is two and a control character six.
PAYLOAD_BYTES_MAX = 1_048_576


class Refused(Exception):
    """The tool did not run, or its answer is withheld. The message may be told to the model."""


class Pep:
    """Stands between the agent of one session and its tools."""

    def __init__(self, port: int, tenant_id: str, session_id: str) -> None:
        self._port, self._ids = port, {"tenant_id": tenant_id, "session_id": session_id}

    def call(self, tool_name: str, args: dict[str, str], tool: Tool) -> str:
        """What the tool answered. Raises `Refused`, and whatever the tool raises."""
        asked = self.record("TOOL_CALL_PROPOSED", {"tool_name": tool_name, "args": args})
        require_allow(asked["decision"])
        call_id = asked["call_id"]
        try:
            limits = known_limits(asked["decision"])
            content = tool(args, limits["timeout_ms"] / 1000)
        except Exception as error:
            failed = {"code": type(error).__name__, "message": "no result", "call_id": call_id}
            self.record("ERROR_RAISED", failed)
            raise
        content = recordable(content, call_id, limits["max_output_bytes"])
        told = self.record("TOOL_RESULT", {"call_id": call_id, "content": content})
        if told["decision"] is not None:
            require_allow(told["decision"])
        return content

    def record(self, event_type: str, payload: Json | None) -> Json:
        """Record an event, and return the answer. Raises `Refused` for every answer but 201.

        With one key for all tries, an event whose answer was lost is not recorded twice.
        """
        body = json.dumps({**self._ids, "event_type": event_type, "payload": payload})
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        problem = "no answer from Aegis"
        for tries in range(TRIES):
            time.sleep(tries)
            try:
                with closing(http.client.HTTPConnection("127.0.0.1", self._port, 30)) as aegis:
                    aegis.request("POST", "/v1/events", body, headers)
                    response = aegis.getresponse()
                    answer: Json = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError):
                continue
            if response.status == http.client.CREATED:
                return answer
            problem = f"{answer['code']}: {answer['detail']}"
            if response.status != http.client.SERVICE_UNAVAILABLE:
                break
        raise Refused(problem)


def recordable(content: str, call_id: str, bytes_max: int) -> str:
    """A start of a text that the limit allows and one event holds."""
    cut = content.encode(errors="replace")[:bytes_max].decode(errors="ignore")
    # It is cut by as much as it is too long, and again where its start has more escapes in it.
    while (size := written({"call_id": call_id, "content": cut})) > PAYLOAD_BYTES_MAX:
        cut = cut[: len(cut) * PAYLOAD_BYTES_MAX // size]
    return cut


def written(payload: Json) -> int:
    """Bytes of a payload in canonical form."""
    return len(json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode())


def require_allow(decision: Json) -> None:
    """Raise `Refused` for any outcome but `allow`, with the reasons."""
    if decision["outcome"] != "allow":
        said = [f"{reason['code']}: {reason['message']}" for reason in decision["reasons"]]
        raise Refused("; ".join([decision["outcome"], *said]))


def known_limits(decision: Json) -> dict[str, int]:
    """The limits to hold the call to. Raises `Refused` where one could not be kept."""
    if decision["obligations"] or decision["constraints"].keys() - LIMITS.keys():
        raise Refused("allowed under a condition that this PEP cannot meet")
    return {**LIMITS, **decision["constraints"]}


def read_file(args: dict[str, str], _timeout_s: float) -> str:
    """Stands for a tool: it answers what the file would hold."""
    return f"(what {args['path']} holds)"


def main() -> None:
    """One session: a call that is allowed, one that is not, and the end."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    pep = Pep(port, "acme", f"pep-{uuid.uuid4()}")
    pep.record("USER_MESSAGE", {"content": "What do I have to buy?"})
    for path in ("/workspace/notes.txt", "/etc/passwd"):
        try:
            print(pep.call("read_file", {"path": path}, read_file))
        except Refused as refusal:
            print(refusal)
    pep.record("TERMINATION", None)


if __name__ == "__main__":
    main()
