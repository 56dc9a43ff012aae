"""What goes to a person's screen, or to a program: bytes in UTF-8, whatever the locale.

A log holds what strangers wrote, so every value goes through `aegisd.printable` first.
"""

import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from aegisd.audit.progress import Progress, silent
from aegisd.audit.verification.result import SIGNED, Verification, VerifiedTenant, sentence
from aegisd.core.log.canonical import encode
from aegisd.printable import shown

# Breaks shown to a person; `--json` has `BREAKS_MAX` of them.
SHOWN_BREAKS_MAX = 20

_COLOURS = {"good": "32", "bad": "31;1", "doubt": "33", "faint": "2"}

# Milliseconds in a second; times of the log are integers of milliseconds.
_MS = 1000


def say(text: str) -> None:
    """One line, or several, on standard output."""
    click.echo(f"{text}\n".encode(errors="backslashreplace"), nl=False)


def note(text: str) -> None:
    """One line on standard error: what a person wants to know and a program does not."""
    click.echo(f"{text}\n".encode(errors="backslashreplace"), nl=False, err=True)


def say_json(value: object) -> None:
    """One canonical JSON document (RFC 8785) and a newline on standard output."""
    click.echo(encode(value) + b"\n", nl=False)


def tell(document: object, lines: Iterable[str], *, as_json: bool) -> None:
    """What a verb found: `document` for a program, `lines` for a person."""
    if as_json:
        say_json(document)
    else:
        for line in lines:
            say(line)


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
def progress(what: str, total: int | None = None) -> Iterator[Progress]:
    """A progress bar on standard error while the block runs; nothing where that is no terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    # Imported here: it takes longer than most verbs do, and only a terminal needs it.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)

        def step(done: int = 1, /) -> None:
            bar.advance(task, done)

        yield step


def sentences(told: Verification, *, keyed: bool = False) -> list[str]:
    """A verification for a person; `keyed` tells that they gave a key."""
    lines = [
        f"{coloured('BROKEN', 'bad')}  {sentence(found)}"
        for found in told.breaks[:SHOWN_BREAKS_MAX]
    ]
    hidden = told.breaks_found - len(lines)
    if hidden > 0:
        lines.append(f"        and {count(hidden, 'break')} more")
    lines += [_tenant(tenant, holds=told.holds, keyed=keyed) for tenant in told.tenants]
    if told.session_id is not None and told.elsewhere:
        lines.append(
            f"{count(told.elsewhere, 'break')} in other sessions; verify without --session"
        )
    what = "the log" if told.session_id is None else f"session {shown(told.session_id)}"
    if told.holds:
        checked = f"{count(told.events, 'event')}, {count(told.documents, 'document')}"
        lines.append(f"{coloured('holds', 'good')}: {what} ({checked})")
    else:
        found = count(told.breaks_found, "break")
        lines.append(f"{coloured('does not hold', 'bad')}: {what} ({found})")
    return lines


def _signers(told: VerifiedTenant) -> str:
    """Who signed, each as the line of the key begins: `name+id`."""
    return shown(" and ".join(key.rpartition("+")[0] for key in told.signers), None) or "the key"


def _tenant(told: VerifiedTenant, *, holds: bool, keyed: bool) -> str:
    line = (
        f"tenant {shown(told.tenant_id)}: {count(told.events, 'event')} in "
        f"{count(told.sessions, 'session')}"
    )
    if not holds or not told.covered:
        return line
    behind = told.events - told.covered
    rest = f"; {count(behind, 'event')} after it covered by the chain alone" if behind else ""
    lead = "leads" if told.covered == 1 else "lead"
    signed = f"{count(told.covered, 'event')} {lead} to a checkpoint"
    if told.level == SIGNED:
        return f"{line}: SIGNED, {signed} that {_signers(told)} signed{rest}"
    why = "the key did not sign" if keyed else "whose signature was not checked without --key"
    return f"{line}: CHAIN, {signed} {why}{rest}"
