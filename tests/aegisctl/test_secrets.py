"""A private key, given in the place of any file or value by mistake, is never printed back."""

import base64
import contextlib
import io
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from aegisctl.main import cli, run
from aegisd import config, daemon
from aegisd.core.quoting import is_private_key
from aegisd.signing.ed25519 import new_seed
from conformance.verifier import aegis_verify

# Characters of a secret in a row that no message may hold, however it is wrapped.
RUN = 16

# What stands in the other places of a command, where it needs something there.
OTHERS = {
    "dsn": "log.db",
    "tenant_id": "acme",
    "out": "new",
    "log_name": "example.com/log",
    "position": "0",
}

# Given where nothing must be, so that what is beside them is read.
BESIDE = {"file", "tenant_id", "position"}

# What stands in a key file and is no secret.
WORDS = ("PRIVATE+KEY+example.com/log+0123abcd+", '{"kty":"OKP","crv":"Ed25519","d":"')

# Names of what is made: whoever chooses one is told it.
MADE = {"out", "log_name", "name", "junit", "html"}

# These read no file and no value of their caller's: they are given nothing.
SLOW = {"conformance list", "conformance run", "doctor"}


def commands(command: click.Command, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below one, by its name."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, *path, name)
    else:
        yield " ".join(path), command


def takes_text(parameter: click.Parameter) -> bool:
    return isinstance(parameter.type, click.Path | click.types.StringParamType)


COMMANDS = dict(commands(cli))
PLACES = [
    (name, parameter.name or "")
    for name, command in COMMANDS.items()
    for parameter in command.params
    if takes_text(parameter)
]


def secrets() -> dict[str, bytes]:
    """Private keys as programs write them, one that is cut, and bare ones."""
    key = Ed25519PrivateKey.generate()
    seed = base64.b64encode(b"\x01" + new_seed())
    bare = base64.b64encode(new_seed())
    url = base64.urlsafe_b64encode(b"\xfb\xff" + new_seed()[2:]).rstrip(b"=")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "ours": b"# a comment\nPRIVATE+KEY+example.com/log+0123abcd+" + seed + b"\n",
        "pem": pem,
        "long": pem + b"# one of a ring\n" * 2_000,
        "jwk": b'{"kty":"OKP","crv":"Ed25519","d":"' + url + b'"}',
        "bare": url,
        "yaml": b"key: " + bare + b"\nother: [",
        "alias": b"key: *" + url.replace(b"_", b"x"),
        "tag": b"key: !" + url,
        "hex": new_seed().hex().encode(),
        "colons": new_seed()[:-1].hex(":").encode() + b":12",
        "name": bare.replace(b"/", b"x") + b": 1\n",
        "member": b'{"' + bare + b'":{"schema":"' + bare + b'"}}',
        "setting": b"addr: " + bare + b"\npolicy.engine: " + bare,
        "raw": new_seed(),
    }


def parts(secret: bytes) -> set[str]:
    """The runs of a secret that nobody may see: of its letters, and of its bytes spelled."""
    told = b"".join(each for each in secret.splitlines() if each[:1] not in (b"#", b"-"))
    runs = [*re.findall(r"[A-Za-z0-9+/=_:-]{16,}", told.decode("latin-1")), repr(told)[2:-1]]
    runs += [secret.hex()] if len(secret) == len(new_seed()) else []
    return {run[at : at + RUN] for run in runs for at in range(len(run) - RUN + 1)} - {
        run[at : at + RUN] for run in WORDS for at in range(len(run) - RUN + 1)
    }


def leaked(said: str, secret: bytes) -> list[str]:
    seen = "".join(said.split())
    return [part for part in parts(secret) if "".join(part.split()) in seen]


# The ways in which settings can be read wrong.
CONFIGURED = ("ours", "pem", "jwk", "yaml", "alias", "tag", "colons", "setting", "raw")


@pytest.fixture(params=list(secrets()))
def secret(request: pytest.FixtureRequest) -> bytes:
    return secrets()[request.param]


def typed(command: click.Command, given: str, value: str) -> list[str]:
    """The words behind a command's name, with a value in one place."""
    words: list[str] = []
    for each in command.params:
        name = each.name or ""
        if name == given:
            told: str | None = value
        elif name == "server":
            told = "http://127.0.0.1:9"
        else:
            told = OTHERS.get(name, "thing") if each.required or name in BESIDE else None
        if told is not None:
            words += [told if isinstance(each, click.Argument) else f"{each.opts[0]}={told}"]
    return words


class Kept(io.BytesIO):
    """Whoever is done with a stream closes it, and what was said stays."""

    def close(self) -> None:
        """Stay open."""


@contextlib.contextmanager
def heard() -> Iterator[Callable[[], str]]:
    """What is said on both streams meanwhile."""
    told = Kept()
    with contextlib.ExitStack() as stack:
        for redirect in (contextlib.redirect_stdout, contextlib.redirect_stderr):
            stack.enter_context(redirect(io.TextIOWrapper(told, write_through=True)))
        yield lambda: told.getvalue().decode(errors="replace")


def test_no_command_says_what_is_in_a_key(
    secret: bytes, log_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(OTHERS, "file", str(log_file))
    bad: dict[tuple[str, str], str] = {}
    for name, given in PLACES:
        if name in SLOW and given != "places":
            continue
        file, folder = tmp_path / "key", tmp_path / "folder"
        folder.mkdir(exist_ok=True)
        for each in (file, folder / "x.rego", folder / "x_test.rego", folder / "x.json"):
            each.write_bytes(secret)
            each.chmod(0o600)
        # The file, a folder of them, and what a shell makes of $(cat FILE).
        values = [str(folder if given == "folder" else file)]
        if given not in MADE and is_private_key(secret.decode("latin-1")):
            values.append(secret.decode().rstrip("\n"))
        for value in values:
            with heard() as said:
                run([*name.split(), *typed(COMMANDS[name], given, value)])
            if leaked(said(), secret):
                bad[name, given] = said()
    assert not bad


def test_the_verifier_of_one_file_does_not_either(secret: bytes, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(secret)
    for option in ("--key", "--checkpoint", "--event"):
        with heard() as said:
            assert aegis_verify.main([str(file), option, str(file)])
            assert aegis_verify.main([str(file)])
        assert not leaked(said(), secret), said()


def test_a_private_key_itself_in_the_place_of_a_verifier_key_is_not_printed() -> None:
    ours = secrets()["ours"]
    for name, given in PLACES:
        if given == "keys":
            with heard() as said:
                words = typed(COMMANDS[name], given, ours.splitlines()[1].decode())
                assert run([*name.split(), *words]) == 2
            assert not leaked(said(), ours), said()


@pytest.mark.parametrize("secret", CONFIGURED, indirect=True)
def test_the_daemon_does_not_say_what_is_in_a_key(
    secret: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "key"

    async def served(*_: object) -> None:
        """Nothing: it is about what is said up to here."""

    # Never bound: what is configured is read before anybody connects.
    listener = socket.socket()
    monkeypatch.setattr(daemon, "_serve", served)
    monkeypatch.setattr(daemon, "_listen", lambda _address: listener)
    monkeypatch.setattr(os, "_exit", lambda _code: None)
    names = [f for f in config.Settings.__struct_fields__ if f != "signing_command"]
    bad = {}
    ways = [("--config", ""), ("yaml", "dsn"), *(("env", name) for name in names)]
    for way, name in ways:
        file.write_bytes(secret)
        file.chmod(0o600)
        settings = tmp_path / "aegis.yaml"
        settings.write_text(f"{name.replace('_', '.', 1)}: {file}\n" if way == "yaml" else "")
        words = ["--config", str(file if way == "--config" else settings), "--addr", "127.0.0.1:0"]
        if name == "addr":
            del words[2:]
        with monkeypatch.context() as patch, heard() as said:
            if way == "env":
                patch.setenv(f"AEGIS_{name.upper()}", str(file))
            with contextlib.suppress(SystemExit):
                daemon.main.main(words, standalone_mode=False)
        if leaked(said(), secret):
            bad[way, name] = said()
    listener.close()
    assert not bad
