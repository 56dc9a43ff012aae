"""The base rules on each engine: at each bound, one past it, and against a plain model."""

import json
from typing import Any  # JSON of any shape.

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from aegisd.core.policy.verdict import PRECEDENCE, read
from aegisd.rego import bundle
from aegisd.rego.engines import choose, installed
from tests.effort import times
from tests.rego import reference
from tests.rego.worlds import (
    ENGINE,
    GONE,
    INPUT,
    MANIFEST,
    base_files,
    bent,
    codes,
    compiled,
    judged,
)
from tests.table import each

pytestmark = pytest.mark.usefixtures("engine")

JUDGED = ("TOOL_CALL_PROPOSED", "MODEL_CALL_STARTED", "MEMORY_WRITE", "HANDOFF_REQUESTED")
RELEASES = ("USER_MESSAGE", "MODEL_CALL_FINISHED", "TOOL_RESULT", "MEMORY_READ")


def test_a_call_inside_every_limit_is_allowed_and_held_to_the_constraints() -> None:
    assert judged(INPUT) == {
        "advice": [],
        "constraints": [{"name": "timeout_ms", "value": 30_000}],
        "deny": [],
        "obligations": [],
        "require_approval": [],
    }


TARGETED = {"EGRESS_DENY", "PATH_DENY", "EXEC_DENY", "RECIPIENT_DENY"}


def _mail(address: str, domain: str) -> dict[str, str]:
    return {"recipient": address, "domain": domain, "field": "to", "where": "/args/to"}


CASES: list[tuple[str, object, set[str]]] = [
    ("snapshot__terminated", True, {"SESSION_TERMINATED"}),
    ("snapshot__terminated", GONE, {"SESSION_TERMINATED"}),
    ("snapshot__terminated", 0, {"SESSION_TERMINATED"}),
    ("call__declared", False, {"PERMISSION_UNDECLARED"}),
    ("call__declared", "true", {"PERMISSION_UNDECLARED"}),
    ("call__declared", 1, {"PERMISSION_UNDECLARED"}),
    ("call__declared", GONE, {"PERMISSION_UNDECLARED"}),
    ("call__approval", "no", {"PERMISSION_UNDECLARED"}),
    ("call__args_errors", [{"where": "/args/a", "rule": "type"}], {"ARGS_INVALID"}),
    ("call__args_errors", "none", {"ARGS_INVALID"}),
    ("call__args_typed", False, set()),
    ("call__args_typed", "yes", {"ARGS_INVALID"}),
    ("call__hosts__0__host", "a.example.org", set()),
    ("call__hosts__0__host", "a.b.example.org", set()),
    ("call__hosts__0__host", "example.org", {"EGRESS_DENY"}),
    ("call__hosts__0__host", ".example.org", {"EGRESS_DENY"}),
    ("call__hosts__0__host", "aexample.org", {"EGRESS_DENY"}),
    ("call__hosts__0__host", "example.org.evil.com", {"EGRESS_DENY"}),
    ("call__hosts__0__host", "API.example.com", {"EGRESS_DENY"}),
    ("call__hosts__0__host", "*.example.org", {"EGRESS_DENY"} - {"EGRESS_DENY"}),
    ("call__hosts__0__host", 7, {"EGRESS_DENY"}),
    ("call__hosts__0__scheme", "postgresql", set()),
    ("call__hosts__0__plain", False, {"EGRESS_DENY"}),
    ("call__hosts__0__plain", 1, {"EGRESS_DENY"}),
    ("call__hosts__0__plain", GONE, {"EGRESS_DENY"}),
    ("call__hosts__0__host", GONE, {"EGRESS_DENY"}),
    ("call__hosts__0", "api.example.com", {"EGRESS_DENY"}),
    ("call__hosts", {"0": INPUT["call"]["hosts"][0]}, {"EGRESS_DENY"}),
    ("call__hosts", [], {"EGRESS_DENY"}),
    ("call__hosts", GONE, {"EGRESS_DENY"}),
    ("call__problems", [{"target": "host", "code": "c", "where": "/args"}], {"EGRESS_DENY"}),
    ("call__problems", [{"target": "path", "code": "c", "where": "/args"}], {"PATH_DENY"}),
    ("call__problems", [{"target": "command", "code": "c", "where": "/args"}], {"EXEC_DENY"}),
    ("call__problems", [{"target": "recipient", "code": "c", "where": ""}], {"RECIPIENT_DENY"}),
    ("call__problems", [{"target": "novel"}], TARGETED),
    ("call__problems", GONE, TARGETED),
    ("call__recipients__0__recipient", "ann@acme.dev.evil", {"RECIPIENT_DENY"}),
    ("call__recipients__0__recipient", 7, {"RECIPIENT_DENY"}),
    ("call__recipients__0__field", "", {"RECIPIENT_DENY"}),
    ("call__recipients__0__field", "*", {"RECIPIENT_DENY"}),
    ("call__recipients__0", {"recipient": "42", "domain": "", "field": "*", "where": ""}, set()),
    ("call__recipients__0", _mail("bob@acme.org", "@acme.org"), set()),
    ("call__recipients__0", _mail("bob@acme.org", "@org"), {"RECIPIENT_DENY"}),
    ("call__recipients__0", "ann@acme.dev", {"RECIPIENT_DENY"}),
    ("call__recipients", [], set()),
    ("call__recipients", GONE, {"RECIPIENT_DENY"}),
    ("call__paths__0__path", "/workspace/out", set()),
    ("call__paths__0__path", "/workspace/outer", {"PATH_DENY"}),
    ("call__paths__0__path", "/workspace/Out/a", {"PATH_DENY"}),
    ("call__paths__0__path", "/workspace", {"PATH_DENY"}),
    ("call__paths__0__path", "a", {"PATH_DENY"}),
    ("call__paths__0__path", "", {"PATH_DENY"}),
    ("call__paths__0__access", "delete", set()),
    ("call__paths__0__access", "link", {"PATH_DENY"}),
    ("call__paths__0__access", 1, {"PATH_DENY"}),
    ("call__paths__0", {"path": "/workspace/a", "access": "read", "where": ""}, set()),
    ("call__paths__0", {"path": "a/b", "access": "read", "where": ""}, set()),
    ("call__paths__0", {"path": "../a", "access": "read", "where": ""}, {"PATH_DENY"}),
    ("call__paths__0", {"path": "/etc/passwd", "access": "read", "where": ""}, {"PATH_DENY"}),
    ("call__paths", [], set()),
    ("call__commands__0__binary", "/usr/bin/git", {"EXEC_DENY"}),
    ("call__commands__0__binary", "GIT", {"EXEC_DENY"}),
    ("call__commands__0__binary", ["git"], {"EXEC_DENY"}),
    ("call__commands__0__unmatched", ["--upload-pack"], {"EXEC_DENY"}),
    ("call__commands__0__unmatched", GONE, {"EXEC_DENY"}),
    ("call__commands", [], {"EXEC_DENY"}),
    ("call__effects", [], set()),
    ("call__effects", "net", {"PERMISSION_UNDECLARED"}),
    ("snapshot__steps_consumed", 23, set()),
    ("snapshot__steps_consumed", 24, {"BUDGET_EXCEEDED"}),
    ("snapshot__steps_consumed", 22.5, {"BUDGET_EXCEEDED"}),
    ("snapshot__steps_consumed", "1", {"BUDGET_EXCEEDED"}),
    ("snapshot__tool_calls_consumed", 11, set()),
    ("snapshot__tool_calls_consumed", 12, {"BUDGET_EXCEEDED"}),
    ("snapshot__model_calls_consumed", 99, set()),
    ("snapshot__wall_time_ms", 120_000, set()),
    ("snapshot__wall_time_ms", 120_001, {"BUDGET_EXCEEDED"}),
    ("snapshot__wall_time_ms", None, {"BUDGET_EXCEEDED"}),
]


@each(("path", "value", "wanted"), CASES)
def test_one_thing_changed_is_judged_by_its_own_family(
    path: str, value: object, wanted: set[str]
) -> None:
    document = bent(INPUT, **{path: value})
    assert codes(document) == wanted
    assert reference.denied(document, MANIFEST) == wanted


@pytest.mark.parametrize("risk", ["high", "critical", "novel", None])
def test_an_untyped_tool_of_high_risk_is_denied(risk: str | None) -> None:
    assert codes(bent(INPUT, call__args_typed=False, call__risk=risk)) == {"ARGS_INVALID"}
    assert codes(bent(INPUT, call__args_typed=True, call__risk=risk)) == set()


@pytest.mark.parametrize(("consumed", "wanted"), [(1, set()), (2, {"BUDGET_EXCEEDED"})])
def test_model_calls_count_for_model_calls(consumed: int, wanted: set[str]) -> None:
    document = bent(
        INPUT, event__type="MODEL_CALL_STARTED", call=GONE, snapshot__model_calls_consumed=consumed
    )
    assert codes(document) == wanted


@pytest.mark.parametrize("domains", [["*"], ["*", "api.example.com"]])
def test_a_star_is_every_name_and_no_address(domains: list[str]) -> None:
    manifest = bent(MANIFEST, net__domains=domains)
    name = bent(INPUT, call__hosts__0__host="any.where")
    assert codes(name, manifest) == set()
    for kind, address in (("ipv4", "192.0.2.7"), ("ipv6", "2001:db8::1")):
        host = bent(INPUT, call__hosts__0__host=address, call__hosts__0__kind=kind)
        assert codes(host, manifest) == {"EGRESS_DENY"}


def test_an_address_is_allowed_when_it_is_listed() -> None:
    host = bent(INPUT, call__hosts__0__host="192.0.2.7", call__hosts__0__kind="ipv4")
    assert codes(host) == set()


@pytest.mark.parametrize("event_type", JUDGED)
def test_without_a_manifest_every_step_is_denied(event_type: str) -> None:
    document = bent(INPUT, event__type=event_type)
    assert "PERMISSION_UNDECLARED" in codes(document, bent(MANIFEST, registered=False))


@pytest.mark.parametrize("event_type", RELEASES)
def test_a_release_is_denied_by_no_base_rule(event_type: str) -> None:
    document = bent(INPUT, event__type=event_type, call=GONE, snapshot__terminated=True)
    nothing = {"registered": False, "tools": {}}
    assert judged(document, nothing)["deny"] == []


@pytest.mark.parametrize("event_type", ["TOOL_CALL_PROPOSE", "", 7, None, GONE])
def test_an_unknown_type_is_judged_as_a_call(event_type: object) -> None:
    assert codes(bent(INPUT, event__type=event_type, call=GONE)) >= {
        "PERMISSION_UNDECLARED",
        "ARGS_INVALID",
    }


@pytest.mark.parametrize(("approval", "asked"), [(True, 1), (False, 0), ("no", 1), (GONE, 1)])
def test_approval_is_asked_for_unless_it_is_surely_not_needed(approval: object, asked: int) -> None:
    said = judged(bent(INPUT, call__approval=approval))["require_approval"]
    assert [reason["code"] for reason in said] == ["APPROVAL_REQUIRED"] * asked


def test_a_required_sandbox_is_an_obligation() -> None:
    manifest = bent(MANIFEST, sandbox__required=True, sandbox__image="runner")
    wanted = [{"image": "runner", "mounts": [], "type": "sandbox"}]
    assert judged(INPUT, manifest)["obligations"] == wanted
    assert judged(bent(INPUT, event__type="MEMORY_WRITE"), manifest)["obligations"] == []


def test_core_reads_every_answer_of_the_base_rules() -> None:
    for path, value, wanted in CASES:
        verdict = read(rfc8785.dumps(judged(bent(INPUT, **{path: value}))))
        assert verdict.fault is None
        assert {reason.code for reason in verdict.reasons} - {"APPROVAL_REQUIRED"} == wanted


# ── against the model ────────────────────────────────────────────────────────────────────────────

JUNK: list[object] = [GONE, None, True, False, 0, 1, -1, 1.5, "", "text", "net", [], {}, [1], [""]]
JUNK += [{"a": "net"}, ["net"], ["exec"], ["read"], ["net", "exec", "write"], '"', "\\", "\n"]

HOSTS = [
    "api.example.com",
    "x.example.org",
    "example.org",
    ".example.org",
    "evil",
    "192.0.2.7",
    'a"',
]
PATHS = [
    "/workspace",
    "/workspace/a",
    "/workspace/out/b",
    "/workspaces",
    "a",
    ".",
    "..",
    "../a",
    "",
]
PATHS += ["/", "//", "./a", '/workspace/"\\\n', "/workspace/out"]

PATHS_OF_INPUT = [
    *(f"call__{name}" for name in INPUT["call"]),
    *(f"snapshot__{name}" for name in INPUT["snapshot"]),
    *(f"call__hosts__0__{name}" for name in ("host", "kind", "scheme", "plain", "where")),
    *(f"call__paths__0__{name}" for name in ("path", "access", "where")),
    *(f"call__commands__0__{name}" for name in ("binary", "unmatched", "where")),
    *(f"call__recipients__0__{name}" for name in ("recipient", "domain", "field", "where")),
    *(f"call__{name}__0" for name in ("hosts", "paths", "commands", "recipients")),
    "event__type",
    "call",
    "snapshot",
    "event",
]
GOOD: dict[str, list[object]] = {
    "event__type": [*JUDGED, *RELEASES],
    "call__hosts__0__host": [*HOSTS],
    "call__hosts__0__kind": ["name", "ipv4", "ipv6"],
    "call__hosts__0__scheme": ["", "https", "postgresql", "redis"],
    "call__hosts__0__plain": [True, False],
    "call__paths__0__path": [*PATHS],
    "call__paths__0__access": ["read", "write", "delete"],
    "call__commands__0__binary": ["git", "ls", "bash"],
    "call__risk": ["low", "medium", "high", "critical"],
    "call__problems": [
        [{"target": t, "code": "c", "where": "/args"}]
        for t in ("host", "path", "command", "recipient", "x")
    ],
    "call__recipients__0__recipient": ["ann@acme.dev", "42", "@acme.org", "*"],
    "call__recipients__0__domain": ["", "@acme.dev", "@acme.org"],
    "call__recipients__0__field": ["to", "*", "cc", ""],
    "call__server": ["", "files"],
    "call__tool": ["tool", "bound"],
    "snapshot__steps_consumed": [0, 23, 24],
    "snapshot__wall_time_ms": [120_000, 120_001],
    "snapshot__model_calls_consumed": [1, 2],
}
MANIFESTS: list[dict[str, Any]] = [
    MANIFEST,
    bent(MANIFEST, registered=False),
    bent(MANIFEST, net__domains=["*"], fs__read_roots=["/"], fs__write_roots=["", "."]),
    bent(MANIFEST, net__domains=["postgresql://api.example.com", "redis://*.example.org"]),
    bent(MANIFEST, net__domains=["postgresql://*", "api.example.com"]),
    bent(
        MANIFEST,
        net__domains=[],
        fs__read_roots=[],
        fs__write_roots=[],
        exec__binaries=[],
        recipients={"to": ["*"]},
    ),
    bent(
        MANIFEST,
        budgets={"model_calls": None, "steps": None, "tool_calls": None, "wall_time_ms": None},
    ),
    bent(MANIFEST, budgets={"model_calls": 0, "steps": 0, "tool_calls": 0, "wall_time_ms": 0}),
]


@st.composite
def changes(draw: st.DrawFn) -> dict[str, object]:
    """Up to four things bent; the deeper ones first, so that each still has a place to be."""
    paths = draw(st.lists(st.sampled_from(PATHS_OF_INPUT), unique=True, max_size=4))
    deepest_first = sorted(paths, key=lambda path: -path.count("__"))
    # A section that is no object never reaches the rules: tests/rego/test_regopy_engine.py.
    return {
        path: draw(st.sampled_from(GOOD.get(path, []) + JUNK if "__" in path else [GONE, {}]))
        for path in deepest_first
    }


@settings(max_examples=times(150, 5_000))
@given(bends=changes(), manifest=st.sampled_from(MANIFESTS))
def test_the_rules_deny_what_the_model_denies(
    bends: dict[str, object], manifest: dict[str, Any]
) -> None:
    document = bent(INPUT, **bends)
    assert codes(document, manifest) == reference.denied(document, manifest)


# ── what operators add ───────────────────────────────────────────────────────────────────────────

HEAD = "package aegis.rules\n\nimport rego.v1\n\n"


def said(rule: str) -> dict[str, Any]:
    program = compiled(MANIFEST, {"a.rego": HEAD + rule})
    decoded: dict[str, Any] = json.loads(program.evaluate(rfc8785.dumps(INPUT)))
    return decoded


def test_an_operators_text_is_a_reason() -> None:
    assert said('deny contains "no" if true')["deny"] == [
        {"code": "POLICY_DENY", "message": "no", "rule": "aegis.rules", "where": ""}
    ]


def test_an_operators_object_names_its_rule_and_place() -> None:
    rule = 'require_approval contains {"message": "m", "rule": "r", "where": "/args/a"} if true'
    assert said(rule)["require_approval"] == [
        {"code": "APPROVAL_REQUIRED", "message": "m", "rule": "r", "where": "/args/a"}
    ]


def test_constraints_obligations_and_advice_pass_through() -> None:
    rules = (
        'constrain contains {"name": "n", "value": 1} if true\n'
        'oblige contains {"type": "o"} if true\n'
        'advise contains {"type": "a"} if true'
    )
    answer = said(rules)
    assert {"name": "n", "value": 1} in answer["constraints"]
    assert answer["obligations"] == [{"type": "o"}]
    assert answer["advice"] == [{"type": "a"}]
    assert answer["deny"] == []


@pytest.mark.parametrize(
    "rule",
    [
        "deny contains 7 if true",
        "deny contains {} if true",
        'deny contains {"message": 7} if true',
        'deny contains {"message": "m", "rule": 7} if true',
        'deny contains {"message": "m", "where": []} if true',
        'deny contains {"message": "m", "rules": "r"} if true',
        "require_approval contains null if true",
        'constrain contains "n" if true',
        'constrain contains {"name": "n"} if true',
        'constrain contains {"name": 1, "value": 1} if true',
        'constrain contains {"name": "n", "value": 1, "unit": "ms"} if true',
        'oblige contains {"kind": "o"} if true',
        'advise contains "a" if true',
    ],
)
def test_a_rule_that_says_something_unreadable_denies(rule: str) -> None:
    # Computed: what is written out as a member does not load.
    name, _, member = rule.removesuffix(" if true").partition(" contains ")
    computed = f"{name} contains made if some made in [{member}]"
    rules = {reason["rule"] for reason in said(computed)["deny"]}
    assert rules == {"aegis.operator.malformed"}


def test_operators_cannot_take_back_a_denial() -> None:
    program = compiled(MANIFEST, {"a.rego": HEAD + "deny contains x if some x in []"})
    answer = json.loads(program.evaluate(rfc8785.dumps(bent(INPUT, call__declared=False))))
    assert [reason["code"] for reason in answer["deny"]] == ["PERMISSION_UNDECLARED"]


def test_every_reason_code_is_one_that_core_ranks() -> None:
    for path, value, _ in CASES:
        for reason in judged(bent(INPUT, **{path: value}))["deny"]:
            assert reason["code"] in PRECEDENCE
            assert set(reason) == {"code", "data", "rule", "where"}


# ── planted bugs ─────────────────────────────────────────────────────────────────────────────────

BUGS = [
    ("session.rego", "terminated == false", "terminated != true"),
    ("permission.rego", "\tregistered\n\tdeclared\n", "\tdeclared\n"),
    ("permission.rego", "input.call.declared == true", "input.call.declared != false"),
    ("args.rego", '["low", "medium"]', '["low", "medium", "high"]'),
    ("args.rego", "\tinput.call.args_errors == []\n", ""),
    ("egress.rego", '[before, "*"])))', '[before, "*."])))'),
    ("egress.rego", '\tfound.kind == "name"\n\tis_string(found.host)\n\tconcat', "\tconcat"),
    ("egress.rego", "\tfound.plain == true\n\tlisted", "\tlisted"),
    ("egress.rego", "\thost_found\n} else", "} else"),
    ("path.rego", 'concat("", [root, "/"])', "root"),
    ("path.rego", '\tfound.access in ["read", "load"]\n', ""),
    ("exec.rego", "\t\tcommand.unmatched == []\n", ""),
    ("exec.rego", "\tinput.call.commands != []\n", ""),
    ("recipient.rego", "\tis_string(found.domain)\n\tfound.domain", "\tfound.recipient"),
    ("recipient.rego", '\t"*" in data.manifest.recipients[found.field]', "\ttrue"),
    ("recipient.rego", "\trecipients_allowed\n", ""),
    ("recipient.rego", '"command"] }', '"command", "recipient"] }'),
    ("budget.rego", "consumed < limit", "consumed <= limit"),
    ("budget.rego", "consumed <= limit", "consumed < limit"),
    ("approval.rego", "approval == false", "approval != true"),
    ("event.rego", 'type == "TOOL_CALL_PROPOSED"', 'type == "MEMORY_WRITE"'),
    ("event.rego", '"MODEL_CALL_STARTED", "MEMORY_WRITE"', '"MEMORY_WRITE"'),
    ("event.rego", '["USER_MESSAGE", "MODEL', '["MEMORY_WRITE", "USER_MESSAGE", "MODEL'),
]  # fmt: skip


def _differs(files: dict[str, str]) -> bool:
    """Whether the tables above, under each manifest, notice."""
    tables = [
        *(bent(INPUT, **{path: value}) for path, value, _ in CASES),
        bent(INPUT, call__args_typed=False, call__risk="high"),
        bent(INPUT, call__hosts__0__host="192.0.2.8", call__hosts__0__kind="ipv4"),
        bent(INPUT, call__paths__0={"path": "/workspace/a", "access": "write", "where": ""}),
        bent(INPUT, call__approval=GONE),
        bent(INPUT, call__approval=True),
        *(
            bent(INPUT, event__type=kind, call=GONE, snapshot__terminated=True)
            for kind in JUDGED[1:]
        ),
        bent(INPUT, event__type="MODEL_CALL_STARTED", call=GONE),
        bent(INPUT, event__type="MEMORY_WRITE", call=GONE),
    ]
    for manifest in MANIFESTS:
        program = choose(ENGINE.get()).compile(bundle.build({}, files), rfc8785.dumps(manifest))
        for document in tables:
            answer = json.loads(program.evaluate(rfc8785.dumps(document)))
            call = document["event"].get("type") == "TOOL_CALL_PROPOSED"
            asked = call and reference.at(document, "call", "approval") is not False
            found = {reason["code"] for reason in answer["deny"]}
            if found != reference.denied(document, manifest):
                return True
            if bool(answer["require_approval"]) is not asked:
                return True
    return False


def test_the_tables_agree_with_the_rules_as_they_are() -> None:
    assert not _differs(base_files())


def test_a_planted_bug_is_seen(engine: str) -> None:
    """Each on one engine: of the rules as they are, both say the same."""
    engines = installed()
    for file, good, bad in BUGS[engines.index(engine) :: len(engines)]:
        text = base_files()[file]
        assert good in text
        assert _differs({**base_files(), file: text.replace(good, bad)}), bad
