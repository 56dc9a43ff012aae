"""Planted bugs, each small enough to slip through a review: the suite must kill every one.

A mutant is applied to a copy of the checkout, and the named tests are run there. They pass in the
suite and must fail in the copy; a mutant that no longer fits the source fails its test too.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
COPIED = (
    "aegis",
    "aegisd",
    "aegisctl",
    "policies",
    "manifests",
    "conformance",
    "tests",
    "pyproject.toml",
)


class Mutant(NamedTuple):
    """One wrong line: `old` stands once in `file`, and `killers` are the tests that see `new`."""

    name: str
    file: str
    old: str
    new: str
    killers: tuple[str, ...]


MUTANTS = (
    Mutant(
        "log: a missing link is taken for a first event",
        "aegisd/core/log/chain.py",
        "if event.prev_hash != head:",
        "if event.prev_hash and event.prev_hash != head:",
        ("tests/core/log/test_chain.py",),
    ),
    Mutant(
        "log: an escaped backslash before u003a counts as a colon",
        "aegisd/core/log/canonical.py",
        r'rb"(?<!\\)(?:\\\\)*\\u003[aA]"',
        r'rb"\\u003[aA]"',
        ("tests/core/log/test_canonical.py",),
    ),
    Mutant(
        "log: one column is not compared with the bytes",
        "aegisd/core/log/chain.py",
        '    "user_id",\n',
        "",
        ("tests/core/log/test_chain.py",),
    ),
    Mutant(
        "decide: one proposal too many after the end",
        "aegisd/core/decide.py",
        "session.after_end < AFTER_END_MAX",
        "session.after_end <= AFTER_END_MAX",
        ("tests/core/test_decide.py",),
    ),
    Mutant(
        "decide: only the seq of a condition is held",
        "aegisd/core/decide.py",
        "if wrong_seq or wrong_hash:",
        "if wrong_seq:",
        ("tests/core/test_decide.py",),
    ),
    Mutant(
        "decide: a late result settles a call that was denied",
        "aegisd/core/state/fold.py",
        "if known is None or known[1] != ALLOWED or",
        "if known is None or",
        ("tests/core/state/test_fold.py",),
    ),
    Mutant(
        "policy: an ask outranks a deny",
        "aegisd/core/policy/verdict.py",
        '"deny" if denials else "require_approval" if asks else "allow"',
        '"require_approval" if asks else "deny" if denials else "allow"',
        ("tests/core/policy/test_verdict.py",),
    ),
    Mutant(
        "policy: an operator's rule can lift a constraint",
        "aegisd/core/policy/verdict.py",
        "min(_limit(before), _limit(claim.value))",
        "max(_limit(before), _limit(claim.value))",
        ("tests/core/policy/test_verdict.py",),
    ),
    Mutant(
        "policy: N allows N + 1 tool calls",
        "policies/aegis/budget.rego",
        "limit := data.manifest.budgets.tool_calls\n\tis_number(consumed)\n\tis_number(limit)\n"
        "\tfloor(consumed) == consumed\n\tconsumed < limit",
        "limit := data.manifest.budgets.tool_calls\n\tis_number(consumed)\n\tis_number(limit)\n"
        "\tfloor(consumed) == consumed\n\tconsumed <= limit",
        ("tests/rego/test_base_policy.py",),
    ),
    Mutant(
        "policy: a path beside the root is inside it",
        "policies/aegis/path.rego",
        'startswith(concat("", [path, "/"]), concat("", [root, "/"]))',
        "startswith(path, root)",
        ("tests/rego/test_base_policy.py",),
    ),
    Mutant(
        "engine: a commit that failed is answered",
        "aegisd/engine/writer.py",
        "            _refuse(decided, error)\n            return False\n        except Exception",
        "            pass\n        except Exception",
        ("tests/engine/test_failure.py",),
    ),
    Mutant(
        "store: a batch need not continue the log",
        "aegisd/store/memory.py",
        "if found != batch.first_position:",
        "if found > batch.first_position:",
        ("tests/store/test_memory.py",),
    ),
    Mutant(
        "evidence: the newer root of a consistency proof is not compared",
        "aegisd/core/log/merkle.py",
        "return old == first_root and new == second_root",
        "return old == first_root",
        ("tests/core/log/test_merkle.py",),
    ),
    Mutant(
        "evidence: nodes are hashed as leaves",
        "aegisd/core/log/merkle.py",
        'return sha256(b"\\1" + left + right).digest()',
        'return sha256(b"\\0" + left + right).digest()',
        ("tests/core/log/test_merkle.py",),
    ),
    Mutant(
        "evidence: a signature of another length is believed",
        "aegisd/core/log/note.py",
        "if not held or not check(",
        "if held and not check(",
        ("tests/core/log/test_note.py",),
    ),
    Mutant(
        "evidence: a checkpoint is published before its root is stored",
        "aegisd/engine/signed_log.py",
        "        self._grow(growth)\n        tree.kept(growth)\n        return self._publish(head)",
        "        told = self._publish(head)\n        self._grow(growth)\n        return told",
        ("tests/engine/test_checkpoints.py",),
    ),
    Mutant(
        "evidence: a start does not ask the guard",
        "aegisd/engine/rollback.py",
        "if not accept_rollback:",
        "if not accept_rollback and rolled_back is None:",
        ("tests/engine/test_rollback.py",),
    ),
    Mutant(
        "evidence: a recovered tree is not held to its checkpoint",
        "aegisd/engine/tree.py",
        "        if kept is not None:\n            self.require(kept)",
        "        if kept is None:\n            return",
        ("tests/engine/test_tree.py",),
    ),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_the_suite_kills_a_planted_bug(mutant: Mutant, tmp_path: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__")
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=ignored)
        else:
            shutil.copy(source, tmp_path / name)
    file = tmp_path / mutant.file
    text = file.read_text()
    assert text.count(mutant.old) == 1, f"{mutant.old!r} does not stand once in {mutant.file}"
    file.write_text(text.replace(mutant.old, mutant.new))
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *mutant.killers], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    # 1 is "tests ran and some failed"; anything else (no tests, an import error) is no kill.
    assert done.returncode == 1, f"the planted bug lives: {done.stdout[-2000:]}"
