"""rego-cpp 1.5 through its C interface: modules and data in, compiled entry points out.

Only this module and `term` touch the native library. The interpreter lock is released while rules
run, so the event loop goes on meanwhile. A machine belongs to one thread at a time.

What the library does that a caller must know, each held by `tests/rego/test_machine.py`:
an error in a rule can come back as text with a success flag; a null pointer arrives as None; text
ends at the first NUL byte; recursion over deeply nested JSON overflows the stack; sets leave as
arrays, and keys that are no strings leave as strings; numbers print with 16 digits.
"""

import ctypes
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from ctypes import c_char_p, c_uint32, c_void_p

import msgspec
from msgspec import Raw, Struct
from regopy import rego_shared as native

from aegisd.core.errors import EvaluatorFailed, PolicyInvalid
from aegisd.rego import term

# Brackets inside brackets in an input. The native parser recurses; 1,000 pass on an 8 MB stack and
# 10,000 do not. The doors allow fewer.
NESTING_MAX = 256

_set_input = native.rego.regoSetInputJSON
_set_input.restype, _set_input.argtypes = c_uint32, [c_void_p, c_char_p]
# The wheel's own wrappers compare a null pointer with 0, but ctypes gives None.
_build = native.rego.regoBuild
_query = native.rego.regoBundleQueryEntrypoint
_output_size = term.function("regoOutputJSONSize", c_uint32, c_void_p)
_output_json = term.function("regoOutputJSON", c_uint32, c_void_p, c_char_p, c_uint32)
_output_ok = term.function("regoOutputOk", ctypes.c_bool, c_void_p)
_output_node = term.function("regoOutputNode", c_void_p, c_void_p)
_node_size = term.function("regoNodeSize", c_uint32, c_void_p)
_node = term.function("regoNodeGet", c_void_p, c_void_p, c_uint32)
_value_size = term.function("regoNodeValueSize", c_uint32, c_void_p)
_value = term.function("regoNodeValue", c_uint32, c_void_p, c_char_p, c_uint32)
_free_output = term.function("regoFreeOutput", None, c_void_p)

_OK = int(native.Code.OK)
_QUIET = native.LogLevel.NONE

# `(error 12:rules/a.rego|345|6` and the sentence after it.
_ERROR = re.compile(
    r"\(error(?: \d+:([^|\n]*)\|(\d+)\|\d+)?\s+\(errormsg (?:[^\s]*\|)?\d+:([^\n]*)\)"
)


class _Output(Struct, frozen=True, forbid_unknown_fields=True):
    expressions: list[Raw]


_decode_output = msgspec.json.Decoder(_Output).decode
_decode = msgspec.json.Decoder().decode


class Machine:
    """Compiled rules with their data, asked any number of times."""

    def __init__(self, files: Mapping[str, str], data: bytes, entrypoints: Sequence[str]) -> None:
        """Compile `files` (path to source) with `data` (JSON of an object) for `a/b/rule` paths.

        Raises `PolicyInvalid`, naming file and line where the engine does.
        """
        self._interpreter = native.rego_new()
        self._bundle: c_void_p | None = None
        try:
            self._compile(files, data, entrypoints)
        except native.RegoError as error:
            raise PolicyInvalid(_explain(str(error), files)) from None

    def __del__(self, finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        # At the end of the process its memory goes anyway, and the library may be gone already.
        if finalizing():
            return
        if self._bundle is not None:
            native.rego_free_bundle(self._bundle)
        native.rego_free(self._interpreter)

    def _compile(self, files: Mapping[str, str], data: bytes, entrypoints: Sequence[str]) -> None:
        native.rego_set_log_level(self._interpreter, _QUIET)
        native.rego_set_strict_builtin_errors(self._interpreter, enabled=True)
        for path, source in files.items():
            if "\0" in source:
                raise PolicyInvalid(f"{path}: expected Rego, found a NUL character")
            native.rego_add_module(self._interpreter, path, source)
        _check_json(data, PolicyInvalid)
        native.rego_add_data_json(self._interpreter, data.decode())
        for entrypoint in entrypoints:
            native.rego_add_entrypoint(self._interpreter, entrypoint)
        self._bundle = _build(self._interpreter)
        if self._bundle is None or not native.rego_bundle_ok(self._bundle):
            raise native.RegoError(native.rego_get_error(self._interpreter))

    def ask(self, entrypoint: str, document: bytes) -> bytes:
        """The value of an entry point for an input, both as JSON bytes.

        Raises `EvaluatorFailed` on an error, an undefined value, or an answer that is not one JSON
        value without floats. The message never holds the engine's own, which quotes the input.
        """
        _check_json(document, EvaluatorFailed)
        if not self._take(document):
            raise EvaluatorFailed("the engine cannot read the input")
        output = _query(self._interpreter, self._bundle, entrypoint.encode())
        if output is None:
            raise EvaluatorFailed("the engine gave no answer")
        try:
            return _answer(output)
        finally:
            _free_output(output)

    def _take(self, document: bytes) -> bool:
        try:
            return term.set_input(self._interpreter, _decode(document))
        except term.FloatFoundError:
            return bool(_set_input(self._interpreter, document) == _OK)
        except (msgspec.MsgspecError, UnicodeError):
            return False


def _answer(output: c_void_p) -> bytes:
    size = _output_size(output)
    buffer = ctypes.create_string_buffer(size)
    if _output_json(output, buffer, size) != _OK or not _output_ok(output):
        raise EvaluatorFailed(f"a rule failed: {_kind(_output_node(output))}")
    text = buffer.raw.rstrip(b"\0")
    if text == b"undefined":
        raise EvaluatorFailed("the result is undefined")
    try:
        expressions = _decode_output(text).expressions
        values = [_decode(expression) for expression in expressions]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise EvaluatorFailed("a rule failed, or its answer is not JSON") from None
    if len(values) != 1 or _has_float(values[0]):
        raise EvaluatorFailed("expected one answer of text and whole numbers, found another")
    return bytes(expressions[0])


def _kind(tree: c_void_p | None) -> str:
    """What went wrong, by the code of the first error: the last of its parts."""
    error = _node(tree, 0) if tree is not None and _node_size(tree) else None
    code = _node(error, _node_size(error) - 1) if error is not None and _node_size(error) else None
    if code is not None:
        buffer = ctypes.create_string_buffer(_value_size(code))
        if _value(code, buffer, len(buffer)) == _OK and buffer.value == b"eval_conflict_error":
            return "two values for one name"
    return "a built-in was given what it does not take"


def _has_float(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_float(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_float(item) for item in value)
    return isinstance(value, float)


def _check_json(document: bytes, error: type[EvaluatorFailed | PolicyInvalid]) -> None:
    """Refuse what the native parser would cut short or fall over."""
    if b"\0" in document:
        raise error("expected JSON, found a NUL byte")
    if document.count(b"[") + document.count(b"{") > NESTING_MAX and _depth(document) > NESTING_MAX:
        raise error(f"JSON nested deeper than NESTING_MAX = {NESTING_MAX}")


_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def _depth(document: bytes) -> int:
    deepest = depth = 0
    for byte in _STRINGS.sub(b"", document):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _explain(message: str, files: Mapping[str, str]) -> str:
    found = _ERROR.search(message)
    if found is None:
        return "the engine cannot compile the policy: a rule is defined twice in different ways"
    path, offset, sentence = found.groups()
    if path not in files:
        return f"the engine cannot compile the policy: {sentence}"
    line = files[path].encode()[: int(offset)].count(b"\n") + 1
    return f"{path}:{line}: {sentence}"
