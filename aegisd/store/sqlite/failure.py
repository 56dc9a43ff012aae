"""What an error of SQLite means for who opens or reads a file."""

import sqlite3

from aegisd.core.errors import (
    AegisError,
    ConfigInvalid,
    LogCorrupt,
    StoreBroken,
    StoreFailed,
    WrongFile,
)

# What a call on a damaged file may raise: where the damage is in a name that SQLite's sentence
# repeats, Python's module fails to decode the sentence.
READ_ERRORS = (sqlite3.Error, UnicodeDecodeError)


def primary_code(error: sqlite3.Error | UnicodeDecodeError) -> int:
    """SQLite's primary result code, the low byte of the extended one: sqlite.org/rescode.html.

    Errors that Python's module raises by itself have none and count as misuse.
    """
    if isinstance(error, UnicodeDecodeError):
        return sqlite3.SQLITE_CORRUPT
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE)
    return code & 0xFF


def opening(error: sqlite3.Error | UnicodeDecodeError, path: str) -> AegisError:
    """What an error of SQLite while opening a file means for the start."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK:
        found = "has a journal beside it, which Aegis never makes, and holds half of a change"
        return LogCorrupt(f"{path} {found}; put both back from a backup", path=path)
    match primary_code(error):
        case sqlite3.SQLITE_IOERR:
            return StoreBroken(f"{path} cannot be read: {error}; check the disk", path=path)
        case sqlite3.SQLITE_CORRUPT:
            return LogCorrupt(f"{path} is damaged: {error}; run `aegisctl verify`", path=path)
        case sqlite3.SQLITE_NOTADB:
            found = "is not an SQLite database and was left untouched; choose another log"
            return WrongFile(f"{path} {found}", path=path)
        case sqlite3.SQLITE_BUSY:
            found = "is being written to by another program; stop that program"
            return ConfigInvalid(f"{path} {found}", path=path)
        case _:
            found = f"cannot be opened: {error}; check the rights of the file and of its folder"
            return ConfigInvalid(f"{path} {found}", path=path)


def reading(
    error: sqlite3.Error | UnicodeDecodeError, sentence: str, place: dict[str, str | int]
) -> AegisError:
    """What an error of SQLite means for a read; `sentence` says of what, `place` are its details.

    `LogCorrupt` when the file is damaged, `StoreBroken` when the disk is, `StoreFailed` for what
    may pass.
    """
    match primary_code(error):
        # What is too big, or of another type, is so by what the file says of itself.
        case (
            sqlite3.SQLITE_CORRUPT
            | sqlite3.SQLITE_NOTADB
            | sqlite3.SQLITE_ERROR
            | sqlite3.SQLITE_TOOBIG
            | sqlite3.SQLITE_MISMATCH
            | sqlite3.SQLITE_FORMAT
        ):
            return LogCorrupt(f"{sentence}: {error}; the file is damaged or was changed", **place)
        case sqlite3.SQLITE_IOERR:
            return StoreBroken(f"{sentence}: {error}; check the disk", **place)
        case _:
            return StoreFailed(f"{sentence}: {error}; try again", **place)
