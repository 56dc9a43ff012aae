"""The life of one log, from its first start to the state that is kept: told to real daemons.

A phase is one start of a daemon with what happens under it. The order matters: each phase leaves
something behind that the next one meets.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import yaml

from conformance.archive import account, conversation
from conformance.archive.account import Account
from conformance.archive.conversation import CREATED, Answer, Speaker
from conformance.archive.place import Place
from drills.daemon import Client, Daemon
from drills.typed import aegisctl

MATERIAL = Path(__file__).parent / "material"

# Signed only when asked, so that the same story gives the same checkpoints.
SETTINGS = {
    "signing.key": "signing.key",
    "checkpoints.path": "checkpoints",
    "checkpoints.interval_ms": 0,
}

LOG_NAME = "archive.example/log"

TENANTS = ("acme", "beta", "cove", "Dune")


@dataclass
class Story:
    """A log that is being told. `place` moves when the log is restored from a backup.

    `repeated` is a request under a key with its answer, `folds` each session's fold at the end.
    """

    # In the place's folder: the proof of one event.
    PROOF: ClassVar[str] = "event.tlog-proof"

    place: Place
    repeated: dict[str, object] = field(default_factory=dict)
    folds: Account = field(default_factory=dict)

    def tell(self) -> None:
        """All phases, in order."""
        (self.place.folder / "aegisd.yaml").write_text(yaml.safe_dump(SETTINGS), "utf-8")
        made = ("keys", "new", "--log", LOG_NAME, "--out", self.place.folder / "signing.key")
        run(*made)
        self._configured()
        self._on_regopy()
        self._on_regorus()
        self._faulty()
        self._other_keys()
        self._rolled_back()
        self._erased()

    @contextmanager
    def _daemon(
        self, engine: str, *flags: str, manifest: Path | None = None
    ) -> Iterator[tuple[Daemon, Client]]:
        named = ("--config", "aegisd.yaml", "--dsn", self.place.dsn, "--policy-engine", engine)
        with Daemon(self.place.folder, *named, *flags, manifest=manifest) as daemon:
            yield daemon, daemon.connect()

    def _configured(self) -> None:
        """A tenant governed by the manifest that the daemon was started with."""
        manifest = MATERIAL / "configured.json"
        with self._daemon("regopy", manifest=manifest) as (_, client):
            speaker = Speaker(client, "cove", "configured")
            speaker.call("only", "read_file", conversation.read())
            speaker.call("only", "read_file", {"path": "/etc/passwd"})
            sign(client, "cove")

    def _on_regopy(self) -> None:
        """An old manifest and its successor, rules both engines read, a zone, a log imported."""
        with self._daemon("regopy") as (daemon, client):
            bare = Speaker(client, "Dune", "bare")
            bare.call("undeclared", "read_file", conversation.read())
            acme = Speaker(client, "acme", "old")
            register(client, "acme", "old")
            acme.call("first", "fs.write", {"path": "/workspace/out/a"})
            acme.call("first", "bash", {"command": "git status"})
            acme.call("first", "delete_file", {"path": "/workspace/out/a"})
            register(client, "acme", "home")
            acme.call("first", "read_file", conversation.read())
            activate(client, "acme", "portable")
            self._converse(Speaker(client, "acme", "py"))
            register(client, "beta", "zoned")
            conversation.spent(Speaker(client, "beta", "py"))
            activate(client, "beta", "portable")
            conversation.letters(Speaker(client, "beta", "py"))
            for tenant_id in ("acme", "beta", "Dune"):
                sign(client, tenant_id)
            server = ("--server", f"http://127.0.0.1:{daemon.port}")
            self._import(server, "beta", *server)
            self._import(server, "acme", *server, "--session", "py-unasked")
            beside = ("--dsn", self.place.dsn, "--detached")
            self._import(server, "acme", *beside, "--session", "py-kept-bo")

    def _converse(self, speaker: Speaker) -> None:
        conversation.every_event(speaker)
        conversation.every_denial(speaker)
        conversation.unasked(speaker)
        conversation.batches(speaker)
        request, answer = conversation.careful(speaker)
        self.repeated = {"request": request, "answer": recorded(answer)}
        conversation.kept_beside(speaker, "ann")
        conversation.kept_beside(speaker, "bo")
        conversation.long_text(speaker)

    def _import(self, server: tuple[str, ...], tenant_id: str, *source: str) -> None:
        """Keep an export of this very log as a foreign one."""
        file = self.place.folder / f"{tenant_id}-{source[-1].rpartition('/')[2]}.jsonl"
        run("export", *source, "--tenant", tenant_id, "--out", file)
        who = ("--author", "olga", "--reason", "to look at it")
        run("import", file, *server, "--tenant", "acme", *who)

    def _on_regorus(self) -> None:
        """The same sessions go on under the other engine, and rules that it alone never fails."""
        with self._daemon("regorus") as (_, client):
            self._converse(Speaker(client, "acme", "rs"))
            Speaker(client, "acme", "py").call("careful", "pay", {"amount": 2, "to": "bank"})
            activate(client, "beta", "text")
            conversation.letters(Speaker(client, "beta", "rs"))
            conversation.spent(Speaker(client, "beta", "rs"))
            sign(client, "acme")

    def _faulty(self) -> None:
        """An engine that fails on what the rules in force look at: POLICY_ERROR."""
        with self._daemon("regopy") as (_, client):
            conversation.letters(Speaker(client, "beta", "faulty"))
            sign(client, "beta")

    def _other_keys(self) -> None:
        """Another key signs, and the one before beside it."""
        run("keys", "rotate", self.place.folder / "signing.key", "--overlap-days", "31")
        with self._daemon("regorus") as (_, client):
            for tenant_id in TENANTS:
                sign(client, tenant_id)

    def _rolled_back(self) -> None:
        """Events that were signed, and lost when a backup from before was restored."""
        backup = self.place.folder / "backup.db"
        run("backup", "--dsn", self.place.dsn, "--out", backup)
        with self._daemon("regorus") as (_, client):
            Speaker(client, "acme", "lost").call("only", "read_file", conversation.read())
            sign(client, "acme")
        self.place.renew()
        run("restore", backup, "--dsn", self.place.dsn)
        with self._daemon("regorus", "--accept-rollback") as (_, client):
            sign(client, "acme")

    def _erased(self) -> None:
        """A long session, values erased, everything signed, and a few events after that."""
        with self._daemon("regorus") as (daemon, client):
            conversation.long_session(Speaker(client, "acme", "late"))
            for subject in ("ann", "py-long", "nobody"):
                act = {"subject": subject, "author": "olga", "reason": "request 12"}
                post(client, "/v1/erasures", {"tenant_id": "acme", **act})
            for tenant_id in TENANTS:
                sign(client, tenant_id)
            server = ("--server", f"http://127.0.0.1:{daemon.port}", "--tenant", "acme")
            run("prove", *server, "--position", "7", "--out", self.place.folder / self.PROOF)
            Speaker(client, "acme", "late").call("after", "read_file", conversation.read())
            self.folds = account.of_folds(client, TENANTS)


def recorded(answer: Answer) -> Answer:
    """What of an answer every later build must repeat for the same key."""
    decision = answer["decision"]
    told = decision if isinstance(decision, Mapping) else {}
    same = {name: answer[name] for name in ("seq", "position", "hash", "call_id", "session_id")}
    return {**same, "outcome": told.get("outcome"), "reason": told.get("reason")}


def post(client: Client, path: str, body: object) -> Answer:
    """An act. Raises `SystemExit` where it is refused."""
    status, answer = client.request("POST", path, body)
    if status not in (CREATED, 200):
        raise SystemExit(f"POST {path} was answered {status}: {answer}")
    return answer


def sign(client: Client, tenant_id: str) -> Answer:
    """Have everything durable signed."""
    return post(client, "/v1/checkpoints", {"tenant_id": tenant_id})


def register(client: Client, tenant_id: str, name: str) -> None:
    """Put a manifest of the material in force."""
    manifest = yaml.safe_load((MATERIAL / f"{name}.json").read_text("utf-8"))
    act = {"author": "olga", "reason": f"the {name} one"}
    post(client, "/v1/manifests", {"tenant_id": tenant_id, "manifest": manifest, **act})


def activate(client: Client, tenant_id: str, name: str) -> None:
    """Put the rules of a folder of the material in force."""
    files = {each.name: each.read_text("utf-8") for each in (MATERIAL / name).glob("*.rego")}
    act = {"author": "olga", "reason": f"the {name} rules"}
    post(client, "/v1/policies", {"tenant_id": tenant_id, "files": files, **act})


def run(*arguments: object) -> str:
    """Run `aegisctl`; what it said. Raises `SystemExit` where it did not end with 0."""
    told = aegisctl(*arguments)
    if told.returncode != 0:
        raise SystemExit(f"aegisctl {arguments[0]} ended with {told.returncode}: {told.stderr}")
    return told.stdout
