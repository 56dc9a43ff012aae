"""The newest checkpoints in a folder: whole, by tenant, and never gone."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import ConfigInvalid, InvalidField, StoreFailed
from aegisd.core.shapes.identifier import check_id
from aegisd.signing.guard import GuardFolder

IDS = st.from_regex(r"[A-Za-z0-9_:@-][A-Za-z0-9._:@-]{0,127}", fullmatch=True)


def test_what_was_kept_last_comes_back(tmp_path: Path) -> None:
    guard = GuardFolder(tmp_path / "g")
    assert guard.tenants() == []
    assert guard.newest("acme") is None
    guard.keep("acme", "one\n")
    guard.keep("acme", "two\n")
    guard.keep("Acme", "other\n")
    again = GuardFolder(tmp_path / "g")
    assert again.tenants() == ["Acme", "acme"]
    assert (again.newest("acme"), again.newest("Acme")) == ("two\n", "other\n")


@given(names=st.sets(IDS, max_size=8))
def test_every_id_has_its_own_file_where_disks_fold_case_too(names: set[str]) -> None:
    paths = {GuardFolder._path(_Nowhere(), name).name.lower() for name in names}  # type: ignore[arg-type]
    assert len(paths) == len(names)


class _Nowhere:
    folder = Path()


@given(name=IDS)
def test_the_tenant_is_told_from_the_name_of_its_file(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    guard = GuardFolder(tmp_path_factory.mktemp("g"))
    guard.keep(name, "x\n")
    assert guard.tenants() == [name]


def test_the_longest_id_there_may_be_has_a_file(tmp_path: Path) -> None:
    guard, longest = GuardFolder(tmp_path / "g"), "Z" * 128
    check_id(longest, "tenant_id")
    with pytest.raises(InvalidField):
        check_id(longest + "Z", "tenant_id")
    guard.keep(longest, "x\n")
    assert (guard.tenants(), guard.newest(longest)) == ([longest], "x\n")
    assert Path(guard.set_aside(longest)).read_text() == "x\n"


@pytest.mark.parametrize("name", ["!ff", "ab!ff", "ab!zz", "a!1!1", "we ird"])
def test_a_file_that_is_none_of_ours_stands_for_no_tenant(tmp_path: Path, name: str) -> None:
    guard = GuardFolder(tmp_path / "g")
    (tmp_path / "g" / f"{name}.checkpoint").write_text("x\n")
    (told,) = guard.tenants()
    with pytest.raises(InvalidField):
        check_id(told, "tenant_id")


def test_what_is_set_aside_stays_as_evidence(tmp_path: Path) -> None:
    guard = GuardFolder(tmp_path / "g")
    for note in ("one\n", "two\n"):
        guard.keep("acme", note)
        assert Path(guard.set_aside("acme")).read_text() == note
        assert guard.newest("acme") is None
    assert guard.tenants() == []
    assert len(list((tmp_path / "g").iterdir())) == 2
    guard.set_aside("nobody")


def test_a_file_in_the_folders_place_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "g").write_text("")
    with pytest.raises(ConfigInvalid, match=r"checkpoints\.path"):
        GuardFolder(tmp_path / "g")
    with pytest.raises(ConfigInvalid, match=r"checkpoints\.path"):
        GuardFolder(tmp_path / "missing" / "g")


def test_a_folder_that_vanished_is_a_failure_that_may_pass(tmp_path: Path) -> None:
    guard = GuardFolder(tmp_path / "g")
    (tmp_path / "g").rmdir()
    with pytest.raises(StoreFailed):
        guard.keep("acme", "x\n")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    guard = GuardFolder(tmp_path)
    (tmp_path / "acme.checkpoint").write_bytes(b"\xff")
    with pytest.raises(ConfigInvalid, match="UTF-8"):
        guard.newest("acme")
