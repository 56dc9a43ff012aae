"""A log leaves a daemon with its evidence, enters another one, and survives its own machine."""

from pathlib import Path

from aegisd.core.log.export import ExportedCheckpoint, ExportedProof
from aegisd.core.log.export_reading import read
from drills.daemon import Daemon
from tests.typed import aegisctl

EVENTS = 300


def ctl(daemon: Daemon, verb: str, *arguments: object) -> str:
    """Type a command against a daemon, which succeeds; what it printed."""
    server = f"http://127.0.0.1:{daemon.port}"
    return local(verb, "--server", server, *arguments)


def local(verb: str, *arguments: object, code: int = 0) -> str:
    """Type a command; what it printed."""
    done = aegisctl(verb, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def talk(daemon: Daemon, session: str, events: int) -> None:
    """Record calls, each with its decision."""
    client = daemon.connect()
    for _ in range(events // 2):
        client.propose(session)


def test_an_export_from_a_server_is_all_signed_and_its_import_exports_the_same(
    tmp_path: Path,
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    out, session, again = tmp_path / "acme", tmp_path / "s1", tmp_path / "again"
    key = here / "aegis.db.key.pub"
    with Daemon(here) as daemon:
        talk(daemon, "s1", 20)
        talk(daemon, "s2", EVENTS)
        ctl(daemon, "export", "--tenant", "acme", "--out", out)
        ctl(daemon, "export", "--tenant", "acme", "--session", "s1", "--out", session)
    assert "SIGNED" in local("verify", out, "--key", key)
    assert "covered by the chain alone" not in local("verify", out, "--key", key)
    assert "SIGNED, 20 events" in local("verify", session, "--key", key)
    parts = list(read(session.read_bytes().splitlines(keepends=True)))
    assert sum(isinstance(part, ExportedProof) for part in parts) == 20
    assert sum(isinstance(part, ExportedCheckpoint) for part in parts) == 1

    act = ("--tenant", "audit", "--author", "ann", "--reason", "case 12")
    with Daemon(there) as daemon:
        archive = ctl(daemon, "import", out, *act).split()[-1]
        ctl(daemon, "export", "--tenant", archive, "--out", again)
        assert again.read_bytes() == out.read_bytes()
        kept = ctl(daemon, "import", session, *act).split()[-1]
        ctl(daemon, "export", "--tenant", "audit", "--out", tmp_path / "audit")
    database = there / "aegis.db"
    for name, source in ((archive, out), (kept, session)):
        local("export", "--dsn", database, "--tenant", name, "--out", again, "--force")
        assert again.read_bytes() == source.read_bytes()
    local("verify", database, "--key", there / "aegis.db.key.pub", "--key", key)
    local("verify", database, "--key", there / "aegis.db.key.pub")


def test_a_backup_made_while_a_daemon_writes_is_restored_and_serves(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    backup = tmp_path / "backup.db"
    with Daemon(here) as daemon:
        talk(daemon, "s1", EVENTS)
        ctl(daemon, "checkpoint", "--tenant", "acme", "--out", tmp_path / "monday")
        local("backup", "--dsn", here / "aegis.db", "--out", backup)
        talk(daemon, "s2", 20)
        ctl(daemon, "checkpoint", "--tenant", "acme", "--out", tmp_path / "tuesday")
    local("restore", backup, "--dsn", there / "aegis.db")
    key = here / "aegis.db.key.pub"
    database = there / "aegis.db"
    assert "SIGNED" in local("verify", database, "--key", key)
    local("verify", database, "--key", key, "--checkpoint", tmp_path / "monday")
    # What a restore takes away shows to whoever kept a newer checkpoint.
    told = local("verify", database, "--key", key, "--checkpoint", tmp_path / "tuesday", code=1)
    assert "an older log was put in its place" in told
    for name in ("aegis.db.key", "aegis.db.key.pub"):
        (there / name).write_bytes((here / name).read_bytes())
        (there / name).chmod(0o600)
    with Daemon(there) as daemon:
        talk(daemon, "s3", 2)
    local("verify", database, "--key", key, "--checkpoint", tmp_path / "monday")
