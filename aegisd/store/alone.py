"""What a log that one process appends to says of turns: there are none."""

from collections.abc import Callable, Sequence

from aegisd.core.errors import StoreFailed
from aegisd.rows import Turn


class Alone:
    """The part of an `EventStore` that only a shared log has a use for."""

    shared = False
    fault = ""

    def begin(self, tenant_id: str) -> Turn:
        """Nobody else appends to this log. Raises `StoreFailed`."""
        raise StoreFailed(f"tenant {tenant_id!r} has no turns, the log is not shared")

    def probe(self) -> None:
        """What is only in memory takes whatever comes."""

    def abandon(self, tenant_id: str) -> None:
        """See `aegisd.ports.EventStore.abandon`."""

    def announce(self, key_ids: Sequence[bytes]) -> list[tuple[bytes, ...]]:  # noqa: ARG002
        """There is nobody else to sign this log."""
        return []

    def listen(self, callback: Callable[[str, int], None]) -> Callable[[], None]:  # noqa: ARG002
        """Nobody else appends, so there is nothing to hear, and nothing to end."""
        return lambda: None
