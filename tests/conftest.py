"""How every test runs: how many examples a property gets, and who else may use `assert`."""

import os

import pytest
from hypothesis import HealthCheck, settings

from aegisd.rego.engines import installed

# Suites that several test modules share, so that their asserts explain themselves too.
pytest.register_assert_rewrite("tests.store.contract", "tests.tidy")

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

settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_report_header() -> str:
    """Say which engines are tested: a machine without Rust has one."""
    return f"policy engines: {', '.join(installed())}"
