"""URLs of services: one form, held to entries of their own scheme."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import ManifestInvalid
from aegisd.core.manifest.domain import SCHEMES, normal
from aegisd.core.target.extract import extract
from aegisd.core.target.host import Names, reached
from aegisd.core.target.model import Host, Targets
from tests.rego.reference import host_allowed


def read(url: str) -> Targets:
    return extract({"url": url}, effects=("net",), roles={"url": "url"})


@pytest.mark.parametrize(
    ("url", "host", "kind", "port"),
    [
        ("postgresql://db.internal", "db.internal", "name", 0),
        ("postgres://app@db.internal:5432/app?sslmode=require", "db.internal", "name", 5432),
        ("postgresql://DB.internal./app", "db.internal", "name", 0),
        ("postgresql://[2001:DB8::1]:5432/app", "2001:db8::1", "ipv6", 5432),
        ("mongodb://192.0.2.7/a?retryWrites=true&w=majority", "192.0.2.7", "ipv4", 0),
        ("rediss://cache.internal:6380/0", "cache.internal", "name", 6380),
        ("ssh://git@git.internal/~ann/x.git", "git.internal", "name", 0),
    ],
)
def test_one_form_names_one_host(url: str, host: str, kind: str, port: int) -> None:
    scheme = url.partition(":")[0]
    found = Host(host=host, kind=kind, port=port, scheme=scheme, where="/args/url", plain=False)
    assert read(url) == Targets(hosts=(found,))


@pytest.mark.parametrize(
    "url",
    [
        # several hosts, another host in a setting, a file that names one, no host (libpq)
        "postgresql://db.internal,evil.net/db",
        "postgresql://db.internal:5432,evil.net:5432/db",
        "postgresql://db.internal/db?host=evil.net",
        "postgresql://db.internal/db?hostaddr=192.0.2.9",
        "postgresql://db.internal/db?sslmode=require&host=evil.net",
        "postgresql://db.internal?service=evil",
        "postgresql:///db",
        "postgresql:///db?host=db.internal",
        "postgresql://:5432/db",
        "postgresql://%2Ftmp/db",
        "postgresql://db%2einternal/db",
        "postgresql://db.internal/host%3Devil.net",
        "postgresql://db.internal/a=b",
        # an @ that libpq, hiredis or SQLAlchemy look for behind the slash, the ? or the #
        "postgresql://db.internal?@evil.net/db",
        "postgresql://db.internal#@evil.net/db",
        "postgresql://db.internal:5432/x@evil.net/db",
        "redis://db.internal:6379/x@evil.net",
        "postgresql://db.internal@evil.net/db",
        "postgresql://a@b@db.internal/db",
        "postgresql://app:secret@db.internal/db",
        "postgresql://@db.internal/db",
        # spellings
        "PostgreSQL://db.internal/db",
        " postgresql://db.internal/db",
        "postgresql://db.internal/db\n",
        "postgresql://db.internal/a b",
        "postgre\tsql://db.internal/db",
        "postgresql:\\\\db.internal/db",
        "postgresql:/\\db.internal/db",
        "postgresql://db.internal\\@evil.net/db",
        "postgresql://db.internal;evil.net/db",
        "postgresql:////db.internal/db",
        "postgresql://db。internal/db",  # libpq does not map it
        "postgresql://dß.internal/db",
        "postgresql://0x7f.1/db",
        "postgresql://127.1/db",
        "postgresql://[::1%25eth0]/db",
        "postgresql://[::1/db",
        "postgresql://db.internal:0/db",
        "postgresql://db.internal:65536/db",
        "ssh://-oProxyCommand=evil/x",
        "ssh://-evil.net/x",
        # a scheme in another, one whose name server says where it goes, and those that never pass
        "jdbc:postgresql://db.internal/db",
        "postgresql+psycopg2://db.internal/db",
        "mongodb+srv://db.internal/db",
        "postgresql:db.internal",
        "postgresql:/db.internal",
        "gopher://db.internal/",
        "s3://db.internal/",
        "file://db.internal/x",
        "data:text/plain,postgresql://db.internal",
        "javascript://db.internal/%0aalert(1)",
    ],
)
def test_what_may_lead_to_another_place_is_refused(url: str) -> None:
    found = read(url)
    assert {problem.target for problem in found.problems} == {"host"}


@pytest.mark.parametrize("url", ["redis://db.internal:6379/x@evil.net", "ssh://-oProxy=x/y"])
def test_a_url_in_the_words_of_a_program_has_the_same_form(url: str) -> None:
    found = list(reached(url, "", Names(), is_url=True))
    assert [problem.code for problem in found if not isinstance(problem, Host)] == ["service"]


def test_a_url_in_the_words_of_a_program_needs_the_host_alone() -> None:
    (host,) = reached("postgresql://app@db.internal/app", "", Names(), is_url=True)
    assert isinstance(host, Host)
    assert host.plain


@pytest.mark.parametrize(
    "entry",
    [
        *["file://x.dev", "data://x.dev", "javascript://x.dev", "https://x.dev", "http://x.dev"],
        *["mongodb+srv://x.dev", "jdbc:postgresql://x.dev", "*://x.dev", "://x.dev", "s3://x"],
        *["postgresql://", "postgresql://a,b", "postgresql://a/b", "postgresql://u@a", "ssh:a"],
        *[
            "postgresql://a:5432",
            "postgresql://a?b",
            "postgresql://redis://a",
            "postgresql://127.1",
        ],
    ],
)
def test_an_entry_that_nothing_could_equal_or_that_names_no_host_is_refused(entry: str) -> None:
    with pytest.raises(ManifestInvalid, match=r"^net\.domains: .* is not a host; write "):
        normal(entry)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("postgresql://db.internal", "postgresql://db.internal"),
        ("PostgreSQL://DB.Internal.", "postgresql://db.internal"),
        ("redis://*.internal", "redis://*.internal"),
        ("amqps://*", "amqps://*"),
        ("postgres://[2001:DB8::1]", "postgres://2001:db8::1"),
    ],
)
def test_an_entry_is_kept_as_hosts_are_compared(entry: str, expected: str) -> None:
    assert normal(entry) == expected
    assert normal(expected) == expected


schemes = st.sampled_from(
    ["", "https://", "postgresql://", "redis://", "mongodb+srv://", "file://"]
)
hosts = st.sampled_from(["db.internal", "evil.net", "a.db.internal", "192.0.2.7"])
pieces = st.text(st.sampled_from("ab@:/?#,;=&%\\.-[]5 "), max_size=6)
entries = st.sampled_from(["db.internal", "*.internal", "*", "192.0.2.7"])


@given(schemes, hosts, pieces, pieces, st.lists(st.tuples(schemes, entries), max_size=4))
def test_only_an_entry_of_its_scheme_allows_a_services_url(
    scheme: str, host: str, before: str, after: str, listed: list[tuple[str, str]]
) -> None:
    domains = []
    for before_entry, entry in listed:
        try:
            domains.append(normal(before_entry + entry))
        except ManifestInvalid:
            assert before_entry in {"https://", "mongodb+srv://", "file://"}
    found = read(f"{scheme}{before}{host}{after}")
    name = scheme.removesuffix("://")
    if not found.problems and name in SCHEMES:
        (only,) = found.hosts
        # The model: what stands between a plain user and the port, path or settings is the host.
        plainly = re.fullmatch(r"(?:\w[\w-]*@)?(.+?)(?::\d+)?(?:[/?].*)?", f"{before}{host}{after}")
        assert plainly is not None
        assert only.host == plainly[1].removesuffix(".")
        of_scheme = [each for each in domains if each.startswith(scheme)]
        record = {"host": only.host, "kind": only.kind, "scheme": name, "plain": only.plain}
        assert host_allowed(record, domains) == host_allowed(record, of_scheme)
