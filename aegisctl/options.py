"""How a verb is declared, the options that verbs share, and which of FILE and server is meant."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from aegisd.printable import shown

SERVER_DEFAULT = "http://127.0.0.1:8080"

# Click's decorators take any callable and give one back.
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_EXAMPLES = re.compile(r"^( *)(Examples?:)$", re.MULTILINE)


def keep_examples(text: str | None) -> str | None:
    """Mark the examples of a help text so that click does not wrap them.

    Click's mark is a backspace on a line of its own, which no docstring should hold.
    """
    return text if text is None or "\b" in text else _EXAMPLES.sub("\\1\b\n\\1\\2", text)


class Verb(click.Command):
    """A verb whose help may hold `Example:` and lines to type."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help text, examples as they are."""
        self.help = keep_examples(self.help)
        super().format_help_text(ctx, formatter)


class Verbs(Verb, click.Group):
    """A verb of several."""

    command_class = Verb


server: Decorator = click.option(
    "--server",
    envvar="AEGIS_SERVER",
    default=SERVER_DEFAULT,
    show_default=True,
    show_envvar=True,
    metavar="URL",
    help="The server to ask where no file is named.",
)


def tenant_of(told: str, *, required: bool) -> Decorator:
    """The option `--tenant` with its help."""
    return click.option(
        "--tenant",
        "tenant_id",
        envvar="AEGIS_TENANT",
        show_envvar=True,
        required=required,
        metavar="ID",
        help=told,
    )


tenant = tenant_of("The tenant.  [default: the only one of a file]", required=False)
session: Decorator = click.option(
    "--session", "session_id", metavar="ID", help="One session.  [default: all]"
)
as_json: Decorator = click.option(
    "--json", "as_json", is_flag=True, help="One canonical JSON document and nothing else."
)


class LogFile(click.Path):
    """A file that is there, or the URL of a PostgreSQL database."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str | bytes | os.PathLike[str]:
        """See `click.Path`."""
        is_url = str(value).startswith(("postgresql://", "postgres://"))
        return value if is_url else super().convert(value, param, ctx)


file: Decorator = click.argument(
    "file", required=False, type=LogFile(exists=True, dir_okay=False), metavar="[FILE]"
)


def _read_keys(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> object:
    from aegisd.audit.anchors import read_keys  # noqa: PLC0415 - what checks signatures is slow

    return read_keys(given)


key: Decorator = click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY|FILE",
    callback=_read_keys,
    help="A verifier key, or a file of them, a line each. May be given again.",
)


def engine(choices: Sequence[str], told: str) -> Decorator:
    """The option `--engine` with its help."""
    return click.option(
        "--engine", type=click.Choice(choices), default="auto", show_default=True, help=told
    )


def refuse_existing(path: Path, *, force: bool) -> None:
    """Raise `click.UsageError` where a file is there that nobody said to replace."""
    if path.exists() and not force:
        raise click.UsageError(f"{shown(str(path))} exists; give --force to replace it")


def refuse_two_sources(file: str | None, name: str = "FILE") -> None:
    """Raise `click.UsageError` where both a file and `--server` were typed."""
    typed = click.get_current_context().get_parameter_source("server")
    if file is not None and typed is ParameterSource.COMMANDLINE:
        raise click.UsageError(f"give either {name} or --server, not both")
