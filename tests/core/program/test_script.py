"""Small languages in a word: what does nothing but its work passes, all else is code."""

from time import process_time

from aegisd.core.program import script
from aegisd.core.program.meaning import Meaning
from tests.table import each


@each(
    ("meaning", "harmless", "harmful"),
    [
        (
            script.sed,
            ["s/a/b/g", "1,5p", "/x/,$d", r"s|[^\/]*$||", "s/[^,]*,//", "y/ab/cd/", "$!N;P;D"],
            [
                "1e id",
                "s/a/b/e",
                "s/a/b/w x",
                "r x",
                "w x",
                "s/[/]A/;/e;#/p",
                "y/a/b/;e",
                "/[/]/;e",
            ],
        ),
        (
            script.awk,
            [
                "{print $1}",
                "$3 > 5 {print $2}",
                "{ print $1; if ($2 > 3) x = 1 }",
                "NR == 1 || /a/",
            ],
            [
                *(
                    'BEGIN{system("id")}',
                    '{print "a;b" > "x"}',
                    '/"/{print ";" > "x"}',
                    "{print > $1}",
                ),
                *('BEGIN{print "x" \\\n > "x"}', '{"id" | getline}', 'BEGIN{SYMTAB["x"] = 1}'),
            ],
        ),
        (script.jq, [".a", "keys"], ['import "x" as y; .']),
        (script.yq, [".a.b = 1"], ['load("x")', 'load_str("x")', 'system("id")']),
        (
            script.sql,
            ["select 1", r"\dt", "vacuum analyze", "create table t (a int)", ".tables"],
            [
                *(r"\! id", "copy t to program 'id'", "vacuum into 'x'", "vacuum/**/into 'x'"),
                *("alter system set x = 1", "create extension dblink", "select pg_read_file('x')"),
                *(
                    "do $$ x $$",
                    "execute 'co' || 'py'",
                    "system id",
                    "select 1; source x",
                    ".shell id",
                ),
                *("select 1 into/**/outfile 'x'", "select writefile('x', 'y')", "load 'x.so'"),
            ],
        ),
        (script.redis, ["get", "SCAN"], ["config", "SLAVEOF", "eval", "5"]),
        (
            script.setting,
            ["user.name=x", "color.ui"],
            ["core.pager=x", "alias.x=!y", "http.proxy=x"],
        ),
        (script.login, ["ConnectTimeout=5"], ["ProxyCommand=x", "Hostname x"]),
        (script.shell, ["ssh", "ssh -p 22"], ["sh -c x", "ssh -o ProxyCommand=x"]),
        (script.strategy, ["ours", "ort"], ["x", "../x"]),
    ],
)
def test_a_word_in_a_small_language_passes_only_where_it_surely_does_nothing_else(
    meaning: Meaning, harmless: list[str], harmful: list[str]
) -> None:
    assert [word for word in harmless if list(meaning(word))] == []
    assert [word for word in harmful if not list(meaning(word))] == []


@each(
    "word", ["print ", 'print"', "print;", "s/[", "create ", "set ", "vacuum ", "--", "x=@", "@/"]
)
def test_no_word_takes_longer_than_its_length_asks_for(word: str) -> None:
    start = process_time()
    for meaning in (script.sed, script.awk, script.sql, script.yq):
        list(meaning(word * (65_536 // len(word)) + ">"))
    assert process_time() - start < 2
