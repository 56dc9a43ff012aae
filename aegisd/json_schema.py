"""JSON Schema of our own shapes, described by their docstrings.

msgspec says what a shape takes. How a docstring becomes a description is decided here, because its
releases differ in that, and what is published must not depend on which one is installed.
"""

from collections.abc import Iterable, Iterator
from inspect import cleandoc
from typing import Any

import msgspec
from msgspec import Struct, inspect

Schema = dict[str, object]

# What is said to a reader of a schema, and judges nothing.
TEXTS = frozenset({"title", "description"})


def components(
    shapes: Iterable[type[Struct]], ref_template: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A reference to each shape, and the schema of each shape below them by its class's name.

    `ref_template` makes a reference of a name: `#/$defs/{name}`. Classes that share a name raise
    `KeyError`.
    """
    given = list(shapes)
    refs, schemas = msgspec.json.schema_components(
        given, schema_hook=_any, ref_template=ref_template
    )
    for shape in _below(inspect.multi_type_info(given), set()):
        told = {"description": cleandoc(shape.__doc__)} if shape.__doc__ else {}
        rest = {key: said for key, said in schemas[shape.__name__].items() if key not in TEXTS}
        schemas[shape.__name__] = {"title": shape.__name__, **told, **rest}
    return refs, schemas


def _any(_kind: type) -> Schema:
    """Any JSON: msgspec asks only about `object`, having names for the rest."""
    return {"description": "Any JSON value."}


def _below(part: object, seen: set[type]) -> Iterator[type]:
    """Each struct of a type, once."""
    if isinstance(part, list | tuple):
        for each in part:
            yield from _below(each, seen)
    elif isinstance(part, inspect.Type | inspect.Field):
        if isinstance(part, inspect.StructType):
            if part.cls in seen:
                return
            seen.add(part.cls)
            yield part.cls
        for name in part.__struct_fields__:
            yield from _below(getattr(part, name), seen)
