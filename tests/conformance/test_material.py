"""What a pack names lies beside it or is installed, and is read from nowhere else."""

from pathlib import Path

import pytest

from aegisd.conformance.loading import load
from tests.conformance.packs import HEAD, NOTE, faults, steps, write


def test_materials_lie_beside_the_pack_or_are_installed_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "desk.json").write_text('{"name": "desk"}')
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/a.rego").write_text("package aegis.rules\n")
    start, end = HEAD.index("manifests:"), HEAD.index("cases:")
    named = "manifests: {a: {file: desk.json}, b: {example: quickstart}}\n"
    named += "policies: {a: {folder: rules}, b: {example: freeze}}\n"
    text = steps("manifest: a", "policy: b")
    (pack,) = load([write(tmp_path, text.replace(text[start:end], named))])
    assert pack.manifests["a"] == {"name": "desk"}
    assert pack.manifests["b"]["name"] == "quickstart"
    assert list(pack.policies["a"]) == ["a.rego"]
    assert "freeze.rego" in pack.policies["b"]


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("manifests", "{file: ../desk.json}", "leads out"),
        ("manifests", "{file: /etc/hostname}", "leads out"),
        ("manifests", "{file: none.json}", "cannot be read"),
        ("manifests", "{file: broken.json}", "broken.json"),
        ("manifests", "{file: list.json}", "expected a JSON object"),
        ("manifests", "{file: [1]}", "as text"),
        ("manifests", "{example: ../pyproject}", "leads out"),
        ("policies", "{folder: ..}", "leads out"),
        ("policies", "{folder: none}", "found none"),
        ("policies", "{rules: 'package a'}", ".rego"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_with_its_line(
    kind: str, value: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    text = steps(f"post: {NOTE}").replace(f"{kind}:\n", f"{kind}:\n  a: {value}\n")
    (fault,) = faults(write(tmp_path, text))
    assert fault.line == text[: text.index(value)].count("\n") + 1
    assert said in fault.sentence


def test_a_link_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    (tmp_path / "secret.json").write_text("{}")
    (tmp_path / "packs/near.json").symlink_to(tmp_path / "secret.json")
    text = steps(f"post: {NOTE}").replace("manifests:\n", "manifests:\n  a: {file: near.json}\n")
    (fault,) = faults(write(tmp_path / "packs", text))
    assert "leads out" in fault.sentence
