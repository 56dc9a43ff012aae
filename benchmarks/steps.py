"""The cost of each step of one decision, taken alone, and of what lies under all of them: a commit.

All of it in this process, one step at a time, so that a figure under load can be told apart from
the cores it shares.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from aegisd import resources
from aegisd.core import gate
from aegisd.core.capabilities import read as read_manifest
from aegisd.core.gate import InForce, Question, States
from aegisd.core.log.canonical import parse
from aegisd.core.policy.judge import Maker
from aegisd.core.policy.verdict import judge
from aegisd.core.proposal import read
from aegisd.core.state.model import SessionState, TenantState
from aegisd.core.target.extract import extract
from aegisd.ports import Evaluator
from aegisd.rego import bundle
from aegisd.store.sqlite.store import SqliteStore
from benchmarks.process import timed
from benchmarks.report import Row
from benchmarks.rows import batches, sealed
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
    rows = 2 * CALLS_PER_COMMIT
    with closing(SqliteStore(str(database))) as store:
        times = [
            timed(partial(store.append, batch))
            for batch in batches(sealed("bench", COMMITS * rows), rows)
        ]
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
    figures = {
        name: statistics.median(timed(step) for _ in range(SAMPLES)) * 1e6
        for name, step in steps.items()
    }
    return {**figures, COMMIT: commit_us / CALLS_PER_COMMIT}


def rows(alone: Mapping[str, Mapping[str, float]]) -> Sequence[Row]:
    """The costs by engine, each with its share of what the deciding thread spends."""
    totals = {
        engine: sum(us for name, us in costs.items() if name not in ASIDE)
        for engine, costs in alone.items()
    }
    found: list[Row] = []
    for name in next(iter(alone.values())):
        row: dict[str, str | float | None] = {"step": name}
        for engine, costs in alone.items():
            row[f"{engine} us"] = costs[name]
            row[f"{engine} %"] = None if name in ASIDE else 100 * costs[name] / totals[engine]
        found.append({**row, "budget us": BUDGETS_US.get(name)})
    sums = {f"{engine} us": us for engine, us in totals.items()}
    return [*found, {"step": "deciding thread, in all", **sums}]
