"""The cost of each step of one decision, taken alone, and of what lies under all of them: a commit.

All of it in this process, one step at a time, so that a figure under load can be told apart from
the cores it shares.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from aegisd import resources
from aegisd.core.decide import Grounds, decide, decided, record
from aegisd.core.log.canonical import parse
from aegisd.core.log.envelope import seal
from aegisd.core.manifest.capabilities import read as read_manifest
from aegisd.core.policy.input import Moment, Snapshot, build, facts
from aegisd.core.policy.verdict import judge
from aegisd.core.proposal import read
from aegisd.core.state.fold import fact, fold_session, fold_tenant
from aegisd.core.state.model import SessionState, TenantState
from aegisd.core.target import extract
from aegisd.ports import Batch, Evaluator
from aegisd.rego import bundle
from aegisd.store.sqlite import SqliteStore
from benchmarks.workloads import proposal

# Calls of one commit of the raw store, as a busy writer has them at 32 connections.
CALLS_PER_COMMIT = 32
COMMITS = 100
SAMPLES = 2000

POLICY = "policy"
FINDINGS = "findings (part of the input)"
COMMIT = "commit (amortised, beside)"

BUDGETS_US = {
    "decode": 10,
    FINDINGS: 40,
    "decide and fold": 25,
    "seal of two events": 10,
    COMMIT: 200,
}

# Not added up: counted in another row, or on another thread.
ASIDE = frozenset({FINDINGS, COMMIT})


def raw_store(database: Path) -> Mapping[str, float]:
    """Two rows a call, `CALLS_PER_COMMIT` calls a commit, nothing else: what the disk allows."""
    store = SqliteStore(str(database))
    state = SessionState(tenant_id="bench", session_id="s")
    body = proposal("s")(0, 0)
    times = []
    position = 0
    for _ in range(COMMITS):
        events = []
        for _ in range(2 * CALLS_PER_COMMIT):
            request = read(parse(body))
            event = seal(record(state, request, Moment(now_ms=1)), position, state.head_hash)
            state = fold_session(state, fact(event))
            events.append(event)
            position += 1
        first = position - 2 * CALLS_PER_COMMIT
        batch = Batch(tenant_id="bench", first_position=first, events=events)
        started = time.perf_counter()
        store.append(batch)
        times.append(time.perf_counter() - started)
    store.close()
    commit = statistics.median(times)
    return {"per_second": CALLS_PER_COMMIT / commit, "commit_us": commit * 1e6}


def costs(evaluator: Evaluator, commit_us: float) -> Mapping[str, float]:
    """The median cost of each step in microseconds, judged by `evaluator`'s base rules."""
    capabilities = read_manifest((resources.manifests() / "quickstart.json").read_bytes())
    base = bundle.load_directory(resources.policies() / "aegis")
    program = evaluator.compile(bundle.build({}, base), capabilities.data)
    body = proposal("s")(0, 0)
    request = read(parse(body))
    session = SessionState(tenant_id="bench", session_id=request.session_id)
    tenant = TenantState(tenant_id="bench")
    moment = Moment(now_ms=1_700_000_000_000)
    across = facts(tenant, request.agent_id)
    args = request.payload["args"] if isinstance(request.payload, dict) else {}
    tool = capabilities.manifest.tools["write_file"]

    policy_input = build(request, 0, Snapshot(), across, capabilities, moment)
    verdict = judge(policy_input, program.evaluate)
    grounds = Grounds(
        bundle="0" * 64, manifest=capabilities.digest, evaluator=evaluator.name,
        evaluator_version=evaluator.version, rules_version="0" * 64, moment=moment,
    )  # fmt: skip
    decision = decide(request, 0, verdict, policy_input, grounds)
    envelope = record(session, request, moment)
    event = seal(envelope, 0, b"")
    behind = decided(envelope, decision)
    seen = fact(event)

    def fold_both() -> object:
        made = decide(request, 0, verdict, policy_input, grounds)
        after = fold_session(session, seen)
        return made, fold_session(after, seen), fold_tenant(fold_tenant(tenant, seen), seen)

    steps: dict[str, Callable[[], object]] = {
        "decode": lambda: read(parse(body)),
        FINDINGS: lambda: extract(args, effects=tool.effects, roles=tool.roles),
        "input, with findings": lambda: build(request, 0, Snapshot(), across, capabilities, moment),
        POLICY: lambda: judge(policy_input, program.evaluate),
        "decide and fold": fold_both,
        "seal of two events": lambda: (seal(envelope, 0, b""), seal(behind, 1, event.hash)),
    }
    figures = {name: _median_us(step) for name, step in steps.items()}
    return {**figures, COMMIT: commit_us / CALLS_PER_COMMIT}


def total_us(steps: Mapping[str, float]) -> float:
    """What the deciding thread spends on one decision."""
    return sum(us for name, us in steps.items() if name not in ASIDE)


def _median_us(step: Callable[[], object]) -> float:
    times = []
    for _ in range(SAMPLES):
        started = time.perf_counter()
        step()
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e6
