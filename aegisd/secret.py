"""What may be a key in what somebody named by mistake, kept out of what is said about it.

A message about a file that cannot be read often quotes what was found. Where that file is a private
key, the quote is the key. So whoever says something asks here what the caller has named.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

# Characters in a row from which on a secret is worth guessing the rest.
RUN_CHARACTERS = 16

# Bytes of a file that may be a key: keys have a few hundred, a ring of ours some thousand.
SECRET_BYTES_MAX = 16_384

# Files of a named folder that are looked at: a folder of keys has a few.
SECRET_FILES_MAX = 256

# Base64 of either alphabet and hex; text and names of files have other characters between.
_RUN = re.compile(rf"[A-Za-z0-9+/=]{{{RUN_CHARACTERS},}}")
# What every private key says of itself, ours and those of PEM. The name of a file is no secret.
_MARK = "PRIVATE"
_DIGIT = re.compile(r"[0-9]")


def without_secrets(text: str, named: Iterable[str]) -> str:
    """The text without what may be a key in one of the files, folders or values that are named.

    What is taken out is a run of `RUN_CHARACTERS` or more letters, digits and signs of base64 that
    holds a digit and has as many characters in common with a run of such a file.
    """
    if not _RUN.search(text):
        return text
    kept = {part for each in named for part in _parts(_content(each))}
    return _RUN.sub(lambda found: _shown(found[0], kept), text)


def _shown(run: str, kept: set[str]) -> str:
    return f"({len(run)} characters)" if any(part in kept for part in _cut(run)) else run


def _parts(contents: Iterable[str]) -> Iterator[str]:
    for content in contents:
        for run in _RUN.findall(content):
            if _DIGIT.search(run):
                yield from _cut(run)


def _cut(run: str) -> Iterator[str]:
    return (run[at : at + RUN_CHARACTERS] for at in range(len(run) - RUN_CHARACTERS + 1))


def _content(named: str) -> Iterator[str]:
    """What a name stands for: the text of a file, of the files of a folder, a key in its place."""
    if _MARK in named:
        yield named
    path = Path(named)
    try:
        files = sorted(path.iterdir())[:SECRET_FILES_MAX] if path.is_dir() else [path]
        for file in files:
            if file.is_file() and file.stat().st_size <= SECRET_BYTES_MAX:
                yield file.read_bytes().decode("latin-1")
    except (OSError, ValueError):
        # Too long for a name, with a null byte in it, or not to be read: nothing was quoted of it.
        return
