"""A receipt is made of stored bytes."""

from aegisd.core.act import Act
from aegisd.door.answer import receipt
from aegisd.engine.recorded import Recorded
from aegisd.http.answers import line
from tests.http.door import Door, call


def test_a_receipt_is_made_of_stored_bytes_alone(door: Door) -> None:
    answer = door.post("/v1/events", call("ask_boss"))
    rows = list(door.store.session_events("acme", "s1"))
    assert (
        line(receipt(Recorded(act=Act(cause=rows[0], consequences=(rows[1],))))) == answer.content
    )
