"""What the documentation says of the code, held to the code.

Prose cannot be tested; names, numbers, tables, links and examples can.
"""

import ast
import importlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import msgspec
import pytest

from aegisctl.main import VERBS, cli
from aegisd import __version__, config, daemon, resources
from aegisd.core import capabilities, errors
from aegisd.core.errors import AegisError
from aegisd.core.events import AGENT_EVENTS
from aegisd.core.manifest.model import Manifest, Tool
from aegisd.core.policy.schema import INPUT_SCHEMA, MANIFEST_SCHEMA, ListOf, MapOf, Schema
from aegisd.core.policy.verdict import PRECEDENCE
from aegisd.http.errors import status_of
from aegisd.rego.builtins import ALLOWED
from aegisd.rego.bundle import build, decode, load_directory
from aegisd.rego.testing import report
from tests.table import each

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
CODE_SPAN = re.compile(r"`([^`\n]+)`")

page = each("path", PAGES)


def _blocks(name: str, language: str) -> list[str]:
    return [text for tag, text in FENCE.findall((DOCS / name).read_text()) if tag == language]


def _prose(path: Path) -> str:
    return FENCE.sub("", path.read_text())


def _rows(name: str) -> Iterator[list[str]]:
    """Cells of each table row of a page."""
    for line in _prose(DOCS / name).splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def _anchors(path: Path) -> set[str]:
    """How GitHub names a heading in a link: lower case, punctuation dropped, blanks to dashes."""
    kept = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(_prose(path)))
    return {title.strip().replace(" ", "-") for title in kept}


# ── links ────────────────────────────────────────────────────────────────────────────────────────


@page
def test_every_relative_link_leads_to_a_file_and_a_heading_that_exist(path: Path) -> None:
    for link in LINK.findall(_prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        place = (path.parent / name).resolve() if name else path
        assert place.exists(), f"{path.name}: {link}"
        assert not anchor or anchor in _anchors(place), f"{path.name}: {link}"


def test_anchors_are_made_of_headings_as_github_makes_them(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("# A `b` c, d!\n```\n# not one\n```\n## Is it well?\n")
    assert _anchors(file) == {"a-b-c-d", "is-it-well"}


# ── commands ─────────────────────────────────────────────────────────────────────────────────────


def _typed(path: Path) -> Iterator[str]:
    """Each `aegisctl …` that a page shows: in a console block, or as a span of code."""
    for _, block in FENCE.findall(path.read_text()):
        for line in block.splitlines():
            if line.startswith("$ "):
                yield line[2:]
    yield from CODE_SPAN.findall(_prose(path))


@page
def test_every_verb_and_option_of_aegisctl_that_a_page_shows_exists(path: Path) -> None:
    for line in _typed(path):
        for found in re.findall(r"\baegisctl ([^|;&>]+)", line):
            _check_command(shlex.split(found.replace("…", "")), line)


def _check_command(words: list[str], line: str) -> None:
    command: click.Command = cli
    context = click.Context(cli)
    names = iter(words)
    while isinstance(command, click.Group) and words[:1] != ["--version"]:
        name = next(names, "")
        inside = command.get_command(context, name)
        assert inside is not None, f"{line}: aegisctl has no {name!r}"
        command = inside
    known = {name for param in command.params for name in param.opts} | {"--help"}
    for word in names:
        assert not word.startswith("--") or word.partition("=")[0] in known, f"{line}: {word}"


# ── where the commands are ───────────────────────────────────────────────────────────────────────

TYPED = re.compile(r"^\$ (?:\w+=\S+ )*aegis(?:d|ctl)\b", re.MULTILINE)


@page
def test_a_page_that_types_our_commands_says_how_they_are_found(path: Path) -> None:
    if TYPED.search(path.read_text()) and path.name != "INSTALL.md":
        assert "INSTALL.md" in LINK.sub(r"\1", _prose(path))


def test_the_commands_are_typed_in_a_checkout_as_the_page_says() -> None:
    transcript, *_ = _blocks("INSTALL.md", "console")
    lines = transcript.replace(".venv", sys.prefix).splitlines()
    typed = "\n".join(line[2:] for line in lines if line.startswith("$ "))
    printed = [line for line in lines if not line.startswith("$ ")]
    # As a terminal has it, which no environment was made active in before.
    path = os.pathsep.join(
        place for place in os.environ["PATH"].split(os.pathsep) if not place.startswith(sys.prefix)
    )
    ran = subprocess.run(
        ["bash", "-ec", typed],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == printed
    assert f"version {__version__}" in ran.stdout


def test_what_installs_them_elsewhere_is_typed_by_ci() -> None:
    steps = (ROOT / ".github/workflows/ci.yml").read_text()
    for block in _blocks("INSTALL.md", "console")[1:]:
        for line in block.splitlines():
            assert f"run: {line.removeprefix('$ ')}\n" in steps


def test_no_page_and_no_message_names_a_distribution_that_no_index_has() -> None:
    for file in (*PAGES, *ROOT.glob("aegis*/**/*.py"), *ROOT.glob("benchmarks/*.py")):
        found = re.search(r"pip\w* install '?aegis", file.read_text())
        assert found is None, f"{file.relative_to(ROOT)}: {found}"


def test_the_pages_name_every_verb() -> None:
    told = "\n".join(path.read_text() for path in PAGES)
    for verb in VERBS:
        assert f"aegisctl {verb}" in told, verb


def test_the_settings_table_has_every_setting_with_its_default() -> None:
    rows = {cells[2].strip("`"): cells for cells in _rows("OPERATE.md") if len(cells) == 5}
    flags = {flag for option in daemon.main.params for flag in option.opts}
    for name, spelled in config.NAMES.items():
        flag, variable, _, default, _ = rows[spelled]
        typed = f"--{name.replace('_', '-')}"
        assert flag.startswith((f"`{typed} ", f"`{typed}`")) if typed in flags else flag == ""
        assert variable == f"`AEGIS_{name.upper()}`"
        value = getattr(config.Settings(), name)
        assert value is None or default in (f"`{value}`", f"`{json.dumps(value)}`")


# ── tables ───────────────────────────────────────────────────────────────────────────────────────


def _bounds() -> Iterator[tuple[str, str, int | float]]:
    """Every `*_MAX` of the product as (name, file, value)."""
    for file in sorted([*ROOT.glob("aegisd/**/*.py"), *ROOT.glob("aegisctl/**/*.py")]):
        where = file.relative_to(ROOT)
        for node in ast.parse(file.read_text()).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in targets:
                if isinstance(target, ast.Name) and target.id.endswith("_MAX"):
                    module = importlib.import_module(".".join(where.with_suffix("").parts))
                    yield target.id, where.as_posix(), getattr(module, target.id)


def test_the_table_of_bounds_has_every_bound_of_the_code_with_its_value_and_a_reason() -> None:
    told: dict[tuple[str, str], str] = {}
    for cells in _rows("OPERATE.md"):
        if cells[0].strip("`").endswith("_MAX"):
            name, value, _, where, reason = cells
            assert reason
            told[name.strip("`"), where.strip("`")] = value
    coded = {(name, where): f"{value:,g}" for name, where, value in _bounds() if value < 10**6}
    coded |= {(name, where): f"{value:,}" for name, where, value in _bounds() if value >= 10**6}
    assert told == coded


def _classes(kind: type[AegisError]) -> Iterator[type[AegisError]]:
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _classes(below)


def test_the_table_of_errors_has_every_code_with_the_status_it_is_answered_with() -> None:
    told = {
        cells[0].strip("`"): int(cells[1])
        for cells in _rows("GOVERN.md")
        if len(cells) == 3 and re.fullmatch(r"[45]\d\d", cells[1])
    }
    assert told == {kind.code: status_of(kind("")).value for kind in _classes(AegisError)}


def test_the_table_of_events_has_every_field_an_agent_may_send() -> None:
    told = {cells[0]: set(CODE_SPAN.findall(cells[1])) for cells in _rows("GOVERN.md")}
    for event_type, shape in AGENT_EVENTS.items():
        fields = {
            field.encode_name + ("" if field.required else "?")
            for field in msgspec.structs.fields(shape)
            if field.name != "meta"
        }
        if event_type == "TOOL_RESULT":
            fields = fields - {"content?", "result?"} | {"content", "result"}
        assert told[event_type] == fields, event_type


def test_the_table_of_the_manifest_has_every_field() -> None:
    told = {name for cells in _rows("GOVERN.md") for name in CODE_SPAN.findall(cells[0])}
    assert set(_paths_of(Manifest)) <= told


def _paths_of(shape: type[msgspec.Struct], above: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(shape):
        inner = field.default if isinstance(field.default, msgspec.Struct) else None
        if field.name == "tools":
            yield from _paths_of(Tool, "tools.NAME.")
        elif inner is not None:
            yield from _paths_of(type(inner), f"{above}{field.name}.")
        else:
            yield above + field.name


def _leaves(schema: Schema, above: str) -> Iterator[str]:
    """Paths that a rule may name, down to lists and maps."""
    if isinstance(schema, Mapping):
        for name, below in schema.items():
            yield from _leaves(below, f"{above}.{name}")
    else:
        yield above
        inside = schema.item if isinstance(schema, ListOf) else None
        inside = schema.value if isinstance(schema, MapOf) else inside
        if isinstance(inside, Mapping):
            yield from (f"{above}: {name}" for name in inside)


def test_the_table_of_the_policy_input_has_every_path_a_rule_may_read_and_no_other() -> None:
    told: set[str] = set()
    for cells in _rows("RULES.md"):
        paths = [name for name in CODE_SPAN.findall(cells[0]) if re.match(r"input\.|data\.", name)]
        if len(cells) != 2:
            continue
        told |= set(paths)
        for shape in re.findall(r"`\{([a-z_, ]+)\}`", cells[1]):
            told |= {f"{paths[0]}: {name}" for name in shape.split(", ")}
    known = {*_leaves(INPUT_SCHEMA, "input"), *_leaves(MANIFEST_SCHEMA, "data.manifest")}
    assert told == known


def test_the_table_of_reason_codes_is_in_the_order_of_precedence() -> None:
    codes = [cells[0].strip("`") for cells in _rows("RULES.md") if len(cells) == 2]
    assert tuple(code for code in codes if re.fullmatch(r"[A-Z_]+", code)) == PRECEDENCE


def test_the_functions_a_rule_may_call_are_all_named() -> None:
    told = set(CODE_SPAN.findall(_prose(DOCS / "RULES.md")))
    assert {name for name in ALLOWED if not name.startswith("is_")} <= told


def test_the_rules_of_a_break_are_all_explained() -> None:
    told = {cells[0].strip("`") for cells in _rows("AUDIT.md") if len(cells) == 3}
    found: set[str] = set()
    for file in (*ROOT.glob("aegisd/audit/**/*.py"), *ROOT.glob("aegisd/core/log/*.py")):
        text = file.read_text()
        found |= set(re.findall(r'\b(?:B|_b)reak\(\s*"(\w+)"', text))
        found |= set(re.findall(r'\bBreak\.of\(\w+, "(\w+)"', text))
        found |= set(re.findall(r'yield "(\w+)", ', text))
        found |= set(re.findall(r'append\(\("(\w+)", ', text))
    assert len(found) >= 12
    assert found <= told


# ── examples ─────────────────────────────────────────────────────────────────────────────────────


def test_the_code_that_a_page_shows_is_the_code_of_the_example() -> None:
    source = (DOCS / "examples" / "pep.py").read_text()
    shown = [block for block in _blocks("GOVERN.md", "python") if not block.startswith("from ")]
    assert len(shown) == 2
    for block in shown:
        assert block in source


@pytest.mark.parametrize(
    ("page", "printed"), [("../README.md", "allow OK\n"), ("GOVERN.md", "deny; PATH_DENY: ")]
)
def test_the_gate_that_a_page_shows_prints_what_it_says(
    page: str, printed: str, tmp_path: Path
) -> None:
    (shown,) = (block for block in _blocks(page, "python") if block.startswith("from aegis "))
    script = shown.replace('"manifests/', f'"{ROOT}/manifests/')
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.startswith(printed)


def test_the_manifest_that_a_page_shows_is_taken() -> None:
    (shown,) = _blocks("GOVERN.md", "json")
    assert capabilities.read(shown.encode()).manifest.name == "invoice-desk"


def test_the_rules_that_a_page_shows_load_and_their_tests_pass() -> None:
    rules, tests = _blocks("RULES.md", "rego")
    base = load_directory(resources.policies() / "aegis")
    files = decode(build({"office.rego": rules}, base))
    outcomes = report(files, {"rules/office_test.rego": tests}).outcomes
    assert len(outcomes) == 3
    assert all(outcome.passed for outcome in outcomes), outcomes
