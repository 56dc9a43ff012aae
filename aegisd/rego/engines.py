"""Which Rego engine judges: the native one where it is installed, else what every wheel brings.

Both are held to the same answers by `tests/rego/test_engines.py`; docs/ENGINES.md lists what is
known to differ.
"""

from typing import Literal, get_args

from aegisd.core.errors import ConfigInvalid
from aegisd.core.quoting import named
from aegisd.ports import Evaluator

Choice = Literal["auto", "regorus", "regopy"]

CHOICES: tuple[str, ...] = get_args(Choice)


def installed() -> tuple[str, ...]:
    """The engines of this installation by name, the preferred one first."""
    return ("regorus", "regopy") if _regorus() is not None else ("regopy",)


def choose(choice: str) -> Evaluator:
    """The engine that `auto`, `regorus` or `regopy` means here.

    Raises `ConfigInvalid` for an engine that is not installed: nothing configured is ignored.
    """
    if choice not in CHOICES:
        raise ConfigInvalid(
            f"policy.engine: expected one of {', '.join(CHOICES)}, found {named(choice)}"
        )
    native = None if choice == "regopy" else _regorus()
    if native is not None:
        return native
    if choice == "regorus":
        raise ConfigInvalid(
            "the engine regorus (--engine, or the setting policy.engine) needs the module "
            "aegis_regorus, which is not installed; build it with `pip install ./native` (needs "
            "Rust), or choose auto or regopy"
        )
    # Loading rego-cpp takes a tenth of a second, which only those who use it shall wait.
    from aegisd.rego.regopy_engine import RegopyEvaluator  # noqa: PLC0415

    return RegopyEvaluator()


def _regorus() -> Evaluator | None:
    try:
        from aegisd.rego.regorus_engine import RegorusEvaluator  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        if missing.name != "aegis_regorus":
            raise
        return None
    except ImportError as error:
        raise ConfigInvalid(
            f"policy.engine: aegis_regorus is installed and cannot be loaded: {error}; build it "
            "again with `pip install --force-reinstall ./native`, or uninstall it"
        ) from None
    return RegorusEvaluator()
