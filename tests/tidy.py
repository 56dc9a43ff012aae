"""The house rules that no off-the-shelf tool knows, as functions from a tree to complaints.

Each takes the root of a checkout and yields one sentence per breach, `path:line: what is wrong`,
so that `test_tidy.py` can turn them on this checkout and on small trees broken on purpose.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

# Lines. Past this a module has two nouns; a suite of tests may tell a longer story.
MODULE_LINES_MAX = 400
SUITE_LINES_MAX = 600
# Lines. One file by design: an auditor copies it, and reads it from top to bottom.
LONG_MODULES = {"conformance/verifier/aegis_verify.py": 1022}
# Lines without the docstring. The p95 of the Python code we admire is under 46, its longest 58.
FUNCTION_LINES_MAX = 60

PRODUCT = ("aegis", "aegisd", "aegisctl")
CODE = (*PRODUCT, "benchmarks", "conformance", "drills", "scripts", "tests")

# What can give no other answer tomorrow, elsewhere, or in another process. A name stands for the
# modules below it too; `urllib.parse` does not stand for `urllib.request`.
CORE_MAY_IMPORT = frozenset(
    {"aegisd.core", "base64", "bisect", "collections", "dataclasses", "decimal", "enum"}
    | {"functools", "hashlib", "hmac", "idna", "ipaddress", "itertools", "jsonschema_rs", "math"}
    | {"msgspec", "re", "rfc8785", "struct", "typing", "unicodedata", "urllib.parse"}
)
# I/O, answers that differ between processes, and doors to code no reader can see.
CORE_MAY_NOT_NAME = frozenset(
    {"__import__", "breakpoint", "compile", "eval", "exec", "hash", "id", "input", "open", "print"}
)

# Names that say a noun was not found. A function lives with the noun it serves.
BANNED_MODULES = frozenset({"common", "helper", "helpers", "misc", "util", "utils"})
BANNED_SUFFIXES = ("Handler", "Helper", "Manager", "Processor", "Service", "Util", "Utils")

# The only places that may catch everything, as `path::function`. Each re-raises, or answers deny
# and records why: an entry needs a sentence beside it.
BROAD_EXCEPT_ALLOWED: frozenset[str] = frozenset(
    {
        # Any failure to decide a batch denies all of it; the state is read again.
        "aegisd/engine/writer.py::_decide",
        # A failure over one caller's work is that caller's answer, and nothing of it is written.
        "aegisd/engine/batch.py::decide",
        # The same for what cannot be read or had before a batch of a shared log is decided.
        "aegisd/engine/writer.py::_begin",
        # Whatever a store raises that its port does not name, the process ends without an answer.
        "aegisd/engine/writer.py::_commit",
        "aegisd/engine/writers.py::_keep",
        # What is due for a tenant goes before each of its decisions: all of them are refused.
        "aegisd/engine/rollout.py::_settle",
        # A writer that ends for an unforeseen reason would leave callers waiting: the process ends.
        "aegisd/engine/writer.py::_run",
        # Who follows the log decides nothing: one that fails is lost, and no call with it.
        "aegisd/engine/engine.py::_tell",
        # A log that cannot be signed for an unforeseen reason does not hold: the process ends.
        "aegisd/engine/checkpoints.py::_try",
        # Exit 1 means "does not hold": a crash of the command line prints its trace and exits 2.
        "aegisctl/main.py::run",
        # The edge of the door: what nobody foresaw is logged and answered 500, never a decision.
        "aegisd/http/errors.py::__call__",
        # Whatever a policy engine throws becomes POLICY_ERROR, which denies and is recorded.
        "aegisd/rego/judge.py::evaluate",
        # The same for compiling on the way to it.
        "aegisd/rego/judge.py::judge",
    }
)
BROAD = frozenset({"BaseException", "Exception"})

# The only file that makes an engine.
COMPOSER = "aegisd/compose.py:"

# Suites that hold modules of other places, each with those modules: a contract of several
# implementations, or a story that is told through many modules. Every other module with a function
# has a test module at its own place.
HELD_BY: dict[str, tuple[str, ...]] = {
    # What is guessed is seen in the draft.
    "tests/draft/test_draft.py": tuple(
        f"aegisd/draft/{name}.py" for name in ("bound", "parameter", "tool", "words")
    ),
    # One walk, held to a validator as its model.
    "tests/core/schema/test_schema.py": tuple(
        f"aegisd/core/schema/{name}.py"
        for name in ("branches", "document", "keywords", "members", "node", "steps")
    ),
    "tests/core/schema/test_pattern.py": ("aegisd/core/schema/expression.py",),
    # What every store promises, asked of each.
    "tests/store/contract.py": ("aegisd/rows.py", "aegisd/store/tables.py"),
    "tests/store/postgres/test_store.py": ("aegisd/store/postgres/reader.py",),
    # Notifications are known by who hears them.
    "tests/store/postgres/test_listener.py": ("aegisd/store/postgres/herald.py",),
    # What is done to files under a store ends it.
    "tests/store/sqlite/test_failure.py": ("aegisd/store/sqlite/open_files.py",),
    # Whatever stands in a row is told by reading it, and what a pool lends is a connection.
    "tests/store/sqlite/test_reader.py": ("aegisd/store/sqlite/row.py",),
    "tests/store/sqlite/test_connection.py": ("aegisd/store/pool.py",),
    # One story on each kind of target.
    "tests/conformance/test_targets.py": (
        "aegisd/conformance/embedded.py",
        "aegisd/conformance/served.py",
    ),
    # A wrong step is refused with its place, whichever part of the load sees it.
    "tests/conformance/test_loading.py": ("aegisd/conformance/agreement.py",),
    "tests/conformance/test_play.py": ("aegisd/conformance/replaying.py",),
    "tests/conformance/test_result.py": ("aegisd/conformance/pack.py",),
    # Receipts and answers are the same objects behind each door; HTTP asks for all of them.
    "tests/http/test_proofs.py": ("aegisd/door/evidence.py",),
    "tests/http/test_policies.py": ("aegisd/door/operator.py", "aegisd/http/operator.py"),
    # A command is what the engine's one writer takes, of whichever kind.
    "tests/engine/test_one_fold.py": ("aegisd/engine/commands/command.py",),
    # What a start finds of tenants is told by what it then does.
    "tests/engine/test_engine.py": ("aegisd/engine/survey.py",),
    # An export with everything that may go into it, cut anywhere and gone on with.
    "tests/aegisctl/test_export.py": ("aegisd/audit/partial_export.py", "aegisd/audit/proofs.py"),
    # Values beside events, from the gate to the auditor.
    "tests/aegisctl/test_erase.py": ("aegisctl/detached.py",),
    # What all verbs share.
    "tests/aegisctl/test_main.py": ("aegisctl/options.py",),
    # A process, by its exit codes.
    "tests/system/test_signals.py": ("aegisd/daemon.py",),
}

# Each with one letter in brackets, so that this file does not hold what it looks for.
UNFINISHED = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X])\b")
# Folders of build machines. Homes of people are left out: attack examples name those.
MACHINE = re.compile(r"/wor[k]/|/tmp/bas[h]|/opt/wheel[s]|/\.pyen[v]/")

PROSE = frozenset({"", ".cfg", ".ini", ".md", ".py", ".rego", ".sh", ".toml", ".yaml", ".yml"})
NOT_OURS = frozenset({".git", ".hypothesis", ".venv", "__pycache__", "build", "dist"})


def files(root: Path) -> list[Path]:
    """Every file that is, or would be, under version control, sorted.

    A tree without git (an unpacked source archive) is walked instead.
    """
    if (root / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
        found = [root / name for name in listed.decode().split("\0") if name]
    else:
        found = [p for p in root.rglob("*") if not NOT_OURS & set(p.relative_to(root).parts)]
    return sorted(path for path in found if path.is_file())


def modules(root: Path, *folders: str) -> Iterator[tuple[str, ast.Module, str]]:
    """Yield (path from the root, syntax tree, text) of each Python file in the folders."""
    for path in files(root):
        name = path.relative_to(root).as_posix()
        if path.suffix == ".py" and any(name.startswith(f"{folder}/") for folder in folders):
            text = path.read_text("utf-8")
            yield name, _parsed(name, text), text


@cache
def _parsed(name: str, text: str) -> ast.Module:
    """Kept, for every rule reads every module."""
    return ast.parse(text, name)


def nodes(root: Path, *folders: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield ("path:line", node) for every node of every module in the folders."""
    for name, tree, _ in modules(root, *folders):
        for node in ast.walk(tree):
            yield f"{name}:{getattr(node, 'lineno', 1)}", node


def statements(root: Path, *folders: str) -> Iterator[tuple[str, ast.stmt]]:
    """Yield ("path:line", statement) for every statement of every module in the folders."""
    for name, tree, _ in modules(root, *folders):
        for statement in _statements(tree):
            yield f"{name}:{statement.lineno}", statement


def impure_imports(root: Path) -> Iterator[str]:
    """Core imports from the allow-list only: a forgotten entry on a deny-list would be a clock."""
    for where, node in statements(root, "aegisd/core"):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parents = {name.rsplit(".", depth)[0] for depth in range(name.count(".") + 1)}
            if not parents & CORE_MAY_IMPORT:
                yield f"{where}: core may not import {name}; it must answer the same in a replay"


def impure_names(root: Path) -> Iterator[str]:
    """Core names no built-in that reads, prints, or answers differently in another process."""
    for where, node in nodes(root, "aegisd/core"):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name in CORE_MAY_NOT_NAME:
                yield f"{where}: core may not use {name}()"


def relative_imports(root: Path) -> Iterator[str]:
    """Imports are absolute, so that a search for a module's name finds everybody who uses it."""
    for where, node in statements(root, *CODE):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{where}: import by the full name instead"


def future_annotations(root: Path) -> Iterator[str]:
    """Annotations stay objects: msgspec reads them at run time."""
    for where, node in statements(root, *CODE):
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            yield f"{where}: no __future__ import; annotations are read at run time"


def long_modules(root: Path) -> Iterator[str]:
    """No module is longer than `MODULE_LINES_MAX`, and no suite of tests than its own bound."""
    for name, _, text in modules(root, *CODE):
        lines = len(text.splitlines())
        most = SUITE_LINES_MAX if name.startswith("tests/") else MODULE_LINES_MAX
        most = LONG_MODULES.get(name, most)
        if lines > most:
            yield f"{name}:{lines}: {lines} lines, at most {most}; find its two nouns"


def long_functions(root: Path) -> Iterator[str]:
    """No function is longer than `FUNCTION_LINES_MAX`, its docstring not counted."""
    for where, node in statements(root, *CODE):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = _span(node) - (_span(node.body[0]) if ast.get_docstring(node) else 0)
            if lines > FUNCTION_LINES_MAX:
                yield f"{where}: {node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def empty_module_names(root: Path) -> Iterator[str]:
    """No file or folder of code is named for having no subject."""
    for name, _, _ in modules(root, *CODE):
        for part in name.removesuffix(".py").split("/"):
            if part.removeprefix("test_").strip("_") in BANNED_MODULES:
                yield f"{name}:1: {part!r} names no subject; put each thing with the noun it serves"


def empty_class_names(root: Path) -> Iterator[str]:
    """No class name ends in a word that says a noun was not found."""
    for where, node in statements(root, *CODE):
        if isinstance(node, ast.ClassDef) and node.name.endswith(BANNED_SUFFIXES):
            yield f"{where}: class {node.name}: name what it is, not that it does something"


def broad_excepts(root: Path) -> Iterator[str]:
    """Who catches everything is on a short list; a swallowed error is an allow in disguise."""
    unused = set(BROAD_EXCEPT_ALLOWED)
    for name, tree, _ in modules(root, *PRODUCT):
        for function, node in _by_function(tree):
            if not _is_broad(node):
                continue
            unused.discard(f"{name}::{function}")
            if f"{name}::{function}" not in BROAD_EXCEPT_ALLOWED:
                line = getattr(node, "lineno", 1)
                yield f"{name}:{line}: {function} catches everything; name what can happen here"
    for entry in sorted(unused):
        yield f"tests/tidy.py:1: BROAD_EXCEPT_ALLOWED names {entry}, which catches nothing broadly"


def asserts(root: Path) -> Iterator[str]:
    """No product code asserts: `python -O` removes the statement, and with it the refusal."""
    for where, node in statements(root, *PRODUCT):
        if isinstance(node, ast.Assert):
            yield f"{where}: raise instead; a host program may run us with -O"


def second_compositions(root: Path) -> Iterator[str]:
    """The engine is built in one place, so that tests, drills and users run what is served."""
    for where, node in nodes(root, *CODE):
        match node:
            case ast.Call(func=ast.Name(id="Engine")) if not where.startswith(COMPOSER):
                yield f"{where}: build it by {COMPOSER.removesuffix(':')}"


def unfinished(root: Path) -> Iterator[str]:
    """No promise to finish later: it is done now, or it is an issue."""
    for where in _found(root, PROSE, UNFINISHED):
        yield f"{where}: do it now, or open an issue"


def machine_paths(root: Path) -> Iterator[str]:
    """No file names a folder of the machine it was written on."""
    for where in _found(root, None, MACHINE):
        yield f"{where}: a path that exists on one machine only"


def unexplained_bounds(root: Path) -> Iterator[str]:
    """Every `*_MAX` has a comment with its unit and reason, on its line or the line above."""
    for name, tree, text in modules(root, *PRODUCT):
        lines = text.splitlines()
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AnnAssign) and _names_bound(node):
                around = lines[max(0, node.lineno - 2) : node.end_lineno]
                if not (around[0].lstrip().startswith("#") or any("  # " in at for at in around)):
                    yield f"{name}:{node.lineno}: say the bound's unit and reason in a comment"


def unmirrored_modules(root: Path) -> Iterator[str]:
    """Each module of the product that does something has its tests at the same place in tests."""
    elsewhere = {module: suite for suite, held in HELD_BY.items() for module in held}
    for name, tree, _ in modules(root, *PRODUCT):
        path = Path(name)
        if not any(_does_something(node) for node in ast.walk(tree)):
            continue
        test = _mirror(path)
        suite = elsewhere.pop(name, None)
        if suite is None and not (root / test).is_file():
            yield f"{name}:1: expected its tests in {test}"
        elif suite is not None and (root / test).is_file():
            yield f"tests/tidy.py:1: HELD_BY names {name}, which has its tests in {test}"
        elif suite is not None and not (root / suite).is_file():
            yield f"tests/tidy.py:1: HELD_BY names {suite}, which is not there"
    for name in sorted(elsewhere):
        yield f"tests/tidy.py:1: HELD_BY names {name}, which is no module with a function"


def changelog_version(root: Path) -> Iterator[str]:
    """The newest version in CHANGELOG.md is the one the code says it is."""
    if not (root / "CHANGELOG.md").is_file():
        return
    code = (root / "aegisd/__init__.py").read_text("utf-8")
    stated = re.search(r'^__version__ = "(.+)"$', code, re.MULTILINE)
    log = (root / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## \[?v?(\d[^\]\s]*)", log, re.MULTILINE)
    if stated is None or headings[:1] != [stated[1]]:
        found = headings[0] if headings else "no version"
        expected = stated[1] if stated else "a version in aegisd/__init__.py"
        yield f"CHANGELOG.md:1: newest heading is {found}, expected {expected}"


def _does_something(node: ast.AST) -> bool:
    """Whether a node is a function with a body; a port's methods have a docstring alone."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return len(node.body) > (ast.get_docstring(node) is not None)


def _mirror(module: Path) -> Path:
    """Where the tests of a module stand. The rooms of the daemon are folders of `tests`."""
    rooms = module.parent.parts
    folder = Path("tests", *(rooms[1:] if rooms[0] == "aegisd" else rooms))
    if module.stem == "__init__":
        return folder.parent / f"test_{folder.name}.py"
    return folder / f"test_{module.name}"


def _statements(parent: ast.AST) -> Iterator[ast.stmt]:
    """Every statement below a node. No expression holds one, and most nodes are expressions."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, ast.expr):
            yield from _statements(node)


def _span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _by_function(tree: ast.AST, inside: str = "<module>") -> Iterator[tuple[str, ast.AST]]:
    """Yield (innermost function's name, node) for every node below the tree."""
    for node in ast.iter_child_nodes(tree):
        yield inside, node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _by_function(node, node.name)
        else:
            yield from _by_function(node, inside)


def _is_broad(node: ast.AST) -> bool:
    """Tell whether a node is an `except` or a `suppress` that lets no error through."""
    if isinstance(node, ast.ExceptHandler):
        return node.type is None or any(_last(kind) in BROAD for kind in _flat(node.type))
    if isinstance(node, ast.Call) and _last(node.func) == "suppress":
        return any(_last(kind) in BROAD for given in node.args for kind in _flat(given))
    return False


def _flat(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _last(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]


def _names_bound(node: ast.Assign | ast.AnnAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Name) and target.id.endswith("_MAX") for target in targets)


def _found(root: Path, suffixes: frozenset[str] | None, what: re.Pattern[str]) -> Iterator[str]:
    """Yield "path:line" of what stands in every text file, or in those with the given suffixes."""
    for path in files(root):
        if suffixes is not None and path.suffix not in suffixes:
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        for found in what.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield f"{path.relative_to(root).as_posix()}:{line}"
