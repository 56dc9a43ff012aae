"""Where a log of an archive is: an SQLite file, or a database of a PostgreSQL server."""

import gzip
import shutil
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path

from tests import postgres

ROLES = Path(__file__).parent / "roles.sql"

TEST_KEY = (
    "# A TEST KEY, published with the log that it signed so that later builds can go on with that\n"
    "# log. It protects nothing.\n"
)


class Place(ABC):
    """A folder to work in, and the log's DSN."""

    # The name that the log is kept under.
    kept_as = ""

    dsn = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.renew()

    @abstractmethod
    def renew(self) -> None:
        """Go on with a log that does not exist yet."""

    @abstractmethod
    def _log(self) -> bytes:
        """The log as it is kept."""

    def keep(self, out: Path) -> None:
        """Write the log, and what belongs beside it, into a new folder. Nobody has it open."""
        shutil.copytree(self.folder / "checkpoints", out / "checkpoints")
        shutil.copyfile(self.folder / "signing.key.pub", out / "signing.key.pub")
        key = (self.folder / "signing.key").read_text("ascii")
        (out / "signing.key").write_text(TEST_KEY + key, "ascii")
        (out / self.kept_as).write_bytes(self._log())


class File(Place):
    """An SQLite file."""

    kept_as = "aegis.db"

    def renew(self) -> None:
        """See `Place.renew`."""
        self.dsn = str(self.folder / f"aegis-{len(list(self.folder.glob('*.db')))}.db")

    def _log(self) -> bytes:
        if Path(f"{self.dsn}-wal").exists():
            raise SystemExit(f"{self.dsn}-wal exists: the daemon before did not close the log")
        return Path(self.dsn).read_bytes()


class Server(Place):
    """A database of a PostgreSQL server that is started for the purpose."""

    kept_as = "aegis.sql.gz"

    def __init__(self, folder: Path) -> None:
        programs, server = postgres.programs(), postgres.own_server()
        if programs is None or server is None or not (programs / "pg_dump").is_file():
            raise SystemExit(f"{postgres.MISSING}; pg_dump is needed as well")
        self._dump, self._server = programs / "pg_dump", server
        super().__init__(folder)

    def renew(self) -> None:
        """See `Place.renew`."""
        self.dsn = postgres.new_database(self._server.dsn)

    def _log(self) -> bytes:
        """Plain SQL, in statements that any client can send."""
        flags = ("--schema=aegis", "--no-owner", "--inserts")
        command = [str(self._dump), *flags, "--rows-per-insert=50", self.dsn]
        told = subprocess.run(command, check=True, capture_output=True, text=True)
        # A guard of newer psql alone, with a random word; older ones do not know it.
        lines = [
            line
            for line in told.stdout.splitlines(keepends=True)
            if not line.startswith(("\\restrict", "\\unrestrict"))
        ]
        return gzip.compress("".join([ROLES.read_text("utf-8"), *lines]).encode(), mtime=0)
