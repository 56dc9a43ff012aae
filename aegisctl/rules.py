"""The judge that replay and policy checks ask: the base rules of this installation, on its engine.

Imported by the verbs that need it only: loading the engine takes longer than most verbs run.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

from aegisd import resources
from aegisd.core.errors import PolicyInvalid
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.ports import Document
from aegisd.rego.bundle import load_directory
from aegisd.rego.judge import RegoJudge
from aegisd.rego.regopy_engine import RegopyEvaluator
from aegisd.rules_version import rules_version


def base_folder() -> Path:
    """Where the base rules lie. Raises `ConfigInvalid` when the installation lacks them."""
    return resources.policies() / "aegis"


def judge(find: Callable[[bytes], Document | None]) -> RegoJudge:
    """A judge over documents that `find` gives by SHA-256."""
    return RegoJudge(RegopyEvaluator(), load_directory(base_folder()), find, rules_version())


def bundle(folder: Path, judging: RegoJudge) -> Document:
    """The base rules and a folder's, as the daemon would load them.

    Raises `PolicyInvalid`, naming the file in that folder and its line.
    """
    try:
        body = judging.bundle(load_directory(folder))
    except PolicyInvalid as error:
        raise PolicyInvalid(in_folder(error.message, folder)) from None
    return Document(digest=hashlib.sha256(body).digest(), kind="bundle", body=body)


def in_folder(message: str, folder: Path) -> str:
    """A message about a file of a bundle, naming the file where it lies."""
    if not message.startswith(OPERATOR_PREFIX):
        return message
    return f"{folder}/{message.removeprefix(OPERATOR_PREFIX)}"
