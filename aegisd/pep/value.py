"""Values of Python as JSON: copied, so that what is judged is what runs, or refused by place."""

from collections.abc import Mapping

from aegisd.core.errors import InvalidField, TooDeep
from aegisd.core.log.canonical import DEPTH_MAX

_SCALARS = (str, int, float, bool, type(None))


def plain(value: object, where: str, depth: int = DEPTH_MAX) -> object:
    """A copy of a JSON value that nobody else can change. Tuples stay tuples.

    Exact types only: a subclass of `str` may print otherwise than it is judged. Raises
    `InvalidField` naming the place, or `TooDeep`.
    """
    if type(value) in _SCALARS:
        return value
    if depth == 0:
        raise TooDeep(f"{where}: nested deeper than the DEPTH_MAX = {DEPTH_MAX} levels")
    if type(value) is dict:
        return plain_object(value, where, depth)
    if type(value) is list:
        return [plain(item, f"{where}[{at}]", depth - 1) for at, item in enumerate(value)]
    if type(value) is tuple:
        return tuple(plain(item, f"{where}[{at}]", depth - 1) for at, item in enumerate(value))
    raise InvalidField(
        f"{where}: expected a JSON value, found a {type(value).__name__}; pass its text, number, "
        "list or dict",
        field=where,
    )


def plain_object(
    value: Mapping[str, object], where: str, depth: int = DEPTH_MAX
) -> dict[str, object]:
    """A copy of a JSON object. Raises as `plain`."""
    if not isinstance(value, Mapping):
        raise InvalidField(
            f"{where}: expected an object, a dict of names to values, found a "
            f"{type(value).__name__}",
            field=where,
        )
    copied: dict[str, object] = {}
    for key, member in value.items():
        if type(key) is not str:
            raise InvalidField(
                f"{where}: expected text for each key, found a {type(key).__name__}", field=where
            )
        copied[key] = plain(member, f"{where}.{key}", depth - 1)
    return copied
