"""The query of a request: each parameter known, named once and well-formed, or 422."""

import base64
import binascii

from msgspec import Struct
from starlette.requests import Request

from aegisd.core.errors import InvalidField, UnknownField
from aegisd.core.log.canonical import INTEGER_MAX
from aegisd.core.nearest import nearest
from aegisd.core.shapes.identifier import ID_CHARACTERS_MAX, check_id
from aegisd.json_schema import Schema

# Items in one page: some megabytes of ordinary events, and a fraction of a second to read.
PAGE_ITEMS_MAX = 1000
PAGE_ITEMS_DEFAULT = 100

# An id of the log, the daemon's own among them, and the name of stored bytes.
ID: Schema = {
    "type": "string",
    "pattern": f"^[$A-Za-z0-9_:@-][A-Za-z0-9._:@-]{{0,{ID_CHARACTERS_MAX}}}$",
}
DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


class Parameter(Struct, frozen=True, kw_only=True):
    """One parameter: its name, the JSON Schema of its value, and whether it must be there."""

    name: str
    schema: Schema
    required: bool = False


TENANT = Parameter(name="tenant_id", schema=ID, required=True)
LIMIT = Parameter(
    name="limit",
    schema={
        "type": "integer",
        "minimum": 1,
        "maximum": PAGE_ITEMS_MAX,
        "default": PAGE_ITEMS_DEFAULT,
    },
)
PAGE_TOKEN = Parameter(name="page_token", schema={"type": "string"})


class Query:
    """The parameters of one request. Raises `UnknownField` for any other."""

    def __init__(self, request: Request, *parameters: Parameter) -> None:
        known = [each.name for each in parameters]
        self._values: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            if name not in known:
                guess = f"; the nearest known one is {nearest(name, known)}" if known else ""
                raise UnknownField(f"unknown query parameter{guess}", field=name[:128])
            if name in self._values:
                raise InvalidField(f"{name}: named twice in the query", field=name)
            self._values[name] = value

    @property
    def values(self) -> dict[str, object]:
        """Every parameter as it is, to be read as a struct."""
        return dict(self._values)

    def id(self, name: str) -> str:
        """An id that must be there. Raises `InvalidField`."""
        return check_any_id(self._values.get(name), name)

    def optional_id(self, name: str) -> str | None:
        """An id, or None where it is not asked about."""
        return self.id(name) if name in self._values else None

    def text(self, name: str) -> str | None:
        """A value as it is."""
        return self._values.get(name)

    def choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        """One of a few words. Raises `InvalidField` naming them."""
        value = self._values.get(name)
        if value is not None and value not in choices:
            raise InvalidField(f"{name}: expected one of {', '.join(choices)}", field=name)
        return value

    def limit(self) -> int:
        """How many items a page holds, 1 to `PAGE_ITEMS_MAX`."""
        return self.integer("limit", PAGE_ITEMS_DEFAULT, least=1, most=PAGE_ITEMS_MAX)

    def integer(self, name: str, default: int, *, least: int = 0, most: int = INTEGER_MAX) -> int:
        """A decimal number within bounds. Raises `InvalidField` naming them."""
        value = self._values.get(name)
        if value is None:
            return default
        digits = value.isascii() and value.isdigit() and len(value) <= len(str(most))
        if not digits or not least <= int(value) <= most:
            raise InvalidField(f"{name}: expected an integer from {least} to {most}", field=name)
        return int(value)

    def token(self, kind: str) -> str | None:
        """Where a page begins, as a page of the same kind of listing told. See `token`."""
        value = self._values.get("page_token")
        if value is None:
            return None
        try:
            place = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode("ascii")
        except (binascii.Error, ValueError):
            place = ""
        if token(kind, place.removeprefix(kind)) != value:
            raise InvalidField(
                "page_token: expected the next_page_token of a page of this listing",
                field="page_token",
            )
        return place.removeprefix(kind)

    def place(self, kind: str) -> int | None:
        """Like `token`, where the place is a number."""
        text = self.token(kind)
        if text is None:
            return None
        if not text.isdigit() or len(text) > len(str(INTEGER_MAX)):
            raise InvalidField("page_token: does not name a place", field="page_token")
        return int(text)


def token(kind: str, place: int | str) -> str:
    """An opaque page token: where the next page begins, in a listing of one kind."""
    return base64.urlsafe_b64encode(f"{kind}{place}".encode()).decode().rstrip("=")


def check_any_id(value: object, field: str) -> str:
    """An id that may also be the daemon's own, to be read: `$control`. Raises `InvalidField`."""
    if type(value) is str and value.startswith("$"):
        check_id(value[1:], field)
        return value
    return check_id(value, field)
