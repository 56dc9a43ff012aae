"""A JSON Schema as a document: its objects numbered, and what its references may mean."""

from collections.abc import Mapping
from urllib.parse import unquote, urldefrag, urljoin

from aegisd.core.errors import ManifestInvalid

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

# Names and values, which hold no schema.
_DATA = frozenset({"const", "enum", "default", "examples"})


class Part(dict[str, object]):
    """An object of the document, told from an equal one by its number."""

    __slots__ = ("number",)

    def __init__(self, members: Mapping[str, object], number: int) -> None:
        super().__init__(members)
        self.number = number


# Schemas of schemas, which the validator knows without being told, and what one weighs.
_KNOWN = ("http://json-schema.org/", "https://json-schema.org/")
_KNOWN_SCHEMA = Part({"required": [""] * 256}, -1)


class Document:
    """A schema whose objects are `Part`s, and its resources and anchors by URI."""

    def __init__(self, schema: Mapping[str, object]) -> None:
        """Number the objects. Raises `ManifestInvalid` where a name stands for two schemas."""
        self._count = 0
        self._bases: dict[int, str] = {}
        self._dynamic: dict[str, list[object]] = {}
        self._id = "id" if "draft-04" in str(schema.get("$schema")) else "$id"
        self.root = self._part(schema)
        self._places: dict[str, object] = {"": self.root}
        self._place(self.root, "")

    def targets(self, schema: Part, keyword: str, reference: str) -> list[object]:
        """What a reference may mean, a dynamic one any schema of that name.

        Raises `ManifestInvalid` for one that leaves the document.
        """
        if keyword == "$recursiveRef":
            return self._dynamic.get("", []) or [self.root]
        named = self._dynamic.get(reference.rpartition("#")[2], [])
        if keyword == "$dynamicRef" and named:
            return named
        uri, fragment = urldefrag(urljoin(self._bases.get(schema.number, ""), reference))
        if uri not in self._places and uri.startswith(_KNOWN):
            return [_KNOWN_SCHEMA]
        if fragment.startswith("/"):
            found = _pointed(self._places.get(uri), fragment)
        else:
            found = self._places.get(f"{uri}#{fragment}" if fragment else uri)
        if found is None:
            raise ManifestInvalid(f"{reference}: nothing there; a schema may refer only to itself")
        return [found]

    def _part(self, members: Mapping[str, object]) -> Part:
        number, self._count = self._count, self._count + 1
        return Part({name: self._numbered(value) for name, value in members.items()}, number)

    def _numbered(self, value: object) -> object:
        if isinstance(value, dict):
            return self._part(value)
        return [self._numbered(item) for item in value] if isinstance(value, list) else value

    def _place(self, part: object, base: str) -> None:
        """Find what has a name, in and below a part whose references are relative to `base`."""
        if isinstance(part, list):
            for item in part:
                self._place(item, base)
        if not isinstance(part, Part):
            return
        base, names = _names(part, base, self._id)
        for name in names:
            if self._places.setdefault(name, part) is not part and name:
                raise ManifestInvalid(f"{name!r} names two schemas; give each its own name")
        if isinstance(named := part.get("$dynamicAnchor"), str):
            self._dynamic.setdefault(named, []).append(part)
        if part.get("$recursiveAnchor") is True:
            self._dynamic.setdefault("", []).append(part)
        self._bases[part.number] = base
        for keyword, value in part.items():
            if keyword not in _DATA:
                self._place(value, base)


def _names(part: dict[str, object], base: str, own: str) -> tuple[str, list[str]]:
    """The base that a schema gives what is inside it, and the URIs that name it."""
    names = []
    if isinstance(named := part.get(own), str):
        uri, fragment = urldefrag(urljoin(base, named))
        base = base if fragment else uri
        names.append(f"{uri}#{fragment}" if fragment else uri)
    anchors = (part.get("$anchor"), part.get("$dynamicAnchor"))
    return base, [*names, *(f"{base}#{named}" for named in anchors if isinstance(named, str))]


def _pointed(value: object, fragment: str) -> object:
    """What a JSON pointer in a URI's fragment means; None for nothing."""
    for token in unquote(fragment).split("/")[1:]:
        if isinstance(value, list) and token.isascii() and token.isdigit():
            value = value[int(token)] if int(token) < len(value) else None
        elif isinstance(value, dict):
            value = value.get(token.replace("~1", "/").replace("~0", "~"))
        else:
            return None
    return value
