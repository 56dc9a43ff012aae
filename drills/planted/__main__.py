"""Plants bugs and prints who notices.

Each file of `drills/planted` is one small change that breaks a law. It is made in a copy of the
checkout, and the cases of packs and the tests that it names are run there: all of them must fail. A
bug that they let pass means that a case or a test is missing. They must hold on a copy that nobody
changed, else their failing would prove nothing.
"""

import sys
from collections.abc import Iterator

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from drills.planted.bug import BugInvalid, bugs
from drills.planted.catch import JOBS, UNKNOWN, Catch, Catches, judge_all


def _rows(found: Catches) -> Iterator[tuple[str, str, str, str]]:
    for each in found.bugs:
        missed = f"NOT CAUGHT by {', '.join(each.missed)}" if each.missed else "NOT CAUGHT"
        said = each.problem or ("caught" if each.caught else missed)
        yield each.name, said, _failed(each), f"{each.seconds:.1f}"
    control = found.unchanged
    said = control.problem or ("holds" if control.holds else "DOES NOT HOLD")
    yield "(unchanged)", said, _failed(control), f"{control.seconds:.1f}"


def _failed(found: Catch) -> str:
    cases = (f"{pack} {', '.join(ids)}" for pack, ids in found.cases.items())
    return "; ".join((*cases, *found.tests))


def show(found: Catches) -> None:
    """A line for each bug, for a person."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 118)
    table = Table("bug", "verdict", "by", "s", box=None)
    for name, said, by, seconds in _rows(found):
        colour = "green" if said in ("caught", "holds") else "red"
        table.add_row(escape(name), f"[{colour}]{escape(said)}[/]", escape(by), seconds)
    console.print(table)
    caught = sum(each.caught for each in found.bugs)
    console.print(f"{caught} of {len(found.bugs)} planted bugs caught, engine {found.engine}")


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--engine",
    type=click.Choice(["auto", "regorus", "regopy"]),
    default="auto",
    show_default=True,
    help="The policy engine that plays the cases.",
)
@click.option("--every-case", is_flag=True, help="Play all cases, not only those a bug names.")
@click.option("--jobs", default=JOBS, show_default=True, help="Copies judged at once.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document and nothing else.")
def main(
    *, names: tuple[str, ...], engine: str, every_case: bool, jobs: int, as_json: bool
) -> None:
    """Show whether packs and tests notice a build that breaks a law.

    Each NAME is a file of drills/planted without its ending; without one, all of them.

    \b
    Example:
      python -m drills.planted budget-off-by-one ask-before-deny

    Exit codes: 0 all were caught and the unchanged copy holds, 1 one was not caught or the copy
    does not hold, 2 a bug could not be planted or a run gave no verdict.
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    try:
        found = judge_all(bugs(names), engine=engine, every=every_case, jobs=jobs)
    except BugInvalid as error:
        click.echo(f"planted: {error}", err=True)
        sys.exit(UNKNOWN)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        show(found)
    sys.exit(found.exit_code)


if __name__ == "__main__":
    main()
