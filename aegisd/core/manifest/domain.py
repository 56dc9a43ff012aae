"""A domain of a manifest, in the form that hosts of calls have when policy compares them."""

import ipaddress
import re

import idna

from aegisd.core.errors import ManifestInvalid

# Schemes of services that an entry may name before its host: those whose URL, in the one form that
# `target.service` reads, says where its readers go. One that is not a place on a host (`file`,
# `data`, `s3`), asks a name server where to go (`mongodb+srv`), holds another URL (`jdbc:...`) or
# lets one speak to any port as one likes (`gopher`) cannot be listed.
SCHEMES = frozenset(
    {
        *("amqp", "amqps", "ftps", "git", "imap", "imaps", "ldap", "ldaps", "mariadb", "mongodb"),
        *("mqtt", "mqtts", "mysql", "nats", "postgres", "postgresql", "redis", "rediss", "sftp"),
        *("smtp", "smtps", "ssh"),
    }
)

# Characters of a host name: RFC 1035 section 2.3.4, 255 octets on the wire, is 253 as text.
DOMAIN_CHARACTERS_MAX = 253

_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")

# A browser takes a name that ends so for IPv4 (WHATWG URL, "ends in a number checker").
_ENDS_IN_NUMBER = re.compile(r"(?:\A|\.)(?:[0-9]+|0x[0-9a-f]*)\Z")


def normal(domain: str) -> str:
    """The one spelling of `*`, `*.name`, a host name (IDNA 2008, UTS 46) or an IP address.

    Each may stand behind one of `SCHEMES` and `://`, for that scheme alone. Raises
    `ManifestInvalid` for anything else, so for all that no host of a call would ever equal: a path,
    a port, an IPv4 address in other spellings than four decimal bytes.
    """
    scheme, slashes, host = domain.partition("://")
    if not slashes:
        return _host(domain, domain)
    if scheme.lower() not in SCHEMES:
        raise ManifestInvalid(
            f"net.domains: {domain!r} is not a host; write the name alone for http, https, ws, wss "
            f"and ftp, and of other schemes one of {', '.join(sorted(SCHEMES))}"
        )
    return f"{scheme.lower()}://{_host(host, domain)}"


def _host(host: str, domain: str) -> str:
    if host == "*":
        return host
    if host.startswith("*."):
        found = _name(host.removeprefix("*."))
        return f"*.{found}" if found else _refuse(domain)
    return _name(host) or _address(host) or _refuse(domain)


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
        "address, *.example.com for all names below one, or *; without a port or a path"
    )
