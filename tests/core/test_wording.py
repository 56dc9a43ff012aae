"""What others wrote stands in our sentences on one line, and cut."""

from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.wording import NAMES_MAX, WORDING_CHARACTERS_MAX, bounded, listed


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(2, 100))
def test_a_text_is_on_one_line_that_can_be_seen_and_within_its_bound(text: str, most: int) -> None:
    told = bounded(text, most)
    assert len(told) <= most
    assert told.isprintable()


def test_a_text_at_its_bound_is_whole_and_one_past_it_is_cut() -> None:
    full = "x" * WORDING_CHARACTERS_MAX
    assert bounded(full) == full
    assert bounded(f"{full}x") == f"{full[1:]}…"


def test_a_few_names_are_told_and_of_more_how_many() -> None:
    names = [f"n{at}" for at in range(NAMES_MAX + 2)]
    assert listed(names[:2]) == "`n0`, `n1`"
    assert listed(names[:NAMES_MAX]) == "`n0`, `n1`, `n2`"
    assert listed(names) == "`n0`, `n1`, `n2` and 2 more"
