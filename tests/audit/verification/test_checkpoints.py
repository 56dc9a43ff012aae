"""A database is held to every checkpoint in it, and to those that somebody kept."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from aegisd.audit.anchors import Anchors
from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.verification import checkpoints
from aegisd.audit.verification.database import verify_database
from aegisd.audit.verification.file import verify_file
from aegisd.audit.verification.result import CHAIN, SIGNED, Verification
from aegisd.core.log.checkpoint import read
from aegisd.core.log.merkle import BLOCK_LEAVES
from aegisd.rows import Checkpoint
from aegisd.store.sqlite.store import SqliteStore
from tests.audit.recording import call, record
from tests.audit.signed import RING, THIEF, checkpoint, keep, key, note, sign
from tests.audit.tampering import rows, tamper

KEYED = Anchors(keys=(key(),))


def look(path: Path, anchors: Anchors = KEYED, tenant: str | None = "acme") -> Verification:
    return verify_file(str(path), tenant, anchors=anchors)


def rules(told: Verification) -> list[str]:
    return [each.rule for each in told.breaks]


def test_a_signed_log_is_signed_as_far_as_its_newest_checkpoint(log_file: Path) -> None:
    for size in (1, 5, 17):
        sign(log_file, size=size)
    (told,) = look(log_file).tenants
    assert (told.level, told.events, told.covered) == (SIGNED, 18, 17)
    (told,) = look(log_file, Anchors()).tenants
    assert (told.level, told.covered) == (CHAIN, 17)


def test_a_log_that_nobody_signed_holds_without_a_key_and_not_with_one(log_file: Path) -> None:
    told = look(log_file)
    assert rules(told) == ["signature"]
    assert "nothing of it is signed" in told.breaks[0].detail
    assert look(log_file, Anchors()).holds


def test_each_tenant_must_be_signed_where_a_key_is_given(log_file: Path) -> None:
    sign(log_file)
    (broken,) = look(log_file, tenant=None).breaks
    assert (broken.rule, broken.tenant_id) == ("signature", "zeta")
    sign(log_file, "zeta")
    assert look(log_file, tenant=None).holds


def test_a_signature_of_another_key_is_a_break(log_file: Path) -> None:
    sign(log_file, ring=THIEF)
    assert rules(look(log_file)) == ["signature"]
    assert look(log_file, Anchors()).holds


def test_after_a_rotation_the_newest_key_alone_answers_for_the_whole_log(log_file: Path) -> None:
    for size, ring in ((3, RING), (9, THIEF), (12, RING), (17, THIEF)):
        sign(log_file, size=size, ring=ring)
    told = look(log_file, Anchors(keys=(key(THIEF),)))
    assert (told.holds, told.tenants[0].level, told.tenants[0].covered) == (True, SIGNED, 17)
    assert rules(look(log_file)) == ["signature"]
    assert look(log_file, Anchors(keys=(key(), key(THIEF)))).holds


def test_a_signature_that_only_claims_to_be_of_a_key_shows_in_any_checkpoint(
    log_file: Path,
) -> None:
    for size in (3, 17):
        sign(log_file, size=size)
    first, newest = (checkpoint(log_file, size=size) for size in (3, 17))
    forged = "\n\n".join((first.note.partition("\n\n")[0], newest.note.partition("\n\n")[2]))
    tamper(log_file, ("UPDATE checkpoints SET note = ? WHERE size = 3", (forged,)))
    assert rules(look(log_file)) == ["signature"]


def test_a_key_of_another_log_signs_nothing_here(log_file: Path) -> None:
    sign(log_file)
    other = replace(key(), name="other.example")
    told = look(log_file, Anchors(keys=(other,)))
    assert rules(told) == ["signature"]


@pytest.mark.parametrize("page", [1, 2, 1000])
def test_any_checkpoint_of_another_root_shows(
    log_file: Path, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "CHECKPOINTS_PAGE", page)
    for size in (3, 9, 17):
        sign(log_file, size=size)
    other = Checkpoint(tenant_id="acme", size=12, root=b"\1" * 32, note=note(12, b"\1" * 32))
    keep(log_file, other)
    told = look(log_file)
    assert rules(told) == ["root"]
    assert "first 12 events" in told.breaks[0].detail
    assert told.tenants[0].covered == 17


def test_a_checkpoint_that_was_not_signed_yet_covers_nothing_and_must_hold(log_file: Path) -> None:
    keep(log_file, replace(checkpoint(log_file), note=""))
    told = look(log_file, Anchors())
    assert (told.holds, told.tenants[0].covered) == (True, 0)
    keep(log_file, Checkpoint(tenant_id="acme", size=4, root=b"\1" * 32))
    assert rules(look(log_file, Anchors())) == ["root"]


@pytest.mark.parametrize(
    "told", ["nonsense\n", note(18, b"\1" * 32), note(18, b"\2" * 32, tenant_id="zeta")]
)
def test_a_note_that_tells_of_another_tree_shows(log_file: Path, told: str) -> None:
    keep(log_file, replace(checkpoint(log_file), note=told))
    assert rules(look(log_file)) == ["checkpoint"]


def test_a_tail_cut_with_all_that_tells_of_it_shows_against_a_checkpoint(log_file: Path) -> None:
    sign(log_file)
    ((digest,),) = rows(log_file, "hash", "position = 16 AND tenant_id = 'acme'")
    tamper(
        log_file,
        "DELETE FROM events WHERE tenant_id = 'acme' AND position > 16",
        "DELETE FROM snapshots",
        ("UPDATE tenant_heads SET next_position=17, hash=? WHERE tenant_id='acme'", (digest,)),
    )
    told = look(log_file)
    assert rules(told) == ["checkpoint"]
    assert "its tail was cut" in told.breaks[0].detail


def test_a_row_missing_from_the_middle_is_no_cut_tail(log_file: Path) -> None:
    sign(log_file)
    tamper(log_file, "DELETE FROM events WHERE tenant_id = 'acme' AND position = 8")
    told = look(log_file)
    (found,) = (each for each in told.breaks if each.rule == "checkpoint")
    assert "events are missing, see the gap" in found.detail


def test_a_kept_block_of_other_events_shows(log_file: Path) -> None:
    store = SqliteStore(str(log_file))
    record(store, [call("read_file", {"path": f"/workspace/{n}"}) for n in range(BLOCK_LEAVES)])
    store.close()
    keep(log_file, checkpoint(log_file, size=1), blocks=(b"\1" * 32,))
    assert rules(look(log_file)) == ["root"]


def test_what_a_daemon_signs_meanwhile_is_left_for_the_next_look(log_file: Path) -> None:
    sign(log_file, size=5)
    log = _Signing(log_file)
    told = verify_database(log, ["acme"], anchors=KEYED)
    log.close()
    assert log.signed
    assert (told.holds, told.tenants[0].covered) == (True, 5)


class _Signing(DatabaseLog):
    """A reader beside whom a daemon appends and signs once checkpoints are asked for."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.signed = False

    def checkpoints(
        self, tenant_id: str, *, from_size: int = 0, limit: int = 1000
    ) -> list[Checkpoint]:
        if not self.signed:
            self.signed = True
            sign(Path(self._path))
        return super().checkpoints(tenant_id, from_size=from_size, limit=limit)


# ── checkpoints that were kept ───────────────────────────────────────────────────────────────────


def kept(path: Path, size: int | None = None, tenant_id: str = "acme") -> Anchors:
    head, _ = read(checkpoint(path, tenant_id, size).note)
    return Anchors(keys=(key(),), kept=(head,))


@pytest.mark.parametrize("size", [1, 7, 18])
def test_a_log_continues_the_checkpoint_that_was_kept_of_it(log_file: Path, size: int) -> None:
    (told,) = look(log_file, kept(log_file, size)).tenants
    assert (told.level, told.covered) == (SIGNED, size)


def test_a_log_put_back_to_an_older_one_shows_against_a_kept_checkpoint(
    recorded: Path, log_file: Path
) -> None:
    store = SqliteStore(str(log_file))
    record(store, [call("read_file", {"path": "/workspace/late"})])
    store.close()
    told = look(recorded, kept(log_file))
    assert rules(told) == ["checkpoint"]
    assert "older log" in told.breaks[0].detail


def test_another_history_shows_against_a_kept_checkpoint(log_file: Path) -> None:
    (head,) = kept(log_file, 9).kept
    told = look(log_file, Anchors(keys=(key(),), kept=(replace(head, root=b"\1" * 32),)))
    assert rules(told) == ["root"]


def test_a_kept_checkpoint_of_a_tenant_that_is_not_there_does_not_hold(log_file: Path) -> None:
    told = look(log_file, Anchors(kept=kept(log_file, 2, "zeta").kept))
    assert rules(told) == ["checkpoint"]
    assert "nothing of that was found" in told.breaks[0].detail
