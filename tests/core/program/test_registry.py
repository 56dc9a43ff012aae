"""What package managers ask without being told."""

from aegisd.core.program.grammar import every
from aegisd.core.program.line import split
from aegisd.core.program.reading import grammar_of, reaches
from aegisd.core.program.registry import USUAL
from aegisd.core.program.table import PROGRAMS
from aegisd.core.target.extract import extract
from tests.core.target.test_command import LIMITED
from tests.core.target.test_command import reached as targets
from tests.table import each


def asked(line: str) -> list[str]:
    """The usual registries and the URLs that the first command of a line reaches."""
    name, *words = split(line).commands[0].words
    grammar = grammar_of(name.text)
    assert grammar is not None
    return [each.text for each in reaches(words, grammar) if each.kind in {"usual", "url", "host"}]


def test_each_is_a_subcommand_of_the_table() -> None:
    assert set(USUAL) <= {grammar.name for grammar in every(PROGRAMS)}


@each(
    ("line", "found"),
    [
        ("pip install x", ["pypi.org"]),
        ("pip3.11 install -e .", ["pypi.org"]),
        ("python -m pip install -r x.txt", ["pypi.org"]),
        ("pip install -i https://mirror.example/ x", ["https://mirror.example/"]),
        ("pip install --index-url=https://mirror.example/ x", ["https://mirror.example/"]),
        (
            "pip install --extra-index-url https://mirror.example/ x",
            ["https://mirror.example/", "pypi.org"],
        ),
        ("pip uninstall x", []),
        ("uv sync", ["pypi.org"]),
        ("npm ci", ["registry.npmjs.org"]),
        ("npm publish", ["registry.npmjs.org"]),
        ("npm run build", []),
        ("npm --registry https://mirror.example install x", ["https://mirror.example"]),
        ("npm install -- --registry=https://mirror.example", ["registry.npmjs.org"]),
        ("yarn add x", ["registry.yarnpkg.com"]),
        ("cargo add x", ["index.crates.io"]),
        ("cargo build", []),
        ("cargo publish", ["crates.io"]),
        ("go get golang.org/x/sync", ["proxy.golang.org", "golang.org"]),
        ("go mod tidy", ["proxy.golang.org"]),
        ("go mod init x", []),
        ("gem install x", ["rubygems.org"]),
        ("docker pull x", ["registry-1.docker.io"]),
        ("docker push ann/x", ["registry-1.docker.io"]),
        ("docker run --rm node:20 npm test", []),
        ("docker run stranger/x", ["registry-1.docker.io"]),
        ("docker run ghcr.io/a/x", ["ghcr.io"]),
        ("pip install git+https://example.org/a/b", ["https://example.org/a/b"]),
        ("pip install git+https://example.org/a/b x", ["https://example.org/a/b", "pypi.org"]),
        ("docker pull ghcr.io/a/x", ["ghcr.io"]),
        ("docker build -t app .", []),
    ],
)
def test_a_registry_is_asked_where_the_line_names_no_other(line: str, found: list[str]) -> None:
    assert sorted(asked(line)) == sorted(found)


def test_a_usual_registry_is_a_host_of_the_call_where_hosts_are_limited() -> None:
    assert "host pypi.org" in targets("pip install x", LIMITED)
    call = {"command": "pip install x && docker pull x"}
    assert not extract(call, effects=["exec"], roles={}).hosts
