"""What the parts of a case must agree on, beyond each step's own shape."""

import re
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import UNSET, Struct

from aegisd.conformance import step
from aegisd.conformance.pack import PackStep, PackText
from aegisd.conformance.source import Path
from aegisd.core.quoting import misshapen

# `same_as` is also of a whole batch.
_RECEIVED = frozenset(step.Received.__struct_fields__) - {"same_as"}

# What is filled in without being saved.
_OWN_NAMES = frozenset({"tenant", "session", "n"})

# Kinds of tampering with the checkpoint that an export carries.
_OF_NOTE = frozenset({"note", "unsigned", "resign"})

# Where in the step, and what is wrong.
Objection = tuple[Path, str]


def objections(steps: Iterable[PackStep], pack: PackText) -> Iterator[tuple[PackStep, Objection]]:
    """What a step names must be in the pack, or saved by a step before it."""
    saved: set[str] = set()
    verbs: set[str] = set()
    for each in steps:
        action = each.action
        found = (*_of_materials(action, pack), *_of_answers(action, saved))
        for objection in (*found, *_of_evidence(action, saved, verbs)):
            yield each, objection
        if isinstance(action, step.TamperStep) and len(given(action.tamper)) != 1:
            told = ", ".join(step.Tampering.__struct_fields__)
            yield each, (("tamper",), f"expected exactly one of {told}")
        if isinstance(action, step.Request | step.SnapshotStep | step.CheckpointStep):
            for name in _OWN_NAMES & set(action.save):
                yield each, (("save", name), f"{name} has a meaning of its own; save another name")
            saved |= set(action.save)
        verbs.add(each.verb)


def given(struct: Struct) -> list[str]:
    """The fields of a struct that were given, by name."""
    names = struct.__struct_fields__
    return [name for name in names if getattr(struct, name) is not UNSET]


def _of_materials(action: step.StepText, pack: PackText) -> Iterator[Objection]:
    if isinstance(action, step.ManifestStep):
        yield from _missing("manifest", action.manifest, pack.manifests)
    if isinstance(action, step.PolicyStep) and action.policy is not None:
        yield from _missing("policy", action.policy, pack.policies)


def _missing(what: str, name: str, known: Iterable[str]) -> Iterator[Objection]:
    if name not in known:
        told = ", ".join(sorted(known)) or "none"
        yield (what,), f"the pack has no {what} {name!r}; it has {told}"


def _of_answers(action: step.StepText, saved: set[str]) -> Iterator[Objection]:
    if not isinstance(action, step.Request):
        return
    expect = action.expect
    items = () if expect.items is UNSET else tuple(expect.items)
    for each in (expect, *items):
        if each.same_as is not UNSET:
            yield from _unsaved(each.same_as, saved)
    received = [name for name in given(expect) if name in _RECEIVED]
    told = ", ".join(received)
    if expect.code is not UNSET and (received or items):
        yield ("expect",), f"a refusal (code) has no receipt, so it cannot have {told or 'items'}"
    if received and items:
        yield ("expect",), f"write {told} in items, once for each event it is expected of"
    if received and isinstance(action, step.PostStep) and isinstance(action.post, list):
        yield ("expect",), f"a batch has a receipt per event; write {told} in items"


def _of_evidence(action: step.StepText, saved: set[str], verbs: set[str]) -> Iterator[Objection]:
    """What is held against something that was kept needs a step before that kept it."""
    if isinstance(action, step.CheckpointStep) and action.expect.same_as is not UNSET:
        yield from _unsaved(action.expect.same_as, saved)
    needed = ""
    if isinstance(action, step.RollbackStep):
        needed = "backup"
    if isinstance(action, step.ContinuesStep) and action.continues.note is UNSET:
        needed = "checkpoint"
    if isinstance(action, step.VerifyStep) and action.verify.against == "kept":
        needed = "checkpoint"
    if isinstance(action, step.TamperStep) and _OF_NOTE & set(given(action.tamper)):
        needed = "checkpoint"
    if needed and needed not in verbs:
        yield (), f"no step before is a {needed}, so there is nothing to hold this against"


def _unsaved(name: str, saved: set[str]) -> Iterator[Objection]:
    if name not in saved:
        yield ("expect",), f"same_as: no step before saved {name!r}"


def sentence(error: msgspec.ValidationError) -> tuple[Path, str]:
    """Where in a value it is not of its shape, and why, in the words of a pack."""
    text, _, place = str(error).partition(" - at `")
    path: list[str | int] = []
    for name, number in re.findall(r"\.([^.\[\]`]+)|\[(\d+|\.\.\.)\]", place):
        path += [int(number)] if number.isdigit() else [name] if name else []
    where = ".".join(map(str, path))
    unknown = re.search(r"unknown field `(.+)`", text)
    if unknown:
        path.append(unknown[1])
    text = misshapen(error).partition(" - at `")[0]
    return tuple(path), f"{where}: {text}" if where else text
