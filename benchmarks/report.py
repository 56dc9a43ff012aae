"""What one part of a benchmark found: how, in tables for people, and held against its aims."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from benchmarks.tables import console, table

# Tells how much of a part is done, from 0 to 1.
Tell = Callable[[float], object]


class Aim(Struct, frozen=True, kw_only=True):
    """A figure and what it should be: at least `aim`, or at most where that is said."""

    what: str
    found: float
    aim: float
    at_most: bool = False

    @property
    def holds(self) -> bool:
        """Whether the figure is as good as the aim."""
        return self.found <= self.aim if self.at_most else self.found >= self.aim

    def plain(self) -> Mapping[str, object]:
        """The aim as JSON values."""
        bound = "at_most" if self.at_most else "at_least"
        return {
            "what": self.what,
            "found": round(self.found, 4),
            bound: self.aim,
            "holds": self.holds,
        }


class Grid(Struct, frozen=True, kw_only=True):
    """A table: the first column holds words, the others figures as they are shown."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Section(Struct, frozen=True, kw_only=True):
    """What one part found.

    `method` says how and beside what, `durability` what was on disk when a figure ended, and
    `figures` are JSON values: those of the tables, unrounded enough to compute with.
    """

    name: str
    method: str
    durability: str
    figures: Mapping[str, object]
    grids: Sequence[Grid]
    aims: Sequence[Aim] = ()

    def plain(self) -> Mapping[str, object]:
        """The section as JSON values."""
        return {
            "method": self.method,
            "durability": self.durability,
            "figures": self.figures,
            "aims": [aim.plain() for aim in self.aims],
        }


def show(section: Section) -> None:
    """Print a section for people."""
    console.rule(section.name)
    console.print(f"{section.method}\n[dim]durability: {section.durability}[/dim]")
    for grid in section.grids:
        shown = table(grid.title, grid.columns)
        for row in grid.rows:
            shown.add_row(*row)
        console.print(shown)


def show_aims(sections: Sequence[Section]) -> None:
    """Print what was aimed at in all sections."""
    shown = table("aims", ("what", "found", "aim", "holds"))
    for aim in (aim for section in sections for aim in section.aims):
        bound = "<=" if aim.at_most else ">="
        shown.add_row(
            aim.what,
            amount(aim.found),
            f"{bound} {amount(aim.aim)}",
            "yes" if aim.holds else "no",
        )
    if shown.row_count:
        console.print(shown)


def amount(number: float) -> str:
    """A number with about three digits, and whole above a hundred."""
    if abs(number) >= 100:  # noqa: PLR2004 - three digits
        return f"{number:,.0f}"
    return f"{number:.3g}"


def seconds(number: float) -> str:
    """Seconds with as many digits as they are worth."""
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"  # noqa: PLR2004 - three digits
