"""One gate and one replayer for all tests of this folder: every case has its own tenant anyway."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aegisd.conformance.embedded import Embedded
from aegisd.conformance.replaying import Replays
from aegisd.conformance.result import CaseResult
from tests.conformance.packs import Judge, Liar, held, one


@pytest.fixture(scope="package")
def gate() -> Iterator[Embedded]:
    """A gate in this process."""
    with closing(Embedded("auto")) as target:
        yield target


@pytest.fixture(scope="package")
def replays() -> Replays:
    """What decides exports again."""
    return Replays("auto")


@pytest.fixture
def judge(tmp_path: Path, gate: Embedded, replays: Replays) -> Judge:
    """Run steps on the real gate, or on one that lies."""

    def run(*lines: str, **lies: object) -> CaseResult:
        return held(one(tmp_path, *lines), Liar(gate, lies), replays)

    return run
