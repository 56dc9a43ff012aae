"""Keys in a vault: a program signs, and its answer is checked before it is used."""

import base64
import sys
from pathlib import Path

import pytest

from aegisd.core.errors import ConfigInvalid, SigningFailed
from aegisd.core.log.checkpoint import TreeHead, origin, verify
from aegisd.core.log.note import Key
from aegisd.signing import command, ed25519
from aegisd.signing.command import SigningCommand
from aegisd.signing.keyring import Keyring, SigningKey
from tests.patience import until

LOG = "aegis.example.com/prod"
SEED = bytes(range(32))
KEY = Key(name=LOG, public=ed25519.public_key(SEED))
NAMED = origin(LOG, "acme")
TEXT = TreeHead(origin=NAMED, size=1, root=bytes(32)).text

VAULT = """\
import sys, base64
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
text = sys.stdin.buffer.read()
key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
print(base64.b64encode(key.sign(text)).decode())
"""


def program(folder: Path, source: str) -> str:
    """A command that runs a Python program."""
    path = folder / "vault.py"
    path.write_text(source)
    return f"{sys.executable} '{path}'"


def test_a_program_signs(tmp_path: Path) -> None:
    signer = SigningCommand(program(tmp_path, VAULT), str(KEY))
    assert signer.log_name == LOG
    assert signer.keys(0) == (KEY,)
    assert verify(signer.sign(NAMED, TEXT, 0), [KEY], ed25519.check).size == 1


@pytest.mark.parametrize(
    "source",
    [
        "import sys; sys.exit(3)",
        "print('nonsense')",
        "",
        f"print({base64.b64encode(bytes(64)).decode()!r})",
        f"print({base64.b64encode(ed25519.signing(SEED)(b'other')).decode()!r})",
        VAULT.replace("key.sign(text)", "key.sign(text + b' ')"),
        VAULT.replace("bytes(range(32))", "bytes(32)"),
    ],
)
def test_an_answer_that_is_no_signature_of_the_text_is_refused(tmp_path: Path, source: str) -> None:
    signer = SigningCommand(program(tmp_path, source), str(KEY))
    with pytest.raises(SigningFailed):
        signer.sign(NAMED, TEXT, 0)


def test_a_program_that_is_not_there_or_hangs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SigningFailed, match="No such file"):
        SigningCommand("/nowhere/vault", str(KEY)).sign(NAMED, TEXT, 0)
    monkeypatch.setattr(command, "COMMAND_SECONDS_MAX", 0.2)
    hanging = SigningCommand(program(tmp_path, "import time; time.sleep(60)"), str(KEY))
    with pytest.raises(SigningFailed, match="COMMAND_SECONDS_MAX"):
        hanging.sign(NAMED, TEXT, 0)


@pytest.mark.parametrize(
    ("given", "key"), [("", str(KEY)), ("'", str(KEY)), ("vault", "not a key"), ("vault", "")]
)
def test_what_names_no_program_or_no_key_stops_the_start(given: str, key: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"signing\."):
        SigningCommand(given, key)


def test_what_a_program_started_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = tmp_path / "child"
    source = (
        "import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"open({str(child) + '.new'!r}, 'w').write(str(child.pid))\n"
        f"os.rename({str(child) + '.new'!r}, {str(child)!r})\n"
        "time.sleep(60)\n"
    )
    vault = program(tmp_path, source)
    seconds = 0.5
    while not child.exists():
        # It must have begun before it is ended; a busy machine takes its time.
        monkeypatch.setattr(command, "COMMAND_SECONDS_MAX", seconds)
        with pytest.raises(SigningFailed):
            SigningCommand(vault, str(KEY)).sign(NAMED, TEXT, 0)
        seconds *= 2
    until(lambda: ended(int(child.read_text())))


def ended(pid: int) -> bool:
    """Whether a process is gone, or only its exit code is left of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize("size", [command.ANSWER_BYTES_MAX, command.ANSWER_BYTES_MAX + 1])
def test_an_endless_answer_is_not_read(tmp_path: Path, size: int) -> None:
    padded = VAULT.replace("decode())", f"decode() + ' ' * ({size} - 89))")
    signer = SigningCommand(program(tmp_path, padded), str(KEY))
    if size <= command.ANSWER_BYTES_MAX:
        assert signer.signed(signer.sign(NAMED, TEXT, 0), 0)
        return
    with pytest.raises(SigningFailed):
        signer.sign(NAMED, TEXT, 0)


def test_a_signature_of_somebody_else_is_not_its_own(tmp_path: Path) -> None:
    signer = SigningCommand(program(tmp_path, VAULT), str(KEY))
    other = Keyring(LOG, [SigningKey(seed=bytes(32))]).sign(NAMED, TEXT, 0)
    assert not signer.signed(other, 0)
    assert not signer.signed("nonsense", 0)
