"""Build the native policy engine into this environment, once per change of its source.

`CARGO` names Rust's build tool, empty where there is none; `LOCK` the folder of locked versions,
empty for the newest. `--beside` builds for the next start of the process that started this one,
and gives up when that ends. Where the engine does not build, regopy judges: that is said, and is
no failure.
"""

import fcntl
import os
import sys
from pathlib import Path

from scripts import step

ENVIRONMENT = Path(sys.prefix)

# Newer than the engine's source once there is nothing to do until that changes.
STAMP = ENVIRONMENT / ".engine"

PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")

NO_RUST = (
    "No Rust here: policy is judged by regopy. With Rust (https://rustup.rs) a faster engine is "
    "built."
)


def steps(lock: str) -> list[tuple[str, list[str]]]:
    """What is done, and how: with the locked build tool, or with the newest that pip finds."""
    sentence = "Building the native policy engine (once; some minutes)"
    build = [*PIP, "--force-reinstall", "--no-deps"]
    if not lock:
        return [(sentence, [*build, "./native"])]
    tool = [*PIP, "--require-hashes", "--requirement", f"{lock}/engine.txt"]
    return [
        ("Installing what builds the native policy engine", tool),
        (sentence, [*build, "--no-build-isolation", "./native"]),
    ]


def build(cargo: str, lock: str, *, beside: bool) -> int:
    """Build it and say how that went: `step.GIVEN_UP` where it was for nobody any more, else 0."""
    # Rust's tools find each other by name, and pip finds the build tool of this environment.
    places = [str(ENVIRONMENT / "bin"), str(Path(cargo).parent), os.environ.get("PATH", "")]
    os.environ["PATH"] = os.pathsep.join(places)
    server = os.getppid()
    wanted = (lambda: os.getppid() == server) if beside else None
    for sentence, command in steps(lock):
        code = step.run(sentence, command, wanted=wanted)
        if code == step.GIVEN_UP:
            return code
        if code != 0:
            print("The native engine did not build; policy is judged by regopy.", file=sys.stderr)
            return 0
    if beside:
        print("Stop aegisd and start it again: it will use the native engine.", file=sys.stderr)
    return 0


def main() -> None:
    """See the module."""
    step.ended_by_signals()
    cargo, beside = os.environ.get("CARGO", ""), "--beside" in sys.argv
    before = _stamped()
    with (ENVIRONMENT / ".engine.lock").open("w") as lock:
        # Two targets of make may want it at once; the second finds it built.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _stamped() != before:
            return
        if cargo:
            code = build(cargo, os.environ.get("LOCK", ""), beside=beside)
        else:
            code = 0
            print(NO_RUST, file=sys.stderr)
        if code == 0:
            STAMP.touch()
    sys.exit(code)


def _stamped() -> float | None:
    return STAMP.stat().st_mtime if STAMP.exists() else None


if __name__ == "__main__":
    main()
