"""The events of one session, as the library takes them."""

from collections.abc import Mapping

from aegisd.core.shapes.identifier import check_id
from aegisd.pep.output import result_payload
from aegisd.pep.value import plain, plain_object


class Events:
    """Builds requests for one session. Every value is copied and checked; see `pep.value`."""

    def __init__(
        self, tenant_id: str, session_id: str, user_id: str = "", agent_id: str | None = None
    ) -> None:
        """Raises `InvalidField` or `ReservedId` for what is no id of the log."""
        self.tenant_id = check_id(tenant_id, "tenant_id")
        self.session_id = check_id(session_id, "session_id")
        self.user_id = user_id and check_id(user_id, "user_id")
        self.agent_id = None if agent_id is None else check_id(agent_id, "agent_id")
        self._ids: dict[str, object] = {
            "tenant_id": tenant_id,
            "session_id": session_id,
            "user_id": user_id,
        }
        if agent_id is not None:
            self._ids["agent_id"] = agent_id

    def event(self, event_type: str, payload: Mapping[str, object] | None) -> dict[str, object]:
        """Any event of an agent."""
        told = None if payload is None else plain_object(payload, "payload")
        return {**self._ids, "event_type": event_type, "payload": told}

    def proposal(
        self, tool_name: str, args: Mapping[str, object], call_id: str | None = None
    ) -> dict[str, object]:
        """TOOL_CALL_PROPOSED."""
        payload: dict[str, object] = {"tool_name": tool_name, "args": plain_object(args, "args")}
        if call_id is not None:
            payload["call_id"] = call_id
        return self._raw("TOOL_CALL_PROPOSED", payload)

    def executed(self, call_id: str) -> dict[str, object]:
        """TOOL_CALL_EXECUTED."""
        return self._raw("TOOL_CALL_EXECUTED", {"call_id": call_id})

    def result(self, call_id: str, value: object, *, is_error: bool = False) -> dict[str, object]:
        """TOOL_RESULT: text is told as `content`, any other JSON value as a `result`."""
        payload = result_payload(call_id, value)
        if is_error:
            payload["is_error"] = True
        return self._raw("TOOL_RESULT", payload)

    def error(
        self, code: str, message: str, *, call_id: str | None = None, fatal: bool = False
    ) -> dict[str, object]:
        """ERROR_RAISED; with a call's id, that call is over."""
        payload: dict[str, object] = {"code": code, "message": message}
        if fatal:
            payload["fatal"] = True
        if call_id is not None:
            payload["call_id"] = call_id
        return self._raw("ERROR_RAISED", payload)

    def message(self, content: object) -> dict[str, object]:
        """USER_MESSAGE."""
        return self._raw("USER_MESSAGE", {"content": plain(content, "content")})

    def end(self, reason: str | None = None) -> dict[str, object]:
        """TERMINATION."""
        return self._raw("TERMINATION", None if reason is None else {"reason": reason})

    def _raw(self, event_type: str, payload: dict[str, object] | None) -> dict[str, object]:
        return {**self._ids, "event_type": event_type, "payload": payload}
