"""What each tenant used of a child's processor, and whether it may ask now.

One child judges for all, one after the other: rules that are slow, and end before any bound does,
would leave nothing of it to others. So a tenant that uses more than its share, beside others, rests
until what it used too much has drained.
"""

import time
from collections.abc import Callable

# Milliseconds of a processor that a tenant may use at a stretch beside others.
SHARE_MS_MAX = 2_000

# Milliseconds that drain of it in each.
SHARE = 0.1

# Milliseconds that are not counted: a thousand rules take 5, and 35 on the slower engine.
EASY_MS = 50

# Milliseconds that one answer counts at most. A bundle is compiled once, however large it is.
COUNTED_MS_MAX = 1_000

# Milliseconds after which a tenant is alone. Nobody is held up by it, and nothing is counted.
ALONE_MS = 10_000


class Shares:
    """Of one child, by tenant. Called with its turn held."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        # Milliseconds that were used and had not drained, and when that was.
        self._used: dict[str, tuple[float, float]] = {}
        # Who asked last, and when that was somebody else than before.
        self._last: str | None = None
        self._turned_s = float("-inf")

    def rest_ms(self, tenant_id: str) -> float:
        """Milliseconds until the tenant may ask; 0 where it may now."""
        if tenant_id not in self._used:
            return 0.0
        return max(0.0, self._left(tenant_id, self._now_s()) - SHARE_MS_MAX) / SHARE

    def count(self, tenant_id: str, used_ms: float) -> None:
        """Count what an answer to the tenant took."""
        now_s = self._now_s()
        if tenant_id != self._last:
            if self._last is not None:
                self._turned_s = now_s
            self._last = tenant_id
        if used_ms <= EASY_MS or now_s - self._turned_s > ALONE_MS / 1000:
            return
        self._used = {each: at for each, at in self._used.items() if self._left(each, now_s) > 0}
        left_ms = self._left(tenant_id, now_s) if tenant_id in self._used else 0.0
        self._used[tenant_id] = (left_ms + min(used_ms, COUNTED_MS_MAX), now_s)

    def _left(self, tenant_id: str, now_s: float) -> float:
        used_ms, then_s = self._used[tenant_id]
        return used_ms - (now_s - then_s) * 1000 * SHARE
