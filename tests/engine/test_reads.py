"""Reads are of what is durable, beside the writer, and believe no stored byte unseen."""

import asyncio

import pytest

from aegisd.core.errors import LogCorrupt, NotFound, SessionUnknown
from aegisd.store.memory import MemoryStore
from tests.core.gate import BUNDLE, digest, proposal, tool
from tests.engine.world import OPEN, StubbornStore, run, running


def test_reads_are_of_what_is_durable() -> None:
    async def story() -> None:
        store = StubbornStore()
        async with running(store) as engine:
            await engine.append((tool("read_file"),))
            await store.reached()
            store.door.clear()
            waiting = asyncio.create_task(engine.append((tool("read_file"),)))
            await store.reached()
            assert (await engine.reads.session("acme", "s1")).next_seq == 2
            assert (await engine.reads.tenant("acme")).next_position == 4
            assert (await engine.reads.head("acme", "s1")).seq == 1
            chain, breaks = await engine.reads.verify("acme", "s1")
            assert (chain.events, breaks) == (2, [])
            store.door.set()
            await waiting
            assert (await engine.reads.session("acme", "s1")).next_seq == 4
            await engine.reads.ready()

    run(story())


def test_a_session_without_events_is_unknown_and_not_valid() -> None:
    async def story() -> None:
        async with running(MemoryStore()) as engine:
            await engine.append((proposal(),))
            reads = engine.reads
            for ask in (reads.session, reads.head, reads.verify):
                for tenant_id, session_id in (("acme", "nobody"), ("nobody", "s1")):
                    with pytest.raises(SessionUnknown):
                        await ask(tenant_id, session_id)
            with pytest.raises(SessionUnknown):
                await engine.check(tool("read_file", "nobody"))

    run(story())


@pytest.mark.parametrize("name", ["", ".", "../acme", "a/b", "a" * 129])
def test_a_tenant_that_is_no_id_stops_the_start(name: str) -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            await engine.append((proposal(),))
        store._tenants[name] = store._tenants.pop("acme")
        with pytest.raises(LogCorrupt, match="names a tenant by no id"):
            async with running(store):
                pass

    run(story())


def test_a_session_with_a_changed_byte_does_not_verify() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            await engine.append((proposal(),))
            row = store._tenants["acme"].sessions["s1"][0]
            forged = type(row)(
                **{f: getattr(row, f) for f in row.__struct_fields__}
                | {"body": row.body.replace(b"/workspace", b"/etc")}
            )
            store._tenants["acme"].sessions["s1"][0] = forged
            _, breaks = await engine.reads.verify("acme", "s1")
            assert {(b.seq, b.rule) for b in breaks} == {(0, "hash")}

    run(story())


def test_a_tenant_is_read_while_it_is_written() -> None:
    async def story() -> None:
        async with running(MemoryStore()) as engine:

            async def write() -> None:
                for _ in range(60):
                    await engine.append((tool("read_file"),))

            writing = asyncio.create_task(write())
            seen = 0
            while not writing.done():
                state = await engine.reads.tenant("acme")
                assert state.next_position >= seen
                seen = state.next_position
            await writing

    run(story())


def test_documents_are_had_by_digest_and_kind_and_hashed_again() -> None:
    async def story() -> None:
        store = MemoryStore()
        async with running(store) as engine:
            await engine.append((proposal(),))
            assert await engine.reads.document(OPEN.digest, "manifest") == OPEN.document
            assert await engine.reads.document(digest(BUNDLE), "bundle") == BUNDLE
            key = bytes.fromhex(OPEN.digest)
            kept = store._documents[key]
            store._documents[key] = type(kept)(digest=key, kind="manifest", body=b"{}")
            for asked in (
                (OPEN.digest, "manifest"),
                (digest(BUNDLE), "manifest"),
                ("00" * 32, "bundle"),
            ):
                with pytest.raises(NotFound):
                    await engine.reads.document(*asked)

    run(story())
