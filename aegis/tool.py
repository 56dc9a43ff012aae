"""A function as a governed tool: how its call is told to the gate, and what may come out of it."""

import inspect
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeGuard

from aegis.decision import Decision, Receipt, UnmetCondition, Withheld
from aegis.events import result_payload
from aegis.value import plain
from aegisd.core.errors import AegisError, InvalidField
from aegisd.core.log.canonical import encode
from aegisd.core.proposal import PAYLOAD_BYTES_MAX

# Any: a governed function may take and give anything; `plain` refuses what cannot be judged.
Function = Callable[..., Any]
Tell = Callable[[Any], object]


class Call(NamedTuple):
    """One call: the arguments as the gate judges them, and the same as the function gets them."""

    told: dict[str, object]
    bound: inspect.BoundArguments


class Limits(NamedTuple):
    """What an allowed call is held to; None where there is no limit."""

    timeout_ms: int | None
    max_output_bytes: int | None

    def check_time(self, started_s: float) -> None:
        """Raise `TimeoutError` for a call that took too long by the monotonic clock."""
        if self.timeout_ms is not None and (time.monotonic() - started_s) * 1000 > self.timeout_ms:
            raise self.late()

    def late(self) -> TimeoutError:
        """What a call that took too long raises."""
        return TimeoutError(
            f"the tool took longer than timeout_ms = {self.timeout_ms}; its result is withheld"
        )


class Tool:
    """A function under its name in the manifest.

    `omit` names parameters that are no arguments of the call (`self`, a connection): they are
    passed on and told to nobody. `tell` gives the text or JSON to record for a result that is
    neither. Raises `TypeError` for what cannot be governed.
    """

    def __init__(
        self,
        function: Function,
        name: str | None,
        omit: Collection[str],
        tell: Tell | None,
    ) -> None:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{_name(function)} is a generator, whose work begins after the call is over; "
                "govern a function that returns its values"
            )
        self.function, self.name = function, name or _name(function)
        self._signature = inspect.signature(function)
        self._omit, self._tell = frozenset(omit), tell
        unknown = self._omit - self._signature.parameters.keys()
        if unknown:
            raise TypeError(f"{self.name} has no parameter {min(unknown)!r} to omit")

    @property
    def is_async(self) -> bool:
        """Whether a call of the function is to be awaited."""
        called = getattr(self.function, "__call__", None)  # noqa: B004 - is it async, not is it there
        return inspect.iscoroutinefunction(self.function) or inspect.iscoroutinefunction(called)

    def call(self, args: tuple[object, ...], named: Mapping[str, object]) -> Call:
        """Bind arguments to the signature, defaults applied, and copy them.

        The function gets the copies: what was judged is what runs, whoever holds the originals.
        Raises `TypeError` as the function would, and `InvalidField` for what is not JSON.
        """
        bound = self._signature.bind(*args, **named)
        bound.apply_defaults()
        told: dict[str, object] = {}
        for parameter in self._signature.parameters.values():
            if parameter.name in self._omit:
                continue
            value = plain(bound.arguments[parameter.name], f"args.{parameter.name}")
            bound.arguments[parameter.name] = value
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
                told[parameter.name] = value
            elif isinstance(value, dict):
                both = told.keys() & value.keys()
                if both:
                    raise self._named_twice(min(both))
                told |= value
        return Call(told, bound)

    def outcome(self, value: object, decision: Decision, limits: Limits) -> tuple[object, object]:
        """What to return, and what to record of it. Raises `Withheld` for what may not come out."""
        if inspect.isawaitable(value) or inspect.isgenerator(value) or inspect.isasyncgen(value):
            if inspect.iscoroutine(value):
                value.close()
            raise Withheld(decision, f"{self.name} gave back work that it has not done yet")
        call_id = decision.call_id or ""
        try:
            if type(value) is str:
                value = _cut(value, limits.max_output_bytes)
                value = value if self._tell else _fit(value, call_id)
            recorded = plain(value if self._tell is None else self._tell(value), "result")
            size = len(recorded.encode() if type(recorded) is str else encode(recorded))
            payload_size = len(encode(result_payload(call_id, recorded)))
        except (AegisError, UnicodeError) as error:
            raise Withheld(
                decision,
                f"{self.name} gave back what cannot be recorded ({type(value).__name__}); return "
                "text or JSON, or give `tell` to say what to record",
            ) from error
        self._check_size(decision, size, "max_output_bytes", limits.max_output_bytes)
        self._check_size(decision, payload_size, "PAYLOAD_BYTES_MAX", PAYLOAD_BYTES_MAX)
        return value, recorded

    def _check_size(self, decision: Decision, size: int, name: str, bytes_max: int | None) -> None:
        if bytes_max is not None and size > bytes_max:
            raise Withheld(decision, f"{self.name} gave back {size} bytes, {name} is {bytes_max}")

    def _named_twice(self, name: str) -> InvalidField:
        """Only a parameter that no caller can name may share its name with one of `**named`."""
        kind = self._signature.parameters[name].kind
        is_rest = kind is inspect.Parameter.VAR_POSITIONAL
        other = f"by *{name}" if is_rest else "by a positional-only parameter"
        return InvalidField(f"args.{name}: named twice, {other} too", field=f"args.{name}")


def limits_of(decision: Decision) -> Limits:
    """The limits of an allowed call. Raises `UnmetCondition` for any that nobody here keeps."""
    unknown = sorted(decision.constraints.keys() - {"timeout_ms", "max_output_bytes"})
    if decision.obligations:
        unknown.append(f"obligation {decision.obligations[0].get('type')}")
    timeout_ms = decision.constraints.get("timeout_ms")
    bytes_max = decision.constraints.get("max_output_bytes")
    if unknown or not _is_limit(timeout_ms) or not _is_limit(bytes_max):
        which = unknown[0] if unknown else "a limit that is no whole number"
        raise UnmetCondition(
            decision, f"allowed on a condition that governed() cannot keep: {which}"
        )
    return Limits(timeout_ms, bytes_max)


def check_release(receipt: Receipt) -> None:
    """Raise `Withheld` for a result that a rule withholds, or releases on a condition."""
    verdict = receipt.decision
    if verdict is None:
        return
    if not verdict.allowed:
        raise Withheld(verdict)
    if verdict.obligations or verdict.constraints:
        raise Withheld(verdict, "released on a condition that governed() cannot keep")


def _is_limit(value: object) -> TypeGuard[int | None]:
    return value is None or (type(value) is int and value >= 0)


def _cut(text: str, bytes_max: int | None) -> str:
    """Text of at most so many bytes in UTF-8, whole characters only."""
    if bytes_max is None or len(text) * 4 <= bytes_max:
        return text
    data = text.encode(errors="surrogatepass")
    return text if len(data) <= bytes_max else data[:bytes_max].decode(errors="ignore")


def _fit(text: str, call_id: str) -> str:
    """The longest start of a text that a result's payload can hold; escapes count as written."""
    room = PAYLOAD_BYTES_MAX - len(encode(result_payload(call_id, "")))
    # No character is written in less than a byte, and nothing longer need be looked at.
    text = text[: room + 1]

    def size(length: int) -> int:
        return len(encode(text[:length])) - len('""')

    if size(len(text)) <= room:
        return text
    return text[: bisect_right(range(len(text)), room, key=size) - 1]


def _name(function: Function) -> str:
    name = getattr(function, "__name__", None)
    if not isinstance(name, str) or name == "<lambda>":
        raise TypeError("a governed function needs a name: governed(name=...)")
    return name
