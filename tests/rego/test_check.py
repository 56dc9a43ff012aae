"""What loads and what does not. Every refusal names file and line, and what to write instead."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import PolicyInvalid
from aegisd.rego import recursion
from aegisd.rego.check import _WORD_OR_SIGN, SPOKEN, STEPS_MAX, WORDS_MAX, admit, check, check_test
from tests.rego.worlds import base_files
from tests.table import each

HEAD = "package aegis.rules\n\nimport rego.v1\n"
CALL = 'deny contains "x" if '


def load(source: str) -> None:
    check({"rules/a.rego": source})


@each(
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


@each(("condition", "says"), REFUSED)
def test_a_policy_that_reaches_further_does_not_load(condition: str, says: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"^rules/a\.rego:[4-6]: ") as caught:
        load(HEAD + CALL + condition)
    assert says in caught.value.message


@each(
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
        (HEAD + "deny contains 1 if\ntrace(x)", "trace may not be called"),
        (HEAD + "deny contains 1 if\nnosuch(1)", "nosuch may not be called"),
        (HEAD + "x := input.call.args.if\ndeny := {1}", "deny contains"),
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


@pytest.mark.parametrize(
    ("condition", "timed"),
    [
        ('input.call.tool == "input.time.weekday"  # input.time.weekday', False),
        ("input.snapshot.steps_consumed > 3", False),
        ("input.time.weekday > 5", True),
        ('input["time"].date == "2026-01-01"', True),
        ("input.snapshot.wall_time_ms > 5", True),
        ('input.snapshot["wall_time_ms"] > 5', True),
    ],
)
@pytest.mark.parametrize("path", ["rules/a.rego", "aegis/a.rego"])
def test_whether_operators_rules_read_the_time_is_known(
    condition: str, path: str, *, timed: bool
) -> None:
    facts = check({path: HEAD + CALL + condition})
    assert facts.timed == (timed and path.startswith("rules/"))


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


# ── rules that nothing reads ────────────────────────────────────────────────────────────────────

LATE = "late if input.time.weekday == 6\n\n"
HOURS = "package aegis.rules.hours\n\nimport rego.v1\n\nopen if input.time.weekday == 1\n"


def admitted(*bodies: str, base: bool = False) -> None:
    """Each body is a file of package `aegis.rules`, or of the package that it names."""
    files = {
        f"rules/{name}.rego": body if body.startswith("package") else HEAD + body
        for name, body in zip("abc", bodies, strict=False)
    }
    admit({**files, **({f"aegis/{k}": v for k, v in base_files().items()} if base else {})})


@each(
    "bodies",
    [
        (LATE + CALL + "late",),
        (LATE + 'deny contains "x" if\n\tlate',),
        (LATE + 'deny contains "x" if {\n\tnot late\n}',),
        (LATE + CALL + "data.aegis.rules.late",),
        (LATE + CALL + 'data["aegis"]["rules"]["late"]',),
        (LATE, CALL + "late"),
        (LATE + "x(n) if {\n\tlate\n\tn == 1\n}\n\n" + CALL + "x(1)",),
        (LATE + "test_late if late",),
        ("test_me if true",),
        ("todo_test_me if true",),
        ("max_amount := 3\n\n" + CALL + "input.call.args.n > max_amount",),
        ("default small := false\n\n" + CALL + "small",),
        ("lists.names := [1]\n\n" + CALL + "input.call.args.n in lists.names",),
        ('deny contains sprintf("%v", [why]) if true\n\nwhy := 1',),
        ("deny contains x if some x in denials\n\ndenials contains 1",),
        (HOURS, CALL + "data.aegis.rules.hours.open"),
        (HOURS, CALL + 'data.aegis.rules.hours["open"]'),
        (HOURS, CALL + "data.aegis.rules.hours[input.call.tool]"),
        (HOURS, CALL + "count(data.aegis.rules.hours) == 1"),
        (HOURS, "import data.aegis.rules.hours\n" + CALL + "hours.open"),
        (HOURS, "import data.aegis.rules.hours as known\n" + CALL + "known.open"),
        (HOURS, "import data.aegis.rules.hours.open as now\n" + CALL + "now"),
        (HOURS, "import data.aegis.rules\n" + CALL + "rules.hours.open"),
        ("advise contains 1", "constrain contains 1", "oblige contains 1"),
    ],
)
def test_a_rule_that_the_gate_or_another_rule_reads_is_admitted(bodies: tuple[str, ...]) -> None:
    admitted(*bodies)


@pytest.mark.parametrize(
    ("bodies", "place", "says"),
    [
        (('denny contains "x" if true',), "a.rego:4", "the nearest is deny;"),
        (('Deny contains "x" if true',), "a.rego:4", "the nearest is deny;"),
        (("allow if true",), "a.rego:4", "no rule allows"),
        (("default allow := true",), "a.rego:4", "no rule allows"),
        (('require_aproval contains "x"',), "a.rego:4", "the nearest is require_approval;"),
        # The reader is named, not what it reads.
        ((LATE + 'denny contains "x" if late',), "a.rego:6", "aegis.rules.denny:"),
        ((CALL + "true", LATE), "b.rego:4", "aegis.rules.late:"),
        # A rule that only reads itself, or two that only read each other.
        (("turn(n) if turn(n - 1)",), "a.rego:4", "aegis.rules.turn:"),
        (
            (LATE + "turn(n) if {\n\tlate\n\tturn(n - 1)\n}",),
            "a.rego:6",
            "aegis.rules.turn:",
        ),
        (("this if that\n\nthat if this",), "a.rego:4", "aegis.rules.this:"),
        # An import reads nothing; nor does a field of the same name, a text or a comment.
        ((HOURS, "import data.aegis.rules.hours\n" + CALL + "true"), "a.rego:5", "hours.open:"),
        ((HOURS, "import data.aegis.rules.hours as h\n" + CALL + "true"), "a.rego:5", "hours.open"),
        ((LATE + CALL + "input.call.args.late",), "a.rego:4", "aegis.rules.late:"),
        ((LATE + CALL + 'input.call.tool == "late" # late',), "a.rego:4", "aegis.rules.late:"),
        # A package beside the one that is read.
        (
            (HOURS, CALL + "count(data.aegis.rules.hour) == 0", "package aegis.rules.hour\n"),
            "a.rego:5",
            "hours.open:",
        ),
        ((HOURS, CALL + "open", "open if true"), "a.rego:5", "hours.open:"),
        (
            ("package aegis.rules.hours\n\nimport rego.v1\n\ndeny contains 1 if true",),
            "a.rego:5",
            "move deny to package aegis.rules",
        ),
    ],
)
def test_a_rule_that_nothing_reads_is_not_admitted(
    bodies: tuple[str, ...], place: str, says: str
) -> None:
    with pytest.raises(PolicyInvalid) as caught:
        admitted(*bodies)
    assert caught.value.message.startswith(f"rules/{place}: nothing reads ")
    assert says in caught.value.message


WORDS = st.text("adeny_R", min_size=1, max_size=7).filter(
    lambda word: word not in SPOKEN and word not in ("as", "any")
)


@given(word=WORDS, read=st.booleans(), own_file=st.booleans(), before=st.booleans())
def test_a_helper_is_admitted_if_and_only_if_something_reads_it(
    word: str, read: bool, own_file: bool, before: bool
) -> None:
    helper, rule = f"{word} if input.time.weekday == 6", CALL + (word if read else "true")
    bodies = [helper, rule] if before else [rule, helper]
    files = bodies if own_file else ["\n\n".join(bodies)]
    if read:
        admitted(*files, base=True)
    else:
        with pytest.raises(PolicyInvalid, match=f"nothing reads aegis.rules.{word}:"):
            admitted(*files, base=True)


def test_a_bundle_of_an_old_log_may_hold_what_is_no_longer_admitted() -> None:
    load(HEAD + LATE)


def test_words_and_steps_of_what_comes_into_force_are_held_to_their_bounds() -> None:
    """A list of ones, each with its comma, and what stands around them; a path and one longer."""
    body = "lists := [{}1]\n\n" + CALL + "input.call.args.n in lists"
    around = len(_WORD_OR_SIGN.findall(HEAD + body.format("")))
    fits = (WORDS_MAX - around) // 2
    admitted(body.format("1," * fits))
    with pytest.raises(PolicyInvalid, match="WORDS_MAX"):
        admitted(body.format("1," * (fits + 1)))
    path = "input.call.args" + ".a" * (STEPS_MAX - 2)
    admitted(CALL + f"{path} == 1")
    with pytest.raises(PolicyInvalid, match="STEPS_MAX"):
        admitted(CALL + f"{path}.a == 1")
    with pytest.raises(PolicyInvalid, match="STEPS_MAX"):
        admitted("package aegis.rules" + ".a" * STEPS_MAX + "\n\nx := 1\n")


def test_readers_of_one_place_are_as_many_edges_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edges = []

    def counted(reads: dict[Any, set[Any]], weights: object) -> object:
        edges.append(sum(map(len, reads.values())))
        return levels(reads, weights)  # type: ignore[arg-type]  # as they came

    levels = recursion._levels
    monkeypatch.setattr(recursion, "_levels", counted)
    helpers = "".join(f"x{n} := 1\n\n" for n in range(100))
    readers = "".join(f"test_{n} if count(data.aegis.rules.h) == 1\n\n" for n in range(100))
    admitted("package aegis.rules.h\n\n" + helpers, readers)
    assert max(edges) <= 3 * 100
