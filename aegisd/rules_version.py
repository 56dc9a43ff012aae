"""Which rules this build applies: a digest over core's own source and what it computes with.

Two builds with the same `rules_version` fold and decide alike. The digest covers every module of
`aegisd.core`, the versions of the libraries core may import, and the Unicode data in use.
"""

import hashlib
import importlib.metadata
import unicodedata
from functools import cache
from pathlib import Path

import aegisd.core

_LIBRARIES = ("idna", "jsonschema-rs", "msgspec", "rfc8785")


@cache
def rules_version() -> str:
    """Hex SHA-256; the same on every machine that runs the same sources and libraries."""
    digest = hashlib.sha256()
    root = Path(aegisd.core.__file__).parent
    for source in sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix()):
        text = source.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{source.relative_to(root).as_posix()}\0{len(text)}\0".encode())
        digest.update(text)
    for library in _LIBRARIES:
        digest.update(f"{library} {importlib.metadata.version(library)}\0".encode())
    digest.update(f"unicode {unicodedata.unidata_version}".encode())
    return digest.hexdigest()
