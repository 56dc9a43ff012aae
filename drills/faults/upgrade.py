"""Files of earlier versions: opened, verified, unchanged in every stored byte, and continued."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from aegisd.child import NotStarted
from aegisd.store.dsn import open_reader
from drills.daemon import CREATED, ROOT, Daemon, proposal
from drills.faults.acknowledged import Acknowledged, examine
from drills.faults.outcome import Step, Tally

FILES = ROOT / "tests" / "store" / "sqlite" / "files"


def files(attempts: int, step: Step) -> Tally:
    """Start the daemon on copies of so many files, the newest schema first."""
    tally = Tally()
    for kept in sorted(FILES.glob("version-*.db"), reverse=True)[:attempts]:
        with TemporaryDirectory(prefix="aegis-upgrade-") as name:
            folder = Path(name)
            # Read once by the reader of an archive, so that nothing of it is written.
            before = _events(_copy(kept, folder / "before"))
            database = _copy(kept, folder / "after")
            try:
                with Daemon(database.parent) as daemon:
                    client = daemon.connect()
                    status, _ = client.request("POST", "/v1/events", proposal("after-upgrade"))
                    client.close()
            except NotStarted as error:
                tally.broken.append(f"{kept.name}: {error}")
                continue
            tally.require(f"{kept.name}: answers {status}", holds=status == CREATED)
            after = _events(database)
            lost = [place for place, body in before.items() if after.get(place) != body]
            tally.lost += len(lost)
            reader = open_reader(str(database))
            tally.broken += examine(reader, Acknowledged()).broken
            reader.close()
            tally.acknowledged += len(before)
        tally.attempt()
        step()
    return tally


def _copy(kept: Path, folder: Path) -> Path:
    folder.mkdir()
    database = folder / "aegis.db"
    shutil.copy(kept, database)
    return database


def _events(database: Path) -> dict[tuple[str, int], bytes]:
    reader = open_reader(str(database))
    try:
        return {
            (tenant_id, event.position): event.body
            for tenant_id in reader.tenants()
            for event in reader.events(tenant_id)
        }
    finally:
        reader.close()
