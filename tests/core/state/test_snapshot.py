"""States as bytes: canonical, the same for equal states, and read strictly."""

import hashlib
import json
from typing import TypeVar

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.activation import Activation, Activations
from aegisd.core.budget import Counters
from aegisd.core.call import Call, Calls
from aegisd.core.ledger import Ledger
from aegisd.core.lifetime import Lifetime
from aegisd.core.log.canonical import encode
from aegisd.core.shapes.fact import Cause
from aegisd.core.state.model import SessionState, TenantState
from aegisd.core.state.snapshot import digest, document, freeze, thaw
from aegisd.core.tally import Answers, Tally
from tests.core.builders import identifier

counts = st.integers(0, 2**53 - 1)
hashes = st.binary(min_size=32, max_size=32) | st.just(b"")
activations = st.none() | st.builds(Activation, digest=identifier, author=identifier)
causes = st.none() | st.builds(
    Cause, event_type=identifier, call_id=identifier, judged=st.booleans()
)
V = TypeVar("V")


def ledgers(values: st.SearchStrategy[V]) -> st.SearchStrategy[Ledger[V]]:
    def fill(entries: list[tuple[str, V]]) -> Ledger[V]:
        ledger = Ledger[V]()
        for key, value in entries:
            ledger = ledger.put(key, value)
        return ledger

    return st.lists(st.tuples(identifier, values), max_size=6).map(fill)


sessions = st.builds(
    SessionState,
    tenant_id=identifier,
    session_id=identifier,
    next_seq=counts,
    head_hash=hashes,
    cause=causes,
    budget=st.builds(
        Counters,
        steps=counts,
        tool_calls=counts,
        model_calls=counts,
        started_ms=st.none() | counts,
    ),
    calls=st.builds(
        Calls,
        known=ledgers(st.builds(Call, identifier, identifier, st.none() | identifier)),
        violations=counts,
    ),
    lifetime=st.builds(Lifetime, terminated=st.booleans(), after_end=counts),
)
tenants = st.builds(
    TenantState,
    tenant_id=identifier,
    next_position=counts,
    head_hash=hashes,
    last_now_ms=counts,
    cause=causes,
    activations=st.builds(Activations, manifest=activations, bundle=activations),
    tally=st.builds(
        Tally,
        sessions=counts,
        allowed=counts,
        denied=counts,
        agents=ledgers(st.builds(Answers, counts, counts)),
    ),
)


@given(sessions)
def test_a_session_thaws_to_what_was_frozen(state: SessionState) -> None:
    assert thaw(freeze(state), SessionState) == state
    assert freeze(thaw(freeze(state), SessionState)) == freeze(state)


@given(tenants)
def test_a_tenant_thaws_to_what_was_frozen(state: TenantState) -> None:
    assert thaw(freeze(state), TenantState) == state
    assert freeze(thaw(freeze(state), TenantState)) == freeze(state)


@given(sessions | tenants)
def test_frozen_bytes_are_rfc_8785_and_the_digest_is_over_them(
    state: SessionState | TenantState,
) -> None:
    assert freeze(state) == rfc8785.dumps(json.loads(freeze(state)))
    assert json.loads(freeze(state)) == document(state)
    assert digest(state) == hashlib.sha256(freeze(state)).digest()


@given(sessions | tenants)
def test_no_field_of_a_state_is_left_out_of_its_digest(state: SessionState | TenantState) -> None:
    assert set(document(state)) == set(state.__struct_fields__)


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b'{"next_seq":"1"}', b"\xff"])
def test_what_freeze_did_not_write_is_refused(body: bytes) -> None:
    for read in (lambda: thaw(body, SessionState), lambda: thaw(body, TenantState)):
        with pytest.raises((msgspec.MsgspecError, ValueError)):
            read()


class Strange(SessionState, frozen=True, kw_only=True):
    """A state whose author gave it a field that has no JSON form."""

    odd: complex = 1j


def test_a_field_that_a_snapshot_could_not_hold_is_refused_by_its_type_both_ways() -> None:
    state = Strange(tenant_id="acme", session_id="s1")
    with pytest.raises(NotImplementedError, match="complex"):
        freeze(state)
    plain = SessionState(tenant_id="acme", session_id="s1")
    body = encode({**document(plain), "odd": "1j"})
    with pytest.raises(NotImplementedError, match="complex"):
        thaw(body, Strange)
