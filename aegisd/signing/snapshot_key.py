"""The key under which a log's cached folds are believed, in a file outside its database.

Whoever can write to the database, and not read this file, cannot make a fold that anybody judges
by. Daemons of one PostgreSQL share the file; one that has another key computes every fold itself.
"""

import os
from pathlib import Path

from aegisd.core.errors import ConfigInvalid
from aegisd.signing.private_file import read_private
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
        key = read_private(path, SNAPSHOT_KEY_BYTES)
    except OSError as error:
        raise ConfigInvalid(
            f"snapshot.key: {path} cannot be made: {error.strerror}; name a file that can, of "
            f"{SNAPSHOT_KEY_BYTES} random bytes"
        ) from None
    except ConfigInvalid as error:
        raise ConfigInvalid(f"snapshot.key: {error.message}") from None
    if len(key) != SNAPSHOT_KEY_BYTES:
        found = "more" if len(key) > SNAPSHOT_KEY_BYTES else f"{len(key)}"
        raise ConfigInvalid(
            f"snapshot.key: expected {SNAPSHOT_KEY_BYTES} bytes in {path}, found {found}; move it "
            "away, and a new one is made"
        )
    return key
