"""Which refused starts may succeed later, and what a start that goes on says on standard error."""

import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

from aegisd.child import START
from drills.daemon import MANIFEST, Daemon
from tests.patience import PATIENCE_S


def refused(folder: Path, *flags: str) -> tuple[int, str]:
    """The code and the words of a daemon that does not start."""
    done = subprocess.run(
        [sys.executable, "-c", START, *flags],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        cwd=folder,
    )
    return done.returncode, done.stderr


def test_what_somebody_else_has_now_may_be_free_later(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        code, said = refused(tmp_path, "--dsn", "b.db", "--addr", f"127.0.0.1:{daemon.port}")
        assert (code, "already in use" in said) == (75, True)
        code, said = refused(tmp_path, "--dsn", str(tmp_path / "aegis.db"), "--addr", ":0")
        assert (code, "locked by process" in said) == (75, True)


def test_what_is_wrong_stays_wrong(tmp_path: Path) -> None:
    code, said = refused(tmp_path, "--log-level", "inof")
    assert (code, "expected one of debug, info" in said) == (78, True)


def test_what_tenants_keep_stands_on_standard_error_too(tmp_path: Path) -> None:
    with Daemon(tmp_path, manifest=None) as daemon:
        manifest = MANIFEST.read_text()
        asked = f'{{"tenant_id":"acme","author":"me","reason":"r","manifest":{manifest}}}'
        client = daemon.connect()
        status, _ = client.request("POST", "/v1/manifests", asked.encode())[:2]
        assert status == HTTPStatus.CREATED
        daemon.stop()
    other = tmp_path / "other.json"
    other.write_text(manifest.replace('"quickstart"', '"other"'))
    with Daemon(tmp_path, manifest=other) as daemon:
        daemon.stop()
        told = daemon.errors()
    assert " WARNING aegisd: kept: tenant acme keeps manifest " in told
