"""A key is read from a regular file of its owner's, within its bound, and nobody is waited for."""

import os
import stat
from pathlib import Path

import pytest

from aegisd.core.errors import ConfigInvalid
from aegisd.signing.private_file import read_private


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o604, 0o660, 0o666])
def test_a_file_is_read_within_its_bound_and_only_where_others_may_not(
    tmp_path: Path, mode: int
) -> None:
    path = tmp_path / "k"
    path.write_bytes(b"secret" * 1000)
    path.chmod(mode)
    if not mode & 0o077:
        assert read_private(path, 7) == b"secretse"
        return
    with pytest.raises(ConfigInvalid, match=f"found {stat.S_IMODE(mode):04o}: chmod 600") as said:
        read_private(path, 7)
    assert "secret" not in said.value.message


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for place in ("pipe", "", "/dev/zero", "link", "no/such/place"):
        with pytest.raises(ConfigInvalid, match=r"expected a regular file|cannot be read"):
            read_private(tmp_path / place, 32)
