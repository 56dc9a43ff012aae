"""What a part of a benchmark found: how, in tables for people or as JSON, held against its aims."""

import sys
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct
from rich.console import Console
from rich.table import Table

# Columns of a table in a file or a pipe, where nobody can widen the window.
WIDTH = 120

console = Console(width=None if sys.stdout.isatty() else WIDTH)

# A row of a table, by column. The first column holds words; one called `of …` says how many times
# something else a figure is.
Row = Mapping[str, str | float | None]


class Section(Struct, frozen=True, kw_only=True):
    """What one part found; it is what `--json` prints of the part.

    `method` says how and beside what, `durability` what was on disk when a figure ended. `tables`
    are rows by the table's title, and `aims` rows that `aim` made.
    """

    name: str
    title: str
    method: str
    durability: str
    tables: Mapping[str, Sequence[Row]]
    aims: Sequence[Row] = ()


def aim(
    what: str, found: float, *, at_least: float | None = None, at_most: float | None = None
) -> Row:
    """A figure, what it should be, and whether it is."""
    missed = (at_least is not None and found < at_least) or (
        at_most is not None and found > at_most
    )
    bounds = {"at least": at_least, "at most": at_most}
    return {"what": what, "found": found, **bounds, "holds": "no" if missed else "yes"}


def show(sections: Sequence[Section]) -> None:
    """Print all sections for people, and then what was aimed at in them."""
    for section in sections:
        console.rule(f"{section.name}: {section.title}")
        console.print(f"{section.method}\n[dim]durability: {section.durability}[/dim]")
        for title, rows in section.tables.items():
            console.print(_table(title, rows))
    aims = [each for section in sections for each in section.aims]
    if aims:
        console.print(_table("aims", aims))


def _table(title: str, rows: Sequence[Row]) -> Table:
    made = Table(title=title)
    columns = dict.fromkeys(
        name for row in rows for name, value in row.items() if value is not None
    )
    for number, column in enumerate(columns):
        side: Literal["left", "right"] = "right" if number else "left"
        # Where it is narrow, words wrap, and no figure is cut.
        made.add_column(column, justify=side, no_wrap=number > 0)
    for row in rows:
        made.add_row(*(cell(column, row.get(column)) for column in columns))
    return made


def cell(column: str, value: str | float | None) -> str:
    """A figure as it is shown: three digits, whole above a hundred, and ratios with two."""
    if value is None or isinstance(value, str):
        return value or ""
    if column.startswith("of "):
        return f"{value:,.0f}x" if value >= 9.5 else f"{value:.2g}x"  # noqa: PLR2004 - two digits
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits
