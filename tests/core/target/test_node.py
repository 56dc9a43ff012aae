"""The walk over the args: everything but content, each with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.target.node import NAME_CHARS_MAX, WHERE_CHARS_MAX, walk

scalars = st.none() | st.booleans() | st.integers() | st.text("ab/~", max_size=3)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab/~", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def resolve(document: object, pointer: str) -> object:
    """Follow an RFC 6901 pointer."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        document = document[int(key)] if isinstance(document, list) else document[key]  # type: ignore[index]  # only containers are followed
    return document


@given(args=documents)
def test_every_pointer_leads_back_to_its_value(args: object) -> None:
    for node in walk(args, {}):
        if node.is_key:
            assert node.where.endswith(str(node.value).replace("~", "~0").replace("/", "~1"))
        else:
            assert resolve({"args": args}, node.where) is node.value


@given(args=st.dictionaries(st.sampled_from("abc"), documents), content=st.sampled_from("abc"))
def test_content_is_left_out_whole_and_nothing_else_is(
    args: dict[str, object], content: str
) -> None:
    rest = {key: value for key, value in args.items() if key != content}
    seen = [(node.where, node.is_key) for node in walk(args, {content: "content"})]
    assert seen == [(node.where, node.is_key) for node in walk(rest, {})]


@given(args=documents)
def test_the_walk_does_not_depend_on_key_order(args: object) -> None:
    def backwards(value: object) -> object:
        if isinstance(value, dict):
            return {key: backwards(value[key]) for key in reversed(value)}
        return [backwards(item) for item in value] if isinstance(value, list) else value

    assert list(walk(args, {})) == list(walk(backwards(args), {}))


def test_a_role_covers_all_of_its_parameter_and_no_other() -> None:
    args = {"a": {"b": ["x"]}, "c": {"a": "/y"}}
    roles = {
        node.value: node.role for node in walk(args, {"a": "url"}) if node.value in ("x", "/y")
    }
    assert roles == {"x": "url", "/y": ""}


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("url", {"url"}),
        ("imageURL", {"url"}),
        ("base-urls", {"url"}),
        ("filePath", {"path"}),
        ("FILE_PATHS", {"path"}),
        ("sourceFile", {"path"}),
        ("target", {"path"}),
        ("buildCommand", {"command"}),
        ("https_proxy", {"url"}),
        ("proxyServer", {"url"}),
        ("oldText", {"text"}),
        ("patchText", set()),
        ("exit_code", {"text"}),
        ("email_address", set()),
        ("curly", set()),
        ("profile", set()),
        ("", set()),
        ("???", set()),
    ],
)
def test_a_name_says_what_its_words_say(name: str, kinds: set[str]) -> None:
    *_, node = walk({name: "/x"}, {})
    assert node.named == kinds


def test_a_name_as_long_as_is_looked_up_and_one_longer() -> None:
    longest = "a" * (NAME_CHARS_MAX - 4) + "_url"
    assert [node.named for node in walk({longest: 1}, {})][-1] == {"url"}
    assert [node.named for node in walk({f"a{longest}": 1}, {})][-1] == set()


def test_a_pointer_is_cut_where_keys_are_longer_than_anybody_reads() -> None:
    args: object = "x"
    for _ in range(40):
        args = {"k" * 1_000: args}
    *_, node = walk(args, {})
    assert node.where == ("/args/" + "k" * WHERE_CHARS_MAX)[:WHERE_CHARS_MAX]


def test_numbers_that_nothing_names_are_not_looked_at() -> None:
    assert len(list(walk({"sizes": [1] * 9, "files": [1] * 9}, {}))) == 3 + 9
