"""What judging a value by a JSON Schema may cost at most, from the schema alone and in steps.

The validator stops at the first answer and remembers what it found of a schema that refers to
itself, so its work is bounded by how many keywords one value may meet, times the values; by the
numbers that meet a fractional `multipleOf`; and by the characters that meet a pattern, whose every
position may be alive at each of them. A step is about 12 ns of the validator's time.
"""

import re
from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from aegisd.core.errors import ManifestInvalid
from aegisd.core.manifest.document import REFERENCES, Document, Part

# Steps that one value may take. A schema past it could be judged on a few dozen values at most.
WEIGHT_MAX = 65_536

# Positions in all patterns of one schema, repetitions written out. Compiling them takes a second.
POSITIONS_MAX = 16_384

# References and subschemas inside each other, far from the stack's limit.
NESTING_MAX = 200

# Parameters whose costs are told apart: each is looked through by itself.
PARAMETERS_ALONE_MAX = 64

# Steps of a number against a fractional `multipleOf`, which is exact arithmetic, and against one
# whose fraction is long; of one character at one position of a pattern.
_FRACTION_STEPS = 2_048
_LONG_FRACTION_STEPS = 8_192
_LONG_FRACTION = 1e-12
_POSITION_STEPS = 4

# Steps against an option of `enum` that is an array or object; others are looked up.
_OPTION_STEPS = 8

# International names are mapped character by character.
_FORMAT_POSITIONS = 8

# Steps of a pattern behind a `maxLength` that count for each text; past it, for each character.
SHORT_TEXT_STEPS_MAX = 8_192

# How often the validator may look again at what meets a recursion before it remembers the answer,
# and at what stands beside an `unevaluated…` keyword.
_AGAIN = 4
_UNEVALUATED = 3

# `uniqueItems` looks at everything inside, once for each array around it.
_UNIQUE_STEPS = 8

# Keywords that apply subschemas to the same value, to members and to items.
_HERE = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies")
_MEMBERS = (
    *("properties", "patternProperties", "additionalProperties", "unevaluatedProperties"),
    "propertyNames",
)
_ITEMS = ("prefixItems", "items", "additionalItems", "contains", "unevaluatedItems")
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas", "dependencies"})

# What at the top of a schema looks at parameters that `properties` names.
_BESIDE = frozenset({*_HERE, *REFERENCES, "patternProperties", "unevaluatedProperties"})

_QUANTIFIER = re.compile(r"\{(\d+)(?:,(\d*))?\}|[*+?]")
_ATOM = re.compile(r"\\[pPux]\{[^}]*\}|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()|]|.", re.DOTALL)


class Cost(Struct, frozen=True, kw_only=True):
    """Steps for each value inside, for each number, and for each character of texts and keys."""

    value: int = 0
    number: int = 0
    character: int = 0

    def of(self, values: int, numbers: int, characters: int) -> int:
        """The steps that so many of each take at most."""
        return self.value * values + self.number * numbers + self.character * characters


class Parameters(Struct, frozen=True, kw_only=True):
    """The cost of arguments: of all of them, and of each parameter alone where that can be told.

    `root` is the schema with its objects numbered, and `recursive` are the numbers of those whose
    reference leads back to what they stand in.
    """

    whole: Cost
    alone: dict[str, Cost]
    root: Part
    recursive: frozenset[int]


def parameters(schema: Mapping[str, object]) -> Parameters:
    """What a tool's schema costs. Raises `ManifestInvalid`, saying what would cost too much."""
    scale = _Scale(Document(schema))
    root = scale.document.root
    whole = scale.cost(root)
    names = root.get("properties")
    alone: dict[str, Cost] = {}
    if isinstance(names, dict) and len(names) <= PARAMETERS_ALONE_MAX and _BESIDE.isdisjoint(root):
        alone = {name: scale.cost(inside) for name, inside in names.items()}
    return Parameters(whole=whole, alone=alone, root=root, recursive=frozenset(scale.recursive))


def positions(pattern: str) -> int:
    """Positions of a regular expression, its repetitions written out: at least as many as it has.

    A text may keep all of them alive, so that each character costs as many comparisons.
    """
    counts, last = [0], 0
    at = 0
    while at < len(pattern):
        quantifier = _QUANTIFIER.match(pattern, at)
        if quantifier is not None:
            times = max(int(count) for count in (quantifier[1], quantifier[2], 1) if count)
            counts[-1] += last * (times - 1)
            last, at = last * times, quantifier.end()
            continue
        atom = _ATOM.match(pattern, at)
        text = atom[0] if atom else pattern[at]
        at += len(text)
        if text == "(":
            counts.append(0)
        elif text == ")" and len(counts) > 1:
            last = counts.pop()
            counts[-1] += last
        elif text != "|":
            last = 1
            counts[-1] += 1
    return sum(counts)


class _Weight(Struct, frozen=True):
    """Steps at one value: at the one that a schema stands at, at each one right below, anywhere."""

    here: int
    below: int
    most: int


class _Scale:
    """Weighs the schemas of one document, each once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.recursive: set[int] = set()
        self._weights: dict[int, _Weight] = {}
        # Inside each other at the moment, and whether each stands at the same value as the last.
        self._open: dict[int, bool] = {}
        self._returns: dict[int, Part] = {}
        self._in_place = 0

    def cost(self, schema: object) -> Cost:
        """The cost of values that a schema of the document is applied to."""
        weight = self._weigh(schema, same=False).most
        # Weighing one may find more of them.
        returns: list[Part] = []
        while len(returns) < len(self._returns):
            returns += list(self._returns.values())[len(returns) :]
            for target in returns:
                self._weigh(target, same=False)
        weight += sum(_AGAIN * self._weights[target.number].most for target in returns)
        weight = weight**2 if self._in_place else weight
        _bounded("one value may meet", weight, "WEIGHT_MAX", WEIGHT_MAX)
        reached = self._reached(schema)
        texts = sum(_text_positions(part) for part in reached)
        _bounded("its patterns have", texts, "POSITIONS_MAX", POSITIONS_MAX)
        unique = sum(bool(part.get("uniqueItems")) for part in reached)
        deep = NESTING_MAX if returns else 1
        return Cost(
            value=weight + _UNIQUE_STEPS * unique * deep,
            number=sum(map(_division, reached)),
            character=_POSITION_STEPS * texts,
        )

    def _weigh(self, schema: object, *, same: bool) -> _Weight:
        if not isinstance(schema, Part):
            return _Weight(1, 0, 1)
        name = schema.number
        if name in self._weights:
            return self._weights[name]
        if name in self._open:
            return self._again(schema, same=same)
        if len(self._open) == NESTING_MAX:
            raise ManifestInvalid(
                f"schemas and references stand more than NESTING_MAX = {NESTING_MAX} deep inside "
                "each other; write fewer"
            )
        self._open[name] = same
        here, below = _own(schema), self._below(schema)
        again = _UNEVALUATED if {"unevaluatedProperties", "unevaluatedItems"} & set(schema) else 1
        for part in self._here(schema):
            inside = self._weigh(part, same=True)
            here += again * inside.here
            below += again * inside.below
            _bounded("one value may meet", max(here, below), "WEIGHT_MAX", WEIGHT_MAX)
        del self._open[name]
        weight = self._weights[name] = _Weight(here, below, max(here, below))
        return weight

    def _again(self, schema: Part, *, same: bool) -> _Weight:
        """A schema that is being weighed: it refers to itself."""
        self._returns[schema.number] = schema
        around = list(self._open)
        since = around[around.index(schema.number) + 1 :]
        if same and all(self._open[name] for name in since):
            self._in_place += 1
            if self._in_place > 1:
                raise ManifestInvalid(
                    "schemas refer to themselves for the same value in more than one way, which "
                    "can be judged in no bounded time; refer to them from a property or an item"
                )
            return _Weight(1, 0, 1)
        return _Weight(_AGAIN, _AGAIN, _AGAIN)

    def _here(self, schema: Part) -> Iterator[object]:
        """What is applied to the same value."""
        for keyword in _HERE:
            yield from inside(schema, keyword)
        yield from self._referred(schema)

    def _below(self, schema: Part) -> int:
        """The steps at each value right inside; those by name or place are for one value each."""
        sides = []
        for keywords in (_MEMBERS, _ITEMS):
            apart, always = 0, 0
            for keyword in keywords:
                steps = [self._weigh(part, same=False).most for part in inside(schema, keyword)]
                if keyword in {"properties", "prefixItems", "items"}:
                    apart = max([apart, *steps])
                else:
                    always += sum(steps)
            sides.append(apart + always)
        return max(sides)

    def _referred(self, schema: Part) -> Iterator[object]:
        for keyword in REFERENCES:
            reference = schema.get(keyword)
            if isinstance(reference, str):
                for target in self.document.targets(schema, keyword, reference):
                    yield target
                    if isinstance(target, Part) and target.number in self._open:
                        self.recursive.add(schema.number)

    def _reached(self, schema: object) -> list[Part]:
        """Every schema that a value may meet, each once."""
        pending: list[object] = [schema]
        reached: dict[int, Part] = {}
        while pending:
            part = pending.pop()
            if isinstance(part, Part) and part.number not in reached:
                reached[part.number] = part
                pending += self._here(part)
                for keyword in (*_MEMBERS, *_ITEMS):
                    pending += inside(part, keyword)
        return list(reached.values())


def inside(schema: Part, keyword: str) -> Collection[object]:
    """The subschemas of one keyword; whatever is none of them is left to the validator."""
    value = schema.get(keyword)
    if isinstance(value, Part):
        return value.values() if keyword in _MAPS else (value,)
    return value if isinstance(value, list) else ()


def _own(schema: Part) -> int:
    """The steps of a schema's own keywords at one value."""
    steps = 1 + len(schema)
    for keyword in ("required", "dependentRequired", "dependencies"):
        named = schema.get(keyword)
        lists = named.values() if isinstance(named, dict) else (named,)
        steps += sum(1 + len(names) for names in lists if isinstance(names, list))
    options = schema.get("enum")
    if isinstance(options, list):
        steps += _OPTION_STEPS * sum(isinstance(option, dict | list) for option in options)
    return steps + _short_text(schema)


def _short_text(schema: Part) -> int:
    """The steps of a pattern on any text, where `maxLength` beside it bounds how many."""
    pattern, most = schema.get("pattern"), schema.get("maxLength")
    if not isinstance(pattern, str) or type(most) is not int:
        return 0
    steps = _POSITION_STEPS * positions(pattern) * max(most, 0)
    return steps if steps <= SHORT_TEXT_STEPS_MAX else 0


def _text_positions(schema: Part) -> int:
    """Positions that each character of a text or key may be compared with."""
    count = 0
    pattern, names, form = (schema.get(key) for key in ("pattern", "patternProperties", "format"))
    if isinstance(pattern, str) and not _short_text(schema):
        count += positions(pattern)
    if isinstance(names, dict):
        count += sum(map(positions, names))
    if isinstance(form, str):
        count += _FORMAT_POSITIONS if form.startswith("idn-") else 1
    return count


def _division(schema: Part) -> int:
    """The steps of a number against `multipleOf`, which an integer takes in no time."""
    divisor = schema.get("multipleOf")
    if not isinstance(divisor, float):
        return 0
    return _FRACTION_STEPS if divisor >= _LONG_FRACTION else _LONG_FRACTION_STEPS


def _bounded(what: str, found: int, name: str, most: int) -> None:
    if found > most:
        raise ManifestInvalid(
            f"{what} {found} or more steps, past {name} = {most}; write fewer alternatives, "
            "references or repetitions inside each other"
        )
