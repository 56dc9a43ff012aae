"""The args as a stream of nodes, each knowing where it is and what its names say it is."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from msgspec import Struct

ROOT = "/args"

# Characters of a parameter name that is looked up; longer ones are no name anybody chose, and
# keeping them would let a caller fill the cache below.
NAME_CHARS_MAX = 64

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

_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


class Node(Struct, frozen=True, kw_only=True):
    """One value of the args, or one object key (`is_key`).

    `role` is the role of its top-level parameter, "" when it has none. `named` is what the keys
    around it say: any of url, path, command, source. `key` is its own key, "" in a list.
    """

    value: object
    where: str
    role: str = ""
    named: frozenset[str] = frozenset()
    key: str = ""
    is_key: bool = False
    parent: "Node | None" = None

    def means(self, kind: str) -> bool:
        """Tell whether the node is a `kind` by its role or, without any role, by its names."""
        return self.role == kind or (not self.role and kind in self.named)


def walk(args: object, roles: Mapping[str, str]) -> Iterator[Node]:
    """Yield every node, parents first, keys in sorted order; content is left out, keys and all.

    Iterative, so that no nesting depth can exhaust the stack.
    """
    pending = [Node(value=args, where=ROOT)]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(children(node, roles)))


def children(node: Node, roles: Mapping[str, str]) -> list[Node]:
    """Give what is directly inside a node, each object member as its key and its value."""
    if node.is_key:
        return []
    if isinstance(node.value, dict):
        found: list[Node] = []
        for key in sorted(node.value):
            found.extend(_member(node, key, node.value[key], roles))
        return found
    if isinstance(node.value, list | tuple):
        return [
            Node(
                value=value,
                where=f"{node.where}/{index}",
                role=node.role,
                named=node.named,
                parent=node,
            )
            for index, value in enumerate(node.value)
        ]
    return []


def _member(node: Node, key: str, value: object, roles: Mapping[str, str]) -> tuple[Node, ...]:
    """Give the two nodes of one object member, or none when it is content."""
    where = f"{node.where}/{key.replace('~', '~0').replace('/', '~1')}"
    role = roles.get(key, "") if node.where == ROOT else node.role
    if role == "content":
        return ()
    name = Node(value=key, where=where, role=node.role, named=node.named, is_key=True)
    named = node.named | _named(key) if len(key) <= NAME_CHARS_MAX else node.named
    inside = Node(value=value, where=where, role=role, named=named, key=key, parent=node)
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
