"""The contract suite, in memory."""

import pytest

from aegisd.store.memory import MemoryStore
from tests.store.contract import EvidenceContract, StoreContract, StoreMachine


class TestMemoryStore(StoreContract, EvidenceContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


class MemoryMachine(StoreMachine):
    def open_store(self) -> MemoryStore:
        return MemoryStore()


TestMemoryMachine = MemoryMachine.TestCase
