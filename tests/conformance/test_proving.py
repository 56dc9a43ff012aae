"""A gate that signs or proves what is not so is found, and so is one that proves nothing."""

import base64
from collections.abc import Callable

import msgspec
import pytest

from aegisd.audit.log import Log
from aegisd.conformance.embedded import Embedded
from aegisd.conformance.result import CaseResult
from aegisd.conformance.step import Json
from aegisd.conformance.target import Refusal, Reply
from aegisd.core.log import checkpoint, proof
from aegisd.core.log.checkpoint import TreeHead
from aegisd.core.log.envelope import StoredEvent
from aegisd.signing import ed25519
from aegisd.signing.keyring import Keyring, SigningKey
from tests.conformance.packs import NOTE, Corrupt, Judge, findings

Change = Callable[[Json], Json]

POST = f"post: {NOTE}"
SIGN = "checkpoint: {}"

# Whoever has this key speaks for a log of its own.
LOG_NAME = "aegis.local/mallory"
KEYS = Keyring(LOG_NAME, [SigningKey(seed=ed25519.new_seed())])


def changed(method: Callable[..., Reply], change: Change) -> Callable[..., Reply]:
    """A method whose answers are changed on their way out."""

    def lie(*given: object) -> Reply:
        reply = method(*given)
        assert isinstance(reply.value, dict)
        return msgspec.structs.replace(reply, value=change(reply.value))

    return lie


def named(note: object) -> TreeHead:
    return checkpoint.read(str(note))[0]


def signed(head: TreeHead) -> Json:
    """A checkpoint that says this."""
    note = KEYS.sign(head.origin, head.text, 0)
    return {"note": note, "origin": head.origin, "root": head.root.hex(), "size": head.size}


def keys() -> Reply:
    return Reply(value={"log_name": LOG_NAME, "keys": list(map(str, KEYS.keys(0)))})


def refuse(*_given: object) -> Reply:
    return Reply(refusal=Refusal(code="not_found", message="no such route"), status=404)


def fields(result: CaseResult) -> set[str]:
    return {field for _, field, _, _ in findings(result)}


# ── checkpoints ──────────────────────────────────────────────────────────────────────────────────


def test_a_checkpoint_that_the_logs_key_did_not_sign_is_found(judge: Judge, gate: Embedded) -> None:
    def forged(value: Json) -> Json:
        head = named(value["note"])
        return {**value, "note": KEYS.sign(head.origin, head.text, 0)}

    assert findings(judge(POST, SIGN)) == []
    result = judge(POST, SIGN, checkpoint=changed(gate.checkpoint, forged))
    ((number, field, _, said),) = findings(result)
    assert (number, field) == (2, "checkpoint")
    assert "not signed by" in said


def test_an_answer_that_says_otherwise_than_its_note_is_found(judge: Judge, gate: Embedded) -> None:
    lie = changed(gate.checkpoint, lambda value: {**value, "size": 99})
    assert fields(judge(POST, SIGN, checkpoint=lie)) == {"answered size"}


@pytest.mark.parametrize(
    ("size", "root", "tenant", "found"),
    [
        (0, None, "", set()),
        (-1, None, "", {"size"}),
        (1, None, "", {"size"}),
        (0, bytes(32), "", {"root"}),
        (0, None, "-b", {"origin"}),
    ],
)
def test_a_well_signed_checkpoint_of_other_events_is_found(
    size: int, root: bytes | None, tenant: str, found: set[str], judge: Judge, gate: Embedded
) -> None:
    def wrong(value: Json) -> Json:
        head = named(value["note"])
        origin = f"{LOG_NAME}/{value['tenant_id']}{tenant}"
        return signed(TreeHead(origin=origin, size=head.size + size, root=root or head.root))

    lie = changed(gate.checkpoint, wrong)
    assert fields(judge(POST, SIGN, checkpoint=lie, keys=keys)) == found


def test_a_gate_that_signs_nothing_or_names_no_key_is_found(judge: Judge) -> None:
    assert findings(judge(POST, SIGN, checkpoint=refuse))[0][1] == "answer"
    assert "not_found" in findings(judge(POST, SIGN, keys=refuse))[0][3]
    none = "{checkpoint: {}, expect: {code: checkpoint_unknown}}"
    assert judge(none).verdict == "holds"
    assert fields(judge(POST, none)) == {"code"}


def test_a_receipt_without_a_checkpoint_is_found(judge: Judge) -> None:
    story = (
        POST,
        SIGN,
        f"{{post: {NOTE}, save: {{held: checkpoint}}}}",
        "continues: {from: '{held}'}",
    )
    assert judge(*story).verdict == "holds"
    assert fields(judge(*story[2:3])) == {"save.held"}


def test_a_key_that_changes_behind_the_first_checkpoint_is_found(
    judge: Judge, gate: Embedded
) -> None:
    """Whatever keys a gate names later, an auditor has the one from before."""
    asked: list[Reply] = []

    def changing() -> Reply:
        asked.append(gate.keys())
        return asked[0] if len(asked) == 1 else keys()

    def forged(value: Json) -> Json:
        if not asked:
            return value
        head = named(value["note"])
        return {**value, "note": KEYS.sign(head.origin, head.text, 0)}

    story = (POST, SIGN, POST, SIGN)
    lies = {"keys": changing, "checkpoint": changed(gate.checkpoint, forged)}
    ((number, _, _, said),) = findings(judge(*story, **lies))
    assert (number, "not signed by" in said) == (4, True)
    assert len(asked) == 1


def test_the_answer_to_a_retry_is_the_same_without_the_checkpoint(judge: Judge) -> None:
    asked = f"{{post: {NOTE}, key: k1, save: {{first: '.', held: checkpoint}}}}"
    again = f"{{post: {NOTE}, key: k1, expect: {{replayed: true, same_as: first}}}}"
    assert findings(judge(POST, SIGN, asked, again)) == []


# ── proofs ───────────────────────────────────────────────────────────────────────────────────────


def test_a_proof_of_the_event_before_is_found(judge: Judge, gate: Embedded) -> None:
    def before(tenant_id: str, position: int, size: int | None) -> Reply:
        return gate.inclusion(tenant_id, max(position - 1, 0), size)

    story = (POST, POST, SIGN, "prove: {seq: 2}")
    assert judge(*story).verdict == "holds"
    found = fields(judge(*story, inclusion=before))
    assert {"position", "hash", "hashes", "proof", "holds"} <= found


@pytest.mark.parametrize(
    ("member", "change", "found"),
    [
        ("hashes", lambda hashes: hashes[::-1], "hashes"),
        ("hashes", lambda hashes: hashes[1:], "hashes"),
        ("hash", lambda _: "00", "hash"),
        ("size", lambda size: size + 1, "size"),
        ("proof", lambda text: text.replace("index 1", "index 2"), "proof"),
        ("proof", lambda _: "nonsense", "prove"),
        ("checkpoint", lambda note: KEYS.sign(named(note).origin, named(note).text, 0), "prove"),
        ("checkpoint", lambda _: None, "prove"),
    ],
)
def test_a_proof_with_one_member_changed_is_found(
    member: str,
    change: Callable[[object], object],
    found: str,
    judge: Judge,
    gate: Embedded,
) -> None:
    lie = changed(gate.inclusion, lambda value: {**value, member: change(value[member])})
    assert found in fields(judge(POST, POST, SIGN, "prove: {seq: 0}", inclusion=lie))


def test_a_proof_in_a_checkpoint_from_before_the_event_is_found(
    judge: Judge, gate: Embedded
) -> None:
    """The path of an earlier event, in the tree that had it, for one that came later."""
    older: list[Reply] = []

    def inclusion(tenant_id: str, position: int, size: int | None) -> Reply:
        older.append(gate.inclusion(tenant_id, position, size))
        return older[0]

    story = (POST, SIGN, "prove: {seq: 1}", POST, SIGN, "prove: {seq: 3}")
    assert ("size" in fields(judge(*story, inclusion=inclusion))) is True


def test_a_proof_that_shows_whatever_it_is_held_against_is_found(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = (POST, POST, SIGN, "{prove: {seq: 0, of: 1}, expect: {holds: false}}")
    assert judge(*story).verdict == "holds"
    monkeypatch.setattr(proof, "verify", lambda *_given: None)
    assert fields(judge(*story)) == {"holds"}


def test_an_event_or_a_size_that_is_none_is_a_sentence(judge: Judge) -> None:
    assert "no event 9" in findings(judge(POST, "prove: {seq: 9}"))[0][3]
    story = (f"{{post: {NOTE}, save: {{held: hash}}}}", "prove: {seq: 0, size: '{held}'}")
    assert "is no number" in findings(judge(*story))[0][3]


# ── one checkpoint after the other ───────────────────────────────────────────────────────────────


GROWN = (POST, SIGN, POST, "{checkpoint: {}, save: {note: note}}", "continues: {}")


@pytest.mark.parametrize(
    ("member", "change", "found"),
    [
        ("hashes", lambda hashes: hashes[::-1], "hashes"),
        ("hashes", lambda hashes: [*hashes, base64.b64encode(bytes(32)).decode()], "hashes"),
        ("from_root", lambda _: "00", "from_root"),
        ("to_root", lambda _: "00", "to_root"),
        ("to", lambda to: to + 1, "to"),
        ("checkpoint", lambda _: None, "checkpoint"),
        (
            "checkpoint",
            lambda note: KEYS.sign(named(note).origin, named(note).text, 0),
            "continues",
        ),
    ],
)
def test_a_proof_of_growth_with_one_member_changed_is_found(
    member: str,
    change: Callable[[object], object],
    found: str,
    judge: Judge,
    gate: Embedded,
) -> None:
    assert judge(*GROWN).verdict == "holds"
    lie = changed(gate.consistency, lambda value: {**value, member: change(value[member])})
    assert found in fields(judge(*GROWN, consistency=lie))


def test_a_newest_checkpoint_that_is_older_than_one_given_out_is_found(
    judge: Judge, gate: Embedded
) -> None:
    first: list[Json] = []

    def keep(value: Json) -> Json:
        first.append(value)
        return value

    def shrunk(value: Json) -> Json:
        old = first[0]
        root = value["from_root"]
        return {
            **value,
            "to": old["size"],
            "to_root": root,
            "hashes": [],
            "checkpoint": old["note"],
        }

    lies = {
        "checkpoint": changed(gate.checkpoint, keep),
        "consistency": changed(gate.consistency, shrunk),
    }
    assert fields(judge(*GROWN, **lies)) == {"to"}


def test_a_log_whose_past_changed_behind_a_checkpoint_is_found(
    judge: Judge, gate: Embedded
) -> None:
    rewritten = False

    def rewrite(event: StoredEvent) -> StoredEvent:
        if not rewritten:
            return event
        return msgspec.structs.replace(event, body=event.body.replace(b'"deny"', b'"fine"'))

    def log() -> Log:
        return Corrupt(gate.log(), rewrite)  # type: ignore[return-value]

    def consistency(tenant_id: str, first: int) -> Reply:
        nonlocal rewritten
        rewritten = True
        return gate.consistency(tenant_id, first)

    assert "the log's root" in fields(judge(*GROWN, log=log, consistency=consistency))


def test_an_earlier_note_that_nobody_signed_is_found(judge: Judge) -> None:
    story = (f"{{post: {NOTE}, save: {{held: hash}}}}", SIGN, "continues: {from: '{held}'}")
    assert fields(judge(*story)) == {"continues"}
    assert findings(judge(*GROWN[:2], "continues: {}", consistency=refuse))[0][1] == "answer"


# ── exports and backups ──────────────────────────────────────────────────────────────────────────


def test_an_export_rests_on_what_was_brought_along(judge: Judge) -> None:
    # No checkpoint is there to be signed, and a key was named that must hold.
    assert fields(judge(POST, "verify: {against: key}")) == {"holds"}
    assert judge(POST, "{verify: {}, expect: {holds: true, level: CHAIN}}").verdict == "holds"
    assert fields(judge(POST, SIGN, "{verify: {}, expect: {holds: true, level: SIGNED}}")) == {
        "level"
    }
    assert judge(POST, SIGN, "verify: {against: key}").verdict == "holds"
    assert judge(POST, "verify: {against: key}", keys=refuse).verdict == "fails"


@pytest.mark.parametrize(
    ("said", "expect", "found"),
    [
        (None, "{starts: true}", set()),
        (None, "{starts: false}", {"starts"}),
        ("tenant t: rolled back", "{starts: true}", {"starts"}),
        ("tenant t: rolled back", "{starts: false}", set()),
        ("tenant t: rolled back", "{starts: false, says: rolled}", set()),
        ("the disk is full", "{starts: false, says: '{tenant}'}", {"says"}),
    ],
)
def test_a_start_on_a_backup_is_held_to_what_was_expected(
    said: str | None, expect: str, found: set[str], judge: Judge
) -> None:
    story = (POST, "backup: {}", f"{{rollback: {{}}, expect: {expect}}}")
    assert fields(judge(*story, rollback=lambda: said)) == found
