"""The command line: finds a verb, runs it, and turns what happened into an exit code.

0 holds; 1 does not hold (tampered, differs, invalid); 2 could not tell (usage, network, unknown
session or tenant, unreadable file). A crash is 2: a bug of ours must never read as a verdict.
"""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from aegisctl import options
from aegisctl.exits import BROKEN, HOLDS, UNKNOWN
from aegisd import __version__
from aegisd.core.errors import AegisError, ExportInvalid, LogCorrupt, UnknownVersion
from aegisd.core.quoting import is_private_key
from aegisd.printable import shown

# Verb -> its sentence in the list of verbs. Kept here so that `--help` imports no verb.
VERBS = {
    "backup": "Write a whole log into one file, and verify the file.",
    "checkpoint": "Fetch a signed checkpoint that covers everything durable, and keep it.",
    "clock": "Bring a tenant's time back after a clock that was wrong.",
    "conformance": "Hold a gate to the packs of what it promises.",
    "detached": "Show the values kept beside one event of a log.",
    "doctor": "Say what this machine, a database and a server are like.",
    "erase": "Delete the values kept beside a subject's events.",
    "events": "Show the events of a log, a line each.",
    "export": "Write a log as an export that anybody can check.",
    "import": "Keep an export under an archive tenant of a server.",
    "keys": "Make, replace and show the keys that sign checkpoints.",
    "manifest": "Validate, show or draft a capability manifest.",
    "policy": "Check or test operators' Rego rules.",
    "prove": "Write a proof that one event is in the signed log: a C2SP .tlog-proof file.",
    "replay": "Decide a log again and report every difference.",
    "restore": "Copy a backup into a new file or an empty database, and verify it.",
    "sessions": "List the sessions of a log with their heads.",
    "verify": "Check every hash, link and column of a log, and what of it is signed.",
}

# `import` is a word of Python, so its module is named for what it imports.
_MODULES = {"import": "imports"}

# What was given says that it is a log, and does not hold as one.
_BROKEN = (LogCorrupt, UnknownVersion, ExportInvalid)


class LazyVerbs(options.Verbs):
    """Imports a verb when it is asked for, so that `--help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every verb, sorted."""
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb, or None."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"aegisctl.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl(sorted(VERBS.items()))


@click.group(cls=LazyVerbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aegisctl")
def cli() -> None:
    """Check, read and replay what Aegis recorded, offline or over HTTP.

    A FILE is an Aegis database or an export; which of them is told by its content. Without a FILE
    the server is asked: --server, or AEGIS_SERVER.

    Examples:
      aegisctl verify aegis.db
      aegisctl export --out acme.jsonl --tenant acme
      aegisctl replay acme.jsonl

    Exit codes: 0 holds, 1 does not hold, 2 could not tell.

    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a verb and end the process with its exit code."""
    try:
        code = run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output stopped; Python would complain about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = UNKNOWN
    sys.exit(code)


def _sentence(error: OSError) -> str:
    """What the system said of a file, in words."""
    if not isinstance(error.filename, str | bytes | os.PathLike) or error.strerror is None:
        return str(error)
    name = shown(os.fsdecode(error.filename), None)
    if isinstance(error, FileNotFoundError):
        return f"there is no file {name}"
    return f"{name} cannot be used: {error.strerror}"


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a verb and return its exit code; what went wrong is said on standard error."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    named = [*given, *(each for name, each in os.environ.items() if name.startswith("AEGIS_"))]
    if any(map(is_private_key, named)):
        click.echo("aegisctl: found a private key itself where its file is to be named", err=True)
        return UNKNOWN
    try:
        # Not `cli.main`: it would end the process with 1 when whoever reads our output leaves.
        with cli.make_context("aegisctl", given) as context:
            code = cli.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return UNKNOWN
    except (click.Abort, KeyboardInterrupt):
        click.echo("aegisctl: interrupted", err=True)
        return UNKNOWN
    except AegisError as error:
        click.echo(f"aegisctl: {error.message}", err=True)
        return BROKEN if isinstance(error, _BROKEN) else UNKNOWN
    except BrokenPipeError:
        raise
    except OSError as error:
        click.echo(f"aegisctl: {_sentence(error)}", err=True)
        return UNKNOWN
    except Exception as error:  # noqa: BLE001 - the edge: Python's own exit code for a crash means "tampered"
        # Where, and not what it says: that may be text of a file.
        click.echo("".join(traceback.format_tb(error.__traceback__)), err=True, nl=False)
        bug = f"{type(error).__name__}, which is a bug in aegisctl"
        click.echo(f"aegisctl: {bug}; nothing was found out", err=True)
        return UNKNOWN
    return code if isinstance(code, int) else HOLDS
