"""The README's quick start, typed line by line: each answer is as printed there."""

import re
import signal
import subprocess
from pathlib import Path

from drills.daemon import ROOT, Daemon
from tests.patience import PATIENCE_S

BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
VOLATILE = re.compile(r"[0-9a-f]{64}")


def _steps() -> list[tuple[str, str]]:
    """Each curl line of the README with the answer printed below it."""
    section = (ROOT / "README.md").read_text().split("## Quick start")[1].split("\n## ")[0]
    steps: list[tuple[str, str]] = []
    for block in BLOCK.findall(section):
        for line in block.splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], ""))
            else:
                steps[-1] = (steps[-1][0], steps[-1][1] + line + "\n")
    return [step for step in steps if step[0].startswith("curl")]


def test_every_curl_line_of_the_readme_answers_as_printed(tmp_path: Path) -> None:
    steps = _steps()
    assert len(steps) >= 6
    with Daemon(tmp_path, manifest=None) as daemon:
        for command, printed in steps:
            typed = command.replace("127.0.0.1:8080", f"127.0.0.1:{daemon.port}")
            done = subprocess.run(
                ["bash", "-c", typed], cwd=ROOT, capture_output=True, text=True, check=True
            )
            assert VOLATILE.sub("H", done.stdout) == VOLATILE.sub("H", printed), command


def test_make_run_says_where_it_listens_and_gives_a_curl_line_that_works(tmp_path: Path) -> None:
    arguments = f"ARGS=--addr 127.0.0.1:0 --dsn {tmp_path / 'aegis.db'}"
    process = subprocess.Popen(
        ["make", "run", arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        line = ""
        for line in process.stdout or ():
            if line.lstrip().startswith("curl"):
                break
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, check=True, timeout=PATIENCE_S
        )
        assert '"outcome":"deny","reason":"PERMISSION_UNDECLARED"' in done.stdout
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) in (0, -signal.SIGTERM)
        if process.stdout:
            process.stdout.close()
