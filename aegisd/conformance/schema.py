"""The JSON Schema of packs, from their own shapes: what an editor completes is what is loaded."""

import msgspec
from msgspec import Struct

from aegisd.conformance import step
from aegisd.conformance.pack import PackText
from aegisd.json_schema import components

# https://json-schema.org/draft/2020-12; editors read it through yaml-language-server.
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def document() -> dict[str, object]:
    """The schema as JSON values."""
    shapes: list[type[Struct]] = [PackText, *step.SHAPES.values()]
    refs, definitions = components(shapes, "#/$defs/{name}")
    steps: dict[str, object] = {
        "description": "One step: exactly one verb, and what belongs to it.",
        "oneOf": list(refs[1:]),
    }
    case = definitions["CaseText"]
    case["properties"]["steps"]["items"] = steps
    return {
        "$schema": _DIALECT,
        "title": "Aegis conformance pack",
        "$ref": refs[0]["$ref"],
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    """The schema as the file that lies beside the packs."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2).decode() + "\n"
