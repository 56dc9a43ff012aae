"""Files that appear whole or not at all, whenever a machine may stop."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that becomes `path` at the end of the block, whole or not at all.

    Written beside it, readable by its owner only, synced, then renamed. Raises `OSError`.
    """
    draft = NamedTemporaryFile(  # noqa: SIM115 - renamed away before it would be closed
        dir=path.parent, prefix=f".{path.name}.", delete=False
    )
    try:
        with draft:
            yield cast("BinaryIO", draft)
            draft.flush()
            os.fsync(draft.fileno())
        Path(draft.name).replace(path)
    finally:
        # Renamed by now, unless something failed.
        Path(draft.name).unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a renamed file is where it was put only then.

    Raises `OSError`.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
