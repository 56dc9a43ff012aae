"""Coverage of rules by their tests, told to a person or a program, and held to a minimum."""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct

from aegisctl.display import coloured, shown, table
from aegisd.rego.coverage import FileCoverage, percent


class Coverage(Struct, frozen=True, kw_only=True):
    """What the tests reached of every file, of which those whose path starts with `scope` count.

    `minimum` is a percentage, None where nobody asked for one.
    """

    files: list[FileCoverage]
    scope: str
    minimum: float | None

    @property
    def percent(self) -> float:
        """Reached lines of the files that count, in percent."""
        return percent([each for each in self.files if each.file.startswith(self.scope)])

    @property
    def holds(self) -> bool:
        """Whether the tests reach as much as they must."""
        return self.minimum is None or self.percent >= self.minimum

    def document(self) -> dict[str, object]:
        """The report as JSON values; docs/RULES.md describes them."""
        return {
            "files": [
                {"percent": each.percent, **msgspec.to_builtins(each)} for each in self.files
            ],
            "holds": self.holds,
            "minimum": self.minimum,
            "percent": self.percent,
            "scope": self.scope,
        }

    def lines(self) -> Iterator[str]:
        """The report for a person."""
        rows = [
            (shown(each.file), f"{each.percent:.1f} %", _ranges(each.uncovered))
            for each in self.files
        ]
        yield from table(("file", "reached", "lines that no test reached"), rows)
        told = f"{self.percent:.1f} % of the lines below {self.scope} were reached"
        if self.holds:
            yield told
        else:
            yield f"{coloured('short', 'bad')}: {told}, expected {self.minimum:g} %"


def _ranges(lines: Sequence[int]) -> str:
    """Sorted line numbers as `3, 7-9`."""
    ranges: list[tuple[int, int]] = []
    for line in lines:
        if ranges and ranges[-1][1] == line - 1:
            ranges[-1] = (ranges[-1][0], line)
        else:
            ranges.append((line, line))
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
