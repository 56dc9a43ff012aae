"""Texts -> hosts, read so that a browser (WHATWG URL) and RFC 3986 agree, or refused."""

import re
from collections.abc import Iterable, Iterator

import idna
from msgspec import Struct
from msgspec.structs import replace

from aegisd.core.manifest.domain import SCHEMES
from aegisd.core.target import address
from aegisd.core.target.model import Host, Problem
from aegisd.core.target.node import Node
from aegisd.core.target.service import FORM

# Characters of a host name: RFC 1035 section 2.3.4, 255 octets on the wire, is 253 as text.
HOST_CHARS_MAX = 253
# Characters of the international names of one call: mapping one takes some ten microseconds.
INTERNATIONAL_CHARS_MAX = 2_048
PORT_MAX = 65_535  # RFC 9293 section 3.1: sixteen bits
_PORT_DIGITS_MAX = 5

_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*+):")
_HOST_AND_PORT = re.compile(r"[0-9]+(?:[/?#]|\Z)")
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f]")
_TAB_OR_NEWLINE = re.compile(r"[\t\r\n]")
_C0_AND_SPACE = "".join(map(chr, range(0x21)))
_STARTS_LIKE_URL = re.compile(
    r"[/\\]{2}|(?i:https?|wss?|ftp):(?!\Z)|(?i:file):(?!\s|\Z)|[A-Za-z][A-Za-z0-9+.\-]*+://"
)

# The colon behind a scheme that needs no slashes to be read, or before two of them.
_COLON = re.compile(
    r":(?:(?=[/\\]{2})|(?i:(?<=http:)|(?<=https:)|(?<=ws:)|(?<=wss:)|(?<=ftp:)|(?<=file:)))"
)
_BEFORE_COLON = frozenset(char for char in map(chr, range(128)) if char.isalnum() or char in "+.-")
_SLASHES = re.compile(r"[/\\]*+")
_AUTHORITY_IN_TEXT = re.compile(r"[^\s\"'`<>/\\]*+")
_AFTER_URL = ".,;:!?)]}*|…。、，；：！？）」』】》”’»"  # noqa: RUF001  # punctuation that ends a sentence

# Who logs in, before the @ of a program's target: what no reader takes for a host.
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")

_NAME = re.compile(r"(?:[a-z0-9_\-]{1,63}(?:\.(?!\Z)|\Z))++")
# UTS 46 section 7: what IDNA 2003 and IDNA 2008 map to different names. With them the capital
# sigma, whose lower case hangs on what is around it.
_DEVIATIONS = frozenset("ßẞςΣ\u200c\u200d")
# Soft hyphen, zero width space, word joiner, variation selectors, byte order mark: IDNA drops
# them, so a person sees one name where a byte-wise reader sees another.
_IGNORED = re.compile(
    "[\u00ad\u034f\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)


class Names(Struct):
    """How many characters of international names one call may still have read."""

    left: int = INTERNATIONAL_CHARS_MAX

    def spend(self, characters: int) -> bool:
        """Whether so many more may be read; they count either way."""
        self.left -= characters
        return self.left >= 0


def hosts(nodes: Iterable[Node], names: Names) -> Iterator[Host | Problem]:
    """Yield every host that non-content nodes name, and a problem for each text refused."""
    for node in nodes:
        value = node.value
        if isinstance(value, str):
            means_url = node.means("url") and not node.is_key
            if means_url and (value or node.role):
                yield from url(value, node.where, names)
            elif not means_url and _may_name(value):
                # Most texts name nothing, and where one stands is dear to tell.
                for found in text(value, "", names):
                    yield replace(found, where=node.where)
        elif node.means("url") and isinstance(value, int | float) and not isinstance(value, bool):
            yield Problem(target="host", code="not_text", where=node.where)


def text(value: str, where: str, names: Names) -> Iterator[Host | Problem]:
    """Read a text that may be a URL or may hold some."""
    if not _may_name(value):
        return
    if _STARTS_LIKE_URL.match(_trimmed(value)):
        yield from url(value, where, names)
    else:
        yield from _urls_inside(value, where, names)


def _may_name(value: str) -> bool:
    """Whether it is worth a look: most texts are not."""
    return ":" in value or value[:1] in {"/", "\\"} or _CONTROL.match(value) is not None


def url(value: str, where: str, names: Names) -> Iterator[Host | Problem]:
    """Read a text that is a URL, `//host`, or a bare host[:port][/path]: one host or a problem."""
    codes = {"control"} if _CONTROL.search(value) else set()
    if "\\" in value:
        codes.add("backslash")
    rest = _trimmed(value).replace("\\", "/")
    match = _SCHEME.match(rest)
    scheme = match[1].lower() if match else ""
    if match and scheme in SCHEMES and rest.startswith("//", match.end()):
        for found in _service(value, where, names):
            yield replace(found, plain=False) if isinstance(found, Host) else found
        return
    if match and scheme in _DEFAULT_PORTS:
        rest = rest[match.end() :]
        if not rest.startswith("//") or rest.startswith("///"):
            codes.add("slashes")
        rest = rest.lstrip("/")
    elif match and (scheme == "file" or not _HOST_AND_PORT.match(rest, match.end())):
        yield from _problems(codes | {"scheme"}, where)
        return
    else:
        scheme = ""
        if rest.startswith("///"):
            codes.add("slashes")
        rest = rest.lstrip("/") if rest.startswith("//") else rest
    wide = rest.partition("/")[0]
    if not scheme and wide.endswith(":"):
        codes.add("scheme")
    yield from _authority(wide, scheme, codes, where, names)


def reached(value: str, where: str, names: Names, *, is_url: bool) -> Iterator[Host | Problem]:
    """Read what a program is told to reach: an authority, or a URL of whatever scheme it speaks."""
    match = _SCHEME.match(value) if is_url else None
    if match and match[1].lower() not in _DEFAULT_PORTS and value.startswith("//", match.end()):
        scheme, rest = match[1].lower(), value[match.end() + 2 :]
        if scheme == "file":
            yield Problem(target="host", code="scheme", where=where)
            return
        if scheme in SCHEMES:
            yield from _service(value, where, names)
            return
    elif is_url:
        yield from url(value, where, names)
        return
    else:
        scheme, rest = "", value
    codes = {"control"} if _CONTROL.search(value) else set()
    user, at, authority = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")
    if at and not _USER.fullmatch(user):
        codes.add("userinfo")
    yield from _authority(authority, scheme, codes, where, names)


def _service(value: str, where: str, names: Names) -> Iterator[Host | Problem]:
    """Read a URL of a service, which has one form."""
    form = FORM.fullmatch(value)
    if form:
        yield from _authority(form["authority"], form["scheme"], set(), where, names)
    else:
        yield Problem(target="host", code="service", where=where)


def _trimmed(value: str) -> str:
    """Drop what browsers drop before reading: tabs and newlines anywhere, spaces at the ends."""
    return _TAB_OR_NEWLINE.sub("", value).strip(_C0_AND_SPACE)


def _urls_inside(value: str, where: str, names: Names) -> Iterator[Host | Problem]:
    """Read every `scheme:` in a running text that is followed by something to reach."""
    for match in _COLON.finditer(value):
        start = match.start()
        while start and value[start - 1] in _BEFORE_COLON:
            start -= 1
        scheme = value[start : match.start()].lstrip("0123456789+.-").lower()
        after = _SLASHES.match(value, match.end())
        slashes = after[0] if after else ""
        if scheme not in _DEFAULT_PORTS:
            if scheme and (slashes.startswith("//") or (scheme == "file" and slashes)):
                code = "service" if scheme in SCHEMES else "scheme"
                yield Problem(target="host", code=code, where=where)
            continue
        found = _AUTHORITY_IN_TEXT.match(value, match.end() + len(slashes))
        authority, end = (found[0], found.end()) if found else ("", len(value))
        codes = set() if slashes == "//" else {"slashes"}
        if "\\" in slashes or value[end : end + 1] == "\\":
            codes.add("backslash")
        authority = _without_punctuation(authority)
        if authority:
            yield from _authority(authority, scheme, codes, where, names)


def _without_punctuation(authority: str) -> str:
    """Leave out what ends the sentence around a URL, but not the bracket of an IPv6 address."""
    closing = _AFTER_URL.replace("]", "") if "[" in authority else _AFTER_URL
    return authority.rstrip(closing)


def _authority(
    wide: str, scheme: str, codes: set[str], where: str, names: Names
) -> Iterator[Host | Problem]:
    """Read what stands between `//` and the next `/`.

    Some readers end an authority only at the slash, so an @ behind ? or # counts as userinfo too.
    """
    authority = re.split(r"[?#]", wide, maxsplit=1)[0]
    if "@" in wide:
        codes.add("userinfo")
        authority = authority.rpartition("@")[2]
    if authority.startswith("["):
        name, bracket, port_text = authority[1:].partition("]")
        host, kind, code = address.ipv6(name) if bracket else ("", "", "ipv6_invalid")
        if port_text and not port_text.startswith(":"):
            code, port_text = "ipv6_invalid", ""
        port_text = port_text[1:]
    else:
        name, _, port_text = authority.partition(":")
        host, kind, code = _name(name, names)
    port = _port(port_text)
    codes |= {code} if code else set()
    codes |= {"port"} if port is None else set()
    if host:
        is_default = port is None or port == _DEFAULT_PORTS.get(scheme)
        number = 0 if is_default or port is None else port
        yield Host(host=host, kind=kind, port=number, scheme=scheme, where=where)
    yield from _problems(codes, where)


def _problems(codes: set[str], where: str) -> Iterator[Problem]:
    for code in sorted(codes):
        yield Problem(target="host", code=code, where=where)


def _port(digits: str) -> int | None:
    """Read a port; 0 for none given, None for one that is wrong. A port 0 written out is wrong."""
    if not digits:
        return 0
    if len(digits) > _PORT_DIGITS_MAX or not (digits.isascii() and digits.isdigit()):
        return None
    port = int(digits)
    return port if 0 < port <= PORT_MAX else None


def _name(name: str, names: Names) -> tuple[str, str, str]:
    """Read a host without brackets; give (host, kind, problem code), "" for what is not there."""
    if not name:
        return "", "", "host_empty"
    if "%" in name:
        return "", "", "percent_encoded"
    if len(name) > HOST_CHARS_MAX + 1:
        return "", "", "host_invalid"
    host = name.lower()
    if not host.isascii() or "xn--" in host:
        if not names.spend(len(host)):
            return "", "", "international"
        host = _mapped(name)
    host = host.removesuffix(".")
    if len(host) > HOST_CHARS_MAX or not _NAME.fullmatch(host):
        return "", "", "host_invalid"
    if address.ends_in_number(host):
        quad = address.ipv4(host)
        if quad is None:
            return "", "", "ipv4_invalid"
        return quad, "ipv4", "" if address.is_plain_quad(name) else "ipv4_spelling"
    return host, "name", ""


def _mapped(name: str) -> str:
    """Give an international name in lower case ASCII, or nothing when it is no name.

    IDNA 2008 with the UTS 46 mapping, non-transitional, as WHATWG URL "domain to ASCII" asks.
    """
    if _IGNORED.search(name) or not _DEVIATIONS.isdisjoint(name):
        return ""
    try:
        return idna.encode(name, uts46=True).decode("ascii").lower()
    except UnicodeError:
        return ""
