"""An input for rego-cpp, built node by node: half the cost of having it parse the same JSON.

Text inside the engine is kept as JSON escape sequences, so each string is handed over as JSON
spells it, and rules cannot tell an input built here from a parsed one: `tests/rego/test_term.py`
holds the two together. These calls are too short to release the interpreter lock for: taking it
back would cost more than the call.
"""

import ctypes
from collections.abc import Callable, Mapping
from ctypes import c_char_p, c_uint32, c_void_p
from typing import Any

import msgspec
from regopy import rego_shared as native

from aegisd.core.policy.schema import INPUT_SCHEMA

_OK = int(native.Code.OK)

library = ctypes.PyDLL(native.rego._name)  # noqa: SLF001 - the path the wheel loaded


def function(name: str, gives: type | None, *takes: type) -> Callable[..., Any]:
    """A function of the library by its name in C."""
    found = library[name]
    found.restype, found.argtypes = gives, takes
    return found


_new = function("regoNewInput", c_void_p)
_free = function("regoFreeInput", None, c_void_p)
_set = function("regoSetInput", c_uint32, c_void_p, c_void_p)
_text = function("regoInputString", c_uint32, c_void_p, c_char_p)
_integer = function("regoInputInt", c_uint32, c_void_p, ctypes.c_int64)
_boolean = function("regoInputBoolean", c_uint32, c_void_p, ctypes.c_bool)
_null = function("regoInputNull", c_uint32, c_void_p)
_item = function("regoInputObjectItem", c_uint32, c_void_p)
_object = function("regoInputObject", c_uint32, c_void_p, ctypes.c_size_t)
_array = function("regoInputArray", c_uint32, c_void_p, ctypes.c_size_t)

_encode = msgspec.json.Encoder().encode

# The names that every policy input has, spelled once.
_SPELLED = {
    name: name.encode()
    for section, fields in INPUT_SCHEMA.items()
    for name in (section, *(fields if isinstance(fields, Mapping) else ()))
}


class FloatFoundError(Exception):
    """A float: the engine prints what it is given, so only parsing keeps its spelling."""


def set_input(interpreter: int, value: object) -> bool:
    """Make decoded JSON the input; False when the engine refuses it. Raises `FloatFoundError`."""
    term = _new()
    try:
        return _build(term, value) == _OK and int(_set(interpreter, term)) == _OK
    finally:
        _free(term)


def _build(term: int, value: object) -> int:
    """Push a value; the C interface collects members from its stack. Gives the first failure."""
    kind = type(value)
    if kind is str:
        return _text(term, _spell(value))  # type: ignore[no-any-return, arg-type]
    if kind is dict:
        failed = 0
        for name, member in value.items():  # type: ignore[attr-defined]
            failed |= _text(term, _spell(name)) | _build(term, member) | _item(term)
        return failed | _object(term, len(value))  # type: ignore[no-any-return, arg-type]
    if kind is list:
        failed = 0
        for member in value:  # type: ignore[attr-defined]
            failed |= _build(term, member)
        return failed | _array(term, len(value))  # type: ignore[no-any-return, arg-type]
    if kind is bool:
        return _boolean(term, value)  # type: ignore[no-any-return]
    if kind is int:
        return _integer(term, value)  # type: ignore[no-any-return]
    if value is None:
        return _null(term)  # type: ignore[no-any-return]
    raise FloatFoundError


def _spell(text: str) -> bytes:
    """Text as JSON spells it between the quotation marks."""
    spelled = _SPELLED.get(text)
    return _encode(text)[1:-1] if spelled is None else spelled
