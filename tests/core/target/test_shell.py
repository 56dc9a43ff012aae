"""Shell words: whatever can be quoted comes back, whatever is active is refused."""

import shlex
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.target.shell import split
from tests.table import each

ACTIVE = "|&;<>()$`\n*?[]{}!"


def in_single_quotes(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def in_double_quotes(word: str) -> str:
    return '"' + "".join(f"\\{char}" if char in '$`"\\' else char for char in word) + '"'


def with_backslashes(word: str) -> str:
    """Escape each character; a newline cannot be escaped this way, and an empty word neither."""
    return "".join("'\n'" if char == "\n" else f"\\{char}" for char in word) or '""'


quotings = st.sampled_from([in_single_quotes, in_double_quotes, with_backslashes])


@given(data=st.data(), words=st.lists(st.text(max_size=6), min_size=1, max_size=4))
def test_words_quoted_in_any_style_come_back_as_they_were(
    data: st.DataObject, words: list[str]
) -> None:
    line = " ".join(data.draw(quotings)(word) for word in words)
    parts = split(line)
    assert parts.plain
    assert parts.commands == (tuple(words),)


@given(line=st.text("ab'\"\\ \t-=~#", max_size=12))
def test_a_plain_line_reads_like_the_standard_library_reads_it(line: str) -> None:
    parts = split(line)
    if parts.plain:
        assert [list(words) for words in parts.commands] == [w for w in [shlex.split(line)] if w]


@given(line=st.text("ab =-é", max_size=8), active=st.sampled_from(ACTIVE), data=st.data())
def test_an_active_character_outside_quotes_is_never_plain(
    line: str, active: str, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(line)))
    assert not split(f"x {line[:cut]}{active}{line[cut:]} y").plain


@pytest.mark.parametrize(
    "line",
    [
        "git log",
        "  git   log\n",
        "git 'log' \"--all\"",
        "git diff HEAD~1 HEAD^",
        "git log --format='%H $x `y` *'",
        "git commit -m 'a; b && c'",
        'git commit -m "it\'s a \\$5 \\`deal\\`"',
        "git log a=b --x=y",
        "git log \\\n  --oneline",
        "grep a#b c",
        "echo \\$HOME \\; \\*",
    ],
)
def test_words_and_quotes_alone_are_plain(line: str) -> None:
    assert split(line).plain
    assert len(split(line).commands) == 1


@each(
    ("line", "programs"),
    [
        ("git log; rm -rf x", ["git", "rm"]),
        ("git log && rm x || ls", ["git", "rm", "ls"]),
        ("git log | sh", ["git", "sh"]),
        ("git log\nrm x", ["git", "rm"]),
        ("git log & rm x", ["git", "rm"]),
        ("(rm x)", ["rm"]),
        ("git log $(rm x)", ["git", "rm"]),
        ("git `rm x`", ["git"]),
        ("$X log", []),
        ("`id` log", []),
        ('"$X" log', []),
        ("g?t log", []),
        ("PATH=/evil git log", ["git"]),
        ("A+=b git log", ["git"]),
        ("=git log", []),
        ("~/bin/git log", []),
        ("git log ~", ["git"]),
        ("make prefix=~/x", ["make"]),
        ("git log > /etc/x", ["git"]),
        (">x git log", ["git"]),
        ("git log 2>&1", ["git"]),
        ("git log # x", ["git"]),
        ("git log 'open", ["git"]),
        ('git log "open', ["git"]),
        ("git log \\", ["git"]),
        ("git\rlog", []),
        ("git\x00log", []),
        ("! git log", []),
        ("{ git log", []),
        ('echo "$(id)"', ["echo"]),
        ('echo "`id`"', ["echo"]),
        ("echo {a,b}", ["echo"]),
        ("echo $'\\x41'", ["echo"]),
        ("cat <<EOF", ["cat"]),
    ],
)
def test_anything_a_shell_would_act_on_is_not_plain_and_certain_programs_are_named(
    line: str, programs: list[str]
) -> None:
    parts = split(line)
    assert not parts.plain
    assert [words[0] for words in parts.commands] == programs


def test_a_line_continued_behind_a_backslash_is_one_line() -> None:
    assert split('git lo\\\ng "a\\\nb"').commands == (("git", "log", "ab"),)


def test_the_file_of_a_redirection_is_no_argument() -> None:
    assert split("git log >x --all").commands == (("git", "log", "--all"),)


@pytest.mark.parametrize("piece", ["'", '"', '\\"', "a#", "a=", "|a", "$", "\\\n", "'\\'\\\""])
def test_splitting_is_linear(piece: str) -> None:
    start = process_time()
    split("x " + piece * 40_000)
    assert process_time() - start < 2
