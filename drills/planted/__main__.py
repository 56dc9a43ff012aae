"""Evil builds: what a careless or bribed author could ship, and whether the packs would notice.

Each file of `conformance/evil` is one small change that breaks a law. It is applied to a copy of
the checkout, and the cases it names are run there: all of them must fail. A build that they let
pass means that a case is missing. They must hold on a copy that nobody changed, else their failing
would prove nothing.

`python -m conformance.evil` runs all of them and prints a table; `--help` says the rest.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import msgspec
import yaml
from msgspec import Struct
from rich.console import Console
from rich.markup import escape
from rich.table import Table

ROOT = Path(__file__).parent.parent
BUILDS = ROOT / "conformance" / "evil"
PACKS = "conformance/packs"

# What a run of the packs needs of a checkout. Compiled files come along: they name the time of
# their source, so only the changed one is compiled again.
COPIED = ("aegis", "aegisd", "aegisctl", "policies", "manifests", PACKS)

# What tells a checkout from a folder that happens to be called so.
MARK = "pyproject.toml"

# Seconds for one run of the packs; the whole set takes thirty. A build that hangs is not caught.
RUN_SECONDS_MAX = 180

# Builds run at once. Each is a process that keeps one core busy.
JOBS = 2

CAUGHT, NOT_CAUGHT, UNKNOWN = 0, 1, 2

_START = "from aegisctl.main import main; main()"


class Build(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One wrong change: `old` stands exactly once in `file`, and `cases` must fail with `new`.

    `story` says how it came about, `law` which promise it breaks. `cases` are ids of the packs.
    """

    story: str
    law: str
    file: str
    old: str
    new: str
    cases: tuple[str, ...]


class Catch(Struct, frozen=True, kw_only=True):
    """What the packs said about one copy.

    `cases` are the ids that failed, by pack; `missed` those that the build names and that did not.
    `problem` says why a run gave no verdict, else it is empty. `holds` tells that every judged case
    held.
    """

    name: str
    law: str
    cases: dict[str, list[str]]
    missed: tuple[str, ...] = ()
    holds: bool
    seconds: float
    problem: str = ""

    @property
    def caught(self) -> bool:
        """Whether every named case failed; a run that broke down proves nothing."""
        return bool(self.cases) and not self.missed and not self.problem


class Report(Struct, frozen=True, kw_only=True):
    """All builds, and the same packs on the copy that nobody changed."""

    engine: str
    builds: tuple[Catch, ...]
    unchanged: Catch

    @property
    def exit_code(self) -> int:
        """0: all caught and the unchanged copy holds; 2: a run broke down; 1: the rest."""
        runs = (*self.builds, self.unchanged)
        if any(each.problem for each in runs):
            return UNKNOWN
        good = self.unchanged.holds and all(each.caught for each in self.builds)
        return CAUGHT if good else NOT_CAUGHT


class _Case(Struct):
    id: str
    verdict: str
    waits_for: str | None


class _Pack(Struct):
    pack: str
    cases: list[_Case]


class _Run(Struct):
    """What is read of the runner's JSON."""

    packs: list[_Pack]


class BuildInvalid(Exception):
    """A build that cannot be made: the message names the file and what to mend in it."""


def builds(names: Sequence[str] = (), folder: Path = BUILDS) -> dict[str, Build]:
    """The builds of a folder by name, or those named. Raises `BuildInvalid`."""
    known = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise BuildInvalid(f"no build is called {', '.join(unknown)}; there are {', '.join(known)}")
    return {name: _read(known[name]) for name in names or known}


def apply(build: Build, tree: Path) -> None:
    """Change one file of a copy. Raises `BuildInvalid` where `old` does not stand there once."""
    file = tree / build.file
    text = file.read_text("utf-8")
    found = text.count(build.old)
    if found != 1:
        raise BuildInvalid(f"{build.file}: expected the old text once, found it {found} times")
    file.write_text(text.replace(build.old, build.new), "utf-8")


def copy(tree: Path) -> None:
    """Copy what a run of the packs needs into an empty folder."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name)
    shutil.copy(ROOT / MARK, tree)


def judge(name: str, build: Build | None, cases: Sequence[str], engine: str) -> Catch:
    """Run cases on a copy, changed by `build` where there is one; all cases where none is named.

    Raises `BuildInvalid`.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=f"aegis-evil-{name}-") as folder:
        tree = Path(folder)
        copy(tree)
        if build is not None:
            apply(build, tree)
        failed, holds, problem = _run(tree, cases, engine)
    found = {case for ids in failed.values() for case in ids}
    return Catch(
        name=name,
        law="" if build is None else build.law,
        cases=failed,
        missed=() if build is None else tuple(case for case in build.cases if case not in found),
        holds=holds,
        seconds=round(time.perf_counter() - started, 1),
        problem=problem,
    )


def report(
    chosen: Mapping[str, Build], *, engine: str, every_case: bool = False, jobs: int = JOBS
) -> Report:
    """Judge builds, and the copy that nobody changed by all cases they name."""
    named = sorted({case for build in chosen.values() for case in build.cases})
    with ThreadPoolExecutor(jobs) as workers:
        # The longest run first, so that nobody waits for it alone at the end.
        control = workers.submit(judge, "unchanged", None, () if every_case else named, engine)
        runs = [
            workers.submit(judge, name, build, () if every_case else build.cases, engine)
            for name, build in chosen.items()
        ]
        return Report(
            engine=engine,
            builds=tuple(each.result() for each in runs),
            unchanged=control.result(),
        )


def _read(path: Path) -> Build:
    try:
        build = msgspec.convert(yaml.safe_load(path.read_text("utf-8")), Build)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise BuildInvalid(f"{path.name}: {error}") from None
    if not build.cases:
        raise BuildInvalid(f"{path.name}: cases: expected ids of cases, found none")
    if build.old == build.new:
        raise BuildInvalid(f"{path.name}: old and new are the same text")
    return build


def _run(tree: Path, cases: Sequence[str], engine: str) -> tuple[dict[str, list[str]], bool, str]:
    """The failed cases by pack, whether all judged ones hold, and why there is no verdict."""
    chosen = [word for case in cases for word in ("--case", case)]
    arguments = ["conformance", "run", PACKS, *chosen, "--engine", engine, "--json"]
    try:
        done = subprocess.run(
            [sys.executable, "-c", _START, *arguments],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            capture_output=True,
            timeout=RUN_SECONDS_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {}, False, f"no verdict within RUN_SECONDS_MAX = {RUN_SECONDS_MAX} s"
    try:
        return *told(done.stdout), ""
    except msgspec.MsgspecError:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return {}, False, f"exit code {done.returncode} and no verdict: {last}"


def told(answer: bytes) -> tuple[dict[str, list[str]], bool]:
    """The failed cases by pack in the runner's JSON, and whether every judged case holds.

    What waits for a later version is left out; what nobody judged does not hold. Raises
    `msgspec.MsgspecError` for anything but the runner's document.
    """
    run = msgspec.json.decode(answer, type=_Run)
    judged = [(pack.pack, case) for pack in run.packs for case in pack.cases if not case.waits_for]
    failed: dict[str, list[str]] = {}
    for pack, case in judged:
        if case.verdict == "fails":
            failed.setdefault(pack, []).append(case.id)
    return failed, bool(judged) and all(case.verdict == "holds" for _, case in judged)


def _rows(found: Report) -> Iterator[tuple[str, str, str, str]]:
    for each in found.builds:
        missed = f"NOT CAUGHT by {', '.join(each.missed)}" if each.missed else "NOT CAUGHT"
        said = each.problem or ("caught" if each.caught else missed)
        yield each.name, said, _listed(each.cases), f"{each.seconds:.1f}"
    control = found.unchanged
    said = control.problem or ("holds" if control.holds else "DOES NOT HOLD")
    yield "(unchanged)", said, _listed(control.cases), f"{control.seconds:.1f}"


def _listed(cases: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{pack} {', '.join(ids)}" for pack, ids in cases.items())


def _show(found: Report) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 118)
    table = Table("build", "verdict", "by", "s", box=None)
    for name, said, by, seconds in _rows(found):
        colour = "green" if said in ("caught", "holds") else "red"
        table.add_row(escape(name), f"[{colour}]{escape(said)}[/]", escape(by), seconds)
    console.print(table)
    caught = sum(each.caught for each in found.builds)
    console.print(f"{caught} of {len(found.builds)} evil builds caught, engine {found.engine}")


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--engine",
    type=click.Choice(["auto", "regorus", "regopy"]),
    default="auto",
    show_default=True,
    help="The policy engine of the copies.",
)
@click.option("--every-case", is_flag=True, help="Run all cases, not only those a build names.")
@click.option("--jobs", default=JOBS, show_default=True, help="Copies judged at once.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document and nothing else.")
def main(
    *, names: tuple[str, ...], engine: str, every_case: bool, jobs: int, as_json: bool
) -> None:
    """Show whether the packs notice a build that breaks a law.

    Each NAME is a file of conformance/evil without its ending; without one, all of them.

    \b
    Example:
      python -m conformance.evil budget-off-by-one ask-before-deny

    Exit codes: 0 all were caught and the unchanged copy holds, 1 one was not caught or the copy
    does not hold, 2 a build could not be made or a run gave no verdict.
    """  # noqa: D301 - \b is click's mark for a paragraph that keeps its lines
    try:
        found = report(builds(names), engine=engine, every_case=every_case, jobs=jobs)
    except BuildInvalid as error:
        click.echo(f"evil: {error}", err=True)
        sys.exit(UNKNOWN)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        _show(found)
    sys.exit(found.exit_code)


if __name__ == "__main__":
    main()
