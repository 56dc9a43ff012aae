"""Words of a command, read by a grammar: what is not described is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.program.grammar import Table
from aegisd.core.program.reach import Reach
from aegisd.core.program.reading import assigned, grammar_of, reaches
from aegisd.core.program.table import PROGRAMS, VARIABLES
from aegisd.core.program.word import UNKNOWN, Word
from tests.table import each

TABLE = Table(
    """
cp: read... write
    flag    -a -f --all
    write!  -t --target
    text    -S
git:
    all
    setting -c
    read    -C
git log: ref...
    text?   --color
    flag    -# -p
jq: text read...
    text read  --file
    text!   -e
wrap: text argv
    flag    -v
set: variable... argv
sh: load rest...
    code
    line!   -c
find: read...
    single
    flag    -print -L
    text    -name
    deletes -delete
    inner   -exec
sed: text read...
    writes plain?  -i
go: read...
    single
    write   -o
ssh: host far_line
    text    -p
tar: read...
    bundled
    flag    -x -v
    write   -f
    delete  -C
uniq: read write
xargs: fed
"""
)


def told(line: str) -> list[str]:
    """What a line reaches for, in short; `*` behind a word marks a pattern, `$` is not known."""
    name, *rest = line.split(" ")
    words = [Word(word.replace("$", UNKNOWN).rstrip("*"), word.endswith("*")) for word in rest]
    return [
        " ".join([found.kind, *([found.text] if found.text else [])])
        + "".join(f" {word.text}" for word in found.words if found.kind != "problem")
        for found in reaches(words, TABLE[name])
    ]


@each(
    ("line", "found"),
    [
        ("cp a b c", ["read a", "read b", "write c"]),
        ("cp -af a b", ["read a", "write b"]),
        ("cp -t d a b", ["write d", "read a", "read b"]),
        ("cp -afd a b", ["problem option", "read a", "write b"]),
        ("cp -ftd a b", ["write d", "read a", "read b"]),
        ("cp --target=d a", ["write d", "read a"]),
        ("cp --targ=d a b", ["problem option", "read a", "write b"]),
        ("cp --all=x a b", ["problem option", "read a", "write b"]),
        ("cp a b -a", ["read a", "write b"]),
        ("cp -- -a b", ["read -a", "write b"]),
        ("cp a - /dev/null", ["read a"]),
        ("cp a* b", ["read a", "write b"]),
        ("cp a b*", ["read a", "problem several", "write b"]),
        ("cp $x b", ["problem unknown", "problem unknown", "write b"]),
        ("cp -S $x a b", ["read a", "write b"]),
        ("cp -S", ["problem option"]),
        ("cp --help", []),
        ("cp --help a", ["problem option", "write a"]),
        ("git log /x", ["read /x"]),
        ("git -c user.name=x log -5", []),
        ("git log -c user.name=x", []),
        ("git log -c core.pager=x", ["problem setting"]),
        ("git log --color x", []),
        ("git log --color=always", []),
        ("git log -p5", ["problem option"]),
        ("git push", ["problem subcommand"]),
        ("git -C /x log", ["read /x"]),
        ("jq . a", ["read a"]),
        ("jq -e . a", ["read a"]),
        ("jq --file v /x .", ["read /x"]),
        ("wrap -v 5 rm -rf x", ["argv rm -rf x"]),
        ("wrap 5", []),
        ("set TZ=x rm x", ["argv rm x"]),
        ("set LD_PRELOAD=x rm", ["problem variable_name", "argv rm"]),
        ("sh x -c y", ["load x"]),
        ("sh -c ls x", ["line ls"]),
        ("sh", ["problem input"]),
        ("sh -", ["problem input"]),
        ("find a b -name x -print", ["read a", "read b"]),
        ("find a -delete", ["delete a"]),
        ("find a -exec rm {} ;", ["argv rm a", "read a"]),
        ("find a b -exec rm -f {} + -print", ["argv rm -f a b", "read a", "read b"]),
        ("find . -exec rm {}", ["problem option", "read ."]),
        ("find -execdir rm ;", ["problem option", "read rm", "read ;"]),
        ("find -Lprint", ["problem option"]),
        ("sed s/a/b/ x", ["read x"]),
        ("sed -i s/a/b/ x", ["write x"]),
        ("sed -i.bak s/a/b/ x", ["write x"]),
        ("sed -i../x s/a/b/ x", ["problem word", "write x"]),
        ("go -o=/x a", ["write /x", "read a"]),
        ("go --o /x a", ["problem option", "read /x", "read a"]),
        ("ssh h -p 22 ls -l", ["far_line ls -l", "host h"]),
        ("ssh -p 22 h ls x", ["far_line ls x", "host h"]),
        ("tar xf a b", ["write a", "read b"]),
        ("tar fx a b", ["write a", "read b"]),
        ("tar xfC a /b c", ["write a", "delete /b", "read c"]),
        ("tar Cf /b a -v c", ["write a", "delete /b", "read c"]),
        ("tar xq a", ["problem option", "read a"]),
        ("tar xf", ["problem option"]),
        ("tar x* a", ["problem option", "read a"]),
        ("tar x$ a", ["problem option", "read a"]),
        ("tar xf -v a", ["problem option", "write -v", "read a"]),
        ("tar xf - a", ["read a"]),
        ("tar -x a", ["read a"]),
        ("tar -xf a b", ["write a", "read b"]),
        ("uniq a b c", ["read a", "write b", "problem word"]),
        ("xargs ls a", [f"argv ls a {UNKNOWN}"]),
    ],
)
def test_each_word_is_read_by_its_place(line: str, found: list[str]) -> None:
    assert sorted(told(line)) == sorted(found)


@given(
    name=st.sampled_from(sorted(TABLE)),
    words=st.lists(
        st.sampled_from(
            ["-a", "-x", "--", "-", "--all", "=", "a", ";", "{}", "+", UNKNOWN, "-c", "-t"]
        ),
        max_size=7,
    ),
)
def test_reading_is_total(name: str, words: list[str]) -> None:
    list(reaches([Word(word) for word in words], TABLE[name]))


@given(
    name=st.sampled_from(sorted(set(PROGRAMS) - {"echo"})),  # which has no words that it obeys
    words=st.lists(st.text("-=abc:/@", max_size=6), max_size=5),
)
def test_a_word_that_names_an_option_of_next_year_is_never_passed_over(
    name: str, words: list[str]
) -> None:
    found = list(reaches([Word("--option-of-next-year"), *map(Word, words)], PROGRAMS[name]))
    assert found
    assert (found[0].kind, found[0].text) == ("problem", "option")


@given(
    letters=st.text("xvfC", min_size=1, max_size=5),
    words=st.lists(st.sampled_from("abcd"), min_size=5, max_size=8),
)
def test_letters_of_a_bundle_take_the_words_behind_it_in_order(
    letters: str, words: list[str]
) -> None:
    left = list(words)
    wanted = [
        f"{'write' if letter == 'f' else 'delete'} {left.pop(0)}"
        for letter in letters
        if letter in "fC"
    ]
    line = " ".join(["tar", letters, *words])
    assert sorted(told(line)) == sorted([*wanted, *(f"read {word}" for word in left)])


@each(
    ("binary", "name"),
    [("git", "git"), ("/usr/bin/git", "git"), ("python3.11", "python"), ("GIT", ""), ("gitx", "")],
)
def test_a_program_is_known_by_the_last_part_of_its_name(binary: str, name: str) -> None:
    grammar = grammar_of(binary)
    assert (grammar.name if grammar else "") == name


@each(
    ("name", "value", "found"),
    [
        ("TZ", "UTC", []),
        ("PYTHONPATH", "a:/b", [Reach("load", "a"), Reach("load", "/b")]),
        ("PGHOST", "x", [Reach("host", "x")]),
        ("LD_PRELOAD", "x", [Reach("problem", "variable_name")]),
        ("HTTPS_PROXY", "x", [Reach("problem", "variable_name")]),
    ],
)
def test_a_variable_that_nobody_described_is_refused(
    name: str, value: str, found: list[Reach]
) -> None:
    assert list(assigned(name, Word(value))) == found


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_every_variable_has_a_meaning(name: str) -> None:
    list(assigned(name, Word("x")))
