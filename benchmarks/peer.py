"""agent-aegis, the peer: a policy engine in Python with YAML rules and a REST server of its own.

It lives in an environment of its own, made on the first run and kept: both its package and ours
are called `aegis`. docs/BENCHMARKS.md says what a call does there.
"""

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.process import ROOT

PEER = "agent-aegis 1.0.0"
ENVIRONMENT = ROOT / ".venv-peer"

# What it is measured with: the server's own parts in the versions that serve Aegis.
_STACK = ("httptools", "starlette", "uvicorn", "uvloop")
_REQUIREMENTS = ["agent-aegis[server]==1.0.0", *(f"{name}=={version(name)}" for name in _STACK)]
_PROBE = "import aegis.server.app, httptools, starlette, uvicorn, uvloop"

# Seconds for pip to fetch seven small wheels.
INSTALL_SECONDS_MAX = 180


def interpreter() -> Path | None:
    """The Python that has the peer; installed into `ENVIRONMENT` on the first run.

    None, with a sentence on the error stream, where it cannot be installed: a benchmark then goes
    on without its peer and says so.
    """
    python = ENVIRONMENT / "bin" / "python"
    if _succeeds([str(python), "-I", "-c", _PROBE]):
        return python
    print(f"installing {PEER} into {ENVIRONMENT}, once", file=sys.stderr)
    made = _succeeds([sys.executable, "-m", "venv", str(ENVIRONMENT)])
    pip = [str(python), "-I", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if made and _succeeds([*pip, "install", "--retries=1", *_REQUIREMENTS]):
        return python
    print(
        f"{PEER} could not be installed (no package index?): the figures come without this peer. "
        f"An environment that has it may stand at {ENVIRONMENT}.",
        file=sys.stderr,
    )
    return None


def beside(python: Path | None) -> str:
    """What a method says about the peer's part in it."""
    return f"beside {PEER}" if python is not None else f"{PEER} is missing, so nothing is beside it"


def server(python: Path, *arguments: Path) -> Sequence[str]:
    """How to start its REST server on a free port, or a bare echo without policy and database."""
    script = ROOT / "benchmarks" / "peer_server.py"
    return [str(python), "-I", str(script), *map(str, arguments)]


def _succeeds(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, timeout=INSTALL_SECONDS_MAX
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
