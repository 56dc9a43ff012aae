"""A checkpoint that a server gives is held to the key, the tenant and the one kept before."""

import base64
import hashlib
from pathlib import Path

import pytest

from aegisctl import checkpoint
from aegisd.core.errors import AegisError, CheckpointUnknown, Unavailable
from aegisd.core.log.canonical import encode
from aegisd.remote.client import Client
from drills.attacks.evidence import signed, tree_of
from tests.aegisctl.conftest import Type
from tests.aegisctl.lying import Answers, lying
from tests.conformance.evidence_files import BODIES, KEY, THIEF

LEAVES = [hashlib.sha256(body).digest() for body in BODIES]
SIGN, CONTINUES = "/v1/checkpoints", "/v1/proofs/consistency"


def note(tenant_id: str = "acme", size: int = len(BODIES)) -> bytes:
    return encode({"note": signed(KEY, tenant_id, BODIES[:size])})


def path(first: int) -> list[str]:
    found = tree_of(BODIES).consistency(
        first, len(BODIES), lambda start, count: LEAVES[start : start + count]
    )
    return [base64.b64encode(each).decode() for each in found]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return lying(monkeypatch, checkpoint)


def test_a_checkpoint_of_the_tenant_by_the_key_is_kept(
    type_: Type, answers: Answers, tmp_path: Path
) -> None:
    answers[SIGN] = note()
    key = str(KEY.keys(0)[0])
    told = type_("checkpoint", "--tenant", "acme", "--key", key, "--out", tmp_path / "c")
    assert told.code == 0
    assert (tmp_path / "c").read_text() == signed(KEY, "acme", BODIES)


@pytest.mark.parametrize("key", [KEY, None])
def test_a_checkpoint_of_another_tenant_is_no_answer(
    type_: Type, answers: Answers, tmp_path: Path, key: object
) -> None:
    answers[SIGN] = note("other")
    keys = [] if key is None else ["--key", str(KEY.keys(0)[0])]
    told = type_("checkpoint", "--tenant", "acme", *keys, "--out", tmp_path / "c")
    assert told.code == 1
    assert "answered for example.com/log/other" in told.out
    assert not (tmp_path / "c").exists()


def test_an_archive_has_the_checkpoints_of_the_log_it_came_from(
    type_: Type, answers: Answers
) -> None:
    answers[SIGN] = note()
    assert type_("checkpoint", "--tenant", "$archive.00ff").code == 0


def test_a_checkpoint_by_another_key_does_not_hold(type_: Type, answers: Answers) -> None:
    answers[SIGN] = note()
    assert type_("checkpoint", "--tenant", "acme", "--key", str(THIEF.keys(0)[0])).code == 1


@pytest.mark.parametrize(
    ("hashes", "code"),
    [(path(4), 0), (path(3), 1), ([], 1), (["?"], 1), (["AAAA"] * 3, 1)],
)
def test_the_log_is_to_continue_the_checkpoint_kept_before(
    type_: Type, answers: Answers, tmp_path: Path, hashes: list[str], code: int
) -> None:
    (tmp_path / "monday").write_text(signed(KEY, "acme", BODIES[:4]))
    answers[SIGN], answers[CONTINUES] = note(), encode({"hashes": hashes})
    told = type_("checkpoint", "--tenant", "acme", "--since", tmp_path / "monday")
    assert told.code == code


def test_a_shorter_log_than_before_was_cut(type_: Type, answers: Answers, tmp_path: Path) -> None:
    (tmp_path / "monday").write_text(signed(KEY, "acme", BODIES))
    answers[SIGN] = note(size=4)
    told = type_("checkpoint", "--tenant", "acme", "--since", tmp_path / "monday")
    assert told.code == 1
    assert "cut or rolled back" in told.out


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> dict[str, AegisError]:
    """A server that signs what it has, and refuses what stands here."""
    refused: dict[str, AegisError] = {}

    class Refusing(Client):
        def __init__(self, url: str) -> None:
            self.url = url

        def get(self, path: str, **_query: str | int | None) -> bytes:
            raise refused[path]

        def ask(self, path: str, _value: object) -> bytes:
            if path in refused:
                raise refused[path]
            return note()

    monkeypatch.setattr(checkpoint, "Client", Refusing)
    return refused


@pytest.mark.parametrize("place", [SIGN, CONTINUES])
def test_a_server_that_has_nothing_left_to_show_does_not_continue_what_was_kept(
    type_: Type, refusing: dict[str, AegisError], tmp_path: Path, place: str
) -> None:
    (tmp_path / "kept").write_text(signed(KEY, "acme", BODIES[:3]), "utf-8")
    since = ("checkpoint", "--tenant", "acme", "--since", tmp_path / "kept")
    refusing[place] = CheckpointUnknown("the server has no checkpoint of acme")
    assert type_(*since).code == 1
    refusing[place] = Unavailable("the server cannot be asked")
    assert type_(*since).code == 2
    refusing[SIGN] = CheckpointUnknown("the server has no checkpoint of acme")
    assert type_(*since[:3]).code == 2
    (tmp_path / "kept").write_text("nonsense", "utf-8")
    assert type_(*since).code == 2
