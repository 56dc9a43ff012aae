"""What the description of the door says of a value."""

import jsonschema_rs

Described = dict[str, dict[str, dict[str, object]]]


def check(described: Described, name: str, value: object) -> None:
    """Hold a value to a schema of the description."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
    jsonschema_rs.validator_for(schema).validate(value)
