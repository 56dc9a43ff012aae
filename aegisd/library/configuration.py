"""What a gate is told at its start: a manifest and rules, as files or as they are."""

import os
from collections.abc import Mapping
from pathlib import Path

from aegisd.core import capabilities
from aegisd.core.capabilities import Capabilities
from aegisd.core.errors import AegisError, ConfigInvalid
from aegisd.rego import bundle

FilePath = str | os.PathLike[str]
Manifest = FilePath | Mapping[str, object]
Policy = FilePath | Mapping[str, str]


def read_manifest(manifest: Manifest) -> Capabilities:
    """A manifest from a file, or from its own fields.

    Raises `ConfigInvalid` for a file that cannot be read, and `ManifestInvalid`.
    """
    if isinstance(manifest, Mapping):
        return capabilities.from_value(dict(manifest))
    try:
        data = Path(manifest).read_bytes()
    except OSError as error:
        raise ConfigInvalid(f"manifest {manifest}: cannot be read: {error.strerror}") from None
    try:
        return capabilities.read(data)
    except AegisError as error:
        raise ConfigInvalid(f"manifest {manifest}: {error.message}") from None


def read_policy(policy: Policy | None) -> Mapping[str, str]:
    """An operator's Rego files by name, from a folder or as they are. Raises `PolicyInvalid`."""
    if policy is None:
        return {}
    return policy if isinstance(policy, Mapping) else bundle.load_directory(Path(policy))
