"""Small packs to load and to run, and a gate that lies about one thing."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from aegisd.audit.log import Log
from aegisd.conformance.loading import load
from aegisd.conformance.pack import Pack
from aegisd.conformance.play import play
from aegisd.conformance.replaying import Replays
from aegisd.conformance.result import CaseResult
from aegisd.conformance.source import Fault, PackInvalid
from aegisd.conformance.target import Target
from aegisd.core.log.envelope import StoredEvent

HEAD = """\
pack: small
title: A small pack
about: What the tests of the runner run.
manifests:
  desk:
    schema: aegis.dev/manifest/v0.2
    name: desk
    version: "1"
    publisher: tests
    tools: {note: {}, fetch: {effects: [net], risk: low, roles: {url: url}}}
    net: {domains: [example.org]}
    budgets: {tool_calls: 3}
policies:
  quiet:
    quiet.rego: |
      package aegis.rules

      deny contains {"message": "quiet", "rule": "quiet"} if input.call.tool == "note"
cases:
  - id: SM-001
    requirement: It holds.
    steps:
"""

# The line of the first step, as editors count.
FIRST = HEAD.count("\n") + 1

NOTE = "{event_type: TOOL_CALL_PROPOSED, payload: {tool_name: note}}"
FETCH = "{event_type: TOOL_CALL_PROPOSED, payload: {tool_name: fetch, args: {url: 'https://evil.example/'}}}"


def steps(*lines: str) -> str:
    """A pack of one case with these lines as its steps; a line that goes on begins with a blank."""
    dashed = (f"       {line}" if line.startswith(" ") else f"      - {line}" for line in lines)
    return HEAD + "".join(f"{line}\n" for line in dashed)


def write(folder: Path, text: str, name: str = "small.yaml") -> Path:
    """The text as a file."""
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def one(folder: Path, *lines: str) -> Pack:
    """The pack of `steps`, loaded."""
    (pack,) = load([write(folder, steps(*lines))])
    return pack


# Steps, and what lies; the result of the case that they are.
Judge = Callable[..., CaseResult]


def held(pack: Pack, target: object, replays: Replays) -> CaseResult:
    """The result of a pack's only case."""
    return play(pack, pack.cases[0], cast("Target", target), replays)


def findings(result: CaseResult) -> list[tuple[int, str, str, str]]:
    """Step, field, expected and found of everything that does not hold."""
    return [
        (each.step.number, found.field, found.expected, found.found)
        for each in result.steps
        for found in each.mismatches
    ]


class Liar:
    """A target that is another one, but for the methods that lie."""

    def __init__(self, target: Target, lies: Mapping[str, object]) -> None:
        self._target, self._lies = target, lies

    def __getattr__(self, name: str) -> object:
        """The lie, or the truth."""
        return self._lies[name] if name in self._lies else getattr(self._target, name)


class Corrupt:
    """A log as a careless door shows it. `lie` changes each event."""

    def __init__(self, log: Log, lie: Callable[[StoredEvent], StoredEvent | None]) -> None:
        self._log, self._lie = log, lie

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)

    def events(self, tenant_id: str, **more: Any) -> Iterator[StoredEvent]:  # noqa: ANN401 - passed on
        changed = map(self._lie, self._log.events(tenant_id, **more))
        return (event for event in changed if event is not None)

    def session_events(self, tenant_id: str, session_id: str) -> Iterator[StoredEvent]:
        changed = map(self._lie, self._log.session_events(tenant_id, session_id))
        return (event for event in changed if event is not None)


def faults(*paths: Path) -> list[Fault]:
    """What is wrong with packs."""
    with pytest.raises(PackInvalid) as refused:
        load(paths)
    return refused.value.faults
