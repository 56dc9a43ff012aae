"""Seconds that the check of an export takes inside `aegisctl verify`, its start left out.

A program of its own, because the check starts others like it: `python -m benchmarks.check_alone
EXPORT KEYS`.
"""

import sys
import time
from pathlib import Path

from aegisd.audit import anchors
from aegisd.audit.verification.export import verify_export
from aegisd.audit.verification.result import SIGNED


def main(path: str, keys: str) -> None:
    """Check once and print the seconds; ends with 1 for an export that is broken or unsigned."""
    brought = anchors.read(anchors.read_keys([keys]), [])
    started = time.perf_counter()
    with Path(path).open("rb") as file:
        told = verify_export(file, anchors=brought, path=path)
    print(time.perf_counter() - started)
    signed = all(tenant.level == SIGNED for tenant in told.tenants)
    sys.exit(0 if told.holds and signed else 1)


if __name__ == "__main__":
    main(*sys.argv[1:3])
