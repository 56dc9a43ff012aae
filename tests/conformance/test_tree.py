"""The tree that gates are held against, beside RFC 6962 and beside the gate's own."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from aegisd.conformance import tree
from aegisd.core.log import merkle
from aegisd.core.log.merkle import Tree

# The eight leaves of the tests of Certificate Transparency, and their roots by number of leaves.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def leaves(count: int) -> list[bytes]:
    return [sha256(str(number).encode()).digest() for number in range(count)]


def test_the_roots_are_those_of_the_vectors() -> None:
    assert {size: tree.root(LEAVES[:size]).hex() for size in ROOTS} == ROOTS


@given(st.integers(1, 300), st.data())
def test_an_inclusion_path_is_the_gates_and_leads_to_the_root(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    every = leaves(size)
    path = tree.inclusion(index, every)
    assert merkle.included(index, size, every[index], path, tree.root(every))
    assert path == grown(every).inclusion(index, size, lambda at, count: every[at : at + count])


@given(st.integers(1, 300), st.data())
def test_a_consistency_path_is_the_gates_and_leads_to_both_roots(
    size: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(1, size))
    every = leaves(size)
    path = tree.consistency(first, every)
    old, new = tree.root(every[:first]), tree.root(every)
    assert merkle.consistent(first, size, old, new, path)
    assert path == grown(every).consistency(first, size, lambda at, count: every[at : at + count])


def grown(every: list[bytes]) -> Tree:
    tree_of_ours = Tree()
    tree_of_ours.extend(every)
    return tree_of_ours
