"""The newest act is in force, and says who did it."""

import pytest

from aegisd.core.activation import Activation, Activations, digest_of
from tests.core.facts import seen


def test_the_newest_of_each_kind_is_in_force() -> None:
    held = Activations()
    assert (digest_of(held.manifest), digest_of(held.bundle)) == ("", "")
    for event_type, digest, author in (
        ("POLICY_ACTIVATED", "b1", "config"),
        ("MANIFEST_REGISTERED", "m1", "ann"),
        ("POLICY_ACTIVATED", "b2", "bob"),
        ("LOG_IMPORTED", "x", "eve"),
    ):
        held = held.fold(seen(event_type, {"digest": digest, "author": author}), None)
    assert held == Activations(
        manifest=Activation(digest="m1", author="ann"),
        bundle=Activation(digest="b2", author="bob"),
    )
    assert (digest_of(held.manifest), digest_of(held.bundle)) == ("m1", "b2")


@pytest.mark.parametrize(
    ("recorded", "generation"), [({}, 0), ({"generation": "2"}, 0), ({"generation": 2}, 2)]
)
def test_base_rules_of_logs_that_name_no_generation_are_of_generation_0(
    recorded: dict[str, object], generation: int
) -> None:
    act = seen("POLICY_ACTIVATED", {"digest": "b", "author": "ann", **recorded})
    bundle = Activations().fold(act, None).bundle
    assert bundle == Activation(digest="b", author="ann", generation=generation)
