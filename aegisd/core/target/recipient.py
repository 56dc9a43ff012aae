"""Args -> whom a message or a payment goes to, read as RFC 5322 and naive readers both would.

A display name is for the eye: the address is judged. Whatever a plain split, a search for the first
address or a mail server would read otherwise is a problem.
"""

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

from aegisd.core.manifest.recipient import has_control, mailbox
from aegisd.core.target.host import Names
from aegisd.core.target.model import Problem, Recipient
from aegisd.core.target.node import NODES_MAX, ROOT, Node

# The effects of tools whose parameters name somebody.
REACHES_PEOPLE = frozenset({"message", "spend"})

# Parameters that name somebody where the manifest gives no role; whole names, words joined.
_NAMES = """
to cc bcc recipient recipients receiver receivers email emails emailaddress toemail toaddress
replyto channel channels channelid channelname chatid phone phonenumber tonumber iban payee
beneficiary attendees participants invitees torecipients ccrecipients bccrecipients
"""
NAMED = frozenset(_NAMES.split())
# Parameters that become a line of a mail's header.
_HEADERS = frozenset({"subject", "from", "fromemail", "fromname", "sender", "replyto"})
# Beside one of these, a name in the same object is for the eye.
_ADDRESSES = frozenset({"address", "email", "emailaddress", "mail", "phone", "id"})
_SHOWN = frozenset({"name", "displayname", "label", "type"})

# Characters of an address: RFC 5321 section 4.5.3.1, 64 and an @ and 255.
ADDRESS_CHARACTERS_MAX = 320

_NO_WORD = re.compile(r"[^A-Za-z0-9]+")
# One piece of a list of addresses: a quoted name, an address in angles, a separator, plain text.
_PIECE = re.compile(r'"[^"\\]*"|<[^<>"]*>|[,;]|[^",;<>]+')
_ANGLE = re.compile(r"([^<>]*)<\s*([^<>\s]+)\s*>\s*")
_LINE_END = re.compile(r"[\r\n\x0b\x0c\x85\u2028\u2029]")

Found = Recipient | Problem


class Limits(Struct, frozen=True, kw_only=True):
    """The names of the lists of recipients that the manifest has."""

    lists: frozenset[str]

    def of(self, tool: str, parameter: str) -> str:
        """The list that holds a parameter, the most exact one; "" where none does."""
        wanted = (f"{tool}.{parameter}", parameter, "*")
        return next((name for name in wanted if name in self.lists), "")


def recipients(
    args: object, tool: str, roles: Mapping[str, str], limits: Limits, names: Names
) -> Iterator[Found]:
    """Yield everybody that the args name, and a problem for each text refused.

    A parameter names somebody by the role `recipient` or, without a role, by its name.
    """
    pending = [_Place(node=Node(value=args))]
    for count in range(NODES_MAX + 1):
        if not pending:
            return
        if count == NODES_MAX:
            yield Problem(target="recipient", code="too_many", where=ROOT)
            return
        place = pending.pop()
        if isinstance(place.node.value, dict | list | tuple):
            pending += _inside(place, roles)
        else:
            yield from _leaf(place.node, limits.of(tool, place.parameter), names)


class _Place(Struct, frozen=True):
    """A value of the args, and the parameter it is in."""

    node: Node
    parameter: str = ""


def _inside(place: _Place, roles: Mapping[str, str]) -> Iterator[_Place]:
    """What a list or an object holds. The members of a parameter have its role."""
    node = place.node
    if isinstance(node.value, list | tuple):
        for index, item in enumerate(node.value):
            child = Node(value=item, token=index, role=node.role, key=node.key, parent=node)
            yield _Place(child, place.parameter)
    if not isinstance(node.value, dict):
        return
    is_meant = node.role == "recipient"
    has_address = is_meant and any(_joined(key) in _ADDRESSES for key in node.value)
    for key, item in node.value.items():
        role = roles.get(key, "") if node.parent is None else node.role
        joined = _joined(key)
        if not role and joined in NAMED:
            role = "recipient"
        if has_address and joined in _SHOWN:
            continue
        if role != "recipient" and not isinstance(item, dict | list) and joined not in _HEADERS:
            continue
        # A key may be the address itself: {"ann@acme.dev": "Ann"}.
        value = key if is_meant and "@" in key else item
        child = Node(value=value, token=key, role=role, key=key, parent=node)
        yield _Place(child, place.parameter or key)


def _leaf(node: Node, field: str, names: Names) -> Iterator[Found]:
    """Who one text or number is."""
    value = node.value
    if isinstance(value, str):
        if _joined(node.key) in _HEADERS and _LINE_END.search(value):
            yield Problem(target="recipient", code="header", where=node.where)
        if node.role == "recipient":
            yield from _text(value, field, node.where, names)
    elif node.role == "recipient" and value is not None:
        yield _number(value, field, node.where)


def _joined(key: str) -> str:
    return _NO_WORD.sub("", key).lower()


def _number(value: object, field: str, where: str) -> Found:
    """An id that is a whole number is the text of it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Recipient(recipient=str(value), domain="", field=field, where=where)
    return Problem(target="recipient", code="not_text", where=where)


def _text(text: str, field: str, where: str, names: Names) -> Iterator[Found]:
    """Read everybody in one text: several addresses or ids stand between commas or semicolons."""
    shown, _, _ = text.rpartition("<")  # an emoji in a display name may join two
    if _LINE_END.search(text) or has_control(text.removeprefix(shown)) or "=?" in text:
        yield Problem(target="recipient", code="control", where=where)
        return
    if _PIECE.sub("", text):
        yield Problem(target="recipient", code="address", where=where)
        return
    part = ""
    for piece in (*_PIECE.findall(text), ","):
        if piece not in {",", ";"}:
            part += piece
            continue
        if part.strip():
            yield _one(part.strip(), field, where, names)
        part = ""


def _one(text: str, field: str, where: str, names: Names) -> Found:
    """One address with or without a display name, or an exact text."""
    angle = _ANGLE.fullmatch(text)
    shown, plain = (angle[1], angle[2]) if angle else ("", text)
    bad = Problem(target="recipient", code="address", where=where)
    if "@" in shown or "(" in shown:
        return bad
    if len(plain) > ADDRESS_CHARACTERS_MAX and "@" in plain:
        return bad
    if "@" not in plain.removeprefix("@"):
        is_domain = plain.startswith("@") and "." in plain and ":" not in plain
        if angle or is_domain or plain == "*" or set('<>"') & set(plain):
            return bad
        return Recipient(recipient=plain, domain="", field=field, where=where)
    if not plain.isascii() and not names.spend(len(plain)):
        return Problem(target="recipient", code="international", where=where)
    found = mailbox(plain)
    if found is None:
        return bad
    return Recipient(recipient=found[0], domain=found[1], field=field, where=where)
