"""Keywords that look at a value alone: its type, size, number, text, and what it equals."""

from collections.abc import Callable
from typing import Any

import jsonschema_rs

from aegisd.core.errors import ManifestInvalid
from aegisd.core.log.canonical import INTEGER_MAX
from aegisd.core.schema.node import Around, Check
from aegisd.core.schema.steps import Steps

# The draft in which a number without a fraction is no integer if it is written with one.
DRAFT_4 = 4

# JSON's types as Python's; a boolean is an int only by inheritance, so classes are compared.
_CLASSES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
}

# Characters that one step reads: of a text that is compared, of a format, and of one whose
# characters are mapped.
_COMPARED = 512
_FORMATTED = 16
_MAPPED = 2

# Steps of a division by a fraction, and bits of the numbers for one more.
_DIVISION_STEPS = 24
_DIVISION_BITS = 16


def classes(argument: str | list[str] | None) -> frozenset[type] | None:
    """The classes of the values that `type` may let through; None for any."""
    if argument is None:
        return None
    names = [argument] if isinstance(argument, str) else argument
    found = {each for name in names for each in _CLASSES[name]}
    return frozenset(found | {float} if "integer" in names else found)


def of_type(argument: str | list[str], around: Around) -> Check:
    """`type`. From draft 6 on, a number without a fraction is an integer."""
    names = [argument] if isinstance(argument, str) else argument
    known = frozenset(each for name in names for each in _CLASSES[name])
    if len(known) == 1 and (argument != "integer" or around.draft == DRAFT_4):
        (only,) = known
        return lambda value, _: value.__class__ is only
    if "integer" not in names or float in known or around.draft == DRAFT_4:
        return lambda value, _: value.__class__ in known
    return lambda value, _: (
        value.__class__ in known or (isinstance(value, float) and value.is_integer())
    )


def _sized(kind: type, *, least: bool) -> Callable[[int, Around], Check]:
    def keyword(argument: int, _around: Around) -> Check:
        if least:
            return lambda value, _: value.__class__ is not kind or len(value) >= argument  # type: ignore[arg-type]  # it is one of the three
        return lambda value, _: value.__class__ is not kind or len(value) <= argument  # type: ignore[arg-type]  # as above

    return keyword


def _limit(
    holds: Callable[[float, float], bool], other: str, *, exclusive: bool
) -> Callable[[Any, Around], Check | None]:
    """A bound of numbers; in draft 4 `exclusive…` says of the one beside it which kind it is."""

    def keyword(argument: Any, around: Around) -> Check | None:  # noqa: ANN401  # a number or a boolean
        beside = around.schema.get(other)
        if argument is False or (beside is True and not exclusive):
            return None
        bound = beside if argument is True else argument
        return lambda value, _: not _is_number(value) or holds(value, bound)  # type: ignore[arg-type]  # a number

    return keyword


def multiple_of(argument: float, _around: Around) -> Check:
    """`multipleOf`, exactly: of the numbers as they are written, in decimals."""
    by_whole = isinstance(argument, int)
    divisor, divisor_exponent = _decimal(argument)

    def check(value: object, steps: Steps) -> bool:
        if not isinstance(value, int | float) or value.__class__ is bool:
            return True
        if by_whole and isinstance(value, int):
            return value % argument == 0
        steps.spend(_DIVISION_STEPS)
        number, exponent = _decimal(value)
        shift = exponent - divisor_exponent
        steps.spend(abs(shift) // _DIVISION_BITS)
        if shift >= 0:
            return bool(number * 10**shift % divisor == 0)
        return bool(number % (divisor * 10**-shift) == 0)

    return check


def pattern(argument: str, around: Around) -> Check:
    """`pattern`."""
    search = around.patterns.pattern(argument).search
    return lambda value, steps: value.__class__ is not str or search(value, steps)


def form(argument: str, around: Around) -> Check:
    """`format`. Raises `ManifestInvalid` for one that nobody knows."""
    alone = {"$schema": around.uri, "format": argument}
    try:
        is_valid = jsonschema_rs.validator_for(
            alone, validate_formats=True, ignore_unknown_formats=False
        ).is_valid
    except (jsonschema_rs.ValidationError, ValueError) as error:
        raise ManifestInvalid(str(error).partition("\n")[0]) from None
    pace = _MAPPED if argument.startswith("idn-") else _FORMATTED

    def check(value: object, steps: Steps) -> bool:
        if not isinstance(value, str):
            return True
        steps.spend(4 + len(value) // pace)
        return is_valid(value)

    return check


def one_of_values(argument: list[object], _around: Around) -> Check:
    """`enum`."""
    options = frozenset(key(option, None) for option in argument)

    def check(value: object, steps: Steps) -> bool:
        return key(value, steps) in options

    return check


def unique_items(argument: bool, _around: Around) -> Check | None:  # noqa: FBT001  # as it is written
    """`uniqueItems`."""
    if not argument:
        return None

    def check(value: object, steps: Steps) -> bool:
        if not isinstance(value, list):
            return True
        seen = set()
        for item in value:
            found = key(item, steps)
            if found in seen:
                return False
            seen.add(found)
        return True

    return check


def required(argument: list[str] | bool, _around: Around) -> Check:  # noqa: FBT001  # draft 3's form is refused before
    """`required`."""
    names = tuple(dict.fromkeys(argument)) if isinstance(argument, list) else ()
    return lambda value, steps: value.__class__ is not dict or _has(value, names, steps)


def dependent_required(argument: dict[str, Any], _around: Around) -> Check:
    """`dependentRequired`, and the names in `dependencies`."""
    lists = {
        name: tuple(dict.fromkeys(names))
        for name, names in argument.items()
        if isinstance(names, list)
    }

    def check(value: object, steps: Steps) -> bool:
        if not isinstance(value, dict):
            return True
        steps.spend(min(len(lists), len(value)))
        few, many = (lists, value) if len(lists) < len(value) else (value, lists)
        return all(_has(value, lists[name], steps) for name in few if name in many)

    return check


def key(value: object, steps: Steps | None) -> object:
    """What is equal for two values just when JSON calls them equal, and is found by hash."""
    if isinstance(value, str):
        if steps is not None:
            steps.spend(1 + len(value) // _COMPARED)
        return value
    if _is_number(value):
        return value
    told: list[str] = []
    _write(value, steps, told)
    return ("".join(told),)


def _write(value: object, steps: Steps | None, told: list[str]) -> None:
    """Write a value behind what is told, which is joined once, however deep it is."""
    if steps is not None:
        steps.spend(7)
    if isinstance(value, str):
        _write_text(value, steps, told)
    elif isinstance(value, list):
        told.append("[")
        for item in value:
            _write(item, steps, told)
            told.append(",")
        told.append("]")
    elif isinstance(value, dict):
        told.append("{")
        for name in sorted(value):
            _write_text(name, steps, told)
            _write(value[name], steps, told)
            told.append(",")
        told.append("}")
    elif isinstance(value, float) and value.is_integer() and abs(value) <= INTEGER_MAX:
        told.append(repr(int(value)))
    else:
        told.append(repr(value))


def _write_text(text: str, steps: Steps | None, told: list[str]) -> None:
    if steps is not None:
        steps.spend(len(text) // _COMPARED)
    told += (str(len(text)), ":", text)


def _has(value: dict[str, object], names: tuple[str, ...], steps: Steps) -> bool:
    """Whether an object has all of these names, which are different."""
    if len(names) > len(value):
        return False
    steps.spend(len(names) // 2)
    for name in names:  # noqa: SIM110  # a generator costs as much as a few names
        if name not in value:
            return False
    return True


def _is_number(value: object) -> bool:
    return value.__class__ is int or value.__class__ is float


def _decimal(number: float) -> tuple[int, int]:
    """A number as it is written: digits, and the power of ten they are multiplied by."""
    digits, _, exponent = repr(number).partition("e")
    whole, _, fraction = digits.partition(".")
    return int(whole + fraction), int(exponent or 0) - len(fraction)


# The keywords, and the order in which they are asked: what is cheap comes first.
KEYWORDS: dict[str, Callable[[Any, Around], Check | None]] = {
    "type": of_type,
    "const": lambda argument, around: one_of_values([argument], around),
    "enum": one_of_values,
    "required": required,
    "minimum": _limit(lambda value, bound: value >= bound, "exclusiveMinimum", exclusive=False),
    "maximum": _limit(lambda value, bound: value <= bound, "exclusiveMaximum", exclusive=False),
    "exclusiveMinimum": _limit(lambda value, bound: value > bound, "minimum", exclusive=True),
    "exclusiveMaximum": _limit(lambda value, bound: value < bound, "maximum", exclusive=True),
    "minLength": _sized(str, least=True),
    "maxLength": _sized(str, least=False),
    "minItems": _sized(list, least=True),
    "maxItems": _sized(list, least=False),
    "minProperties": _sized(dict, least=True),
    "maxProperties": _sized(dict, least=False),
    "multipleOf": multiple_of,
    "dependentRequired": dependent_required,
    "dependencies": dependent_required,
    "format": form,
    "pattern": pattern,
    "uniqueItems": unique_items,
}
