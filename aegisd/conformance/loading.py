"""Packs from files: loaded whole, or refused with the line of every fault of every one of them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import TypeVar

import msgspec
from msgspec import UNSET

from aegisd.conformance import agreement, material, source, step
from aegisd.conformance.pack import Case, CaseText, Pack, PackStep, PackText
from aegisd.conformance.source import Fault, PackInvalid, Path, Source
from aegisd.core.errors import ConfigInvalid
from aegisd.core.nearest import nearest
from aegisd.core.quoting import named

# Bytes of a pack's text: a thousand cases of a screenful each.
PACK_BYTES_MAX = 2_097_152

# Packs of one run: a folder with more was not meant to be one of packs.
PACKS_MAX = 1_000

M = TypeVar("M", bound=Mapping[str, object])
T = TypeVar("T")


def load(places: Iterable[FilePath]) -> tuple[Pack, ...]:
    """Load the packs of files and folders (`*.yaml`), all of them before any is run.

    Raises `PackInvalid` with every fault of every pack, `ConfigInvalid` where there is no pack.
    """
    packs: list[Pack] = []
    faults: list[Fault] = []
    for path in _files(places):
        try:
            packs.append(_Loading(path).pack())
        except PackInvalid as error:
            faults += error.faults
    faults += _doubled(packs)
    if faults:
        raise PackInvalid(faults)
    return tuple(packs)


def chosen(packs: Iterable[Pack], ids: Collection[str]) -> tuple[Pack, ...]:
    """The packs with the named cases alone; all of them where none is named.

    Raises `ConfigInvalid` for an id that no pack has.
    """
    packs = tuple(packs)
    if not ids:
        return packs
    missing = sorted(set(ids) - {case.id for pack in packs for case in pack.cases})
    if missing:
        raise ConfigInvalid(f"no pack has a case {', '.join(missing)}; see conformance list")
    narrowed = (
        msgspec.structs.replace(pack, cases=tuple(case for case in pack.cases if case.id in ids))
        for pack in packs
    )
    return tuple(pack for pack in narrowed if pack.cases)


def _files(places: Iterable[FilePath]) -> list[FilePath]:
    found: list[FilePath] = []
    for place in places:
        inside = sorted(place.glob("*.yaml")) if place.is_dir() else [place]
        if not inside:
            raise ConfigInvalid(f"{place}: expected packs (*.yaml) in this folder, found none")
        found += inside
    if len(found) > PACKS_MAX:
        raise ConfigInvalid(f"found {len(found)} packs, PACKS_MAX is {PACKS_MAX}; name fewer")
    return list(dict.fromkeys(found))


def _doubled(packs: Iterable[Pack]) -> Iterator[Fault]:
    """Names and ids that are used twice."""
    names: dict[str, str] = {}
    ids: dict[str, str] = {}
    for pack in packs:
        if pack.name in names:
            yield Fault(pack.file, 1, f"pack {pack.name} is in {names[pack.name]} already")
        names[pack.name] = pack.file
        for case in pack.cases:
            if case.id in ids:
                yield Fault(pack.file, case.line, f"the id is that of {ids[case.id]} too", case.id)
            ids[case.id] = f"{pack.file}:{case.line}"


class _Loading:
    """One file while it is read."""

    def __init__(self, path: FilePath) -> None:
        self._path, self._file = path, str(path)
        self._source = Source(None, {(): 1})
        self._ids: list[str] = []
        self._faults: list[Fault] = []

    def pack(self) -> Pack:
        """The pack. Raises `PackInvalid` with every fault found."""
        self._source = source.read(self._text(), self._file)
        text = self._convert(self._source.value, PackText, ())
        if text is None:
            raise PackInvalid(self._faults)
        self._ids = [case.id for case in text.cases]
        if text.pack != self._path.stem:
            self._add(("pack",), f"expected pack: {self._path.stem}, as the file is called")
        pack = Pack(
            name=text.pack,
            title=text.title,
            about=text.about,
            file=self._file,
            manifests=self._named("manifests", text.manifests, material.manifest),
            policies=self._named("policies", text.policies, material.policy),
            cases=tuple(self._case(at, case, text) for at, case in enumerate(text.cases)),
        )
        if self._faults:
            raise PackInvalid(sorted(self._faults, key=lambda fault: fault.line))
        return pack

    def _text(self) -> str:
        try:
            with self._path.open("rb") as opened:
                data = opened.read(PACK_BYTES_MAX + 1)
        except OSError as error:
            raise self._whole(1, f"cannot be read: {error.strerror}") from None
        if len(data) > PACK_BYTES_MAX:
            raise self._whole(1, f"longer than PACK_BYTES_MAX = {PACK_BYTES_MAX:,} bytes; split it")
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise self._whole(line, "expected text in UTF-8") from None

    def _whole(self, line: int, sentence: str) -> PackInvalid:
        return PackInvalid([Fault(self._file, line, sentence)])

    def _named(
        self, kind: str, values: Mapping[str, M], read: Callable[[M, FilePath], T]
    ) -> dict[str, T]:
        found: dict[str, T] = {}
        for name, value in values.items():
            try:
                found[name] = read(value, self._path.parent)
            except ConfigInvalid as error:
                self._add((kind, name), f"{kind}.{name}: {error.message}")
        return found

    def _case(self, at: int, text: CaseText, pack: PackText) -> Case:
        path: Path = ("cases", at)
        found = (self._step(path, number, value) for number, value in enumerate(text.steps))
        steps = tuple(each for each in found if each is not None)
        for each, (place, sentence) in agreement.objections(steps, pack):
            self._add((*path, "steps", each.number - 1, *place), sentence)
        return Case(
            id=text.id,
            requirement=text.requirement,
            origin=None if text.origin is UNSET else text.origin,
            waits_for=None if text.waits_for is UNSET else text.waits_for,
            line=self._source.line((*path, "id")),
            steps=steps,
        )

    def _step(self, case: Path, number: int, value: step.Json) -> PackStep | None:
        path: Path = (*case, "steps", number)
        verbs = [name for name in value if name in step.SHAPES]
        if len(verbs) != 1:
            told = " and ".join(verbs) or _guessed(value)
            self._add(path, f"expected one verb of {', '.join(step.SHAPES)}; found {told}")
            return None
        (verb,) = verbs
        action = self._convert(value, step.SHAPES[verb], path)
        if action is None:
            return None
        return PackStep(number=number + 1, line=self._source.line(path), verb=verb, action=action)

    def _convert(self, value: object, shape: type[T], path: Path) -> T | None:
        """A value as a shape; None where it is not one, and the fault is kept."""
        try:
            return msgspec.convert(value, shape)
        except msgspec.ValidationError as error:
            place, sentence = agreement.sentence(error)
            self._add((*path, *place), sentence)
            return None

    def _add(self, path: Path, sentence: str) -> None:
        case, number = "", None
        match path:
            case ("cases", int(at), "steps", int(item), *_):
                case, number = self._id(at), item + 1
            case ("cases", int(at), *_):
                case = self._id(at)
            case _:
                pass
        line = self._source.line(path)
        self._faults.append(Fault(self._file, line, sentence, case, number))

    def _id(self, at: int) -> str:
        return self._ids[at] if self._ids else ""


def _guessed(value: step.Json) -> str:
    known = list(step.SHAPES)
    return next((f"{named(name)}; did you mean {nearest(name, known)}?" for name in value), "none")
