# ruff: noqa: INP001, T201 - one file to read, copy and run, not a package
"""A policy enforcement point: a tool runs only after Aegis allowed the call and recorded it.

Everything but a 201 with `allow` is a no: another outcome, another status, a broken connection, a
limit that this code does not know. `docs/GOVERN.md` says why, line by line.

Run it from the root of a checkout, beside `aegisd --manifest manifests/quickstart.json`.
"""

import http.client
import json
import sys
import uuid
from collections.abc import Callable
from typing import Any

# Any: JSON that the daemon answers.
Answer = dict[str, Any]
Tool = Callable[[dict[str, str], float], str]

TRIES = 3
LIMITS = {"timeout_ms", "max_output_bytes"}


class Refused(Exception):
    """The tool did not run, or its answer is withheld. The message may be told to the model."""


class Pep:
    """Stands between the agent of one session and its tools."""

    def __init__(self, port: int, tenant_id: str, session_id: str) -> None:
        self._port, self._ids = port, {"tenant_id": tenant_id, "session_id": session_id}

    def call(self, tool_name: str, args: dict[str, str], tool: Tool) -> str:
        """What the tool answered. Raises `Refused`, and what the tool raises."""
        asked = self.record("TOOL_CALL_PROPOSED", {"tool_name": tool_name, "args": args})
        call_id, decision = asked["call_id"], asked["decision"]
        _require_allow(decision)
        limits = decision["constraints"]
        try:
            if decision["obligations"] or limits.keys() - LIMITS:
                raise Refused("allowed under a condition that this PEP does not know")
            content = tool(args, limits.get("timeout_ms", 30_000) / 1000)
        except Exception as error:
            failed = {"code": type(error).__name__, "message": "not run", "call_id": call_id}
            self.record("ERROR_RAISED", failed)
            raise
        content = content.encode()[: limits.get("max_output_bytes")].decode(errors="ignore")
        told = self.record("TOOL_RESULT", {"call_id": call_id, "content": content})
        if told["decision"] is not None:
            _require_allow(told["decision"])
        return content

    def record(self, event_type: str, payload: dict[str, object] | None) -> Answer:
        """Record an event; the answer once it is durable. Raises `Refused` for all but 201.

        The key makes a second try safe: if the first was recorded, its own answer comes again.
        """
        body = json.dumps({**self._ids, "event_type": event_type, "payload": payload})
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        problem = "no answer"
        for _ in range(TRIES):
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
                connection.request("POST", "/v1/events", body, headers)
                response = connection.getresponse()
                answer: Answer = json.loads(response.read())
            except (OSError, http.client.HTTPException, ValueError):
                continue
            finally:
                connection.close()
            if response.status == http.client.CREATED:
                return answer
            problem = f"{answer['code']}: {answer['detail']}"
            if response.status != http.client.SERVICE_UNAVAILABLE:
                break
        raise Refused(problem)
