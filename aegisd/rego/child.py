"""The child's half of `probe`: compile one policy, and say how that went.

Run as `python -m aegisd.rego.trial`, with the question as JSON on standard input: `engine`, `files`
by path, `data` as JSON text, `entrypoint`, `steps_max`, `seconds_max` of a processor. It imports
the engine and little else: it runs before each bundle comes into force, and importing takes longer
than compiling.
"""

import json
import resource
import sys
from collections.abc import Mapping
from typing import Any

from aegisd.rego.complaint import explain

# The exit status of a child that met a policy it can refuse in words, which it then printed.
REFUSED = 3


def main() -> int:
    """Answer the question on standard input."""
    question = json.load(sys.stdin.buffer)
    resource.setrlimit(resource.RLIMIT_CPU, (question["seconds_max"], resource.RLIM_INFINITY))
    refusal = _refusal(question)
    if refusal is None:
        return 0
    sys.stdout.buffer.write(refusal.encode())
    return REFUSED


def _refusal(question: Mapping[str, Any]) -> str | None:
    """What the engine says against a policy; None where it compiles."""
    files, data, entrypoints = question["files"], question["data"], [question["entrypoint"]]
    # One engine per child: loading the other would only cost time.
    if question["engine"] == "regorus":
        import aegis_regorus  # noqa: PLC0415

        try:
            aegis_regorus.Interpreter(
                list(files.items()), data.encode(), entrypoints, question["steps_max"]
            )
        except aegis_regorus.CompileError as error:
            return explain(str(error))
        return None
    from aegisd.core.errors import PolicyInvalid  # noqa: PLC0415
    from aegisd.rego.machine import Machine  # noqa: PLC0415

    try:
        Machine(files, data.encode(), entrypoints)
    except PolicyInvalid as error:
        return error.message
    return None


if __name__ == "__main__":
    sys.exit(main())
