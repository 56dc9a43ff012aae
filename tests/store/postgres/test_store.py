"""The contract suite, on a real PostgreSQL."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from aegisd.core.errors import InvalidField, StoreFailed
from aegisd.store.postgres.store import PostgresStore
from tests import postgres
from tests.effort import times
from tests.store.contract import (
    TENANTS,
    EvidenceContract,
    StoreContract,
    StoreMachine,
    batch,
    event,
)


class TestPostgresStore(StoreContract, EvidenceContract):
    # PostgreSQL's text holds no NUL. Real ids are ASCII without control characters; what a caller
    # names otherwise, a payload's pointers, lies in bytes.
    ids = tuple(name for name in TENANTS if "\0" not in name)

    @pytest.fixture
    def store(self) -> Iterator[PostgresStore]:
        with postgres.database() as dsn:
            store = PostgresStore(dsn)
            yield store
            store.close()

    def test_an_id_with_a_nul_is_refused_and_nothing_is_written(self, store: PostgresStore) -> None:
        for row in (event(0, tenant_id="a\0b"), event(0, "a\0b")):
            with pytest.raises(StoreFailed, match="NUL"):
                store.append(batch([row]))
        with pytest.raises(InvalidField, match="NUL"):
            store.next_position("a\0b")
        self.assert_holds(store, [])


class PostgresMachine(StoreMachine):
    def open_store(self) -> PostgresStore:
        self._database = postgres.database()
        return PostgresStore(self._database.__enter__())

    def teardown(self) -> None:
        super().teardown()
        self._database.__exit__(None, None, None)


TestPostgresMachine = PostgresMachine.TestCase
# Each step reads everything, in round trips to a server: fewer and shorter examples.
TestPostgresMachine.settings = settings(max_examples=times(4, 100), stateful_step_count=15)
