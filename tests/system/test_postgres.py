"""Daemons on one PostgreSQL: whoever dies, what was acknowledged is there, once, in one order."""

import http.client
import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from aegisd.child import START
from aegisd.core.log.envelope import StoredEvent
from aegisd.store.dsn import open_reader
from drills.daemon import Client, Daemon, proposal
from tests import postgres
from tests.core.builders import verify
from tests.effort import times
from tests.patience import PATIENCE_S
from tests.postgres_proxy import Cut, Proxy
from tests.typed import aegisctl

CLIENTS = 4

# Daemons that are killed and started again, one after another.
KILLS, CRASHES = times(2, 6), times(1, 3)


def log_of(dsn: str) -> list[StoredEvent]:
    """The tenant's whole log, which has no gap and no fork."""
    reader = open_reader(dsn)
    events = list(reader.events("acme"))
    assert [event.position for event in events] == list(range(len(events)))
    assert list(verify(events, whole=True)) == []
    assert reader.recorded_head("acme") == (len(events), events[-1].hash)
    reader.close()
    return events


class Load:
    """Clients that propose calls, each under a key of its own, until told to stop.

    What was not answered 201 is asked again under the same key, of whichever daemon there is.
    """

    def __init__(self, ports: list[int], name: str) -> None:
        self.acknowledged: dict[str, dict[str, object]] = {}
        self.statuses: set[int] = set()
        self._ports, self._ended = ports, threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(f"{name}-{number}", number))
            for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let each client finish what it asked."""
        self._ended.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()

    def _run(self, name: str, at: int) -> None:
        count = 0
        client: Client | None = None
        while not self._ended.is_set() or f"{name}-{count}" not in self.acknowledged:
            if f"{name}-{count}" in self.acknowledged:
                count += 1
            try:
                client = client or Client(self._ports[at % len(self._ports)])
                status, answer = client.request(
                    "POST",
                    "/v1/events",
                    proposal(f"s{count % 3}"),
                    Idempotency_Key=f"{name}-{count}",
                )
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                at, client = at + 1, None
                time.sleep(0.02)
                continue
            self.statuses.add(status)
            if status == 201:
                self.acknowledged[f"{name}-{count}"] = answer
            else:
                time.sleep(0.02)
        if client is not None:
            client.close()


def check(dsn: str, load: Load) -> None:
    """Every acknowledged event is in the log where it was said to be, and under its key once."""
    stored = log_of(dsn)
    by_key: dict[str, list[StoredEvent]] = {}
    for event in stored:
        if event.idempotency_key is not None:
            by_key.setdefault(event.idempotency_key, []).append(event)
    assert load.acknowledged
    for key, answer in load.acknowledged.items():
        (event,) = by_key[key]
        assert (event.position, event.hash.hex()) == (answer["position"], answer["hash"])


def test_a_session_is_governed_recorded_and_verified(dsn: str, tmp_path: Path) -> None:
    with Daemon(tmp_path, "--dsn", dsn) as daemon:
        client = daemon.connect()
        answer = client.propose("s1")
        assert isinstance(answer["decision"], dict)
        assert answer["decision"]["outcome"] == "allow"
        status, _ = client.request("GET", "/readyz")
        assert status == 200
        assert daemon.stop() == 0
    assert len(log_of(dsn)) == 4
    told = aegisctl("verify", dsn, "--tenant", "acme")
    assert (told.returncode, told.stderr) == (0, ""), told.stdout


def test_daemons_that_are_killed_lose_nothing_that_was_acknowledged(
    dsn: str, tmp_path: Path
) -> None:
    chance = random.Random(20_260_202)
    daemons = [Daemon(tmp_path, "--dsn", dsn) for _ in range(2)]
    ports = [daemon.port for daemon in daemons]
    load = Load(ports, "k")
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.1, 0.5))
        at = chance.randrange(2)
        daemons[at].kill()
        daemons[at] = Daemon(tmp_path, "--dsn", dsn)
        ports[at] = daemons[at].port
    load.end()
    for daemon in daemons:
        assert daemon.stop() == 0
    assert load.statuses <= {201, 503}
    check(dsn, load)


def test_a_server_that_crashes_under_load_denies_for_a_while_and_ends_no_daemon(
    tmp_path: Path,
) -> None:
    server = postgres.own_server()
    if not postgres.available(server) or server is None:
        return
    dsn = postgres.new_database(server.dsn)
    with Daemon(tmp_path, "--dsn", dsn) as daemon:
        load = Load([daemon.port], "c")
        for _ in range(CRASHES):
            time.sleep(0.4)
            server.end(postgres.CRASH)
            status, _ = daemon.connect().request("POST", "/v1/events", proposal("s9"))
            assert status == 503
            assert daemon.connect().request("GET", "/readyz")[0] == 503
            server.start()
        time.sleep(0.4)
        load.end()
        assert daemon.runs()
        assert daemon.stop() == 0
    assert load.statuses == {201, 503}
    check(dsn, load)
    server.remove()


@pytest.mark.parametrize(("where", "replayed"), [("before", None), ("after", "true")])
def test_a_connection_lost_in_a_commit_is_an_error_and_the_same_key_tells_which(
    dsn: str, tmp_path: Path, where: Cut, replayed: str | None
) -> None:
    with (
        Proxy(int(str(conninfo_to_dict(dsn)["port"]))) as wire,
        Daemon(tmp_path, "--dsn", postgres.as_uri(dsn, port=wire.port)) as daemon,
    ):
        client = daemon.connect()
        client.propose("s1")
        wire.cut(b"the one", where)
        asked = proposal("s1", args={"path": "/workspace/the one"})
        status, answer = client.request("POST", "/v1/events", asked, Idempotency_Key="k1")
        assert (status, answer["code"], answer["commit"]) == (503, "log_unavailable", "unknown")
        status, first = client.request("POST", "/v1/events", asked, Idempotency_Key="k1")
        assert status == 201
        status, again = client.request("POST", "/v1/events", asked, Idempotency_Key="k1")
        assert (status, again["position"]) == (201, first["position"])
        assert daemon.stop() == 0
    (event,) = [event for event in log_of(dsn) if event.idempotency_key == "k1"]
    assert event.position == first["position"]
    assert (event.position == 4) is (replayed == "true" or where == "before")


def test_a_start_without_a_server_is_a_sentence_without_the_password(tmp_path: Path) -> None:
    dsn = f"postgresql://u:hunter2@127.0.0.1:{postgres.free_port()}/x"
    told = subprocess.run(
        [sys.executable, "-c", START, "--dsn", dsn],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    # It may be there in a moment.
    assert (told.returncode, told.stdout) == (75, "")
    assert "PostgreSQL cannot be used" in told.stderr
    assert "hunter2" not in told.stderr


def test_the_banner_and_the_settings_do_not_show_the_password(dsn: str, tmp_path: Path) -> None:
    user = conninfo_to_dict(dsn)["user"]
    secret = dsn.replace(f"{user}@", f"{user}:hunter2@")
    with Daemon(tmp_path, "--dsn", secret) as daemon:
        assert "hunter2" not in "\n".join(daemon.banner)
        flags = ["-c", START, "--dsn", secret, "--print-config"]
        printed = subprocess.run(
            [sys.executable, *flags], capture_output=True, text=True, check=True
        )
        assert "hunter2" not in printed.stdout + printed.stderr
    assert "hunter2" not in daemon.errors()
