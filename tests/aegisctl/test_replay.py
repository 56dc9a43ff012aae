"""`replay`: the same log decides the same again, anywhere; anything else is said, and where."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Raw

from aegisd.core.log.canonical import encode
from aegisd.core.log.envelope import StoredEvent, seal, unseal
from aegisd.core.log.export import ExportedDocument, Scope
from aegisd.core.log.export_reading import read
from aegisd.rego.engines import installed
from tests.aegisctl.conftest import Type
from tests.audit.conftest import exported
from tests.audit.tampering import tamper
from tests.core.builders import export_lines
from tests.remote.shelf import Shelf

ROOT = Path(__file__).resolve().parents[2]

NO_READS = """package aegis.rules

deny contains {"message": "no reads", "rule": "no_reads"} if {
	input.event.type == "TOOL_CALL_PROPOSED"
	input.call.tool == "read_file"
}
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "no_reads.rego").write_text(NO_READS)
    return folder


def forge(export: Path, change: Callable[[str, int, dict[str, object]], object]) -> None:
    """Rewrite an export as somebody would who knows the format: every hash is made again.

    `change` gets (session, seq, payload) and returns the payload to write.
    """
    parts = list(read(export.read_bytes().splitlines(keepends=True)))
    kept = [part for part in parts if isinstance(part, ExportedDocument)]
    documents = [(part.kind, part.body.encode()) for part in kept]
    heads: dict[str, bytes] = {}
    events: list[StoredEvent] = []
    for part in parts:
        if isinstance(part, StoredEvent):
            envelope = unseal(part.body)
            payload = change(part.session_id, part.seq, json.loads(bytes(envelope.payload)))
            changed = type(envelope)(
                **{
                    name: getattr(envelope, name)
                    for name in envelope.__struct_fields__
                    if name not in ("payload", "prev_hash")
                },
                payload=Raw(encode(payload)),
            )
            event = seal(changed, part.position, heads.get(part.session_id, b""))
            heads[part.session_id] = event.hash
            events.append(event)
    export.write_bytes(b"".join(export_lines(Scope(tenant_id="acme"), documents, events)))


def differences(type_: Type, path: Path) -> tuple[int, list[tuple[str, int, str, str, str]]]:
    typed = type_("replay", path, "--json")
    report = json.loads(typed.out)
    return typed.code, [
        (each["session_id"], each["seq"], each["class"], each["place"], each["field"])
        for each in report["differences"]
    ]


def test_a_log_as_the_daemon_wrote_it_replays(
    recorded: Path, export: Path, shelf: Shelf, type_: Type
) -> None:
    database = json.loads(type_("replay", recorded, "--json").out)
    counts = {each["tenant_id"]: (each["decisions"], each["equal"]) for each in database["tenants"]}
    assert counts == {"acme": (6, 6), "zeta": (1, 1)}
    assert database["differences"] == []
    assert differences(type_, recorded) == differences(type_, export) == (0, [])
    server = type_("replay", "--tenant", "acme", "--json")
    assert (server.code, server.out) == (0, type_("replay", export, "--json").out)


def test_nothing_forged_is_nothing_found(export: Path, type_: Type) -> None:
    before = export.read_bytes()
    forge(export, lambda _session, _seq, payload: payload)
    assert export.read_bytes() == before


def allow(session: str, seq: int, payload: dict[str, object]) -> object:
    if (session, seq) == ("s2", 3):
        return {**payload, "outcome": "allow", "reason": "OK", "reasons": []}
    return payload


def test_a_decision_turned_round_with_every_hash_made_again_is_found(
    export: Path, type_: Type
) -> None:
    forge(export, allow)
    assert type_("verify", export).code == 0
    code, found = differences(type_, export)
    assert code == 1
    assert {("s2", 3, "tampered", "verdict", "outcome")} <= set(found)
    # The facts of later decisions count one denial less than there was.
    assert {place for *_, place, _field in found} >= {"verdict", "facts"}


def test_arguments_changed_with_every_hash_made_again_are_found(export: Path, type_: Type) -> None:
    def innocent(session: str, seq: int, payload: dict[str, object]) -> object:
        if (session, seq) == ("s2", 2):
            return {**payload, "args": {"url": "https://docs.python.org/x"}}
        return payload

    forge(export, innocent)
    assert differences(type_, export) == (1, [("s2", 3, "tampered", "input", "input_sha256")])


@pytest.mark.parametrize("nonsense", [{}, {"tool_name": 3}, {"args": []}, None, "x"])
def test_what_no_gate_writes_is_found_and_not_a_crash(
    nonsense: object, export: Path, type_: Type
) -> None:
    def change(session: str, seq: int, payload: dict[str, object]) -> object:
        return nonsense if (session, seq) == ("s2", 2) else payload

    forge(export, change)
    code, found = differences(type_, export)
    assert code == 1
    assert {each[2] for each in found} == {"tampered"}


def test_a_decision_of_another_build_is_an_upgrade_and_not_a_verdict(
    export: Path, type_: Type
) -> None:
    def older(session: str, seq: int, payload: dict[str, object]) -> object:
        if (session, seq) == ("s2", 3):
            return {**payload, "rules_version": "0" * 64, "constraints": {"timeout_ms": 1}}
        return payload

    forge(export, older)
    assert differences(type_, export) == (2, [("s2", 3, "upgrade", "verdict", "constraints")])


def test_a_log_that_does_not_hold_is_not_replayed(log_file: Path, type_: Type) -> None:
    tamper(log_file, "UPDATE events SET user_id = 'x' WHERE position = 5")
    typed = type_("replay", log_file, "--json")
    assert typed.code == 1
    assert json.loads(typed.out)["verification"]["holds"] is False
    assert type_("replay", log_file).code == 1


def test_one_session_replays_alone_and_says_what_it_took_as_recorded(
    recorded: Path, tmp_path: Path, type_: Type
) -> None:
    whole = type_("replay", recorded, "--tenant", "acme", "--session", "s1")
    assert whole.code == 0
    assert "as recorded" not in whole.out
    alone = tmp_path / "s1.jsonl"
    scope = ("--tenant", "acme", "--session", "s1", "--out", alone)
    assert type_("export", "--dsn", recorded, *scope).code == 0
    told = type_("replay", alone)
    assert told.code == 0
    assert "other sessions' facts were taken as recorded" in told.out


def test_what_is_unknown_could_not_be_told(recorded: Path, type_: Type) -> None:
    for arguments in (("--tenant", "nobody"), ("--tenant", "acme", "--session", "nobody")):
        typed = type_("replay", recorded, *arguments)
        assert (typed.code, typed.out) == (2, "")


def test_a_report_is_the_same_bytes_in_any_surroundings(recorded: Path) -> None:
    reports = set()
    for surroundings in (
        {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "0"},
        {"TZ": "Pacific/Chatham", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "4711"},
    ):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "from aegisctl.main import main; main()",
                "replay",
                str(recorded),
                "--json",
            ],
            check=True,
            capture_output=True,
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **surroundings},
        )
        reports.add(done.stdout)
    assert len(reports) == 1


# ── what if ─────────────────────────────────────────────────────────────────────────────────────


def test_a_rule_changes_the_calls_it_decides_and_no_others(
    recorded: Path, export: Path, rules: Path, type_: Type
) -> None:
    for path in (recorded, export):
        typed = type_("replay", path, "--tenant", "acme", "--policy", rules, "--json")
        report = json.loads(typed.out)
        assert typed.code == 1
        assert report["decisions"] == 6
        (change,) = report["changes"]
        assert (change["session_id"], change["seq"], change["subject"]) == ("s1", 4, "read_file")
        assert (change["recorded_outcome"], change["outcome"]) == ("allow", "deny")
        assert change["rules"] == ["no_reads"]


def test_rules_without_a_member_change_nothing(recorded: Path, tmp_path: Path, type_: Type) -> None:
    (tmp_path / "a.rego").write_text("package aegis.rules\n\nimport rego.v1\n")
    typed = type_("replay", recorded, "--policy", tmp_path)
    assert typed.code == 0
    assert "0 of 7 decisions would change" in typed.out
    assert "other sessions' facts stay so" in typed.err


def test_a_stretch_of_a_log_is_asked_about_by_positions_and_by_times(
    recorded: Path, rules: Path, type_: Type
) -> None:
    given = ("replay", recorded, "--tenant", "acme", "--policy", rules, "--json")
    (change,) = json.loads(type_(*given).out)["changes"]
    at = change["position"]
    for since, until, found in ((at, at + 1, 1), (at + 1, at + 9, 0), (0, at, 0)):
        told = json.loads(type_(*given, "--since", str(since), "--until", str(until)).out)
        assert len(told["changes"]) == found
        assert told["decisions"] <= until - since
    for since, found in (("2023-11-14T22:13:20Z", 1), ("2023-11-14 23:00", 0)):
        assert len(json.loads(type_(*given, "--since", since).out)["changes"]) == found
    for wrong in (("--since", "yesterday"), ("--until", "-1")):
        assert type_(*given, *wrong).code == 2
    assert type_("replay", recorded, "--since", "3").code == 2


def test_what_fails_is_named_and_outcomes_that_change_stand_first(
    recorded: Path, rules: Path, type_: Type
) -> None:
    (rules / "no_reads.rego").write_text(
        "package aegis.rules\n\nimport rego.v1\n\n"
        'deny contains "evil too" if input.call.tool == "delete_file"\n\n'
        'deny contains "long" if {\n\tinput.call.tool == "read_file"\n'
        "\tcount(input.call.declared) > 1\n}\n"
    )
    typed = type_("replay", recorded, "--tenant", "acme", "--policy", rules)
    lines = typed.out.splitlines()
    assert lines[0].split()[2] == "target"
    failing = next(line for line in lines if line.startswith("s1/4"))
    assert "/workspace/notes.txt" in failing
    assert "deny POLICY_ERROR" in failing
    told = next(line for line in lines if line.startswith("POLICY_ERROR in 1 decision: "))
    assert f"{rules}/no_reads.rego:" in told
    assert "rule deny: a rule failed" in told


def test_rules_that_do_not_load_tell_nothing(recorded: Path, rules: Path, type_: Type) -> None:
    (rules / "no_reads.rego").write_text("package aegis.rules\n\ndeny contains")
    typed = type_("replay", recorded, "--policy", rules)
    assert (typed.code, typed.out) == (2, "")
    assert f"{rules}/no_reads.rego:" in typed.err


def test_the_transcript_of_a_replay(
    recorded: Path, export: Path, rules: Path, type_: Type, golden: Callable[[str, str], None]
) -> None:
    def deny(session: str, seq: int, payload: dict[str, object]) -> object:
        return {**payload, "outcome": "deny"} if (session, seq) == ("s2", 1) else payload

    told = ["$ aegisctl replay aegis.db\n", type_("replay", recorded).out]
    what_if = type_("replay", recorded, "--policy", rules)
    told += ["\n$ aegisctl replay aegis.db --policy rules\n", what_if.out, what_if.err]
    forge(export, deny)
    told += ["\n$ aegisctl replay forged.jsonl\n", type_("replay", export).out]
    golden("replay", "".join(told))


# ── a second opinion ────────────────────────────────────────────────────────────────────────────

native = pytest.mark.skipif("regorus" not in installed(), reason="needs the native engine")


@native
def test_a_log_replays_on_either_engine_and_on_both(recorded: Path, type_: Type) -> None:
    each = {}
    for engine in ("regorus", "regopy"):
        typed = type_("replay", recorded, "--engine", engine, "--json")
        assert typed.code == 0
        each[engine] = json.loads(typed.out)
        assert each[engine]["evaluator"]["name"] == engine
    both = type_("replay", recorded, "--engine", "both", "--json")
    assert (both.code, json.loads(both.out)) == (0, {"disagree": False, "engines": each})
    assert type_("replay", recorded).out == type_("replay", recorded, "--engine", "regorus").out


@native
def test_what_only_one_engine_derives_otherwise_stands_under_its_name(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, type_: Type
) -> None:
    def other(_program: object, _input: bytes) -> bytes:
        return b"{}"

    monkeypatch.setattr("aegisd.rego.shelter.Sheltered.evaluate", other)
    typed = type_("replay", recorded, "--engine", "both", "--json")
    report = json.loads(typed.out)
    assert (typed.code, report["disagree"]) == (2, True)
    assert report["engines"]["regorus"]["holds"]
    assert set(report["engines"]["regopy"]["by_class"]) == {"fault"}
    told = type_("replay", recorded, "--engine", "both").out
    before, after = told.split("engine regopy:\n")
    assert before.startswith("engine regorus:\n")
    assert "replays: 0 differences" in before
    assert "fault" in after


@native
def test_a_forged_decision_is_found_by_both(export: Path, type_: Type) -> None:
    forge(export, allow)
    typed = type_("replay", export, "--engine", "both", "--json")
    assert typed.code == 1
    report = json.loads(typed.out)["engines"]
    assert not report["regorus"]["holds"]
    assert not report["regopy"]["holds"]


@native
def test_rules_are_tried_on_both_engines(recorded: Path, rules: Path, type_: Type) -> None:
    typed = type_("replay", recorded, "--policy", rules, "--engine", "both", "--json")
    report = json.loads(typed.out)
    assert (typed.code, report["disagree"]) == (1, False)
    assert [len(told["changes"]) for told in report["engines"].values()] == [2, 2]


@native
def test_a_report_names_the_engine_that_judged_and_not_the_preferred_one(
    export: Path, type_: Type
) -> None:
    def change(_session: str, _seq: int, payload: dict[str, object]) -> object:
        other = {"evaluator": {"name": "regopy", "version": "0"}}
        return payload | other if "evaluator" in (payload or {}) else payload

    forge(export, change)
    report = json.loads(type_("replay", export, "--json").out)
    assert (report["evaluator"]["name"], report["compared"]) == ("regopy", 6)
    assert [(each["name"], each["decisions"]) for each in report["engines"]] == [("regopy", 6)]
    version = report["evaluator"]["version"]
    told = f"  judged on the engine that decided: regopy {version} (6 decisions)\n"
    assert told in type_("replay", export).out


def test_an_engine_that_is_not_installed_tells_nothing(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, type_: Type
) -> None:
    monkeypatch.setattr("aegisd.rego.engines._regorus", lambda: None)
    for engine in ("both", "regorus"):
        typed = type_("replay", recorded, "--engine", engine)
        assert (typed.code, typed.out) == (2, "")
        assert "pip install ./native" in typed.err
        assert "--engine" in typed.err


@pytest.mark.parametrize(
    "forged",
    [{"rules_version": "of another build"}, {"evaluator": {"name": "opa", "version": "9"}}],
)
def test_a_maker_that_is_not_here_is_counted_and_fails_on_request(
    export: Path, type_: Type, forged: dict[str, object]
) -> None:
    assert type_("replay", export, "--strict").code == 0

    def change(session_id: str, seq: int, payload: dict[str, object]) -> object:
        return payload | forged if (session_id, seq) == ("s2", 1) else payload

    forge(export, change)
    typed = type_("replay", export)
    assert typed.code == 0
    assert "1 decision by" in typed.out
    assert "not known" in typed.out
    typed = type_("replay", export, "--strict", "--json")
    report = json.loads(typed.out)
    assert (typed.code, report["holds"], report["certain"], report["others"]) == (1, True, False, 1)
    (maker,) = report["made_by_others"]
    assert maker["decisions"] == 1
    assert str(next(iter(forged.values()))) in str(maker) or maker["evaluator"] == "opa"


def test_facts_on_trust_fail_on_request(recorded: Path, tmp_path: Path, type_: Type) -> None:
    one = exported(recorded, tmp_path / "s1.jsonl", "s1")
    assert [type_("replay", one).code, type_("replay", one, "--strict").code] == [0, 1]
    assert "not certain" not in type_("replay", one).out
    why = "not certain, so --strict fails: other sessions' facts were taken as recorded\n"
    assert type_("replay", one, "--strict").out.endswith(why)
