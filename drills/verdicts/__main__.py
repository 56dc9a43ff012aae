"""`python -m drills.verdicts`: both verifiers over bent files, and where they do not agree."""

import io
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from random import Random

import click
from msgspec import Struct
from msgspec.structs import replace

from aegisctl.main import run as aegisctl
from conformance.verifier import aegis_verify
from drills.verdicts.bending import bent, resealed
from drills.verdicts.material import KEYS, Auditor, File, auditors, files

# What a verifier gives for something that it should not have met: no exit code.
CRASHED = -1


class Verdicts(Struct, frozen=True, kw_only=True):
    """What both verifiers exit with on one file, for one auditor."""

    file: File
    auditor: Auditor
    alone: int
    ours: int

    @property
    def fault(self) -> str:
        """What is wrong with the verdicts; empty where nothing is."""
        if CRASHED in (self.alone, self.ours):
            return "a verifier crashed"
        if self.alone != self.ours:
            return "they differ"
        # What somebody brought along is his: what does not show itself against it does not hold.
        brought = self.auditor.keys or self.auditor.kept
        return "could not tell, of a bent file" if brought and self.alone not in (0, 1) else ""


@click.command()
@click.option("--mutations", default=20_000, show_default=True, help="How many bent files.")
@click.option("--seed", default=1, show_default=True, help="The same seed bends the same files.")
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for what was found.")
def main(mutations: int, seed: int, keep: Path | None) -> None:
    """Bend exports and proofs, and hold `aegisctl verify` and `aegis_verify.py` to one verdict.

    Half of the exports get new links, a new trailer and a new signature by the log's own key, so
    that nothing shows but what was bent. Each file is judged for an auditor who brings nothing, a
    key, or checkpoints. No verdict may differ, and with anything brought along none may be 2.

    Example:
      python -m drills.verdicts --mutations 20000 --seed 1

    Exit codes: 0 they agree on every file, 1 they do not.

    """
    counted: Counter[str] = Counter()
    for number, told in enumerate(run(mutations, seed)):
        counted[told.fault or f"both {told.alone}"] += 1
        if told.fault and keep is not None:
            _keep(keep / str(number), told)
    for verdict, count in sorted(counted.items()):
        click.echo(f"{verdict}: {count}")
    click.echo(f"{mutations} bent files")
    sys.exit(0 if all(each.startswith("both") for each in counted) else 1)


def run(mutations: int, seed: int) -> Iterator[Verdicts]:
    """Bend so many files and let both verifiers look at each."""
    chance, sound, brought = Random(seed), files(), auditors()  # noqa: S311 - no secrets
    honest = aegis_verify.ed25519_holds
    # The signatures are few and the files many: each is checked once.
    aegis_verify.ed25519_holds = cache(honest)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(mutations):
                bent_one = _bend(chance, chance.choice(sound))
                yield look(Path(folder), bent_one, chance.choice(brought))
    finally:
        aegis_verify.ed25519_holds = honest


def _bend(chance: Random, file: File) -> File:
    if file.event is not None and chance.randrange(3) == 0:
        return replace(file, event=bent(chance, file.event))
    data = bent(chance, file.data)
    if chance.randrange(2) and data.startswith(b'{"aegis_export":'):
        data = resealed(data, chance.choice((None, KEYS, KEYS)))
    return replace(file, data=data)


def look(folder: Path, file: File, auditor: Auditor) -> Verdicts:
    """Let both verifiers judge one file."""
    arguments = _written(folder, file, auditor)
    alone = _code(lambda: aegis_verify.main([*arguments, "--json"]))
    ours = _code(lambda: aegisctl(["verify", *arguments, "--json"]))
    return Verdicts(file=file, auditor=auditor, alone=alone, ours=ours)


def _written(folder: Path, file: File, auditor: Auditor) -> list[str]:
    """Write what is judged into a folder; how a verifier is told of it."""
    arguments = [str(folder / "file"), *(part for key in auditor.keys for part in ("--key", key))]
    (folder / "file").write_bytes(file.data)
    for number, note in enumerate(auditor.kept):
        kept = folder / f"kept-{number}"
        kept.write_text(note, "utf-8")
        arguments += ["--checkpoint", str(kept)]
    if file.event is not None:
        (folder / "event").write_bytes(file.event)
        arguments += ["--event", str(folder / "event")]
    return arguments


def _code(judge: Callable[[], int]) -> int:
    said, out = io.StringIO(), io.TextIOWrapper(io.BytesIO(), "utf-8")
    try:
        with redirect_stdout(out), redirect_stderr(said):
            code = judge()
    except Exception:  # noqa: BLE001 - whatever it is, no file may bring it about
        return CRASHED
    return CRASHED if "Traceback" in said.getvalue() else code


def _keep(folder: Path, told: Verdicts) -> None:
    folder.mkdir(parents=True)
    _written(folder, told.file, told.auditor)
    text = f"{told.fault}: aegis_verify {told.alone}, aegisctl {told.ours}, {told.auditor.keys}\n"
    (folder / "verdict").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
