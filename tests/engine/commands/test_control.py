"""An operator's act brings its document, and is in force from the next event on."""

from aegisd.engine.commands.control import manifest_control
from tests.core.builders import START_MS
from tests.core.gate import Gate, manifest, tool
from tests.engine.staging import payload, stage
from tests.engine.world import OPEN, outcome


def test_an_operators_act_brings_its_document_and_is_in_force_from_the_next_event() -> None:
    gate = Gate(held=OPEN)
    staged = stage(gate)
    assert outcome(staged.propose(tool("pay"))) == "APPROVAL_REQUIRED"
    newer = manifest(tools={}, name="empty")
    act = manifest_control(newer, "ann", "nothing any more")
    assert act.document is not None
    gate.judge.keep(act.document)
    answer = act.stage(staged)
    assert (answer.event.session_id, answer.event.user_id) == ("$control", "")
    assert payload(answer.event) == {
        "author": "ann",
        "digest": newer.digest,
        "name": "empty",
        "now_ms": START_MS + 5,
        "reason": "nothing any more",
        "version": "1",
    }
    assert staged.documents == [act.document]
    assert outcome(staged.propose(tool("pay"))) == "PERMISSION_UNDECLARED"
    assert staged.events[-2].seq == 2
