"""A manifest made ready for judging: parsed, its schemas compiled, its normal form encoded."""

import hashlib

from msgspec import Raw, to_builtins

from aegisd.core.errors import ManifestInvalid
from aegisd.core.log.canonical import encode, parse
from aegisd.core.manifest.arguments import Arguments
from aegisd.core.manifest.model import (
    UNREGISTERED,
    FileSystem,
    Manifest,
    Net,
    normal_form,
    recipient_lists,
)
from aegisd.core.manifest.parse import MANIFEST_BYTES_MAX, decode, from_document
from aegisd.core.manifest.recipient import looks_like_domain
from aegisd.core.program.reading import grammar_of
from aegisd.core.sensitive import Sensitive
from aegisd.core.target.command import Programs
from aegisd.core.target.model import PROBLEMS
from aegisd.core.target.recipient import REACHES_PEOPLE, Limits
from aegisd.core.target.spelling import problems

# Objects in a manifest, counted by their braces: tools, schemas, properties. A thousand tools have
# sixteen each; what is made ready of one takes up to forty microseconds.
OBJECTS_MAX = 16_384


class Capabilities:
    """What a tenant's agents may do.

    `document` is the manifest's canonical bytes as registered, empty where none is; `digest` is
    their SHA-256 in hex, empty likewise. `data` is the normal form's canonical bytes, and `roles`
    those of each tool's roles.
    """

    def __init__(self, manifest: Manifest, document: bytes) -> None:
        self.manifest = manifest
        self.document = document
        self.digest = hashlib.sha256(document).hexdigest() if document else ""
        self.data = encode(to_builtins(normal_form(manifest, registered=bool(document))))
        # Of two of one name, the first.
        self.binaries = {each.name: each for each in reversed(manifest.exec.binaries)}
        self.programs = Programs(
            binaries=self.binaries,
            files=manifest.fs != FileSystem(),
            hosts=manifest.net != Net(),
        )
        lists = recipient_lists(manifest)
        # None where the manifest does not limit whom a call may name.
        self.limits = None if lists is None else Limits(lists=frozenset(lists))
        self.roles = {name: Raw(encode(tool.roles)) for name, tool in manifest.tools.items()}
        self.arguments = Arguments(manifest)
        self.sensitive = Sensitive(manifest)

    @property
    def unlimited(self) -> list[str]:
        """The tools that may write to anybody and pay anybody, for want of `recipients`."""
        tools = self.manifest.tools.items() if self.limits is None else ()
        return [name for name, tool in tools if not REACHES_PEOPLE.isdisjoint(tool.effects)]

    @property
    def mistaken(self) -> list[str]:
        """The recipients that are compared as exact texts, and look like domains."""
        lists = recipient_lists(self.manifest) or {}
        named = dict.fromkeys(each for entries in lists.values() for each in entries)
        return [each for each in named if looks_like_domain(each)]

    @property
    def undescribed(self) -> list[str]:
        """The programs of which nobody says how they reach the net, though hosts are limited."""
        listed = self.binaries.values() if self.programs.hosts else ()
        return [each.name for each in listed if each.net is None and grammar_of(each.name) is None]


NONE = Capabilities(UNREGISTERED, b"")


def read(data: bytes) -> Capabilities:
    """Read manifest bytes, canonical or not. Raises `ManifestInvalid` or `InvalidJson`."""
    return from_value(decode(data))


def from_value(value: object, objects_max: int = OBJECTS_MAX) -> Capabilities:
    """Like `read`, for a value that strict JSON decoding gave.

    What is used is what the canonical bytes decode to, key order included: a schema's order decides
    which of its breaches are named first, and a replay has only those bytes.
    """
    document = encode(value)
    if len(document) > MANIFEST_BYTES_MAX:
        raise ManifestInvalid(
            f"larger than MANIFEST_BYTES_MAX = {MANIFEST_BYTES_MAX} bytes in canonical form"
        )
    objects = document.count(b"{")
    if objects > objects_max:
        raise ManifestInvalid(
            f"{objects} opening braces, past {objects_max} (OBJECTS_MAX); declare fewer tools and "
            "properties"
        )
    ready = Capabilities(from_document(parse(document)), document)
    for root in (*ready.manifest.fs.read_roots, *ready.manifest.fs.write_roots):
        for code in sorted(problems(root)):
            raise ManifestInvalid(f"fs: no path is inside the root {root!r}: {PROBLEMS[code]}")
    for tool, reason in ready.arguments.refused.items():
        raise ManifestInvalid(
            f"tools.{tool}.args is not a JSON Schema that Aegis can apply: {reason}"
        )
    return ready


def recorded(document: bytes) -> Capabilities:
    """Read the canonical bytes of a manifest that an event in the log names.

    It was taken by a build with other bounds, maybe: a tool whose schema this one does not apply
    has its calls denied, and the others go on. Raises `ManifestInvalid` or `InvalidJson`.
    """
    return Capabilities(from_document(decode(document)), document)
