"""Evidence as a user meets it: a daemon, its key and guard beside the log, and aegisctl."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from aegisd.child import START
from aegisd.core.log import checkpoint, proof
from aegisd.core.log.note import Key, read_key
from aegisd.signing import ed25519
from drills.daemon import Daemon
from tests.patience import PATIENCE_S
from tests.typed import aegisctl

SAID = {"session_id": "s1", "event_type": "USER_MESSAGE", "payload": {"content": "hello"}}


def say(daemon: Daemon, *texts: str, tenant_id: str = "acme") -> list[dict[str, object]]:
    """Record a message each."""
    client = daemon.connect()
    receipts = []
    for text in texts:
        told = {**SAID, "tenant_id": tenant_id, "payload": {"content": text}}
        status, answer = client.request("POST", "/v1/events", told)
        assert status == 201
        receipts.append(answer)
    return receipts


def acts(daemon: Daemon) -> str:
    """What operators did."""
    path = "/v1/events?tenant_id=acme&session_id=$control"
    return json.dumps(daemon.connect().request("GET", path)[1])


def ctl(daemon: Daemon, *arguments: str | Path) -> tuple[int, str, str]:
    """Type an `aegisctl` command against the daemon."""
    server = f"http://127.0.0.1:{daemon.port}"
    done = aegisctl(arguments[0], "--server", server, *arguments[1:])
    return done.returncode, done.stdout, done.stderr


def refused(folder: Path, *flags: str) -> str:
    """What a daemon says that does not start."""
    done = subprocess.run(
        [sys.executable, "-c", START, "--dsn", str(folder / "aegis.db"), *flags],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        cwd=folder,
    )
    assert done.returncode == 78, done.stderr
    return done.stderr


def test_an_event_is_proved_to_somebody_with_a_public_key(tmp_path: Path) -> None:
    key = tmp_path / "aegis.db.key.pub"
    with Daemon(tmp_path) as daemon:
        receipts = say(daemon, "one", "two", "three")
        place = str(receipts[1]["position"])
        out = tmp_path / "two.tlog-proof"
        code, _out, err = ctl(
            daemon, "prove", "--tenant", "acme", "--position", place, "--key", key, "--out", out
        )
        assert code == 0, err
        code, told, err = ctl(daemon, "prove", "--tenant", "acme", "--session", "s1", "--seq", "1")
        assert (code, told) == (0, out.read_text()), err
        code, told, _err = ctl(daemon, "prove", "--tenant", "acme", "--position", place, "--json")
        assert json.loads(told)["hash"] == receipts[1]["hash"]
        assert ctl(daemon, "prove", "--tenant", "acme", "--position", "999")[0] == 2
        assert ctl(daemon, "prove", "--tenant", "acme", "--seq", "1")[0] == 2
    # What lies beside the log is its owner's alone.
    for name in ("aegis.db.key", "aegis.db.checkpoints/acme.checkpoint"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
    read = proof.read(out.read_text())
    keys = [read_key(key.read_text())]
    leaf = bytes.fromhex(str(receipts[1]["hash"]))
    assert proof.verify(read, leaf, keys, ed25519.check).size >= 4


def test_a_checkpoint_is_held_to_the_one_before(tmp_path: Path) -> None:
    key, monday = tmp_path / "aegis.db.key.pub", tmp_path / "monday.checkpoint"
    base = ("checkpoint", "--tenant", "acme", "--key", key)
    with Daemon(tmp_path) as daemon:
        say(daemon, "one")
        assert ctl(daemon, *base, "--out", monday)[0] == 0
        say(daemon, "two", "three")
        code, told, err = ctl(daemon, *base, "--since", monday)
        assert code == 0
        assert "continues the checkpoint of 3 events" in err
        assert checkpoint.read(told)[0].size == 5
        wrong = tmp_path / "wrong.checkpoint"
        wrong.write_text(monday.read_text().replace("\n3\n", "\n4\n"))
        code, told, _err = ctl(daemon, "checkpoint", "--tenant", "acme", "--since", wrong)
        assert code == 1
        assert "its history changed" in told
        # With a key the caller's own file is seen to be nobody's, before the server is asked.
        assert ctl(daemon, *base, "--since", wrong)[0] == 2


def test_a_restored_backup_is_refused_until_somebody_accepts_it(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        say(daemon, "one")
    shutil.copy(tmp_path / "aegis.db", tmp_path / "monday.db")
    with Daemon(tmp_path) as daemon:
        say(daemon, "two", "three")
    shutil.copy(tmp_path / "monday.db", tmp_path / "aegis.db")
    told = refused(tmp_path)
    assert "the log ends before position 3, but a checkpoint says that it had 5 events" in told
    with Daemon(tmp_path, "--accept-rollback") as daemon:
        say(daemon, "after")
        _status, page = daemon.connect().request(
            "GET", "/v1/events?tenant_id=acme&session_id=$control"
        )
        assert "ROLLBACK_ACCEPTED" in json.dumps(page)
    assert len(list((tmp_path / "aegis.db.checkpoints").glob("*superseded*"))) == 1


def test_a_lost_key_is_not_replaced_in_silence(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        say(daemon, "one")
    key = tmp_path / "aegis.db.key"
    key.rename(tmp_path / "elsewhere.key")
    assert "put the key file back" in refused(tmp_path)
    assert not key.exists()
    with Daemon(tmp_path, "--signing-key", str(tmp_path / "elsewhere.key")) as daemon:
        say(daemon, "two")
    key.write_text((tmp_path / "elsewhere.key").read_text())
    key.chmod(0o644)
    assert "expected mode 0600" in refused(tmp_path)


def test_a_replaced_key_signs_beside_the_old_one_and_is_recorded(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        say(daemon, "one")
    old = read_key((tmp_path / "aegis.db.key.pub").read_text())
    done = aegisctl("keys", "rotate", tmp_path / "aegis.db.key")
    assert done.returncode == 0, done.stderr
    new = read_key(done.stdout.splitlines()[0])
    with Daemon(tmp_path) as daemon:
        say(daemon, "two")
        _code, told, _err = ctl(daemon, "checkpoint", "--tenant", "acme")
        for key in (old, new):
            checkpoint.verify(told, [key], ed25519.check)
        _status, page = daemon.connect().request(
            "GET", "/v1/events?tenant_id=acme&session_id=$control"
        )
        assert str(new) in json.dumps(page)


def test_a_program_can_hold_the_key(tmp_path: Path) -> None:
    vault = tmp_path / "vault.py"
    vault.write_text(
        "import base64, sys\n"
        "from aegisd.signing import ed25519\n"
        "text = sys.stdin.buffer.read()\n"
        "print(base64.b64encode(ed25519.signing(bytes(32))(text)).decode())\n"
    )
    public = verifier_key(bytes(32))
    config = tmp_path / "aegis.yaml"
    config.write_text(f"signing.command: {sys.executable} {vault}\nsigning.public_key: {public}\n")
    with Daemon(tmp_path, "--config", str(config)) as daemon:
        say(daemon, "one")
        code, told, err = ctl(daemon, "checkpoint", "--tenant", "acme", "--key", public)
        assert code == 0, err
        assert told.startswith("vault.example.com/acme\n")
    assert not (tmp_path / "aegis.db.key").exists()


def verifier_key(seed: bytes) -> str:
    """The verifier key of a private one."""
    return str(Key(name="vault.example.com", public=ed25519.public_key(seed)))
