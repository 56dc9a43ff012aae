"""The files of a log that a gate of ours writes: its database, its key, and its guard folder."""

import shutil
from pathlib import Path

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
