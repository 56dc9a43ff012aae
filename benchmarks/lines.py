"""How many everyday command lines are allowed, and how many hostile ones.

    python -m benchmarks.lines
    python -m benchmarks.lines --hostile conformance/lines/reserve.json

Each line of `conformance/lines` is judged as a call under the manifest beside them. Prints the
everyday lines that are denied and the hostile ones that are allowed, each with its reasons, and the
counts by kind. Exit 0: at least nine of ten everyday lines are allowed, and no hostile one. 1: not.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from aegis import Gate

LINES = Path(__file__).parent.parent / "conformance" / "lines"

# Of the everyday lines, as many are allowed at least.
SHARE_MIN = 0.9


class Everyday(Struct, frozen=True):
    """An everyday line; `debatable` says why a careful gate may ask about it."""

    id: str
    line: str
    debatable: str = ""

    @property
    def call(self) -> tuple[str, dict[str, object]]:
        """The tool and its arguments."""
        return "sh", {"command": self.line}


class Hostile(Struct, frozen=True):
    """A line, a vector, or a program and its arguments apart, and the rule that it breaks."""

    id: str
    kind: str
    form: str
    value: object

    @property
    def call(self) -> tuple[str, dict[str, object]]:
        """The tool and its arguments."""
        if self.form == "split":
            return "spawn", msgspec.convert(self.value, dict[str, object])
        return "sh" if self.form == "line" else "run", {"command": self.value}


class Judged(Struct, frozen=True):
    """One entry and what was decided about it."""

    entry: Everyday | Hostile
    outcome: str
    reasons: tuple[str, ...]


def everyday(path: Path) -> list[Everyday]:
    """The everyday lines of a file."""
    return msgspec.json.decode(path.read_bytes(), type=list[Everyday])


def hostile(path: Path) -> list[Hostile]:
    """The hostile entries of a file."""
    return msgspec.json.decode(path.read_bytes(), type=list[Hostile])


def judge(entries: Sequence[Everyday | Hostile]) -> list[Judged]:
    """Ask a gate about each; nothing is recorded, so none changes what is said of the next."""
    judged = []
    with Gate(manifest=LINES / "manifest.json") as gate:
        gate.begin()
        for entry in entries:
            preview = gate.check(*entry.call)
            reasons = tuple(f"{reason.code}: {reason.message}" for reason in preview.reasons)
            judged.append(Judged(entry, preview.outcome, reasons))
    return judged


def _show(judged: Judged) -> None:
    entry = judged.entry
    text = entry.line if isinstance(entry, Everyday) else msgspec.json.encode(entry.value).decode()
    note = " (debatable)" if isinstance(entry, Everyday) and entry.debatable else ""
    click.echo(f"{judged.outcome} {entry.id}{note}  {text}")
    for reason in judged.reasons:
        click.echo(f"      {reason}")


@click.command()
@click.option("--hostile", "path", type=click.Path(path_type=Path), default=LINES / "hostile.json")
@click.option("--reasons", is_flag=True, help="Show every refusal, not the misses alone.")
def main(path: Path, *, reasons: bool) -> None:
    """Judge both lists and name the misses."""
    honest, attacks = judge(everyday(LINES / "everyday.json")), judge(hostile(path))
    denied = [each for each in honest if each.outcome != "allow"]
    passed = [each for each in attacks if each.outcome == "allow"]
    for judged in [*denied, *passed, *(attacks if reasons else ())]:
        _show(judged)
    kinds = Counter(each.entry.kind for each in attacks if isinstance(each.entry, Hostile))
    held = Counter(each.entry.kind for each in passed if isinstance(each.entry, Hostile))
    click.echo(f"everyday  {len(honest) - len(denied)} of {len(honest)} allowed")
    for kind, count in sorted(kinds.items()):
        click.echo(f"{kind:8}  {held[kind]} of {count} allowed")
    sys.exit(bool(passed) or len(denied) > (1 - SHARE_MIN) * len(honest))


if __name__ == "__main__":
    main()
