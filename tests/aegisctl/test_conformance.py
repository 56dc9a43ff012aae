"""What a person or a build server types, and what it ends with."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from aegisctl.conformance import lines
from aegisd.conformance.served import OwnDaemon
from tests.aegisctl.conftest import Type
from tests.conformance.packs import FIRST, NOTE, steps, write
from tests.conformance.results import FAILED, HELD, UNJUDGED, WAITING, ended

HOLDS = steps(f"{{post: {NOTE}, expect: {{outcome: deny}}}}")
FAILS = steps(f"{{post: {NOTE}, expect: {{outcome: allow}}}}")
RESTARTS = steps("restart: {}")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with closing(OwnDaemon("auto")) as target:
        assert target.url is not None
        yield target.url


@pytest.mark.parametrize(("text", "code"), [(HOLDS, 0), (FAILS, 1)])
def test_the_exit_code_is_the_verdict(text: str, code: int, tmp_path: Path, type_: Type) -> None:
    typed = type_("conformance", "run", write(tmp_path, text))
    assert (typed.code, typed.err) == (code, "")


def test_a_server_is_judged_and_what_cannot_be_judged_there_is_two(
    url: str, tmp_path: Path, type_: Type
) -> None:
    assert type_("conformance", "run", write(tmp_path, HOLDS), "--server", url).code == 0
    typed = type_("conformance", "run", write(tmp_path, RESTARTS), "--server", url)
    assert typed.code == 2
    assert f"small.yaml:{FIRST - 3}: SM-001: step 1 (restart): a server is not ours" in typed.out
    typed = type_("conformance", "run", write(tmp_path, HOLDS), "--server", "http://127.0.0.1:1")
    assert typed.code == 2
    assert "cannot be asked" in typed.out


def test_an_own_daemon_is_judged(tmp_path: Path, type_: Type) -> None:
    typed = type_(
        "conformance", "run", write(tmp_path, RESTARTS), "--daemon", "--engine", "regopy", "--json"
    )
    told = json.loads(typed.out)
    assert (typed.code, told["target"]["kind"]) == (0, "daemon")
    assert told["target"]["engine"]["name"] == "regopy"


def test_json_is_one_document_and_nothing_else(tmp_path: Path, type_: Type) -> None:
    typed = type_("conformance", "run", write(tmp_path, FAILS), "--json")
    told = json.loads(typed.out)
    assert (typed.code, typed.err, told["verdict"]) == (1, "", "fails")
    assert typed.out.count("\n") == 1
    (finding,) = told["packs"][0]["cases"][0]["steps"][0]["findings"]
    assert finding == {"field": "outcome", "expected": '"allow"', "found": '"deny"'}


@pytest.mark.parametrize("option", ["--junit", "--html"])
def test_a_report_that_cannot_be_written_is_refused_before_anything_runs(
    option: str, tmp_path: Path, type_: Type
) -> None:
    file = tmp_path / "missing" / "report"
    typed = type_("conformance", "run", write(tmp_path, HOLDS), option, file)
    assert (typed.code, typed.out) == (2, "")
    assert f"{option}: {file} cannot be written: No such file or directory; name a" in typed.err


@pytest.mark.parametrize("kept", [None, b"kept"])
def test_a_run_that_is_refused_leaves_a_report_as_it_was(
    kept: bytes | None, tmp_path: Path, type_: Type
) -> None:
    file, missing = tmp_path / "report.xml", tmp_path / "missing" / "report.html"
    if kept is not None:
        file.write_bytes(kept)
    path = write(tmp_path, HOLDS)
    assert type_("conformance", "run", path, "--junit", file, "--html", missing).code == 2
    assert (file.read_bytes() if file.exists() else None) == kept


def test_reports_are_written_beside_the_text(tmp_path: Path, type_: Type) -> None:
    xml, html = tmp_path / "report.xml", tmp_path / "report.html"
    path = write(tmp_path, FAILS)
    assert type_("conformance", "run", path, "--junit", xml, "--html", html).code == 1
    root = ET.fromstring(xml.read_bytes())  # noqa: S314 - our own document
    assert root.get("failures") == "1"
    assert b"Does not comply." in html.read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--server", "http://x", "--daemon"),
        ("--server", "http://x", "--engine", "auto"),
        ("--server", "ftp://x"),
        ("--engine", "opa"),
        ("--case", "SM-009"),
    ],
)
def test_what_cannot_be_honoured_is_two_and_a_sentence(
    arguments: tuple[str, ...], tmp_path: Path, type_: Type
) -> None:
    typed = type_("conformance", "run", write(tmp_path, HOLDS), *arguments)
    assert (typed.code, typed.out) == (2, "")
    assert typed.err


def test_a_bad_pack_stops_every_good_one(tmp_path: Path, type_: Type) -> None:
    write(tmp_path, HOLDS)
    write(tmp_path, "pack: [", "worse.yaml")
    typed = type_("conformance", "run", tmp_path)
    assert (typed.code, typed.out) == (2, "")
    assert "worse.yaml:" in typed.err


def test_a_folder_without_a_pack_is_two(tmp_path: Path, type_: Type) -> None:
    for verb in ("run", "list", "check"):
        typed = type_("conformance", verb, tmp_path)
        assert (typed.code, typed.out) == (2, "")
        assert "found none" in typed.err


def test_check_names_every_fault_and_ends_with_one(tmp_path: Path, type_: Type) -> None:
    assert type_("conformance", "check", write(tmp_path, HOLDS)).out == "loads: 1 pack, 1 case\n"
    path = write(tmp_path, steps("manifest: disk", "pots: 1"))
    typed = type_("conformance", "check", path)
    assert typed.code == 1
    assert [line[: len(f"{path}:{FIRST}")] for line in typed.out.splitlines()] == [
        f"{path}:{FIRST}",
        f"{path}:{FIRST + 1}",
    ]
    told = json.loads(type_("conformance", "check", path, "--json").out)
    assert told["loads"] is False
    assert told["faults"][1]["step"] == 2
    assert (told["faults"][1]["line"], told["faults"][1]["case"]) == (FIRST + 1, "SM-001")


def test_list_tells_each_requirement(tmp_path: Path, type_: Type) -> None:
    path = write(tmp_path, HOLDS.replace("    steps:", "    waits_for: taint\n    steps:"))
    typed = type_("conformance", "list", path)
    assert typed.code == 0
    assert "SM-001  It holds. (waits for taint)" in typed.out
    (pack,) = json.loads(type_("conformance", "list", path, "--json").out)["packs"]
    assert pack["cases"][0]["requirement"] == "It holds."


def test_without_a_pack_those_carried_with_the_product_are_meant(
    tmp_path: Path, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, HOLDS)
    monkeypatch.setattr("aegisd.resources.packs", lambda: tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    typed = type_("conformance", "run", "--json")
    assert typed.code == 0
    assert json.loads(typed.out)["packs"][0]["file"] == f"{tmp_path.name}/small.yaml"


def test_the_schema_is_printed(type_: Type) -> None:
    typed = type_("conformance", "schema")
    assert typed.code == 0
    assert json.loads(typed.out)["title"] == "Aegis conformance pack"


@pytest.mark.parametrize("verb", ["run", "list", "check", "schema"])
def test_help_teaches_with_an_example(verb: str, type_: Type) -> None:
    typed = type_("conformance", verb, "--help")
    assert typed.code == 0
    assert f"\n    aegisctl conformance {verb}" in typed.out


def test_reading_packs_loads_no_engine(tmp_path: Path) -> None:
    path = write(tmp_path, HOLDS)
    heavy = "{'regopy', 'aegis_regorus', 'aegisd.engine', 'aegisd.library', 'rich'}"
    script = (
        "import sys; from aegisctl.main import run; "
        f"run(['conformance', 'check', {str(path)!r}]); print({heavy} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"


def test_the_text_names_place_case_step_expected_and_found() -> None:
    text = "\n".join(lines(ended(HELD, FAILED, UNJUDGED, WAITING)))
    assert 'packs/small.yaml:26: SM-002: step 2 (post): outcome\n    expected  "deny"\n' in text
    assert "not judged  packs/small.yaml:34: SM-004: waits for taint" in text
    assert text.splitlines()[1].split()[:4] == ["small", "1", "1", "2"]
    assert text.splitlines()[-1] == (
        "does not comply: 1 of 3 requirements hold, 1 fail, 1 not judged; "
        "1 wait for what this version does not have (in-process, regopy 1.5.2)"
    )
    assert list(lines(ended(HELD)))[-1].startswith("complies: 1 of 1")
    assert list(lines(ended()))[-1].startswith("could not tell: 0 of 0")


def test_no_text_of_a_stranger_moves_the_cursor() -> None:
    text = "\n".join(lines(ended(HELD, FAILED, UNJUDGED, WAITING)))
    assert not {"\x1b", "\u202e", "\x00"} & set(text)
    assert "\\u001b[2J" in text
