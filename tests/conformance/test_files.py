"""A log is copied as it lies, with the key and the guard that belong to it."""

from pathlib import Path

from aegisd.conformance import files


def lay(folder: Path, mark: str) -> Path:
    folder.mkdir()
    database = folder / "aegis.db"
    for name in ("aegis.db", "aegis.db-wal", "aegis.db.key", "aegis.db.key.pub"):
        (folder / name).write_text(f"{mark} {name}")
    (folder / "aegis.db.key").chmod(0o600)
    guard = folder / "aegis.db.checkpoints"
    guard.mkdir()
    (guard / "acme.checkpoint").write_text(f"{mark} acme")
    (guard / ".acme.checkpoint").write_text("half written")
    (guard / "acme.superseded-1").write_text("set aside")
    return database


def read(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_copy_has_everything_a_gate_starts_with_and_nothing_half_written(tmp_path: Path) -> None:
    new = files.copy(lay(tmp_path / "a", "a"), tmp_path / "b")
    assert new == tmp_path / "b/aegis.db"
    assert read(tmp_path / "b") == {
        "aegis.db": "a aegis.db",
        "aegis.db-wal": "a aegis.db-wal",
        "aegis.db.checkpoints/acme.checkpoint": "a acme",
        "aegis.db.key": "a aegis.db.key",
        "aegis.db.key.pub": "a aegis.db.key.pub",
    }
    assert (tmp_path / "b/aegis.db.key").stat().st_mode & 0o777 == 0o600


def test_a_database_is_laid_beside_the_evidence_of_another_day(tmp_path: Path) -> None:
    old, now = lay(tmp_path / "old", "old"), lay(tmp_path / "now", "now")
    files.copy(old, tmp_path / "both", evidence=now)
    told = read(tmp_path / "both")
    assert {name: text.partition(" ")[0] for name, text in told.items()} == {
        "aegis.db": "old",
        "aegis.db-wal": "old",
        "aegis.db.checkpoints/acme.checkpoint": "now",
        "aegis.db.key": "now",
        "aegis.db.key.pub": "now",
    }


def test_a_log_that_was_never_signed_is_copied_without(tmp_path: Path) -> None:
    (tmp_path / "aegis.db").write_text("rows")
    files.copy(tmp_path / "aegis.db", tmp_path / "b")
    assert read(tmp_path / "b") == {"aegis.db": "rows"}
