"""A file that only its owner may read, as a key is kept in it."""

import os
import stat
from pathlib import Path

from aegisd.core.errors import ConfigInvalid


def read_private(path: Path, bytes_max: int) -> bytes:
    """What is in it; one byte more than `bytes_max` where there is more. Waits for nobody.

    Raises `ConfigInvalid` for what cannot be read, is no regular file, or is open to others.
    """
    try:
        # A pipe would keep whoever opens it until somebody writes.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise ConfigInvalid(f"{path}: expected a regular file, found another kind")
            if stat.S_IMODE(mode) & 0o077:
                raise ConfigInvalid(
                    f"{path} holds private keys and may be read by its owner only; expected mode "
                    f"0600, found {stat.S_IMODE(mode):04o}: chmod 600 it"
                )
            return os.read(descriptor, bytes_max + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}") from None
