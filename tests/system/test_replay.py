"""Recorded sessions decided again: no difference, and with one rule changed exactly its calls."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drills.daemon import ROOT, Client, Daemon
from tests.typed import aegisctl

AGENTDOJO = ROOT.parent / "shared" / "data" / "agentdojo"
SESSIONS_MAX = 60

RULE = """
package aegis.rules

deny contains {"message": "no web pages today", "rule": "test.offline"} if {
    "net" in input.call.effects
}
"""


def _traces() -> list[dict[str, object]]:
    if not AGENTDOJO.is_dir():
        own = (ROOT / "conformance" / "sessions" / "quickstart.jsonl").read_text()
        return [json.loads(line) for line in own.splitlines()]
    traces: list[dict[str, object]] = []
    for file, share in (("benign", 1), ("attacked", 20)):
        with gzip.open(AGENTDOJO / f"{file}.jsonl.gz", "rt") as lines:
            traces += [json.loads(line) for number, line in enumerate(lines) if number % share == 0]
    return traces[:SESSIONS_MAX] + traces[-SESSIONS_MAX // 2 :]


def _play(client: Client, number: int, trace: dict[str, object]) -> None:
    suite = str(trace["suite"])
    where = {"tenant_id": suite, "agent_id": "assistant"}

    def post(event_type: str, payload: object) -> dict[str, object]:
        return client.propose(f"{suite}-{number}", event_type=event_type, payload=payload, **where)

    post("USER_MESSAGE", {"content": trace["prompt"]})
    calls = trace["calls"]
    assert isinstance(calls, list)
    for call in calls:
        answer = post("TOOL_CALL_PROPOSED", {"tool_name": call["tool"], "args": call["args"]})
        decision = answer["decision"]
        assert isinstance(decision, dict)
        if decision["outcome"] == "allow":
            post("TOOL_RESULT", {"call_id": answer["call_id"], "content": call["output"]})
    post("TERMINATION", None)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with recorded sessions of every suite at hand, decided by a real daemon."""
    folder = tmp_path_factory.mktemp("recorded")
    traces = _traces()
    with Daemon(folder, manifest=None) as daemon:
        client = daemon.connect()
        for suite in sorted({str(trace["suite"]) for trace in traces}):
            name = suite if suite == "quickstart" else f"agentdojo-{suite}"
            manifest = json.loads((ROOT / "manifests" / f"{name}.json").read_text())
            body = {"tenant_id": suite, "manifest": manifest, "author": "t", "reason": "replay"}
            assert client.request("POST", "/v1/manifests", body)[0] == 201
        for number, trace in enumerate(traces):
            _play(client, number, trace)
        client.close()
    return daemon.database


def _tenants(database: Path) -> list[str]:
    found = aegisctl("verify", database, "--json")
    assert found.returncode == 0, found.stdout + found.stderr
    return sorted({str(trace["suite"]) for trace in _traces()})


def test_replay_of_every_recorded_session_finds_no_difference(recorded: Path) -> None:
    for tenant in _tenants(recorded):
        done = aegisctl("replay", recorded, "--tenant", tenant, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        report = json.loads(done.stdout)
        assert report["differences"] == []
        assert report["decisions"] > 0


def test_with_one_rule_changed_exactly_the_calls_that_rule_decides_change(
    recorded: Path, tmp_path: Path
) -> None:
    (tmp_path / "offline.rego").write_text(RULE)
    for tenant in _tenants(recorded):
        done = aegisctl("replay", recorded, "--tenant", tenant, "--policy", tmp_path, "--json")
        report = json.loads(done.stdout)
        changed = {(change["session_id"], change["seq"]) for change in report["changes"]}
        assert changed == _reaching_the_net(recorded, tenant)
        assert done.returncode == (1 if changed else 0)


def _reaching_the_net(database: Path, tenant: str) -> set[tuple[str, int]]:
    name = tenant if tenant == "quickstart" else f"agentdojo-{tenant}"
    tools = json.loads((ROOT / "manifests" / f"{name}.json").read_text())["tools"]
    net = {tool for tool, declared in tools.items() if "net" in declared["effects"]}
    done = aegisctl(
        "events", database, "--tenant", tenant, "--type", "TOOL_CALL_PROPOSED", "--json"
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return {(e["session_id"], e["seq"]) for e in events if e["payload"]["tool_name"] in net}


def test_the_report_is_byte_equal_under_another_clock_zone_locale_and_hash_seed(
    recorded: Path,
) -> None:
    tenant = _tenants(recorded)[0]
    moved = (
        "import time; real = time.time; ten = 10 * 365 * 86400; time.time = lambda: real() + ten;"
        "ns = time.time_ns; time.time_ns = lambda: ns() + ten * 10**9;"
        "from aegisctl.main import main; main()"
    )
    plain = aegisctl("replay", recorded, "--tenant", tenant, "--json").stdout
    arguments = ["replay", str(recorded), "--tenant", tenant, "--json"]
    elsewhere = {"TZ": "Pacific/Chatham", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "4242"}
    done = subprocess.run(
        [sys.executable, "-c", moved, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **elsewhere},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == plain
