"""The manifests and policies that a pack names: written out, beside it, or installed with Aegis.

A pack may be a stranger's, so no name leads out of its folder.
"""

from collections.abc import Mapping
from pathlib import Path

from aegisd import resources
from aegisd.conformance.step import Json
from aegisd.core.errors import AegisError, ConfigInvalid
from aegisd.core.log.canonical import parse
from aegisd.core.manifest.parse import MANIFEST_BYTES_MAX
from aegisd.rego.bundle import load_directory


def manifest(value: Json, folder: Path) -> Json:
    """A manifest's fields, not yet judged: a case may be about one that is refused.

    Raises `ConfigInvalid` for a file that cannot be read.
    """
    if set(value) == {"file"}:
        return _read(_inside(folder, value["file"]))
    if set(value) == {"example"}:
        return _read(_inside(resources.manifests(), value["example"]).with_suffix(".json"))
    return value


def policy(value: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Rego files by name, not yet compiled. Raises `ConfigInvalid` for what cannot be read."""
    if set(value) == {"folder"}:
        return _load(_inside(folder, value["folder"]))
    if set(value) == {"example"}:
        return _load(_inside(resources.policies() / "examples", value["example"]))
    for name in value:
        if not name.endswith(".rego"):
            raise ConfigInvalid(f"expected file names that end in .rego, found {name!r}")
    return dict(value)


def _inside(folder: Path, name: object) -> Path:
    if not isinstance(name, str) or not name or "\0" in name:
        raise ConfigInvalid("expected the name of a file or folder as text")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ConfigInvalid(f"{name!r} leads out of the folder it is looked for in")
    return path


def _read(path: Path) -> Json:
    try:
        with path.open("rb") as opened:
            data = opened.read(MANIFEST_BYTES_MAX + 1)
        if len(data) > MANIFEST_BYTES_MAX:
            raise ConfigInvalid(f"{path.name}: longer than {MANIFEST_BYTES_MAX:,} bytes")
        value = parse(data)
    except OSError as error:
        raise ConfigInvalid(f"{path.name}: cannot be read: {error.strerror}") from None
    except AegisError as error:
        raise ConfigInvalid(f"{path.name}: {error.message}") from None
    if not isinstance(value, dict):
        raise ConfigInvalid(f"{path.name}: expected a JSON object")
    return value


def _load(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        raise ConfigInvalid(f"{folder.name}: expected a folder of Rego files, found none")
    try:
        return dict(load_directory(folder))
    except AegisError as error:
        raise ConfigInvalid(error.message) from None
