"""Where a log of an archive is: an SQLite file, or a database of a PostgreSQL server."""

import gzip
import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from tests import postgres

# What of a log's folder is kept beside the log itself.
BESIDE = ("signing.key", "signing.key.pub", "checkpoints")

ROLES = Path(__file__).parent / "roles.sql"

TEST_KEY = (
    "# A TEST KEY, published with the log that it signed so that later builds can go on with that\n"
    "# log. It protects nothing.\n"
)


class Place(ABC):
    """A folder to work in, and the log's DSN."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dsn = ""
        self._count = 0
        folder.mkdir(parents=True)
        self.renew()

    @abstractmethod
    def renew(self) -> None:
        """Go on with a log that does not exist yet."""

    @abstractmethod
    def keep(self, out: Path) -> None:
        """Write the log, and what belongs beside it, into a new folder. Nobody has it open."""

    def _keep_beside(self, out: Path) -> None:
        out.mkdir(parents=True)
        for name in BESIDE:
            kept = self.folder / name
            if kept.is_dir():
                shutil.copytree(kept, out / name)
            else:
                shutil.copyfile(kept, out / name)
        key = out / "signing.key"
        key.write_text(TEST_KEY + key.read_text("ascii"), "ascii")


class File(Place):
    """An SQLite file."""

    def renew(self) -> None:
        """See `Place.renew`."""
        self._count += 1
        self.dsn = str(self.folder / f"aegis-{self._count}.db")

    def keep(self, out: Path) -> None:
        """See `Place.keep`. Raises `SystemExit` where the file is not all of the log."""
        self._keep_beside(out)
        if Path(f"{self.dsn}-wal").exists():
            raise SystemExit(f"{self.dsn}-wal exists: the daemon before did not close the log")
        shutil.copyfile(self.dsn, out / "aegis.db")


class Server(Place):
    """A database of a PostgreSQL server that is started for the purpose."""

    def __init__(self, folder: Path) -> None:
        programs, server = postgres.programs(), postgres.own_server()
        if programs is None or server is None or not (programs / "pg_dump").is_file():
            raise SystemExit(f"{postgres.MISSING}; pg_dump is needed as well")
        self._dump, self._server = programs / "pg_dump", server
        super().__init__(folder)

    def renew(self) -> None:
        """See `Place.renew`."""
        self.dsn = postgres.new_database(self._server.dsn)

    def keep(self, out: Path) -> None:
        """See `Place.keep`: plain SQL, in statements that any client can send."""
        self._keep_beside(out)
        flags = ("--schema=aegis", "--no-owner", "--inserts")
        command = [str(self._dump), *flags, "--rows-per-insert=50", self.dsn]
        told = subprocess.run(command, check=True, capture_output=True, text=True)
        # A guard of newer psql alone, with a random word; older ones do not know it.
        lines = [
            line
            for line in told.stdout.splitlines(keepends=True)
            if not line.startswith(("\\restrict", "\\unrestrict"))
        ]
        packed = gzip.compress("".join([ROLES.read_text("utf-8"), *lines]).encode(), mtime=0)
        (out / "aegis.sql.gz").write_bytes(packed)
