"""What one decision costs on each installed engine, in one process and without a disk.

    python -m benchmarks.engines

A `Gate` in memory with the quick start's manifest, without its budgets, is asked for one call.
"""

import json
import time

import click

from aegis import Gate
from aegisd import resources
from aegisd.rego.engines import installed

CALLS = 400


@click.command()
def main() -> None:
    """Print the fastest and the middle call of each engine, in milliseconds."""
    manifest = json.loads((resources.manifests() / "quickstart.json").read_text())
    manifest["budgets"] = {"steps": None, "tool_calls": None, "wall_time_ms": None}
    for engine in sorted(installed()):
        with Gate(manifest=manifest, engine=engine) as gate:
            taken_ms = []
            for _ in range(CALLS):
                started = time.perf_counter()
                gate.propose("read_file", {"path": "/workspace/notes.txt"}).require()
                taken_ms.append((time.perf_counter() - started) * 1000)
        taken_ms.sort()
        fastest, middle = taken_ms[0], taken_ms[CALLS // 2]
        click.echo(f"{engine:8} fastest {fastest:.1f} ms, middle {middle:.1f} ms")


if __name__ == "__main__":
    main()
