"""Rules that hang or swell in one tenant, beside calls of another."""

from pathlib import Path
from tempfile import TemporaryDirectory

from aegisd.rego.engines import installed
from drills.daemon import CREATED, Daemon, proposal
from drills.faults.load import Load
from drills.faults.outcome import Tally, fault
from tests.patience import until

HEAD = "package aegis.rules\n\nimport rego.v1\n\n"

# Texts made of the last one four times: 30 of them are more than there is memory for.
_SWELL = "\n".join(
    [
        HEAD + 'deny contains "large" if count(split(t30, "x")) > 7',
        "t0 := input.call.args.body",
        *(f't{n} := sprintf("%v%v%v%v", [{", ".join([f"t{n - 1}"] * 4)}])' for n in range(1, 31)),
    ]
)

# Loops in loops: minutes for a list of some hundreds.
_LOOP = (
    HEAD
    + """deny contains "many" if {
	some a in input.call.args.list
	some b in input.call.args.list
	some c in input.call.args.list
	a + b + c == -1
}
"""
)

# What no bound of an engine's own ends in time: regorus counts steps, and one makes a long text.
RULES = {"regopy": _LOOP, "regorus": _SWELL}
ARGS = {"path": "/workspace/notes.txt", "list": list(range(300)), "body": "x" * 1000}

CLIENTS = 4

# Calls of the hostile tenant in each attempt: one that is judged, and one while its rules rest.
CALLS = 2


@fault("a stuck evaluation", attempts=20, quick=2)
def stuck(attempts: int, tally: Tally) -> None:
    """One tenant's rules hang or fill the memory, on either engine; others' calls go on."""
    for number in range(attempts):
        engines = installed()
        with TemporaryDirectory(prefix="aegis-stuck-") as name:
            _attempt(Path(name), engines[number % len(engines)], tally)
        tally.attempt()


def _attempt(folder: Path, engine: str, tally: Tally) -> None:
    with Daemon(folder, "--policy-engine", engine) as daemon:
        client = daemon.connect()
        rules = {"files": {"a.rego": RULES[engine]}, "author": "ann", "reason": "r"}
        for tenant_id in ("hostile", "neighbour"):
            status, _ = client.request("POST", "/v1/policies", {"tenant_id": tenant_id, **rules})
            tally.require(f"the rules were answered {status}", holds=status == CREATED)
        load = Load(daemon, CLIENTS)
        for _ in range(CALLS):
            hostile = proposal("s", args=ARGS, tenant_id="hostile")
            status, answer = client.request("POST", "/v1/events", hostile)
            denied = status == CREATED and "POLICY_ERROR" in str(answer["decision"])
            tally.require(f"rules that hang were answered {status}", holds=denied)
            _goes_on(load)
        # The same rules, in force for somebody who brings them nothing to hang on.
        neighbour = proposal("s", args={"path": ARGS["path"]}, tenant_id="neighbour")
        status, answer = client.request("POST", "/v1/events", neighbour)
        judged = status == CREATED and "POLICY_ERROR" not in str(answer["decision"])
        tally.require(f"others with the same rules were answered {answer}", holds=judged)
        load.stop()
        tally.require(f"others were refused: {load.refusals[:1]}", holds=not load.refusals)
        client.close()
    tally.hold(daemon.database, load.heard)


def _goes_on(load: Load) -> None:
    before = len(load.heard)
    until(lambda: len(load.heard) > before)
