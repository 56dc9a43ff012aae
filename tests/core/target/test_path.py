"""Paths as attackers and agents write them."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.target.extract import extract
from aegisd.core.target.model import PathTarget, Problem, Targets
from aegisd.core.target.path import PERCENT_ROUNDS_MAX, normalise
from tests.table import each


def read_path(text: object, *effects: str) -> Targets:
    return extract({"path": text}, effects=effects or ("read",), roles={"path": "path"})


def texts(targets: Targets) -> list[str]:
    return [path.path for path in targets.paths]


def codes(targets: Targets) -> list[str]:
    return [problem.code for problem in targets.problems if problem.target == "path"]


CLEAN = [
    ("/workspace/a.txt", "/workspace/a.txt"),
    ("/workspace//a/./b/", "/workspace/a/b"),
    ("/workspace/a/../b", "/workspace/b"),
    ("/workspace/../etc/passwd", "/etc/passwd"),
    ("/workspace/a/b/../../../etc", "/etc"),
    ("//etc/passwd", "/etc/passwd"),
    ("///etc/passwd", "/etc/passwd"),
    ("/", "/"),
    ("", "."),
    (".", "."),
    ("./a", "a"),
    ("a/..", "."),
    ("a/b", "a/b"),
    ("/Workspace/A", "/Workspace/A"),
    ("/workspace-evil/a", "/workspace-evil/a"),
    ("/workspace/...", "/workspace/..."),
    ("/workspace/a. /b", "/workspace/a. /b"),
    ("/workspace/.hidden", "/workspace/.hidden"),
    ("/workspace/a b.txt", "/workspace/a b.txt"),
    ("/workspace/café.txt", "/workspace/café.txt"),
    ("/workspace/日本語。txt", "/workspace/日本語。txt"),
    ("/workspace/100%.txt", "/workspace/100%.txt"),
    ("/workspace/a%20b", "/workspace/a%20b"),
    ("/workspace/a~", "/workspace/a~"),
    ("/workspace/a$", "/workspace/a$"),
    ("C:/Windows", "C:/Windows"),
]


@each(("text", "path"), CLEAN)
def test_a_plain_path_is_normalised_as_text_without_a_problem(text: str, path: str) -> None:
    assert read_path(text) == Targets(
        paths=(PathTarget(path=path, access="read", where="/args/path"),)
    )


REFUSED = [
    ("../etc/passwd", ["escape"]),
    ("a/../../etc", ["escape"]),
    ("/..", ["escape"]),
    ("../a/../b", ["escape"]),
    ("/workspace/../../etc/passwd", ["escape"]),
    ("/workspace/%2e%2e/etc", ["percent_encoded"]),
    ("/workspace/%2E./etc", ["percent_encoded"]),
    ("/workspace/..%2fetc", ["percent_encoded"]),
    ("/workspace/%5c..", ["percent_encoded"]),
    ("/workspace/a%00.txt", ["percent_encoded"]),
    ("/workspace/%252e%252e/etc", ["percent_encoded"]),
    ("/workspace/%25252525252e", ["percent_encoded"]),
    ("/workspace/%%32%65", ["percent_encoded"]),
    ("/workspace/%c0%ae%c0%ae/", ["percent_encoded"]),
    ("/workspace/%c0%af", ["percent_encoded"]),
    ("/workspace/%u002e%u002e/", ["percent_encoded"]),
    ("/workspace/%e2%88%95", ["percent_encoded"]),
    ("/workspace/%0aetc", ["percent_encoded"]),
    ("/workspace/%7e", ["percent_encoded"]),
    ("/workspace\\..\\etc", ["backslash"]),
    ("C:\\Windows", ["backslash"]),
    ("/workspace/a\x00.txt", ["control"]),
    ("/workspace/a\nb", ["control"]),
    ("/workspace/a\x7f", ["control"]),
    ("/workspace/\u202etxt.exe", ["control"]),
    ("/workspace/a\u200b", ["control"]),
    ("/workspace/a\u2028b", ["control"]),
    (" /etc/passwd", ["control"]),
    ("/workspace/.. ", ["control"]),
    ("\u3000/etc/passwd", ["control"]),
    ("~/.ssh/id_rsa", ["home"]),
    ("~root", ["home"]),
    ("$HOME/.ssh", ["variable"]),
    ("/workspace/${X}/a", ["variable"]),
    ("/workspace/$(id)", ["variable"]),
    ("/workspace/cafe\u0301", ["not_nfc"]),
    ("/workspace/\u212b", ["not_nfc"]),
    ("/workspace\u2215..\u2215etc", ["look_alike"]),
    ("/workspace/..\u2044etc", ["look_alike"]),
    ("/workspace/..\uff0fetc", ["look_alike"]),
    ("/workspace/\uff0e\uff0e/etc", ["look_alike"]),
    ("/workspace/\u2024\u2024/etc", ["look_alike"]),
    ("/workspace/\u2025/etc", ["look_alike"]),
    ("/workspace/\ufe52\ufe52/etc", ["look_alike"]),
    ("/workspace/..\uff3cetc", ["look_alike"]),
    ("/workspace/..\u2216etc", ["look_alike"]),
    ("/workspace/..\u29f8etc", ["look_alike"]),
    ("\uff5e/.ssh", ["look_alike"]),
    ("/workspace/\uff05\uff12\uff45", ["look_alike"]),
    ("\uff04HOME", ["look_alike"]),
    ("~\\..\\x\x00", ["backslash", "control", "home"]),
]


@each(("text", "expected"), REFUSED)
def test_what_a_shell_a_decoder_or_an_eye_reads_otherwise_is_a_problem(
    text: str, expected: list[str]
) -> None:
    targets = read_path(text)
    assert codes(targets) == sorted(expected)
    assert len(targets.paths) == 1


FILE_URLS = [
    # text of a parameter that is no path itself, paths, problem codes
    ("file:///etc/passwd", ["/etc/passwd"], []),
    ("FILE:///etc/passwd", ["/etc/passwd"], []),
    ("file:/etc/passwd", ["/etc/passwd"], []),
    ("file://localhost/etc/passwd", ["/etc/passwd"], []),
    ("file:///workspace/../etc", ["/etc"], []),
    ("see file:///a and 'file:///b'", ["/a", "/b"], []),
    ("file:///a,file:///b", ["/a,", "/b"], []),
    ("jar:file:///a!/b", ["/a!/b"], []),
    ("file://evil.com/share", ["evil.com/share"], ["file_url"]),
    ("file:////evil.com/share", ["/evil.com/share"], ["file_url"]),
    ("file://LOCALHOST/a", ["LOCALHOST/a"], ["file_url"]),
    ("file:///a?b", ["/a?b"], ["file_url"]),
    ("file:///a#b", ["/a#b"], ["file_url"]),
    ("file:///a%41", ["/a%41"], ["percent_encoded"]),
    ("file:///a/..%2f", ["/a/..%2f"], ["percent_encoded"]),
    ("file:\\\\evil.com\\a", ["\\\\evil.com\\a"], ["backslash", "file_url"]),
    ("fi\tle:///etc", ["/etc"], ["control"]),
    (" file:///etc", ["/etc"], ["control"]),
    ("profile:///a myfile:/b file:c", [], []),
]


@pytest.mark.parametrize(("text", "paths", "expected"), FILE_URLS)
def test_every_file_url_is_a_path(text: str, paths: list[str], expected: list[str]) -> None:
    targets = extract({"note": text}, effects=["read"], roles={})
    assert texts(targets) == paths
    assert codes(targets) == expected


@given(text=st.text("/.ab", max_size=20))
def test_normal_form_agrees_with_posix_and_says_when_the_start_is_left(text: str) -> None:
    path, climbs = normalise(text)
    depths = [0]
    for segment in text.split("/"):
        depths.append(depths[-1] + {"..": -1, ".": 0, "": 0}.get(segment, 1))
    assert climbs is (min(depths) < 0)
    if not climbs:
        assert path == posixpath.normpath(text).replace("//", "/")


@given(text=st.text(max_size=20))
def test_a_normal_form_is_its_own_normal_form_and_never_climbs(text: str) -> None:
    path, _ = normalise(text)
    assert normalise(path) == (path, False)
    assert not {"..", "."} & set(path.split("/")) or path == "."


def test_percent_encoding_as_deep_as_is_read_and_one_deeper() -> None:
    deepest = "%" + "25" * (PERCENT_ROUNDS_MAX - 2) + "41"
    assert codes(read_path(f"/{deepest}")) == []
    assert codes(read_path(f"/{deepest.replace('41', '2541')}")) == ["percent_encoded"]


@pytest.mark.parametrize(
    ("effects", "name", "access"),
    [
        (("read",), "path", "read"),
        (("write",), "path", "write"),
        (("read", "write"), "path", "write"),
        (("read", "write"), "source", "write"),
        (("read", "write"), "source_file", "write"),
        (("read", "write"), "destination", "write"),
        (("write",), "source", "write"),
        (("delete",), "path", "delete"),
        (("read", "write", "delete"), "source", "delete"),
        (("exec", "read"), "path", "read"),
    ],
)
def test_access_is_the_strongest_effect_of_the_tool(
    effects: tuple[str, ...], name: str, access: str
) -> None:
    for roles in ({}, {name: "path"}):
        targets = extract({name: "/a"}, effects=effects, roles=roles)
        assert [path.access for path in targets.paths] == [access]


def test_what_is_copied_from_is_read_where_a_destination_stands_beside_it() -> None:
    args = {"source": "/a", "destination": "/b"}
    targets = extract(args, effects=("read", "write"), roles={})
    assert [(path.path, path.access) for path in targets.paths] == [("/a", "read"), ("/b", "write")]
    nested = {"destination": {"source": "/a"}}
    targets = extract(nested, effects=("read", "write"), roles={})
    assert [path.access for path in targets.paths] == ["write"]


@each("name", ["output", "uri", "logfile", "to", "attachment"])
@each("text", ["/etc/passwd", "./a", "../a", "~/a", "\\\\host\\a"])
def test_a_text_that_begins_like_a_path_is_one_under_any_name_without_a_role(
    name: str, text: str
) -> None:
    targets = extract({name: text}, effects=("write",), roles={})
    assert targets.paths
    assert not extract({name: text}, effects=("write",), roles={name: "control"}).paths


PATH_NAMES = (
    "path paths file filename file_path filepath dir directory directories folder src source"
)


@pytest.mark.parametrize("name", [*PATH_NAMES.split(), "dst", "dest", "target", "root", "cwd"])
def test_a_parameter_named_like_a_path_is_read_as_one_lists_and_objects_included(
    name: str,
) -> None:
    for value in ("/a", ["/a"], {"x": "/a"}, [[{"y": "/a"}]]):
        assert texts(extract({name: value}, effects=["read"], roles={})) == ["/a"]


def test_keys_that_are_paths_count_where_paths_are_expected() -> None:
    targets = extract({"files": {"/etc/passwd": None, "mode": None}}, effects=["write"], roles={})
    assert texts(targets) == ["/etc/passwd"]


def test_a_number_where_a_path_belongs_is_refused() -> None:
    assert codes(read_path(3)) == ["not_text"]
    assert read_path(None) == read_path(False) == Targets()  # noqa: FBT003  # a JSON value


def test_a_url_where_a_path_belongs_is_judged_as_the_path_it_also_is() -> None:
    assert texts(read_path("file:///etc/passwd")) == ["/etc/passwd", "file:/etc/passwd"]
    assert codes(read_path("https://x/../../../etc")) == ["escape"]


def test_no_paths_are_sought_for_a_tool_that_touches_no_files() -> None:
    assert read_path("/etc/passwd", "net").paths == ()


def test_a_problem_says_where() -> None:
    targets = extract({"paths": ["/a", {"b/c": "~"}]}, effects=["read"], roles={})
    assert targets.problems == (Problem(target="path", code="home", where="/args/paths/1/b~1c"),)
