"""The rules of a tenant are put in force, taken out, listed and shown, at the real routes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aegisd.remote.client import Answer
from tests.aegisctl.conftest import Type
from tests.remote.shelf import Desk

RULES = (
    "package aegis.rules\n\nimport rego.v1\n\n"
    'deny contains "x" if {\n\tinput.event.seq > data.aegis.rules.tables.limits.seq # \t tab\n}\n'
)
ACME = ("--tenant", "acme", "--author", "ann")


@pytest.fixture
def desk(log_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A server that takes acts."""
    desk = Desk(log_file)
    monkeypatch.setattr("aegisd.remote.client.connect", lambda *_: desk)
    yield desk
    desk.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Rules of somebody, with data beside them."""
    (tmp_path / "office" / "sub").mkdir(parents=True)
    (tmp_path / "office" / "sub" / "a.rego").write_text(RULES)
    (tmp_path / "office" / "limits.json").write_text('{ "seq": 700 }\n')
    return tmp_path / "office"


@pytest.mark.usefixtures("desk")
def test_what_was_activated_is_shown_under_its_own_names_and_written_to_the_same_digest(
    folder: Path, type_: Type, tmp_path: Path
) -> None:
    told = type_("policy", "activate", folder, *ACME, "--reason", "open", "--json")
    digest = json.loads(told.out)["digest"]
    assert type_("policy", "list", "--tenant", "acme").out == (
        f"{digest}  by ann: limits.json, sub/a.rego\n"
    )
    assert "# limits.json\n" in type_("policy", "show", "--tenant", "acme").out
    out = tmp_path / "back" / "again"
    typed = type_("policy", "show", "--tenant", "acme", "--out", out)
    assert typed.out == f"limits.json, sub/a.rego in {out}\n"
    assert (out / "sub" / "a.rego").read_text() == RULES
    again = json.loads(type_("policy", "check", out, "--json").out)
    assert again["bundle"] == digest
    assert type_("policy", "show", "--tenant", "acme", "--out", out).code == 2


@pytest.mark.usefixtures("desk")
def test_rules_are_taken_out_and_a_bundle_of_before_is_found_by_eight_digits(
    folder: Path, type_: Type, tmp_path: Path
) -> None:
    first = json.loads(type_("policy", "activate", folder, *ACME, "--json").out)["digest"]
    assert type_("policy", "deactivate", *ACME, "--reason", "it is over").code == 0
    assert type_("policy", "list", "--tenant", "acme").out.endswith(
        "by ann: the base rules alone\n"
    )
    history = type_("policy", "list", "--tenant", "acme", "--history").out.splitlines()
    assert [line.partition("  by ")[2] for line in history[-2:]] == [
        "ann: office",
        "ann: it is over",
    ]
    assert first in history[-2]
    typed = type_("policy", "show", first[:8], "--tenant", "acme")
    assert typed.out.startswith("# limits.json\n")
    assert type_("policy", "show", first[:7], "--tenant", "acme").code == 2
    unknown = type_("policy", "show", "00000000", "--tenant", "acme")
    assert (unknown.code, "policy list --history" in unknown.err) == (2, True)


@pytest.mark.usefixtures("desk")
def test_rules_that_a_server_refuses_are_named_where_they_lie(folder: Path, type_: Type) -> None:
    (folder / "sub" / "a.rego").write_text(RULES.replace("event.seq", "event.sec"))
    typed = type_("policy", "activate", folder, *ACME)
    assert typed.code == 1
    assert f": {folder}/sub/a.rego:6: input.event has no field sec" in typed.err


@pytest.mark.parametrize("path", ["../a.rego", "/a.rego", "b/../../a.rego", "..\\a.rego"])
def test_no_file_of_a_server_is_written_outside_of_the_folder(
    path: str, tmp_path: Path, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"files": {f"rules/{path}": "package aegis.rules\n"}}).encode()
    monkeypatch.setattr(
        "aegisd.remote.client.connect", lambda *_: lambda *_asked: Answer(200, body)
    )
    typed = type_("policy", "show", "0" * 64, "--tenant", "acme", "--out", tmp_path / "out")
    assert (typed.code, "nothing was written" in typed.err) == (2, True)
    assert list(tmp_path.iterdir()) == []
