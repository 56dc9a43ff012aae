"""`keys`: a key file is made, rotated and shown, and nothing private is ever printed."""

from pathlib import Path

from aegisd.signing import keyring
from tests.aegisctl.conftest import Type


def test_a_new_key_is_shown_under_the_name_of_its_log_or_of_one_tenants(
    tmp_path: Path, type_: Type
) -> None:
    path = tmp_path / "prod.key"
    made = type_("keys", "new", "--log", "example.com/prod", "--out", path)
    assert made.code == 0
    assert made.out == keyring.public_path(path).read_text() == type_("keys", "show", path).out
    assert made.out.startswith("example.com/prod+")
    (other,) = type_("keys", "show", path, "--tenant", "acme").out.splitlines()
    assert other.startswith("example.com/prod/acme+")
    assert other.rpartition("+")[2] == made.out.strip().rpartition("+")[2]
    assert type_("keys", "new", "--log", "example.com/prod", "--out", path).code == 2


def test_after_a_rotation_the_newest_key_is_shown_first_and_the_one_before_beside_it(
    tmp_path: Path, type_: Type
) -> None:
    path = tmp_path / "prod.key"
    first = type_("keys", "new", "--log", "example.com/prod", "--out", path).out
    rotated = type_("keys", "rotate", path, "--overlap-days", "1")
    assert rotated.code == 0
    newest, before = rotated.out.splitlines()
    assert before == first.strip() != newest
    assert type_("keys", "show", path).out == rotated.out
