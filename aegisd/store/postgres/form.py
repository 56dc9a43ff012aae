"""The form of the schema: every object of it as the migrations make it, and what differs.

A trigger that is there may call a function that does nothing, and a policy may let everybody see
everything. So whatever guards the log is held, object by object, to what a database has that
nobody touched. `form.sql` reads it in one round trip; `form.txt` is what it finds after our
migrations, which a test holds it to.
"""

from functools import cache
from importlib import resources

from aegisd.store.postgres.connection import Connection

# A form is told as far as this many characters. A database may hold anything.
TOLD_CHARACTERS_MAX = 200


def found(connection: Connection) -> dict[str, str]:
    """The form of every object there is, by its name. Raises `psycopg.Error`."""
    rows = connection.execute(_resource("form.sql")).fetchall()
    return {str(name): str(form) for name, form in rows}


@cache
def expected() -> dict[str, str]:
    """The form of every object that the migrations make, by its name."""
    parts = (line.partition("\t") for line in _resource("form.txt").splitlines())
    return {name: form for name, _, form in parts}


def changes(connection: Connection) -> list[str]:
    """One sentence for each object that is missing, was added, or is not as Aegis made it."""
    ours, theirs = expected(), found(connection)
    sentences = []
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            sentences.append(f"schema: the {name} is missing: expected {ours[name]!r}")
        elif name not in ours:
            sentences.append(f"schema: the {name} was added: found {_told(theirs[name])}")
        elif theirs[name] != ours[name]:
            sentences.append(
                f"schema: the {name} was changed: expected {ours[name]!r}, found "
                f"{_told(theirs[name])}"
            )
    return sentences


def _told(form: str) -> str:
    return repr(form[:TOLD_CHARACTERS_MAX])


@cache
def _resource(name: str) -> str:
    return (resources.files("aegisd.store.postgres") / name).read_text("utf-8")
