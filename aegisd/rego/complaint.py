"""What regorus says against a policy, as the line that people are shown."""

import re

# `--> rules/a.rego:7:12`, some lines of source, and `error: ` with the sentence.
_PLACE = re.compile(r"--> ([^\n]+):(\d+):\d+\n")
_SENTENCE = re.compile(r"error: ([^\n]+)")


def explain(message: str) -> str:
    """The engine's message as one line, `file:line: sentence`."""
    place, sentence = _PLACE.search(message), _SENTENCE.search(message)
    said = sentence.group(1) if sentence else "no reason is given"
    if place is None:
        return f"the engine cannot compile the policy: {said}"
    return f"{place.group(1)}:{place.group(2)}: {said}"
