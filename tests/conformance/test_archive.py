"""Old logs live for ever: each in `conformance/archive` verifies, opens, goes on and replays."""

import gzip
import io
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import yaml

from aegisctl import main as aegisctl
from aegisd.rego.engines import installed
from conformance.archive import account, story
from conformance.archive.account import Account
from conformance.verifier import aegis_verify
from drills.daemon import Client, Daemon
from tests import postgres

ARCHIVE = Path(aegis_verify.__file__).parents[1] / "archive"
VERSIONS = sorted(each.parent.name for each in ARCHIVE.glob("*/expected.json"))

CONTROL = "$control"

every_version = pytest.mark.parametrize("version", VERSIONS)
every_form = pytest.mark.parametrize("form", ["sqlite", "postgres"])


@dataclass(frozen=True)
class Log:
    """A copy of an old log in a folder of its own, and what the archive says of it."""

    folder: Path
    dsn: str
    kept: Path
    expected: Account

    @property
    def notes(self) -> list[Path]:
        """What was signed of it when it was put into the archive."""
        return sorted((self.kept / "checkpoints").glob("*.checkpoint"))

    def account(self) -> Account:
        """What this build says of it now. Raises where it does not continue what was signed."""
        return account.of_log(run, self.dsn, self.folder / "signing.key.pub", self.notes)

    def daemon(self) -> Daemon:
        """A daemon of this build on it, with its old keys."""
        beside = ("--signing-key", "signing.key", "--checkpoints-path", "checkpoints")
        return Daemon(self.folder, "--dsn", self.dsn, *beside, manifest=None)


def expected_of(version: str) -> Account:
    read: Account = json.loads((ARCHIVE / version / "expected.json").read_text("utf-8"))
    return read


@contextmanager
def copied(version: str, form: str, folder: Path) -> Iterator[Log]:
    """A copy of an archived log, in a store of this form."""
    kept = ARCHIVE / version / form
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    # Version control keeps no modes, and a key that others may read is refused.
    (folder / "signing.key").chmod(0o600)
    expected = expected_of(version)[form]
    if form == "sqlite":
        yield Log(folder, str(folder / "aegis.db"), kept, expected)
        return
    with postgres.database() as dsn:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(gzip.decompress((kept / "aegis.sql.gz").read_bytes()))
        yield Log(folder, dsn, kept, expected)


def run(*arguments: str) -> tuple[int, str]:
    """The command line of this build, in this process: an interpreter each would be a minute."""
    said = io.BytesIO()
    with io.TextIOWrapper(said, "utf-8", write_through=True) as out, redirect_stdout(out):
        code = aegisctl.run(arguments)
        return code, said.getvalue().decode()


def verified_alone(file: Path, keys: Path, checkpoints: Iterable[Path] = ()) -> None:
    """The single-file verifier finds a file signed, and a continuation of what was signed."""
    kept = [part for each in checkpoints for part in ("--checkpoint", str(each))]
    said = io.StringIO()
    with redirect_stdout(said):
        code = aegis_verify.main([str(file), "--key", str(keys), *kept, "--json"])
    told = json.loads(said.getvalue())
    assert (code, told["level"]) == (0, "SIGNED"), told


def require_replayed(told: Account, expected: Account) -> None:
    """Every decision that could be made again then can be now, and comes out as it did.

    The one place that says what a replay of an old log may find: this version's own rules and
    engines may have been replaced since, which is `upgrade`, and no outcome may differ for it.
    Judging goes on where other rules read the input otherwise, so each outcome was compared.
    """
    differences = told.pop("differences")
    assert told.pop("compared") == expected["replayable"]
    assert {each["class"] for each in differences} <= {"upgrade"}, differences
    # A rule that only one engine fails on has another outcome where the other has to judge.
    if "regorus" in installed():
        unlike = [each for each in differences if each["field"] in ("outcome", "reason")]
        assert unlike == []
    assert told == {name: expected[name] for name in told}


def require_account(told: Account, expected: Account) -> None:
    require_replayed(told.pop("replay"), expected["replay"])
    assert told == {name: expected[name] for name in told}


@every_form
@every_version
def test_an_old_log_holds_and_replays_as_it_did(version: str, form: str, tmp_path: Path) -> None:
    with copied(version, form, tmp_path) as log:
        require_account(log.account(), log.expected["log"])


@every_form
@every_version
def test_an_old_log_goes_on(version: str, form: str, tmp_path: Path) -> None:
    with copied(version, form, tmp_path) as log:
        with log.daemon() as daemon:
            client = daemon.connect()
            assert account.of_folds(client, log.expected["folds"]) == log.expected["folds"]
            require_repeated(client, log.expected["repeated"])
            decided = go_on(client)
            require_consistent(client, log.expected["roots"])
            assert daemon.stop() == 0
        after = log.account()
        require_continued(after, log.expected["log"], decided)
        require_exported(log)


def require_repeated(client: Client, repeated: Account) -> None:
    """A request under an old key is answered as it was then."""
    request = repeated["request"]
    status, answer = client.request(
        "POST", "/v1/events", request["body"], Idempotency_Key=request["key"]
    )
    assert (status, story.recorded(answer)) == (201, repeated["answer"])


# Tenant, session, tool, and what is decided: old sessions and new ones, under every manifest.
CALLS = (
    ("acme", "py-careful", "pay", "allow OK"),
    ("acme", "py-ended", "pay", "deny SESSION_TERMINATED"),
    ("acme", "new-one", "unheard_of", "deny PERMISSION_UNDECLARED"),
    ("beta", "py-spent", "read_file", "deny BUDGET_EXCEEDED"),
    ("beta", "new-one", "read_file", "allow OK"),
    ("cove", "new-one", "read_file", "allow OK"),
    ("Dune", "new-one", "read_file", "deny PERMISSION_UNDECLARED"),
)

ARGUMENTS = {"pay": {"amount": 3, "to": "bank"}, "read_file": {"path": "/workspace/notes.txt"}}


def go_on(client: Client) -> int:
    """Continue old sessions and begin new ones; how many decisions that made."""
    for tenant_id, session, tool, expected in CALLS:
        args = ARGUMENTS.get(tool, {})
        told = client.propose(session, tool=tool, args=args, tenant_id=tenant_id)
        answer = story.recorded(told)
        assert f"{answer['outcome']} {answer['reason']}" == expected, (tenant_id, session)
    return len(CALLS)


def require_consistent(client: Client, roots: Account) -> None:
    """The daemon's own trees had the old roots at the old sizes."""
    for tenant_id, root in roots.items():
        story.sign(client, tenant_id)
        path = f"/v1/proofs/consistency?tenant_id={tenant_id}&from={root['size']}"
        status, proof = client.request("GET", path)
        assert (status, proof["from_root"]) == (200, root["root"])


def require_continued(after: Account, before: Account, decided: int) -> None:
    """Nothing of what was there is another now, and what came after it replays too."""
    gone = before["replay"]["unreplayable"]
    decisions = before["replay"]["decisions"] + decided
    require_replayed(
        after["replay"],
        {
            "decisions": decisions,
            "replayable": decisions - sum(gone.values()),
            "unreplayable": gone,
        },
    )
    went_on = {(tenant_id, session) for tenant_id, session, *_ in CALLS}
    for tenant_id, told in before["tenants"].items():
        now = after["tenants"][tenant_id]["heads"]
        for session, head in told["heads"].items():
            if (tenant_id, session) in went_on:
                assert now[session][0] > head[0]
            elif session != CONTROL:
                # A newer build may have put rules of its own in force.
                assert now[session] == head


def require_exported(log: Log) -> None:
    """What this build exports of it holds without this build, and continues what was signed."""
    file = log.folder / "acme.jsonl"
    code, _ = run("export", "--dsn", log.dsn, "--tenant", "acme", "--out", str(file))
    assert code == 0
    note = log.kept / "checkpoints" / "acme.checkpoint"
    verified_alone(file, log.folder / "signing.key.pub", [note])


@every_version
def test_old_exports_hold_and_replay_as_they_did(version: str) -> None:
    folder = ARCHIVE / version / "exports"
    expected = expected_of(version)["exports"]
    assert expected
    for name, told in expected.items():
        verified_alone(folder / name, folder / "signing.key.pub")
        require_account(account.of_log(run, str(folder / name), folder / "signing.key.pub"), told)


@every_version
def test_an_old_proof_holds(version: str) -> None:
    folder = ARCHIVE / version / "exports"
    (proof,) = folder.glob("*.tlog-proof")
    verified_alone(proof, folder / "signing.key.pub")
    code, _ = run("verify", str(proof), "--key", str(folder / "signing.key.pub"))
    assert code == 0


@every_version
def test_old_exports_are_kept_by_a_new_log_and_replay_in_it(version: str, tmp_path: Path) -> None:
    folder = ARCHIVE / version / "exports"
    expected = expected_of(version)["exports"]
    archives: dict[str, str] = {}
    with Daemon(tmp_path, manifest=None) as daemon:
        server = ("--server", f"http://127.0.0.1:{daemon.port}", "--tenant", "new")
        for name in expected:
            act = ("--author", "olga", "--reason", "a case of long ago", "--json")
            code, said = run("import", str(folder / name), *server, *act)
            assert code == 0, said
            archives[name] = json.loads(said)["archive"]
        assert daemon.stop() == 0
    database = str(tmp_path / "aegis.db")
    assert run("verify", database)[0] == 0
    told = json.loads(run("replay", database, "--json")[1])
    assert set(told["by_class"]) <= {"upgrade", "unreplayable (erased)"}
    decisions = {each["tenant_id"]: each["decisions"] for each in told["tenants"]}
    for name, archive in archives.items():
        assert decisions[archive] == expected[name]["replay"]["decisions"]


def test_there_is_an_archive() -> None:
    assert "0.1" in VERSIONS


def test_every_step_of_the_story_can_be_played() -> None:
    told = yaml.safe_load(story.STORY.read_text("utf-8"))
    steps = [*told["story"], *(step for part in told["parts"].values() for step in part)]
    for step in steps:
        about, *_ = step.items()
        assert callable(getattr(story.Story, about[0])), step
    played = {step["part"] for step in steps if "part" in step}
    assert played == set(told["parts"])
