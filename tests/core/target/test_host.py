"""URLs as attackers, agents and browsers write them."""

import re
import unicodedata
from urllib.parse import urlsplit

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.target.extract import extract
from aegisd.core.target.host import HOST_CHARS_MAX, PORT_MAX
from aegisd.core.target.model import Host, Problem, Targets
from tests.table import each


def read_url(text: object) -> Targets:
    return extract({"url": text}, effects=("net",), roles={"url": "url"})


def read_text(text: str, effect: str = "net") -> Targets:
    return extract({"note": text}, effects=(effect,), roles={})


def names(targets: Targets) -> list[str]:
    return [host.host for host in targets.hosts]


def codes(targets: Targets) -> list[str]:
    return [problem.code for problem in targets.problems if problem.target == "host"]


CLEAN = [
    # text, host, kind, port, scheme
    ("https://example.com", "example.com", "name", 0, "https"),
    ("HTTPS://EXAMPLE.COM/A", "example.com", "name", 0, "https"),
    ("https://example.com./", "example.com", "name", 0, "https"),
    ("http://example.com:80", "example.com", "name", 0, "http"),
    ("http://example.com:443", "example.com", "name", 443, "http"),
    ("https://example.com:443", "example.com", "name", 0, "https"),
    ("wss://example.com:8443/x", "example.com", "name", 8443, "wss"),
    ("ftp://example.com:", "example.com", "name", 0, "ftp"),
    ("ws://example.com:00080", "example.com", "name", 0, "ws"),
    ("//example.com/a", "example.com", "name", 0, ""),
    ("www.informations.com", "www.informations.com", "name", 0, ""),
    ("example.com/a/@b", "example.com", "name", 0, ""),
    ("example.com:8080/a", "example.com", "name", 8080, ""),
    ("localhost:3000", "localhost", "name", 3000, ""),
    ("https://medium.com/@user?q=a@b#c@d", "medium.com", "name", 0, "https"),
    ("https://a.com?next=//evil.com", "a.com", "name", 0, "https"),
    ("https://a.com#//evil.com", "a.com", "name", 0, "https"),
    ("https://my_host.internal", "my_host.internal", "name", 0, "https"),
    ("https://-a.b--c.com", "-a.b--c.com", "name", 0, "https"),
    ("https://münchen.de", "xn--mnchen-3ya.de", "name", 0, "https"),
    ("https://MÜNCHEN.DE", "xn--mnchen-3ya.de", "name", 0, "https"),
    ("https://XN--MNCHEN-3YA.de", "xn--mnchen-3ya.de", "name", 0, "https"),
    ("https://ｇｏｏｇｌｅ.com", "google.com", "name", 0, "https"),
    ("https://a。b．c｡com", "a.b.c.com", "name", 0, "https"),
    ("https://аpple.com", "xn--pple-43d.com", "name", 0, "https"),
    ("https://1.2.3.4:8080", "1.2.3.4", "ipv4", 8080, "https"),
    ("169.254.169.254/latest", "169.254.169.254", "ipv4", 0, ""),
    ("http://[::1]/", "::1", "ipv6", 0, "http"),
    ("http://[2001:DB8:0:0::FF]:80", "2001:db8::ff", "ipv6", 0, "http"),
    ("[::1]:9000", "::1", "ipv6", 9000, ""),
    ("http://1.2.3.4.com", "1.2.3.4.com", "name", 0, "http"),
    ("http://0x7f.com", "0x7f.com", "name", 0, "http"),
]


@each(("text", "host", "kind", "port", "scheme"), CLEAN)
def test_what_all_readers_agree_on_is_one_host_without_a_problem(
    text: str, host: str, kind: str, port: int, scheme: str
) -> None:
    found = Host(host=host, kind=kind, port=port, scheme=scheme, where="/args/url")
    assert read_url(text) == Targets(hosts=(found,))


REFUSED = [
    # text, problem codes, hosts named all the same
    ("http://good.com@evil.com", ["userinfo"], ["evil.com"]),
    ("http://good.com:80@evil.com", ["userinfo"], ["evil.com"]),
    ("http://a@b@evil.com", ["userinfo"], ["evil.com"]),
    ("http://evil.com#@good.com", ["userinfo"], ["evil.com"]),
    ("http://evil.com?@good.com", ["userinfo"], ["evil.com"]),
    ("http://evil.com;@good.com", ["userinfo"], ["good.com"]),
    ("user@evil.com", ["userinfo"], ["evil.com"]),
    ("http://@evil.com", ["userinfo"], ["evil.com"]),
    (r"http://evil.com\@good.com", ["backslash"], ["evil.com"]),
    (r"http:\\evil.com", ["backslash"], ["evil.com"]),
    (r"http:/\evil.com", ["backslash"], ["evil.com"]),
    (r"\\evil.com\share", ["backslash"], ["evil.com"]),
    (r"/\evil.com", ["backslash"], ["evil.com"]),
    (r"http://good.com\.evil.com", ["backslash"], ["good.com"]),
    ("http://good.com\t.evil.com", ["control"], ["good.com.evil.com"]),
    ("http://good.com\n.evil.com", ["control"], ["good.com.evil.com"]),
    ("http://good.com\r\nHost: evil.com", ["control", "port"], ["good.comhost"]),
    ("ht\ntp://evil.com", ["control"], ["evil.com"]),
    (" http://evil.com", ["control"], ["evil.com"]),
    ("\x00http://evil.com", ["control"], ["evil.com"]),
    ("http://evil.com ", ["control"], ["evil.com"]),
    ("http://evil .com", ["control", "host_invalid"], []),
    ("http://evil.com/a b", ["control"], ["evil.com"]),
    ("http://evil.com\x00.good.com", ["control", "host_invalid"], []),
    ("http://evil\x7f.com", ["control", "host_invalid"], []),
    ("http://evil\x85.com", ["control", "host_invalid"], []),
    ("http://%65vil.com", ["percent_encoded"], []),
    ("http://good.com%2eevil.com", ["percent_encoded"], []),
    ("http://good.com%2f@evil.com", ["userinfo"], ["evil.com"]),
    ("http://good.com%00.evil.com", ["percent_encoded"], []),
    ("http:/evil.com", ["slashes"], ["evil.com"]),
    ("https:evil.com", ["slashes"], ["evil.com"]),
    ("http:///evil.com", ["slashes"], ["evil.com"]),
    ("///evil.com", ["slashes"], ["evil.com"]),
    ("https:8080", ["ipv4_spelling", "slashes"], ["0.0.31.144"]),
    ("file:///etc/passwd", ["scheme"], []),
    ("file://evil.com/x", ["scheme"], []),
    ("file:80", ["scheme"], []),
    ("javascript:alert(1)", ["scheme"], []),
    ("data:text/html,x", ["scheme"], []),
    ("gopher://evil.com:70/_", ["scheme"], []),
    ("git+https://evil.com/x", ["scheme"], []),
    ("jar:http://evil.com!/", ["scheme"], []),
    ("view-source:http://evil.com", ["scheme"], []),
    ("mailto:a@evil.com", ["scheme"], []),
    ("ｅvil.com://good.com", ["scheme"], ["evil.com"]),
    ("", ["host_empty"], []),
    ("/relative/path", ["host_empty"], []),
    ("?q=1", ["host_empty"], []),
    ("http://", ["host_empty"], []),
    ("http://:80", ["host_empty"], []),
    ("http://evil.com:65536", ["port"], ["evil.com"]),
    ("http://evil.com:0", ["port"], ["evil.com"]),
    ("http://evil.com:-1", ["port"], ["evil.com"]),
    ("http://evil.com:８０", ["port"], ["evil.com"]),
    ("http://evil.com:80:80", ["port"], ["evil.com"]),
    ("http://evil.com:000080", ["port"], ["evil.com"]),
    ("http://evil.com:http", ["port"], ["evil.com"]),
    ("http://2130706433", ["ipv4_spelling"], ["127.0.0.1"]),
    ("http://0x7f.1", ["ipv4_spelling"], ["127.0.0.1"]),
    ("http://0177.0.0.1", ["ipv4_spelling"], ["127.0.0.1"]),
    ("http://127.1", ["ipv4_spelling"], ["127.0.0.1"]),
    ("http://127.0.0.1.", ["ipv4_spelling"], ["127.0.0.1"]),
    ("http://0X7F000001", ["ipv4_spelling"], ["127.0.0.1"]),
    ("http://0", ["ipv4_spelling"], ["0.0.0.0"]),
    ("http://１２７.0.0.1", ["ipv4_spelling"], ["127.0.0.1"]),
    ("http://127。0。0。1", ["ipv4_spelling"], ["127.0.0.1"]),
    ("http://①②⑦.0.0.1", ["ipv4_spelling"], ["127.0.0.1"]),
    ("http://127.0.0.01", ["ipv4_spelling"], ["127.0.0.1"]),
    ("http://256.0.0.1", ["ipv4_invalid"], []),
    ("http://1.2.3.4.5", ["ipv4_invalid"], []),
    ("http://good.com.08", ["ipv4_invalid"], []),
    ("http://good.0x1", ["ipv4_invalid"], []),
    ("http://[::ffff:127.0.0.1]", ["ipv4_mapped"], ["127.0.0.1"]),
    ("http://[::ffff:7f00:1]", ["ipv4_mapped"], ["127.0.0.1"]),
    ("http://[fe80::1%25eth0]", ["ipv6_zone"], []),
    ("http://[fe80::1%eth0]", ["ipv6_zone"], []),
    ("http://[::1", ["ipv6_invalid"], []),
    ("http://[::1]evil.com", ["ipv6_invalid"], ["::1"]),
    ("http://[good.com]", ["ipv6_invalid"], []),
    ("::1", ["host_empty", "port"], []),
    ("http://[::1]:x", ["port"], ["::1"]),
    ("http://straße.de", ["host_invalid"], []),
    ("http://faς.gr", ["host_invalid"], []),
    ("http://ΦΑΣ.gr", ["host_invalid"], []),
    ("http://good\u00ad.com", ["host_invalid"], []),
    ("http://go\u200bod.com", ["host_invalid"], []),
    ("http://go\u200dod.com", ["host_invalid"], []),
    ("http://\u202egood.com", ["host_invalid"], []),
    ("http://℀.com", ["host_invalid"], []),
    ("http://good.com／evil.com", ["host_invalid"], []),
    ("http://good.com＠evil.com", ["host_invalid"], []),
    ("http://good.com：80", ["host_invalid"], []),
    ("http://xn--a.com", ["host_invalid"], []),
    ("http://xn--", ["host_invalid"], []),
    ("http://👍.com", ["host_invalid"], []),
    ("http://a..com", ["host_invalid"], []),
    ("http://.com", ["host_invalid"], []),
    ("http://a.com..", ["host_invalid"], []),
    ("http://good.com,evil.com", ["host_invalid"], []),
    ("http://good.com&evil.com", ["host_invalid"], []),
    ("http://{a,b}.com", ["host_invalid"], []),
    ("http://*.com", ["host_invalid"], []),
    ("https://a.com,https://b.com", ["host_invalid"], []),
    (f"http://{'a' * 64}.com", ["host_invalid"], []),
]


@each(("text", "expected", "hosts"), REFUSED)
def test_what_two_readers_could_take_apart_differently_is_a_problem(
    text: str, expected: list[str], hosts: list[str]
) -> None:
    targets = read_url(text)
    assert codes(targets) == sorted(expected)
    assert names(targets) == hosts


TEXTS = [
    # text, hosts, problem codes
    ("see https://a.com/x and http://b.com.", ["a.com", "b.com"], []),
    (
        "(https://a.com), [https://b.com/x] <https://c.com> **https://d.com**",
        ["a.com", "b.com", "c.com", "d.com"],
        [],
    ),
    ("{\"u\": \"https://a.com\", 'v': 'http://b.com'}", ["a.com", "b.com"], []),
    ("[x](http://[::1]:80)", ["::1"], []),
    ("看https://a.com。", ["a.com"], []),
    ("1http://a.com", ["a.com"], []),
    ("note http: is old, and http:// too, C:\\x, a:b, x//y", [], []),
    ("see http://good.com@evil.com now", ["evil.com"], ["userinfo"]),
    ("see http://evil.com#@good.com now", ["evil.com"], ["userinfo"]),
    (r"see http://good.com\@evil.com now", ["good.com"], ["backslash"]),
    (r"see http:\\evil.com now", ["evil.com"], ["backslash", "slashes"]),
    ("see http:evil.com now", ["evil.com"], ["slashes"]),
    ("see http:///evil.com now", ["evil.com"], ["slashes"]),
    ("see ssh://evil.com now", [], ["service"]),
    ("see gopher://evil.com now", [], ["scheme"]),
    ("see xhttp://evil.com now", [], ["scheme"]),
    ("see file:///etc/passwd now", [], ["scheme"]),
    ("see http://2130706433/ now", ["127.0.0.1"], ["ipv4_spelling"]),
    ("http: a@evil.com", ["evil.com"], ["control", "slashes", "userinfo"]),
    ("https://a.com is nice", [], ["control", "host_invalid"]),
    ("https://a.com/x is nice", ["a.com"], ["control"]),
    ("//evil.com/x", ["evil.com"], []),
    ("\t//evil.com/x", ["evil.com"], ["control"]),
    ("\nht\ttp://evil.com/x", ["evil.com"], ["control"]),
    ("www.evil.com", [], []),
]


@each(("text", "hosts", "expected"), TEXTS)
@each("effect", ["net", "exec"])
def test_every_url_in_a_free_text_is_found(
    text: str, hosts: list[str], expected: list[str], effect: str
) -> None:
    targets = read_text(text, effect)
    assert names(targets) == hosts
    assert codes(targets) == expected


PIECES = (
    "http https ws ftp file javascript : :// // / \\ @ # ? [ ] [::1] [::ffff:1.2.3.4] good.com"
    " evil.com A.b EVIL.com . .. %2e %00 127.0.0.1 0x7f 0177.0.0.1 127.1 2130706433 1.2.3.4.5"
    " 256.1.1.1 08 :80 :0080 :443 :99999 - _ ß ü 。 ． ｅ １ ① xn-- xn--a xn--mnchen-3ya ; | <"
    " \" ' ` { ^ * ~ ! $ ( , = + & ℀ ／ ＠ ： ㎯ ﬀ İ ı ς Σ ٣ com. user:pass@ % 1e3"
)
ODD_SPACES = ["\t", "\n", " ", "\x00", "\x7f", "\u200d", "\u00ad", "\u3000"]
URLISH = st.lists(st.sampled_from(PIECES.split() + ODD_SPACES), max_size=6).map("".join)
STARTS = st.sampled_from(["http://", "https://", "HTTP://", "ws://", "ftp://", "//"])
LABEL = st.text("aZ0-_üｅ１ﬀıḿ", min_size=1, max_size=4)
TAMEISH = st.builds(
    "{}{}{}{}".format,
    st.lists(LABEL, min_size=1, max_size=3).map(".".join) | st.just("[::1]"),
    st.sampled_from(["", ".", "。"]),
    st.sampled_from(["", ":80", ":0443", ":"]),
    st.sampled_from(["", "/", "?", "#", "/@", "?a=", "#//"]).flatmap(
        lambda mark: URLISH.map(lambda rest: mark + rest if mark else "")
    ),
)


def like_a_browser(text: str) -> str:
    """Find a host as WHATWG URL does for a scheme with an authority, as simply as it goes."""
    text = re.sub(r"[\t\r\n]", "", text).strip("".join(map(chr, range(33))))
    text = re.sub(r"(?i)^(https?|ws|ftp):", "", text).lstrip("/\\")
    host = re.split(r"[/\\?#]", text)[0].rpartition("@")[2]
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def on_the_wire(host: str) -> str:
    """Write a host as a resolver gets it."""
    host = unicodedata.normalize("NFKC", host.lower()).replace("。", ".").removesuffix(".")
    return host if host.isascii() else idna.encode(host).decode()


@given(start=STARTS, rest=URLISH | TAMEISH)
def test_a_host_without_a_problem_is_the_host_that_browser_and_urllib_see(
    start: str, rest: str
) -> None:
    targets = read_url(start + rest)
    if not targets.problems:
        (host,) = targets.hosts
        heard = urlsplit(start + rest).hostname
        assert heard is not None
        assert host.host == on_the_wire(like_a_browser(start + rest)) == on_the_wire(heard)


@given(rest=TAMEISH, data=st.data())
def test_a_mark_that_moves_the_authority_never_passes(rest: str, data: st.DataObject) -> None:
    mark = data.draw(st.sampled_from(["@", "\\", "\t", "\n", " ", "%", "\x00"]))
    authority = re.split(r"[/?#]", rest)[0]
    cut = data.draw(st.integers(0, len(authority)))
    assert read_url(f"http://{rest[:cut]}{mark}{rest[cut:]}").problems


@given(start=STARTS, rest=URLISH)
def test_a_url_alone_and_the_same_url_under_its_role_read_the_same(start: str, rest: str) -> None:
    alone, role = read_text(start + rest), read_url(start + rest)
    assert names(alone) == names(role)
    assert codes(alone) == codes(role)


@given(text=URLISH)
def test_a_url_leaf_is_one_host_or_a_problem(text: str) -> None:
    targets = read_url(text)
    assert len(targets.hosts) == 1 or targets.problems


def test_a_host_name_may_be_as_long_as_dns_allows_and_no_longer() -> None:
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(longest) == HOST_CHARS_MAX
    assert names(read_url(f"http://{longest}")) == names(read_url(f"http://{longest}."))
    assert not read_url(f"http://{longest}.").problems
    assert codes(read_url(f"http://{longest}b")) == ["host_invalid"]


def test_a_host_name_is_bounded_as_it_is_written_though_idna_would_make_it_shorter() -> None:
    written = ".".join(["e\u0301" * 31] * 5)
    for characters, expected in ((HOST_CHARS_MAX + 1, []), (HOST_CHARS_MAX + 2, ["host_invalid"])):
        name = written[:characters]
        assert len(idna.encode(name, uts46=True)) < HOST_CHARS_MAX
        assert codes(read_url(f"http://{name}")) == expected


def test_a_port_may_be_as_high_as_tcp_allows_and_no_higher() -> None:
    assert read_url(f"http://a.com:{PORT_MAX}").hosts[0].port == PORT_MAX
    assert codes(read_url(f"http://a.com:{PORT_MAX + 1}")) == ["port"]


def test_a_number_where_a_url_belongs_is_refused_and_nothing_is_nothing() -> None:
    assert codes(read_url(2130706433)) == ["not_text"]
    assert codes(read_url(0.5)) == ["not_text"]
    assert read_url(None) == read_url(True) == Targets()  # noqa: FBT003  # a JSON value


def test_a_url_hidden_in_an_object_key_is_found() -> None:
    targets = extract(
        {"headers": {"https://evil.com/x": 1, "a~b/c": {"//evil.org": 2}}},
        effects=["net"],
        roles={},
    )
    assert [(host.host, host.where) for host in targets.hosts] == [
        ("evil.com", "/args/headers/https:~1~1evil.com~1x"),
        ("evil.org", "/args/headers/a~0b~1c/~1~1evil.org"),
    ]


def test_a_domain_the_caller_declares_is_one_more_host_and_replaces_none() -> None:
    targets = extract(
        {"url": "https://evil.com", "domain": "good.com"}, effects=["net"], roles={"url": "url"}
    )
    assert names(targets) == ["evil.com", "good.com"]


URL_NAMES = (
    "url URL urls uri href link endpoint host hostname host_name domain server address website"
)


@pytest.mark.parametrize("name", [*URL_NAMES.split(), "webhook", "callback", "callbackUrl"])
def test_a_parameter_named_like_a_url_is_read_as_one(name: str) -> None:
    assert names(extract({name: "evil.com"}, effects=["net"], roles={})) == ["evil.com"]
    assert extract({name: ""}, effects=["net"], roles={}) == Targets()


def test_a_role_speaks_louder_than_a_name() -> None:
    args = {"address": "12 High Street"}
    assert extract(args, effects=["net"], roles={"address": "recipient"}) == Targets()
    assert extract(args, effects=["net"], roles={}).problems


def test_quotes_of_a_shell_do_not_hide_the_host_behind_them() -> None:
    for line in ("curl 'https://good.com'@evil.com", "curl https://good.com\\@evil.com"):
        targets = extract({"command": line}, effects=["exec"], roles={})
        assert "evil.com" in names(targets)
        assert "userinfo" in codes(targets)


def test_no_hosts_are_sought_for_a_tool_that_reaches_no_network() -> None:
    assert extract({"url": "https://evil.com"}, effects=["message"], roles={}) == Targets()


def test_a_problem_says_where_and_of_which_target() -> None:
    assert read_url("http://[").problems == (
        Problem(target="host", code="ipv6_invalid", where="/args/url"),
    )
