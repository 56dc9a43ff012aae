"""Paths as attackers and agents write them."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.target.extract import extract
from aegisd.core.target.model import PathTarget, Problem, Targets
from aegisd.core.target.path import normalise
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
    ("/workspace/../etc/passwd", "/etc/passwd"),
    ("/workspace/a/b/../../../etc", "/etc"),
    ("//etc/passwd", "/etc/passwd"),
    ("///etc/passwd", "/etc/passwd"),
    ("/", "/"),
    ("", "."),
    (".", "."),
    ("./a", "a"),
    ("a/..", "."),
    ("./nginx:latest", "nginx:latest"),
]


@each(("text", "path"), CLEAN)
def test_a_plain_path_is_normalised_as_text_without_a_problem(text: str, path: str) -> None:
    assert read_path(text) == Targets(
        paths=(PathTarget(path=path, access="read", where="/args/path"),)
    )


@each("text", ["../etc/passwd", "a/../../etc", "/..", "../a/../b", "/w/../../etc/passwd"])
def test_a_path_that_climbs_above_its_start_is_refused(text: str) -> None:
    targets = read_path(text)
    assert codes(targets) == ["escape"]
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


COPIES = (
    "source destination|src dst|from to|source_path destination_path|sourcePath destinationPath"
    "|src_file dst_file|from_path to_path|sourceDir target|SOURCE dest_dir|sources destination"
)


@each("names", COPIES.split("|"))
def test_what_is_copied_from_is_read_where_a_destination_stands_beside_it(names: str) -> None:
    source, destination = names.split()
    args = {source: ["/a"] if source == "sources" else "/a", destination: "/b"}
    targets = extract(args, effects=("read", "write"), roles={})
    assert [(path.path, path.access) for path in targets.paths] == [("/a", "read"), ("/b", "write")]
    for alone in ({destination: {source: "/a"}}, {source: "/a", "mode": "x"}):
        targets = extract(alone, effects=("read", "write"), roles={})
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


TEXTS = (
    "content file_text oldText newText old_string new_str pattern query search_query code"
    " source_code bodyHtml"
    " commitMessage insert_line replacement"
)


@each("name", TEXTS.split())
@each("text", ["/api/users", "./b", "\\section{a}", "a/../b", "see file:///etc/passwd"])
def test_a_text_that_is_written_or_sought_is_no_path_for_how_it_begins(
    name: str, text: str
) -> None:
    for args in ({name: text}, {"edits": [{name: text}]}, {"files": [{name: text}]}):
        assert extract(args, effects=("write",), roles={}) == Targets()


@each(
    ("args", "expected"),
    [
        ({"pattern": "/etc/*.conf"}, ["/etc/*.conf"]),
        ({"file_path_pattern": "/etc"}, ["/etc"]),
        ({"patchText": "/etc"}, ["/etc"]),
        ({"content": {"output": "/etc/x"}}, ["/etc/x"]),
        ({"value": "// a comment"}, []),
        ({"value": "/* another */"}, []),
        ({"value": "a/../../etc"}, ["etc"]),
        ({"value": "https://host/a/../b"}, []),
    ],
)
def test_what_only_looks_like_a_text_or_a_path_is_told_by_more(
    args: object, expected: list[str]
) -> None:
    assert texts(extract(args, effects=["write"], roles={})) == expected


@each(
    ("args", "expected"),
    [
        ({"files": {"/etc/passwd": None, "mode": None}}, ["/etc/passwd"]),
        ({"files": {"/w/a.py": "print(1)\n", "b.py": "x"}}, ["/w/a.py", "b.py"]),
        ({"changes": {"/etc/cron.d/x": "* * * * * id"}}, ["/etc/cron.d/x"]),
        ({"changes": [{"../../etc/x": {"content": "/a"}}]}, ["etc/x"]),
        ({"changes": {"a/../../x": "a"}}, ["x"]),
        ({"a/b": "c", "text/plain": "d"}, []),
        ({"C:/x": 1}, ["C:/x"]),
    ],
)
def test_keys_that_are_paths_count_and_what_stands_behind_them_is_what_is_in_the_file(
    args: dict[str, object], expected: list[str]
) -> None:
    assert texts(extract(args, effects=["write"], roles={})) == expected
    if "files" in args:
        assert texts(extract(args, effects=["write"], roles={"files": "path"})) == expected


@each("name", ["patch", "diff", "input", "patchText", "text"])
def test_what_a_patch_names_is_written(name: str) -> None:
    patch = "*** Begin Patch\n*** Update File: /etc/passwd\n@@\n-a\n+b\n"
    targets = extract({name: patch}, effects=["read", "write"], roles={})
    assert targets.paths == (PathTarget(path="/etc/passwd", access="write", where=f"/args/{name}"),)
    assert not extract({name: patch}, effects=["read"], roles={}).paths
    assert not extract({name: patch}, effects=["write"], roles={name: "content"}).paths
    assert not extract({"newText": f"See:\n{patch}"}, effects=["write"], roles={}).paths


def test_a_number_where_a_path_belongs_is_refused() -> None:
    assert codes(read_path(3)) == ["not_text"]
    assert read_path(None) == read_path(False) == Targets()  # noqa: FBT003  # a JSON value


def test_a_url_where_a_path_belongs_is_judged_as_the_path_it_also_is() -> None:
    assert texts(read_path("file:///etc/passwd")) == ["/etc/passwd", "file:/etc/passwd"]
    assert codes(read_path("https://x/../../../etc")) == ["escape", "path_scheme"]


def test_no_paths_are_sought_for_a_tool_that_touches_no_files() -> None:
    assert read_path("/etc/passwd", "net").paths == ()


def test_a_problem_says_where() -> None:
    targets = extract({"paths": ["/a", {"b~c": "~"}]}, effects=["read"], roles={})
    assert targets.problems == (Problem(target="path", code="home", where="/args/paths/1/b~0c"),)
