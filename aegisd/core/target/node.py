"""The args as a stream of nodes, each knowing where it is and what its names say it is."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from msgspec import Struct

ROOT = "/args"

# Characters of a parameter name that is looked up; longer ones are no name anybody chose, and
# keeping them would let a caller fill the cache below.
NAME_CHARS_MAX = 64

# Characters of a finding's pointer: there are hundreds, and a hostile key may be as long as a call.
WHERE_CHARS_MAX = 256

# What a parameter is for, where the manifest gives it no role: the whole name, words joined.
_WHOLE = {
    "url": (
        "url uri href link endpoint host hostname domain server address website webhook callback"
    ),
    "path": (
        "path file filename filepath dir directory directories folder src source dst dest"
        " destination target root cwd"
    ),
    "command": ("command cmd argv args arguments bin binary executable program script shell code"),
}
# Words that decide as a name's last one too: `webhook_url`, `outputPath`, `build-command`.
_LAST = {
    "url": "url uri href endpoint host hostname domain webhook",
    "path": "path file filename filepath dir directory directories folder",
    "command": "command cmd argv binary executable",
}
_KINDS_WHOLE = {kind: frozenset(names.split()) for kind, names in _WHOLE.items()}
_KINDS_LAST = {kind: frozenset(names.split()) for kind, names in _LAST.items()}
_SOURCE = frozenset({"src", "source"})

# What names something by itself, or holds what may.
_SPEAKING = frozenset({str, list, tuple, dict})

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


class Node(Struct, frozen=True, kw_only=True):
    """One value of the args, or one object key (`is_key`).

    `role` is the role of its top-level parameter, "" when it has none. `named` is what the keys
    around it say: any of url, path, command, source. `key` is its own key, "" in a list; `token`
    is what `where` ends in, a key or an index.
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
            tokens.append(str(node.token).replace("~", "~0").replace("/", "~1"))
            node = node.parent
        return "/".join((ROOT, *reversed(tokens)))[:WHERE_CHARS_MAX]

    def means(self, kind: str) -> bool:
        """Tell whether the node is a `kind` by its role or, without any role, by its names."""
        return self.role == kind or (not self.role and kind in self.named)


def walk(args: object, roles: Mapping[str, str]) -> Iterator[Node]:
    """Yield every node that may name something, parents first, keys in sorted order.

    Content is left out, keys and all, and so are numbers that nothing around them names. Iterative,
    so that no nesting depth can exhaust the stack.
    """
    pending = [Node(value=args)]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(children(node, roles)))


def children(node: Node, roles: Mapping[str, str]) -> list[Node]:
    """Give what is directly inside a node, each object member as its key and its value."""
    if node.is_key:
        return []
    value = node.value
    if isinstance(value, dict):
        found: list[Node] = []
        for key in sorted(value):
            found.extend(_member(node, key, value[key], roles))
        return found
    if isinstance(value, list | tuple):
        means_nothing = not node.role and not node.named
        return [
            Node(value=item, token=index, role=node.role, named=node.named, parent=node)
            for index, item in enumerate(value)
            if type(item) in _SPEAKING or not means_nothing
        ]
    return []


def _member(node: Node, key: str, value: object, roles: Mapping[str, str]) -> tuple[Node, ...]:
    """Give the two nodes of one object member, or none when it is content."""
    role = roles.get(key, "") if node.parent is None else node.role
    if role == "content":
        return ()
    name = Node(value=key, token=key, role=node.role, named=node.named, is_key=True, parent=node)
    named = node.named | _named(key) if len(key) <= NAME_CHARS_MAX else node.named
    inside = Node(value=value, token=key, role=role, named=named, key=key, parent=node)
    return name, inside


@lru_cache(maxsize=1024)
def _named(key: str) -> frozenset[str]:
    """Read a parameter name: `fileURL`, `file-url` and `FILE_URLS` all end in the word url."""
    words = [word.lower() for word in _WORD.findall(key)]
    if not words:
        return frozenset()
    whole, last = _forms("".join(words)), _forms(words[-1])
    kinds = {kind for kind, names in _KINDS_WHOLE.items() if whole & names}
    kinds |= {kind for kind, names in _KINDS_LAST.items() if last & names}
    if not _SOURCE.isdisjoint(words):
        kinds.add("source")
    return frozenset(kinds)


def _forms(word: str) -> frozenset[str]:
    """Give a word as it is and without a plural s."""
    return frozenset({word, word.removesuffix("s")})
