"""One contender of `benchmarks.evaluate`, run as a file by whichever Python has it.

Lines of JSON in, `{"rules": 100, "call": "last", "seconds": 0.2}`, and for each a line out:
`{"outcome": "deny", "samples_us": […]}`. The same loop times every contender.
"""

# The imports are where they are used: this file runs in two environments, each of which has some.
# ruff: noqa: PLC0415

import json
import sys
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from importlib import import_module

# A prepared call in, "allow" or "deny" out.
Step = Callable[[], str]

# The rules of one file of operator's rules.
RULES_PER_FILE = 50

# Samples of one answer: more would only be sent around.
SAMPLES_MAX = 20_000

# What rule i of both sides is about, and the call that matches none of them.
NONE_CALL = ("read_file", "/workspace/notes.txt")
TOOL = "tool_{}"
PLACE = "/workspace/x{}"


def rego(engine: str, rules: int) -> Mapping[str, Step]:
    """The calls as an Aegis judge takes them: canonical input bytes in, a combined verdict out."""
    from aegisd import resources
    from aegisd.core import capabilities
    from aegisd.rego import bundle
    from aegisd.rego.engines import choose
    from aegisd.rego.judge import RegoJudge
    from aegisd.rego.shelter import Shelter
    from aegisd.rows import Document
    from aegisd.rules_version import rules_version

    manifest = json.loads((resources.manifests() / "quickstart.json").read_bytes())
    # Only the last rule's tool is called; the others need no declaration to be compared with.
    manifest["tools"][TOOL.format(rules - 1)] = manifest["tools"]["read_file"]
    known = capabilities.read(json.dumps(manifest).encode())
    base = bundle.load_directory(resources.policies() / "aegis")
    evaluator = choose(engine)
    shelter = Shelter(evaluator)
    judge = RegoJudge(evaluator, shelter, base, lambda _digest: None, rules_version())
    body = judge.bundle(_modules(rules))
    digest = bundle.digest(body)
    judge.keep(Document(digest=bytes.fromhex(digest), kind="bundle", body=body))
    judge.keep(Document(digest=bytes.fromhex(known.digest), kind="manifest", body=known.document))

    def step(policy_input: object) -> str:
        verdict = judge.judge(digest, known.digest, policy_input)  # type: ignore[arg-type]
        return verdict.outcome if verdict else "gone"

    return {name: partial(step, _input(known, *call)) for name, call in _calls(rules).items()}


def _input(known: object, tool: str, path: str) -> object:
    from aegisd.core.policy.input import Moment, Snapshot, build, facts
    from aegisd.core.proposal import read
    from aegisd.core.state.model import TenantState

    event = {
        "tenant_id": "bench",
        "session_id": "s",
        "event_type": "TOOL_CALL_PROPOSED",
        "payload": {"tool_name": tool, "args": {"path": path}},
    }
    across = facts(TenantState(tenant_id="bench"), None)
    moment = Moment(now_ms=1_700_000_000_000)
    return build(read(event), 0, Snapshot(), across, known, moment)  # type: ignore[arg-type]


def _modules(rules: int) -> dict[str, str]:
    """`rules` rules in files of `RULES_PER_FILE`, as an operator would lay them out."""
    files = {}
    for first in range(0, rules, RULES_PER_FILE):
        text = ["package aegis.rules", "", "import rego.v1"]
        for number in range(first, min(first + RULES_PER_FILE, rules)):
            tool, place = TOOL.format(number), PLACE.format(number)
            text += [
                "",
                f'deny contains {{"rule": "{tool}", "message": "not in {place}"}} if {{',
                f'\tinput.call.tool == "{tool}"',
                f'\tstartswith(input.call.args.path, "{place}")',
                "}",
            ]
        files[f"tools_{first}.rego"] = "\n".join(text) + "\n"
    return files


def peer(rules: int, *, cached: bool) -> Mapping[str, Step]:
    """The calls as the peer takes them: an `Action` in, a `PolicyDecision` out."""
    action = import_module("aegis.core.action").Action
    policy = import_module("aegis.core.policy").Policy.from_dict(
        {
            "defaults": {"risk_level": "low", "approval": "auto"},
            "rules": [
                {
                    "name": TOOL.format(number),
                    "match": {"type": TOOL.format(number)},
                    "conditions": {"param_matches": {"path": f"^{PLACE.format(number)}"}},
                    "risk_level": "high",
                    "approval": "block",
                }
                for number in range(rules)
            ],
        }
    )
    if cached:
        policy.with_cache()

    def step(prepared: object) -> str:
        return "allow" if policy.evaluate(prepared).is_allowed else "deny"

    return {
        name: partial(step, action(tool, "workspace", {"path": path}))
        for name, (tool, path) in _calls(rules).items()
    }


def _calls(rules: int) -> dict[str, tuple[str, str]]:
    last = (TOOL.format(rules - 1), PLACE.format(rules - 1) + "/notes.txt")
    return {"none": NONE_CALL, "last": last}


def sample(step: Step, seconds: float) -> list[float]:
    """Microseconds of each call of `step`, for a while."""
    samples: list[float] = []
    ends = time.perf_counter() + seconds
    while len(samples) < SAMPLES_MAX:
        started = time.perf_counter()
        step()
        ended = time.perf_counter()
        samples.append(round((ended - started) * 1e6, 2))
        if ended > ends:
            break
    return samples


def main() -> None:
    """`evaluate_worker.py CONTENDER`: answer each line of the standard input."""
    contender = sys.argv[1]

    @cache
    def prepared(rules: int) -> Mapping[str, Step]:
        if contender.startswith("agent-aegis"):
            return peer(rules, cached=contender.endswith("cached"))
        return rego(contender, rules)

    for line in sys.stdin:
        asked = json.loads(line)
        step = prepared(asked["rules"])[asked["call"]]
        answer = {"outcome": step(), "samples_us": sample(step, asked["seconds"])}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
