"""The cases of OPA and of regorus, read into one form."""

import gzip
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # A case's documents are JSON of any shape.

import yaml
from msgspec import Struct


class Case(Struct, frozen=True, kw_only=True):
    """One question. `wanted` is the list of bindings; None means that an error is wanted."""

    suite: str
    category: str
    note: str
    modules: list[str]
    query: str
    data: Any
    input: Any
    wanted: list[Any] | None
    strict: bool


def opa_cases(path: Path) -> Iterator[Case | str]:
    """OPA's cases; a string instead of one that cannot be asked says why."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            raw = json.loads(line)
            asked = re.fullmatch(r"(.*) = (\w+)", raw["query"])
            if "input_term" in raw:
                yield "the input is a term of Rego, not JSON"
            elif asked is None or asked[1] == "data":
                yield "the query is not one value"
            else:
                found = [row.get(asked[2]) for row in raw.get("want_result") or []]
                yield Case(
                    suite="OPA",
                    category=raw["file"].split("/")[1],
                    note=raw["note"],
                    modules=raw.get("modules", []),
                    query=asked[1],
                    data=raw.get("data") or {},
                    input=raw.get("input"),
                    wanted=None if "want_error_code" in raw or "want_error" in raw else found,
                    strict=bool(raw.get("strict_error")),
                )


def regorus_cases(path: Path) -> Iterator[Case | str]:
    """The cases of regorus, those in the syntax of Rego v1."""
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name.endswith(".yaml") else None
            if content is None:
                continue
            for raw in yaml.safe_load(content)["cases"]:
                yield _regorus_case(Path(member.name).parent.name, raw)


def _regorus_case(category: str, raw: dict[str, Any]) -> Case | str:
    if raw.get("skip"):
        return "skipped by its own suite"
    if not all(re.search(r"import (rego\.v1|future\.keywords)", text) for text in raw["modules"]):
        return "in the syntax before Rego v1"
    if not re.fullmatch(r"data(\.\w+)*", str(raw.get("query"))) or raw["query"] == "data":
        return "the query is not one value"
    wanted = [] if raw.get("no_result") else [_plain(raw.get("want_result"))]
    return Case(
        suite="regorus",
        category=category,
        note=str(raw["note"]),
        modules=raw["modules"],
        query=raw["query"],
        data=raw.get("data") or {},
        input=raw.get("input"),
        wanted=None if "error" in raw else wanted,
        strict=True,
    )


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """A wanted value as JSON carries it: `{"set!": […]}` is an array."""
    if isinstance(value, dict):
        if list(value) == ["set!"]:
            return _plain(value["set!"])
        return {str(key): _plain(member) for key, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value
