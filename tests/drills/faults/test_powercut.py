"""The disk that a power cut leaves: no more than was synced is sure, no less is lost."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drills.faults.journal import (
    CLOSED,
    OPENED,
    RENAMED,
    SYNCED,
    TRUNCATED,
    UNLINKED,
    UNSYNCED,
    WRITTEN,
    Operation,
)
from drills.faults.powercut import SECTOR_BYTES, SURVIVAL, Disk, Inode, Names, change

FOLDER = Path("/disk")
FILE, OTHER, TOP = 5, 6, 7


def opened(descriptor: int, path: str, *, made: bool = True) -> Operation:
    return Operation(OPENED, descriptor, int(made), path.encode())


def written(offset: int, data: bytes, descriptor: int = FILE) -> Operation:
    return Operation(WRITTEN, descriptor, offset, data)


def synced(descriptor: int = FILE) -> Operation:
    return Operation(SYNCED, descriptor, 0, b"")


def cuts(tmp_path: Path, operations: Sequence[Operation]) -> set[tuple[tuple[str, bytes], ...]]:
    """Every disk that two hundred power cuts leave."""
    found = set()
    for seed in range(200):
        after = tmp_path / str(seed)
        after.mkdir()
        disk = Disk(FOLDER, Random(seed))
        disk.play(operations)
        disk.cut(after)
        found.add(tuple((path.name, path.read_bytes()) for path in sorted(after.iterdir())))
    return found


def test_what_was_synced_is_always_there(tmp_path: Path) -> None:
    made = [opened(TOP, "/disk", made=False), opened(FILE, "/disk/a"), written(0, b"kept")]
    assert cuts(tmp_path, [*made, synced(), synced(TOP)]) == {(("a", b"kept"),)}


def test_a_file_whose_folder_was_not_synced_may_be_gone_and_may_be_empty(tmp_path: Path) -> None:
    found = cuts(tmp_path, [opened(FILE, "/disk/a"), written(0, b"kept")])
    assert {(), (("a", b""),), (("a", b"kept"),)} <= found


def test_a_later_write_may_be_there_and_an_earlier_one_not(tmp_path: Path) -> None:
    begun = [opened(TOP, "/disk", made=False), opened(FILE, "/disk/a"), synced(TOP)]
    found = cuts(tmp_path, [*begun, written(0, b"1"), written(1, b"2")])
    assert {data for names in found for _, data in names} == {b"", b"1", b"12", b"\0002"}


def test_a_write_is_torn_at_sectors_and_nowhere_else(tmp_path: Path) -> None:
    begun = [opened(TOP, "/disk", made=False), opened(FILE, "/disk/a"), synced(TOP)]
    start = SECTOR_BYTES - 2
    data = b"x" * (SECTOR_BYTES + 4)
    found = cuts(
        tmp_path, [*begun, written(0, bytes(3 * SECTOR_BYTES)), synced(), written(start, data)]
    )
    pieces = set()
    for names in found:
        content = dict(names)["a"]
        pieces.add(
            tuple(
                content[first : first + SECTOR_BYTES].count(b"x")
                for first in range(0, 3 * SECTOR_BYTES, SECTOR_BYTES)
            )
        )
    assert {first for first, _, _ in pieces} == {0, 2}
    assert {second for _, second, _ in pieces} == {0, SECTOR_BYTES}
    assert {third for _, _, third in pieces} == {0, 2}
    assert len(pieces) > 2


def test_a_renamed_file_has_one_of_both_names_and_the_new_one_once_synced(tmp_path: Path) -> None:
    begun = [
        opened(TOP, "/disk", made=False),
        opened(FILE, "/disk/new"),
        written(0, b"2"),
        synced(),
    ]
    begun += [opened(OTHER, "/disk/old"), written(0, b"1", OTHER), synced(OTHER), synced(TOP)]
    renamed = Operation(RENAMED, -1, 0, b"/disk/new\0/disk/old")
    found = cuts(tmp_path, [*begun, renamed])
    assert found == {(("new", b"2"), ("old", b"1")), (("old", b"2"),)}
    again = tmp_path / "again"
    again.mkdir()
    assert cuts(again, [*begun, renamed, synced(TOP)]) == {(("old", b"2"),)}


def test_a_removed_file_may_come_back_until_its_folder_is_synced(tmp_path: Path) -> None:
    begun = [opened(TOP, "/disk", made=False), opened(FILE, "/disk/a"), synced(), synced(TOP)]
    gone = [Operation(CLOSED, FILE, 0, b""), Operation(UNLINKED, -1, 0, b"/disk/a")]
    assert cuts(tmp_path, [*begun, *gone]) == {(), (("a", b""),)}


def test_what_a_failed_sync_was_asked_for_may_be_lost_whatever_is_synced_later(
    tmp_path: Path,
) -> None:
    begun = [opened(TOP, "/disk", made=False), opened(FILE, "/disk/a"), synced(TOP)]
    failed = [written(0, b"1"), Operation(UNSYNCED, FILE, 0, b"")]
    found = cuts(tmp_path, [*begun, *failed, written(1, b"2"), synced()])
    assert found == {(("a", b"12"),), (("a", b"\0002"),)}


@pytest.mark.parametrize(("length", "expected"), [(2, b"ab"), (6, b"abcd\0\0")])
def test_a_truncation_cuts_or_fills_with_zeros(length: int, expected: bytes) -> None:
    content = bytearray(b"abcd")
    change(content, Operation(TRUNCATED, FILE, length, b""))
    assert content == expected


writes = st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=700)), max_size=6)


@given(writes, writes, st.integers(0, 2**32))
def test_no_byte_is_other_than_some_write_of_it_or_what_was_synced(
    before: list[tuple[int, bytes]], after: list[tuple[int, bytes]], seed: int
) -> None:
    inode = Inode()
    inode.pending += [written(*each) for each in before]
    inode.sync()
    inode.pending += [written(*each) for each in after]
    for survival in SURVIVAL:
        found = inode.after(Random(seed), survival)
        for at, byte in enumerate(found):
            told = {inode.durable[at]} if at < len(inode.durable) else {0}
            told |= {data[at - first] for first, data in after if first <= at < first + len(data)}
            assert byte in told
        assert len(found) >= len(inode.durable)


def test_nothing_survives_where_nothing_does_and_all_where_all_does() -> None:
    names = Names()
    names.now["a"] = Inode()
    names.changed()
    assert names.after(Random(0), 0.0) == {}
    assert all(names.after(Random(seed), 1.0) for seed in range(20))
