"""The engine on a log as a daemon starts it, in this process, again and again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import cache
from pathlib import Path

from aegisd import compose
from aegisd.engine.engine import Engine
from aegisd.ports import Evaluator, EventStore, LiveJudge
from aegisd.rego.installation import installation
from aegisd.rego.judge import RegoJudge
from aegisd.rego.shelter import NOBODY, Shelter, Sheltered
from aegisd.rules_version import rules_version
from aegisd.store.dsn import open_store
from aegisd.store.memory import MemoryStore


class Compiler:
    """An engine that compiles the same bytes once, however often a log is opened."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.name, self.version = evaluator.name, evaluator.version
        self.bounded = evaluator.bounded
        self.compile = cache(evaluator.compile)


class SharedShelter(Shelter):
    """A child that outlives the engines it judges for, and compiles for each tenant once."""

    def __init__(self, evaluator: Evaluator) -> None:
        super().__init__(evaluator)
        self._compiled = cache(super().compile)

    def compile(self, bundle: bytes, manifest: bytes, tenant_id: str = NOBODY) -> Sheltered:
        """See `Shelter.compile`."""
        return self._compiled(bundle, manifest, tenant_id)

    def close(self) -> None:
        """It ends with this process."""


_INSTALLED = installation("auto")
_ENGINE, _SHELTER = Compiler(_INSTALLED.evaluator), SharedShelter(_INSTALLED.evaluator)


def _judge(store: EventStore) -> LiveJudge:
    """A judge that knows nothing but what the store tells, on engines that are used again."""
    return RegoJudge(_ENGINE, _SHELTER, _INSTALLED.base, store.document, rules_version())


_CONFIGURED = compose.configured(_judge(MemoryStore()))


@asynccontextmanager
async def running(dsn: str, folder: Path | None = None) -> AsyncIterator[tuple[Engine, EventStore]]:
    """The engine on a log whose keys and kept checkpoints lie beside it, or in a folder.

    Raises `AegisError`.
    """
    with closing(open_store(dsn)) as store:
        key, guard = (str(folder / name) if folder else None for name in ("log.key", "checkpoints"))
        engine = compose.engine(
            store,
            _judge(store),
            _CONFIGURED,
            on_fatal=lambda _reason: None,
            signing=compose.signing(dsn, store, key=key, guard=guard, interval_ms=0),
            snapshot_key=compose.snapshot_key(dsn, signing_key=key),
        )
        try:
            await engine.start()
            yield engine, store
        finally:
            await engine.stop()
