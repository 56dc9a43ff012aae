"""Rules that come back to themselves, or stand on too many others, are not admitted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import PolicyInvalid
from aegisd.rego import recursion
from aegisd.rego.module import read
from aegisd.rego.recursion import DEPTH_MAX, LEVELS_MAX

HEAD = "package aegis.rules\n\nimport rego.v1\n\n"


def load(*sources: str) -> None:
    recursion.check(
        [read(f"rules/{name}.rego", s) for name, s in zip("abc", sources, strict=False)]
    )


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("f(x) if f(x - 1)", "a.rego:5: aegis.rules.f reads aegis.rules.f:"),
        ("deny contains x if some x in deny", "aegis.rules.deny reads aegis.rules.deny:"),
        ("a := b\n\nb := a", "aegis.rules.a reads aegis.rules.b reads aegis.rules.a:"),
        ("a := data.aegis.rules.a", "aegis.rules.a reads aegis.rules.a:"),
        ('a := data["aegis"]["rules"]["a"]', "aegis.rules.a reads aegis.rules.a:"),
        ("a if false else := a", "aegis.rules.a reads aegis.rules.a:"),
        ("a if {\n\tnot b\n}\n\nb if every x in [1] { a == x }", "aegis.rules.a reads"),
        ("a := count(data.aegis.rules)", "aegis.rules.a reads aegis.rules.a:"),
        ("a[x] := 1 if some x in b\n\nb := [a[1]]", "aegis.rules.a reads"),
        # Only what leads into a circle is not the place that is told.
        ("deny contains 1 if a\n\na if b\n\nb if a", "a.rego:7: aegis.rules.a reads"),
    ],
)
def test_a_rule_that_comes_back_to_itself_is_refused(body: str, says: str) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        load(HEAD + body)
    assert says in caught.value.message


def test_a_circle_through_another_package_is_seen() -> None:
    other = "package aegis.rules.l\n\nimport rego.v1\n\nz(x) if data.aegis.rules.a == x\n"
    for way in ("import data.aegis.rules.l\n\na := l.z(1)", "a := data.aegis.rules.l.z(1)"):
        with pytest.raises(PolicyInvalid, match="may not come back to itself"):
            load(HEAD + way, other)


@pytest.mark.parametrize(
    "body",
    [
        "a := b.a\n\nb := input.call.args",
        "f(x) := g(x)\n\ng(x) := x",
        "a := input.call.args.a",
        "deny contains x if x := 1\n\nadvise contains x if x := 1",
        "a := 1\n\nb := [a, a, c]\n\nc := [a]",
    ],
)
def test_rules_that_only_lead_down_load(body: str) -> None:
    load(HEAD + body)


def test_rules_stand_on_at_most_so_many_levels() -> None:
    def tower(levels: int) -> str:
        rules = [f"r{n} := r{n + 1}" for n in range(1, levels)]
        return HEAD + "\n\n".join([*rules, f"r{levels} := 1"])

    load(tower(LEVELS_MAX))
    with pytest.raises(PolicyInvalid, match=r"^rules/a\.rego:5: r1 stands on more than LEVELS_MAX"):
        load(tower(LEVELS_MAX + 1))


@given(
    reads=st.dictionaries(
        st.integers(0, 7), st.sets(st.integers(0, 7), max_size=3), min_size=1, max_size=8
    )
)
def test_a_circle_is_found_if_and_only_if_there_is_one(reads: dict[int, set[int]]) -> None:
    def reaches(start: int) -> set[int]:
        seen: set[int] = set()
        left = [start]
        while left:
            for other in reads.get(left.pop(), set()):
                if other not in seen:
                    seen.add(other)
                    left.append(other)
        return seen

    source = HEAD + "\n\n".join(
        f"r{name} := [{', '.join(f'r{other}' for other in sorted(others))}]"
        for name, others in reads.items()
    )
    if any(name in reaches(name) for name in reads):
        with pytest.raises(PolicyInvalid, match="may not come back to itself"):
            load(source)
    else:
        load(source)


def steep(levels: int, brackets: int) -> str:
    """A chain of `levels` rules, each with so many brackets inside each other."""
    value = "[" * brackets + "r{below}" + "]" * brackets
    rules = [f"r{n} := " + value.replace("{below}", str(n + 1)) for n in range(levels)]
    return HEAD + "\n\n".join([*rules, f"r{levels} := 1"])


def test_brackets_over_all_levels_are_held_to_their_bound() -> None:
    # Each level costs its brackets and one; the last rule costs one.
    load(steep((DEPTH_MAX - 1) // 7, 6))
    with pytest.raises(PolicyInvalid, match=r"^rules/a\.rego:5: r0 and the rules it stands on"):
        load(steep((DEPTH_MAX - 1) // 7 + 1, 6))
