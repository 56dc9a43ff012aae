"""The lock file: at most one process writes to one database."""

import fcntl
import os
import weakref

from aegisd.core.errors import ConfigInvalid, NotNow

# Bytes. The widest process id of a 64-bit kernel has 7 digits; 32 leaves room and bounds the read.
PID_BYTES_MAX = 32


class LockFile:
    """An exclusive lock on a path, held until `release` or until the process dies.

    The kernel drops `flock` with its holder, so a crash leaves a file but never a stale lock. The
    file is never deleted: between two processes, deleting it is how both come to hold the lock.
    """

    def __init__(self, path: str) -> None:
        """Take the lock and write our process id into the file.

        Raises `ConfigInvalid` naming the holder's process id (`details["pid"]`), or `OSError` when
        the file cannot be made or its file system knows no locks.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor: int | None = os.open(path, flags, 0o600)
        _held.add(self)
        try:
            self._take(self._descriptor, path)
        except (OSError, ConfigInvalid):
            self.release()
            raise

    @staticmethod
    def _take(descriptor: int, path: str) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            written = os.pread(descriptor, PID_BYTES_MAX, 0).strip()
            holder = int(written) if written.isdigit() else None
            who = "another process" if holder is None else f"process {holder}"
            raise NotNow(
                f"{path} is locked by {who}: one process at a time writes to a log; "
                "stop that process, or choose another log",
                path=path,
                pid=holder,
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)

    def release(self) -> None:
        """Give the lock back. Doing it twice is doing it once."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


_held: weakref.WeakSet[LockFile] = weakref.WeakSet()


def _release_after_fork() -> None:
    """A forked child shares its parent's lock, and would hold it on after the parent's end."""
    for lock in tuple(_held):
        lock.release()


os.register_at_fork(after_in_child=_release_after_fork)
