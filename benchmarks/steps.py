"""The cost of each step of one decision, taken alone, and of what lies under all of them: a commit.

All of it in this process, one step at a time, so that a figure under load can be told apart from
the cores it shares.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from aegisd import resources
from aegisd.core import gate
from aegisd.core.capabilities import NONE
from aegisd.core.capabilities import read as read_manifest
from aegisd.core.gate import InForce, Question, States
from aegisd.core.log.canonical import parse
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.policy.judge import Maker
from aegisd.core.policy.verdict import judge
from aegisd.core.proposal import read
from aegisd.core.state.model import SessionState, TenantState
from aegisd.core.target import extract
from aegisd.ports import Evaluator
from aegisd.rego import bundle
from aegisd.rows import Batch
from aegisd.store.sqlite.store import SqliteStore
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
    "decide, seal and fold": 35,
    COMMIT: 200,
}

# Not added up: counted in another row, or on another thread.
ASIDE = frozenset({FINDINGS, COMMIT})


def raw_store(database: Path) -> Mapping[str, float]:
    """Two rows a call, `CALLS_PER_COMMIT` calls a commit, nothing else: what the disk allows."""
    store = SqliteStore(str(database))
    states = States(
        tenant=TenantState(tenant_id="bench"),
        session=SessionState(tenant_id="bench", session_id="s"),
    )
    nothing = InForce(bundle="", manifest="", capabilities=NONE, released=frozenset())
    maker = Maker(evaluator="none", evaluator_version="0", rules_version="0" * 64)
    body = proposal("s")(0, 0)
    times = []
    for _ in range(COMMITS):
        first = states.tenant.next_position
        events = list[StoredEvent]()
        for _ in range(2 * CALLS_PER_COMMIT):
            request = read(parse(body))
            question = gate.ask(states, request, nothing, now_ms=1, utc_offset_s=0, salt=bytes)
            step = gate.settle(states, question, None, maker)
            states = step.states
            events += step.events
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
    args = request.payload["args"] if isinstance(request.payload, dict) else {}
    tool = capabilities.manifest.tools["write_file"]

    held = InForce(
        bundle="0" * 64,
        manifest=capabilities.digest,
        capabilities=capabilities,
        released=frozenset(),
    )
    states = States(tenant=tenant, session=session)
    maker = Maker(
        evaluator=evaluator.name, evaluator_version=evaluator.version, rules_version="0" * 64
    )

    def ask() -> Question:
        now_ms, salt = 1_700_000_000_000, bytes
        return gate.ask(states, request, held, now_ms=now_ms, utc_offset_s=0, salt=salt)

    question = ask()
    asked = question.policy_input
    if asked is None:
        raise RuntimeError("the gate asks nothing about a proposed call")
    verdict = judge(asked, program.evaluate)
    steps: dict[str, Callable[[], object]] = {
        "decode": lambda: read(parse(body)),
        FINDINGS: lambda: extract(args, effects=tool.effects, roles=tool.roles),
        "ask, with findings and a seal": ask,
        POLICY: lambda: judge(asked, program.evaluate),
        "decide, seal and fold": lambda: gate.settle(states, question, verdict, maker),
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
