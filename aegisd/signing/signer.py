"""Which keys sign: a key file, made on the first start of a new log, or an operator's program."""

import os
from collections.abc import Callable
from pathlib import Path

from aegisd.core.errors import ConfigInvalid
from aegisd.core.log.checkpoint import read
from aegisd.ports import EventReader
from aegisd.signing import keyring
from aegisd.signing.keyring import Keyring


def key_path(database: Path) -> Path:
    """Where the key file of a database is, unless a setting says otherwise."""
    return database.with_name(f"{database.name}.key")


def guard_path(database: Path) -> Path:
    """Where the newest checkpoints of a database are kept, unless a setting says otherwise."""
    return database.with_name(f"{database.name}.checkpoints")


def open_keyring(path: Path, signed_before: Callable[[], str | None]) -> Keyring:
    """Read the key file, or make one with a name of its own for a log that was never signed.

    `signed_before` gives the origin of a checkpoint that the log has, if it has one: its key must
    not be replaced by accident. Raises `ConfigInvalid`.
    """
    if path.exists():
        return keyring.load(path)
    origin = signed_before()
    if origin is not None:
        log_name = origin.rpartition("/")[0]
        raise ConfigInvalid(
            f"signing.key: {path} does not exist, but the log has checkpoints of {log_name}; put "
            f"the key file back, or make a new key with `aegisctl keys new --log {log_name} --out "
            f"{path}`, which is recorded in the log"
        )
    return keyring.create(path, f"aegis.local/{os.urandom(4).hex()}")


def origin_in(reader: EventReader) -> str | None:
    """The origin of some signed checkpoint in the store; None for a log that was never signed."""
    for tenant_id in reader.tenants():
        if tenant_id.startswith("$"):
            continue
        # Only the newest may be without its note, after a kill.
        for kept in reader.checkpoints(tenant_id, limit=2):
            if kept.note:
                return read(kept.note)[0].origin
    return None
