"""Write the archive of this build: the same story in SQLite, in PostgreSQL and as exports.

    python -m conformance.archive.write --out conformance/archive/0.2

Run it once per version, with the code that is released, and never again for that version: what is
kept is what old builds wrote, not what new ones would. Needs both engines and PostgreSQL with
pg_dump; see `tests/postgres.py` for where they are looked for.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from string import Template

from aegisd import __version__
from aegisd.core.events import AGENT_EVENTS, DAEMON_EVENTS
from aegisd.rego.engines import CHOICES, installed
from conformance.archive import account
from conformance.archive.account import Account
from conformance.archive.place import File, Place, Server
from conformance.archive.story import Story, run
from drills.typed import aegisctl

ROOT = Path(__file__).parents[2]
PAGE = Path(__file__).with_name("page.md")

# What decides what a log holds. The newest commit that touched it names the build.
PRODUCT = ("aegis", "aegisctl", "aegisd", "native", "policies", "pyproject.toml")

# In the place's folder: the proof of one event.
PROOF = "event.tlog-proof"

# Exports, by file: the tenant, the session if it is one, and whether values go along.
EXPORTS: dict[str, tuple[str, ...]] = {
    "acme.jsonl": ("--tenant", "acme", "--detached"),
    "beta.jsonl": ("--tenant", "beta"),
    "acme-session.jsonl": ("--tenant", "acme", "--session", "py-all"),
}


def main(arguments: list[str] | None = None) -> int:
    """Write an archive into a new folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="a folder that does not exist")
    out: Path = parser.parse_args(arguments).out
    if out.exists():
        raise SystemExit(f"{out} exists; an archive is written once")
    if missing := set(CHOICES) - {"auto", *installed()}:
        raise SystemExit(f"not installed: {', '.join(missing)}; decisions of all engines belong in")
    with tempfile.TemporaryDirectory(prefix="aegis-archive-") as name:
        write(Path(name), out)
    return 0


def write(folder: Path, out: Path) -> None:
    """Tell the story twice in a folder of scratch, and keep what it left."""
    expected: Account = {"version": __version__, "commit": _commit()}
    forms: tuple[tuple[str, type[Place]], ...] = (("sqlite", File), ("postgres", Server))
    for form, make in forms:
        print(f"{form}: telling the story", flush=True)
        story = Story(make(folder / form))
        story.tell()
        expected[form] = _keep(story, out / form)
        if form == "sqlite":
            expected["exports"] = _export(story, out / "exports")
    _require_types(expected["sqlite"]["log"]["event_types"])
    text = json.dumps(expected, indent=1, sort_keys=True, ensure_ascii=False)
    (out / "expected.json").write_text(f"{text}\n", "utf-8")
    told = {"version": __version__, "commit": expected["commit"], "folder": out.name}
    page = Template(PAGE.read_text("utf-8")).substitute(told)
    (out / "README.md").write_text(page, "utf-8")
    print(f"wrote {out}")


def _keep(story: Story, out: Path) -> Account:
    """Keep a log, and give the account of it."""
    story.place.keep(out)
    kept = sorted((out / "checkpoints").glob("*.checkpoint"))
    return {
        "log": account.of_log(_run, story.place.dsn, out / "signing.key.pub", kept),
        "folds": story.folds,
        "repeated": story.repeated,
        "roots": account.of_roots(kept),
    }


def _export(story: Story, out: Path) -> Account:
    out.mkdir()
    told: Account = {}
    keys = out / "signing.key.pub"
    shutil.copyfile(story.place.folder / keys.name, keys)
    for name, what in EXPORTS.items():
        run("export", "--dsn", story.place.dsn, *what, "--out", out / name)
        told[name] = account.of_log(_run, str(out / name), keys)
    shutil.copyfile(story.place.folder / PROOF, out / PROOF)
    return told


def _run(*arguments: str) -> tuple[int, str]:
    told = aegisctl(*arguments)
    return told.returncode, told.stdout


def _require_types(found: Iterable[str]) -> None:
    """Hold the story to every type of event there is. Raises `SystemExit`."""
    missing = {*AGENT_EVENTS, *DAEMON_EVENTS} - set(found)
    if missing:
        raise SystemExit(f"the story has no {', '.join(sorted(missing))}; let somebody tell it")


def _commit() -> str:
    command = ["git", "log", "-1", "--format=%H", "--", *PRODUCT]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return told.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
