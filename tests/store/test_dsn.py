"""A DSN names one file, or is refused with a sentence."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import ConfigInvalid
from aegisd.store.dsn import open_reader, open_store, place, sqlite_path, without_password
from aegisd.store.sqlite.reader import SqliteReader
from aegisd.store.sqlite.store import SqliteStore


@pytest.mark.parametrize(
    ("dsn", "path"),
    [
        ("aegis.db", "aegis.db"),
        ("./a b.db", "./a b.db"),
        ("/var/lib/aegis.db", "/var/lib/aegis.db"),
        ("what?mode=ro", "what?mode=ro"),
        ("100%25#.db", "100%25#.db"),
        ("a:b.db", "a:b.db"),
        ("./:memory:", "./:memory:"),
        ("sqlite:///aegis.db", "aegis.db"),
        ("sqlite:////var/aegis.db", "/var/aegis.db"),
        ("SQLite:///aegis.db", "aegis.db"),
        ("sqlite:///a%20b%3F.db", "a b?.db"),
        ("file:aegis.db", "aegis.db"),
        ("file:/var/aegis.db", "/var/aegis.db"),
        ("file:///var/a%20b.db", "/var/a b.db"),
        ("file://localhost/var/aegis.db", "/var/aegis.db"),
    ],
)
def test_each_form_names_its_path(dsn: str, path: str) -> None:
    assert sqlite_path(dsn) == path


@pytest.mark.parametrize(
    ("dsn", "why"),
    [
        ("", "outlive its process"),
        (":memory:", "outlive its process"),
        ("memory:", "outlive its process"),
        ("file::memory:", "outlive its process"),
        ("postgresql://db/aegis", "is no file"),
        ("postgres://db/aegis", "is no file"),
        ("mysql://db/aegis", "scheme mysql is not known"),
        ("http://host/a.db", "scheme http is not known"),
        ("file:a.db?mode=ro", "takes none"),
        ("file:a.db?mode=rwc&cache=shared", "takes none"),
        ("file:a.db?", "takes none"),
        ("file:a.db#x", "takes none"),
        ("sqlite:///a.db?_journal_mode=WAL", "takes none"),
        ("file://host/a.db", "names a host"),
        ("file://[/a.db", "no URI"),
        ("sqlite://a.db", "names a host"),
        ("sqlite:a.db", "lacks slashes"),
        ("sqlite:/a.db", "lacks slashes"),
        ("sqlite://", "lacks slashes"),
        ("sqlite:///", "names no file"),
        ("file:", "names no file"),
        ("folder/", "names no file"),
        ("a\0b", "names no file"),
        ("file:a%00b", "names no file"),
    ],
)
def test_what_names_no_file_of_ours_is_refused_with_the_reason(dsn: str, why: str) -> None:
    with pytest.raises(ConfigInvalid, match=why):
        sqlite_path(dsn)


def test_a_refusal_never_repeats_the_password_of_a_dsn() -> None:
    for dsn in ("postgresql://u:hunter2@db/x", "mysql://u:hunter2@db/x", "file://u:hunter2@h/x"):
        with pytest.raises(ConfigInvalid) as caught:
            sqlite_path(dsn)
        assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    ("dsn", "seen"),
    [
        ("postgresql://u:hunter2@db:5432/x", "postgresql://u@db:5432/x"),
        ("postgres://u:hun:ter2@db/x?sslmode=require", "postgresql://u@db/x"),
        ("postgresql://u:h@unter2@db/x", "postgresql://u@db/x"),
        ("postgresql://db/x?user=u&password=hunter2", "postgresql://db/x"),
        ("POSTGRESQL://u:hunter2@[::1]:5432/x", "postgresql://u@[::1]:5432/x"),
        ("postgresql://u:hunter2@[/x", "postgresql://…"),
        ("postgresql:///x", "postgresql:///x"),
        ("a:b@c.db", "a:b@c.db"),
        ("aegis.db", "aegis.db"),
    ],
)
def test_people_see_where_a_dsn_leads_and_no_password(dsn: str, seen: str) -> None:
    assert without_password(dsn) == seen


@given(st.text(st.characters(codec="ascii", exclude_characters="/?#"), min_size=8))
def test_no_part_of_a_password_is_ever_shown(word: str) -> None:
    assert word not in without_password(f"postgresql://u:{word}@db/x")


def test_a_logs_own_files_stand_beside_the_file_or_in_this_folder() -> None:
    assert place("/var/aegis.db") == "/var/aegis.db"
    assert place("postgresql://db/x") == "aegis"


@pytest.mark.parametrize("opens", [open_store, open_reader])
@pytest.mark.parametrize("dsn", ["postgresql://u:hunter2@127.0.0.1:1/x", "postgres://u:%zz@h/x"])
def test_a_server_that_is_not_there_is_a_sentence_without_the_password(
    opens: Callable[[str], object], dsn: str
) -> None:
    with pytest.raises(ConfigInvalid, match="--dsn") as caught:
        opens(dsn)
    assert "hunter2" not in caught.value.message
    assert "zz" not in caught.value.message


def test_without_the_driver_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("aegisd.store.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for opens in (open_store, open_reader):
        with pytest.raises(ConfigInvalid, match=r"pip install 'psycopg\[binary\]'"):
            opens("postgresql://db/x")


@given(st.text())
def test_any_text_is_a_path_or_a_refusal(dsn: str) -> None:
    try:
        path = sqlite_path(dsn)
    except ConfigInvalid:
        return
    assert path
    assert "\0" not in path


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}", "file:{}", "file://{}"])
def test_every_form_opens_the_same_file(tmp_path: Path, form: str) -> None:
    path = tmp_path / "aegis.db"
    store = open_store(form.format(path))
    assert isinstance(store, SqliteStore)
    store.close()
    assert path.is_file()
    reader = open_reader(str(path))
    assert isinstance(reader, SqliteReader)
    reader.close()


def test_a_reader_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="does not exist"):
        open_reader(str(tmp_path / "a.db"))
    assert list(tmp_path.iterdir()) == []
