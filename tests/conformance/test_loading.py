"""A pack loads whole, or every fault is named with file, line, case and step."""

from pathlib import Path

import pytest

from aegisd.conformance import loading
from aegisd.conformance.loading import PACK_BYTES_MAX, PACKS_MAX, chosen, load
from aegisd.conformance.pack import CASES_MAX, STEPS_MAX
from aegisd.conformance.source import PackInvalid
from aegisd.conformance.step import BATCH_EVENTS_MAX, REPEAT_MAX, SHAPES
from aegisd.core.errors import ConfigInvalid
from tests.conformance.packs import FIRST, HEAD, NOTE, faults, one, steps, write


def test_a_pack_keeps_the_line_of_every_case_and_step(tmp_path: Path) -> None:
    pack = one(
        tmp_path, "manifest: desk", f"post: {NOTE}", " expect: {outcome: allow}", "verify: {}"
    )
    (case,) = pack.cases
    assert (pack.name, case.id, case.line) == ("small", "SM-001", FIRST - 3)
    assert [(each.number, each.verb, each.line) for each in case.steps] == [
        (1, "manifest", FIRST),
        (2, "post", FIRST + 1),
        (3, "verify", FIRST + 3),
    ]


STEP_FAULTS = {
    "pots: {}": "did you mean post?",
    "expect: {}": "expected one verb",
    f"{{post: {NOTE}, check: {NOTE}}}": "found post and check",
    "{manifest: desk, ndjson: true}": "'ndjson'",
    f"{{post: {NOTE}, expect: {{outcom: allow}}}}": "'outcom'",
    f"{{post: {NOTE}, expect: {{outcome: permit}}}}": "expect.outcome: Invalid enum value",
    f"{{post: {NOTE}, expect: {{seq: one}}}}": "expect.seq",
    f"{{post: {NOTE}, expect: {{status: 42}}}}": "expect.status",
    f"{{post: {NOTE}, expect: {{same_as: first}}}}": "no step before saved 'first'",
    f"{{post: {NOTE}, expect: {{code: x, reason: OK}}}}": "cannot have reason",
    f"{{post: [{NOTE}], expect: {{reason: OK}}}}": "write reason in items",
    f"{{post: [{NOTE}], expect: {{reason: OK, items: [{{}}]}}}}": "write reason in items",
    f"{{post: {NOTE}, repeat: 0}}": "repeat",
    f"{{post: {NOTE}, repeat: {REPEAT_MAX + 1}}}": "repeat",
    f"{{post: {NOTE}, save: {{tenant: hash}}}}": "a meaning of its own",
    f"{{post: {NOTE}, save: {{A: hash}}}}": "save",
    "post: 1": "post",
    "manifest: disk": "no manifest 'disk'; it has desk",
    "policy: loud": "no policy 'loud'; it has quiet",
    "{restart: {kill: 1}}": "restart.kill",
    "{restart: {}, expect: {holds: true}}": "'expect'",
    "tamper: {}": "exactly one of",
    "tamper: {delete: {seq: 1}, swap: {seq: 1}}": "exactly one of",
    "tamper: {edit: {seq: 1, from: ''}}": "tamper.edit",
    "{verify: {}, expect: {rule: hash}}": "`holds`",
    "{replay: {}, expect: {holds: true, class: odd}}": "expect.class",
    "{replay: {}, expect: {holds: true, differences: many}}": "expect.differences",
    "{checkpoint: {}, expect: {same_as: first}}": "no step before saved 'first'",
    "{checkpoint: {}, save: {n: size}}": "a meaning of its own",
    "{checkpoint: {}, expect: {size: 1}}": "'size'",
    "continues: {}": "no step before is a checkpoint",
    "verify: {against: kept}": "no step before is a checkpoint",
    "verify: {against: hope}": "verify.against",
    "tamper: {note: {from: a, to: b}}": "no step before is a checkpoint",
    "tamper: {unsigned: {}}": "no step before is a checkpoint",
    "tamper: {resign: {}}": "no step before is a checkpoint",
    "{rollback: {}, expect: {starts: true}}": "no step before is a backup",
    "rollback: {}": "`expect`",
    "prove: {seq: -1}": "prove.seq",
    "prove: {size: large}": "prove.size",
}


@pytest.mark.parametrize(("line", "said"), STEP_FAULTS.items())
def test_a_wrong_step_is_named_with_file_line_case_and_step(
    line: str, said: str, tmp_path: Path
) -> None:
    path = write(tmp_path, steps("manifest: desk", line))
    (fault, *_more) = faults(path)
    assert (fault.file, fault.line, fault.case, fault.step) == (str(path), FIRST + 1, "SM-001", 2)
    assert said in fault.sentence
    assert str(fault).startswith(f"{path}:{FIRST + 1}: SM-001: step 2: ")


def test_a_fault_inside_a_step_has_the_line_of_the_key_that_is_wrong(tmp_path: Path) -> None:
    path = write(tmp_path, steps(f"post: {NOTE}", " expect:", "   outcome: allow", "   raeson: OK"))
    (fault,) = faults(path)
    assert fault.line == FIRST + 3


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("pack: small", "pack: Small", 1, "pack"),
        ("pack: small", "pack: large", 1, "expected pack: small"),
        ("title: A small pack", "titel: A small pack", 2, "'titel'"),
        ("title: A small pack\n", "", 1, "`title`"),
        ("  desk:", "  '-desk':", 4, "manifests"),
        ("SM-001", "SMALL-1", FIRST - 3, "id"),
        ("It holds.", '""', FIRST - 2, "requirement"),
        ("    steps:", "    stpes:", FIRST - 1, "'stpes'"),
    ],
)
def test_a_wrong_head_is_named_with_its_line(
    old: str, new: str, line: int, said: str, tmp_path: Path
) -> None:
    path = write(tmp_path, steps(f"post: {NOTE}").replace(old, new, 1))
    fault = faults(path)[0]
    assert fault.line == line
    assert said in fault.sentence


def test_every_fault_of_every_pack_is_told_and_no_good_pack_hides_one(tmp_path: Path) -> None:
    write(tmp_path, steps(f"post: {NOTE}").replace("small", "good", 1), "good.yaml")
    bad = write(tmp_path, steps("manifest: disk", "pots: 1"))
    write(tmp_path, "a: no", "worse.yaml")
    found = faults(tmp_path)
    assert [(Path(fault.file).name, fault.line) for fault in found] == [
        (bad.name, FIRST),
        (bad.name, FIRST + 1),
        ("worse.yaml", 1),
    ]


def test_an_id_and_a_name_are_of_one_pack_only(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    text = steps(f"post: {NOTE}")
    paths = [write(tmp_path, text), write(tmp_path / "other", text)]
    found = faults(*paths)
    assert [fault.line for fault in found] == [1, FIRST - 3]
    assert f"{paths[0]}:{FIRST - 3}" in found[1].sentence


def test_an_id_twice_in_one_pack_is_named(tmp_path: Path) -> None:
    case = HEAD[HEAD.index("  - id:") :] + f"      - post: {NOTE}\n"
    path = write(tmp_path, steps(f"post: {NOTE}") + case)
    (fault,) = faults(path)
    assert fault.line == FIRST + 1


def test_bounds_hold_at_the_bound_and_not_past_it(tmp_path: Path) -> None:
    case = "  - {{id: SM-{0:03}, requirement: r, steps: [{{post: {{event_type: X}}}}]}}\n"
    head = HEAD[: HEAD.index("  - id:")]

    def loads(text: str) -> bool:
        try:
            load([write(tmp_path, text)])
        except PackInvalid:
            return False
        return True

    most = head + "".join(case.format(number) for number in range(CASES_MAX))
    assert loads(most)
    assert not loads(most + case.format(0).replace("SM", "SN"))
    assert loads(steps(*["verify: {}"] * STEPS_MAX))
    assert not loads(steps(*["verify: {}"] * (STEPS_MAX + 1)))
    assert loads(steps(f"{{post: {NOTE}, repeat: {REPEAT_MAX}}}"))
    assert loads(steps(f"post: [{', '.join([NOTE] * BATCH_EVENTS_MAX)}]"))
    assert not loads(steps(f"post: [{', '.join([NOTE] * (BATCH_EVENTS_MAX + 1))}]"))
    text = steps("verify: {}")
    assert loads(text + "#" * (PACK_BYTES_MAX - len(text)))
    assert not loads(text + "#" * (PACK_BYTES_MAX - len(text) + 1))


def test_no_pack_and_too_many_are_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigInvalid, match="found none"):
        load([tmp_path])
    assert PACKS_MAX == 1_000
    monkeypatch.setattr(loading, "PACKS_MAX", 1)
    write(tmp_path, steps("verify: {}"))
    assert len(load([tmp_path])) == 1
    write(tmp_path, steps("verify: {}"), "other.yaml")
    with pytest.raises(ConfigInvalid, match="PACKS_MAX"):
        load([tmp_path])


def test_what_is_no_text_or_no_file_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_bytes(b"a: 1\nb: \xff\n")
    assert [(fault.line, fault.sentence) for fault in faults(path)] == [
        (2, "expected text in UTF-8")
    ]
    assert "cannot be read" in faults(tmp_path / "none.yaml")[0].sentence


def test_every_verb_has_a_shape_that_takes_it() -> None:
    for verb, shape in SHAPES.items():
        assert verb in shape.__struct_fields__


def test_cases_are_chosen_by_id(tmp_path: Path) -> None:
    text = steps(f"post: {NOTE}")
    more = text[text.index("  - id:") :].replace("SM-001", "SM-002")
    packs = load([write(tmp_path, text + more)])
    assert chosen(packs, ()) == packs
    assert [case.id for pack in chosen(packs, ["SM-002"]) for case in pack.cases] == ["SM-002"]
    with pytest.raises(ConfigInvalid, match="SM-009"):
        chosen(packs, ["SM-001", "SM-009"])
