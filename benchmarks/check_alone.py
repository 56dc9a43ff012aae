"""Seconds that the check of an export takes inside `aegisctl verify`, its start left out.

A program of its own, because the check starts others like it: `python -m benchmarks.check_alone
EXPORT KEYS`.
"""

import sys
import time
from pathlib import Path

from aegisctl import trust
from aegisctl.integrity import anchors
from aegisctl.integrity.exported import check_export
from aegisctl.integrity.report import SIGNED


def main(path: str, keys: str) -> None:
    """Check once and print the seconds; ends with 1 for an export that is broken or unsigned."""
    brought = anchors.read(trust.read_keys([keys]), [])
    started = time.perf_counter()
    with Path(path).open("rb") as file:
        report = check_export(file, None, lambda _events=1: None, brought, path=path)
    print(time.perf_counter() - started)
    signed = all(tenant.level == SIGNED for tenant in report.tenants)
    sys.exit(0 if report.holds and signed else 1)


if __name__ == "__main__":
    main(*sys.argv[1:3])
