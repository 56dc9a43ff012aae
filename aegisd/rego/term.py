"""An input for rego-cpp, built node by node: half the cost of having it parse the same JSON.

Text inside the engine is kept as JSON escape sequences, so each string is handed over as JSON
spells it, and rules cannot tell an input built here from a parsed one: `tests/rego/test_term.py`
holds the two together. These calls are too short to release the interpreter lock for: taking it
back would cost more than the call.
"""

import ctypes
from collections.abc import Mapping

import msgspec
from regopy import rego_shared as native

from aegisd.core.policy.schema import INPUT_SCHEMA

_OK = int(native.Code.OK)

library = ctypes.PyDLL(native.rego._name)  # noqa: SLF001 - the path the wheel loaded

_new = library.regoNewInput
_new.restype = ctypes.c_void_p
_free = library.regoFreeInput
_free.argtypes = [ctypes.c_void_p]
_free.restype = None
_set = library.regoSetInput
_set.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
_text = library.regoInputString
_text.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
_integer = library.regoInputInt
_integer.argtypes = [ctypes.c_void_p, ctypes.c_int64]
_boolean = library.regoInputBoolean
_boolean.argtypes = [ctypes.c_void_p, ctypes.c_bool]
_null = library.regoInputNull
_null.argtypes = [ctypes.c_void_p]
_item = library.regoInputObjectItem
_item.argtypes = [ctypes.c_void_p]
_object = library.regoInputObject
_object.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_array = library.regoInputArray
_array.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

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
