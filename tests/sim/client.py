"""Agents and operators with a will of their own: what they ask is chance, what they hear is law."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from random import Random

from msgspec import UNSET, Struct

from aegisd.core.errors import AegisError, Unavailable
from aegisd.core.proposal import Proposal, read
from aegisd.engine.commands.opening import OpenSession
from aegisd.engine.engine import Engine
from aegisd.engine.recorded import Recorded
from tests.core.gate import MANIFEST, manifest, proposal
from tests.sim.disk import PowerOff
from tests.sim.ledger import Ledger

TENANTS = ("acme", "umbrella")
SESSIONS = tuple(f"s{number}" for number in range(8))

# Events of a large batch: a few of them fill a block of the tree.
LARGE = 120

# Events of a request that has more than one; large ones are rare, and most of what a seed costs.
MORE = (2, 3, 5) * 3 + (LARGE,)

# Manifests that operators put in force, one after another.
MANIFESTS = tuple(
    manifest(
        version=str(version),
        budgets={**MANIFEST["budgets"], "tool_calls": version, "wall_time_ms": wall_time_ms},
    )
    for version, wall_time_ms in ((2, None), (5, 3_600_000), (40, 86_400_000))
)


class Request(Struct, frozen=True, kw_only=True):
    """Something a client asks and may ask again: under its key, the same each time.

    `names` has one entry per event, the `user_id` by which the log can be asked for it.
    """

    tenant_id: str
    names: tuple[str, ...]
    proposals: tuple[Proposal, ...] = ()
    opening: OpenSession | None = None
    keyed: bool = False


class Client:
    """One of several on the same engine. A request whose fate it does not know it keeps."""

    def __init__(self, number: int, chance: Random, ledger: Ledger, heard: Counter[str]) -> None:
        self._number, self._chance, self._ledger = number, chance, ledger
        self._heard = heard
        self._made = 0
        self._open: Request | None = None
        self._heads: dict[tuple[str, str], tuple[int, bytes]] = {}

    async def work(self, engine: Engine, turns: int) -> None:
        """Ask one thing after another; begin with what was left open by a process that died."""
        for _ in range(turns):
            await asyncio.sleep(self._chance.choice((0, 0, 0.001, 0.01)))
            try:
                await self._turn(engine)
            except AegisError as error:
                self._heard[error.code] += 1
            except PowerOff:
                return
            except asyncio.CancelledError:
                # A read that waited for a thread when the process ended.
                this = asyncio.current_task()
                if this is None or this.cancelling():
                    raise
                return

    async def _turn(self, engine: Engine) -> None:
        drawn = self._chance.random()
        if self._open is not None and self._open.keyed and drawn < 0.9:
            await self._ask(engine, self._open)
        elif drawn < 0.75:
            await self._ask(engine, self._append())
        elif drawn < 0.82:
            await self._ask(engine, self._opening())
        elif drawn < 0.9:
            await self._look(engine)
        else:
            await self._act(engine)

    async def _ask(self, engine: Engine, request: Request) -> None:
        """Ask, sometimes twice at once, and take down what is said."""
        self._open = request
        for name in request.names:
            self._ledger.asked(request.tenant_id, name)
        times = 2 if request.keyed and self._chance.random() < 0.2 else 1
        told = await asyncio.gather(
            *(self._submit(engine, request) for _ in range(times)), return_exceptions=True
        )
        for answers in told:
            if isinstance(answers, AegisError):
                self._heard[answers.code] += 1
                for name in request.names:
                    unknown = answers.details.get("commit") == "unknown"
                    self._ledger.refused(name, unknown=unknown)
                if not isinstance(answers, Unavailable):
                    self._open = None
            elif isinstance(answers, BaseException):
                raise answers
            else:
                self._hear(request, answers)

    async def _submit(self, engine: Engine, request: Request) -> tuple[Recorded, ...]:
        if request.opening is not None:
            return (await engine.open_session(request.tenant_id, request.opening),)
        return await engine.append(request.proposals)

    def _hear(self, request: Request, answers: tuple[Recorded, ...]) -> None:
        self._open = None
        for name, answer in zip(request.names, answers, strict=True):
            self._heard["replayed" if answer.replayed else "recorded"] += 1
            self._ledger.answered(name, answer)
            head = answer.head
            self._heads[head.tenant_id, head.session_id] = (head.seq, head.hash)

    # ── what is asked ────────────────────────────────────────────────────────────────────────────

    def _names(self, count: int) -> Iterator[str]:
        for _ in range(count):
            self._made += 1
            yield f"c{self._number}-r{self._made}"

    def _append(self) -> Request:
        chance = self._chance
        tenant_id, session_id = chance.choice(TENANTS), chance.choice(SESSIONS)
        names = tuple(self._names(1 if chance.random() < 0.7 else chance.choice(MORE)))
        key = f"key-{names[0]}" if chance.random() < 0.6 else None
        expected: dict[str, object] = {}
        if len(names) == 1 and chance.random() < 0.2:
            seq, head = self._heads.get((tenant_id, session_id), (-1, b""))
            expected = {"seq": seq + 1, "prev_hash": head.hex()}
        proposals = []
        for name in names:
            event_type, payload = self._event()
            request = {"tenant_id": tenant_id, "session_id": session_id, "user_id": name}
            event = {**request, "event_type": event_type, "payload": payload, **expected}
            proposals.append(read(event, idempotency_key=key))
        return Request(
            tenant_id=tenant_id, names=names, proposals=tuple(proposals), keyed=key is not None
        )

    def _event(self) -> tuple[str, object]:
        chance = self._chance
        drawn = chance.random()
        if drawn < 0.3:
            return "USER_MESSAGE", {"content": "x" * chance.randrange(40)}
        if drawn < 0.31:
            return "TERMINATION", None
        if drawn < 0.4:
            return "MODEL_CALL_STARTED", {"model": "m"}
        tool_name = chance.choice(("read_file", "read_file", "typed", "pay", "undeclared"))
        args = {"n": chance.randrange(3)} if tool_name == "typed" else {"path": "/workspace/a"}
        return "TOOL_CALL_PROPOSED", {"tool_name": tool_name, "args": args}

    def _opening(self) -> Request:
        (name,) = self._names(1)
        keyed = self._chance.random() < 0.6
        named = self._chance.random() < 0.5
        opening = OpenSession(
            session_id=self._chance.choice(SESSIONS) if named else f"opened-{name}",
            named=named,
            user_id=name,
            agent_id=None,
            meta=UNSET,
            idempotency_key=f"key-{name}" if keyed else None,
        )
        tenant_id = self._chance.choice(TENANTS)
        return Request(tenant_id=tenant_id, names=(name,), opening=opening, keyed=keyed)

    async def _look(self, engine: Engine) -> None:
        """Ask what writes nothing."""
        tenant_id, session_id = self._chance.choice(TENANTS), self._chance.choice(SESSIONS)
        if self._chance.random() < 0.5:
            asked = proposal(tenant_id=tenant_id, session_id=session_id)
            await engine.check(asked)
            return
        _, breaks = await engine.reads.verify(tenant_id, session_id)
        if breaks:
            raise AssertionError(f"the engine finds its own log broken: {breaks[0]}")

    async def _act(self, engine: Engine) -> None:
        """Change what is in force, or what time it is."""
        tenant_id = self._chance.choice(TENANTS)
        if self._chance.random() < 0.3:
            await engine.correct_clock(tenant_id, author="ada", reason="sim")
            return
        if self._chance.random() < 0.7:
            held = self._chance.choice(MANIFESTS)
            await engine.register_manifest(tenant_id, held, author="ada", reason="sim")
            return
        files = {"rules/sim.rego": str(self._chance.randrange(3))}
        await engine.activate_policy(tenant_id, files, author="ada", reason="sim")
