"""Ed25519, RFC 8032, by way of `cryptography` (OpenSSL), loaded by who has a key or a signature."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED_BYTES = 32


def new_seed() -> bytes:
    """A private key: 32 random bytes."""
    return os.urandom(SEED_BYTES)


def public_key(seed: bytes) -> bytes:
    """The public key of a private one, 32 bytes each."""
    return _private(seed).public_key().public_bytes_raw()


def signing(seed: bytes) -> Callable[[bytes], bytes]:
    """A key made ready: text in, signature out, 64 bytes; the same text always gives the same."""
    return _private(seed).sign


def check(public: bytes, signature: bytes, text: bytes) -> bool:
    """A `core.log.note.SignatureCheck`: whether the signature over `text` is the key's."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except (InvalidSignature, ValueError):
        return False
    return True


def _private(seed: bytes) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    return ed25519.Ed25519PrivateKey.from_private_bytes(seed)
