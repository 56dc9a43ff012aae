"""Answers that are known already: of rules that are asked about recorded calls by the thousand.

An answer is a function of what its rules read, and agents repeat themselves: most recorded calls
differ from others in ids, times and counters alone.
"""

import hashlib
from collections import OrderedDict

import msgspec
from msgspec import Struct

from aegisd.core.capabilities import Capabilities
from aegisd.rego.check import Facts, project
from aegisd.rego.shelter import Sheltered

# Answers kept, and the bytes of the longest: 16 MB in all.
ANSWERS_MAX, ANSWER_BYTES_MAX = 4_096, 4_096

# The newest last, by a digest of the program and of what was read.
Answers = OrderedDict[bytes, bytes]


class _Counters(Struct, frozen=True):
    steps_consumed: int
    tool_calls_consumed: int
    model_calls_consumed: int
    wall_time_ms: int


class _Counted(Struct, frozen=True):
    snapshot: _Counters


_decode = msgspec.json.Decoder(_Counted).decode


class Recalling:
    """`ports.Program` in a child that is asked each thing once. Failures are asked again.

    Its bundle has the base rules of this build. They read a counter to see whether its budget is
    used up, and name it where it is: below the budget, all its values are one.
    """

    prompt = False

    def __init__(
        self, program: Sheltered, facts: Facts, capabilities: Capabilities, answers: Answers
    ) -> None:
        self._program, self._reads, self._answers = program, facts.reads, answers
        budgets, told = capabilities.manifest.budgets, facts.told.get("snapshot", frozenset())
        limits = {
            "steps_consumed": budgets.steps,
            "tool_calls_consumed": budgets.tool_calls,
            "model_calls_consumed": budgets.model_calls,
            "wall_time_ms": budgets.wall_time_ms,
        }
        self._limits = [(name, limit) for name, limit in limits.items() if name not in told]

    def evaluate(self, policy_input: bytes) -> bytes:
        """Judge a canonical policy input. Raises as `Sheltered.evaluate`.

        Who rests is told nothing, as if nothing were known.
        """
        self._program.refuse()
        key = self._key(policy_input)
        answer = self._answers.get(key)
        if answer is None:
            # Of a field that nobody reads, nothing may end in an error either.
            answer = self._program.evaluate(project(policy_input, self._reads))
            if len(answer) <= ANSWER_BYTES_MAX:
                if len(self._answers) >= ANSWERS_MAX:
                    self._answers.popitem(last=False)
                self._answers[key] = answer
        return answer

    def _key(self, policy_input: bytes) -> bytes:
        counters = _decode(policy_input).snapshot
        left = {
            name for name, limit in self._limits if limit is None or getattr(counters, name) < limit
        }
        reads = {**self._reads, "snapshot": self._reads.get("snapshot", frozenset()) - left}
        return hashlib.sha256(self._program.name + project(policy_input, reads)).digest()
