"""What may be a key is taken out of a sentence, and nothing else of it."""

import base64
import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd import secret
from aegisd.secret import RUN_CHARACTERS, without_secrets

KEY = base64.b64encode(b"\x01" * 9 + secrets.token_bytes(23)).decode()


@given(start=st.integers(0, 43), length=st.integers(1, 44))
def test_no_run_of_a_key_that_is_named_is_said_and_shorter_parts_are(
    start: int, length: int
) -> None:
    part = KEY[start : start + length]
    said = without_secrets(f"found '{part}' there", [f"PRIVATE+KEY+log+{KEY}"])
    assert (part in said) is (len(part) < RUN_CHARACTERS)


@pytest.mark.parametrize("extra", [0, 1])
def test_files_of_a_folder_are_looked_at_within_bounds(
    extra: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b").write_text(KEY + " " * (secret.SECRET_BYTES_MAX - len(KEY) + extra))
    assert (KEY in without_secrets(KEY, [str(tmp_path)])) is bool(extra)
    assert (KEY in without_secrets(KEY, [str(tmp_path / "b")])) is bool(extra)
    (tmp_path / "b").write_text(KEY)
    (tmp_path / "a").write_text("")
    monkeypatch.setattr(secret, "SECRET_FILES_MAX", 2 - extra)
    assert (KEY in without_secrets(KEY, [str(tmp_path)])) is bool(extra)


def test_the_name_of_a_file_is_said_whether_it_is_there_or_not(tmp_path: Path) -> None:
    file = tmp_path / "afilewithalongname1"
    for _ in range(2):
        assert without_secrets(f"{file} is wrong", [str(file)]) == f"{file} is wrong"
        file.write_text("short")


def test_what_is_no_key_is_said_as_it_is() -> None:
    text = "tools.a.roles: 'destination_address' is not a parameter of its schema; /tmp/a-1/b.json"
    assert without_secrets(text, [text, "\0", "x" * 5000]) == text
    assert without_secrets(KEY, ["another"]) == KEY
