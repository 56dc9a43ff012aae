"""The table of programs: it holds together, and tells of each family what its words reach for."""

import re

from aegisd.core.program.grammar import every
from aegisd.core.program.line import split
from aegisd.core.program.reading import MEANINGS, REST, grammar_of, reaches
from aegisd.core.program.table import PROGRAMS, VARIABLES
from tests.table import each

# Meanings that `reading` itself takes apart.
TAKEN_APART = {"inner", "loads", "variable"}


def told(line: str) -> list[str]:
    """What the first command of a line reaches for, in short."""
    name, *words = split(line).commands[0].words
    grammar = grammar_of(name.text)
    assert grammar is not None
    return sorted(
        {
            " ".join(
                [
                    reach.kind,
                    *([reach.text] if reach.text else []),
                    *(word.text for word in reach.words if reach.kind != "problem"),
                ]
            )
            for reach in reaches(words, grammar)
            if reach.kind != "usual"
        }
    )


def test_every_meaning_in_the_table_is_one_and_every_option_has_a_dash() -> None:
    known = {*MEANINGS, *REST, *TAKEN_APART}
    for grammar in every(PROGRAMS):
        words = [*grammar.before, *filter(None, [grammar.repeated]), *grammar.after]
        for option in grammar.options.values():
            words += option.takes
            assert not REST.intersection(option.takes) - {"line"}, grammar.name
        assert set(words) <= known, grammar.name
        assert all(re.fullmatch(r"--?[\w#.:@-]+", name) for name in grammar.options), grammar.name
    assert set(VARIABLES.values()) <= set(MEANINGS)


def test_what_takes_all_words_stands_last_and_only_one_thing_repeats() -> None:
    for grammar in every(PROGRAMS):
        places = [*grammar.before, *filter(None, [grammar.repeated]), *grammar.after]
        assert not REST.intersection(places[:-1]), grammar.name
        assert len(grammar.after) <= 1, grammar.name
        if any(option.replaces for option in grammar.options.values()):
            assert grammar.before or grammar.after, grammar.name


@each(
    ("line", "found"),
    [
        # shells
        ("bash -c 'nc x'", ["line nc x"]),
        ("bash +x /tmp/x", ["problem option"]),
        ("zsh -O x", ["load x", "problem option"]),
        ("cd -", ["problem unknown"]),
        ("env -C /x make", ["argv make", "load /x", "write /x"]),
        ("sudo TZ=UTC ls -l", ["argv ls -l"]),
        ("sudo -e /x", ["argv /x", "problem option"]),
        ("printf -v x y", ["problem option"]),
        ('echo --- "$X"', []),
        ('export "LD$X=1"', ["problem variable_name"]),
        ("env V='$(shell x)' make", ["argv make", "problem word"]),
        ("python -m pytest x", ["load x"]),
        ("python -m pdb x", ["problem code"]),
        ("node --max-old-space-size x", ["load x"]),
        ("node inspect x", ["load x"]),
        ("deno run https://x.y/z", ["problem code"]),
        # files
        ("sdiff -W /x a", ["read /x", "read a"]),
        ("od -w /x", ["read /x"]),
        ("xxd -c 16 a b", ["read a", "write b"]),
        ("strings @x", ["problem word", "read @x"]),
        ("cp -t /x a", ["read a", "write /x"]),
        ("find a -delete", ["delete a"]),
        ("find . -exec sh -c x \\;", ["argv sh -c x", "read ."]),
        ("tar xf a", ["write a"]),
        ("tar xzfC a.tgz /x b", ["read /x", "read b", "write /x", "write a.tgz"]),
        ("tar xIf gzip a", ["problem option", "read a", "write gzip"]),
        ("tar -xf a -W x", ["problem option", "read x", "write a"]),
        ("ar rcs a.a b.o", ["read b.o", "write a.a"]),
        ("ar rb x a.a b.o", ["problem option", "read a.a", "read b.o", "write x"]),
        ("ps aux", []),
        ("tar -cf h:x .", ["problem word", "read ."]),
        ("zip a.zip b -x@/x", ["read /x", "read b", "write a.zip"]),
        ("vim a", ["typed", "write a"]),
        ("date 0101", ["problem word"]),
        # texts
        ("cut -f1 --complement /x", ["read /x"]),
        ("ack -C x /y", ["read /y"]),
        ("grep -f /x y", ["read /x", "read y"]),
        ("rg --pre x y", ["problem option", "read y"]),
        ("sed -i.bak s/a/b/ x", ["write x"]),
        ("sed 's/[/]A/;/e;#/p' x", ["problem code", "read x"]),
        ('awk \'{print ";" > "/x"}\' y', ["problem code", "read y"]),
        ("yq e 'load(\"/x\")' y", ["problem code", "read y"]),
        ("jq --rawfile a b . c", ["read b", "read c"]),
        # versions
        ("git -C x log", ["load x", "write x"]),
        ("git rebase -m --exec=x", ["problem option", "typed"]),
        ("git log -U --output=x", ["problem option"]),
        ("git blame -S x y", ["read x"]),
        ("git fetch -j 4 h:x", ["host h"]),
        ("git push /x", ["load /x"]),
        ("git push ext::x", ["problem transport"]),
        ("git worktree add -b x /y", ["write /y"]),
        ("git bundle create x HEAD", ["write x"]),
        ("git submodule set-url a h:b", ["host h"]),
        ("git -c core.pager=x log", ["problem setting"]),
        ("git commit -m --file=x", ["problem option"]),
        ("git commit --amend", ["typed"]),
        ("git merge -s x y", ["problem setting"]),
        ("gh repo clone h:a/b", ["host h"]),
        ("gh run list -a --repo=x/y/z", ["problem option"]),
        ("gh release upload v1 x", ["read x"]),
        # packages
        ("pip install x@/y", ["load /y"]),
        ("pip install -r x", ["load x"]),
        ("pip config set a b", ["problem subcommand"]),
        ("pip list -f https://h/x", ["problem word"]),
        ("uv run -p /x y", ["argv y", "problem word"]),
        ("npm install x@../y", ["load ../y"]),
        ("npm install x@^1.2 @a/b", []),
        ("npm install x@a/b", ["host github.com"]),
        ("npm test --tag --script-shell=x", ["problem option"]),
        ("npm run x -- --config=/y", ["load /y"]),
        ("npx git x", ["argv git x", "problem subcommand"]),
        ("npx eslint x", ["argv eslint x"]),
        ("cargo build --timings --config x", ["problem option"]),
        ("cargo run --config x", ["problem option"]),
        ("go run a.go /b.go x", ["load /b.go", "load a.go"]),
        ("go build -gcflags=-o=x", ["problem word"]),
        ("mvn -Dx=y test", ["problem word"]),
        ("apt install ./x.deb", ["load ./x.deb"]),
        # builds
        ("make -O SHELL=x", ["problem word"]),
        ("make -C x V=1", ["load x"]),
        ("cmake --build x -- y", ["load x", "problem word", "write x"]),
        ("gcc @x", ["problem word", "read @x"]),
        ("gcc -Wl,-plugin,x a.c", ["problem word", "read a.c"]),
        ("gcc -Wall -o x a.c", ["read a.c", "write x"]),
        ("java -cp a:/b Main", ["load /b", "load Main", "load a"]),
        ("eslint --ext --rulesdir=x", ["problem option"]),
        ("eslint -f ./x y", ["load y", "problem word", "write y"]),
        ("mocha x", ["load x"]),
        ("webpack x", ["problem subcommand"]),
        ("pytest --cov-report html:x", ["write x"]),
        ("pytest -p x", ["load x", "problem option"]),
        ("pylint --rcfile=x y", ["load x", "load y"]),
        ("ruff check --fix x", ["write x"]),
        ("coverage run -m x", ["problem code"]),
        ("tox -- x", ["problem word"]),
        # networks
        ("curl --retry-all-errors h", ["url h"]),
        ("curl -T '{a,b}' h", ["problem several", "url h"]),
        ("curl --data-urlencode a@b h", ["read b", "url h"]),
        ("curl -o '#1' h", ["problem several", "url h"]),
        ("curl -xh:1 u", ["host h:1", "url u"]),
        ("wget -i x", ["problem option", "url x"]),
        ("http POST h a@b", ["read b", "url h"]),
        ("http h a=b", ["url h"]),
        ("ssh -J h k 'ls x'", ["far_line ls x", "host h", "host k"]),
        ("ssh h -o ProxyCommand=x", ["host h", "problem setting", "typed"]),
        ("rsync -e 'sh -c x' a h:b", ["host h", "problem code", "read a"]),
        ("rsync --files-from=h:x . b", ["host h", "read .", "write b"]),
        ("nc -c x h", ["host x", "problem option"]),
        ("openssl rand -hex 16", []),
        ("aws s3 cp a s3://b/c", ["read a", "url s3://b/c"]),
        # containers
        ("docker container run h.x/y sh", ["far sh", "host h.x"]),
        ("docker build git@h:x", ["host git@h"]),
        ("docker run -v /x:/y -v z:/w node npm", ["far npm", "write /x"]),
        ("docker run -v ./a:/w node npm", ["far npm", "write ./a"]),
        ("docker run --mount Type=bind,Source=/x node", ["problem word", "typed"]),
        ("docker run --privileged node", ["problem option", "typed"]),
        ("docker exec db psql -h h", ["far psql -h h"]),
        ("docker cp ../x:y box:/", ["read ../x:y"]),
        ("docker compose -f git@h:x up", ["host git@h"]),
        ("kubectl delete -f https://h/x", ["url https://h/x"]),
        ("kubectl get x -o jsonpath-file=y", ["read y"]),
        ("kubectl config set x y", ["problem subcommand"]),
        ("kubectl create secret generic x --from-file=k=y", ["read y"]),
        ("helm install x /y", ["load /y"]),
        ("terraform apply -lock x", ["load x"]),
        ("terraform -chdir=x plan", ["load x", "write x"]),
        # databases
        ("psql -h h -c 'select 1' a", ["host h"]),
        ("psql -c 'select 1' 'host=h dbname=x'", ["host h"]),
        ("psql a", ["typed"]),
        ("psql -f x a", ["load x"]),
        ("psql -L x -c 'select 1'", ["write x"]),
        ("psql -c '\\! x'", ["problem code"]),
        ("psql -c \"execute 'x'\"", ["problem code"]),
        ("mysql -e 'system x' a", ["problem code"]),
        ("sqlite3 x '.shell y'", ["problem code", "write x"]),
        ("sqlite3 x", ["typed", "write x"]),
        ("sqlite3 x 'select 1'", ["write x"]),
        ("redis-cli -h h -r 3 slaveof x 1", ["host h", "problem code", "typed"]),
        ("redis-cli get x", ["typed"]),
    ],
)
def test_the_words_of_a_program_are_read_as_it_reads_them(line: str, found: list[str]) -> None:
    assert told(line) == found


@each(
    "name",
    [
        *("at", "batch", "bwrap", "chroot", "chrt", "cmd", "dbus-run-session", "entr", "expect"),
        *("firejail", "flock", "ltrace", "mosh", "nsenter", "parallel", "pkexec", "powershell"),
        *("proxychains", "pwsh", "rlwrap", "rsh", "runuser", "screen", "script", "setpriv"),
        *("sshpass", "strace", "su", "systemd-run", "taskset", "tmux", "torsocks", "unshare"),
        "xvfb-run",
    ],
)
def test_a_program_that_starts_others_in_a_way_not_read_here_is_refused(name: str) -> None:
    for words in ("", " rm x", " -c 'rm x'"):
        assert any(found.startswith("problem") for found in told(name + words))
    assert told(f"{name} --version") == []
