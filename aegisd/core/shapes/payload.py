"""Payloads: what their fields may hold, and an agent's own payload, which is closed.

A field that is not declared is refused and the nearest one named. Fields that belong to parts this
version does not have are refused too, rather than recorded and ignored.
"""

from functools import cache
from typing import Annotated, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from aegisd.core.errors import InvalidField, UnknownField, UnsupportedField
from aegisd.core.log.canonical import INTEGER_MAX
from aegisd.core.nearest import nearest
from aegisd.core.shapes.identifier import ID_CHARACTERS_MAX

# A tool's name as its server declares it; MCP sets no limit, real ones stay below 64.
NAME_CHARACTERS_MAX = 256

# A sentence for people, not a report: details belong in `meta` or in the tool's result.
MESSAGE_CHARACTERS_MAX = 4096

Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
Message = Annotated[str, Meta(max_length=MESSAGE_CHARACTERS_MAX)]
Count = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Free = dict[str, object]

_UNSUPPORTED = {
    "approval_id": "approvals are recorded as outcomes but cannot be granted in this version",
    "lease": "leases are not part of this version",
}


class AgentPayload(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An agent's payload. `meta` is the caller's own: stored, shown, read by no base rule."""

    meta: Free | UnsetType = UNSET


def read(payload: object, shape: type[AgentPayload], event_type: str) -> AgentPayload:
    """A payload as its closed type.

    Raises `UnknownField`, `UnsupportedField` or `InvalidField`; nothing of the payload's values is
    repeated in a message.
    """
    if not isinstance(payload, dict):
        raise InvalidField("payload: expected an object", field="payload")
    _refuse_unknown(payload, shape, "payload")
    for field, inner in _inner(shape):
        if isinstance(payload.get(field), dict):
            _refuse_unknown(payload[field], inner, f"payload.{field}")
    try:
        return msgspec.convert(payload, shape)
    except msgspec.ValidationError as error:
        message = str(error).replace("$.", "payload.").replace(" - at `", " at `")
        raise InvalidField(f"payload of {event_type}: {message}", field="payload") from None


@cache
def _inner(shape: type[Struct]) -> tuple[tuple[str, type[Struct]], ...]:
    """The closed objects inside a payload, by the field that holds them."""
    return tuple(
        (field.name, kind)
        for field in msgspec.structs.fields(shape)
        for kind in get_args(field.type)
        if isinstance(kind, type) and issubclass(kind, Struct)
    )


def _refuse_unknown(given: dict[str, object], shape: type[Struct], where: str) -> None:
    known = shape.__struct_fields__
    for field in given:
        if field in known:
            continue
        if field in _UNSUPPORTED:
            raise UnsupportedField(f"{where}.{field}: {_UNSUPPORTED[field]}", field=field)
        raise UnknownField(
            f"{where}: unknown field; the nearest known one is {nearest(field, known)}",
            field=field[:ID_CHARACTERS_MAX],
            nearest=nearest(field, known),
        )
