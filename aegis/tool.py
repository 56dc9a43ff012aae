"""A function as a governed tool: how its call is told to the gate, and what may come out of it."""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from aegis.decision import Decision, Receipt, TimedOut, UnmetCondition, Withheld
from aegisd.core.errors import InvalidField
from aegisd.pep.condition import Late, Limits, Unkept, limits, require_none
from aegisd.pep.output import KeptBack, Tell, admit
from aegisd.pep.value import plain

# Any: a governed function may take and give anything; `plain` refuses what cannot be judged.
Function = Callable[..., Any]


class Call(NamedTuple):
    """One call: the arguments as the gate judges them, and the same as the function gets them."""

    told: dict[str, object]
    bound: inspect.BoundArguments


class Tool:
    """A function under its name in the manifest.

    `omit` names parameters that are no arguments of the call (`self`, a connection): they are
    passed on and told to nobody. `tell` gives the text or JSON to record for a result that is
    neither. Raises `TypeError` for what cannot be governed.
    """

    def __init__(
        self, function: Function, name: str | None, omit: Collection[str], tell: Tell | None
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

    def outcome(self, value: object, decision: Decision, held: Limits) -> tuple[object, object]:
        """What to return, and what to record of it. Raises `Withheld` for what may not come out."""
        if inspect.isawaitable(value) or inspect.isgenerator(value) or inspect.isasyncgen(value):
            if inspect.iscoroutine(value):
                value.close()
            raise Withheld(decision, f"{self.name} gave back work that it has not done yet")
        try:
            return admit(
                self.name, value, decision.call_id or "", held.max_output_bytes, self._tell
            )
        except KeptBack as kept:
            raise Withheld(decision, str(kept)) from kept

    def _named_twice(self, name: str) -> InvalidField:
        """Only a parameter that no caller can name may share its name with one of `**named`."""
        kind = self._signature.parameters[name].kind
        is_rest = kind is inspect.Parameter.VAR_POSITIONAL
        other = f"by *{name}" if is_rest else "by a positional-only parameter"
        return InvalidField(f"args.{name}: named twice, {other} too", field=f"args.{name}")


def limits_of(decision: Decision) -> Limits:
    """The limits of an allowed call. Raises `UnmetCondition` for any that nobody here keeps."""
    try:
        return limits(decision.constraints, decision.obligations)
    except Unkept as unkept:
        raise UnmetCondition(
            decision, f"allowed on a condition that governed() cannot keep: {unkept.condition}"
        ) from None


@contextmanager
def on_time(decision: Decision) -> Iterator[None]:
    """What runs inside is held to the time of its decision. Raises `TimedOut`."""
    try:
        yield
    except Late as late:
        raise TimedOut(decision, str(late)) from None


def check_release(receipt: Receipt) -> None:
    """Raise `Withheld` for a result that a rule withholds, or releases on a condition."""
    verdict = receipt.decision
    if verdict is None:
        return
    if not verdict.allowed:
        raise Withheld(verdict)
    try:
        require_none(verdict.constraints, verdict.obligations)
    except Unkept:
        unmet = "released on a condition that governed() cannot keep"
        raise Withheld(verdict, unmet) from None


def _name(function: Function) -> str:
    name = getattr(function, "__name__", None)
    if not isinstance(name, str) or name == "<lambda>":
        raise TypeError("a governed function needs a name: governed(name=...)")
    return name
