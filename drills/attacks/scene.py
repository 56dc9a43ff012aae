"""The log under attack: recorded by the real gate, signed by its own key, in three sittings."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from aegisd.core.log.note import Key
from aegisd.library import Library
from aegisd.signing import keyring
from aegisd.signing.keyring import Keyring
from aegisd.signing.signer import key_path
from drills.daemon import MANIFEST, proposal

TENANT = "acme"

# 2001-09-09T01:46:40Z: what the caller of the last sitting says the time is.
LONG_AGO_MS = 1_000_000_000_000


class Sitting(Struct, frozen=True, kw_only=True):
    """What the log was when the gate closed: stored bytes by position, and the signed note."""

    bodies: tuple[bytes, ...]
    note: str


class Scene(Struct, frozen=True, kw_only=True):
    """The log's database, its documents as (kind, bytes), its keys, and its three sittings."""

    path: Path
    documents: tuple[tuple[str, bytes], ...]
    keys: Keyring
    morning: Sitting
    evening: Sitting
    night: Sitting

    @property
    def verifier(self) -> Key:
        """The key that an auditor was given."""
        return self.keys.keys(0)[0]


def record(folder: Path) -> Scene:
    """Let a gate record the log in `folder`. Takes a second."""
    path = folder / "aegis.db"
    greetings = [_said(name, f"I am {name}") for name in ("ann", "bob")]
    morning = _sit(path, [*greetings, *_calls("bob", 3), *_calls("ann", 2)])
    evening = _sit(path, [*_calls("ann", 2), *_calls("carol", 2)])
    # The agent says that its call succeeded. It did not, and nothing here can know.
    lie = _said("carol", "the transfer was made")
    night = _sit(path, [lie, *_calls("dora", 1, ts_unix_ms=LONG_AGO_MS)])
    with closing(sqlite3.connect(path)) as file:
        documents = file.execute("SELECT kind, body FROM documents").fetchall()
    return Scene(
        path=path,
        documents=tuple(documents),
        keys=keyring.load(key_path(path)),
        morning=morning,
        evening=evening,
        night=night,
    )


def _sit(path: Path, events: Sequence[dict[str, object]]) -> Sitting:
    """Open the gate, record events, close it, and read what it left: it signs when it closes."""
    asyncio.run(_record(path, events))
    with closing(sqlite3.connect(path)) as file:
        bodies = file.execute(
            "SELECT body FROM events WHERE tenant_id = ? ORDER BY position", (TENANT,)
        ).fetchall()
        ((note,),) = file.execute(
            "SELECT note FROM checkpoints WHERE tenant_id = ? ORDER BY size DESC LIMIT 1", (TENANT,)
        ).fetchall()
    return Sitting(bodies=tuple(body for (body,) in bodies), note=note)


async def _record(path: Path, events: Sequence[dict[str, object]]) -> None:
    library = Library(str(path), manifest=MANIFEST, evaluator="regopy")
    await library.start()
    try:
        for event in events:
            await library.record(event)
    finally:
        await library.close()


def _said(session_id: str, content: str) -> dict[str, object]:
    payload = {"content": content}
    return proposal(session_id, user_id="u1", event_type="USER_MESSAGE", payload=payload)


def _calls(session_id: str, count: int, **more: object) -> list[dict[str, object]]:
    return [{**proposal(session_id, user_id="u1"), **more}] * count
