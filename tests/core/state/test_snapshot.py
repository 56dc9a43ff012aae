"""States as bytes: canonical, the same for equal states, and read strictly."""

import hashlib
import json

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.budget import Counters
from aegisd.core.state.ledger import Ledger
from aegisd.core.state.model import Activation, Pending, SessionState, TenantState
from aegisd.core.state.snapshot import digest, document, freeze, thaw_session, thaw_tenant
from tests.core.builders import identifier

counts = st.integers(0, 2**53 - 1)
hashes = st.binary(min_size=32, max_size=32) | st.just(b"")
statuses = st.tuples(st.sampled_from(["TOOL_CALL_PROPOSED"]), st.sampled_from(["allow", "deny"]))
activations = st.none() | st.builds(Activation, digest=identifier, author=identifier)


def ledgers(values: st.SearchStrategy[tuple[object, object]]) -> st.SearchStrategy[Ledger]:
    def fill(entries: list[tuple[str, tuple[str | int, ...]]]) -> Ledger:
        ledger = Ledger()
        for key, value in entries:
            ledger = ledger.put(key, value)
        return ledger

    return st.lists(st.tuples(identifier, values), max_size=6).map(fill)  # type: ignore[arg-type]  # pairs of str or int


sessions = st.builds(
    SessionState,
    tenant_id=identifier,
    session_id=identifier,
    next_seq=counts,
    head_hash=hashes,
    counters=st.builds(
        Counters,
        steps=counts,
        tool_calls=counts,
        model_calls=counts,
        started_ms=st.none() | counts,
    ),
    terminated=st.booleans(),
    after_end=counts,
    violations=counts,
    calls=ledgers(statuses),
    pending=st.none() | st.builds(Pending, event_type=identifier, call_id=identifier),
)
tenants = st.builds(
    TenantState,
    tenant_id=identifier,
    next_position=counts,
    head_hash=hashes,
    last_now_ms=counts,
    manifest=activations,
    bundle=activations,
    sessions=counts,
    allowed=counts,
    denied=counts,
    agents=ledgers(st.tuples(counts, counts)),
    pending=st.none() | identifier,
)


@given(sessions)
def test_a_session_thaws_to_what_was_frozen(state: SessionState) -> None:
    assert thaw_session(freeze(state)) == state
    assert freeze(thaw_session(freeze(state))) == freeze(state)


@given(tenants)
def test_a_tenant_thaws_to_what_was_frozen(state: TenantState) -> None:
    assert thaw_tenant(freeze(state)) == state
    assert freeze(thaw_tenant(freeze(state))) == freeze(state)


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
    for thaw in (thaw_session, thaw_tenant):
        with pytest.raises(msgspec.MsgspecError):
            thaw(body)
