"""What a disk may hold after the power failed: rebuilt from the journal of a program.

The disk promises little. What was synced is there. Each write since is there, absent or torn, in
any order, by sectors of 512 bytes. Names made, renamed or removed since their folder was synced
are there up to some moment, as on a file system that journals names. The power may fail within any
call.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random

from drills.faults import journal
from drills.faults.journal import TRUNCATED, WRITTEN, Operation

# Bytes that a disk writes whole or not at all.
SECTOR_BYTES = 512

# How much of what was not synced survives: nothing, little, half, most, all.
SURVIVAL = (0.0, 0.1, 0.5, 0.9, 1.0)


class Inode:
    """One file: what is on the disk, and what was done to it since it was last synced."""

    def __init__(self) -> None:
        self.durable = bytearray()
        self.pending: list[Operation] = []

    def sync(self) -> None:
        """Everything done so far is on the disk."""
        for operation in self.pending:
            change(self.durable, operation)
        self.pending.clear()

    def forget(self, chance: Random) -> None:
        """A sync failed: part of what was done is on the disk, and the rest never will be."""
        for operation in self.pending:
            if chance.random() < 1 / 2:
                change(self.durable, operation)
        self.pending.clear()

    def after(self, chance: Random, survival: float) -> bytes:
        """What the file may hold after a power cut now."""
        found = bytearray(self.durable)
        for operation in self.pending:
            if chance.random() < survival:
                change(found, operation)
            elif operation.kind == WRITTEN and survival and chance.random() < survival:
                _tear(found, operation, chance)
        return bytes(found)


class Names:
    """The names of one folder: as synced, and what was done to them since."""

    def __init__(self) -> None:
        self.durable: dict[str, Inode] = {}
        self.now: dict[str, Inode] = {}
        self.steps: list[dict[str, Inode]] = []

    def changed(self) -> None:
        """Remember how the folder looks after one more step."""
        self.steps.append(dict(self.now))

    def sync(self) -> None:
        """Every step so far is on the disk."""
        self.durable = dict(self.now)
        self.steps.clear()

    def after(self, chance: Random, survival: float) -> dict[str, Inode]:
        """The names that may be there after a power cut now."""
        kept = round(chance.random() ** (1 / (4 * survival)) * len(self.steps)) if survival else 0
        return self.steps[kept - 1] if kept else self.durable


class Disk:
    """Follows a journal from an empty folder on. `play` it up to a moment, then `cut` the power.

    All chance is the one given.
    """

    def __init__(self, folder: Path, chance: Random) -> None:
        self._root = str(folder)
        self._chance = chance
        self._folders: dict[str, Names] = {self._root: Names()}
        self._open: dict[int, Inode | Names] = {}

    def play(self, operations: Sequence[Operation]) -> None:
        """Follow what the program did next."""
        for operation in operations:
            self._follow(operation)

    def cut(self, into: Path) -> None:
        """Write the files that may be left into an empty folder."""
        chance = self._chance
        survival = chance.choice(SURVIVAL)
        for path, names in self._folders.items():
            folder = into / Path(path).relative_to(self._root)
            folder.mkdir(parents=True, exist_ok=True)
            for name, inode in names.after(chance, survival).items():
                (folder / name).write_bytes(inode.after(chance, survival))
                # The daemon makes nothing that others may read, and refuses a key that they may.
                (folder / name).chmod(0o600)

    def _follow(self, operation: Operation) -> None:
        if operation.kind == journal.OPENED:
            self._opened(operation)
        elif operation.kind == journal.CLOSED:
            self._open.pop(operation.descriptor, None)
        elif operation.kind in (WRITTEN, TRUNCATED):
            inode = self._open[operation.descriptor]
            if isinstance(inode, Inode):
                inode.pending.append(operation)
        elif operation.kind == journal.SYNCED:
            self._open[operation.descriptor].sync()
        elif operation.kind == journal.UNSYNCED:
            unsynced = self._open[operation.descriptor]
            if isinstance(unsynced, Inode):
                unsynced.forget(self._chance)
        elif operation.kind == journal.MADE_FOLDER:
            # Taken for durable at once: no file of a log is in a folder that the daemon makes.
            self._folders.setdefault(operation.data.decode(), Names())
        elif operation.kind in (journal.RENAMED, journal.UNLINKED):
            self._moved(operation)

    def _opened(self, operation: Operation) -> None:
        path = operation.data.decode()
        if path in self._folders:
            self._open[operation.descriptor] = self._folders[path]
            return
        names, name = self._place(path)
        if operation.offset:
            names.now[name] = Inode()
            names.changed()
        self._open[operation.descriptor] = names.now.setdefault(name, Inode())

    def _moved(self, operation: Operation) -> None:
        source, _, target = operation.data.decode().partition("\0")
        names, name = self._place(source)
        inode = names.now.pop(name)
        if target:
            elsewhere, new_name = self._place(target)
            elsewhere.now[new_name] = inode
            if elsewhere is not names:
                elsewhere.changed()
        names.changed()

    def _place(self, path: str) -> tuple[Names, str]:
        folder, _, name = path.rpartition("/")
        return self._folders[folder], name


def change(content: bytearray, operation: Operation) -> None:
    """Do to a file's content what was done to the file."""
    if operation.kind == TRUNCATED:
        del content[operation.offset :]
        content.extend(bytes(operation.offset - len(content)))
        return
    end = operation.offset + len(operation.data)
    content.extend(bytes(max(0, end - len(content))))
    content[operation.offset : end] = operation.data


def _tear(content: bytearray, operation: Operation, chance: Random) -> None:
    """Write some of the sectors of a write and not the others."""
    start, end = operation.offset, operation.offset + len(operation.data)
    while start < end:
        border = min(end, (start // SECTOR_BYTES + 1) * SECTOR_BYTES)
        if chance.random() < 1 / 2:
            piece = operation.data[start - operation.offset : border - operation.offset]
            change(content, Operation(WRITTEN, operation.descriptor, start, piece))
        start = border
