"""`aegisctl manifest`: would a daemon take it, what does it say, and a first draft."""

import sys
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec

from aegisctl import activations, options
from aegisctl.display import coloured, count, note, say, say_json, tell
from aegisctl.exits import BROKEN, HOLDS
from aegisd import resources
from aegisd.core import capabilities
from aegisd.core.capabilities import Capabilities
from aegisd.core.errors import AegisError, InvalidJson, ManifestInvalid
from aegisd.core.log.canonical import parse
from aegisd.core.manifest.model import SCHEMA_V1, Budgets
from aegisd.core.manifest.parse import MANIFEST_BYTES_MAX
from aegisd.core.manifest.upcast import from_v1
from aegisd.draft.draft import Draft, draft, frame
from aegisd.printable import shown
from aegisd.whole_file import replacing

NAME_DEFAULT = "my-agent"

manifest_file = click.argument("file", type=click.Path(exists=True, dir_okay=False))


@click.group("manifest", cls=options.Verbs)
def command() -> None:
    """Validate, show or draft a capability manifest.

    Examples:
      aegisctl manifest init tools.json --out manifest.json
      aegisctl manifest validate manifest.json

    """


command.add_command(activations.register)
command.add_command(activations.manifests)


@command.command("validate")
@manifest_file
@options.as_json
def validate(file: str, *, as_json: bool) -> int:
    """Say whether a daemon would take the manifest FILE.

    Its fields, names, zone and every JSON Schema are checked.

    Example:
      aegisctl manifest validate manifest.json

    Exit codes: 0 valid, 1 it would be refused.

    """
    try:
        read = _read(file)
    except AegisError as error:
        problem = error.message
        document = {"valid": False, "problem": problem, "digest": None}
        line = f"{coloured('invalid', 'bad')}: {shown(problem, None)}"
        tell(document, [line], as_json=as_json)
        return BROKEN
    named = f"{shown(read.manifest.name)} {shown(read.manifest.version)}"
    tools = count(len(read.manifest.tools), "tool")
    budgets = msgspec.to_builtins(read.manifest.budgets)
    defaulted = _defaulted(read)
    document = {
        "valid": True,
        "problem": None,
        "digest": read.digest,
        "budgets": budgets,
        "defaulted": defaulted,
    }
    line = f"{coloured('valid', 'good')}: {named}, {tools}, SHA-256 {read.digest}"
    tell(document, [line, *_about_budgets(budgets, defaulted)], as_json=as_json)
    for name in read.undescribed:
        note(f"nothing describes {shown(name)}, so it is denied; write its `net` in exec.binaries")
    for name in read.mistaken:
        said = shown(name)
        note(f"recipients: {said} is the exact text and no address; did you mean @{said}?")
    if read.unlimited:
        names = ", ".join(shown(name) for name in read.unlimited)
        note(f"no `recipients`, so these may reach anybody: {names}")
    return HOLDS


@command.command("show")
@manifest_file
@options.as_json
def show(file: str, *, as_json: bool) -> int:
    """Show the manifest FILE as v0.2 with every default filled in.

    What is shown means the same as FILE and can be registered in its place.

    Example:
      aegisctl manifest show manifest.json

    Exit codes: 0 shown, 1 the manifest is invalid.

    """
    try:
        read = _read(file)
    except AegisError as error:
        note(f"invalid: {shown(error.message, None)}")
        return BROKEN
    document = msgspec.to_builtins(read.manifest)
    if as_json:
        say_json(document)
        return HOLDS
    written = parse(read.document)
    if isinstance(written, dict) and written.get("schema") == SCHEMA_V1:
        note("written as v0.1; shown as the v0.2 that it means")
    say(_pretty(document))
    return HOLDS


@command.command("init")
@click.argument("tools", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--name", default=NAME_DEFAULT, show_default=True, help="The manifest's name.")
@click.option("--out", default="-", metavar="FILE|-", help="Where to write.  [default: -]")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def init(tools: str | None, name: str, out: str, *, force: bool) -> int:
    """Draft a manifest from TOOLS, a JSON file that lists tools with their schemas.

    TOOLS is what an MCP server answers to `tools/list`, or the list given to a model. Effects,
    risk, roles and bounds of arguments are guessed from names; what to fill in, and what nothing
    holds, is said on standard error. Without TOOLS a small manifest to write into.

    Example:
      aegisctl manifest init tools.json --name support-desk --out manifest.json

    Exit codes: 0 written, 1 the tools cannot be described, 2 could not tell.

    """
    path = None if out == "-" else Path(out)
    if path is not None:
        options.refuse_existing(path, force=force)
    try:
        listed = None if tools is None else parse(_bytes(tools))
        made = _small(name) if tools is None else draft(listed, name)
        body = _pretty(made.manifest).encode()
        capabilities.read(body)
    except (ManifestInvalid, InvalidJson) as error:
        note(f"cannot be described: {shown(error.message, None)}")
        return BROKEN
    if path is None:
        sys.stdout.buffer.write(body + b"\n")
        sys.stdout.buffer.flush()
    else:
        with replacing(path) as file:
            file.write(body + b"\n")
    if made.check:
        note("A draft. Check:")
        for sentence in made.check:
            note(f"  {shown(sentence, None)}")
    return HOLDS


def _read(file: str) -> Capabilities:
    """Read and check as the daemon does. Raises `ManifestInvalid`, `InvalidJson`, `OSError`."""
    read = capabilities.read(_bytes(file))
    zone = read.manifest.zone
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ManifestInvalid(f"zone: {zone!r} is not an IANA time zone of this machine") from None
    return read


def _defaulted(read: Capabilities) -> list[str]:
    """The budgets that are limited because the manifest leaves them out."""
    document = parse(read.document)
    if isinstance(document, dict) and document.get("schema") == SCHEMA_V1:
        document = from_v1(document)
    written = document.get("budgets", {}) if isinstance(document, dict) else {}
    defaults = msgspec.to_builtins(Budgets())
    return [name for name, limit in defaults.items() if limit is not None and name not in written]


def _about_budgets(budgets: dict[str, int | None], defaulted: list[str]) -> Iterator[str]:
    told = (f"{name} {'no limit' if most is None else most}" for name, most in budgets.items())
    yield f"  budgets of a session: {', '.join(told)}"
    if defaulted:
        yield f"  left out, so these are defaults: {', '.join(defaulted)}; write null for no limit"


def _small(name: str) -> Draft:
    """A manifest of one tool of each common kind, whose descriptions say what to change."""
    example: dict[str, object] = msgspec.json.decode(
        (resources.manifests() / "starter.json").read_bytes()
    )
    return Draft({**example, **frame(name)}, ())


def _bytes(file: str) -> bytes:
    with Path(file).open("rb") as opened:
        data = opened.read(MANIFEST_BYTES_MAX + 1)
    if len(data) > MANIFEST_BYTES_MAX:
        raise ManifestInvalid(f"larger than MANIFEST_BYTES_MAX = {MANIFEST_BYTES_MAX} bytes")
    return data


def _pretty(document: object) -> str:
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
