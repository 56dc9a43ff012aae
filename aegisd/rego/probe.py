"""Compile a policy in a child process, to see whether the native engine lives through it.

rego-cpp ends the whole process on some sources that its own parser accepts, by an exception that no
caller can catch; any native engine may run out of stack or time. Run as
`python -m aegisd.rego.probe`, with the question as JSON on standard input.
"""

import os
import subprocess
import sys
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from aegisd.core.errors import PolicyInvalid

# Milliseconds to compile in. The base bundle takes 25; what takes a hundred times that hangs. Well
# below the engine's EVALUATOR_STUCK_MS_MAX, which would end the process instead.
COMPILE_MS_MAX = 5_000

# The exit status of a child that met a policy it could refuse in words.
_REFUSED = 3


class Question(Struct, frozen=True):
    """What an engine is to compile: files by path, data as JSON text, and the entry point."""

    engine: str
    files: dict[str, str]
    data: str
    entrypoint: str


def survive(engine: str, files: Mapping[str, str], data: bytes, entrypoint: str) -> None:
    """Return when a child compiled the policy.

    Raises `PolicyInvalid` with what the child said, or with the fact that it died.
    """
    question = msgspec.json.encode(Question(engine, dict(files), data.decode(), entrypoint))
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "aegisd.rego.probe"],
            input=question,
            capture_output=True,
            # The child imports what this process imports, and nothing from where it was started.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            timeout=COMPILE_MS_MAX / 1000,
            check=False,
        )
    except OSError as error:
        raise PolicyInvalid(f"the policy cannot be tried: no process: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise PolicyInvalid(
            f"the policy does not compile within COMPILE_MS_MAX = {COMPILE_MS_MAX} ms"
        ) from None
    if child.returncode == _REFUSED:
        raise PolicyInvalid(child.stdout.decode())
    if child.returncode != 0:
        raise PolicyInvalid(
            "the engine dies while it compiles this policy, though each file is read; take rules "
            f"out until it lives (exit status {child.returncode})"
        )


def main() -> int:
    """Answer the question on standard input."""
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    try:
        _compile(question)
    except PolicyInvalid as error:
        sys.stdout.write(error.message)
        return _REFUSED
    return 0


def _compile(question: Question) -> None:
    data, entrypoints = question.data.encode(), [question.entrypoint]
    # One engine per child: loading the other would only cost time.
    if question.engine == "regorus":
        from aegisd.rego.regorus_engine import program  # noqa: PLC0415

        program(question.files, data, entrypoints)
    else:
        from aegisd.rego.machine import Machine  # noqa: PLC0415

        Machine(question.files, data, entrypoints)


if __name__ == "__main__":
    sys.exit(main())
