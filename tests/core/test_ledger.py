"""The layered map against a dict."""

from math import log2

from hypothesis import example, given
from hypothesis import strategies as st

from aegisd.core.ledger import Ledger

puts = st.lists(st.tuples(st.text("abcdefgh", max_size=2), st.tuples(st.integers(0, 9))))


def fill(entries: list[tuple[str, tuple[int]]]) -> Ledger[tuple[int]]:
    ledger = Ledger[tuple[int]]()
    for key, value in entries:
        ledger = ledger.put(key, value)
    return ledger


@given(puts, st.text("abcdefgh", max_size=2))
def test_a_ledger_holds_what_a_dict_would(entries: list[tuple[str, tuple[int]]], key: str) -> None:
    ledger, model = fill(entries), dict(entries)
    assert list(ledger.items()) == sorted(model.items())
    assert ledger.get(key) == model.get(key)
    assert all(ledger.get(known) == value for known, value in model.items())


@given(puts, st.text("ab", max_size=1))
def test_a_put_leaves_the_ledger_it_was_put_on_as_it_was(
    entries: list[tuple[str, tuple[int]]], key: str
) -> None:
    ledger = fill(entries)
    before = dict(ledger.items())
    ledger.put(key, (-1,))
    assert dict(ledger.items()) == before


@given(puts)
def test_equal_entries_make_equal_ledgers_however_they_came(
    entries: list[tuple[str, tuple[int]]],
) -> None:
    ledger = fill(entries)
    assert ledger == fill(sorted(dict(entries).items()))
    assert ledger == Ledger((dict(entries),))
    assert ledger != ledger.put("another key", (0,))
    assert ledger != dict(entries)


@example([0, 1, 2, 0, 0, 1, 0])
@given(st.lists(st.integers(0, 40), max_size=400))
def test_a_look_up_asks_few_layers_also_where_keys_come_again(keys: list[int]) -> None:
    ledger = fill([(str(key), (0,)) for key in keys])
    assert len(ledger._layers) <= (log2(len(set(keys))) + 1 if keys else 0)


def test_ten_thousand_puts_copy_few_entries() -> None:
    copied = 0
    ledger = Ledger[tuple[int]]()
    for number in range(10_000):
        ledger = ledger.put(str(number), (number,))
        copied += len(ledger._layers[0])
    assert copied < 10_000 * 14
