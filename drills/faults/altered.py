"""Databases altered by hand: any value of any row, and somebody must notice, or nothing came of it.

Whoever alters one has the database, no key, and puts back every trigger that was in the way.
"""

import asyncio
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from aegisd.audit.anchors import Anchors
from aegisd.audit.log import opened_database
from aegisd.audit.verification.file import verify_file
from aegisd.core.errors import AegisError
from aegisd.store.postgres import listener
from drills.faults import altered_scene
from drills.faults.alteration import (
    Alteration,
    Database,
    Impossible,
    PostgresDatabase,
    SqliteDatabase,
    choose,
)
from drills.faults.outcome import Tally, fault
from drills.faults.server import own_server

# Where a log lies that thousands are copied from: in memory, since what is durable is not asked.
MEMORY = next((each for each in ("/dev/shm",) if Path(each).is_dir()), None)  # noqa: S108 - ours alone


class Auditor:
    """Has a log as it was, its key and its newest checkpoints."""

    def __init__(self, dsn: str, keys: Path, anchors: Anchors) -> None:
        self._keys, self._anchors = keys, anchors
        with opened_database(dsn) as log:
            self._tenants = log.tenants()
            self._whole = altered_scene.told_by(log, self._tenants)
        self.expected = self._answers(dsn, keys.parent / "unaltered")

    def judged(self, dsn: str, folder: Path) -> tuple[str, str]:
        """`verdict` and `wrong` of a log; a folder for keys is made."""
        try:
            return self.verdict(dsn), self.wrong(dsn, folder)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody foresaw it
            return "nobody foresaw", repr(error)

    def verdict(self, dsn: str) -> str:
        """`broken`; `refused`, where it is no log of ours; `harmless`, where it tells the same."""
        try:
            told = verify_file(dsn, anchors=self._anchors)
            if not told.holds:
                return "broken"
            with opened_database(dsn) as log:
                same = altered_scene.told_by(log, self._tenants) == self._whole
                return "harmless" if same else "a wrong ok"
        except AegisError as error:
            return f"not told: {error.message}"

    def wrong(self, dsn: str, folder: Path) -> str:
        """The first answer that is another, and no refusal; empty where there is none.

        A denial because something that is needed to judge is gone is one.
        """
        found = self._answers(dsn, folder)
        for number, (mine, theirs) in enumerate(zip(found, self.expected, strict=False)):
            if mine != theirs and not mine.startswith(("refused", "deny ['POLICY_ERROR']")):
                return f"call {number}: {mine} instead of {theirs}"
        return ""

    def _answers(self, dsn: str, folder: Path) -> list[str]:
        shutil.copytree(self._keys, folder, dirs_exist_ok=True)
        try:
            return asyncio.run(altered_scene.answers(dsn, folder))
        except AegisError as error:
            return [f"refused: {error.code}"]


@contextmanager
def _at_once() -> Iterator[None]:
    """Nobody is warned of what is altered, which is not what is looked at, nor waited for."""
    logger = logging.getLogger("aegisd")
    level, pause_s = logger.level, listener.PAUSE_S
    logger.setLevel(logging.CRITICAL)
    # How soon who listens for commits of others sees that it is over.
    listener.PAUSE_S = 0.01
    try:
        yield
    finally:
        logger.setLevel(level)
        listener.PAUSE_S = pause_s


def alter(attempts: int, tally: Tally, make: Callable[[Path], Database], seed: int) -> None:
    """Alter a log so many times, and hold what is said of each to what it was."""
    chance = Random(seed)  # noqa: S311 - seeded, so that a run can be told again
    tried = Counter[str]()
    with _at_once(), TemporaryDirectory(prefix="aegis-altered-", dir=MEMORY) as name:
        keys, place = Path(name, "keys"), Path(name, "place")
        keys.mkdir()
        with closing(make(Path(name))) as database:
            anchors = asyncio.run(altered_scene.record(database.dsn, keys))
            tables = database.tables()
            places = [f"{table.name}.{column}" for table in tables for column in table.columns]
            auditor = Auditor(database.altered(Alteration("", "nothing", ())), keys, anchors)
            while tally.attempts < attempts:
                alteration = choose(tables, chance)
                try:
                    copy = database.altered(alteration)
                except Impossible:
                    continue
                verdict, wrong = auditor.judged(copy, place)
                shutil.rmtree(place, ignore_errors=True)
                tally.note(verdict)
                noticed = verdict in ("broken", "harmless")
                where = alteration.what
                tally.require(f"verify says {verdict}", holds=noticed, where=where)
                tally.require(f"{verdict}, {wrong}", holds=not wrong, where=where)
                tried[alteration.column] += 1
                tally.attempt()
    tally.note("columns", len(tried))
    tally.note("alterations of a column at least", min(tried[each] for each in places))


@fault("altered by hand", attempts=3000, quick=60)
def sqlite(attempts: int, tally: Tally) -> None:
    """Any column of any table changed, rows deleted, doubled, swapped; verify, start and calls."""
    alter(attempts, tally, SqliteDatabase, 20_260_111)


@fault("altered by hand, PostgreSQL", store="PostgreSQL", attempts=3000, quick=40)
def postgres(attempts: int, tally: Tally) -> None:
    """The same by the database's superuser, who goes round triggers and row-level security."""
    with own_server() as server:
        alter(attempts, tally, lambda _folder: PostgresDatabase(server.dsn), 20_260_112)
