"""Key files: made once, read by their owner only, replaced with an overlap."""

import os
import stat
from pathlib import Path

import pytest

from aegisd.core.errors import ConfigInvalid, NoteInvalid
from aegisd.core.log import note
from aegisd.core.log.checkpoint import TreeHead, origin, verify
from aegisd.core.log.note import Key, read_key
from aegisd.signing import ed25519, keyring

NOW_MS = 1_790_000_000_000
DAY_MS = 86_400_000
LOG = "aegis.example.com/prod"
TEXT = TreeHead(origin=origin(LOG, "acme"), size=1, root=bytes(32)).text


def test_a_new_key_signs_what_its_public_file_verifies(tmp_path: Path) -> None:
    path = tmp_path / "prod.key"
    made = keyring.create(path, LOG)
    signed = made.sign(origin(LOG, "acme"), TEXT, NOW_MS)
    public = read_key(keyring.public_path(path).read_text())
    assert verify(signed, [public], ed25519.check).size == 1
    assert keyring.load(path).sign(origin(LOG, "acme"), TEXT, NOW_MS) == signed


def test_a_key_file_is_for_its_owner_alone_and_the_public_one_for_all(tmp_path: Path) -> None:
    path = tmp_path / "k"
    old = os.umask(0)
    try:
        keyring.create(path, LOG)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(keyring.public_path(path).stat().st_mode) == 0o644
    assert "PRIVATE" not in keyring.public_path(path).read_text()


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "k"
    keyring.create(path, LOG)
    before = path.read_bytes()
    with pytest.raises(ConfigInvalid, match="exists"):
        keyring.create(path, LOG)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "a b", "a+b", "https://x y", "x/", "-x", "x" * 256, "ä"])
def test_a_log_name_that_cannot_stand_in_an_origin_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigInvalid, match="log name"):
        keyring.create(tmp_path / "k", name)
    assert list(tmp_path.iterdir()) == []


def test_after_a_rotation_both_keys_sign_until_the_overlap_ends(tmp_path: Path) -> None:
    path = tmp_path / "k"
    (old,) = keyring.create(path, LOG).keys(NOW_MS)
    made = keyring.rotate(path, NOW_MS, 2 * DAY_MS)
    new, kept = made.keys(NOW_MS)
    assert kept == old != new
    named = origin(LOG, "acme")
    during = keyring.load(path).sign(named, TEXT, NOW_MS + 2 * DAY_MS - 1)
    after = keyring.load(path).sign(named, TEXT, NOW_MS + 2 * DAY_MS)
    assert len(note.read(during).signatures) == 2
    for key in (old, new):
        verify(during, [key], ed25519.check)
    verify(after, [new], ed25519.check)
    with pytest.raises(NoteInvalid, match="not signed by"):
        verify(after, [old], ed25519.check)


def test_a_rotation_drops_keys_whose_time_has_passed_and_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "k"
    keyring.create(path, LOG)
    for turn in range(20):
        keyring.rotate(path, NOW_MS + turn * DAY_MS, DAY_MS // 2)
    assert path.read_text().count("PRIVATE+KEY") == 2
    for _ in range(keyring.KEYS_MAX - 2):
        keyring.rotate(path, NOW_MS + 20 * DAY_MS, DAY_MS)
    assert path.read_text().count("PRIVATE+KEY") == keyring.KEYS_MAX - 1
    keyring.rotate(path, NOW_MS + 20 * DAY_MS, DAY_MS)
    with pytest.raises(ConfigInvalid, match="KEYS_MAX"):
        keyring.rotate(path, NOW_MS + 20 * DAY_MS, DAY_MS)
    assert path.read_text().count("PRIVATE+KEY") == keyring.KEYS_MAX


def changed(text: str) -> list[str]:
    """Key files that are none."""
    line = next(each for each in text.splitlines() if each.startswith("PRIVATE"))
    return [
        "",
        "# nothing but a comment\n",
        text + line.replace(LOG, "other.example.com") + "\n",
        text.replace("PRIVATE", "PRIVAT"),
        text.replace(line, line[:-3]),
        text.replace(line, f"{line} until 2030-01-01T00:00:00Z"),
        text + f"{line} until tomorrow\n",
        text + f"{line} until 2030-13-01T00:00:00Z\n",
        text + "ä",
        text + "#" * keyring.KEY_FILE_BYTES_MAX,
        text + f"{line} until 2030-01-01T00:00:00Z\n" * keyring.KEYS_MAX,
    ]


@pytest.mark.parametrize("number", range(11))
def test_a_damaged_key_file_is_refused_without_repeating_it(tmp_path: Path, number: int) -> None:
    path = tmp_path / "k"
    keyring.create(path, LOG)
    text = path.read_text()
    seed = text.splitlines()[-1].split("+", 4)[4]
    path.write_bytes(changed(text)[number].encode())
    with pytest.raises(ConfigInvalid) as caught:
        keyring.load(path)
    assert seed not in caught.value.message


def test_nothing_shows_a_private_key() -> None:
    key = keyring.SigningKey(seed=b"s" * 32, until_ms=5)
    assert repr(key) == "SigningKey(until_ms=5)"
    assert "ssss" not in repr(keyring.Keyring(LOG, [key]))


def test_keys_are_named_for_the_log() -> None:
    made = keyring.Keyring(LOG, [keyring.SigningKey(seed=bytes(32))])
    assert made.keys(0) == (Key(name=LOG, public=ed25519.public_key(bytes(32))),)
