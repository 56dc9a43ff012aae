"""Whom a message or a payment goes to, in the one spelling that policy compares."""

import re
import unicodedata
from functools import lru_cache
from typing import Never

from aegisd.core.errors import ManifestInvalid
from aegisd.core.manifest.domain import normal

# Characters of an address: RFC 5321 section 4.5.3.1, 64 before the @ and 255 behind it.
LOCAL_CHARACTERS_MAX = 64

# What no text that names somebody holds: line ends begin another header, the rest is not seen.
_CONTROL = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Before the @ of an address. Left out are signs that route on (`%`, `!`), quote, start a program or
# a file in a mail server, or an option; RFC 5322 allows more and nobody's address has them.
_LOCAL = re.compile(r"(?!-)[^\s%!@\"(),:;<>\[\]\\|/`$\x00-\x20]+")


def entry(text: str) -> str:
    """The one spelling of `*`, `@domain`, an address, or an exact text: a number, a name, an id.

    A handle such as `@ann` has no dot, so it is an exact text. Raises `ManifestInvalid` for what no
    recipient of a call would ever equal.
    """
    if has_control(text) or text != text.strip() or not text or set(',;<>"') & set(text):
        _refuse(text)
    name = text.removeprefix("@")
    if "@" not in name:
        is_domain = name != text and "." in name and ":" not in name
        return f"@{_domain(name)}" if is_domain else text
    found = mailbox(text)
    return found[0] if found else _refuse(text)


@lru_cache(1024)
def mailbox(text: str) -> tuple[str, str] | None:
    """`ann@acme.dev` as (address, `@domain`), both in one spelling, or None for anything else.

    Case makes no other mailbox on any server that people use, so ASCII is read in lower case.
    """
    local, _, domain = text.rpartition("@")
    if len(local) > LOCAL_CHARACTERS_MAX or not _LOCAL.fullmatch(local) or has_control(text):
        return None
    if "*" in domain or not unicodedata.is_normalized("NFC", local):
        return None
    try:
        host = normal(domain)
    except ManifestInvalid:
        return None
    return f"{local.lower() if local.isascii() else local}@{host}", f"@{host}"


def looks_like_domain(text: str) -> bool:
    """Whether an exact text is more likely a domain whose `@` was forgotten: `example.com`."""
    last = text.rpartition(".")[2]
    if "." not in text or "@" in text or not (last.isalpha() and len(last) > 1):
        return False
    try:
        return normal(text) == text
    except ManifestInvalid:
        return False


def has_control(text: str) -> bool:
    """Whether a character inside ends a line or is not seen."""
    if text.isascii() and text.isprintable():
        return False
    return any(unicodedata.category(char) in _CONTROL for char in text)


def _domain(text: str) -> str:
    try:
        return _refuse(f"@{text}") if "*" in text else normal(text)
    except ManifestInvalid:
        _refuse(f"@{text}")


def _refuse(text: str) -> Never:
    raise ManifestInvalid(
        f"recipients: {text!r} is nobody that a call could name; write an address, @example.com "
        "for all addresses of a domain, a number, name or id exactly as calls write it, or *"
    )
