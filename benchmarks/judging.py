"""What judging one call's arguments costs at most, over a family of schemas and values.

    python -m benchmarks.judging --pairs 10000 --seed 1

Schemas of nested alternatives, references into themselves and each other, patterns, long lists of
options, names and branches; arguments up to what a call may have, grown by the schema or against
it. The same seed gives the same pairs. Prints how many schemas a manifest may not hold, how many
calls were past the bound, and the dearest schema to make ready and the dearest call, in
milliseconds of processor time and in megabytes of memory.
"""

import gc
import resource
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import click
from msgspec import Struct, structs

from aegisd.core.capabilities import from_value
from aegisd.core.errors import ManifestInvalid
from aegisd.core.log.canonical import encode, parse
from aegisd.core.manifest.arguments import TOO_COSTLY, Arguments
from aegisd.core.proposal import PAYLOAD_BYTES_MAX

# Any: a schema is any JSON.
Schema = dict[str, Any]

_MANIFEST = {
    "schema": "aegis.dev/manifest/v0.2",
    "name": "measured",
    "version": "1",
    "publisher": "aegis",
}
_NAMES = ("args", "kind", "left", "op", "value")
_DRAFTS = (
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2020-12/schema",
)
_CALLS_OF_A_SCHEMA = 10
_LEVELS = 60

_NAMES_MANY = [f"k{number:05}" for number in range(8_000)]
_LEAVES: tuple[Schema, ...] = (
    {},
    {"type": "integer"},
    {"type": "string"},
    {"type": ["object", "array"]},
    {"minimum": 3},
    {"multipleOf": 0.01},
    {"multipleOf": 1e-30},
    {"const": "and"},
    {"const": [1, 2]},
    {"maxLength": 20, "pattern": "^[a-z]{1,20}$"},
    {"pattern": "(a{1,20}){1,20}b"},
    {"pattern": "[^b]*a[^b]{30}b"},
    {"pattern": r"^\d{4}-\d{2}$"},
    {"format": "date-time"},
    {"format": "idn-hostname"},
    {"format": "regex"},
    {"enum": [f"v{number}" for number in range(50)]},
    {"enum": [{"kind": number} for number in range(200)]},
    {"required": list(_NAMES)},
    {"uniqueItems": True},
    {"pattern": r"[^c].{400}\bz"},
    {"pattern": r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$"},
    {"pattern": r"^\p{L}{150}\w{150}$"},
    {"propertyNames": {"maxLength": 4}},
    {"enum": _NAMES_MANY},
    {"const": "B" * 100_000},
    {"required": _NAMES_MANY},
    {"anyOf": [{"maxLength": number} for number in range(2_000)]},
    {"allOf": [{"contentMediaType": "application/json"}] * 2_000},
    {"oneOf": [{"properties": {"kind": {"const": f"v{number}"}}} for number in range(200)]},
    {"properties": {name: {"type": "null"} for name in _NAMES_MANY[:1_000]}},
    {"patternProperties": {f"{number}.*x": True for number in range(50)}},
    {"unevaluatedProperties": False, "anyOf": [{"properties": {name: True}} for name in _NAMES]},
    {"unevaluatedItems": False, "allOf": [{"contains": {"const": n}} for n in range(50)]},
)


class Dearest(Struct, kw_only=True):
    """What a run found: counts, and the dearest call."""

    pairs: int = 0
    schemas: int = 0
    refused: int = 0
    too_costly: int = 0
    invalid: int = 0
    ready_milliseconds: float = 0.0
    milliseconds: float = 0.0
    megabytes: float = 0.0


class Family:
    """Schemas and arguments, one after the other from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # no secret: the same seed gives the same pairs
        self._definitions = 0

    def schema(self) -> Schema:
        """A tool's schema."""
        choose = self._random.choice
        self._definitions = choose((0, 1, 1, 2, 3, 5))
        return {
            "$schema": choose(_DRAFTS),
            "type": "object",
            "properties": {name: self._part(choose((0, 1, 2, 3))) for name in _NAMES},
            "$defs": {
                f"e{number}": self._part(choose((1, 2, 3))) for number in range(self._definitions)
            },
        }

    def arguments(self, schema: Schema) -> Iterator[object]:
        """Arguments for a schema, from a few bytes to as many as a call may have."""
        for _ in range(_CALLS_OF_A_SCHEMA):
            share = self._random.choice((64, 1_024, 16_384, PAYLOAD_BYTES_MAX - 64))
            name = self._random.choice(_NAMES)
            value = self._random.choice(
                (self._wide, self._deep, self._long, self._grown, self._named)
            )
            args = {name: value(share, schema["properties"][name], schema)}
            yield args if len(encode(args)) <= PAYLOAD_BYTES_MAX else {name: [1] * (share // 2)}

    def _part(self, depth: int) -> Schema:
        choose = self._random.choice
        if depth == 0:
            return self._referred() if self._definitions and choose((0, 1)) else choose(_LEAVES)
        inside = [self._part(depth - 1) for _ in range(choose((1, 1, 2, 2, 3)))]
        keyword = choose(
            ("anyOf", "oneOf", "allOf", "not", "if", "members", "others", "items", "contains")
        )
        if keyword in {"anyOf", "oneOf", "allOf"}:
            part: Schema = {keyword: inside * choose((1, 1, 1, 4))}
        elif keyword == "members":
            part = {"properties": dict(zip(_NAMES, inside, strict=False))}
        elif keyword == "others":
            part = {choose(("additionalProperties", "propertyNames")): inside[0]}
        elif keyword == "if":
            part = {"if": inside[0], "then": inside[-1]}
        else:
            part = {keyword: inside[0]}
        more = choose(("", "", "unevaluatedProperties", "patternProperties", "uniqueItems", "leaf"))
        if more == "unevaluatedProperties":
            part[more] = choose((False, inside[0]))
        elif more == "patternProperties":
            part[more] = {choose(("^a", "l.*t", ".")): inside[-1]}
        elif more == "uniqueItems":
            part[more] = True
        elif more == "leaf":
            part = {**choose(_LEAVES), **part}
        return part

    def _referred(self) -> Schema:
        return {"$ref": f"#/$defs/e{self._random.randrange(self._definitions)}"}

    def _scalar(self) -> object:
        return self._random.choice((1, 0.5, 1e300, "v9", "and", "2024-02", True, None, "ü.de"))

    def _wide(self, share: int, _part: Schema, _root: Schema) -> object:
        item = self._random.choice((1, "", "v49", [1], {"kind": 199}, {"op": "and"}, 0.07, []))
        return [item] * (share // (len(encode(item)) + 1))

    def _deep(self, share: int, _part: Schema, _root: Schema) -> object:
        names = [self._random.choice((*_NAMES, "")) for _ in range(_LEVELS)]
        size = sum(len(name) + 5 for name in names)
        value: object = self._wide(max(share - size, 8), {}, {})
        for name in names:
            value = {name: value} if name else [value]
        return value

    def _long(self, share: int, _part: Schema, _root: Schema) -> object:
        text = self._random.choice(("a", "ab", "2024-02 ", "ü.", "(a|", "a-b.c ", "aabca", "字"))
        return text * (share // len(text.encode()))

    def _named(self, share: int, _part: Schema, _root: Schema) -> object:
        return dict.fromkeys(_NAMES_MANY[: share // 12], self._scalar())

    def _grown(self, share: int, part: object, root: Schema, depth: int = 24) -> object:
        """A value that follows the schema as far as it goes."""
        if not isinstance(part, dict) or depth == 0 or share < 16:  # noqa: PLR2004  # a few bytes
            return self._scalar()
        if "$ref" in part:
            return self._grown(
                share, root["$defs"][part["$ref"].rpartition("/")[2]], root, depth - 1
            )
        for keyword in ("anyOf", "oneOf", "allOf"):
            if keyword in part:
                return self._grown(share, self._random.choice(part[keyword]), root, depth - 1)
        members = part.get("properties") or dict.fromkeys(
            _NAMES[:2], part.get("additionalProperties")
        )
        if "items" in part or "contains" in part:
            item = self._grown(share // 8, part.get("items", part.get("contains")), root, depth - 1)
            return [item] * max(1, share // (len(encode(item)) + 1))
        if "properties" in part or "additionalProperties" in part:
            each = share // len(members)
            return {
                key: self._grown(each, inside, root, depth - 1) for key, inside in members.items()
            }
        return part["const"] if "const" in part else self._scalar()


def run(pairs: int, seed: int) -> Dearest:
    """Judge so many calls, each by its schema."""
    family, found = Family(seed), Dearest()
    while found.pairs < pairs:
        schema = family.schema()
        found.schemas += 1
        started = time.thread_time()
        try:
            arguments = checks(schema)
        except ManifestInvalid:
            found.refused += 1
            continue
        finally:
            found.ready_milliseconds = max(found.ready_milliseconds, _since(started))
        for args in family.arguments(schema):
            _judge(found, arguments, encode(args))
    return found


def checks(schema: Schema) -> Arguments:
    """The check of a manifest with a tool `t` of this schema. Raises `ManifestInvalid`."""
    return from_value({**_MANIFEST, "tools": {"t": {"args": schema}}}).arguments


def _judge(found: Dearest, arguments: Arguments, body: bytes) -> None:
    args = parse(body)
    before = _peak()
    # What the collector finds is the family's own, not the call's.
    gc.disable()
    started = time.thread_time()
    errors = arguments.check("t", args)
    took = _since(started)
    gc.enable()
    found.pairs += 1
    found.too_costly += errors == (TOO_COSTLY,)
    found.invalid += bool(errors)
    found.milliseconds = max(found.milliseconds, took)
    found.megabytes = max(found.megabytes, _peak() - before)


def _since(started: float) -> float:
    return 1000 * (time.thread_time() - started)


def _peak() -> float:
    """The most memory the process ever held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@click.command()
@click.option("--pairs", default=10_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(pairs: int, seed: int) -> None:
    """Print what the dearest of so many calls cost."""
    for name, value in structs.asdict(run(pairs, seed)).items():
        click.echo(
            f"{name:20}{value:>10.1f}" if isinstance(value, float) else f"{name:20}{value:>10}"
        )


if __name__ == "__main__":
    main()
