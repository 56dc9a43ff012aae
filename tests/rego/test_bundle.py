"""A bundle is one canonical document, or it is refused with the reason."""

from pathlib import Path

import pytest

from aegisd.core.errors import PolicyInvalid
from aegisd.core.log.canonical import encode
from aegisd.rego import bundle
from aegisd.rego.bundle import (
    BUNDLE_BYTES_MAX,
    ENTRIES_MAX,
    ENTRY_FILE,
    FILES_MAX,
    build,
    decode,
    digest,
    load_directory,
    require_rule,
)
from tests.rego.worlds import base_files

RULE = 'package aegis.rules\n\nimport rego.v1\n\ndeny contains "no" if true\n'


def encoded(files: object) -> bytes:
    return encode({"files": files})


def test_a_bundle_is_the_canonical_form_of_both_folders() -> None:
    body = build({"a.rego": RULE}, base_files())
    files = decode(body)
    assert body == encoded(files)
    assert files["rules/a.rego"] == RULE
    assert files["aegis/decision.rego"] == base_files()["decision.rego"]
    assert len(digest(body)) == 64


def test_the_order_of_files_changes_nothing() -> None:
    backwards = dict(reversed(base_files().items()))
    assert build({}, backwards) == build({}, base_files())


def test_tests_never_enter_a_bundle() -> None:
    body = build({"a.rego": RULE, "a_test.rego": "not even Rego"}, base_files())
    assert not [path for path in decode(body) if path.endswith("_test.rego")]


def test_a_file_that_may_not_load_makes_no_bundle() -> None:
    with pytest.raises(PolicyInvalid, match=r"^rules/a\.rego:1: "):
        build({"a.rego": "package aegis.decision\n"}, base_files())


BASE = {ENTRY_FILE: "package aegis.decision\n"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "expected a bundle"),
        (b"[]", "expected a bundle"),
        (b'{"files":{}}', "base rules"),
        (b'{"files":{"a":1}}', "expected a bundle"),
        (b'{"files":{},"more":1}', "expected a bundle"),
        (encoded({"rules/a.rego": RULE}), "base rules"),
        (encoded(BASE) + b"\n", "canonical"),
        (encoded(BASE).replace(b":{", b": {"), "canonical"),
        (encoded(BASE).replace(b"package", b"p\\u0061ckage"), "canonical"),
        (encoded(BASE)[:-2] + b',"aegis/decision.rego":""}}', "canonical"),
        (encoded({**BASE, "other/a.rego": ""}), "bundle paths"),
        (encoded({**BASE, "rules/\u00e9.rego": ""}), "bundle paths"),
        (encoded({**BASE, "rules/a|b.rego": ""}), "bundle paths"),
        (encoded({**BASE, "rules/a.json": ""}), "not a test"),
        (encoded({**BASE, "rules/a_test.rego": ""}), "not a test"),
    ],
)
def test_other_bytes_are_no_bundle(body: bytes, says: str) -> None:
    with pytest.raises(PolicyInvalid, match=says):
        decode(body)


def test_the_bytes_of_a_bundle_are_bounded() -> None:
    room = BUNDLE_BYTES_MAX - len(encoded({**BASE, "rules/a.rego": ""}))
    assert decode(encoded({**BASE, "rules/a.rego": " " * room}))
    with pytest.raises(PolicyInvalid, match="BUNDLE_BYTES_MAX"):
        decode(encoded({**BASE, "rules/a.rego": " " * (room + 1)}))


def test_the_files_of_a_bundle_are_bounded() -> None:
    more = {f"rules/{n}.rego": "" for n in range(FILES_MAX - 1)}
    assert len(decode(encoded({**BASE, **more}))) == FILES_MAX
    with pytest.raises(PolicyInvalid, match="FILES_MAX"):
        decode(encoded({**BASE, **more, "rules/one.rego": ""}))


def test_a_folder_is_read_by_relative_path_and_sorted(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/x.rego", "a.rego", "a_test.rego", "notes.txt"):
        (tmp_path / name).write_text(name)
    assert list(load_directory(tmp_path).items()) == [
        ("a.rego", "a.rego"),
        ("b/x.rego", "b/x.rego"),
    ]
    assert load_directory(tmp_path, tests=True) == {"a_test.rego": "a_test.rego"}


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="expected a folder"):
        load_directory(tmp_path / "nowhere")


@pytest.mark.parametrize("target", ["elsewhere.rego", "folder"])
def test_symbolic_links_are_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "elsewhere.rego").write_text(RULE)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "a.rego").symlink_to(tmp_path / target)
    with pytest.raises(PolicyInvalid, match="symbolic link"):
        load_directory(tmp_path / "policies")


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_bytes(b"\xff")
    with pytest.raises(PolicyInvalid, match="UTF-8"):
        load_directory(tmp_path)


def test_a_folder_is_bounded_in_files_and_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "FILES_MAX", 2)
    monkeypatch.setattr(bundle, "BUNDLE_BYTES_MAX", 4)
    (tmp_path / "a.rego").write_text("12")
    (tmp_path / "b.rego").write_text("34")
    assert len(load_directory(tmp_path)) == 2
    (tmp_path / "b.rego").write_text("345")
    with pytest.raises(PolicyInvalid, match="BUNDLE_BYTES_MAX"):
        load_directory(tmp_path)
    (tmp_path / "b.rego").write_text("3")
    (tmp_path / "c.rego").write_text("")
    with pytest.raises(PolicyInvalid, match="FILES_MAX"):
        load_directory(tmp_path)


def test_a_folder_of_everything_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "ENTRIES_MAX", 2)
    for name in ("a", "b"):
        (tmp_path / name).touch()
    assert load_directory(tmp_path, tests=True) == {}
    (tmp_path / "c").touch()
    with pytest.raises(PolicyInvalid, match="ENTRIES_MAX"):
        load_directory(tmp_path)
    assert ENTRIES_MAX > FILES_MAX


def test_a_folder_without_rules_is_not_taken_for_rules_that_forbid_nothing(tmp_path: Path) -> None:
    (tmp_path / "office.reg").write_text("package aegis.rules")
    (tmp_path / "office_test.rego").write_text("package aegis.rules")
    with pytest.raises(PolicyInvalid, match=r"expected rules in \.rego files, found none"):
        load_directory(tmp_path)
    assert load_directory(tmp_path, tests=True)


def test_a_data_file_beside_rules_is_a_table_that_they_read_and_no_rule_by_itself(
    tmp_path: Path,
) -> None:
    (tmp_path / "limits.json").write_text('{"b": 1.50, "a": ["\\u00e9", null]}')
    (tmp_path / "a.rego").write_text("package aegis.rules\n# deny contains\n")
    with pytest.raises(PolicyInvalid, match="found none"):
        require_rule(load_directory(tmp_path), tmp_path)
    (tmp_path / "a.rego").write_text('package aegis.rules\n\ndeny contains "x" if true\n')
    require_rule(load_directory(tmp_path), tmp_path)
    table = load_directory(tmp_path)["limits.json.rego"]
    assert table.startswith("package aegis.rules.tables\n")
    assert table.endswith('\nlimits := {"a":["é",null],"b":1.5}\n')
    for name, text in (("of-day.json", "1"), ("limits.json", "{")):
        (tmp_path / name).write_text(text)
        with pytest.raises(PolicyInvalid, match=name):
            load_directory(tmp_path)


def test_data_in_another_form_than_json_is_not_left_unread_in_silence(tmp_path: Path) -> None:
    (tmp_path / "a.rego").write_text('package aegis.rules\n\ndeny contains "x" if true\n')
    (tmp_path / ".ci.yaml").write_text("")
    (tmp_path / "notes.md").write_text("")
    assert list(load_directory(tmp_path)) == ["a.rego"]
    (tmp_path / "limits.yaml").write_text("max: 3\n")
    with pytest.raises(PolicyInvalid, match=r"limits\.yaml is not read: data .* JSON only"):
        load_directory(tmp_path)
