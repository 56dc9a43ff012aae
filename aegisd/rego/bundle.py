"""A policy bundle: the base rules and an operator's, as one canonical JSON document.

`{"files": {"aegis/…": text, "rules/…": text}}` in RFC 8785 bytes; its digest names it in every
decision. Tests never enter a bundle: they are not part of what decides.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import msgspec
import rfc8785
from msgspec import Struct

from aegisd.core.errors import InvalidJson, PolicyInvalid
from aegisd.core.log.canonical import encode, parse
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.rego.check import admit

BASE_PREFIX = "aegis/"
ENTRY_FILE = "aegis/decision.rego"
TEST_SUFFIX = "_test.rego"

# Where rules find data files: `limits.json` beside them is `data.aegis.rules.tables.limits`.
TABLES = "aegis.rules.tables"

# How the file of rules ends that a data file becomes.
TABLE_SUFFIX = ".json.rego"

# What begins a rule: a word at the start of a line that begins nothing else.
_RULE = re.compile(r"^\s*(?!(?:package|import)\b)[A-Za-z_]", re.MULTILINE)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

# Bytes of Rego in one bundle. A thousand pages of rules; more is data, which belongs in a manifest.
BUNDLE_BYTES_MAX = 1_048_576

# Files in one bundle: each is opened, checked and compiled at every start.
FILES_MAX = 256

# Files that their author may take for data of the rules.
_UNREAD = frozenset({".yaml", ".yml", ".toml"})

# Entries looked at in a folder of policies. A folder this large was not meant to be one.
ENTRIES_MAX = 4_096


class _Document(Struct, frozen=True, forbid_unknown_fields=True):
    files: dict[str, str]


def build(operator_files: Mapping[str, str], base_files: Mapping[str, str]) -> bytes:
    """Bundle two folders' files, keyed by path within their folder, after every load check.

    Raises `PolicyInvalid`, naming file and line.
    """
    body = pack(operator_files, base_files)
    admit(decode(body))
    return body


def pack(operator_files: Mapping[str, str], base_files: Mapping[str, str]) -> bytes:
    """The same bytes without any check. Raises `PolicyInvalid` for text that is no Unicode."""
    files = {
        prefix + path: text
        for prefix, folder in ((BASE_PREFIX, base_files), (OPERATOR_PREFIX, operator_files))
        for path, text in folder.items()
        if not path.endswith(TEST_SUFFIX)
    }
    return _encode(files)


def operator_files(bundle: bytes) -> dict[str, str]:
    """The operator's files of a bundle by path within their folder. Raises as `decode`."""
    return {
        path.removeprefix(OPERATOR_PREFIX): text
        for path, text in decode(bundle).items()
        if path.startswith(OPERATOR_PREFIX)
    }


def digest(bundle: bytes) -> str:
    """SHA-256 of the bytes, in hex."""
    return hashlib.sha256(bundle).hexdigest()


def decode(bundle: bytes) -> dict[str, str]:
    """The files of a bundle by path. Raises `PolicyInvalid` unless its form is canonical."""
    if len(bundle) > BUNDLE_BYTES_MAX:
        raise PolicyInvalid(
            f"a bundle has at most BUNDLE_BYTES_MAX = {BUNDLE_BYTES_MAX} bytes, found {len(bundle)}"
        )
    try:
        files = msgspec.json.decode(bundle, type=_Document).files
    except msgspec.MsgspecError as error:
        raise PolicyInvalid(f"expected a bundle {{files: {{path: text}}}}: {error}") from None
    if len(files) > FILES_MAX:
        raise PolicyInvalid(
            f"a bundle has at most FILES_MAX = {FILES_MAX} files, found {len(files)}"
        )
    for path in files:
        _check_path(path)
    if ENTRY_FILE not in files:
        raise PolicyInvalid(f"expected the base rules in a bundle, found no {ENTRY_FILE}")
    if _encode(files) != bundle:
        raise PolicyInvalid("expected a bundle in the canonical form of RFC 8785, found another")
    return files


def load_directory(path: Path, *, tests: bool = False) -> dict[str, str]:
    """The `*.rego` files below a folder by relative POSIX path; with `tests`, only `*_test.rego`.

    A `*.json` file beside them is data, and becomes a file of rules that gives it; see `TABLES`.

    Symbolic links are refused: what is reviewed is what is loaded. So is a folder without rules: a
    wrong one must not pass for one that forbids nothing. Raises `PolicyInvalid`.
    """
    if not path.is_dir():
        raise PolicyInvalid(f"{path}: expected a folder of .rego files")
    files: dict[str, str] = {}
    left = BUNDLE_BYTES_MAX
    for file in _files(path):
        if file.name.endswith(TEST_SUFFIX) is not tests:
            continue
        if len(files) == FILES_MAX:
            raise PolicyInvalid(f"{path}: more than FILES_MAX = {FILES_MAX} files")
        data = _read(file, left)
        left -= len(data)
        name = file.relative_to(path).as_posix()
        if file.suffix == ".json":
            files[f"{name}.rego"] = _table(file, data)
        else:
            files[name] = _decode_text(file, data)
    if not files and not tests:
        raise PolicyInvalid(f"{path}: expected rules in .rego files, found none")
    return files


def _table(file: Path, data: bytes) -> str:
    """A data file as rules that engines read alike. Raises `PolicyInvalid`."""
    if not _NAME.match(file.stem):
        raise PolicyInvalid(f"{file}: name it by a word of letters, digits and _: rules read it so")
    try:
        value = encode(parse(data)).decode()
    except InvalidJson as error:
        raise PolicyInvalid(f"{file}: {error.message}") from None
    return table(file.stem, value)


def table(name: str, value: str) -> str:
    """The file of rules that gives canonical JSON under a name."""
    return f"package {TABLES}\n\nimport rego.v1\n\n{name} := {value}\n"


def as_written(path: str, text: str) -> tuple[str, str]:
    """A bundle's file as its author's: of a data file its JSON, which bundles to the same again."""
    name = path.removesuffix(".rego")
    head, tail = table(Path(name).stem, "").removesuffix("\n"), "\n"
    if not path.endswith(TABLE_SUFFIX) or not text.startswith(head) or not text.endswith(tail):
        return path, text
    return name, text.removeprefix(head)


def require_rule(files: Mapping[str, str], path: Path) -> None:
    """Refuse a folder in which no rule stands, for a start or an activation that names it.

    Raises `PolicyInvalid`: whoever named it believes that it forbids something.
    """
    rules = (text for name, text in files.items() if not name.endswith(TABLE_SUFFIX))
    if not any(map(_RULE.search, rules)):
        raise PolicyInvalid(
            f"{path}: expected a rule in its .rego files, found none; for the base rules alone "
            "start without `policy`, or type `aegisctl policy deactivate --tenant ID`"
        )


def _files(path: Path) -> Iterator[Path]:
    try:
        entries = sorted(islice(path.rglob("*"), ENTRIES_MAX + 1))
    except OSError as error:
        raise PolicyInvalid(f"{path}: cannot be read: {error.strerror}") from None
    if len(entries) > ENTRIES_MAX:
        raise PolicyInvalid(f"{path}: more than ENTRIES_MAX = {ENTRIES_MAX} entries")
    for entry in entries:
        if entry.is_symlink():
            raise PolicyInvalid(f"{entry}: a symbolic link; put the file itself there")
        if entry.suffix in _UNREAD and entry.name[0] != "." and entry.is_file():
            raise PolicyInvalid(f"{entry} is not read: data beside rules is JSON only")
        if entry.suffix in (".rego", ".json") and entry.is_file():
            yield entry


def _read(file: Path, bytes_max: int) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(bytes_max + 1)
    except OSError as error:
        raise PolicyInvalid(f"{file}: cannot be read: {error.strerror}") from None
    if len(data) > bytes_max:
        raise PolicyInvalid(f"{file}: past BUNDLE_BYTES_MAX = {BUNDLE_BYTES_MAX} bytes in all")
    return data


def _decode_text(file: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise PolicyInvalid(f"{file}: expected UTF-8") from None


def _check_path(path: str) -> None:
    """Paths are names in error messages and in the engine, never opened: plain ASCII is enough."""
    plain = path.isascii() and path.isprintable() and not set(path) & set("\\\"|'`")
    if not plain or not path.startswith((BASE_PREFIX, OPERATOR_PREFIX)):
        raise PolicyInvalid(
            f"expected bundle paths below {BASE_PREFIX} or {OPERATOR_PREFIX} in plain ASCII, "
            f"found {path!r}"
        )
    if not path.endswith(".rego") or path.endswith(TEST_SUFFIX):
        raise PolicyInvalid(f"{path}: expected a .rego file that is not a test")


def _encode(files: Mapping[str, str]) -> bytes:
    try:
        return rfc8785.dumps({"files": dict(files)})
    except rfc8785.CanonicalizationError:
        raise PolicyInvalid("expected text of Unicode characters in a bundle's files") from None
