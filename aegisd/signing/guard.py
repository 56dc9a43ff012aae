"""The newest checkpoint of every tenant, in a folder outside the database.

Whoever rolls the database back, or cuts it, does not reach this. One file a tenant, replaced whole;
the folder belongs on another disk, or better, another machine's.
"""

import re
from contextlib import suppress
from pathlib import Path

from aegisd.core.errors import ConfigInvalid, StoreFailed
from aegisd.core.log.note import NOTE_BYTES_MAX
from aegisd.whole_file import replacing

SUFFIX = ".checkpoint"

_CAPITALS = re.compile(r"([^!]+)!([0-9a-f]+)")


class GuardFolder:
    """A `ports.Guard`. Ids name files, in small letters because some disks fold case.

    Behind `!` stands in hexadecimal which characters are capitals: `Acme` is `acme!8`. So the name
    of the longest id stays below the 255 bytes that file systems allow.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder where it is missing. Raises `ConfigInvalid`."""
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigInvalid(
                f"checkpoints.path: {folder} is no folder and cannot be made: {error.strerror}"
            ) from None

    def tenants(self) -> list[str]:
        """See `aegisd.ports.Guard.tenants`."""
        names = (each.name for each in self.folder.iterdir() if each.name.endswith(SUFFIX))
        # A crash may leave a draft behind. No id of a tenant begins with a dot.
        kept = (name for name in names if not name.startswith("."))
        return sorted(_tenant(name.removesuffix(SUFFIX)) for name in kept)

    def newest(self, tenant_id: str) -> str | None:
        """See `aegisd.ports.Guard.newest`."""
        path = self._path(tenant_id)
        try:
            with path.open("rb") as file:
                read = file.read(NOTE_BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigInvalid(f"{path} cannot be read: {error.strerror}") from None
        try:
            return read.decode()
        except UnicodeDecodeError:
            raise ConfigInvalid(f"{path} is no checkpoint: it is not UTF-8") from None

    def keep(self, tenant_id: str, note: str) -> None:
        """See `aegisd.ports.Guard.keep`."""
        path = self._path(tenant_id)
        try:
            with replacing(path) as file:
                file.write(note.encode())
        except OSError as error:
            raise StoreFailed(f"{path} cannot be written: {error.strerror}") from None

    def set_aside(self, tenant_id: str) -> str:
        """See `aegisd.ports.Guard.set_aside`."""
        path = self._path(tenant_id)
        number = 1
        while (aside := path.with_suffix(f".superseded-{number}")).exists():
            number += 1
        try:
            with suppress(FileNotFoundError):
                path.rename(aside)
        except OSError as error:
            raise ConfigInvalid(f"{path} cannot be moved: {error.strerror}") from None
        return str(aside)

    def _path(self, tenant_id: str) -> Path:
        capitals = int("".join(str(int(each.isupper())) for each in tenant_id), 2)
        mask = f"!{capitals:x}" if capitals else ""
        return self.folder / f"{tenant_id.lower()}{mask}{SUFFIX}"


def _tenant(spelled: str) -> str:
    """The tenant of a file; the name itself where it is none of ours, which then fits no log."""
    found = _CAPITALS.fullmatch(spelled)
    if found is None:
        return spelled
    capitals = f"{int(found[2], 16):0{len(found[1])}b}"
    if len(capitals) > len(found[1]):
        return spelled
    pairs = zip(found[1], capitals, strict=True)
    return "".join(each.upper() if is_capital == "1" else each for each, is_capital in pairs)
