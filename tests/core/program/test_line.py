"""Shell lines: what can be quoted comes back, what is read is read as a shell does."""

import shlex
import shutil
import subprocess
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.program.line import split
from aegisd.core.program.word import UNKNOWN
from tests.table import each

# What a shell acts on wherever it stands outside quotes; `[`, `*` and `{` only in some places.
ACTIVE = "()$`<>"


def words(line: str) -> list[list[str]]:
    return [[word.text for word in each.words] for each in split(line).commands]


def in_single_quotes(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def in_double_quotes(word: str) -> str:
    return '"' + "".join(f"\\{char}" if char in '$`"\\' else char for char in word) + '"'


def with_backslashes(word: str) -> str:
    """Escape each character; a newline cannot be escaped this way, and an empty word neither."""
    return "".join("'\n'" if char == "\n" else f"\\{char}" for char in word) or '""'


quotings = st.sampled_from([in_single_quotes, in_double_quotes, with_backslashes])


@given(data=st.data(), quoted=st.lists(st.text(max_size=6), min_size=1, max_size=4))
def test_words_quoted_in_any_style_come_back_as_they_were(
    data: st.DataObject, quoted: list[str]
) -> None:
    line = " ".join(data.draw(quotings)(word) for word in quoted)
    assert split(line).plain
    assert words(line) == [quoted]


@given(line=st.text("ab'\"\\ \t-=~", max_size=12))
def test_a_plain_line_reads_like_the_standard_library_reads_it(line: str) -> None:
    parts = split(f"x {line}")
    if parts.plain:
        assert words(f"x {line}") == [shlex.split(f"x {line}")]


@given(line=st.text("ab =-é", max_size=8), active=st.sampled_from(ACTIVE), data=st.data())
def test_an_active_character_outside_quotes_is_never_taken_for_a_letter(
    line: str, active: str, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(line)))
    parts = split(f"x {line[:cut]}{active}{line[cut:]} y")
    is_letter = active == "$" and (line[cut:][:1] or " ") in " ="
    if not parts.plain or is_letter:
        return
    (command,) = parts.commands
    assert command.files
    assert active not in "".join(word.text for word in command.words)


pieces = st.sampled_from(
    ["a", "b", " ", "'", '"', "\\", "#", "=", "2", "~", "{", "}", ",", "[", "]", "!", "$", "*", "é"]
)


@given(line=st.lists(pieces, max_size=9).map("".join))
def test_a_plain_line_gives_its_program_the_words_that_bash_gives_it(line: str) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    parts = split(f"p {line}")
    if not parts.plain or "~" in line or any(word.glob for word in parts.commands[0].words):
        return
    script = 'p() { for word; do printf "%s\\0" "$word"; done; }\n' + f"p {line}\n"
    ran = subprocess.run([bash, "-c", script], capture_output=True, check=True, timeout=20)
    assert ran.stdout.decode().split("\0")[:-1] == words(f"p {line}")[0][1:]


@each(
    ("line", "commands"),
    [
        ("git log", [["git", "log"]]),
        ("  git   log\n", [["git", "log"]]),
        ("git diff HEAD~1 HEAD^", [["git", "diff", "HEAD~1", "HEAD^"]]),
        ("git stash pop stash@{0}", [["git", "stash", "pop", "stash@{0}"]]),
        ("find . -exec ls {} +", [["find", ".", "-exec", "ls", "{}", "+"]]),
        ("echo hello!", [["echo", "hello!"]]),
        ("ls -la # what; is in here?", [["ls", "-la"]]),
        ("ls a#b", [["ls", "a#b"]]),
        ("ls a\\ #b", [["ls", "a #b"]]),
        ("pip install uvicorn[standard]", [["pip", "install", "uvicorn[standard]"]]),
        ('grep "price$" x', [["grep", "price$", "x"]]),
        ('echo "a $HOME ${x}"', [["echo", f"a {UNKNOWN} {UNKNOWN}"]]),
        ('ls "$PWD/x"', [["ls", "./x"]]),
        ("a && b || c; d & e", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("a | b\nc", [["a"], ["b"], ["c"]]),
        ("cat <<'EOF'\n$(x) `y`\nEOF\nls", [["cat"], ["ls"]]),
        ("cat <<-'E' && ls\n\tx\n\tE\nid", [["cat"], ["ls"], ["id"]]),
        ('git lo\\\ng "a\\\nb"', [["git", "log", "ab"]]),
        ("[ -f x ]", [["[", "-f", "x", "]"]]),
        ("ls 2>&1 >&2", [["ls"]]),
        ("", []),
    ],
)
def test_what_people_write_every_day_is_plain(line: str, commands: list[list[str]]) -> None:
    assert (split(line).plain, words(line)) == (True, commands)


@each(
    ("line", "files"),
    [
        ("a > x", [("write", "x")]),
        ("a >x 2>>y", [("write", "x"), ("write", "y")]),
        ("a >| x", [("write", "x")]),
        ("a &> x", [("write", "x")]),
        ("a < x", [("read", "x")]),
        ("a2>x", [("write", "x")]),
        (">x", [("write", "x")]),
        ("a >x b 2>'y z'", [("write", "x"), ("write", "y z")]),
        ('a > "$HOME/x"', [("write", f"{UNKNOWN}/x")]),
    ],
)
def test_a_redirection_names_a_file(line: str, files: list[tuple[str, str]]) -> None:
    (command,) = split(line).commands
    assert split(line).plain
    assert [(access, word.text) for access, word in command.files] == files


@each(
    ("line", "assignments"),
    [
        ("A=1 b", [("A", "1")]),
        ("A=1 B='x y' c D=2", [("A", "1"), ("B", "x y")]),
        ("A+=1", [("A", "1")]),
        ("b A=1", []),
        ("'A'=1", []),
    ],
)
def test_a_name_set_before_the_program_is_an_assignment(
    line: str, assignments: list[tuple[str, str]]
) -> None:
    (command,) = split(line).commands
    assert [(name, word.text) for name, word in command.assignments] == assignments


@each(
    "line",
    [
        *("a $(b)", "a `b`", 'a "$(b)"', 'a "`b`"', "a $x", "a ${x}", 'a "${x:-y}"', "a $((1))"),
        *("a $'\\x41'", 'a $"x"', "a {b,c}", "a {1..3}", "a *", "a ?b", "a -*", "a [x]"),
        *("(a)", "a <(b)", "a >(b)", "a <<EOF\nx\nEOF", "a <<< b", "a <&3", "a <> b", "a >&b"),
        *("a <<'EOF'\nx", "a >", "a > > b", "a > b*", "=a b", "a 'open", 'a "open', "a \\"),
        *("a\rb", "a\x00b", "ls(){ x; }", "{ a; }", "if a; then b; fi", "! a", "[[ a ]]"),
    ],
)
def test_what_a_shell_makes_more_of_is_not_plain(line: str) -> None:
    assert not split(line).plain


def test_a_pattern_is_marked_where_it_can_only_name_what_begins_like_it() -> None:
    (command,) = split("ls src/*.py '*' a[0]").commands
    assert [word.glob for word in command.words] == [False, True, False, True]


@pytest.mark.parametrize(
    "piece", ["'", '"', '\\"', "a#", "a=", "|a", "$", "\\\n", "'\\'\\\"", "2>a "]
)
def test_splitting_is_linear(piece: str) -> None:
    start = process_time()
    split("x " + piece * 40_000)
    assert process_time() - start < 2


def test_a_mark_that_never_comes_is_looked_for_once() -> None:
    start = process_time()
    split("x <<'A' <<'B'\n" * 9_000)
    assert process_time() - start < 2
