"""`aegisctl keys`: make, replace and show the keys that sign a log's checkpoints."""

import time
from pathlib import Path

import click

from aegisctl import options
from aegisctl.display import note, say, tell
from aegisctl.exits import HOLDS
from aegisd.core.errors import ConfigInvalid
from aegisd.core.log.checkpoint import origin
from aegisd.core.log.note import Key
from aegisd.printable import shown
from aegisd.signing import keyring

# Days that the replaced key signs beside the new one: long enough for an auditor's monthly visit.
OVERLAP_DAYS_DEFAULT = 31

# Days, ten years: a key that is to sign for longer need not be replaced.
OVERLAP_DAYS_MAX = 3650

_DAY_MS = 86_400_000


@click.group("keys", cls=options.Verbs)
def command() -> None:
    """Make, replace and show the keys that sign checkpoints.

    A daemon makes a key file beside a new log by itself. It holds private keys: keep it, and keep
    it from others. Verifier keys are public; give them to whoever audits, by a way of their own.

    Examples:
      aegisctl keys show aegis.db.key
      aegisctl keys rotate aegis.db.key
      aegisctl keys new --log aegis.example.com/prod --out prod.key

    """


@command.command("new")
@click.option("--log", "log_name", required=True, metavar="NAME", help="The log's name: a URL.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The key file."
)
def new(log_name: str, out: Path) -> int:
    """Make a key file, readable by its owner only, and FILE.pub beside it.

    NAME is a URL without its scheme, such as aegis.example.com/prod; no two logs share one. Name
    the file with --signing-key, or signing.key, before the log is signed for the first time.

    Example:
      aegisctl keys new --log aegis.example.com/prod --out prod.key

    Exit codes: 0 made, 2 could not.

    """
    made = keyring.create(out, log_name)
    note(f"wrote {shown(str(out))} and {shown(str(keyring.public_path(out)))}")
    for key in made.keys(_now_ms()):
        say(str(key))
    return HOLDS


@command.command("rotate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--overlap-days",
    type=click.IntRange(0, OVERLAP_DAYS_MAX),
    default=OVERLAP_DAYS_DEFAULT,
    show_default=True,
    help="How long the key before signs beside the new one.",
)
def rotate(file: Path, overlap_days: int) -> int:
    """Put a new key in front of the key FILE.

    Start the daemon again: it signs with both, and records the change in every tenant's log. Give
    the new verifier key to the auditors before the overlap ends.

    Example:
      aegisctl keys rotate aegis.db.key --overlap-days 31

    Exit codes: 0 done, 2 could not.

    """
    now_ms = _now_ms()
    made = keyring.rotate(file, now_ms, overlap_days * _DAY_MS)
    note(f"{shown(str(file))} has a new key; start the daemon again so that it signs")
    for key in made.keys(now_ms):
        say(str(key))
    return HOLDS


@command.command("show")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tenant", "tenant_id", metavar="ID", help="Under the name of one tenant's log.")
@options.as_json
def show(file: Path, tenant_id: str | None, *, as_json: bool) -> int:
    """Show the verifier keys of a key FILE that sign now, the newest first. They are public.

    A key under the log's name speaks for each of its tenants.

    Example:
      aegisctl keys show aegis.db.key

    Exit codes: 0 shown, 2 could not.

    """
    keys = keyring.load(file).keys(_now_ms())
    if tenant_id is not None:
        keys = tuple(Key(name=origin(each.name, tenant_id), public=each.public) for each in keys)
    if not keys:
        raise ConfigInvalid(f"{file} holds no key that signs now")
    told = list(map(str, keys))
    tell({"keys": told}, told, as_json=as_json)
    return HOLDS


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
