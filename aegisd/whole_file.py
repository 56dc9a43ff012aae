"""Files that appear whole or not at all, whenever a machine may stop."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast


@contextmanager
def replacing(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A file to write that becomes `path` at the end of the block, whole or not at all.

    Written beside it, under a name with a dot in front, by its owner only; then synced, given
    `mode` and renamed. Raises `OSError`.
    """
    draft = NamedTemporaryFile(  # noqa: SIM115 - renamed away before it would be closed
        dir=path.parent, prefix=f".{path.name}.", delete=False
    )
    try:
        with draft:
            yield cast("BinaryIO", draft)
            draft.flush()
            os.fchmod(draft.fileno(), mode)
            os.fsync(draft.fileno())
        Path(draft.name).replace(path)
    finally:
        # Renamed by now, unless something failed.
        Path(draft.name).unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Make a file's bytes durable, or a folder's names, which a renamed file needs to stay renamed.

    Raises `OSError`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
