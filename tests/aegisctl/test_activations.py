"""What is in force is put there, listed and shown, as a server is asked and answers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import pytest

from aegisd.remote.client import Answer
from tests.aegisctl.conftest import Type
from tests.core.gate import MANIFEST

RULES = (
    'package aegis.rules\n\nimport rego.v1\n\ndeny contains "x" if data.aegis.rules.tables.n > 1\n'
)
RECEIPT = {"digest": "d1", "author": "ann", "position": 3, "hash": "h"}
BUNDLE = {"files": {"aegis/decision.rego": "base", "rules/a.rego": "own\n\trule"}}
ACTIVE = {"digest": "d1", "author": "ann"}
ANSWERS = {
    "POST /v1/manifests": RECEIPT,
    "POST /v1/policies": RECEIPT,
    "GET /v1/manifests?tenant_id=acme": {
        "manifests": [ACTIVE | {"manifest": {"name": "office", "version": "1"}}]
    },
    "GET /v1/policies?tenant_id=acme": {"policies": [ACTIVE | {"bundle": BUNDLE}]},
    "GET /v1/policies/d2": BUNDLE,
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """The bodies that a server was sent."""
    sent: list[dict[str, object]] = []

    def send(method: str, path: str, body: BinaryIO | None, _headers: Mapping[str, str]) -> Answer:
        if body is not None:
            sent.append(json.load(body))
        return Answer(200, json.dumps(ANSWERS[f"{method} {path}"]).encode())

    monkeypatch.setattr("aegisd.remote.client.connect", lambda *_: send)
    return sent


def test_a_manifest_is_registered_as_it_is_in_the_file(
    asked: list[dict[str, object]], tmp_path: Path, type_: Type
) -> None:
    file = tmp_path / "office.json"
    file.write_text(json.dumps(MANIFEST))
    told = type_("manifest", "register", file, "--tenant", "acme", "--author", "ann")
    assert (told.code, told.out.partition(":")[0]) == (0, "in force")
    assert asked == [
        {"author": "ann", "reason": "office.json", "tenant_id": "acme", "manifest": MANIFEST}
    ]
    file.write_text('{"schema": "none"}')
    assert type_("manifest", "register", file, "--tenant", "acme").code == 1
    assert len(asked) == 1
