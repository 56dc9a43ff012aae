"""The packs hold on this build: in-process and over HTTP, on every engine that is installed."""

from collections.abc import Iterator
from contextlib import closing
from functools import cache
from itertools import product
from pathlib import Path

import pytest
import yaml

from aegisd.audit.progress import silent
from aegisd.conformance import play
from aegisd.conformance.embedded import Embedded
from aegisd.conformance.loading import load
from aegisd.conformance.pack import Pack
from aegisd.conformance.replaying import Replays
from aegisd.conformance.result import CaseResult
from aegisd.conformance.served import OwnDaemon
from aegisd.core.policy.verdict import SENTENCES
from aegisd.rego.engines import installed
from tests.table import each

ROOT = Path(__file__).parent.parent.parent
PACKS = ROOT / "conformance" / "packs"
NAMES = sorted(path.stem for path in PACKS.glob("*.yaml"))
ENGINES = ("regopy", "regorus")
DOORS = ("in-process", "daemon")

# The suite that this one grew out of; its ids and requirement codes stay.
REFERENCE = {
    **{f"BS-00{n}": f"BS-00{n} SEC-00{n}" for n in range(1, 6)},
    **{f"PI-00{n}": f"PI-00{n} TI-00{n}" for n in range(1, 4)},
    **{f"PT-00{n}": f"PT-00{n} FS-00{n}" for n in range(1, 4)},
    **{f"TNE-00{n}": f"TNE-00{n} OBS-00{n}" for n in range(1, 3)},
    **{f"RD-00{n}": f"RD-00{n} REP-00{n}" for n in range(1, 4)},
    **{f"HC-00{n}": f"HC-00{n} HND-00{n}" for n in range(1, 4)},
}
# What this build cannot judge yet, by the part that it lacks. The list may only shrink.
WAITING = {"PI-001": "taint", "HC-003": "taint", "RD-003": "loops"}


class Targets:
    """A gate for each door and engine, made when it is first asked for; every case has a tenant."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[Embedded | OwnDaemon, Replays]] = {}

    def judge(self, door: str, engine: str, pack: Pack) -> list[CaseResult]:
        """The verdicts on a pack. A gate that can no longer be asked is not asked again."""
        key = door, engine
        if key not in self._found:
            target = OwnDaemon(engine) if door == "daemon" else Embedded(engine)
            self._found[key] = target, Replays(engine)
        target, replays = self._found[key]
        cases = list(play.run([pack], target, replays, silent).packs[0].cases)
        if any(case.verdict == "not_judged" and case.case.waits_for is None for case in cases):
            del self._found[key]
            target.close()
        return cases

    def close(self) -> None:
        for target, _ in self._found.values():
            target.close()


@pytest.fixture(scope="module")
def targets() -> Iterator[Targets]:
    with closing(Targets()) as found:
        yield found


@cache
def written() -> dict[str, dict[str, object]]:
    # Both readers read the same, see below; one of them reads in a tenth of the time.
    reader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return {
        path.stem: yaml.load(path.read_text("utf-8"), reader)  # noqa: S506 - safe
        for path in PACKS.glob("*.yaml")
    }


def cases() -> Iterator[tuple[str, dict[str, object]]]:
    for name, pack in written().items():
        listed = pack["cases"]
        assert isinstance(listed, list)
        for case in listed:
            yield name, case


def expectations(case: dict[str, object]) -> Iterator[dict[str, object]]:
    steps = case["steps"]
    assert isinstance(steps, list)
    for step in steps:
        expect = step.get("expect", {})
        yield expect
        yield from expect.get("items", [])


# Each door and each engine once; the other pairs are for those who have hours.
SAMPLED = {("in-process", "regopy"), ("daemon", installed()[0])}

# What starts a daemon again and again is told by one in this process, but for the packs about that.
ABOUT_DAEMONS = {"durability", "evidence"}


def sampled(name: str, door: str, engine: str) -> bool:
    """Whether a pack is played so where it has to be quick."""
    restarts = "restart:" in (PACKS / f"{name}.yaml").read_text("utf-8")
    kept = door != "daemon" or not restarts or name in ABOUT_DAEMONS
    return kept and (door, engine) in SAMPLED


PLAYED = [
    pytest.param(
        *played,
        id="-".join(played),
        marks=() if sampled(*played) else pytest.mark.exhaustive,
    )
    for played in product(NAMES, DOORS, ENGINES)
]


@pytest.mark.parametrize(("name", "door", "engine"), PLAYED)
def test_a_pack_holds(name: str, door: str, engine: str, targets: Targets) -> None:
    if engine not in installed():
        pytest.skip(f"the engine {engine} is not installed; see native/README.md")
    (pack,) = load([PACKS / f"{name}.yaml"])
    cases = targets.judge(door, engine, pack)
    wrong = {
        case.case.id: [case.why, *(step.mismatches for step in case.steps if step.mismatches)]
        for case in cases
        if case.verdict != "holds" and case.case.waits_for is None
    }
    assert not wrong
    assert [case.case.id for case in cases] == [case.id for case in pack.cases]


def test_the_packs_load_as_they_are_written() -> None:
    packs = load([PACKS])
    assert [pack.name for pack in packs] == NAMES
    assert len(packs) >= 25
    assert sum(len(pack.cases) for pack in packs) >= 150


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML has no libyaml here to compare with")
@each("name", NAMES)
def test_both_yaml_readers_read_the_same(name: str) -> None:
    text = (PACKS / f"{name}.yaml").read_text("utf-8")
    assert yaml.load(text, yaml.CSafeLoader) == yaml.load(text, yaml.SafeLoader)


def test_every_id_stands_once_and_every_requirement_is_one_sentence_of_its_own() -> None:
    ids = [case["id"] for _, case in cases()]
    requirements = [str(case["requirement"]) for _, case in cases()]
    assert len(set(ids)) == len(ids)
    assert len(set(requirements)) == len(requirements)
    for requirement in requirements:
        assert requirement.endswith("."), requirement
        assert ". " not in requirement.replace("net.domains. ", ""), requirement


def test_the_cases_of_the_reference_are_all_here_under_their_ids_and_codes() -> None:
    found = {case["id"]: case.get("from") for _, case in cases() if case["id"] in REFERENCE}
    assert found == REFERENCE
    assert len(REFERENCE) == 19


def test_what_waits_for_a_later_version_is_known_by_name() -> None:
    assert {case["id"]: case["waits_for"] for _, case in cases() if "waits_for" in case} == WAITING


@each("code", sorted(SENTENCES))
def test_every_code_that_denies_has_a_pack_that_shows_both_sides_of_its_edge(code: str) -> None:
    judged = [(name, case) for name, case in cases() if "waits_for" not in case]
    packs = {name for name, case in judged if code in reasons(case)}
    both = {name for name, case in judged if name in packs and any(map(allows, expectations(case)))}
    assert both, f"no pack expects {code} and an allow beside it"


def reasons(case: dict[str, object]) -> set[object]:
    return {expect.get("reason") for expect in expectations(case)}


def allows(expect: dict[str, object]) -> bool:
    return expect.get("outcome") == "allow"


def test_an_allow_is_expected_by_its_reason_somewhere() -> None:
    assert any("OK" in reasons(case) for _, case in cases())
