"""The base rules change with their number, and never without it."""

import hashlib

from aegisd import resources
from aegisd.core.policy.generation import BASE_GENERATION
from aegisd.rego import bundle

# The digest of the bundle without an operator's rules, by generation. A change of the base rules
# raises BASE_GENERATION and adds a line; lines stay.
DIGESTS = {
    1: "441f4d3a35555acb4f63f97a6fcdb82c82b5c24a178e82efc2581744fdedfe20",
    2: "441f4d3a35555acb4f63f97a6fcdb82c82b5c24a178e82efc2581744fdedfe20",
    3: "65c4250fb88578a773ee6f3340f5f0685812993031d461b5210c477e372a51bc",
    4: "d4e3787e76cc9d584bf19da0f2dfda59c513e8ac90d95f56b10bc8753c4c9304",
}


def test_base_rules_that_change_raise_their_generation() -> None:
    body = bundle.pack({}, bundle.load_directory(resources.policies() / "aegis"))
    assert DIGESTS[BASE_GENERATION] == hashlib.sha256(body).hexdigest()
    assert max(DIGESTS) == BASE_GENERATION
