"""A pattern matches as a regular expression does, and a search costs what its text makes it do."""

from random import Random

import jsonschema_rs
import pytest

from aegisd.core.errors import ManifestInvalid
from aegisd.core.schema import pattern as automata
from aegisd.core.schema.expression import GROUPS_DEEP_MAX
from aegisd.core.schema.pattern import (
    INSTRUCTIONS_MAX,
    KEPT_MOVES_MAX,
    SHARED_CHARACTERS_MAX,
    Patterns,
)
from aegisd.core.schema.steps import JUDGED_STEPS_MAX, Steps
from tests.effort import times

_ATOMS = (
    *("a", "b", "é", "[a-c]", "[^a]", ".", r"\d", r"\w", r"\s", r"\.", "(?:a|b)", "(ab)", "^", "$"),
    *(r"\p{L}", r"[\w.-]", r"\P{Lu}", r"\S", r"[^\d]", r"\u0061", r"[\s\S]", r"\x62"),
)
_TIMES = ("", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?")


def expression(random: Random, depth: int = 2) -> str:
    parts = []
    for _ in range(random.randrange(1, 5)):
        atom = random.choice(_ATOMS)
        if depth and random.random() < 0.3:
            atom = f"({expression(random, depth - 1)}|{expression(random, depth - 1)})"
        parts.append(atom + (random.choice(_TIMES) if atom not in "^$" else ""))
    return "".join(parts)


@pytest.mark.parametrize("seed", range(times(150, 10_000)))
def test_a_pattern_is_found_just_where_the_model_finds_it_at_the_same_cost(seed: int) -> None:
    random = Random(seed)
    text = expression(random)
    known = jsonschema_rs.validator_for({"pattern": text})
    warm = Patterns().pattern(text)
    for _ in range(10):
        value = "".join(random.choice("aabbc1 .é_-\n") for _ in range(random.randrange(9)))
        spent = []
        for pattern in (warm, warm, Patterns().pattern(text)):
            steps = Steps()
            assert pattern.search(value, steps) is known.is_valid(value), (text, value)
            spent.append(JUDGED_STEPS_MAX - steps.left)
        assert len(set(spent)) == 1, "what was read before changes what is counted"
        apart = Steps()
        apart.read[warm] = SHARED_CHARACTERS_MAX
        assert warm.search(value, apart) is known.is_valid(value), (text, value)


@pytest.mark.parametrize(
    ("pattern", "found", "missed"),
    [
        (r"\bb", "a b", "ab"),
        (r"a\Bb", "ab", "a b"),
        (r"\bé", "aé", "éé"),
        (r"^[\b]$", "\b", "b"),
        (r"^\cJ\t\0$", "\n\t\0", "J"),
        (r"^[^]$", "\n", ""),
        ("[]", None, "a"),
        (r"^\ud83d\ude00\u{1F600}$", "😀😀", "😀"),
        (r"^\p{Lu}\pN\p{Letter}$", "A1b", "a1b"),
        (r"^[\p{L}\D-]+$", "a-é", "1"),
        ("a{,2}{", "a{,2}{", "a"),
        ("^a{2,4}$", "aaa", "aaaaa"),
        (r"^[\-\]a-]+$", "-]a", "b"),
        ("^(?:)*$", "", "a"),
        ("a|", "b", None),
        ("^(?<n>a)(?P<m>b)$", "ab", "a"),
    ],
)
def test_patterns_are_those_of_ecma_262(
    pattern: str, found: str | None, missed: str | None
) -> None:
    made = Patterns().pattern(pattern)
    assert found is None or made.search(found, Steps())
    assert missed is None or not made.search(missed, Steps())


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?=a)", "looking around"),
        ("(?<!a)", "looking around"),
        ("(?i)a", "flags"),
        ("(?<n", "not closed"),
        (r"(a)\1", "escape"),
        (r"\Z", "escape"),
        (r"\p{Greek}", "general categories"),
        (r"\u{110000}", "hexadecimal"),
        (r"\u12", "hexadecimal"),
        ("(", "not closed"),
        (")", "not open"),
        ("[a", "ends inside"),
        ("\\", "ends inside"),
        ("*a", "nothing stands before"),
        ("[z-a]", "ends before it begins"),
        (r"[a-\d]", "ends before it begins"),
        ("a{3,2}", "ends before it begins"),
        ("[[:alpha:]]", "inside a class"),
        ("[a&&b]", "inside a class"),
        ("(" * (GROUPS_DEEP_MAX + 1), "GROUPS_DEEP_MAX"),
    ],
)
def test_what_is_not_applied_is_refused_with_its_reason(pattern: str, reason: str) -> None:
    with pytest.raises(ManifestInvalid, match=reason):
        Patterns().pattern(pattern)


def test_groups_are_read_as_deep_as_their_bound() -> None:
    deep = "(" * GROUPS_DEEP_MAX + "a" + ")" * GROUPS_DEEP_MAX
    assert Patterns().pattern(deep).search("a", Steps())


def test_the_patterns_of_a_manifest_are_bounded_together_and_each_counts_once() -> None:
    patterns = Patterns()
    repeated = "ab{1000}"
    for _ in range(100):
        patterns.pattern(repeated)
    tens = INSTRUCTIONS_MAX // 10_000
    for number in range(tens):
        patterns.pattern(rf"\p{{L}}{{{9_000 + number}}}")
    with pytest.raises(ManifestInvalid, match="INSTRUCTIONS_MAX"):
        patterns.pattern(r"\p{L}{9999}")
    for text in ("((a{1000}){1000}){1000}", "(){4000000}", "a" * (INSTRUCTIONS_MAX // 2 + 1)):
        with pytest.raises(ManifestInvalid, match="INSTRUCTIONS_MAX"):
            Patterns().pattern(text)
    Patterns().pattern("a" * (INSTRUCTIONS_MAX // 2 - 1))


def test_moves_are_kept_up_to_a_bound_and_made_again_past_it() -> None:
    patterns = Patterns()
    pattern = patterns.pattern(r"^\p{L}+$")
    for number in range(KEPT_MOVES_MAX + 10):
        assert pattern.search(chr(0x4E00 + number), Steps())
    assert sum(map(len, pattern.graph.values())) < 100


def test_large_states_are_kept_up_to_the_same_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automata, "KEPT_MOVES_MAX", 1_000)
    branches = "|".join(f"[{chr(0x4E00 + number)}-\u9000]q" for number in range(200))
    pattern = Patterns().pattern(f"^(?:{branches})")
    for number in range(200):
        assert not pattern.search(chr(0x4E00 + number), Steps())
    kept = sum(len(state.pending) for state in pattern.graph.values())
    assert kept < 5_000
