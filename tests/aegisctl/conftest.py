"""What the tests of aegisctl share: a recorded log, a way to type a command, golden transcripts."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from aegisctl import main
from tests.audit.conftest import full, log_file, recorded
from tests.remote.shelf import Shelf

# Fixtures of the library's tests, for these too.
__all__ = ["full", "log_file", "recorded"]

GOLDEN = Path(__file__).resolve().parent.parent / "golden"

# Digests of bundles and heads change whenever a base rule does; the transcripts are about the rest.
DIGEST = re.compile(r"[0-9a-f]{32,}…?")


class Typed(NamedTuple):
    """What a command ended with and said."""

    code: int
    out: str
    err: str


Type = Callable[..., Typed]


@pytest.fixture
def type_(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Type:
    """Type a command."""
    for name in ("AEGIS_SERVER", "AEGIS_TENANT"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str | Path) -> Typed:
        capsysbinary.readouterr()
        code = main.run([str(argument) for argument in arguments])
        captured = capsysbinary.readouterr()
        return Typed(code, captured.out.decode(), captured.err.decode())

    return run


@pytest.fixture
def export(recorded: Path, tmp_path: Path, type_: Type) -> Path:
    """The log of acme, exported."""
    path = tmp_path / "acme.jsonl"
    assert type_("export", "--dsn", recorded, "--tenant", "acme", "--out", path).code == 0
    return path


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a transcript with the one that was kept; GOLDEN_REWRITE=1 keeps this one instead.

    Read the diff before you commit it, and commit it only if you understand what caused it.
    """

    def compare(name: str, text: str) -> None:
        path = GOLDEN / f"aegisctl-{name}.txt"
        told = DIGEST.sub("<sha256>", text)
        if os.environ.get("GOLDEN_REWRITE"):
            path.write_text(told, "utf-8")
        assert told == path.read_text("utf-8")

    return compare


@pytest.fixture
def shelf(log_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """A server over the recorded database, found at every URL; pages are small."""
    with closing(Shelf(log_file)) as served:
        monkeypatch.setattr("aegisd.remote.client.connect", lambda *_: served)
        monkeypatch.setattr("aegisd.remote.log.PAGE_EVENTS", 5)
        yield served
