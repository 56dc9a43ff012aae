"""The files of a log that a gate of ours writes: its database, its key, and its guard folder."""

import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from tempfile import TemporaryDirectory

from aegisd.conformance.target import NO_BACKUP, NotJudged
from aegisd.core.errors import AegisError
from aegisd.signing.guard import SUFFIX
from aegisd.signing.keyring import public_path
from aegisd.signing.signer import guard_path, key_path

# SQLite's write-ahead log is copied before the file it belongs to: should pages move into the file
# between the two copies, the log still has them.
_PARTS = ("-wal", "")


def copy(database: Path, folder: Path, *, evidence: Path | None = None) -> Path:
    """Copy a log as it lies into a new folder, while a gate may be writing it; the new database.

    Key and guard are those of the database `evidence`, where it is another. Raises `OSError`.
    """
    folder.mkdir()
    new = folder / database.name
    signed = database if evidence is None else evidence
    # Before the database: what the guard has of it is never newer than what is copied then.
    guard_path(new).mkdir(mode=0o700)
    for kept in guard_path(signed).glob(f"[!.]*{SUFFIX}"):
        shutil.copy(kept, guard_path(new))
    for old, own in ((key_path(signed), key_path(new)), (public_path(key_path(signed)), None)):
        if old.exists():
            shutil.copy(old, own or public_path(key_path(new)))
    for part in _PARTS:
        lying = Path(f"{database}{part}")
        if lying.exists():
            shutil.copy(lying, f"{new}{part}")
    return new


class OwnLog(ABC):
    """The log of a gate that is started for a run, in a temporary folder, and the copies of it."""

    def __init__(self) -> None:
        self._temporary = TemporaryDirectory(prefix="aegis-conformance-")
        self.folder = Path(self._temporary.name)
        self._copies = 0
        self._path = self._place() / "aegis.db"
        self._path.parent.mkdir()
        self._backup: Path | None = None

    def backup(self) -> None:
        """See `Target.backup`."""
        self._backup = self._copy(self._path)

    def rollback(self) -> str | None:
        """See `Target.rollback`."""
        if self._backup is None:
            raise NotJudged(NO_BACKUP)
        older = self._copy(self._backup, evidence=self._path)
        try:
            self._try_on(older)
        except AegisError as error:
            return error.message
        return None

    def remove(self) -> None:
        """Remove the log and its copies."""
        self._temporary.cleanup()

    def _copy(self, database: Path, *, evidence: Path | None = None) -> Path:
        return copy(database, self._place(), evidence=evidence)

    def _place(self) -> Path:
        """A folder for a copy of the log, which is to be made."""
        self._copies += 1
        return self.folder / str(self._copies)

    @abstractmethod
    def _try_on(self, database: Path) -> None:
        """Start a gate on another database, and end it. Raises `AegisError` where none starts."""
