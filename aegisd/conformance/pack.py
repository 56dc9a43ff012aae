"""Packs: as they are written (`PackText`, from which the JSON Schema is made), and as they run."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from aegisd.conformance import step

# Cases of one pack: past these nobody reads what failed.
CASES_MAX = 1_000

# Steps of one case: a story longer than this is several.
STEPS_MAX = 1_000

Id = Annotated[str, Meta(pattern=r"^[A-Z]{2,4}-[0-9]{3}$")]
PackName = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,64}$")]
Sentence = Annotated[str, Meta(min_length=1, max_length=1024)]
Paragraph = Annotated[str, Meta(min_length=1, max_length=8192)]
Word = Annotated[str, Meta(min_length=1, max_length=64)]
MaterialName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Files = dict[str, str]


class CaseText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case as it is written. It judges one requirement, in a tenant of its own.

    `from` names the requirement elsewhere. A case that `waits_for` a part of Aegis which this
    version lacks is read and not run.
    """

    id: Id
    requirement: Sentence
    origin: Sentence | UnsetType = msgspec.field(default=UNSET, name="from")
    waits_for: Word | UnsetType = UNSET
    steps: Annotated[list[step.Json], Meta(min_length=1, max_length=STEPS_MAX)]


class PackText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pack as it is written. `pack` is the file's name without `.yaml`.

    A manifest is written out, or `{file: web.json}` beside the pack, or `{example: quickstart}`. A
    policy is Rego text by file name, or `{folder: freeze}`, or `{example: freeze}`.
    """

    pack: PackName
    title: Sentence
    about: Paragraph
    manifests: dict[MaterialName, step.Json] = {}
    policies: dict[MaterialName, Files] = {}
    cases: Annotated[list[CaseText], Meta(min_length=1, max_length=CASES_MAX)]


class PackStep(Struct, frozen=True, kw_only=True):
    """A step to run. `number` counts from 1; `line` is of the pack's file."""

    number: int
    line: int
    verb: str
    action: step.StepText


class Case(Struct, frozen=True, kw_only=True):
    """A case to run. `origin` is what the text calls `from`."""

    id: str
    requirement: str
    origin: str | None
    waits_for: str | None
    line: int
    steps: tuple[PackStep, ...]

    def document(self) -> dict[str, object]:
        """What the case is about, and where it stands, as JSON values."""
        return {
            "id": self.id,
            "requirement": self.requirement,
            "from": self.origin,
            "waits_for": self.waits_for,
            "line": self.line,
        }


class Pack(Struct, frozen=True, kw_only=True):
    """A pack to run, with the manifests and policies that its steps name."""

    name: str
    title: str
    about: str
    file: str
    manifests: dict[str, step.Json]
    policies: dict[str, Files]
    cases: tuple[Case, ...]
