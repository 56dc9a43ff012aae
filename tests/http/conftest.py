"""A fresh door for a test that changes rules, and one for a module's tests that do not meet."""

from collections.abc import Iterator

import pytest

from tests.http.described import Described
from tests.http.door import Door


@pytest.fixture
def door() -> Iterator[Door]:
    with Door() as opened:
        yield opened


@pytest.fixture(scope="module")
def shared() -> Iterator[Door]:
    with Door() as opened:
        yield opened


@pytest.fixture(scope="module")
def described(shared: Door) -> Described:
    answer = shared.ask("GET", "/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    told: Described = answer.json()
    return told
