"""Decisions without what is kept beside their events: a reason that repeats a value loses its text.

Decisions are kept for ever, so a value that can be erased must not stand in one. An operator's rule
sees the values and may say them; what it says is compared, and what repeats a value is left out.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from msgspec.structs import replace

from aegisd.core.decision import Reason
from aegisd.core.log.canonical import decode, encode
from aegisd.core.log.detached import Value
from aegisd.core.policy.next_step import with_step
from aegisd.core.policy.verdict import SENTENCES, TEXT_CHARACTERS_MAX, Verdict, failed, in_order

# Characters in a row that a reason may share with a longer value: common words are shorter, and
# most names, addresses and numbers of people are longer.
SHARED_CHARACTERS_MAX = 10

# A value of so few characters is met only as a word of its own: "no" is inside of many.
WORD_CHARACTERS_MAX = 3

# Of the pieces that are compared.
_WIDTH = SHARED_CHARACTERS_MAX + 1

WITHHELD = "more was said, and is withheld: it repeats a value that is kept beside the event"


def redact(verdict: Verdict, values: Sequence[Value]) -> Verdict:
    """The verdict as it may be recorded about an event with values beside it.

    A message falls back to its code's own sentence, and advice is left out. An obligation or a
    constraint that holds a value cannot be recorded, and nothing may run without it: that denies.
    """
    if not values:
        return verdict
    told = (text for each in verdict.reasons for text in (each.message, each.rule, each.where))
    kept = _Kept(values, told)
    must = [
        *_texts(verdict.constraints),
        *(text for item in verdict.obligations for text in _said(item)),
    ]
    if any(map(kept.is_in, must)):
        return failed(
            "nonsense", "a constraint or obligation repeats a value kept beside the event"
        )
    places = [each.pointer for each in values]
    return replace(
        verdict,
        reasons=in_order({_reason(reason, kept, places) for reason in verdict.reasons}),
        advice=tuple(item for item in verdict.advice if not any(map(kept.is_in, _said(item)))),
        spelled=None,
    )


class _Kept:
    """The texts of values, to be looked for in others. Letter case does not count.

    What is looked for are pieces of one width, so that a text is held to all values at once.
    """

    def __init__(self, values: Iterable[Value], told: Iterable[str]) -> None:
        """`told` are the texts that may be asked about by `shares`."""
        found = {
            text.casefold()
            for each in values
            for text in _texts(decode(each.value), names=True, numbers=True)
        }
        found.discard("")
        words = sorted(text for text in found if len(text) <= WORD_CHARACTERS_MAX)
        joined = "|".join(map(re.escape, words))
        self._words = re.compile(rf"(?<!\w)(?:{joined})(?!\w)") if words else None
        # Texts by how many characters they have, up to as many as may not be shared.
        self._told = list(told)
        self._texts: dict[int, set[str]] = {}
        self._longer = [text for text in found if len(text) >= _WIDTH]
        for text in found:
            if WORD_CHARACTERS_MAX < len(text) < _WIDTH:
                self._texts.setdefault(len(text), set()).add(text)

    def is_in(self, text: str) -> bool:
        """Whether a text holds all of a value's text."""
        text = text.casefold()
        if self._words is not None and self._words.search(text):
            return True
        if any(not kept.isdisjoint(_pieces(text, width)) for width, kept in self._texts.items()):
            return True
        return any(kept in text for kept in self._longer if len(kept) <= len(text))

    def shares(self, text: str) -> bool:
        """Whether a text holds a value's text, or so much of it that it may be told."""
        return self.is_in(text) or not self._shared.isdisjoint(_pieces(text.casefold(), _WIDTH))

    @cached_property
    def _shared(self) -> frozenset[str]:
        """The pieces of what is told that longer values hold, each value read once."""
        pieces = set().union(*(_pieces(text.casefold(), _WIDTH) for text in self._told))
        return frozenset(
            piece
            for kept in (self._longer if pieces else ())
            for start in range(len(kept) - _WIDTH + 1)
            if (piece := kept[start : start + _WIDTH]) in pieces
        )


def _pieces(text: str, width: int) -> set[str]:
    return {text[start : start + width] for start in range(len(text) - width + 1)}


def _reason(reason: Reason, kept: _Kept, places: Sequence[str]) -> Reason:
    own = SENTENCES[reason.code]
    told = reason.message == own or not kept.shares(reason.message)
    # The names inside a value are part of it.
    where = next((place for place in places if reason.where.startswith(f"{place}/")), reason.where)
    return Reason(
        code=reason.code,
        message=(
            reason.message
            if told
            else with_step(f"{own} ({WITHHELD})", reason.rule, TEXT_CHARACTERS_MAX)
        ),
        rule="withheld" if kept.shares(reason.rule) else reason.rule,
        where="" if where not in places and kept.shares(where) else where,
    )


def _said(item: dict[str, object]) -> Iterator[str]:
    """The texts of an obligation or of advice, but for its type, which is the rule's own word."""
    return _texts({name: value for name, value in item.items() if name != "type"}, numbers=True)


def _texts(value: object, *, names: bool = False, numbers: bool = False) -> Iterator[str]:
    """The texts of a JSON value; the names in it and its numbers as JSON writes them, if wanted."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            pending += each.keys() if names else ()
            pending += each.values()
        elif isinstance(each, list | tuple):
            pending += each
        elif numbers and isinstance(each, int | float) and not isinstance(each, bool):
            yield encode(each).decode()
