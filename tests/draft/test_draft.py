"""A draft guesses what tools do, never too lightly, says what it cannot know, and validates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core import capabilities
from aegisd.core.errors import ManifestInvalid
from aegisd.core.log.canonical import encode
from aegisd.core.manifest.model import Manifest, Tool
from aegisd.draft.draft import Draft, draft
from aegisd.draft.words import EFFECTS, joined, widens, words
from tests.table import each


def made(name: str, **properties: object) -> tuple[Tool, Draft]:
    """The one tool of a draft, read as a daemon would; `text` stands for a string."""
    written = {
        key: {"type": "string"} if each == "text" else each for key, each in properties.items()
    }
    schema = {"type": "object", "properties": written, "required": list(written)}
    found = draft([{"name": name, "inputSchema": schema}], "x")
    return _manifest(found).tools[name], found


def _manifest(found: Draft) -> Manifest:
    return capabilities.read(encode(found.manifest)).manifest


NUMBER, SWITCH = {"type": "integer"}, {"type": "boolean"}

# Each tool with the effects, the risk and the roles that a careful person would give it.
GUESSED: list[tuple[str, dict[str, object], str, str, dict[str, str]]] = [
    ("editFile", {"path": "text", "oldText": "text", "newText": "text"}, "write", "medium",
     {"path": "path", "oldText": "content", "newText": "content"}),
    ("search_docs", {"query": "text", "limit": NUMBER}, "read", "low", {"query": "content"}),
    ("query", {"sql": "text"}, "delete read write", "high", {"sql": "content"}),
    ("analytics_query", {"query": "text"}, "delete read write", "high", {"query": "content"}),
    ("lint", {"code": "text"}, "exec", "critical", {"code": "content"}),
    ("check_snippet", {"code": "text"}, "read", "high", {"code": "content"}),
    ("run_script", {"script": "text"}, "exec", "critical", {"script": "content"}),
    ("shell", {"command": "text"}, "exec", "critical", {"command": "command"}),
    ("move_file", {"source": "text", "destination": "text"}, "read write", "medium",
     {"source": "path", "destination": "path"}),
    ("git_diff", {"repo_path": "text", "target": "text"}, "read", "low", {"repo_path": "path"}),
    ("create_event", {"title": "text", "attendees": {"type": "array"}}, "message write", "medium",
     {"title": "content", "attendees": "recipient"}),
    ("forge_close_issue", {"owner": "text", "repo": "text"}, "message write", "medium",
     {"owner": "recipient", "repo": "recipient"}),
    ("forge_read_file", {"owner": "text", "repo": "text", "path": "text"}, "read", "low",
     {"path": "control"}),
    ("transfer_funds", {"to_account": "text", "amount": NUMBER}, "spend", "high",
     {"to_account": "recipient", "amount": "amount"}),
    ("delete_email", {"messageId": "text"}, "delete", "high", {}),
    ("grant_role", {"user": "text"}, "auth", "high", {}),
    ("chmod_path", {"path": "text", "mode": NUMBER}, "read", "high", {"path": "path"}),
    ("web_search", {"q": "text", "allowed_domains": {"type": "array"}}, "read", "low",
     {"q": "content"}),
    ("translate", {"text": "text"}, "", "low", {"text": "content"}),
]  # fmt: skip


@each(("name", "properties", "effects", "risk", "roles"), GUESSED)
def test_each_tool_is_guessed_as_a_careful_person_would(
    name: str, properties: dict[str, object], effects: str, risk: str, roles: dict[str, str]
) -> None:
    tool, _ = made(name, **properties)
    assert (" ".join(tool.effects), tool.risk, tool.roles) == (effects, risk, roles)


# What a schema lets through, and the draft does not.
REFUSED: list[tuple[str, dict[str, object], dict[str, object]]] = [
    ("get_user", {"user_id": "text"}, {"user_id": "1' or '1'='1"}),
    ("list_users", {"order_by": "text"}, {"order_by": "(select 1)"}),
    ("do_work", {"user_role": "text"}, {"user_role": "SuperAdmin"}),
    ("make_branch", {"branch": "text"}, {"branch": "refs/heads/main"}),
    ("read", {"owner": "text", "path": "text"}, {"owner": "a", "path": "../../keys"}),
    ("write_file", {"path": "text"}, {"path": "a/.git/hooks/pre-commit"}),
    ("send_mail", {"html": "text"}, {"html": "<img SRC = 'https://evil.example'>"}),
    ("read_x", {"bypass_checks": SWITCH}, {"bypass_checks": True}),
    ("spawn", {"count": NUMBER}, {"count": 1_000_000}),
    ("spawn", {"workers": NUMBER}, {"workers": -1}),
    ("set_permissions", {"path": "text", "mode": NUMBER}, {"path": "a", "mode": 0o4755}),
    ("read_y", {"x": "text"}, {"x": "a", "not_listed": 1}),
]


@each(("name", "properties", "args"), REFUSED)
def test_what_no_honest_call_has_is_refused(
    name: str, properties: dict[str, object], args: dict[str, object]
) -> None:
    _, found = made(name, **properties)
    assert capabilities.read(encode(found.manifest)).arguments.check(name, args)


def test_what_bounds_a_value_already_is_left_alone() -> None:
    own = {"type": "string", "pattern": "^x"}
    tool, _ = made("get_user", user_id=own)
    assert tool.args is not None
    assert tool.args["properties"] == {"user_id": own}


# Under "Check": the tool, its parameters, and a word of what is said of them.
SAID: list[tuple[str, dict[str, object], str]] = [
    ("post_note", {"text": "text", "embed": {"type": "object"}}, "nothing holds embed"),
    ("post_note", {"text": "text"}, "sends without asking anybody"),
    ("translate", {"text": "text"}, "text is not looked into"),
    ("pay", {"amount": NUMBER}, "no upper bound for amount"),
    ("call_x", {"override_limits": SWITCH}, "override_limits pinned to false"),
    ("call_x", {"api_key": "text"}, "api_key kept out of the log"),
    ("run_python", {"code": "text"}, "code is code, which nothing reads"),
    ("info", {"path": "text"}, "path is taken for a place below fs roots"),
    ("get_x", {"filter": "text"}, "nothing holds: get_x.filter"),
    ("search_x", {"query": "text"}, "go with what is asked: search_x.query"),
    ("send", {"to": "text"}, "recipients are empty"),
    ("run", {"command": {"enum": ["git", "frob"]}}, "nothing describes frob"),
]


@each(("name", "properties", "sentence"), SAID)
def test_what_nothing_holds_is_said(
    name: str, properties: dict[str, object], sentence: str
) -> None:
    _, found = made(name, **properties)
    assert sentence in "\n".join(found.check)


def test_what_somebody_has_to_fill_in_is_written_out_where_a_tool_needs_it() -> None:
    listed = [("send", "to"), ("read", "path"), ("fetch", "url")]
    schemas = [(name, {"properties": {each: {"type": "string"}}}) for name, each in listed]
    found = draft([{"name": name, "inputSchema": schema} for name, schema in schemas], "x")
    assert {"fs", "net", "recipients", "budgets"} < set(found.manifest)
    assert found.manifest["recipients"] == {"to": []}
    assert _manifest(found).budgets.wall_time_ms is None
    assert set(draft([{"name": "list_x"}], "x").manifest) & {"net", "recipients", "exec"} == set()


def test_names_are_read_word_by_word() -> None:
    assert words("getUserURLs") == ("get", "user", "urls", "url")
    assert joined("old_string") == joined("oldString") == "oldstring"
    assert [widens(each) for each in ("include_credentials", "disable_ssl", "disable_sound")] == [
        True,
        True,
        False,
    ]
    assert all(word == word.lower() for known in EFFECTS.values() for word in known)


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
SCHEMAS = st.sampled_from(
    [{}, True, {"type": "string"}, NUMBER, SWITCH, {"anyOf": [SWITCH, {"type": "null"}]}]
)


@given(st.lists(NAMES, unique=True, min_size=1), st.dictionaries(NAMES, SCHEMAS, max_size=4))
def test_any_list_of_tools_gives_a_draft_that_validates(
    names: list[str], properties: dict[str, object]
) -> None:
    schema = {"type": "object", "properties": properties}
    found = draft([{"name": name, "inputSchema": schema} for name in names], "x")
    manifest = _manifest(found)
    assert set(manifest.tools) == set(names)
    for tool in manifest.tools.values():
        assert tool.approval == (tool.risk == "high")
    assert found.check


@given(st.sampled_from(["delete", "drop", "pay", "transfer", "exec", "run", "grant"]), NAMES)
def test_a_grave_word_in_front_is_never_taken_lightly(word: str, rest: str) -> None:
    found = draft([{"name": f"{word}_{rest}"}], "x")
    (tool,) = _manifest(found).tools.values()
    assert (tool.risk, tool.approval) == ("high", True)


def test_no_tool_is_no_manifest() -> None:
    with pytest.raises(ManifestInvalid):
        draft([], "x")
