"""A manifest made ready is what its canonical bytes say, and those bytes make it again."""

import hashlib
import json
from typing import Any

import msgspec
import pytest

from aegisd.core.capabilities import NONE, OBJECTS_MAX, from_value, read, recorded
from aegisd.core.errors import InvalidJson, ManifestInvalid
from aegisd.core.log.canonical import encode
from aegisd.core.manifest.parse import MANIFEST_BYTES_MAX
from tests.table import each

# Any: documents are any JSON.
DOCUMENT: dict[str, Any] = {
    "version": "1",
    "schema": "aegis.dev/manifest/v0.2",
    "publisher": "p",
    "name": "é",
    "tools": {"t": {"args": {"type": "object"}}},
}


def described(characters: int) -> dict[str, Any]:
    return {**DOCUMENT, "description": "x" * characters}


def test_a_manifest_is_known_by_the_digest_of_its_canonical_bytes() -> None:
    capabilities = read(json.dumps(DOCUMENT, indent=2).encode())
    assert capabilities.document == encode(DOCUMENT)
    assert capabilities.digest == hashlib.sha256(encode(DOCUMENT)).hexdigest()
    assert capabilities.manifest.name == "é"
    assert msgspec.json.decode(capabilities.data)["registered"] is True


def test_the_stored_bytes_make_the_same_manifest_again() -> None:
    first = read(json.dumps(DOCUMENT).encode())
    for again in (read(first.document), from_value(DOCUMENT)):
        assert again.document == first.document
        assert again.digest == first.digest
        assert again.manifest == first.manifest
        assert again.data == first.data


@each(
    "root", ["/w/$postId", "/w/Cafe\u0301", "/w/\uff21\u8cc7\u6599", "/w/100%", "/w/10:30", "a b"]
)
def test_a_root_may_be_any_real_name(root: str) -> None:
    document = {**DOCUMENT, "fs": {"read_roots": [root]}}
    assert from_value(document).manifest.fs.read_roots == (root,)


@each(
    "root", ["$HOME", "/w/%2e%2e", "C:/x", "s3://x/y", "/w/a\u200b", "/w/\uff0e\uff0e/x", "/.GIT"]
)
def test_a_root_that_no_path_is_inside_is_refused_and_read_again_from_a_log(root: str) -> None:
    document = {**DOCUMENT, "fs": {"write_roots": ["/ok", root]}}
    with pytest.raises(ManifestInvalid, match="fs: no path is inside the root"):
        from_value(document)
    assert len(recorded(encode(document)).manifest.fs.write_roots) == 2


def test_where_none_is_registered_there_are_no_bytes_and_no_digest() -> None:
    assert (NONE.document, NONE.digest) == (b"", "")
    assert msgspec.json.decode(NONE.data)["registered"] is False
    assert msgspec.json.decode(NONE.data)["tools"] == {}
    assert NONE.arguments.check("t", {}) == ()


def test_what_is_used_is_what_the_stored_bytes_say() -> None:
    live = from_value({**DOCUMENT, "budgets": {"steps": 5.0}, "agents": ("*",)})
    assert live.document == encode({**DOCUMENT, "budgets": {"steps": 5}, "agents": ["*"]})
    assert live.manifest.budgets.steps == 5
    assert live.manifest == read(live.document).manifest


def test_which_errors_are_named_first_does_not_depend_on_how_the_schema_was_typed() -> None:
    properties = {name: {"type": "string"} for name in "qwertyuiopasdfghjkl"}
    ordered = {name: properties[name] for name in sorted(properties)}
    for spelled in (properties, ordered, dict(reversed(properties.items()))):
        schema = {"required": sorted(spelled), "properties": spelled, "maxProperties": 1}
        for args_schema in (schema, dict(reversed(schema.items()))):
            live = from_value({**DOCUMENT, "tools": {"t": {"args": args_schema}}})
            args = dict.fromkeys(sorted(properties), 1)
            again = read(live.document).arguments.check("t", args)
            assert live.arguments.check("t", args) == again


@pytest.mark.parametrize("reader", [lambda value: read(encode(value)), from_value])
def test_a_manifest_is_bounded_in_canonical_bytes(reader: Any) -> None:  # noqa: ANN401 - a lambda.
    room = MANIFEST_BYTES_MAX - len(encode(described(0)))
    assert len(reader(described(room)).document) == MANIFEST_BYTES_MAX
    with pytest.raises(ManifestInvalid, match="MANIFEST_BYTES_MAX"):
        reader(described(room + 1))


def test_a_manifest_too_large_to_read_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ManifestInvalid, match="MANIFEST_BYTES_MAX"):
        read(b"[" * (MANIFEST_BYTES_MAX + 1))


@pytest.mark.parametrize("data", [b"", b"{", b'{"a":1,"a":1}', b'{"schema":1e400}'])
def test_bytes_that_are_no_strict_json_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidJson):
        read(data)


def test_a_broken_schema_is_refused_when_the_manifest_is_read() -> None:
    with pytest.raises(ManifestInvalid, match=r"^tools\.t\.args"):
        from_value({**DOCUMENT, "tools": {"t": {"args": {"type": "nonsense"}}}})


def test_a_manifest_in_the_log_is_read_whatever_its_schemas_and_however_many_objects() -> None:
    tools = {"t": {"args": {"pattern": "(?=a)"}}, **{f"t{n}": {} for n in range(OBJECTS_MAX)}}
    document = encode({**DOCUMENT, "tools": tools})
    held = recorded(document)
    assert held.document == document
    assert [error.rule for error in held.arguments.check("t", {})] == ["schema"]
    assert held.arguments.check("t1", {}) == ()


@pytest.mark.parametrize("more", [0, 1])
def test_a_manifest_has_a_bounded_number_of_objects(more: int) -> None:
    """The manifest, its tools, and each of them."""
    document = {**DOCUMENT, "tools": {f"t{n}": {} for n in range(OBJECTS_MAX - 2 + more)}}
    if more:
        with pytest.raises(ManifestInvalid, match="OBJECTS_MAX"):
            from_value(document)
    else:
        assert len(from_value(document).manifest.tools) == OBJECTS_MAX - 2


def test_of_two_programs_of_one_name_the_first_is_meant() -> None:
    programs = [{"name": "ls", "args": ["a"]}, {"name": "ls", "args": ["b"]}]
    capabilities = from_value({**DOCUMENT, "exec": {"binaries": programs}})
    assert capabilities.binaries["ls"].args == ("a",)
