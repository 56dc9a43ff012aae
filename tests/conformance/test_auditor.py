"""An auditor holds a gate to the key and to every checkpoint that it gave out before."""

import msgspec

from aegisd.conformance.auditor import Auditor
from aegisd.conformance.embedded import Embedded


def test_an_earlier_checkpoint_of_another_past_is_found_though_the_gate_agrees(
    gate: Embedded,
) -> None:
    """The same key signed it, at another root, and the gate says that it was so."""
    event = msgspec.json.encode(
        {"tenant_id": "past", "session_id": "s1", "event_type": "TERMINATION", "payload": None}
    )
    assert gate.append(event, ndjson=False, key=None).refusal is None
    auditor = Auditor(gate, "past")
    assert list(auditor.keep(gate.checkpoint("past"))) == []
    other = msgspec.structs.replace(auditor.verified(auditor.first), root=bytes(32))
    reply = gate.consistency("past", other.size)
    assert isinstance(reply.value, dict)
    agreed = msgspec.structs.replace(reply, value={**reply.value, "from_root": other.root.hex()})
    assert [found.field for found in auditor.continued(agreed, other)] == ["the log's root"]
