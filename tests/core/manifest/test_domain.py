"""A domain has one spelling, the one that hosts of calls are read to, or it is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import ManifestInvalid
from aegisd.core.manifest.domain import DOMAIN_CHARACTERS_MAX, normal
from aegisd.core.target.extract import extract
from tests.core.builders import text


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("*", "*"),
        ("example.com", "example.com"),
        ("API.Example.COM", "api.example.com"),
        ("example.com.", "example.com"),
        ("example.com。", "example.com"),
        ("*.Example.com", "*.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.bücher.example", "*.xn--bcher-kva.example"),
        ("ｅｘａｍｐｌｅ.com", "example.com"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("localhost", "localhost"),
        ("my_service", "my_service"),
        ("1.example.com", "1.example.com"),
        ("0x7f.example.com", "0x7f.example.com"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
    ],
)
def test_a_domain_is_kept_as_hosts_are_compared(domain: str, expected: str) -> None:
    assert normal(domain) == expected
    assert normal(expected) == expected


@pytest.mark.parametrize(
    "domain",
    [
        *["", ".", "*.", "**", "*example.com", "a.*.com", "*.*.com", "*..com", ".com", "a..com"],
        *["https://example.com", "a/b", "u@example.com", "example.com:443", "a\\b", "a b.com"],
        *["com..", "a#b", "a?b", "%41.com", "a\n", "\n", "\u00ad", "a\u200db.com", "\ud800.com"],
        *["x" * 64 + ".com", "xn--\u00e9.com", "xn--999999999.com", "é" * 60 + ".com"],
    ],
)
def test_what_is_no_host_is_refused(domain: str) -> None:
    with pytest.raises(ManifestInvalid, match=r"^net\.domains: .* is not a host; write "):
        normal(domain)


@pytest.mark.parametrize(
    "domain",
    [
        *["127.1", "127.0.0.256", "127.0.0.01", "1.2.3.4.5", "2130706433", "0x7f000001"],
        *["0x7f.0.0.1", "017700000001", "1.2.3.4.", "１２７.0.0.1", "[127.0.0.1]", "a.0x"],
        *["*.1.2.3.4", "*.[::1]", "*.::1", "[::1", "::1]", "::g", "[]", "fe80::1%eth0"],
        *["::ffff:1.2.3.4", "[::1]:80", "1.2.3.4:80"],
    ],
)
def test_an_address_has_one_spelling(domain: str) -> None:
    with pytest.raises(ManifestInvalid):
        normal(domain)


def test_a_name_is_bounded() -> None:
    longest = "a." * 126 + "a"
    assert len(longest) == DOMAIN_CHARACTERS_MAX
    assert normal(longest) == longest
    assert normal(longest + ".") == longest
    assert normal("*." + longest) == "*." + longest
    with pytest.raises(ManifestInvalid):
        normal("a" + longest + "a")


spellings = st.text(st.sampled_from("aZ09.-_:[]%xné。\u00ad１ß*/@"), min_size=1, max_size=12) | text


@given(spellings, st.sampled_from(["", "*.", "http://", "xn--", "1."]))
def test_a_domain_is_the_host_a_call_to_it_is_read_as(spelling: str, before: str) -> None:
    try:
        domain = normal(before + spelling)
    except ManifestInvalid:
        return
    if not domain.startswith("*"):
        authority = f"[{domain}]" if ":" in domain else domain
        args = {"url": f"https://{authority}/"}
        found = extract(args, effects=["net"], roles={"url": "url"})
        assert ([host.host for host in found.hosts], found.problems) == ([domain], ())


@given(spellings)
def test_any_host_a_call_may_reach_can_be_written_in_a_manifest(spelling: str) -> None:
    found = extract({"url": f"https://{spelling}"}, effects=["net"], roles={"url": "url"})
    if not found.problems:
        for host in found.hosts:
            assert normal(host.host) == host.host
