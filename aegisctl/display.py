"""What goes to a person's screen, or to a program: bytes in UTF-8, whatever the locale.

A log holds what strangers wrote. Nothing of it may move the cursor, recolour a verdict or turn text
around, so every value is shown with its control and bidirectional characters escaped.
"""

import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

import click

from aegisd.core.log.canonical import encode

# Characters of one shown value: a line of a wide terminal. `--json` gives all of it.
SHOWN_CHARACTERS_MAX = 96

# Control, format (bidirectional marks, zero width), surrogate, unassigned, private, separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})

_COLOURS = {"good": "32", "bad": "31;1", "doubt": "33", "faint": "2"}

# Milliseconds in a second; times of the log are integers of milliseconds.
_MS = 1000


class Step(Protocol):
    """Moves a progress bar."""

    def __call__(self, done: int = 1) -> None:
        """Say that so many things more are done."""
        ...


def shown(text: str, limit: int | None = SHOWN_CHARACTERS_MAX) -> str:
    """The text with unseen characters escaped, cut to `limit` characters and an ellipsis."""
    cut = text if limit is None or len(text) <= limit else text[: limit - 1]
    escaped = "".join(_escape(c) if unicodedata.category(c) in _UNSEEN else c for c in cut)
    return escaped if len(cut) == len(text) else escaped + "…"


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the BMP


def say(text: str) -> None:
    """One line, or several, on standard output."""
    click.echo(f"{text}\n".encode(errors="backslashreplace"), nl=False)


def note(text: str) -> None:
    """One line on standard error: what a person wants to know and a program does not."""
    click.echo(f"{text}\n".encode(errors="backslashreplace"), nl=False, err=True)


def say_json(value: object) -> None:
    """One canonical JSON document (RFC 8785) and a newline on standard output."""
    click.echo(encode(value) + b"\n", nl=False)


def coloured(text: str, colour: str) -> str:
    """The text in a colour (`good`, `bad`, `doubt`, `faint`), on a terminal that wants colours."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of aligned columns, two spaces between them. Cells are shown already."""
    lines = [tuple(heading), *(tuple(row) for row in rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(heading))]
    for line in lines:
        padded = (
            cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)
        )
        yield "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Columns of a terminal that the text takes: wide characters two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def time(ms: int) -> str:
    """Milliseconds since the Unix epoch as RFC 3339 in UTC; as a number outside years 1 to 9999."""
    try:
        moment = datetime.fromtimestamp(ms // _MS, UTC)
    except (OverflowError, ValueError, OSError):
        return str(ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % _MS:03d}Z"


def count(number: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Step]:
    """A progress bar on standard error while the block runs; nothing where that is no terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    # Imported here: it takes longer than most verbs do, and only a terminal needs it.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)

        def step(done: int = 1) -> None:
            bar.advance(task, done)

        yield step


def silent(done: int = 1) -> None:
    """Show nothing."""
