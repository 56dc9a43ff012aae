"""What somebody brought along to hold a log against: keys, and checkpoints kept from earlier."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from aegisd.core.errors import NoteInvalid
from aegisd.core.log import checkpoint
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.note import NOTE_BYTES_MAX, Key, read_key
from aegisd.signing import ed25519


class Anchors(Struct, frozen=True, kw_only=True):
    """Verifier keys, and what kept checkpoints say; those are signed where there are keys."""

    keys: tuple[Key, ...] = ()
    kept: tuple[TreeHead, ...] = ()

    def sizes(self) -> set[int]:
        """Of which sizes roots are wanted, of any tenant."""
        return {head.size for head in self.kept}

    def of(self, tenant_id: str) -> list[TreeHead]:
        """The kept checkpoints of a tenant."""
        return [head for head in self.kept if tenant_of(head) == tenant_id]


NONE = Anchors()


def read(keys: Sequence[Key], kept: Iterable[str]) -> Anchors:
    """Read checkpoint files. Raises `NoteInvalid` for one that the keys did not sign, `OSError`."""
    heads = (read_head(read_text(path), keys) for path in kept)
    return Anchors(keys=tuple(keys), kept=tuple(heads))


def read_head(note: str, keys: Sequence[Key]) -> TreeHead:
    """What a checkpoint says. Raises `NoteInvalid` where keys are given and none signed it."""
    return checkpoint.verify(note, keys, ed25519.check) if keys else checkpoint.read(note)[0]


def read_keys(given: Sequence[str]) -> tuple[Key, ...]:
    """The keys that were named, each as itself or as a file. Raises `NoteInvalid`, `OSError`.

    A file without a key is refused: whoever named it would believe that something was signed.
    """
    found: list[Key] = []
    for each in given:
        lines = [each] if "+" in each and not Path(each).exists() else read_text(each).splitlines()
        read = [read_key(line) for line in lines if line.strip() and not line.startswith("#")]
        if not read:
            raise NoteInvalid("expected a verifier key in each --key; found a file with none")
        found += read
    return tuple(found)


def read_text(path: str) -> str:
    """A short file of text, such as a checkpoint or keys. Raises `NoteInvalid`, `OSError`."""
    with Path(path).open("rb") as file:
        read = file.read(NOTE_BYTES_MAX + 1)
    try:
        decoded = read.decode()
    except UnicodeDecodeError:
        raise NoteInvalid(f"{path} is not UTF-8 text") from None
    if len(read) > NOTE_BYTES_MAX:
        raise NoteInvalid(f"{path} has more than NOTE_BYTES_MAX = {NOTE_BYTES_MAX} bytes")
    return decoded


def tenant_of(head: TreeHead) -> str:
    """The tenant that a checkpoint is of: the end of its origin, see `core.log.checkpoint`."""
    return head.origin.rpartition("/")[2]
