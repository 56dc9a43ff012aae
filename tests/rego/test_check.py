"""What loads and what does not. Every refusal names file and line, and what to write instead."""

import pytest

from aegisd.core.errors import PolicyInvalid
from aegisd.rego.check import check, check_test
from tests.rego.worlds import base_files

HEAD = "package aegis.rules\n\nimport rego.v1\n"
CALL = 'deny contains "x" if '


def load(source: str) -> None:
    check({"rules/a.rego": source})


@pytest.mark.parametrize(
    "body",
    [
        CALL + 'input.call.tool == "a"',
        CALL + 'input["call"]["tool"] == "a"',
        CALL + 'input\n  .call # here\n  .tool == "a"',
        CALL + 'input.call.args.deep[0]["x"].y == 1',
        CALL + "input.call.args == {}",
        CALL + 'input.event.payload.content == "a"',
        CALL + '{ some item in input.call.hosts; item.host == "a" }',
        CALL + 'input.call.hosts[_].host == "a"',
        CALL + 'input.call.hosts[0].host == "a"',
        CALL + 'input.call.roles.url == "url"',
        CALL + "{ walk(input.call.args, [_, value]); is_string(value) }",
        CALL + 'data.manifest.tools[input.call.tool].risk == "high"',
        CALL + "data.manifest.budgets.steps == null",
        CALL + '"a" in data.manifest.net.domains',
        CALL + 'helper(input.call.tool)\n\nhelper(tool) if tool == "a"',
        CALL + "data.aegis.rules.helper(1)\n\nhelper(n) if n == 1",
        "import data.aegis.rules.lists\n" + CALL + "input.call.tool in lists.names",
        "import data.aegis.rules.lists as known\n" + CALL + "known.has(input.call.tool)",
        'deny contains sprintf("%v is 100%%", [input.call.tool]) if true',
        'deny contains {"message": "m", "rule": "r", "where": "/args"} if true',
        "default small := false\n\nsmall if input.call.args.n == 1\n\n" + CALL + "not small",
        CALL + "(1 + 2) * 3 == 9",
        CALL + 'contains(input.call.args.q, "a")',
        'require_approval contains "x" if "delete" in input.call.effects',
        'oblige contains {"type": "t"} if true',
        'deny contains "with" if input.call.args["with"] == "with"',
        CALL + "input.call.args.with == 1",
    ],
)
def test_a_policy_that_asks_for_what_there_is_loads(body: str) -> None:
    load(HEAD + body)


REFUSED = [
    # Calls: the name is seen in every spelling.
    ("http.send({})", "http.send may not be called"),
    ('http["send"]({})', "http.send may not be called"),
    ('http [ "send" ] ({})', "http.send may not be called"),
    ("http[`send`]({})", "http.send may not be called"),
    ("http # c\n  .send\n  ({})", "http.send may not be called"),
    ("http.send\n({})", "http.send may not be called"),
    ('http["se" + "nd"]({})', "plain name"),
    ("http[f]({})", "plain name"),
    ("[http.send][0]({})", "a function's name"),
    ("time.now_ns() > 1", "use input.time"),
    ("opa.runtime().env.X", "opa.runtime"),
    ('rand.intn("a", 3) == 1', "no chance"),
    ('uuid.rfc4122("a") == "b"', "no chance"),
    ('trace("a")', "reasons"),
    ('print("a")', "reasons"),
    ('net.lookup_ip_addr("a")', "input.call.hosts"),
    ('io.jwt.decode("a")', "authenticator"),
    ("rego.metadata.rule()", "how the policy is written"),
    ('crypto.sha256("a") == "b"', "digests"),
    ('regex.match("(a+)+", input.call.tool)', "JSON Schema"),
    ('replace(input.call.tool, "", "a")', "never ends"),
    ('startwith(input.call.tool, "a")', "nearest is startswith"),
    ("nosuch(1)", "may not be called"),
    ('sprintf(input.call.tool, [1]) == "a"', "literal format"),
    ('sprintf("%s", [1]) == "a"', "only %v"),
    ('sprintf("%9999d", [1]) == "a"', "only %v"),
    # Reads: only what the schema has.
    ('input.cal.tool == "a"', "the nearest is input.call"),
    ('input.call.tol == "a"', "the nearest is input.call.tool"),
    ('input["call"]["tol"] == "a"', "the nearest is input.call.tool"),
    ('input\n["call"].tool == "a"', "name one of them"),
    ("input[x].tool == 1", "a computed field"),
    ("input.call[x] == 1", "a computed field"),
    ("input.call == {}", "name one of them"),
    ("c := input.call", "name one of them"),
    ("walk(input, [_, _])", "name one of them"),
    ("some _ in input", "name one of them"),
    ('input.call.hosts.host == "a"', "is a list"),
    ('input.call.hosts[0].hots == "a"', "the nearest"),
    ('input.call.tool.name == "a"', "nothing lies below it"),
    ('input.event.payload.args.x == "a"', "read input.call.args"),
    ('input.event.payload["args"] == "a"', "read input.call.args"),
    ("data.manifest.budget.steps == 1", "the nearest is data.manifest.budgets"),
    ("data.manifest.budgets[x] == 1", "a computed field"),
    ("m := data.manifest", "name one of them"),
    ('data.manifest.tools.t.rsk == "a"', "the nearest"),
    ("data.secrets.x == 1", "expected data.manifest"),
    ("data[x] == 1", "expected data.manifest"),
    ("d := data", "expected data.manifest"),
    ("data.aegis.decision.result == 1", "expected data.manifest"),
    ("data.aegis[x] == 1", "expected data.manifest"),
    ("data.aegis.rules[x] == 1", "expected data.manifest"),
    # Engines: what this one does to a policy without a word.
    ("data.aegis.rules.deny == 1 with input as {}", "only tests may"),
    ('{ every host in input.call.hosts { host.host == "a" } }', "rename the variable host"),
    ('tol == "a"', "nothing gives tol a value"),
    ("input.call.args.n == 1.0", "write 1"),
]


@pytest.mark.parametrize(("condition", "says"), REFUSED)
def test_a_policy_that_reaches_further_does_not_load(condition: str, says: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"^rules/a\.rego:[4-6]: ") as caught:
        load(HEAD + CALL + condition)
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("package aegis.decision\n", "package aegis.rules"),
        ("package aegis\n", "package aegis.rules"),
        ("package rules\n", "package aegis.rules"),
        ('package aegis["decision"]\n', "package aegis.rules"),
        ("package aegis[x]\n", "plain names"),
        ("package aegis.rules.deny\n", "stand in for the rule deny"),
        ("", "expected `package`"),
        ("x := 1\n", "expected `package`"),
        (HEAD + "deny if true", "deny contains"),
        (HEAD + 'deny := {"x"}', "deny contains"),
        (HEAD + 'deny["x"] if true', "deny contains"),
        (HEAD + "default deny := true", "deny contains"),
        (HEAD + "require_approval if true", "require_approval contains"),
        (HEAD + "import input.call as c", "in full"),
        (HEAD + "import input", "in full"),
        (HEAD + "import data.manifest", "in full"),
        (HEAD + "import data.aegis.decision", "in full"),
        (HEAD + "import data", "in full"),
        (HEAD + "import data.aegis.rules.a as http", "choose another"),
        (HEAD + "import data.aegis.rules.time", "choose another"),
        (HEAD + "import", "expected a name after `import`"),
        (HEAD + "print(x) := x", "is a built-in's"),
        (HEAD + "deny contains 1 if\ntrace(x)", "is a built-in's"),
    ],
)
def test_a_file_that_stands_in_for_another_does_not_load(source: str, says: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"^rules/a\.rego:\d+: ") as caught:
        load(source)
    assert says in caught.value.message


def test_a_bundle_knows_what_it_reads() -> None:
    facts = check(
        {
            "rules/a.rego": HEAD
            + CALL
            + "input.time.weekday == 1\n"
            + CALL
            + "input.call.args.x == 1"
        }
    )
    assert facts.reads == {"call": {"args"}, "time": {"weekday"}}


def test_the_base_rules_load_and_read_neither_args_nor_payload() -> None:
    files = {
        f"aegis/{path}": text
        for path, text in base_files().items()
        if not path.endswith("_test.rego")
    }
    facts = check(files)
    assert set(facts.reads) == {"call", "event", "snapshot"}
    assert facts.reads["event"] == {"type"}
    assert "args" not in facts.reads["call"]
    assert not facts.plain_text


def test_looking_inside_text_is_noticed_in_operators_files_only() -> None:
    body = CALL + 'contains(input.call.tool, "a")'
    assert check({"rules/a.rego": HEAD + body}).plain_text
    assert not check({"rules/a.rego": HEAD + CALL + 'startswith(input.call.tool, "a")'}).plain_text


def test_a_test_may_replace_what_it_likes_but_not_call_what_it_likes() -> None:
    source = "package aegis.rules_test\n\ntest_a if { data.aegis.rules.deny with input as {} }\n"
    assert check_test("a_test.rego", source).package == ("aegis", "rules_test")
    with pytest.raises(PolicyInvalid, match=r"http\.send may not be called"):
        check_test("a_test.rego", source + "test_b if http.send({})\n")
