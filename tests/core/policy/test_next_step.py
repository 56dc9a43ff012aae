"""What somebody who was told no does next."""

import re
from pathlib import Path

from aegisd.core.policy.next_step import STEPS, with_step
from aegisd.rego.installation import base_folder

RULE = re.compile(r'"(aegis\.[a-z_]+\.[a-z_]+)"')


def test_every_base_rule_has_a_next_step_short_enough_to_stand_beside_its_reason() -> None:
    sources = [path.read_text() for path in Path(base_folder()).glob("*.rego")]
    rules = {rule for text in sources for rule in RULE.findall(text)}
    # A problem of a target has its own words, and a rule that cannot be read those of its author.
    said_elsewhere = {name for name in rules if name.endswith((".problem", ".malformed"))}
    assert rules - said_elsewhere - {"aegis.rules"} - STEPS.keys() == set()
    assert max(map(len, STEPS.values())) <= 128


def test_a_long_sentence_gives_way_to_the_step() -> None:
    told = with_step("x" * 600, "aegis.egress.host", 512)
    assert len(told) == 512
    assert told.endswith(STEPS["aegis.egress.host"])
    assert with_step("said", "aegis.rules", 512) == "said"
