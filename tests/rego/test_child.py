"""The child that compiles a policy first."""

import signal
import subprocess
import sys

import msgspec


def test_the_child_ends_itself_at_its_bound_of_processor_time() -> None:
    spins = "import aegisd.rego.trial as t; t._refusal = lambda _: exec('while True: 0'); t.main()"
    question = msgspec.json.encode({"seconds_max": 1})
    child = subprocess.run([sys.executable, "-c", spins], input=question, check=False)
    assert child.returncode == -signal.SIGXCPU
