"""Style is a written argument plus a test: the rules hold here, and each of them bites."""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import tidy

ROOT = Path(__file__).resolve().parent.parent

Check = Callable[[Path], Iterator[str]]

# Each rule with a small breach of it: the file to write, and what to write there.
BREACHES: list[tuple[Check, str, str]] = [
    (tidy.impure_imports, "aegisd/core/a.py", "import time"),
    (tidy.impure_imports, "aegisd/core/a.py", "from datetime import datetime"),
    (tidy.impure_imports, "aegisd/core/a.py", "import collections, os.path"),
    (tidy.impure_imports, "aegisd/core/a.py", "import urllib.request"),
    (tidy.impure_imports, "aegisd/core/a.py", "from urllib import request"),
    (tidy.impure_imports, "aegisd/core/a.py", "def now():\n    from time import time"),
    (tidy.impure_imports, "aegisd/core/deep/er/a.py", "from aegisd.store import sqlite"),
    (tidy.impure_imports, "aegisd/core/a.py", "import aegisd"),
    (tidy.impure_names, "aegisd/core/a.py", "x = hash('a')"),
    (tidy.impure_names, "aegisd/core/a.py", "x = sorted([], key=id)"),
    (tidy.impure_names, "aegisd/core/a.py", "open('/etc/passwd')"),
    (tidy.impure_names, "aegisd/core/a.py", "__import__('time')"),
    (tidy.relative_imports, "aegisctl/a.py", "from . import b"),
    (tidy.future_annotations, "tests/test_a.py", "from __future__ import annotations"),
    (tidy.long_modules, "aegisd/a.py", "x = 1\n" * 401),
    (tidy.long_modules, "tests/test_a.py", "x = 1\n" * 601),
    (tidy.long_functions, "aegisd/a.py", "def f():\n" + "    x = 1\n" * 60),
    (tidy.long_functions, "aegisd/a.py", "async def f():\n" + "    x = 1\n" * 60),
    (tidy.empty_module_names, "aegisd/utils.py", ""),
    (tidy.empty_module_names, "aegisd/common/a.py", ""),
    (tidy.empty_module_names, "tests/test_helpers.py", ""),
    (tidy.empty_class_names, "aegisctl/a.py", "class EventManager: pass"),
    (tidy.empty_class_names, "tests/test_a.py", "class SlowService: pass"),
    (tidy.broad_excepts, "aegisd/a.py", "try: pass\nexcept: pass"),
    (tidy.broad_excepts, "aegisd/a.py", "try: pass\nexcept Exception: raise"),
    (tidy.broad_excepts, "aegisd/a.py", "try: pass\nexcept (OSError, BaseException): pass"),
    (tidy.broad_excepts, "aegisd/a.py", "with contextlib.suppress(builtins.Exception): pass"),
    (tidy.asserts, "aegisd/core/words.py", "assert allowed"),
    (tidy.second_compositions, "tests/engine/world.py", "engine = Engine(store=store)"),
    (tidy.second_compositions, "aegisd/daemon.py", "def f(): return Engine()"),
    (tidy.unfinished, "aegisd/a.py", "# TO" + "DO: later"),
    (tidy.unfinished, "Makefile", "# FIX" + "ME"),
    (tidy.machine_paths, "docs/a.md", "see /wor" + "k/main"),
    (tidy.machine_paths, "conformance/a.json", '"/tmp/ba' + 'sh_jobs"'),
    (tidy.unexplained_bounds, "aegisd/a.py", "# One.\nx = 1\nBODY_BYTES_MAX = 2**20"),
    (tidy.unexplained_bounds, "aegisd/a.py", "class A:\n    DEPTH_MAX: int = 64"),
    (tidy.unmirrored_modules, "aegisd/core/log/chain.py", "def link(): pass"),
    (tidy.unmirrored_modules, "aegisd/core/state/__init__.py", "def fold(): pass"),
    (tidy.unmirrored_modules, "aegisctl/keys.py", "class Key:\n    def show(self): return 1"),
    (tidy.changelog_version, "CHANGELOG.md", "## Unreleased\n\n## 0.0.9\n"),
    (tidy.changelog_version, "CHANGELOG.md", "## Unreleased\n"),
]
CHECKS = sorted({check for check, _, _ in BREACHES}, key=lambda check: check.__name__)

# Kept to the letter, with something just inside each bound.
TIDY_TREE = {
    "aegisd/__init__.py": '__version__ = "1.2.3"\n',
    "aegisd/core/budget.py": (
        "import collections.abc\n"
        "from urllib.parse import urlsplit\n"
        "from aegisd.core import errors\n"
        "def digest(event): return event.hash\n"
    ),
    "aegisd/core/words.py": "WORDS = ('a', 'b')\n",
    "aegisd/long.py": "x = 1\n" * 400,
    "tests/test_long.py": "x = 1\n" * 600,
    "aegisd/bounds.py": "# Bytes. A page.\nA_MAX = 1\nB_MAX = 2  # Seconds. A breath.\n",
    "aegisd/function.py": 'def f():\n    """One.\n\n    Two.\n    """\n' + "    x = 1\n" * 59,
    "aegisd/caught.py": "def f():\n    try: pass\n    except OSError: pass\n",
    "aegisd/compose.py": "engine = Engine()\n",
    "tests/core/test_budget.py": "assert True\n",
    "tests/test_caught.py": "",
    "tests/test_function.py": "",
    "aegisd/port.py": 'class Port:\n    def read(self):\n        """Bytes."""\n',
    "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n## [1.2.3] - 2026-01-01\n\n## [1.2.2]\n",
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tidy, "BROAD_EXCEPT_ALLOWED", frozenset())
    monkeypatch.setattr(tidy, "HELD_BY", {})
    for name, text in TIDY_TREE.items():
        write(tmp_path / name, text)
    (tmp_path / "conformance").mkdir()
    (tmp_path / "conformance/bytes.json").write_bytes(b"\xff\xfe")
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


@pytest.mark.parametrize("check", CHECKS)
def test_this_checkout_keeps_the_rule(check: Check) -> None:
    complaints = list(check(ROOT))
    assert not complaints, "\n".join([check.__doc__ or "", *complaints])


@pytest.mark.parametrize("check", CHECKS)
def test_a_tree_that_keeps_the_rule_draws_no_complaint(check: Check, tree: Path) -> None:
    assert list(check(tree)) == []


@pytest.mark.parametrize(("check", "name", "text"), BREACHES)
def test_a_breach_is_named_with_its_file(check: Check, name: str, text: str, tree: Path) -> None:
    write(tree / name, text)
    assert {complaint.partition(":")[0] for complaint in check(tree)} == {name}


def test_every_check_is_turned_on_this_checkout() -> None:
    shape = {"root": Path, "return": Iterator[str]}
    found = {n for n, v in vars(tidy).items() if getattr(v, "__annotations__", None) == shape}
    assert found == {check.__name__ for check in CHECKS}


def test_a_listed_function_may_catch_everything_and_its_neighbour_may_not(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidy, "BROAD_EXCEPT_ALLOWED", frozenset({"aegisd/a.py::edge"}))
    body = "    try: pass\n    except Exception: raise\n"
    write(tree / "aegisd/a.py", f"def edge():\n{body}def other():\n{body}")
    assert [complaint.split(" ")[1] for complaint in tidy.broad_excepts(tree)] == ["other"]


def test_a_listed_function_that_catches_nothing_leaves_the_list(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidy, "BROAD_EXCEPT_ALLOWED", frozenset({"aegisd/caught.py::f"}))
    assert "aegisd/caught.py::f" in next(tidy.broad_excepts(tree))


def test_a_suite_may_hold_modules_of_other_places_while_both_are_there(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tree / "aegisd/store/a.py", "def read(): return 1")
    write(tree / "tests/store/contract.py", "")
    monkeypatch.setattr(tidy, "HELD_BY", {"tests/store/contract.py": ("aegisd/store/a.py",)})
    assert list(tidy.unmirrored_modules(tree)) == []
    (tree / "tests/store/contract.py").unlink()
    assert "contract.py, which is not there" in next(tidy.unmirrored_modules(tree))
    write(tree / "tests/store/test_a.py", "")
    assert "has its tests in tests/store/test_a.py" in next(tidy.unmirrored_modules(tree))
    (tree / "aegisd/store/a.py").unlink()
    assert "no module with a function" in next(tidy.unmirrored_modules(tree))


def test_a_checkout_answers_for_new_files_and_not_for_ignored_ones(tree: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    write(tree / ".gitignore", "ignored.md\n")
    write(tree / "ignored.md", "/wor" + "k/main")
    write(tree / "new.md", "/wor" + "k/main")
    assert [complaint.partition(":")[0] for complaint in tidy.machine_paths(tree)] == ["new.md"]


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "ruff", "check", "--quiet"],
        [sys.executable, "-m", "ruff", "format", "--check", "--quiet"],
        [sys.executable, "-m", "mypy", "--no-error-summary"],
        [str(Path(sysconfig.get_path("scripts"), "lint-imports")), "--no-logo"],
    ],
    ids=["ruff check", "ruff format", "mypy", "import-linter"],
)
def test_the_style_tools_have_nothing_to_say(command: list[str]) -> None:
    ran = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_an_import_that_a_contract_forbids_is_caught(tmp_path: Path) -> None:
    for name in (".importlinter", "aegis", "aegisd", "aegisctl"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    for name, line in (
        ("aegisctl/replay.py", "from aegisctl.verify import command"),
        ("aegisctl/sentences.py", ""),
        ("aegisd/audit/log.py", "import click"),
        ("aegisd/core/budget.py", "import time"),
    ):
        with (tmp_path / name).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    command = [str(Path(sysconfig.get_path("scripts"), "lint-imports")), "--no-logo", "--no-cache"]
    ran = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert "aegisctl.replay is not allowed to import aegisctl.verify" in ran.stdout
    assert "- aegisctl.sentences" in ran.stdout
    assert "aegisd.audit is not allowed to import click" in ran.stdout
    assert "aegisd.core is not allowed to import time" in ran.stdout
    assert ran.returncode == 1
