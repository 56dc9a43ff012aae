"""`python -m tests.sim`: many seeds, and a failing one by itself again."""

import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor

import click
import msgspec
from msgspec import Struct
from rich.progress import Progress

from tests.sim.world import History, simulate

HOLDS, BROKEN = 0, 1

# Failing seeds that are named on a terminal; one is enough to begin with.
SHOWN = 5


class Run(Struct, frozen=True, kw_only=True):
    """One seed: its history, or the law it broke and where the code then stood."""

    seed: int
    history: History | None = None
    broken: str = ""
    trace: str = ""


class Summary(Struct, frozen=True, kw_only=True):
    """All seeds together. `failing` are the seeds under which a law was broken."""

    seeds: int
    store: str
    events: int
    acknowledged: int
    lives: int
    met: dict[str, int]
    failing: dict[int, str]


def run(seed: int, store: str) -> Run:
    """One seed in this process; whatever it raises is what it found."""
    try:
        return Run(seed=seed, history=simulate(seed, store))
    except Exception as error:  # noqa: BLE001 - any error under a seed is a finding
        said = f"{type(error).__name__}: {error}"
        return Run(seed=seed, broken=said, trace=traceback.format_exc())


def summary(runs: Iterable[Run], store: str) -> Summary:
    """What many seeds found."""
    done = list(runs)
    histories = [each.history for each in done if each.history is not None]
    met: Counter[str] = Counter()
    for history in histories:
        met.update(history.met)
    return Summary(
        seeds=len(done),
        store=store,
        events=sum(history.events for history in histories),
        acknowledged=sum(history.acknowledged for history in histories),
        lives=sum(history.lives for history in histories),
        met=dict(sorted(met.items())),
        failing={each.seed: each.broken for each in done if each.history is None},
    )


def _runs(seeds: range, store: str, jobs: int) -> Iterator[Run]:
    with ProcessPoolExecutor(jobs) as workers:
        yield from workers.map(run, seeds, [store] * len(seeds), chunksize=4)


@click.command()
@click.option("--seeds", default=100, show_default=True, help="How many, from --first on.")
@click.option("--first", default=0, show_default=True, help="The first seed.")
@click.option("--seed", type=int, help="One seed alone, with the trace of what it breaks.")
@click.option(
    "--store",
    type=click.Choice(["memory", "sqlite"]),
    default="memory",
    show_default=True,
    help="Where the log is; a file takes five times as long.",
)
@click.option("--jobs", default=2, show_default=True, help="Seeds simulated at once.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document and nothing else.")
def main(*, seeds: int, first: int, seed: int | None, store: str, jobs: int, as_json: bool) -> None:
    """Run the engine in a world where all is chance, and chance is a seed.

    Clients, disk faults, crashes, clock and interleaving come from the seed alone, so what breaks
    under a seed breaks again under it.

    \b
    Example:
      python -m tests.sim --seeds 1000
      python -m tests.sim --seed 4711

    Exit codes: 0 every law held, 1 one was broken, 2 usage.
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    if seed is not None:
        only = run(seed, store)
        if not as_json:
            click.echo(only.trace or f"seed {seed}: {only.history}")
        found = summary([only], store)
    else:
        chosen = range(first, first + seeds)
        with Progress(transient=True, disable=as_json or not sys.stderr.isatty()) as progress:
            done = progress.track(_runs(chosen, store, jobs), total=seeds, description="seeds")
            found = summary(done, store)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        _show(found)
    sys.exit(BROKEN if found.failing else HOLDS)


def _show(found: Summary) -> None:
    faults = ", ".join(f"{count} {name}" for name, count in found.met.items())
    click.echo(
        f"{found.seeds} seeds on {found.store}: {found.lives} processes, {found.events} events, "
        f"{found.acknowledged} acknowledged; faults met: {faults or 'none'}"
    )
    for seed, law in list(found.failing.items())[:SHOWN]:
        click.echo(f"BROKEN under seed {seed}: {law}")
        click.echo(f"  again: python -m tests.sim --store {found.store} --seed {seed}")
    more = len(found.failing) - SHOWN
    if more > 0:
        click.echo(f"and {more} more")
    if not found.failing:
        click.echo("Every law held.")


if __name__ == "__main__":
    main()
