"""Programs under measurement: their time, their memory, and their own words when they fail."""

import os
import sys
import time

import pytest

from benchmarks.process import LOOK_SECONDS, cpu_seconds, peak_mb, resident_mb, run
from tests.patience import PATIENCE_S

if sys.platform != "linux":
    pytest.skip("memory is read from /proc", allow_module_level=True)

# Long enough for two looks at the memory.
_SEEN = f"__import__('time').sleep({4 * LOOK_SECONDS})"


def _python(statement: str) -> list[str]:
    return [sys.executable, "-c", statement]


def test_memory_that_was_given_back_still_counts() -> None:
    before = peak_mb()

    ended = run(_python(f"bytearray(80_000_000); {_SEEN}"))

    assert 80 < ended.peak_mb < 140
    assert peak_mb() < before + 40


def test_the_memory_of_a_child_is_added() -> None:
    child = f"[sys.executable, '-c', \"x = bytearray(80_000_000); {_SEEN}\"]"

    ended = run(_python(f"import subprocess, sys; subprocess.run({child})"))

    assert 90 < ended.peak_mb < 160


def test_a_program_of_a_large_parent_does_not_count_its_parents_memory() -> None:
    ballast = bytearray(200_000_000)

    ended = run(_python(_SEEN))

    assert ended.peak_mb < len(ballast) / 1e6 / 2


def test_what_a_program_took_and_printed_is_told() -> None:
    ended = run(_python("import time; time.sleep(0.2); print('done')"))

    assert 0.2 <= ended.seconds < PATIENCE_S
    assert ended.said == "done\n"


def test_a_program_that_fails_is_told_in_its_own_words() -> None:
    with pytest.raises(RuntimeError, match=r"ended with 3: no such log"):
        run(_python("import sys; print('no such log', file=sys.stderr); sys.exit(3)"))


def test_processor_time_is_what_was_worked_and_not_what_was_waited() -> None:
    before = cpu_seconds(os.getpid())
    time.sleep(0.2)
    waited = cpu_seconds(os.getpid()) - before
    while time.process_time() < 0.3 + before:
        pass
    worked = cpu_seconds(os.getpid()) - before

    assert waited < 0.15
    assert worked > 0.25
    assert resident_mb() <= peak_mb()
