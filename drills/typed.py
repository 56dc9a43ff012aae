"""The command line, typed: in a process of its own, as a user's shell starts it."""

import subprocess
import sys
from pathlib import Path


def aegisctl(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-c", "from aegisctl.main import main; main()"]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, check=False, cwd=cwd
    )
