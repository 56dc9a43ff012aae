"""What the commands of all benchmarks share: their options, and how they end."""

import functools
import json
import os
import platform
import time
from collections.abc import Callable, Sequence

import click
import msgspec

from aegisd.rego.engines import CHOICES
from benchmarks.report import Section, console, show

ROUNDS = click.option(
    "--rounds", default=5, show_default=True, help="Medians are taken over these."
)

ENGINE = click.option(
    "--engine", type=click.Choice(CHOICES), default="auto", show_default=True,
    help="Which Rego engine judges.",
)  # fmt: skip


def benchmark(example: str) -> Callable[[Callable[..., Sequence[Section]]], click.Command]:
    """Make a command of what measures: it prints the sections, and `--json` one document."""

    def made(measure: Callable[..., Sequence[Section]]) -> click.Command:
        @click.command(
            context_settings={"help_option_names": ["-h", "--help"]}, epilog=f"Example: {example}"
        )
        @click.option("--json", "as_json", is_flag=True, help="One JSON document, not tables.")
        @functools.wraps(measure)
        def run(*, as_json: bool, **options: object) -> None:
            started = time.perf_counter()
            sections = measure(**options)
            seconds = round(time.perf_counter() - started)
            cores, python = os.cpu_count(), platform.python_version()
            if as_json:
                document = {
                    "machine": {"processors": cores, "python": python},
                    "seconds": seconds,
                    "parts": {each.name: msgspec.to_builtins(each) for each in sections},
                }
                click.echo(json.dumps(document, sort_keys=True))
                return
            show(sections)
            console.print(f"{seconds} s, {cores} processors, Python {python}")

        return run

    return made
