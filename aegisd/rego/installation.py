"""What this installation judges by: its base rules, on one of its engines."""

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from aegisd import resources
from aegisd.ports import Evaluator
from aegisd.rego.bundle import load_directory
from aegisd.rego.engines import choose
from aegisd.rego.judge import RegoJudge
from aegisd.rego.shelter import Shelter
from aegisd.rows import Document
from aegisd.rules_version import rules_version


class Installation(Struct, frozen=True):
    """The base rules by file, and the engine they are judged on."""

    base: Mapping[str, str]
    evaluator: Evaluator

    def judge(
        self, documents: Callable[[bytes], Document | None], supposing: Shelter | None = None
    ) -> RegoJudge:
        """A judge over bundles and manifests that `documents` gives by SHA-256.

        For what-ifs of a log it is given its shelter: such a judge asks nothing twice.
        """
        shelter = Shelter(self.evaluator) if supposing is None else supposing
        return RegoJudge(
            self.evaluator,
            shelter,
            self.base,
            documents,
            rules_version(),
            recalls=supposing is not None,
        )


def base_folder() -> Path:
    """Where the base rules lie. Raises `ConfigInvalid` when the installation lacks them."""
    return resources.policies() / "aegis"


def installation(engine: str = "auto") -> Installation:
    """The rules of this installation, on the engine of that name, or on the preferred one.

    Raises `ConfigInvalid` for an engine that is not installed.
    """
    return Installation(load_directory(base_folder()), choose(engine))
