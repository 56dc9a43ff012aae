"""Schemas of every keyword of every draft, and values for them, from a seed."""

from random import Random
from typing import Any

# Any: schemas are any JSON.
Schema = dict[str, Any]

DRAFTS = {
    4: "http://json-schema.org/draft-04/schema#",
    6: "http://json-schema.org/draft-06/schema#",
    7: "http://json-schema.org/draft-07/schema#",
    2019: "https://json-schema.org/draft/2019-09/schema",
    2020: "https://json-schema.org/draft/2020-12/schema",
}
TYPES = ("null", "boolean", "object", "array", "string", "number", "integer")
LEAVES = (0, 1, 2, 3, -1, 0.5, 1.5, 0.07, 1e21, True, False, None, "", "a", "ab", "é", "1.2.3.4")
_KEYWORDS = {
    4: "not additionalProperties items additionalItems allOf anyOf oneOf properties properties "
    "patternProperties dependencies type enum minLength maxLength minItems maxItems minProperties "
    "maxProperties minimum maximum exclusiveMinimum exclusiveMaximum multipleOf pattern format "
    "uniqueItems required $ref",
    6: "contains const propertyNames",
    7: "if then else",
    2019: "dependentSchemas dependentRequired minContains maxContains unevaluatedItems "
    "unevaluatedProperties unevaluatedItems unevaluatedProperties",
    2020: "prefixItems $dynamicRef",
}
_CLOSING = ("additionalItems", "additionalProperties", "unevaluatedItems", "unevaluatedProperties")
_ONE = (*_CLOSING, "not", "propertyNames", "contains", "if", "then", "else")


class Family:
    """Schemas of one draft and values, one after the other."""

    def __init__(self, seed: int, draft: int) -> None:
        self._random = Random(seed)
        self._choose = self._random.choice
        self._draft = draft
        self._keywords = [
            word for since, words in _KEYWORDS.items() if since <= draft for word in words.split()
        ]
        if draft == 2019:
            self._keywords.append("$recursiveRef")
        self._definitions = "$defs" if draft >= 2019 else "definitions"

    def schema(self) -> Schema:
        """A schema with definitions."""
        names = {"x": self._object(2), "y": self._object(1)}
        if self._draft == 2020:
            names["n"] = {**self._object(1), "$dynamicAnchor": "n"}
        root = {**self._object(3), "$schema": DRAFTS[self._draft], self._definitions: names}
        if self._draft == 2019 and self._choose((0, 1)):
            root["$recursiveAnchor"] = True
        return root

    def value(self, depth: int = 3) -> object:
        """A value of a few names and leaves."""
        kind = self._choose("aaoooossss") if depth else "s"
        if kind == "a":
            return [self.value(depth - 1) for _ in range(self._random.randrange(4))]
        if kind == "o":
            return {self._choose("abc"): self.value(depth - 1) for _ in range(self._choose((1, 3)))}
        return self._choose(LEAVES)

    def _object(self, depth: int) -> Schema:
        schema: Schema = {}
        for _ in range(self._choose((1, 2, 3))):
            keyword = self._choose(self._keywords)
            schema[keyword] = self._argument(keyword, depth)
            if self._draft == 4 and keyword.startswith("exclusive"):
                schema[keyword[9:].lower()] = self._choose((0, 1))
        return schema

    def _part(self, depth: int) -> Schema | bool:
        if self._draft > 4 and self._choose(range(12)) == 0:
            return self._choose((True, True, False))
        return self._object(depth - 1) if depth > 0 else {"type": self._choose(TYPES)}

    def _argument(self, keyword: str, depth: int) -> Any:  # noqa: ANN401  # any JSON
        choose, name = self._choose, self._choose("abc")
        if keyword in _CLOSING and choose((0, 1)):
            return False
        if keyword in _ONE or (keyword == "items" and (self._draft == 2020 or choose((0, 1)))):
            return self._part(depth)
        if keyword in {"items", "prefixItems", "allOf", "anyOf", "oneOf"}:
            return [self._part(depth) for _ in range(choose((1, 2, 3)))]
        if keyword in {"properties", "dependentSchemas"}:
            return {choose("abc"): self._part(depth) for _ in range(choose((1, 3)))}
        if keyword.startswith(("min", "max")):
            return choose((0, 1, 2, 3))
        leaves: dict[str, Any] = {
            "patternProperties": {choose(("a", "^b", "c$", ".")): self._part(depth)},
            "dependencies": {name: choose((self._part(depth), [choose("abc")]))},
            "dependentRequired": {name: [choose("abc")]},
            "type": choose((choose(TYPES), self._random.sample(TYPES, 2))),
            "enum": [self.value(2) for _ in range(choose((1, 2, 3)))],
            "const": self.value(2),
            "exclusiveMinimum": choose((True, False) if self._draft == 4 else (0, 1.5)),
            "exclusiveMaximum": choose((True, False) if self._draft == 4 else (0, 1.5)),
            "multipleOf": choose((1, 2, 0.5, 0.01)),
            "pattern": choose(("a", "^a.?$", "b+")),
            "format": choose(("ipv4", "date")),
            "uniqueItems": choose((True, True, False)),
            "required": [name],
            "$ref": choose(("#", f"#/{self._definitions}/x", f"#/{self._definitions}/y")),
            "$recursiveRef": "#",
            "$dynamicRef": choose(("#n", "#/$defs/x")),
        }
        return leaves[keyword]
