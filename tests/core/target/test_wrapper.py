"""Wrappers give away what they run, or that it cannot be told."""

import pytest

from aegisd.core.target.shell import split
from aegisd.core.target.wrapper import GRAMMARS, OPAQUE, Inner, unwrap
from tests.table import each


def inside(line: str) -> list[Inner]:
    """What the one command of a plain line runs."""
    (argv,) = split(line).commands
    return list(unwrap(argv))


@each(
    ("line", "inner"),
    [
        ("env git log", ("git", "log")),
        ("/usr/bin/env -i -u X A=1 B=2 git log", ("git", "log")),
        ("env -- git", ("git",)),
        ("env -uX git", ("git",)),
        ("sudo -n -u root git log", ("git", "log")),
        ("sudo A=1 git", ("git",)),
        ("doas -u root git", ("git",)),
        ("nohup git log", ("git", "log")),
        ("nohup A=1 git", ("A=1", "git")),
        ("nice -n 5 git", ("git",)),
        ("nice -n5 git", ("git",)),
        ("ionice -c 3 git", ("git",)),
        ("timeout 5 git log", ("git", "log")),
        ("timeout -k 1 -s KILL --foreground 5s git", ("git",)),
        ("time -p git", ("git",)),
        ("stdbuf -oL -e 0 git", ("git",)),
        ("setsid --wait git", ("git",)),
        ("chroot /x git", ("git",)),
        ("exec -a name git", ("git",)),
        ("command -v git", ("git",)),
        ("busybox rm -r x", ("rm", "-r", "x")),
        ("xargs rm", ("rm",)),
        ("xargs -0 -n 1 -I '{}' rm -f '{}'", ("rm", "-f", "{}")),
        ("bash deploy.sh --now", ("deploy.sh", "--now")),
        ("bash5.2 -x deploy.sh", ("deploy.sh",)),
        (". ./env.sh", ("./env.sh",)),
        ("find . -exec rm '{}' ';'", ("rm", "{}")),
        ("find . -execdir rm '{}' +", ("rm", "{}")),
        ("find . -ok rm + x ';'", ("rm", "+", "x")),
    ],
)
def test_a_command_inside_a_wrapper_is_given_by_its_words(line: str, inner: Inner) -> None:
    assert inside(line) == [inner]


@pytest.mark.parametrize(
    ("line", "inner"),
    [
        ("bash -c 'git log'", "git log"),
        ("/bin/sh -ec 'git log' name x", "git log"),
        ("bash -c -x 'git log'", "git log"),
        ("bash --norc -o pipefail -lc 'git log'", "git log"),
        ("zsh -c -- 'git log'", "git log"),
        ("eval git log", "git log"),
        ("eval 'git log;' rm", "git log; rm"),
        ("watch -n 5 git log", "git log"),
        ("ssh -p 22 host rm -r x", "rm -r x"),
    ],
)
def test_a_line_inside_a_wrapper_is_given_as_a_line(line: str, inner: Inner) -> None:
    assert inside(line) == [inner]


@each(
    "line",
    [
        "bash",
        "bash -s",
        "bash -i",
        "bash -",
        "bash -c",
        "bash --rcfile x -c y",
        "bash -oc x",
        "su root",
        "su -c 'git log'",
        "parallel git ::: log",
        "fish -c 'git log'",
        "env -S 'git log'",
        "env --split-string='git log'",
        "env - git",
        "sudo -s",
        "sudo -i git",
        "sudo",
        "nice -5 git",
        "timeout 5 -- git",
        "xargs --max-args=1 rm",
        "ssh host",
        "ssh host -o ProxyCommand=x y",
        "ssh -o ProxyCommand=x host y",
        "find . -exec rm x",
        "find . -exec ';'",
        "find . -exec rm +",
        "watch -x git",
        "chroot /x",
        "python",
        "python -",
        "python -c x",
        "python3.11 -Ic x",
        "python -W ignore -c x",
        "perl -e x",
        "perl -ne x",
        "perl -Mx y",
        "ruby -e x",
        "node -e x",
        "node -pe x",
        "node --eval x",
        "node -r x y",
        "php -r x",
        "lua -e x",
        "flock x git",
    ],
)
def test_what_cannot_be_told_is_said_to_be_so(line: str) -> None:
    assert inside(line) == [None]


@pytest.mark.parametrize(
    "line",
    [
        "git log",
        "git -c alias.x=y log",
        "env",
        "env A=1",
        "timeout 5",
        "xargs",
        "find . -name x -delete",
        "python run.py -c x",
        "python3 -m pytest -c x",
        "python -u -X dev run.py",
        "node server.js -e production -p 80",
        "perl -w run.pl -e x",
        "python --version",
        "bash --help",
        "su --version",
        "BASH -c x",
        "bashful -c x",
        "'bash ' -c x",
    ],
)
def test_what_wraps_nothing_gives_nothing(line: str) -> None:
    assert inside(line) == []


def test_every_command_of_a_find_is_given() -> None:
    line = "find . -exec rm '{}' ';' -o -ok ls '{}' + -exec open"
    assert inside(line) == [("rm", "{}"), ("ls", "{}"), None]


@each("name", sorted({*GRAMMARS, *OPAQUE}))
def test_a_wrapper_with_an_option_nobody_described_cannot_be_told(name: str) -> None:
    assert list(unwrap((name, "--option-of-next-year", "git"))) == [None]
    if name in GRAMMARS:
        assert list(unwrap((f"/usr/bin/{name}", "-?", "git"))) == [None]


def test_no_wrapper_is_described_twice() -> None:
    assert not OPAQUE & set(GRAMMARS)
