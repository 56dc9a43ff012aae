"""Keys that never leave their vault: a program signs, we give it the text and check the answer."""

import base64
import shlex
import subprocess

from aegisd.core.errors import ConfigInvalid, NoteInvalid, SigningFailed
from aegisd.core.log import note
from aegisd.core.log.note import SIGNATURE_BYTES, Key
from aegisd.signing import ed25519

# Seconds for one signature. A remote vault answers in well under one; past this it is not there.
COMMAND_SECONDS_MAX = 10


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
        program = self._arguments[0]
        try:
            done = subprocess.run(  # noqa: S603 - the operator's own program, without a shell
                self._arguments,
                input=text.encode(),
                capture_output=True,
                timeout=COMMAND_SECONDS_MAX,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise SigningFailed(f"{program} did not sign: {type(error).__name__}") from None
        if done.returncode:
            raise SigningFailed(f"{program} did not sign: it ended with {done.returncode}")
        try:
            signature = base64.b64decode(done.stdout.strip(), validate=True)
        except ValueError:
            signature = b""
        public = Key(name=origin, public=self._key.public)
        held = len(signature) == SIGNATURE_BYTES
        if not held or not ed25519.check(public.public, signature, text.encode()):
            raise SigningFailed(
                f"{program} answered what is no signature of {self._key}; expected base64 of 64 "
                "bytes, Ed25519 over exactly the bytes it was given"
            )
        return note.write(text, [(public, signature)])

    def keys(self, now_ms: int) -> tuple[Key, ...]:  # noqa: ARG002 - one key, no end
        """See `aegisd.ports.Signer.keys`."""
        return (self._key,)
