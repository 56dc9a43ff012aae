"""The edge: exit codes that programs can rely on, and a start that nobody waits for."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from aegisctl import main
from aegisd.core.errors import AegisError, LogCorrupt, SessionUnknown, Unavailable
from aegisd.printable import SHOWN_CHARACTERS_MAX
from tests.aegisctl.conftest import Type

CLI = [sys.executable, "-c", "from aegisctl.main import main; main()"]


def test_the_list_of_verbs_says_what_each_verb_says_of_itself() -> None:
    context = click.Context(main.cli)
    for name, sentence in main.VERBS.items():
        verb = main.cli.get_command(context, name)
        assert verb is not None
        assert verb.get_short_help_str(limit=200) == sentence
    assert main.cli.list_commands(context) == sorted(main.VERBS)


@pytest.mark.parametrize("verb", main.VERBS)
def test_help_teaches_with_an_example_that_is_not_wrapped(verb: str, type_: Type) -> None:
    typed = type_(verb, "--help")
    assert typed.code == 0
    assert f"\n    aegisctl {verb}" in typed.out


def test_an_unknown_verb_or_option_is_two(type_: Type) -> None:
    for arguments in (("veryfy",), ("verify", "--no-such"), ("verify", "/no/such/file")):
        typed = type_(*arguments)
        assert (typed.code, typed.out) == (2, "")
        assert typed.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LogCorrupt("x"), 1),
        (SessionUnknown("x"), 2),
        (Unavailable("x"), 2),
        (AegisError("x"), 2),
        (PermissionError(13, "no"), 2),
        (KeyboardInterrupt(), 2),
        (ZeroDivisionError(), 2),
        (MemoryError(), 2),
    ],
)
def test_no_failure_of_ours_reads_as_a_verdict(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, type_: Type, recorded: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("aegisctl.verify.verify_file", fail)
    typed = type_("verify", recorded)
    assert (typed.code, typed.out) == (code, "")


# What takes a tenth of a second or more to load, of what some verb needs.
HEAVY = {"regopy", "jsonschema_rs", "rich", "http.client", "psycopg", "cryptography", "yaml"}
HEAVY |= {"concurrent.futures", "aegisd.core.manifest", "aegisd.audit.verification.export"}


@pytest.mark.parametrize(("verb", "too"), [("--help", "sqlite3"), ("verify", "aegisd.remote")])
def test_nobody_waits_for_what_a_verb_does_not_need(verb: str, too: str, recorded: Path) -> None:
    given, heavy = [verb] if verb == "--help" else [verb, str(recorded)], HEAVY | {too}
    told = f"print({heavy} & set(sys.modules))"
    script = f"import sys; from aegisctl.main import run; run({given}); {told}"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert done.stdout.splitlines()[-1] == b"set()"


def test_a_reader_that_leaves_ends_us_quietly(recorded: Path) -> None:
    command = [*CLI, "events", str(recorded), "--tenant", "acme", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 2


def test_output_is_utf_8_whatever_the_locale(recorded: Path) -> None:
    done = subprocess.run(
        [*CLI, "events", str(recorded), "--tenant", "acme", "--limit", "3"],
        check=True,
        capture_output=True,
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        cwd=Path(__file__).resolve().parents[2],
    )
    assert "Grüße".encode() in done.stdout
    assert len(done.stdout.splitlines()[-1]) < 3 * SHOWN_CHARACTERS_MAX
    assert b"\x1b" not in done.stdout
