"""A log that is filled: to the size that was asked for, and signed."""

import asyncio
from contextlib import closing
from pathlib import Path

from aegisd.core.log import checkpoint
from aegisd.core.log.note import read_key
from aegisd.signing import ed25519
from aegisd.signing.keyring import public_path
from aegisd.signing.signer import key_path
from aegisd.store.sqlite.reader import SqliteReader
from benchmarks import filling
from benchmarks.filling import TENANT


def fill(database: Path, events: int) -> None:
    """Fill a log."""

    async def filled() -> None:
        async with filling.running(database) as engine:
            await filling.fill(engine, filling.calls(f"s{events}-"), events)

    asyncio.run(filled())


def size(database: Path) -> int:
    """Events in a log."""
    with closing(SqliteReader(str(database))) as reader:
        return reader.next_position(TENANT)


def test_a_filled_log_has_the_events_that_were_asked_for_and_is_signed_to_its_end(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log.db"
    fill(log, 1_000)
    with closing(SqliteReader(str(log))) as reader:
        kept = reader.newest_checkpoint(TENANT)
    keys = [read_key(line) for line in public_path(key_path(log)).read_text().splitlines()]

    assert 1_000 <= size(log) <= 1_002
    assert kept is not None
    assert kept.size == size(log)
    assert checkpoint.verify(kept.note, keys, ed25519.check).root == kept.root


def test_filling_to_the_size_it_has_adds_nothing_and_further_only_what_is_missing(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log.db"
    fill(log, 1_000)
    before = size(log)

    fill(log, 1_000)
    same = size(log)
    fill(log, 1_500)

    assert same == before
    assert 1_500 <= size(log) <= 1_502
