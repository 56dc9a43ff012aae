"""The args as a stream of nodes, each knowing where it is and what its names say it is."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from msgspec import Struct

ROOT = "/args"

# Characters of a parameter name that is looked up; longer ones are no name anybody chose, and
# keeping them would let a caller fill the cache below.
NAME_CHARS_MAX = 64

# Nodes of one call that are read, some eight microseconds each. As with findings, nobody reviews
# more, and a call that needs more is several calls.
NODES_MAX = 6_144

# Characters of a finding's pointer: there are hundreds, and a hostile key may be as long as a call.
WHERE_CHARS_MAX = 256

# What a parameter is for, where the manifest gives it no role: the whole name, words joined.
_WHOLE = {
    "url": (
        "url uri href link endpoint host hostname domain server address website webhook callback"
        " proxy proxyserver proxyaddress socks dns dnsserver nameserver resolver smtpserver"
    ),
    "path": (
        "path file filename filepath dir directory directories folder src source dst dest"
        " destination target root cwd"
    ),
    "command": ("command cmd argv args arguments bin binary executable program script shell code"),
    "text": "find json yaml xml csv replace",
}
# Words that decide as a name's last one too: `webhook_url`, `outputPath`, `build-command`.
_LAST = {
    "url": "url uri href endpoint host hostname domain webhook proxy",
    "path": "path file filename filepath dir directory directories folder",
    "command": "command cmd argv binary executable",
    # What is written, sought or said: a text that begins like a path is none there.
    "text": (
        "text string str content pattern regex regexp query search replacement body message"
        " comment description prompt snippet line code html css sql markdown"
    ),
}
_KINDS_WHOLE = {kind: frozenset(names.split()) for kind, names in _WHOLE.items()}
_KINDS_LAST = {kind: frozenset(names.split()) for kind, names in _LAST.items()}

# How a text begins that may name something whatever its parameter is called; another one does so
# only behind a colon.
_BEGINS = frozenset({"/", "\\", ".", "~", *map(chr, range(0x21)), *map(chr, range(0x7F, 0xA0))})

# What names a place above, and keys that are names of files.
CLIMBS = "/.."
IS_FILE = re.compile(r"[/\\]|[^.]\.[A-Za-z]\w{0,7}\Z")

# Words that say that a text names files.
_NO_TEXT = frozenset({"patch", "diff", "path", "glob"})

_NOTHING: frozenset[str] = frozenset()
_PATH, _TEXT = frozenset({"path"}), frozenset({"text"})

# What may stand where a text is expected.
_NUMBERS = frozenset({int, float})

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_NO_WORD = re.compile(r"[^A-Za-z0-9]+")
_ENDING_CHARS = 3
_ENDINGS = frozenset(
    form[-_ENDING_CHARS:]
    for names in (*_KINDS_WHOLE.values(), *_KINDS_LAST.values())
    for name in names
    for form in (name, f"{name}s")
)


class Node(Struct, frozen=True, kw_only=True):
    """One value of the args, or one object key (`is_key`).

    `role` is the role of its top-level parameter, "" when it has none. `named` is what the keys
    around it say: any of url, path, command, and text where its own key says so. `key` is its own
    key, "" in a list; `token` is what `where` ends in, a key or an index.
    """

    value: object
    token: str | int = ""
    role: str = ""
    named: frozenset[str] = frozenset()
    key: str = ""
    is_key: bool = False
    parent: "Node | None" = None

    @property
    def where(self) -> str:
        """An RFC 6901 pointer into the payload, cut; made when asked for, as keys may be long."""
        tokens: list[str] = []
        node = self
        while node.parent is not None:
            token = str(node.token)[:WHERE_CHARS_MAX]
            tokens.append(token.replace("~", "~0").replace("/", "~1"))
            node = node.parent
        return "/".join((ROOT, *reversed(tokens)))[:WHERE_CHARS_MAX]

    def means(self, kind: str) -> bool:
        """Tell whether the node is a `kind` by its role or, without any role, by its names."""
        return self.role == kind or (not self.role and kind in self.named)


def walk(args: object, roles: Mapping[str, str]) -> Iterator[Node]:
    """Yield every node that may name something, parents first, keys in sorted order.

    Content is left out, keys and all, and so is what nothing around it names and that names nothing
    by itself. Iterative, so that no nesting depth can exhaust the stack.
    """
    pending = [iter((Node(value=args),))]
    while pending:
        node = next(pending[-1], None)
        if node is None:
            pending.pop()
            continue
        yield node
        if not node.is_key and isinstance(node.value, dict | list | tuple):
            pending.append(children(node, roles))


def children(node: Node, roles: Mapping[str, str]) -> Iterator[Node]:
    """Yield what is directly inside a node, each object member as its key and its value."""
    value, speaks = node.value, bool(node.role or node.named)
    if isinstance(value, dict):
        inherited = None if node.parent is None else node.role
        for key in sorted(value):
            role = roles.get(key, "") if inherited is None else inherited
            if role == "content":
                continue
            if speaks or ":" in key or key[:1] in _BEGINS or CLIMBS in key:
                yield Node(
                    value=key, token=key, role=node.role, named=node.named, is_key=True, parent=node
                )
            named = own = _named(key) if len(key) <= NAME_CHARS_MAX else _NOTHING
            if speaks and inherited is not None:
                role, above = _around(node, key, own)
                named = above | own
            if _may_speak(value[key], named=bool(role or named - _TEXT)):
                yield Node(
                    value=value[key], token=key, role=role, named=named, key=key, parent=node
                )
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            if _may_speak(item, named=speaks):
                yield Node(value=item, token=index, role=node.role, named=node.named, parent=node)


def _around(node: Node, key: str, own: frozenset[str]) -> tuple[str, frozenset[str]]:
    """What is known of a member by what it is in: the role, and what the names say."""
    role, named = node.role, node.named - _TEXT
    if "path" in own:
        return role, named
    # Behind the name of a file stands what is in it, and so does a text beside it.
    if IS_FILE.search(key):
        return ("" if role == "path" else role), named - _PATH
    return role, named - _PATH if "text" in own else named


def _may_speak(value: object, *, named: bool) -> bool:
    """Whether a value may name something, or holds what may; most that nothing names do not."""
    if isinstance(value, str):
        begins = named or ":" in value or value[:1] in _BEGINS
        return begins or CLIMBS in value or "\n" in value
    if isinstance(value, dict | list | tuple):
        return named or bool(value)
    return named and type(value) in _NUMBERS


@lru_cache(maxsize=1024)
def _named(key: str) -> frozenset[str]:
    """Read a parameter name: `fileURL`, `file-url` and `FILE_URLS` all end in the word url."""
    joined = _NO_WORD.sub("", key).lower()
    if joined[-_ENDING_CHARS:] not in _ENDINGS:
        return frozenset()
    words = [word.lower() for word in _WORD.findall(key)]
    whole, last = _forms("".join(words)), _forms(words[-1])
    kinds = {kind for kind, names in _KINDS_WHOLE.items() if whole & names}
    kinds |= {kind for kind, names in _KINDS_LAST.items() if last & names}
    if not _NO_TEXT.isdisjoint(words):
        kinds.discard("text")
    return frozenset(kinds)


def _forms(word: str) -> frozenset[str]:
    """Give a word as it is and without a plural s."""
    return frozenset({word, word.removesuffix("s")})
