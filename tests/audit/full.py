"""A log that has everything a log can have, and all of a database to compare."""

import sqlite3
from contextlib import closing
from pathlib import Path

from aegisd.core.log import detached
from aegisd.rows import Batch, Detached
from aegisd.store.sqlite.store import SqliteStore
from tests.audit.recording import call, record
from tests.audit.signed import sign
from tests.core.builders import chain, envelope

TABLES = {
    "events": "tenant_id, position",
    "documents": "digest",
    "checkpoints": "tenant_id, size",
    "blocks": "tenant_id, number",
    "tenant_heads": "tenant_id",
    "detached": "tenant_id, position, pointer",
}


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything in a database but cached folds."""
    with closing(sqlite3.connect(path)) as file:
        return {
            table: file.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall()  # noqa: S608
            for table, order in TABLES.items()
        }


def filled(log_file: Path) -> Path:
    """The log, with values beside events, blocks and checkpoints added."""
    store = SqliteStore(str(log_file))
    record(store, [call("read_file", {"path": f"/workspace/{n}"}) for n in range(140)])
    salt, value = b"\3" * 32, b'"42"'
    payload = {"content": detached.commitment(salt, value)}
    events = chain([envelope(0, "USER_MESSAGE", payload, session_id="b", tenant_id="beside")])
    row = Detached(
        tenant_id="beside", position=0, pointer="/content", subject="u1", salt=salt, value=value
    )
    store.append(Batch(tenant_id="beside", first_position=0, events=events, detached=[row]))
    store.close()
    sign(log_file, size=20)
    newest = sign(log_file)
    assert newest.size > 256
    return log_file
