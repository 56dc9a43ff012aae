"""Which base rules this build has: a number that grows with each change of them.

A log says under which one an operator's rules were put in force, so that of two builds that write
to one log, the older knows that it is.
"""

# Raised with every change of `policies/aegis`; `tests/core/policy/test_generation.py` holds the two
# together. Logs written before it was recorded count as 0.
BASE_GENERATION = 1
