"""IP addresses as people, browsers and C libraries spell them."""

import ipaddress
import re

_PLAIN_QUAD = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:\.(?!\Z)|\Z)){4}")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_PARTS_MAX = 4  # bytes of an IPv4 address, so parts of its text


def is_plain_quad(text: str) -> bool:
    """Tell whether every reader agrees on this IPv4 text: four decimal bytes, no leading zero."""
    return _PLAIN_QUAD.fullmatch(text) is not None


def ends_in_number(host: str) -> bool:
    """Tell whether a browser takes the host for IPv4 (WHATWG URL, "ends in a number checker")."""
    return _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]) is not None


def ipv4(host: str) -> str | None:
    """Give the dotted quad a browser would connect to (WHATWG URL, "IPv4 parser"), or None.

    Takes one to four parts, each decimal, octal (leading 0) or hex (leading 0x), the last one
    filling all bytes that are left, as inet_aton does.
    """
    parts = host.removesuffix(".").split(".")
    if len(parts) > _PARTS_MAX:
        return None
    numbers = [_number(part) for part in parts]
    total = 0
    for place, number in enumerate(numbers):
        is_last = place == len(numbers) - 1
        bound = 256 ** (_PARTS_MAX - place) if is_last else 256
        if number is None or number >= bound:
            return None
        total += number if is_last else number << (8 * (_PARTS_MAX - 1 - place))
    return str(ipaddress.IPv4Address(total))


def _number(part: str) -> int | None:
    if _NUMBER.fullmatch(part) is None:
        return None
    if part[:2] in {"0x", "0X"}:
        return int(part[2:] or "0", 16)
    if part.startswith("0"):
        return int(part, 8) if part.strip("01234567") == "" else None
    return int(part)


def ipv6(text: str) -> tuple[str, str, str]:
    """Read the text between brackets; give (host, kind, problem code), "" for what is not there.

    An IPv4 address inside comes back as IPv4, since that is the machine it reaches.
    """
    if "%" in text:
        return "", "", "ipv6_zone"
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return "", "", "ipv6_invalid"
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped), "ipv4", "ipv4_mapped"
    return address.compressed, "ipv6", "ipv4_mapped" if "." in text else ""
