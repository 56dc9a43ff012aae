"""Where the files that are not Python lie: policies, manifests, demo sessions, conformance packs.

A wheel carries them inside the package, `policies` as `_policies` and so on; a checkout has them at
its root. The package's own copy is looked for first: beside an installed package any
other distribution may have left a folder called `policies`, and that one must never be trusted.
"""

from pathlib import Path

from aegisd.core.errors import ConfigInvalid

_PACKAGE = Path(__file__).resolve().parent


def policies() -> Path:
    """The folder of Rego bundles. Raises `ConfigInvalid` when the installation lacks it."""
    return _folder("_policies", "policies")


def manifests() -> Path:
    """The folder of example manifests. Raises `ConfigInvalid` when the installation lacks it."""
    return _folder("_manifests", "manifests")


def sessions() -> Path:
    """The folder of recorded demo sessions. Raises `ConfigInvalid` when it is not installed."""
    return _folder("_sessions", "conformance/sessions")


def packs() -> Path:
    """The folder of conformance packs. Raises `ConfigInvalid` when it is not installed."""
    return _folder("_packs", "conformance/packs")


def _folder(in_wheel: str, in_checkout: str) -> Path:
    checkout = _PACKAGE.parent
    if (_PACKAGE / in_wheel).is_dir():
        return _PACKAGE / in_wheel
    if (checkout / "pyproject.toml").is_file() and (checkout / in_checkout).is_dir():
        return checkout / in_checkout
    raise ConfigInvalid(
        f"expected the folder {_PACKAGE / in_wheel} of a wheel, or {checkout / in_checkout} of a "
        "checkout; found neither. Install Aegis again, or run it from a whole checkout"
    )
