"""Compile a policy in a child process, to see whether the native engine lives through it.

rego-cpp ends the whole process on some sources that its own parser accepts, by an exception that no
caller can catch; any native engine may run out of stack or time. `trial` is what the child runs.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache

import msgspec
from msgspec import Struct

from aegisd.core.capabilities import NONE
from aegisd.core.errors import PolicyInvalid
from aegisd.core.policy.verdict import EVALUATION_STEPS_MAX
from aegisd.rego.trial import REFUSED

# Milliseconds of processor time to compile in, whole seconds. The base bundle takes 25; what takes
# a hundred times that hangs.
COMPILE_MS_MAX = 5_000

# Milliseconds to wait for it on a busy machine. Below the engine's EVALUATOR_STUCK_MS_MAX, which
# would end the process instead.
COMPILE_WAIT_MS_MAX = 9_000

# Questions that a child of this process lived through. Each may be as large as a bundle; one child
# takes longer than a hundred decisions.
SURVIVED_MAX = 16


class Trial(Struct, frozen=True):
    """What an engine is to compile: files by path, data as JSON text, and the entry point."""

    engine: str
    files: dict[str, str]
    data: str
    entrypoint: str
    steps_max: int = EVALUATION_STEPS_MAX
    seconds_max: int = COMPILE_MS_MAX // 1000


def survive(engine: str, files: Mapping[str, str], entrypoint: str) -> None:
    """Return when a child compiled the policy, now or before.

    It is given nobody's manifest: another has the same form, so rules are tried once and not with
    each of them. Raises `PolicyInvalid` with what the child said, or with the fact that it died.
    """
    data = f'{{"manifest":{NONE.data.decode()}}}'
    question = Trial(engine, dict(files), data, entrypoint)
    _try(msgspec.json.encode(question))


# An error is not remembered: a child that did not start, or had no time, says nothing of a policy.
@lru_cache(SURVIVED_MAX)
def _try(question: bytes) -> None:
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "aegisd.rego.trial"],
            input=question,
            capture_output=True,
            # The child imports what this process imports, and nothing from where it was started.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            timeout=COMPILE_WAIT_MS_MAX / 1000,
            check=False,
        )
    except OSError as error:
        raise PolicyInvalid(f"the policy cannot be tried: no process: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise PolicyInvalid(
            "the policy was not compiled within COMPILE_WAIT_MS_MAX = "
            f"{COMPILE_WAIT_MS_MAX} ms; where the machine is busy, try again"
        ) from None
    if child.returncode == -signal.SIGXCPU:
        raise PolicyInvalid(
            f"the policy does not compile within COMPILE_MS_MAX = {COMPILE_MS_MAX} ms of processor"
        )
    if child.returncode == REFUSED:
        raise PolicyInvalid(child.stdout.decode())
    if child.returncode != 0:
        raise PolicyInvalid(
            "the engine dies while it compiles this policy, though each file is read; take rules "
            f"out until it lives (exit status {child.returncode})"
        )
