"""How every test runs: how many examples a property gets, and who else may use `assert`."""

import gc
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

from aegisd.rego.engines import installed
from tests.effort import PROFILE

# Programs that tests start are compiled once, as they are where nobody forbade it, and the copies
# that bugs are planted in bring the compiled files along.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Where there is memory that looks like a disk, tests write there: a store waits for each of its
# commits, and no test asks what is left after the power was cut to this machine.
MEMORY = "/dev/shm"
MEMORY_BYTES_MIN = 4 << 30
if (
    "TMPDIR" not in os.environ
    and os.access(MEMORY, os.W_OK)
    and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN
):
    os.environ["TMPDIR"] = MEMORY
    tempfile.tempdir = None

# Suites that several test modules share, so that their asserts explain themselves too.
pytest.register_assert_rewrite("tests.rego.evaluators", "tests.store.contract", "tests.tidy")

# A slow or busy machine is not a wrong program: no example has a deadline.
settings.register_profile(
    "quick",
    deadline=None,
    derandomize=True,  # The same tree gives the same answer to everybody.
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough",
    deadline=None,
    max_examples=5000,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)

# Where a bug was planted it is enough that something fails, and not what the least of it is.
settings.register_profile(
    "unshrunk",
    settings.get_profile("quick"),
    phases=[Phase.explicit, Phase.generate],
)

settings.load_profile(PROFILE)


def pytest_report_header() -> str:
    """Say which engines are tested: a machine without Rust has one."""
    return f"policy engines: {', '.join(installed())}"


@pytest.fixture
def dsn() -> Iterator[str]:
    """A database of PostgreSQL without a log."""
    from tests import postgres  # noqa: PLC0415 - its driver is an extra

    with postgres.database() as named:
        yield named


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT interrupts, as in a terminal: tests may have been started with it ignored.

    So a shell without job control starts what runs in the background, and what that starts
    inherits it.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no core waits at the end for another's last test."""
    items.sort(key=lambda item: "test_the_style_tools" not in item.nodeid)


def pytest_collection_finish() -> None:
    """Look no more for garbage among thousands of tests, and modules, that stay to the end."""
    gc.collect()
    gc.freeze()
