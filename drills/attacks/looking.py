"""Two verifiers that share no code look at what an attacker left, in three ways each."""

import io
import sqlite3
from collections.abc import Sequence
from contextlib import closing, redirect_stdout
from pathlib import Path
from shutil import copyfile

from msgspec import Struct
from msgspec.structs import astuple

from aegisctl.main import run
from aegisd.core.log.checkpoint import read
from aegisd.core.log.envelope import StoredEvent, restore
from conformance.verifier import aegis_verify
from drills.attacks.attack import COLUMNS, Attack, Forged, Notice
from drills.attacks.evidence import checkpoint_line, export
from drills.attacks.scene import TENANT, Scene
from drills.unguarded import unguarded

# Who looks, and at what.
VERIFIERS = ("aegis_verify export", "aegisctl export", "aegisctl database")

_SEEN: dict[int, Notice | None] = {0: "missed", 1: "caught"}


class Sighting(Struct, frozen=True, kw_only=True):
    """One verifier's verdict over one attack with what one column gives it."""

    attack: str
    column: str
    verifier: str
    expected: Notice
    found: str

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one that the table promises."""
        return self.found == self.expected


def look(attack: Attack, scene: Scene, folder: Path) -> list[Sighting]:
    """Leave what the attacker leaves in `folder`, and let every verifier look at it."""
    forged = attack.forge(scene)
    key, kept = folder / "key", folder / "kept"
    key.write_text(f"{scene.verifier}\n", "utf-8")
    kept.write_text(forged.kept, "utf-8")
    given: tuple[list[str], ...] = (
        [],
        ["--key", str(key)],
        ["--key", str(key), "--checkpoint", str(kept)],
    )
    findings = []
    for column, options in zip(COLUMNS, given, strict=True):
        file, database = folder / f"{column}.jsonl", folder / f"{column}.db"
        note = None if column == "chain" else forged.note
        lines = [] if note is None else [checkpoint_line(note)]
        file.write_bytes(export(TENANT, forged.bodies, scene.documents, evidence=lines))
        _rewrite(scene.path, database, forged, note)
        expected = attack.expected(column)
        codes = (_alone(file, options), _ours(file, options), _ours(database, options))
        findings += [
            Sighting(
                attack=attack.name,
                column=column,
                verifier=verifier,
                expected=expected,
                found=_verdict(code, honest=expected == "holds"),
            )
            for verifier, code in zip(VERIFIERS, codes, strict=True)
        ]
    return findings


def _verdict(code: int, *, honest: bool) -> str:
    seen = _SEEN.get(code)
    if seen is None:
        return f"exit {code}"
    return "holds" if honest and seen == "missed" else seen


def _alone(file: Path, options: Sequence[str]) -> int:
    with redirect_stdout(io.StringIO()):
        return aegis_verify.main([str(file), *options, "--json"])


def _ours(file: Path, options: Sequence[str]) -> int:
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")):
        return run(["verify", str(file), "--tenant", TENANT, *options, "--json"])


def _rewrite(source: Path, target: Path, forged: Forged, note: str | None) -> None:
    """A database in which the attacker's log stands as if the gate had written it."""
    copyfile(source, target)
    with closing(sqlite3.connect(target, isolation_level=None)) as file:
        file.execute("BEGIN")
        with unguarded(file):
            for table in ("events", "tenant_heads", "checkpoints", "blocks", "snapshots"):
                file.execute(f"DELETE FROM {table} WHERE tenant_id = ?", (TENANT,))  # noqa: S608 - ours
        rows = [astuple(restore(body, at)) for at, body in enumerate(forged.bodies)]
        places = ", ".join("?" * len(StoredEvent.__struct_fields__))
        file.executemany(f"INSERT INTO events VALUES ({places})", rows)  # noqa: S608 - ours
        if note is not None:
            head, _ = read(note)
            row = (TENANT, head.size, head.root, note)
            file.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?)", row)
        file.execute("COMMIT")
