"""An input for rego-cpp, built node by node: half the cost of having it parse the same JSON.

Text inside the engine is kept as JSON escape sequences, so each string is handed over as JSON
spells it, and rules cannot tell an input built here from a parsed one: `tests/rego/test_term.py`
holds the two together. These calls are too short to release the interpreter lock for: taking it
back would cost more than the call.
"""

import ctypes

import msgspec
from regopy import rego_shared as native

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
    if isinstance(value, str):
        return int(_text(term, _encode(value)[1:-1]))
    if isinstance(value, dict):
        failed = 0
        for name, member in value.items():
            failed = failed or _build(term, name) or _build(term, member) or _item(term)
        return int(failed or _object(term, len(value)))
    if isinstance(value, list):
        failed = 0
        for member in value:
            failed = failed or _build(term, member)
        return int(failed or _array(term, len(value)))
    if isinstance(value, bool):
        return int(_boolean(term, value))
    if isinstance(value, int):
        return int(_integer(term, value))
    if value is None:
        return int(_null(term))
    raise FloatFoundError
