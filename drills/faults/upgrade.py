"""Files of earlier versions: opened, verified, unchanged in every stored byte, and continued."""

import shutil
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from aegisd.child import NotStarted
from aegisd.store.dsn import open_reader
from drills.daemon import CREATED, ROOT, Daemon, proposal
from drills.faults.acknowledged import Acknowledged
from drills.faults.outcome import Tally, fault

FILES = ROOT / "tests" / "store" / "sqlite" / "files"


@fault("files of earlier versions", attempts=10, quick=10)
def files(attempts: int, tally: Tally) -> None:
    """Opened, continued, every stored byte as before."""
    for kept in sorted(FILES.glob("version-*.db"), reverse=True)[:attempts]:
        with TemporaryDirectory(prefix="aegis-upgrade-") as name:
            database = Path(name, "aegis.db")
            shutil.copy(kept, database)
            # Read by the reader of an archive, so that nothing of it is written.
            before = _events(database)
            try:
                with Daemon(database.parent) as daemon:
                    client = daemon.connect()
                    status, _ = client.request("POST", "/v1/events", proposal("after-upgrade"))
            except NotStarted as error:
                tally.broken.append(f"{kept.name}: {error}")
                continue
            tally.require(f"{kept.name}: answers {status}", holds=status == CREATED)
            after = _events(database)
            tally.lost += sum(after.get(place) != body for place, body in before.items())
            tally.hold(database, Acknowledged())
            tally.acknowledged += len(before)
        tally.attempt()


def _events(database: Path) -> dict[tuple[str, int], bytes]:
    with closing(open_reader(str(database))) as reader:
        return {
            (tenant_id, event.position): event.body
            for tenant_id in reader.tenants()
            for event in reader.events(tenant_id)
        }
