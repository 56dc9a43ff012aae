"""The table's notation, read; and what it refuses to hold."""

import pytest

from aegisd.core.program.grammar import Option, Table, every
from tests.table import each

TABLE = """
cp: read... write
    flag    -a --all
    write!  -t
git:
    all
    setting -c
git log, git show: ref...
    text?   --color
    text text  --pair
    writes plain?  -i
git remote add: text
awk, gawk: awk read...
    code
"""


def test_a_program_has_its_words_and_options_and_its_subcommands_theirs() -> None:
    table = Table(TABLE.replace("git remote add", "git remote: text\ngit remote add"))
    cp, git, log = table["cp"], table["git"], table["git"].commands["log"]
    assert (cp.before, cp.repeated, cp.after) == ((), "read", ("write",))
    assert cp.options["-a"] == Option()
    assert cp.options["-t"] == Option(takes=("write",), replaces=True)
    assert log.options["--color"] == Option(takes=("text",), joined=True)
    assert log.options["--pair"] == Option(takes=("text", "text"))
    assert log.options["-i"] == Option(takes=("plain",), joined=True, raises="write")
    assert git.commands["show"].options == log.options
    assert git.commands["remote"].commands["add"].before == ("text",)
    assert table["gawk"].traits == frozenset({"code"})
    assert sorted(table) == ["awk", "cp", "gawk", "git"]
    assert [each.name for each in every(table)].count("git log") == 1


def test_an_option_of_the_program_stands_behind_its_subcommands_where_the_table_says_so() -> None:
    git = Table(TABLE.partition("git remote")[0])["git"]
    log = git.commands["log"]
    assert log.option("-c", git) == git.options["-c"]
    git.traits = frozenset()
    assert log.option("-c", git) is None


@each(
    "table",
    [
        "a: text\na: read",
        "a: text\n    flag -x\n    text -x",
        "a: text\n    flag -x -x",
        "a:\na b: text\na b: text",
    ],
)
def test_a_table_that_says_two_things_of_one_is_refused(table: str) -> None:
    with pytest.raises(ValueError, match="described twice"):
        Table(table)["a"]
