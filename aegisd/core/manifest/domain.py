"""A domain of a manifest, in the form that hosts of calls have when policy compares them."""

import ipaddress
import re

import idna

from aegisd.core.errors import ManifestInvalid

# Characters of a host name: RFC 1035 section 2.3.4, 255 octets on the wire, is 253 as text.
DOMAIN_CHARACTERS_MAX = 253

_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")

# A browser takes a name that ends so for IPv4 (WHATWG URL, "ends in a number checker").
_ENDS_IN_NUMBER = re.compile(r"(?:\A|\.)(?:[0-9]+|0x[0-9a-f]*)\Z")


def normal(domain: str) -> str:
    """The one spelling of `*`, `*.name`, a host name (IDNA 2008, UTS 46) or an IP address.

    Raises `ManifestInvalid` for anything else, so for all that no host of a call would ever equal:
    a URL, a port, an IPv4 address in other spellings than four decimal bytes.
    """
    if domain == "*":
        return domain
    if domain.startswith("*."):
        found = _name(domain.removeprefix("*."))
        return f"*.{found}" if found else _refuse(domain)
    return _name(domain) or _address(domain) or _refuse(domain)


def _name(text: str) -> str:
    """The lower case ASCII name without a trailing dot; empty when the text is no name."""
    host = text.lower()
    if not text.isascii() or "xn--" in host:
        try:
            host = idna.encode(text, uts46=True).decode("ascii")
        except UnicodeError:
            return ""
    host = host.removesuffix(".")
    if len(host) > DOMAIN_CHARACTERS_MAX or not _NAME.fullmatch(host):
        return ""
    return "" if _ENDS_IN_NUMBER.search(host) else host


def _address(text: str) -> str:
    """The address as RFC 5952 spells it; empty when the text is none."""
    bracketed = text.startswith("[") and text.endswith("]")
    try:
        if not bracketed and ":" not in text:
            return str(ipaddress.IPv4Address(text))
        address = ipaddress.IPv6Address(text[1:-1] if bracketed else text)
    except ValueError:
        return ""
    # A call's zone is refused and its mapped address read as IPv4, so neither would ever match.
    return "" if address.scope_id or address.ipv4_mapped else address.compressed


def _refuse(domain: str) -> str:
    raise ManifestInvalid(
        f"net.domains: {domain!r} is not a host; write a name such as api.example.com, a plain IP "
        "address, *.example.com for all names below one, or *"
    )
