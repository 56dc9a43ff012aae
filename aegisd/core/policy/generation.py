"""Which base rules this build has: a number that grows with each change of them.

A log says under which one an operator's rules were put in force, so that of two builds that write
to one log, the older knows that it is.
"""

# Raised with every change of `policies/aegis`, to which `tests/core/policy/test_generation.py` has
# to agree, and where events begin to tell more. Logs written before it was recorded count as 0.
BASE_GENERATION = 4

# From here on a commitment tells whether it is a secret's, of which nothing is kept; see ADR 35.
TELLS_SECRETS = 2
