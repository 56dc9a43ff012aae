"""Figures as tables for people; `--json` never comes here."""

import sys
from collections.abc import Sequence
from typing import Literal

from rich.console import Console
from rich.table import Table

# Columns of a table in a file or a pipe, where nobody can widen the window.
WIDTH = 120

console = Console(width=None if sys.stdout.isatty() else WIDTH)


def table(title: str, columns: Sequence[str]) -> Table:
    """An empty table: the first column holds words, the others numbers."""
    made = Table(title=title)
    for number, column in enumerate(columns):
        side: Literal["left", "right"] = "right" if number else "left"
        # Where it is narrow, words wrap, and no figure is cut.
        made.add_column(column, justify=side, no_wrap=number > 0)
    return made
