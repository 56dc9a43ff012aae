"""What one word means to the program that gets it."""

from aegisd.core.program import meaning
from aegisd.core.program.meaning import Meaning
from tests.core.program.words import told
from tests.table import each


@each(
    ("means", "rows"),
    [
        (meaning.text, {"/etc/x": ""}),
        (meaning.code, {"x": "problem code"}),
        (meaning.place, {"x": "read x, write x"}),
        (meaning.project, {"x": "load x, write x"}),
        (meaning.source, {"x": "read x", "https://h": "url https://h"}),
        (meaning.data, {"a@b": "", "@x": "read x", "@-": ""}),
        (meaning.encoded, {"a=b@c": "", "@x": "read x", "a@x": "read x"}),
        (
            meaning.form,
            {"a=b": "", "a=@x": "read x", "a=<x": "read x", "a=@x;y": "read x;y, problem word"},
        ),
        (meaning.written, {"%{http_code}": "", "@x": "read x", "%output{x}": "problem word"}),
        (
            meaning.item,
            {
                "a=b@c": "",
                "a:b": "",
                "a@x": "read x",
                "a:=@x": "read x",
                r"a\@x": "problem backslash",
            },
        ),
        (meaning.upload, {"x": "read x", "{x,y}": "problem several"}),
        (meaning.saved, {"x": "write x", "#1": "problem several"}),
        (meaning.ref, {"HEAD~1": "", ":x": "", "/x": "read /x", "../x": "read ../x"}),
        (
            meaning.repository,
            {
                "origin": "",
                "h:x": "host h",
                "u@h:x": "host u@h",
                "../x": "read ../x",
                "ssh://h/x": "url ssh://h/x",
                "ext::x": "problem transport",
            },
        ),
        (meaning.pushed, {"origin": "", "h:x": "host h", "../x": "load ../x"}),
        (
            meaning.hub,
            {"a/b": "", "h/a/b": "host h", "h:a/b": "host h", "https://h/a": "url https://h/a"},
        ),
        (meaning.copied_from, {"x": "read x", "h:x": "host h", "./x:y": "read ./x:y"}),
        (meaning.copied_to, {"x": "write x", "h::x": "host h"}),
        (meaning.archive, {"x": "write x", "h:x": "problem word"}),
        (meaning.database, {"x": "write x", "file:x": "problem word"}),
        (meaning.operand, {"if=x": "read x", "of=x": "write x", "bs=1": ""}),
        (meaning.switch, {"all": "", "V=1": "", "VERSION=1.2.3": "", "CC=x": "problem word"}),
        (
            meaning.connection,
            {
                "app": "",
                "host=h,i dbname=x": "host h, host i",
                "service=x": "problem word",
                "postgresql://u@h,i/x": "url postgresql://h/x, url postgresql://i/x",
            },
        ),
        (meaning.shown, {"x": "read x", "+G": "", "+!id": "problem code"}),
        (meaning.edited, {"x": "write x", "+10": "", "+!id": "problem code"}),
        (
            meaning.name,
            {"dot.3-x@y": "", "": "problem word", "/x": "problem word", "-x": "problem word"},
        ),
        (meaning.plain, {".bak": "", "error=x": "", "a/b": "problem word", "l,-x": "problem word"}),
        (meaning.undashed, {"x": "", "--y": "problem option"}),
        (meaning.value, {"a b": "", "$(x)": "problem code", "`x`": "problem code"}),
        (meaning.search, {"a:/b:": "load a, load /b, load ."}),
        (meaning.entered, {"x": "load x", "-": "problem unknown"}),
        (meaning.script, {"x": "load x", "+O": "problem option"}),
        (meaning.strict, {"pipefail": "", "keyword": "problem setting"}),
        (meaning.stamp, {"+%s": "", "0101": "problem word"}),
        (
            meaning.passed,
            {"a/b": "", "/x": "load /x", "--c=../x": "load ../x", "--u=http://h": "url http://h"},
        ),
        (
            meaning.report,
            {"term": "", "term:skip-covered": "", "html:x": "write x", "y:x": "problem word"},
        ),
        (meaning.loaded, {"x": "load x", "data:x": "problem code"}),
        (meaning.linked, {"-s -w -X main.v=1": "", "-extld=x": "problem word"}),
        (meaning.compiled, {"all=-N -l": "", "-o x": "problem word"}),
        (
            meaning.defined,
            {
                "skipTests": "",
                "CMAKE_BUILD_TYPE=Debug": "",
                "BUILD_X=ON": "",
                "CMAKE_C_COMPILER=x": "problem word",
            },
        ),
        (meaning.goal, {"test": "", "dependency:tree": "", "exec:exec": "problem word"}),
        (meaning.bundle, {"git": "", "./x.deb": "load ./x.deb", "http://h/x": "url http://h/x"}),
    ],
)
def test_a_word_means_what_its_program_makes_of_it(means: Meaning, rows: dict[str, str]) -> None:
    assert told(means, rows) == rows
