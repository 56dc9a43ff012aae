"""Laws of the whole reading: total, the same every time, never less for having more."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from aegisd.core.target.extract import extract
from aegisd.core.target.host import INTERNATIONAL_CHARS_MAX
from aegisd.core.target.model import PROBLEMS, TARGETS_MAX, Problem, Targets
from aegisd.core.target.node import NODES_MAX, ROOT

EFFECTS = ["read", "write", "delete", "exec", "net", "spend", "message", "auth"]
ROLES = ["recipient", "url", "path", "command", "amount", "control", "content"]
NAMES = ["url", "path", "command", "args", "argv", "binary", "source", "note", "~/", ""]

BITS = (
    "http:// https: // / \\ @ # good.com evil.com 127.1 [::1] file:/// .. ~ $x %2e bash -c eval env"
    " find -exec ; | ' \" git rm é . :80"
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.sampled_from([*BITS.split(), " ", "\t", "\x00"]), max_size=6).map("".join)
)
keys = st.sampled_from(NAMES) | st.text(max_size=5)
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
calls = st.dictionaries(keys, documents, max_size=5)
effect_sets = st.frozensets(st.sampled_from(EFFECTS))
role_maps = st.dictionaries(keys, st.sampled_from(ROLES), max_size=4)


def targets_of(found: Targets) -> set[object]:
    return {*found.hosts, *found.paths, *found.commands}


@given(args=documents, effects=effect_sets, roles=role_maps)
def test_any_json_value_is_read_or_refused_and_never_raised_on(
    args: object, effects: frozenset[str], roles: dict[str, str]
) -> None:
    found = extract(args, effects=effects, roles=roles)
    for kind in (found.hosts, found.paths, found.commands, found.problems):
        assert all(astuple(one) < astuple(next_one) for one, next_one in pairwise(kind))
        assert all(item.where == ROOT or item.where.startswith(f"{ROOT}/") for item in kind)
    assert all(problem.code in PROBLEMS for problem in found.problems)
    assert all(host.host == host.host.lower() and host.host.isascii() for host in found.hosts)


@given(args=calls, effects=effect_sets, roles=role_maps)
def test_the_reading_does_not_depend_on_the_order_of_keys_or_effects(
    args: dict[str, object], effects: frozenset[str], roles: dict[str, str]
) -> None:
    backwards = {key: args[key] for key in reversed(args)}
    again = extract(backwards, effects=tuple(sorted(effects, reverse=True)), roles=roles)
    assert extract(args, effects=effects, roles=roles) == again


@given(args=calls, more=documents, effects=effect_sets, roles=role_maps)
def test_one_more_parameter_never_takes_a_target_away(
    args: dict[str, object], more: object, effects: frozenset[str], roles: dict[str, str]
) -> None:
    before = extract(args, effects=effects, roles=roles)
    after = extract({**args, "one_more": more}, effects=effects, roles=roles)
    assert targets_of(before) <= targets_of(after)
    lost = set(before.problems) - set(after.problems)
    assert {problem.code for problem in lost} <= {"no_command"}


@given(args=st.lists(documents, max_size=3), more=documents, effects=effect_sets)
def test_one_more_item_never_takes_a_target_away(
    args: list[object], more: object, effects: frozenset[str]
) -> None:
    before = extract({"note": args}, effects=effects, roles={})
    after = extract({"note": [*args, more]}, effects=effects, roles={})
    assert targets_of(before) <= targets_of(after)


def test_a_key_inside_a_command_is_a_place_as_it_is_elsewhere() -> None:
    found = extract({"command": {"~/": None}}, effects={"read", "exec"}, roles={})
    assert [target.where for target in found.paths] == ["/args/command/~0~1"]


@given(args=calls, effects=effect_sets, extra=effect_sets, roles=role_maps)
def test_one_more_effect_never_takes_a_host_or_command_away(
    args: dict[str, object],
    effects: frozenset[str],
    extra: frozenset[str],
    roles: dict[str, str],
) -> None:
    before = extract(args, effects=effects, roles=roles)
    after = extract(args, effects=effects | extra, roles=roles)
    assert set(before.hosts) <= set(after.hosts)
    assert set(before.commands) <= set(after.commands)
    assert {(p.path, p.where) for p in before.paths} <= {(p.path, p.where) for p in after.paths}


@given(text=st.text(), effects=effect_sets)
def test_content_reaches_for_nothing(text: str, effects: frozenset[str]) -> None:
    args = {"url": {text: [text, {"path": "http://a.com", "command": "rm"}]}}
    found = extract(args, effects=effects, roles={"url": "content"})
    assert not targets_of(found)
    assert {problem.code for problem in found.problems} <= {"no_command"}


@pytest.mark.parametrize(
    ("kind", "effects", "name", "item"),
    [
        ("host", ("net",), "url", "{}.com"),
        ("path", ("read",), "path", "/{}"),
        ("command", ("exec",), "command", "echo {}"),
        ("host", ("net",), "url", "user@{}"),
        ("path", ("read",), "path", "~{}"),
    ],
)
def test_a_call_may_have_as_many_findings_of_a_kind_as_are_judged_and_no_more(
    kind: str, effects: tuple[str, ...], name: str, item: str
) -> None:
    per_item = 2 if item[0] in "u~" else 1
    values = {f"k{place}": item.format(f"a{place}") for place in range(TARGETS_MAX // per_item)}
    found = extract({name: values}, effects=effects, roles={})
    assert len([*found.hosts, *found.paths, *found.commands, *found.problems]) == TARGETS_MAX
    assert "too_many" not in {problem.code for problem in found.problems}
    found = extract({name: {**values, "zz": item.format("a")}}, effects=effects, roles={})
    assert [p.target for p in found.problems if p.code == "too_many"] == [kind]


def test_nesting_of_any_depth_is_walked() -> None:
    deepest: list[object] = ["http://evil.com"]
    for _ in range(3_000):
        deepest = [deepest]
    assert [host.host for host in extract(deepest, effects=["net"], roles={}).hosts] == ["evil.com"]


def test_every_problem_has_a_sentence_that_ends_in_a_way_out() -> None:
    for sentence in PROBLEMS.values():
        assert ";" in sentence
        assert not sentence.endswith(".")


@pytest.mark.parametrize("more", [0, 1])
def test_what_may_name_something_is_read_up_to_a_bound_and_no_further(more: int) -> None:
    """All args, two lists, and the texts of one; of the other nothing is read."""
    texts = ["1:2"] * (NODES_MAX - 3 + more)
    found = extract({"notes": texts, "rest": [1, "", {}, []] * 9_000}, effects=["net"], roles={})
    too_many = Problem(target="host", code="too_many", where=ROOT)
    assert found == Targets(problems=(too_many,) * more)


def test_past_the_bound_each_kind_of_target_that_the_tool_has_is_a_problem() -> None:
    found = extract({"path": ["a"] * NODES_MAX}, effects=["exec", "read"], roles={})
    told = {problem.target for problem in found.problems if problem.code == "too_many"}
    assert told == {"command", "host", "path"}


@pytest.mark.parametrize("more", [0, 1])
def test_international_names_are_mapped_up_to_a_bound_in_all(more: int) -> None:
    name = f"ü{'a' * 28}.{'b' * 31}.de"
    names = [name] * (INTERNATIONAL_CHARS_MAX // len(name) // 2)
    beside = "see " + " ".join(f"http://{name}" for name in (*names, *names[:more]))
    found = extract({"urls": names, "notes": beside}, effects=["net"], roles={})
    assert {problem.code for problem in found.problems} == ({"international"} if more else set())
