"""The events of an export on their way into it, in a file that a cut export goes on with."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, cast

import msgspec
from msgspec import Struct

from aegisd.core.errors import ConfigInvalid
from aegisd.core.log.canonical import encode
from aegisd.core.log.envelope import StoredEvent, restore
from aegisd.core.log.foreign import decoder
from aegisd.export_file import lines
from aegisd.printable import shown

# What follows the name of the file that the export is to become.
SUFFIX = ".partial"

VERSION = 1


class ExportPlan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an export holds, as it was settled when it began.

    Events before position `end`, all of them where it is None; with `values`, those kept beside the
    events; and the signed checkpoint `note`, empty where nothing is signed, None where it was not
    asked for.
    """

    tenant_id: str
    session_id: str | None
    values: bool
    end: int | None
    note: str | None


class _Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    aegis_draft: int
    scope: ExportPlan


_decode_header = decoder(_Header)


class PartialExport:
    """A line that says the plan, and then the stored bytes of each event, a line each."""

    def __init__(self, file: BinaryIO, plan: ExportPlan, start: int, name: str) -> None:
        self.plan, self.name = plan, name
        self._file, self._start = file, start

    @classmethod
    def temporary(cls, plan: ExportPlan) -> "PartialExport":
        """One that goes away with the process. Raises `OSError`."""
        return cls(cast("BinaryIO", TemporaryFile()), plan, 0, "the draft")

    @classmethod
    def begin(cls, path: Path, plan: ExportPlan) -> "PartialExport":
        """Make one beside the export, readable by its owner only. Raises `OSError`."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        file = os.fdopen(descriptor, "w+b")
        header = encode({"aegis_draft": VERSION, "scope": msgspec.to_builtins(plan)}) + b"\n"
        file.write(header)
        return cls(file, plan, len(header), str(path))

    @classmethod
    def resume(cls, path: Path) -> "PartialExport":
        """Open one that was left, without the line that was cut. Raises `ConfigInvalid`, `OSError`.

        Its events are not believed yet: whoever reads them checks each again.
        """
        file = path.open("r+b")
        header = next(lines(file), b"")
        try:
            told = _decode_header(header)
        except (msgspec.MsgspecError, UnicodeError):
            told = None
        if told is None or told.aegis_draft != VERSION or not header.endswith(b"\n"):
            file.close()
            raise ConfigInvalid(
                f"{shown(str(path))} is not the beginning of an export; begin again with --force"
            )
        return cls(file, told.scope, len(header), str(path))

    def events(self) -> Iterator[StoredEvent]:
        """What the file holds already, up to the first line that is none; what is behind is cut.

        Positions count from 0, as those of a whole tenant do.
        """
        end = self._start
        self._file.seek(end)
        for position, line in enumerate(lines(self._file)):
            try:
                event = restore(line.removesuffix(b"\n"), position)
            except (msgspec.MsgspecError, ValueError):
                break
            if not line.endswith(b"\n"):
                break
            end += len(line)
            yield event
        self._file.seek(end)
        self._file.truncate()

    def append(self, event: StoredEvent) -> None:
        """Add the next event, once `events` was read to its end. Raises `OSError`."""
        self._file.write(event.body + b"\n")

    def chunks(self, length: int) -> Iterator[bytes]:
        """The lines of all events, in pieces of `length` bytes."""
        self._file.seek(self._start)
        yield from iter(lambda: self._file.read(length), b"")

    def close(self) -> None:
        """Close the file; one that has a name stays. Raises `OSError` for what it lost."""
        self._file.close()

    def remove(self) -> None:
        """Close the file and remove it."""
        with suppress(OSError):
            self._file.close()
        Path(self.name).unlink(missing_ok=True)
