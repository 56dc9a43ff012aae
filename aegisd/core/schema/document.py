"""A JSON Schema as a document: its objects numbered, and what its references may mean."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from aegisd.core.errors import ManifestInvalid

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

# Where the value of a keyword holds schemas by name, and where it holds none.
NAMED_SCHEMAS = frozenset(
    {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}
)
_DATA = frozenset({"const", "enum", "default", "examples"})

# Characters of a reference, of a schema's name, and of what they are relative to: each is joined to
# the next, and a manifest may have thousands.
REFERENCE_CHARACTERS_MAX = 1_024


class Part(dict[str, Any]):
    """An object of the document, told from an equal one by its number."""

    __slots__ = ("number",)

    def __init__(self, members: Mapping[str, object], number: int) -> None:
        super().__init__(members)
        self.number = number


class Document:
    """A schema whose objects are `Part`s, and its resources and anchors by URI."""

    def __init__(self, schema: Mapping[str, object]) -> None:
        """Number the objects. Raises `ManifestInvalid` where a name stands for two schemas."""
        self._count = 0
        self._bases: dict[int, str] = {}
        self._dynamic: dict[tuple[str, str], list[int]] = {}
        self._id = "id" if "draft-04" in str(schema.get("$schema")) else "$id"
        self.root = self._part(schema)
        self._places: dict[str, object] = {"": self.root}
        self._place(self.root, "")

    def target(self, schema: Part, keyword: str, reference: str) -> object:
        """What a reference means.

        Raises `ManifestInvalid` for one that leaves the document, and for a dynamic one that may
        mean different schemas.
        """
        uri, fragment = _joined(self._bases.get(schema.number, ""), reference)
        if fragment.startswith("/"):
            found = _pointed(self._places.get(uri), fragment)
        else:
            found = self._places.get(f"{uri}#{fragment}" if fragment else uri)
        if found is None:
            raise ManifestInvalid(f"{reference}: nothing there; a schema may refer only to itself")
        if isinstance(found, Part) and found.number in self._dynamic.get((keyword, fragment), ()):
            _, *more = self._dynamic[keyword, fragment]
            if more:
                raise ManifestInvalid(
                    f"{reference}: two schemas have this name, and which is meant depends on how "
                    "it is reached; give each its own name"
                )
        return found

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
            self._dynamic.setdefault(("$dynamicRef", named), []).append(part.number)
        if part.get("$recursiveAnchor") is True:
            self._dynamic.setdefault(("$recursiveRef", ""), []).append(part.number)
        self._bases[part.number] = base
        for keyword, value in part.items():
            self._place(_inside(keyword, value), base)


def _inside(keyword: str, value: object) -> object:
    """What of a keyword's value may have names. Those of members may be those of keywords."""
    if keyword in NAMED_SCHEMAS and isinstance(value, Part):
        return list(value.values())
    return None if keyword in _DATA else value


def _joined(base: str, reference: str) -> tuple[str, str]:
    """A URI without its fragment, and that. Raises `ManifestInvalid` for a long one."""
    if len(reference) + len(base) > REFERENCE_CHARACTERS_MAX:
        raise ManifestInvalid(
            f"references and names have more than REFERENCE_CHARACTERS_MAX = "
            f"{REFERENCE_CHARACTERS_MAX} characters, with what they are relative to"
        )
    if reference.startswith("#"):
        # `urljoin` knows the schemes of the web alone, and loses a base such as urn:uuid:….
        return base, reference[1:]
    uri, fragment = urldefrag(urljoin(base, reference))
    return uri, fragment


def _names(part: dict[str, object], base: str, own: str) -> tuple[str, list[str]]:
    """The base that a schema gives what is inside it, and the URIs that name it."""
    names = []
    if isinstance(named := part.get(own), str):
        uri, fragment = _joined(base, named)
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
