"""Whom a verdict rests on: the verifier keys and old checkpoints that somebody brought along."""

from collections.abc import Sequence
from pathlib import Path

import click

from aegisctl.options import Decorator
from aegisd.core.errors import NoteInvalid
from aegisd.core.log.note import NOTE_BYTES_MAX, Key, read_key

key: Decorator = click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY|FILE",
    callback=lambda _context, _option, given: read_keys(given),
    help="A verifier key, or a file of them, a line each. May be given again.",
)


def read_keys(given: Sequence[str]) -> tuple[Key, ...]:
    """The keys that were named, each as itself or as a file. Raises `NoteInvalid`, `OSError`."""
    found: list[Key] = []
    for each in given:
        lines = [each] if "+" in each and not Path(each).exists() else text(each).splitlines()
        found += [read_key(line) for line in lines if line.strip() and not line.startswith("#")]
    return tuple(found)


def text(path: str) -> str:
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
