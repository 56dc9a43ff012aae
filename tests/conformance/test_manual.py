"""What docs/CONFORMANCE.md says of packs, held to the code that reads them."""

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import fields

from aegisd.conformance import step
from aegisd.conformance.embedded import Embedded
from aegisd.conformance.loading import load
from aegisd.conformance.pack import CaseText, PackText
from aegisd.conformance.replaying import Replays
from tests.conformance.packs import findings, held
from tests.conformance.results import FAILED, ended

PAGE = (Path(__file__).resolve().parents[2] / "docs/CONFORMANCE.md").read_text("utf-8")
SPAN = re.compile(r"`([^`\n]+)`")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROSE = FENCED.sub("", PAGE)


def rows(title: str) -> Iterator[list[str]]:
    """The cells of the tables below a heading."""
    section = PROSE.partition(f"# {title}\n")[2].partition("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    for line in lines:
        yield [cell.strip() for cell in line.strip("|").split(" | ")]


def names(shape: type) -> set[str]:
    return {field.encode_name for field in fields(shape)}


def test_the_example_is_a_pack_that_loads_and_holds(
    tmp_path: Path, gate: Embedded, replays: Replays
) -> None:
    (shown,) = [text for tag, text in FENCED.findall(PAGE) if tag == "yaml"]
    path = tmp_path / "egress.yaml"
    path.write_text(shown)
    (pack,) = load([path])
    assert findings(held(pack, gate, replays)) == []


def test_every_verb_and_kind_of_tampering_is_told() -> None:
    verbs = [SPAN.findall(row[0])[0].partition(":")[0] for row in rows("Steps")]
    assert verbs == list(step.SHAPES)
    kinds = [SPAN.findall(row[0])[0].partition(":")[0] for row in rows("Tampering")]
    assert kinds == list(step.Tampering.__struct_fields__)


def test_every_expectation_is_told_where_it_belongs() -> None:
    told = {row[0].strip("`"): set(SPAN.findall(row[1])) for row in rows("Expectations")}
    accepted, batch = told["a request that is accepted"], told["a batch that is accepted"]
    refused = told["a request that is refused"]
    assert accepted - {"null"} == names(step.Answered) - {"items", "code", "index"}
    assert accepted | batch | refused >= names(step.Answered)
    assert told["events"] == names(step.Listed)
    assert told["verify"] - {"seq", "CHAIN", "SIGNED", "against"} == names(step.Verified)
    assert told["replay"] - {"some"} == names(step.Replayed)
    assert told["checkpoint"] == names(step.Signed)
    assert told["prove"] - {"of"} == names(step.Proved)
    assert told["continues"] == names(step.Told)
    assert told["rollback"] == names(step.Started)


def test_every_member_of_a_pack_and_of_the_json_is_told() -> None:
    told = set(SPAN.findall(PROSE))
    assert names(PackText) | names(CaseText) <= told
    document = ended(FAILED).document()
    assert set(document) <= told
    assert isinstance(document["packs"], list)
    (pack,) = document["packs"]
    assert set(pack) <= told
    assert set(pack["cases"][0]) <= told
    assert set(pack["cases"][0]["steps"][0]) <= told
