"""The example PEP of the documentation against a real daemon: no allow, no tool."""

import http.client
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from drills.daemon import ROOT, Daemon
from tests.patience import PATIENCE_S

EXAMPLE = ROOT / "docs" / "examples" / "pep.py"
NOTES = {"path": "/workspace/notes.txt"}

RULES = """
package aegis.rules

import rego.v1

oblige contains {"type": "blur"} if input.call.args.path == "/workspace/faces.txt"

constrain contains {"name": "colour", "value": 1} if input.call.args.path == "/workspace/red.txt"

constrain contains {"name": "max_output_bytes", "value": 4} if {
	input.call.args.path == "/workspace/long.txt"
}

deny contains "a secret" if {
	input.event.type == "TOOL_RESULT"
	input.event.payload.content == "secret"
}
"""


class Recorder:
    """A tool that remembers how it was called."""

    def __init__(self, answer: str = "milk") -> None:
        self.answer = answer
        self.calls: list[tuple[dict[str, str], float]] = []

    def __call__(self, args: dict[str, str], timeout_s: float) -> str:
        self.calls.append((args, timeout_s))
        return self.answer


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pep_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "office.rego").write_text(RULES)
    return Daemon(tmp_path, "--policy", str(rules))


def _session(daemon: Daemon, session_id: str) -> dict[str, object]:
    path = f"/v1/sessions/{session_id}/snapshot?tenant_id=acme"
    client = daemon.connect()
    status, told = client.request("GET", path)
    client.close()
    assert status == 200, told
    return told


def test_the_example_runs_as_the_page_shows_it(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "GOVERN.md").read_text()
    shown = page.split("$ python docs/examples/pep.py\n")[1].split("$ ")[0]
    with Daemon(tmp_path) as daemon:
        command = [sys.executable, str(EXAMPLE), str(daemon.port)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=PATIENCE_S
        )
    assert done.stdout == shown


def test_an_allowed_call_runs_within_its_limits_and_its_result_is_recorded(
    daemon: Daemon, example: ModuleType
) -> None:
    with daemon:
        tool = Recorder("milk and honey")
        pep = example.Pep(daemon.port, "acme", "s1")
        assert pep.call("read_file", NOTES, tool) == "milk and honey"
        assert tool.calls == [(NOTES, 30.0)]
        assert pep.call("read_file", {"path": "/workspace/long.txt"}, tool) == "milk"
        told = _session(daemon, "s1")
        assert told["tool_calls_consumed"] == 2
        assert told["violations"] == 0


@pytest.mark.parametrize("text", ["x", "\n", "\x01", "\x01" * 9 + "é", "\ud800é", "字"])
def test_a_result_that_no_event_holds_is_cut_and_recorded(
    daemon: Daemon, example: ModuleType, text: str
) -> None:
    with daemon:
        long = text * (2_000_000 // len(text))
        pep = example.Pep(daemon.port, "acme", "s1")
        told = pep.call("read_file", NOTES, Recorder(long))
        assert long.replace("\ud800", "?").startswith(told)
        assert len(told) > 100_000
        assert _session(daemon, "s1")["open_calls"] == []


def test_a_tool_runs_after_allow_and_after_nothing_else(
    daemon: Daemon, example: ModuleType
) -> None:
    with daemon:
        tool = Recorder()
        pep = example.Pep(daemon.port, "acme", "s1")
        for name, args in (
            ("read_file", {"path": "/etc/passwd"}),
            ("delete_file", {"path": "/workspace/out/a"}),
            ("no_such_tool", {}),
            ("read_file", {"path": "/workspace/faces.txt"}),
            ("read_file", {"path": "/workspace/red.txt"}),
            ("", {}),
        ):
            with pytest.raises(example.Refused):
                pep.call(name, args, tool)
        assert tool.calls == []
        told = _session(daemon, "s1")
        # What was allowed on a condition that cannot be met is reported as not done.
        assert told["open_calls"] == []
        assert told["violations"] == 0


def test_a_text_that_a_rule_withholds_does_not_reach_the_agent(
    daemon: Daemon, example: ModuleType
) -> None:
    with daemon:
        pep = example.Pep(daemon.port, "acme", "s1")
        with pytest.raises(example.Refused, match="a secret"):
            pep.call("read_file", NOTES, Recorder("secret"))


def test_a_tool_that_fails_is_reported_and_its_error_passed_on(
    daemon: Daemon, example: ModuleType
) -> None:
    def broken(_args: dict[str, str], _timeout_s: float) -> str:
        raise FileNotFoundError

    with daemon:
        pep = example.Pep(daemon.port, "acme", "s1")
        with pytest.raises(FileNotFoundError):
            pep.call("read_file", NOTES, broken)
        assert _session(daemon, "s1")["open_calls"] == []


def test_without_a_daemon_no_tool_runs(
    daemon: Daemon, example: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(example, "time", SimpleNamespace(sleep=waited.append))
    daemon.stop()
    tool = Recorder()
    with pytest.raises(example.Refused, match="no answer"):
        example.Pep(daemon.port, "acme", "s1").call("read_file", NOTES, tool)
    assert tool.calls == []
    assert waited == [0, 1, 2]


def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_is_recorded_twice(
    daemon: Daemon, example: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[http.client.HTTPResponse] = []
    answer = http.client.HTTPConnection.getresponse

    def lose_the_first(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        found = answer(connection)
        if lost:
            return found
        lost.append(found)
        found.read()
        raise ConnectionResetError

    with daemon:
        monkeypatch.setattr(http.client.HTTPConnection, "getresponse", lose_the_first)
        assert example.Pep(daemon.port, "acme", "s1").call("read_file", NOTES, Recorder()) == "milk"
        assert lost[0].status == http.client.CREATED
        assert _session(daemon, "s1")["tool_calls_consumed"] == 1
