"""Whether a bundle may read what time it is.

Only `input` tells a rule the time, so each place that names it is looked at, comments included. One
that may reach `input.time` or the session's wall time, such as `input` as a whole, counts as
reading: that errs towards a denial while the clock is off. The base rules read time for the
manifest's budget alone, which the gate looks at itself.
"""

import re
from collections.abc import Mapping

from aegisd.core.policy.input import RuleInput, Snapshot
from aegisd.core.policy.release import OPERATOR_PREFIX

_TIMELESS = "|".join(
    [
        *(name for name in RuleInput.__struct_fields__ if name not in ("snapshot", "time")),
        *(rf"snapshot\.{name}" for name in Snapshot.__struct_fields__ if name != "wall_time_ms"),
    ]
)
_READS_TIME = re.compile(rf"\binput\b(?!\.(?:{_TIMELESS})\b)")


def reads_time(files: Mapping[str, str]) -> bool:
    """Whether a bundle's operator files may read the time, in whatever way."""
    texts = (text for path, text in files.items() if path.startswith(OPERATOR_PREFIX))
    return any(_READS_TIME.search(text) for text in texts)
