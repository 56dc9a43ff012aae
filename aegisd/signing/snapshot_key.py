"""The key under which a log's cached folds are believed, in a file outside its database.

Whoever can write to the database, and not read this file, cannot make a fold that anybody judges
by. Daemons of one PostgreSQL share the file; one that has another key computes every fold itself.
"""

import os
import stat
from pathlib import Path

from aegisd.core.errors import ConfigInvalid
from aegisd.whole_file import replacing

SNAPSHOT_KEY_BYTES = 32


def snapshot_key_path(signing_key: Path) -> Path:
    """Where the file is, unless a setting says otherwise: `a.snapshot.key` beside `a.key`."""
    return signing_key.with_name(f"{signing_key.name.removesuffix('.key')}.snapshot.key")


def open_snapshot_key(path: Path) -> bytes:
    """Read the key, or make one where there is none. Raises `ConfigInvalid`."""
    try:
        if not path.exists():
            with replacing(path) as file:
                file.write(os.urandom(SNAPSHOT_KEY_BYTES))
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(SNAPSHOT_KEY_BYTES + 1)
    except OSError as error:
        raise ConfigInvalid(
            f"snapshot.key: {path} cannot be read or made: {error.strerror}; name a file that can, "
            f"of {SNAPSHOT_KEY_BYTES} random bytes"
        ) from None
    if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077:
        raise ConfigInvalid(
            f"snapshot.key: {path} may be read by its owner only; expected mode 0600, found "
            f"{stat.S_IMODE(mode):04o}: chmod 600 it"
        )
    if len(key) != SNAPSHOT_KEY_BYTES:
        found = "more" if len(key) > SNAPSHOT_KEY_BYTES else f"{len(key)}"
        raise ConfigInvalid(
            f"snapshot.key: expected {SNAPSHOT_KEY_BYTES} bytes in {path}, found {found}; move it "
            "away, and a new one is made"
        )
    return key
