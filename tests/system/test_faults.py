"""Faults put into a real process: each is denied or refused as law 4 says, and none is an allow."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from aegisd.rego.engines import installed
from aegisd.store.dsn import open_reader
from drills.daemon import Daemon, proposal
from tests.core.builders import verify

EVALUATOR = """
from aegisd.core.errors import EvaluatorStuck
from aegisd.rego.judge import RegoJudge
class Broken:
    def __init__(self, real): self.real, self.prompt = real, real.prompt
    def evaluate(self, policy_input):
{faults}
        return self.real.evaluate(policy_input)
program = RegoJudge._program
RegoJudge._program = lambda self, *a: Broken(program(self, *a))
"""


def _decision(answer: dict[str, object]) -> dict[str, object]:
    decision = answer["decision"]
    assert isinstance(decision, dict)
    return decision


# What an evaluator does wrong, and what the log says of it.
FAULTS = [
    ("raise ValueError('out of order')", "error"),
    ("raise MemoryError", "error"),
    ("return b'not json'", "nonsense"),
    ("return b'{}'", "nonsense"),
    ("return b''", "nonsense"),
    ("return b'\"allow\"'", "nonsense"),
    ('return b\'{"outcome":"allow"}\'', "nonsense"),
    ("raise EvaluatorStuck('late')", "timeout"),
]


def _broken(*faults: str) -> str:
    """An evaluator that does the first of them when `/workspace/0` is read, and so on."""
    lines = (
        f"        if b'/workspace/{at}' in policy_input: {fault}" for at, fault in enumerate(faults)
    )
    return EVALUATOR.replace("{faults}", "\n".join(lines))


@pytest.mark.parametrize("engine", installed())
def test_an_evaluator_that_throws_dawdles_or_answers_nonsense_denies_and_says_so_in_the_log(
    tmp_path: Path, engine: str
) -> None:
    prelude = _broken(*(fault for fault, _ in FAULTS))
    with Daemon(tmp_path, "--policy-engine", engine, prelude=prelude) as daemon:
        client = daemon.connect()
        for at, (fault, _) in enumerate(FAULTS):
            decision = _decision(client.propose("s", args={"path": f"/workspace/{at}"}))
            assert (decision["outcome"], decision["reason"]) == ("deny", "POLICY_ERROR"), fault
            other = client.propose("s", tool="fetch", args={"url": "https://docs.python.org/3/"})
            assert _decision(other)["outcome"] == "allow"
        client.close()
    events = list(open_reader(str(daemon.database)).events("acme"))
    evaluators = [
        json.loads(event.body)["payload"]["evaluator"]
        for event in events
        if event.event_type == "POLICY_DECISION"
    ]
    told = [evaluator.get("fault") for evaluator in evaluators]
    assert told == [each for _, recorded in FAULTS for each in (recorded, None)]
    assert list(verify(events, whole=True)) == []


STORE = """
from aegisd.store.sqlite import store as sqlite
from aegisd.core import errors
append, fails = sqlite.SqliteStore.append, [0]
def failing(self, batch):
    if any(e.session_id == 's' for e in batch.events):
        fails[0] += 1
        if fails[0] <= {times}: raise {error}
    return append(self, batch)
sqlite.SqliteStore.append = failing
"""


def test_a_commit_that_fails_is_503_and_the_next_one_goes_on_from_the_log(tmp_path: Path) -> None:
    prelude = STORE.format(times=1, error="errors.StoreFailed('the disk is full')")
    with Daemon(tmp_path, prelude=prelude) as daemon:
        client = daemon.connect()
        client.propose("other")
        status, answer = client.request("POST", "/v1/events", proposal("s"))
        assert (status, answer["code"]) == (503, "log_unavailable")
        assert "decision" not in answer
        assert client.propose("s")["seq"] == 0
        client.close()
    assert list(verify(open_reader(str(daemon.database)).events("acme"), whole=True)) == []


@pytest.mark.parametrize("error", ["errors.StoreBroken('fsync: EIO')", "RuntimeError('odd')"])
def test_an_io_error_is_503_and_stops_the_process_without_a_second_try(
    tmp_path: Path, error: str
) -> None:
    daemon = Daemon(tmp_path, prelude=STORE.format(times=99, error=error))
    client = daemon.connect()
    client.propose("other")
    status, answer = client.request("POST", "/v1/events", proposal("s"))
    assert (status, answer["code"]) == (503, "log_unavailable")
    assert daemon.wait() == 70
    with Daemon(tmp_path) as again:
        assert again.connect().propose("s")["seq"] == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    return folder


def test_a_full_disk_is_503_loses_nothing_and_heals_when_there_is_space_again(
    small_disk: Path,
) -> None:
    try:
        _fill(small_disk)
    finally:
        subprocess.run(["umount", "-l", str(small_disk)], check=True)


def _fill(folder: Path) -> None:
    ballast = folder / "ballast"
    ballast.write_bytes(b"x" * 1_000_000)
    with Daemon(folder) as daemon:
        client = daemon.connect()
        kept: list[dict[str, object]] = []
        text = "x" * 30_000
        while True:
            args = {"path": "/workspace/out/a", "content": text}
            event = proposal(f"s{len(kept) // 20}", tool="write_file", args=args)
            status, answer = client.request("POST", "/v1/events", event)
            if status != 201:
                break
            kept.append(answer)
        assert (status, answer["code"]) == (503, "log_unavailable")
        assert client.request("GET", "/healthz")[0] == 200
        ballast.unlink()
        assert client.propose("after")["seq"] == 0
        client.close()
        events = {e.position: e for e in open_reader(str(daemon.database)).events("acme")}
    assert all(events[int(str(a["position"]))].hash.hex() == a["hash"] for a in kept)
    assert list(verify(events.values(), whole=True)) == []
