"""An event of each type is described, and what the door refuses its schema refuses."""

import json

import jsonschema_rs
import pytest

from aegisd.core.events import AGENT_EVENTS
from tests.http.described import Described, check
from tests.http.door import event, message


def test_each_event_type_is_described(described: Described) -> None:
    text = json.dumps(described["components"]["schemas"]["Event"])
    assert all(f'{{"const": "{event_type}"}}' in text for event_type in AGENT_EVENTS)


def test_the_schema_refuses_what_the_door_refuses(described: Described) -> None:
    for wrong in (message(seqq=1), message("a b"), event("USER_MESSAGE", {}), event("NOTHING", {})):
        with pytest.raises(jsonschema_rs.ValidationError):
            check(described, "EventRequest", wrong)
