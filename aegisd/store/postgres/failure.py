"""What an error of PostgreSQL means for what was asked of it, without a value of any row."""

import psycopg
from psycopg import errors

from aegisd.core.errors import AegisError, CommitUnknown, LogCorrupt, PositionConflict, StoreFailed

# SQLSTATEs after which a transaction is known not to have happened, though the connection is gone.
# Class 57 (operator intervention) is not among them: the server may have been stopped mid-commit.
NEVER_COMMITTED = (errors.IdleInTransactionSessionTimeout,)

# A table or column that is gone was taken away: the log had it when it was opened.
DAMAGED = (
    errors.DataCorrupted,
    errors.IndexCorrupted,
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.InvalidSchemaName,
)

# Classes and codes of SQLSTATE after which the connection is gone, whatever was asked.
LOST = ("08", "57P01", "57P02", "57P03", "57P04", "57P05", "25P03")


def is_lost(error: psycopg.Error) -> bool:
    """Whether an error says that the connection is gone, rather than that the server refused."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate.startswith(LOST)


def sentence(error: psycopg.Error) -> str:
    """The server's or the driver's first words. Details are left out: they repeat values."""
    told = error.diag.message_primary or str(error)
    return told.strip().partition("\n")[0] or type(error).__name__


def of_read(error: psycopg.Error, what: str, place: dict[str, str | int]) -> AegisError:
    """What an error means for `what` was read."""
    said = f"PostgreSQL could not read {what}: {sentence(error)}"
    if isinstance(error, DAMAGED):
        return LogCorrupt(f"{said}; the database is damaged or was changed", **place)
    return StoreFailed(f"{said}; try again", **place)


def of_begin(error: psycopg.Error, tenant_id: str) -> AegisError:
    """What an error means for a turn that was asked for. Nothing was written."""
    if isinstance(error, errors.LockNotAvailable):
        return StoreFailed(
            f"tenant {tenant_id!r}: another daemon kept its turn for longer than TURN_WAIT_MS_MAX; "
            "look for one that hangs, and try again"
        )
    return StoreFailed(f"tenant {tenant_id!r}: no turn to append: {sentence(error)}; try again")


def of_write(error: psycopg.Error, tenant_id: str, *, lost: bool) -> AegisError:
    """What an error means for a transaction whose COMMIT was sent; `lost` is the connection."""
    if isinstance(error, errors.UniqueViolation):
        return PositionConflict(
            f"tenant {tenant_id!r}: a position, or a session and seq, of the batch is taken; "
            "read the head again",
            tenant_id=tenant_id,
        )
    if lost and not isinstance(error, NEVER_COMMITTED):
        return CommitUnknown(
            f"tenant {tenant_id!r}: PostgreSQL was lost during a commit: {sentence(error)}; "
            "the same idempotency key tells whether it holds"
        )
    return StoreFailed(f"tenant {tenant_id!r}: nothing was written: {sentence(error)}; try again")
