"""`erase` asks before it deletes, and says what was deleted; `detached` shows what is kept."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest

from aegisd import compose
from aegisd.audit import rules
from aegisd.core import capabilities
from aegisd.core.proposal import read
from aegisd.http.app import app
from aegisd.remote.client import Answer
from aegisd.store.sqlite.schema import SCHEMA
from aegisd.store.sqlite.store import SqliteStore
from tests.aegisctl.conftest import Type
from tests.audit.recording import SteadyClock, call, event
from tests.remote.shelf import URL

SSN = "078-05-1120"
MANIFEST = {
    "schema": "aegis.dev/manifest/v0.2",
    "name": "desk",
    "version": "1",
    "publisher": "tests",
    "tools": {
        "crm": {
            "risk": "low",
            "roles": {"ssn": "content", "pin": "content"},
            "sensitive": {"ssn": "personal", "pin": "secret"},
        }
    },
    "sensitive": {"USER_MESSAGE": {"content": "personal"}},
}
ACT = ("--tenant", "acme", "--author", "ann", "--reason", "request 77")
ERASE = ("erase", "--subject", "u1", *ACT)

DENY = """package aegis.rules

deny contains {"message": "no numbers", "rule": "numbers"} if {
	input.call.args.ssn == "078-05-1120"
}
"""


class Served:
    """A server over a database file, on a loop of its own: `aegisd.remote.client.Transport`."""

    def __init__(self, path: Path) -> None:
        self.runner = asyncio.Runner()
        self.store = SqliteStore(str(path))
        judge = rules.judge(self.store.document)
        self.engine = compose.engine(
            self.store,
            judge,
            compose.configured(judge, capabilities.from_value(MANIFEST)),
            clock=SteadyClock(),
            on_fatal=lambda _reason: None,
        )
        self.app = app(self.engine)
        self.runner.run(self.engine.start())

    def __call__(
        self, method: str, path: str, body: BinaryIO | None, headers: Mapping[str, str]
    ) -> Answer:
        """Ask the routes."""
        answer = self.runner.run(
            self._send(method, path, None if body is None else body.read(), headers)
        )
        return Answer(answer.status_code, answer.content)

    async def _send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
            return await client.request(method, path, content=body, headers=dict(headers))

    def close(self) -> None:
        """Give the file back."""
        self.runner.run(self.engine.stop())
        self.runner.close()
        self.store.close()


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with three values of u1 beside events 2, 3 and 5."""
    path = tmp_path_factory.mktemp("marked") / "aegis.db"
    with closing(Served(path)) as served:
        for asked in (
            event("USER_MESSAGE", {"content": f"I am {SSN}"}),
            call("crm", {"ssn": SSN, "name": "Ann"}),
            call("crm", {"ssn": "219-09-9999", "pin": "pin-4711-pin"}),
        ):
            served.runner.run(served.engine.append((read(asked),)))
    return path


@pytest.fixture
def path(marked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(marked, tmp_path / "aegis.db"))


@pytest.fixture
def served(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with closing(Served(path)) as served:
        monkeypatch.setattr("aegisd.remote.client.connect", lambda *_: served)
        yield served


# ── erase ────────────────────────────────────────────────────────────────────────────────────────


def test_erasing_says_how_much_and_where_it_is_recorded(served: Served, type_: Type) -> None:
    typed = type_(*ERASE, "--yes")
    assert (typed.code, typed.out) == (0, "erased 3 values of u1; recorded at position 7\n")
    assert len(served.store.values_of("acme", "u1")) == 0
    typed = type_(*ERASE, "--yes", "--even-if-none", "--json")
    assert (typed.code, json.loads(typed.out)) == (0, {"position": 8, "subject": "u1", "values": 0})


def test_a_subject_of_whom_nothing_is_kept_is_refused_and_not_recorded(
    served: Served, type_: Type
) -> None:
    end = served.store.next_position("acme")
    typed = type_("erase", "--subject", "U1", *ACT, "--yes")
    assert (typed.code, typed.out) == (2, "")
    assert "no value is kept of the subject U1" in typed.err
    assert served.store.next_position("acme") == end
    typed = type_("erase", "--subject", "U1", *ACT, "--yes", "--even-if-none")
    assert (typed.code, typed.out) == (0, "erased 0 values of U1; recorded at position 7\n")


def test_without_a_terminal_it_does_not_erase_unasked(served: Served, type_: Type) -> None:
    typed = type_(*ERASE)
    assert (typed.code, typed.out) == (2, "")
    assert "give --yes" in typed.err
    assert len(served.store.values_of("acme", "u1")) == 3


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 0), ("n\n", 1, 3), ("\n", 1, 3)])
def test_on_a_terminal_it_asks(
    served: Served,
    type_: Type,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    left: int,
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda *_args, **_more: answer.startswith("y"))
    assert type_(*ERASE).code == code
    assert len(served.store.values_of("acme", "u1")) == left


def test_a_subject_that_is_no_id_is_a_usage_error_of_the_server(
    served: Served, type_: Type
) -> None:
    typed = type_("erase", "--subject", "$control", *ACT, "--yes")
    assert typed.code == 2
    assert "belong to the daemon" in typed.err
    assert len(served.store.values_of("acme", "u1")) == 3


# ── detached ─────────────────────────────────────────────────────────────────────────────────────


def test_the_values_of_an_event_are_shown_with_those_that_are_gone(path: Path, type_: Type) -> None:
    typed = type_("detached", path, "--tenant", "acme", "--position", 5)
    assert typed.code == 0
    assert [line.split()[:3] for line in typed.out.splitlines()] == [
        ["pointer", "subject", "value"],
        ["/args/pin", "a", "secret,"],
        ["/args/ssn", "u1", '"219-09-9999"'],
    ]
    told = json.loads(type_("detached", path, "--position", 5, "--json").out)
    assert told == {
        "holds": True,
        "position": 5,
        "tenant_id": "acme",
        "values": [
            {
                "absent": "a secret, which is never kept",
                "pointer": "/args/pin",
                "subject": None,
                "value": None,
            },
            {"pointer": "/args/ssn", "subject": "u1", "value": '"219-09-9999"'},
        ],
    }


def test_an_event_without_values_shows_none_and_one_that_is_not_there_is_unknown(
    path: Path, type_: Type
) -> None:
    typed = type_("detached", path, "--position", 0)
    assert (typed.code, typed.out.split()) == (0, ["pointer", "subject", "value"])
    typed = type_("detached", path, "--position", 99)
    assert typed.code == 2
    assert "no event at position 99" in typed.err


def test_a_value_that_was_changed_is_named(path: Path, type_: Type) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("DROP TRIGGER detached_no_update")
        file.execute("UPDATE detached SET value = ? WHERE position = 3", (b'"forged"',))
        for statement in SCHEMA:
            if "detached_no_update" in statement:
                file.execute(statement)
    typed = type_("detached", path, "--position", 3)
    assert typed.code == 1
    assert "changed: /args/ssn" in typed.out
    typed = type_("replay", path)
    assert typed.code == 1
    assert "detached: the value kept for /args/ssn" in typed.out


# ── replay ───────────────────────────────────────────────────────────────────────────────────────


def test_replay_derives_with_values_and_tells_apart_what_was_erased(
    path: Path, type_: Type, tmp_path: Path
) -> None:
    typed = type_("replay", path, "--json")
    told = json.loads(typed.out)
    assert (told["decisions"], told["equal"]) == (2, 1)
    assert told["by_class"] == {"unreplayable (erased)": 1}, "a secret was never kept"
    assert typed.code == 2
    rules_folder = tmp_path / "rules"
    rules_folder.mkdir()
    (rules_folder / "numbers.rego").write_text(DENY)
    typed = type_("replay", path, "--policy", rules_folder)
    assert typed.code == 1
    assert "1 of 2 decisions would change\n1 could not be judged" in typed.out


def test_a_session_of_secrets_alone_is_no_tampering(
    served: Served, type_: Type, path: Path
) -> None:
    assert type_(*ERASE, "--yes").code == 0
    assert type_("verify", path).code == 0
    told = json.loads(type_("replay", path, "--json").out)
    assert told["by_class"] == {"unreplayable (erased)": 2}
    assert served.store.faults() == []


def test_an_export_with_values_replays_and_one_without_says_what_it_lacks(
    path: Path, type_: Type, tmp_path: Path
) -> None:
    classes = []
    out = tmp_path / "none.jsonl"
    for name, flags in (("with", ["--detached"]), ("without", [])):
        out = tmp_path / f"{name}.jsonl"
        typed = type_("export", "--dsn", path, "--tenant", "acme", "--out", out, *flags)
        assert typed.code == 0, typed.err
        assert (SSN in out.read_text()) == (name == "with")
        assert type_("verify", out).code == 0
        classes.append(json.loads(type_("replay", out, "--json").out)["by_class"])
    assert classes == [{"unreplayable (erased)": 1}, {"unreplayable (erased)": 2}]
    typed = type_("replay", out)
    assert typed.code == 2
    assert "not erased, but left out of the export, which was made without --detached" in typed.out
    typed = type_("detached", out, "--position", 5)
    assert (typed.code, typed.out.count("not erased, but left out"), "secret" in typed.out) == (
        0,
        1,
        True,
    )


def test_what_was_erased_is_told_with_the_act(
    served: Served, type_: Type, path: Path, tmp_path: Path
) -> None:
    assert type_(*ERASE, "--yes").code == 0
    out = tmp_path / "after.jsonl"
    assert type_("export", "--dsn", path, "--tenant", "acme", "--out", out).code == 0
    for file in (path, out):
        assert "erased: PAYLOAD_ERASED at position 7" in type_("replay", file).out
        typed = type_("detached", file, "--position", 2)
        assert "/content           erased: PAYLOAD_ERASED at position 7" in typed.out
    alone = tmp_path / "s1.jsonl"
    scope = ("--tenant", "acme", "--session", "s1")
    assert type_("export", "--dsn", path, *scope, "--out", alone).code == 0
    assert "it was left out, or erased" in type_("replay", alone).out
