"""Keys that never leave their vault: a program signs, we give it the text and check the answer."""

import base64
import os
import shlex
import signal
import subprocess
import threading
from contextlib import suppress

from aegisd.core.errors import ConfigInvalid, NoteInvalid, SigningFailed
from aegisd.core.log import note
from aegisd.core.log.note import SIGNATURE_BYTES, Key
from aegisd.signing import ed25519
from aegisd.signing.keyring import is_signed

# Seconds for one signature. A remote vault answers in well under one; past this it is not there.
COMMAND_SECONDS_MAX = 10


# Bytes of an answer: the base64 of a signature takes 88, and some programs add a line end.
ANSWER_BYTES_MAX = 1024


class SigningCommand:
    """A `ports.Signer` that runs a program for each signature.

    The program gets the note text on standard input and prints the Ed25519 signature over exactly
    those bytes as base64. Its answer is checked against the public key before it is used.
    """

    def __init__(self, command: str, verifier_key: str) -> None:
        """`verifier_key` is `<log name>+id+base64`. Raises `ConfigInvalid`."""
        try:
            self._arguments = shlex.split(command)
            self._key = note.read_key(verifier_key)
        except ValueError as error:
            raise ConfigInvalid(f"signing.command: {error}") from None
        except NoteInvalid as error:
            raise ConfigInvalid(f"signing.public_key: {error.message}") from None
        if not self._arguments:
            raise ConfigInvalid("signing.command: expected a program and its arguments")
        self.log_name = self._key.name

    def sign(self, origin: str, text: str, now_ms: int) -> str:  # noqa: ARG002 - one key, no end
        """See `aegisd.ports.Signer.sign`. Raises `SigningFailed`."""
        try:
            signature = base64.b64decode(self._ask(text.encode()).strip(), validate=True)
        except ValueError:
            signature = b""
        public = Key(name=origin, public=self._key.public)
        held = len(signature) == SIGNATURE_BYTES
        if not held or not ed25519.check(public.public, signature, text.encode()):
            raise SigningFailed(
                f"{self._arguments[0]} answered what is no signature of {self._key}; expected "
                "base64 of 64 bytes, Ed25519 over exactly the bytes it was given"
            )
        return note.write(text, [(public, signature)])

    def _ask(self, text: bytes) -> bytes:
        """What the program prints. It and what it started are ended after `COMMAND_SECONDS_MAX`."""
        program = self._arguments[0]
        try:
            process = subprocess.Popen(  # noqa: S603 - the operator's own program, without a shell
                self._arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise SigningFailed(f"{program} did not sign: {error.strerror}") from None
        late = threading.Event()

        def end() -> None:
            late.set()
            _end(process)

        timer = threading.Timer(COMMAND_SECONDS_MAX, end)
        timer.start()
        try:
            answer = _exchange(process, text)
        finally:
            timer.cancel()
            _end(process)
        if late.is_set():
            raise SigningFailed(
                f"{program} did not sign within COMMAND_SECONDS_MAX = {COMMAND_SECONDS_MAX} s"
            )
        if len(answer) > ANSWER_BYTES_MAX:
            raise SigningFailed(
                f"{program} answered more than ANSWER_BYTES_MAX = {ANSWER_BYTES_MAX} bytes"
            )
        if process.returncode:
            raise SigningFailed(f"{program} did not sign: it ended with {process.returncode}")
        return answer

    def signed(self, note: str, now_ms: int) -> bool:
        """See `aegisd.ports.Signer.signed`."""
        return is_signed(note, self.keys(now_ms))

    def keys(self, now_ms: int) -> tuple[Key, ...]:  # noqa: ARG002 - one key, no end
        """See `aegisd.ports.Signer.keys`."""
        return (self._key,)


def _exchange(process: "subprocess.Popen[bytes]", text: bytes) -> bytes:
    """Give a program its input and take its answer; the program has ended or is to be ended."""
    answer = b""
    # A program that does not read is one that does not sign; its answer tells.
    with suppress(BrokenPipeError):
        if process.stdin is not None:
            with process.stdin as given:
                given.write(text)
    if process.stdout is not None:
        with process.stdout as printed:
            answer = printed.read(ANSWER_BYTES_MAX + 1)
    if len(answer) > ANSWER_BYTES_MAX:
        _end(process)
    process.wait()
    return answer


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a program and whatever it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
