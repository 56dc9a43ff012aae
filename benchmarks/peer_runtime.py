"""The peer's in-process pipeline, run by the peer's own Python: `peer_runtime.py DATABASE CALLS`.

`Runtime.run_one`: evaluate, an executor that does nothing, one audit row and its commit. Prints one
line of JSON, the microseconds of each call. For memory the database is `:memory:`.
"""

import asyncio
import json
import sys
import time
from importlib import import_module

# Calls before those that count: the first ones import and open files.
WARM_CALLS = 20


async def run(database: str, calls: int) -> list[float]:
    """Microseconds of each of so many calls."""
    # By name, because in this repository's own environment `aegis` is another package.
    action = import_module("aegis.core.action").Action
    policy = import_module("aegis.core.policy").Policy
    runtime = import_module("aegis.runtime.engine").Runtime(
        executor=import_module("aegis.server.app")._NoOpExecutor(),  # noqa: SLF001 - its server's
        policy=policy.from_dict(
            {
                "defaults": {"approval": "block"},
                "rules": [
                    {
                        "match": {"type": "read_file"},
                        "conditions": {"param_matches": {"path": "^/workspace/"}},
                        "risk_level": "low",
                        "approval": "auto",
                    }
                ],
            }
        ),
        audit_logger=import_module("aegis.runtime.audit").AuditLogger(database),
    )
    samples = []
    for number in range(WARM_CALLS + calls):
        prepared = action("read_file", "workspace", {"path": f"/workspace/{number}.txt"})
        started = time.perf_counter()
        result = await runtime.run_one(prepared)
        samples.append(round((time.perf_counter() - started) * 1e6, 2))
        if not result.ok:
            raise RuntimeError(result.error)
    return samples[WARM_CALLS:]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(sys.argv[1], int(sys.argv[2])))))
