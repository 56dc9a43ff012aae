"""Values beside events, from the proposal to the erasure: judged as sent, recorded as committed."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from aegisd.core.capabilities import Capabilities
from aegisd.core.custody import PayloadErased
from aegisd.core.errors import HashMismatch, IdempotencyConflict, LogCorrupt
from aegisd.core.log.canonical import encode
from aegisd.core.log.detached import BEGINS, Value, attach, pointers
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.proposal import Proposal
from aegisd.core.replay.counterfactual import counterfactual
from aegisd.core.replay.judgement import Values
from aegisd.core.replay.session import derive_session
from aegisd.core.replay.tenant import derive_tenant
from aegisd.core.sensitive import DETACHED_BYTES_MIN
from aegisd.core.state.snapshot import freeze
from aegisd.engine.commands.control import Erase
from aegisd.engine.engine import Engine
from aegisd.ports import EventStore
from aegisd.rows import Detached
from aegisd.store.memory import MemoryStore
from tests.core.gate import (
    BUNDLE,
    MANIFEST,
    Json,
    ScriptedJudge,
    base,
    claim,
    digest,
    manifest,
    proposal,
    says,
)
from tests.engine.world import (
    StubbornStore,
    close,
    configured,
    live,
    log_of,
    outcome,
    run,
    running,
    settled,
    together,
)
from tests.patience import PATIENCE_S

SSN, PIN = "078-05-1120", "pin-4711-pin"
CRM: Json = {
    "roles": {"customer": "content", "pin": "content"},
    "args": {
        "type": "object",
        "properties": {"customer": {"type": "object"}, "pin": {"type": "string"}},
    },
    "sensitive": {"/customer/ssn": "personal", "pin": "secret"},
    "result_sensitive": {"ssn": "personal"},
}
HELD = manifest(
    tools={**MANIFEST["tools"], "crm": CRM}, sensitive={"USER_MESSAGE": {"content": "personal"}}
)
OTHER = b'{"files":{"rules/other.py":"other"}}'


def nosy(given: Json, held: Json) -> Json:
    """Rules that see the values, deny one of them, and say all they see."""
    args = given["call"]["args"] if "call" in given else {}
    customer = args.get("customer") if isinstance(args, dict) else None
    ssn = customer.get("ssn") if isinstance(customer, dict) else None
    if not isinstance(ssn, str):
        return base(given, held)
    if ssn.startswith("9"):
        said = {**claim("POLICY_DENY"), "message": f"{ssn} is not a number of ours"}
        return says(deny=[said], advice=[{"type": "look", "at": ssn}, {"type": "wait"}])
    if ssn.startswith("8"):
        return says(obligations=[{"type": "mask", "text": ssn}])
    return base(given, held)


def judging() -> ScriptedJudge:
    return ScriptedJudge({BUNDLE: nosy, OTHER: base})


def crm(
    ssn: object = SSN,
    pin: str | None = PIN,
    call_id: str = "c1",
    user_id: str = "u1",
    **fields: object,
) -> Proposal:
    """A call to the tool whose arguments are sensitive."""
    args: Json = {"customer": {"ssn": ssn, "name": "Ann"}}
    if pin is not None:
        args["pin"] = pin
    named = {"tool_name": "crm", "args": args, "call_id": call_id}
    return proposal("TOOL_CALL_PROPOSED", named, user_id=user_id, **fields)


def payload_of(event: StoredEvent) -> Any:  # noqa: ANN401 - JSON
    return msgspec.json.decode(unseal(event.body).payload)


def values_of(store: EventStore) -> Values:
    """What a store has beside events."""

    def values(event: StoredEvent) -> Sequence[Value]:
        kept = store.detached(event.tenant_id, event.position)
        return [Value(pointer=row.pointer, salt=row.salt, value=row.value) for row in kept]

    return values


def replayed(store: EventStore, judge: ScriptedJudge) -> list[str]:
    """The class of each difference that both passes of a replay find."""
    log = log_of(store)
    found = derive_tenant(log, judge).differences
    for session_id in sorted({event.session_id for event in log}):
        own = [event for event in log if event.session_id == session_id]
        found += derive_session(own, judge, values_of(store)).differences
    return [difference.klass for difference in found]


def told(held: Capabilities | None = HELD) -> Any:  # noqa: ANN401 - a Configured
    return configured(held)


def everything(store: EventStore) -> bytes:
    """All that a store keeps for ever."""
    return b"".join(event.body for event in store.events("acme"))


# ── recording ────────────────────────────────────────────────────────────────────────────────────


def test_an_event_holds_commitments_and_the_store_the_values(
    reopen: Callable[[], EventStore],
) -> None:
    async def story() -> None:
        store = reopen()
        async with running(store, judge=judging(), told=told()) as engine:
            (answer,) = await engine.append((crm(),))
            assert outcome(answer) == "allow", "judged as sent: the schema wants texts"
        stored = payload_of(answer.event)
        assert pointers(stored) == ["/args/customer/ssn", "/args/pin"]
        assert stored["args"]["customer"]["name"] == "Ann"
        kept = store.detached("acme", answer.event.position)
        assert [(row.pointer, row.subject, row.value) for row in kept] == [
            ("/args/customer/ssn", "u1", encode(SSN))
        ], "a secret is not kept at all"
        both = [Value(pointer=row.pointer, salt=row.salt, value=row.value) for row in kept]
        assert pointers(attach(stored, both)) == ["/args/pin"]
        assert not {SSN.encode(), PIN.encode()} & {everything(store)}
        for text in (SSN, PIN):
            assert text.encode() not in everything(store)
        close(store)

    run(story())


def test_salts_are_fresh_so_that_two_alike_values_cannot_be_told_to_be(
    reopen: Callable[[], EventStore],
) -> None:
    async def story() -> None:
        store = reopen()
        async with running(store, judge=judging(), told=told()) as engine:
            await engine.append((crm(), crm(call_id="c2")))
            salts = {row.salt for at in (2, 4) for row in store.detached("acme", at)}
            assert {len(salt) for salt in salts} == {32}
            assert len(salts) == 2
            first, second = (payload_of(e) for e in log_of(store) if e.event_type[:4] == "TOOL")
            assert first["args"] != second["args"]
        close(store)

    run(story())


def test_what_no_mark_names_is_recorded_as_it_was_sent() -> None:
    async def story() -> None:
        store = MemoryStore()
        plain = proposal("MEMORY_WRITE", {"memory_key": "k", "content": "x"})
        async with running(store, judge=judging(), told=told()) as engine:
            (answer,) = await engine.append((plain,))
        assert bytes(unseal(answer.event.body).payload) == plain.body
        assert answer.detached == ()

    run(story())


@pytest.mark.parametrize("more", [0, 1])
def test_a_long_text_is_kept_beside_its_event(more: int) -> None:
    async def story() -> None:
        store = MemoryStore()
        text = "x" * (DETACHED_BYTES_MIN - 2 + more)
        written = proposal("MEMORY_WRITE", {"memory_key": "k", "content": text})
        async with running(store, judge=judging(), told=told()) as engine:
            (answer,) = await engine.append((written,))
        assert (BEGINS in answer.event.body) == bool(more)
        assert len(store.values_of("acme", "s1")) == more, (
            "without a user the session is the subject"
        )

    run(story())


def test_a_result_is_marked_by_the_tool_its_call_named(
    reopen: Callable[[], EventStore],
) -> None:
    async def story() -> None:
        store, judge = reopen(), judging()
        async with running(store, judge=judge, told=told()) as engine:
            read = {"tool_name": "read_file", "args": {"path": "/workspace/a"}, "call_id": "r"}
            await engine.append((crm(), proposal(payload=read)))
        close(store)
        store = reopen()
        async with running(store, judge=judge, told=told()) as engine:
            done = await engine.append(
                (
                    proposal("TOOL_RESULT", {"call_id": "c1", "result": {"ssn": SSN, "n": 1}}),
                    proposal("TOOL_RESULT", {"call_id": "r", "result": {"ssn": "plain"}}),
                    proposal("TOOL_RESULT", {"call_id": "c1", "result": {"a": SSN}}),
                    proposal("TOOL_RESULT", {"call_id": "nobody", "content": SSN}),
                )
            )
        places = [pointers(payload_of(answer.event)) for answer in done]
        assert places == [["/result/ssn"], [], ["/result"], ["/content"]]
        assert SSN.encode() not in everything(store)
        close(store)

    run(story())


def test_what_is_told_under_a_manifest_that_is_gone_is_kept_apart_and_denied() -> None:
    async def story() -> None:
        store, judge = MemoryStore(), judging()
        async with running(store, judge=judge, told=told()) as engine:
            await engine.append((proposal("USER_MESSAGE", {"content": "hello"}),))
            judge.documents.clear()
            (answer,) = await engine.append((crm(),))
            assert outcome(answer) == "POLICY_ERROR"
            assert pointers(payload_of(answer.event)) == ["/args"]

    run(story())


def test_no_fold_holds_a_value(reopen: Callable[[], EventStore]) -> None:
    async def story() -> None:
        store = reopen()
        async with running(store, judge=judging(), told=told()) as engine:
            await engine.append((crm(), proposal("USER_MESSAGE", {"content": SSN})))
            tenant, sessions = live(engine)
            assert tenant is not None
            frozen = freeze(tenant) + b"".join(map(freeze, sessions.values()))
            assert SSN.encode() not in frozen
            assert PIN.encode() not in frozen
        close(store)

    run(story())


def test_a_hash_of_the_callers_own_is_refused_where_values_are_kept_beside() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store, judge=judging(), told=told()) as engine:
            with pytest.raises(HashMismatch, match="random salts"):
                await engine.append((crm(hash="00" * 32, ts_unix_ms=1),))
        assert store.next_position("acme") in {0, 2}

    run(story())


# ── decisions ────────────────────────────────────────────────────────────────────────────────────


def test_a_rule_judges_the_real_value_and_its_words_are_withheld_from_the_log() -> None:
    async def story() -> None:
        store, judge = MemoryStore(), judging()
        async with running(store, judge=judge, told=told()) as engine:
            (answer,) = await engine.append((crm("9-not-ours", None),))
            assert outcome(answer) == "POLICY_DENY"
            assert answer.decision is not None
            decision = payload_of(answer.decision)
            assert "withheld" in decision["reasons"][0]["message"]
            assert decision["advice"] == [{"type": "wait"}]
            (answer,) = await engine.append((crm("8-masked", None, "c2"),))
            assert outcome(answer) == "POLICY_ERROR", "an obligation may not be lost"
            verdict = await engine.check(crm("9-not-ours", call_id="c3"))
            assert verdict is not None
            assert "9-not-ours" not in str(verdict)
        for text in ("9-not-ours", "8-masked"):
            assert text.encode() not in everything(store)
        assert replayed(store, judge) == []

    run(story())


def test_the_recorded_digest_can_be_made_without_the_values_and_never_from_a_guess() -> None:
    """The same call decided twice gives two digests, so a table of likely values is no use."""

    async def story() -> None:
        stores = MemoryStore(), MemoryStore()
        digests = set()
        for store in stores:
            async with running(store, judge=judging(), told=told()) as engine:
                (answer,) = await engine.append((crm(),))
                assert answer.decision is not None
                digests.add(payload_of(answer.decision)["input_sha256"])
        assert len(digests) == 2

    run(story())


# ── retries ──────────────────────────────────────────────────────────────────────────────────────


def test_a_retry_is_held_to_the_values_and_told_the_recorded_answer(
    reopen: Callable[[], EventStore],
) -> None:
    async def story() -> None:
        store, judge = reopen(), judging()
        first = proposal("USER_MESSAGE", {"content": SSN}, user_id="u1", idempotency_key="k")
        other = proposal("USER_MESSAGE", {"content": "no"}, user_id="u1", idempotency_key="k")
        async with running(store, judge=judge, told=told()) as engine:
            done, again = await together(engine, first, first)
            assert isinstance(done, tuple)
            assert isinstance(again, tuple)
            assert again[0].replayed
            with pytest.raises(IdempotencyConflict, match="another request"):
                await engine.append((other,))
        close(store)
        store = reopen()
        async with running(store, judge=judge, told=told()) as engine:
            (third,) = await engine.append((first,))
            assert third.replayed
            assert third.event == done[0].event
            with pytest.raises(IdempotencyConflict, match="another request"):
                await engine.append((other,))
            await engine.erase("acme", "u1", author="ann", reason="asked to")
            with pytest.raises(IdempotencyConflict, match="/content was erased") as caught:
                await engine.append((first,))
            assert caught.value.details["erased"] == 1
            different = proposal("USER_MESSAGE", {"content": 1, "meta": {}}, idempotency_key="k")
            with pytest.raises(IdempotencyConflict, match="another request"):
                await engine.append((different,))
        close(store)

    run(story())


def test_a_retry_with_a_secret_in_it_is_refused_because_nobody_can_compare_it() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store, judge=judging(), told=told()) as engine:
            await engine.append((crm(idempotency_key="k"),))
            with pytest.raises(IdempotencyConflict, match="/args/pin was erased or never kept"):
                await engine.append((crm(idempotency_key="k"),))
            with pytest.raises(IdempotencyConflict, match="another request"):
                await engine.append((crm("x", idempotency_key="k"),))

    run(story())


# ── erasure ──────────────────────────────────────────────────────────────────────────────────────


def test_an_erasure_is_recorded_with_its_count_and_every_hash_stays(
    reopen: Callable[[], EventStore],
) -> None:
    async def story() -> None:
        store, judge = reopen(), judging()
        async with running(store, judge=judge, told=told()) as engine:
            await engine.append((crm(), crm(call_id="c2"), crm(call_id="c3", user_id="u2")))
            before = log_of(store)
            done = await engine.erase("acme", "u1", author="ann", reason="asked to")
            again = await engine.erase("acme", "u1", author="ann", reason="asked again")
        acts = [msgspec.convert(payload_of(act.event), PayloadErased) for act in (done, again)]
        assert [(a.subject, a.values, a.author, a.reason) for a in acts] == [
            ("u1", 2, "ann", "asked to"),
            ("u1", 0, "ann", "asked again"),
        ]
        assert done.event.session_id == "$control"
        assert log_of(store)[: len(before)] == before
        assert len(store.values_of("acme", "u1")) == 0
        assert len(store.values_of("acme", "u2")) == 1
        close(store)

    run(story())


def test_an_erasure_counts_what_is_on_its_way_and_leaves_what_is_told_after_it() -> None:
    async def story() -> None:
        store, judge = StubbornStore(), judging()
        async with running(store, judge=judge, told=told()) as engine:
            await engine.append((crm(call_id="c0"),))
            store.door.clear()
            on_its_way = asyncio.create_task(together(engine, crm()))
            await store.reached()
            await store.reached()
            rest = asyncio.create_task(
                asyncio.wait_for(_erase_between(engine), PATIENCE_S), name="erase between"
            )
            await settled()
            store.door.set()
            await on_its_way
            erased = await rest
        assert erased == 3
        assert len(store.values_of("acme", "u1")) == 1, "only what was told after it"
        sizes = [len(batch.events) for batch in store.batches if batch.erased]
        assert sizes == [1], "an erasure is a batch of its own"
        assert replayed(store, judge).count("unreplayable (erased)") == 4

    run(story())


async def _erase_between(engine: Engine) -> int:
    """Submit a call, an erasure and a call in one go; how many values the erasure counted."""
    kept = await engine.reads.kept("acme", "u1")
    before = engine.append((crm(call_id="c2"),))
    erase = engine._submit("acme", Erase(by="ann", kept=kept, reason="asked to"))
    after = engine.append((crm(call_id="c3"),))
    _, done, _ = await asyncio.gather(before, erase, after)
    values: int = payload_of(done.event)["values"]
    return values


def test_an_erasure_that_did_not_become_durable_erased_nothing() -> None:
    from aegisd.core.errors import LogUnavailable, StoreFailed  # noqa: PLC0415 - of this test

    async def story() -> None:
        store = StubbornStore()
        async with running(store, judge=judging(), told=told()) as engine:
            await engine.append((crm(),))
            store.faults.append(StoreFailed("full"))
            with pytest.raises(LogUnavailable):
                await engine.erase("acme", "u1", author="ann", reason="asked to")
            assert len(store.values_of("acme", "u1")) == 1

    run(story())


def test_an_erasure_goes_by_the_bytes_of_events_whatever_columns_say() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store, judge=judging(), told=told()) as engine:
            await engine.append((crm(), crm(call_id="c2"), crm(call_id="c3", user_id="u2")))
            log = store._tenants["acme"]
            for at, rows in log.detached.items():
                log.detached[at] = {name: replace(row, subject="u9") for name, row in rows.items()}
                log.events[at] = replace(log.events[at], user_id="u9")
            counts = [
                payload_of((await engine.erase("acme", name, author="ann", reason="r")).event)
                for name in ("u9", "u1")
            ]
            assert [each["values"] for each in counts] == [0, 2]
            assert len(list(store.kept("acme"))) == 1

    run(story())


# ── replay ───────────────────────────────────────────────────────────────────────────────────────


def test_with_its_values_a_decision_is_derived_and_without_them_it_is_told_apart(
    reopen: Callable[[], EventStore],
) -> None:
    async def story() -> None:
        store, judge = reopen(), judging()
        customer = {"customer": {"ssn": SSN}}
        payload = {"tool_name": "crm", "args": customer}
        async with running(store, judge=judge, told=told()) as engine:
            await engine.append(
                (
                    proposal(payload=payload, user_id="u1"),
                    proposal(payload=payload, user_id="u2"),
                    proposal(payload=payload, user_id="u3", session_id="s2"),
                )
            )
            assert replayed(store, judge) == []
            await engine.erase("acme", "u1", author="ann", reason="asked to")
        assert replayed(store, judge) == ["unreplayable (erased)"]
        own = [event for event in log_of(store) if event.session_id == "s1"]
        (found,) = derive_session(own, judge, values_of(store)).differences
        assert (found.place, found.field, found.recorded) == (
            "input",
            "detached",
            "/args/customer/ssn",
        )
        without = derive_session(own, judge).differences
        assert [each.klass for each in without] == ["unreplayable (erased)"] * 2
        close(store)

    run(story())


def test_a_changed_value_or_event_is_tampering_however_much_was_erased() -> None:
    async def story() -> None:
        store, judge = MemoryStore(), judging()
        payload = {"tool_name": "crm", "args": {"customer": {"ssn": SSN}}}
        async with running(store, judge=judge, told=told()) as engine:
            await engine.append((proposal(payload=payload),))
        own = [event for event in log_of(store) if event.session_id == "s1"]
        (row,) = store.detached("acme", own[0].position)

        def forged(_event: StoredEvent) -> Sequence[Value]:
            return [Value(pointer=row.pointer, salt=row.salt, value=b'"forged"')]

        (found,) = derive_session(own, judge, forged).differences
        assert (found.klass, found.field) == ("tampered", "detached")
        with pytest.raises(LogCorrupt):
            counterfactual(own, judge, digest(OTHER), forged)
        # Without any value the recorded input is still held to its digest.
        decision = msgspec.json.decode(unseal(own[1].body).payload, type=dict[str, object])
        decision["input_sha256"] = "00" * 32
        envelope = msgspec.structs.replace(
            unseal(own[1].body), payload=msgspec.Raw(encode(decision))
        )
        changed = msgspec.structs.replace(own[1], body=msgspec.json.encode(envelope))
        (found,) = derive_session([own[0], changed], judge).differences
        assert (found.klass, found.field) == ("tampered", "input_sha256")

    run(story())


def test_a_counterfactual_judges_the_values_and_counts_what_it_cannot() -> None:
    async def story() -> None:
        store, judge = MemoryStore(), judging()
        payload = {"tool_name": "crm", "args": {"customer": {"ssn": "9-not-ours"}}}
        async with running(store, judge=judge, told=told()) as engine:
            await engine.append(
                (proposal(payload=payload, user_id="u1"), proposal(payload=payload, user_id="u2"))
            )
            await engine.erase("acme", "u1", author="ann", reason="asked to")
        own = [event for event in log_of(store) if event.session_id == "s1"]
        asked = counterfactual(own, judge, digest(OTHER), values_of(store))
        assert (asked.decisions, asked.unjudged) == (2, 1)
        (change,) = asked.changes
        assert (change.recorded_outcome, change.outcome) == ("deny", "allow")
        same = counterfactual(own, judge, digest(BUNDLE), values_of(store))
        assert (same.changes, same.unjudged) == ([], 1)

    run(story())


def test_the_values_of_an_answer_are_rows_of_the_store() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store, judge=judging(), told=told()) as engine:
            (answer,) = await engine.append((crm(),))
        assert list(answer.detached) == store.detached("acme", answer.event.position)
        assert all(isinstance(row, Detached) for row in answer.detached)
        assert json.loads(answer.detached[0].value) == SSN

    run(story())
