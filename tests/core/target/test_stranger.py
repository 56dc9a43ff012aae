"""Words of a program that nobody described."""

from collections.abc import Sequence
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.target.stranger import files, hosts
from tests.table import each


@each(
    ("word", "places"),
    [
        ("/etc/x", ["/etc/x"]),
        ("-o/etc/x", ["/etc/x"]),
        ("-osrc/x", ["src/x"]),
        ("-o../x", ["../x"]),
        ("-C..", [".."]),
        ("-o~/x", ["~/x"]),
        ("-o=/etc/x", ["=/etc/x", "/etc/x"]),
        ("--out=/etc/x", ["out=/etc/x", "/etc/x"]),
        ("/etc/a=b", ["/etc/a=b", "/etc/a"]),
        ("--out=/etc/a=b", ["out=/etc/a=b", "/etc/a=b", "/etc/a"]),
        ("@/etc/x", ["@/etc/x", "/etc/x"]),
        ("-d@/etc/x", ["@/etc/x", "/etc/x"]),
        ("-L/a:/b", ["/a:/b", "/a", "/b"]),
        ("../x", ["../x"]),
        ("-/etc/x", ["/etc/x"]),
        *((word, []) for word in ("x", "-v", "-O2", "--level=5", "x=y", "-", "--", "")),
    ],
)
def test_every_part_of_a_word_that_may_be_a_place_is_given(word: str, places: list[str]) -> None:
    assert list(files(word)) == places


@given(
    st.sampled_from(["", "-o", "-d@", "--out=", "--out=a=", "key=", "@", "a,", "-ha:", "x:y="]),
    st.sampled_from(["/etc/x", "/etc/a=b", "../../x", "~/x"]),
)
def test_a_place_outside_stands_among_the_parts_whatever_it_is_joined_to(
    before: str, place: str
) -> None:
    assert any(part.startswith(place.partition("=")[0]) for part in files(before + place))


@each(
    ("words", "net", "found"),
    [
        (["a", "b"], [1], ["a"]),
        (["a", "b"], [2], ["b"]),
        (["-v", "a", "b"], [1], ["a", "b"]),
        (["-v", "a", "/b"], [1], ["a"]),
        (["--v=1", "a", "b"], [1], ["a"]),
        (["-", "a"], [2], ["a"]),
        (["--", "-x", "a"], [2], ["a"]),
        (["-h", "a"], ["-h"], ["a"]),
        (["-ha"], ["-h"], ["a"]),
        (["-h=a"], ["-h"], ["a"]),
        (["-vh", "a"], ["-h"], ["a"]),
        (["-vha.b"], ["-h"], ["a.b"]),
        (["-path"], ["-h"], []),
        (["--host", "a"], ["--host"], ["a"]),
        (["--host=a"], ["--host"], ["a"]),
        (["--ho", "a"], ["--host"], ["a"]),
        (["--ho=a"], ["--host"], ["a"]),
        (["--", "a"], ["--host"], []),
        (["--hold=a", "-v", "x"], ["--host"], []),
    ],
)
def test_hosts_stand_where_the_manifest_says(
    words: list[str], net: list[str | int], found: list[str]
) -> None:
    assert list(hosts(words, net)) == found


def nth(words: Sequence[str], place: int) -> set[str]:
    """The nth word under every way in which options may take the word behind them."""
    found = set()
    for takes in product([True, False], repeat=len(words)):
        plain, skipped = [], False
        for word, is_taking in zip(words, takes, strict=True):
            is_option = word.startswith("-")
            if not is_option and not skipped:
                plain.append(word)
            skipped = is_option and "=" not in word and is_taking
        found.update(plain[place - 1 : place])
    return found


@given(
    st.lists(st.sampled_from(["a", "b", "c", "d", "-v", "-x", "--y=1"]), max_size=6),
    st.integers(1, 3),
)
def test_whatever_may_be_the_nth_word_is_given(words: list[str], place: int) -> None:
    assert nth(words, place) <= set(hosts(words, [place]))
