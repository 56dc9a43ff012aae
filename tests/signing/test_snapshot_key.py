"""The snapshot key is made once, for its owner alone, and anything else stops the start."""

from pathlib import Path

import pytest

from aegisd.core.errors import ConfigInvalid
from aegisd.signing.snapshot_key import SNAPSHOT_KEY_BYTES, open_snapshot_key, snapshot_key_path


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = snapshot_key_path(tmp_path / "aegis.db.key")
    assert path == tmp_path / "aegis.db.snapshot.key"
    key = open_snapshot_key(path)
    assert (len(key), path.stat().st_mode & 0o777) == (SNAPSHOT_KEY_BYTES, 0o600)
    assert open_snapshot_key(path) == key != open_snapshot_key(tmp_path / "another.key")


@pytest.mark.parametrize("size", [0, SNAPSHOT_KEY_BYTES - 1, SNAPSHOT_KEY_BYTES + 1, 1 << 20])
def test_a_file_that_is_no_key_is_refused_and_left_alone(tmp_path: Path, size: int) -> None:
    path = tmp_path / "k"
    path.write_bytes(b"secret" * size)
    path.write_bytes((b"secret" * size)[:size])
    path.chmod(0o600)
    with pytest.raises(ConfigInvalid, match="expected 32 bytes") as refused:
        open_snapshot_key(path)
    assert "secret" not in refused.value.message
    assert path.stat().st_size == size


def test_a_key_that_others_may_read_or_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "k"
    open_snapshot_key(path)
    path.chmod(0o640)
    for place in (path, tmp_path, tmp_path / "nowhere" / "k"):
        with pytest.raises(ConfigInvalid, match=f"snapshot.key: {place}"):
            open_snapshot_key(place)
    assert [each.name for each in tmp_path.iterdir()] == ["k"]
