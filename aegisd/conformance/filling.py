"""`{tenant}`, `{session}`, `{n}` and saved names, filled into a step; other braces stay."""

import re
from collections.abc import Mapping

import msgspec

_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")

Names = Mapping[str, object]


def fill(value: object, names: Names) -> object:
    """JSON values with every text filled in. A text that is one name alone takes its value's type.

    Names of members are left as they are.
    """
    if isinstance(value, str):
        alone = _NAME.fullmatch(value)
        return names[alone[1]] if alone and alone[1] in names else text(value, names)
    if isinstance(value, list):
        return [fill(item, names) for item in value]
    if isinstance(value, dict):
        return {name: fill(member, names) for name, member in value.items()}
    return value


def text(value: str, names: Names) -> str:
    """A text with every known name replaced; what is no text itself, as JSON."""
    return _NAME.sub(lambda found: _spelled(names.get(found[1], found[0])), value)


def data(value: bytes, names: Names) -> bytes:
    """Bytes with every known name replaced, in UTF-8."""
    for name, known in names.items():
        value = value.replace(b"{%s}" % name.encode(), _spelled(known).encode())
    return value


def _spelled(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
