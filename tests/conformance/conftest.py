"""One gate and one replayer for all tests of this folder: every case has its own tenant anyway."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from aegisd.conformance.embedded import Embedded
from aegisd.conformance.replaying import Replays


@pytest.fixture(scope="package")
def gate() -> Iterator[Embedded]:
    """A gate in this process."""
    with closing(Embedded("auto")) as target:
        yield target


@pytest.fixture(scope="package")
def replays() -> Replays:
    """What decides exports again."""
    return Replays("auto")
