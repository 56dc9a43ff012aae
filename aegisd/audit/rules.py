"""The judge that replay and policy checks ask: the base rules of this installation, on an engine.

Imported by who needs it only: loading the engine takes longer than most commands run.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from aegisd.core.capabilities import NONE
from aegisd.core.errors import PolicyInvalid
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.rego.bundle import TABLE_SUFFIX, build, decode, load_directory
from aegisd.rego.check import check
from aegisd.rego.engines import choose, installed
from aegisd.rego.installation import Installation, base_folder, installation
from aegisd.rego.judge import RegoJudge
from aegisd.rego.module import read
from aegisd.rego.shelter import Shelter
from aegisd.rows import Document
from aegisd.rules_version import rules_version

# What rules read of whom a call names, and of whom the manifest lists.
_RECIPIENTS, _LISTS = "input.call.recipients", "data.manifest.recipients"

# A file of a bundle's operator, anywhere in a message.
_PLACE = re.compile(rf"(?<![^\s(]){OPERATOR_PREFIX}([^\s:,;]+\.rego)(:[0-9]+)?(?![^\s:,;)])")


def judge(find: Callable[[bytes], Document | None], engine: str = "auto") -> RegoJudge:
    """A judge over documents that `find` gives by SHA-256, on the engine of that name.

    `auto` judges each decision on the engine that made it, where that is installed: a difference is
    then nobody's upgrade. Raises `ConfigInvalid` for an engine that is not installed.
    """
    return AsDecided(find) if engine == "auto" else installation(engine).judge(find)


class AsDecided(RegoJudge):
    """Judges each decision on the engine that made it, and all else on the preferred one."""

    def __init__(self, find: Callable[[bytes], Document | None]) -> None:
        preferred = installation()
        shelter = Shelter(preferred.evaluator)
        super().__init__(preferred.evaluator, shelter, preferred.base, find, rules_version())
        self._engines = {
            name: Installation(preferred.base, choose(name)).judge(find)
            for name in installed()
            if name != self.evaluator()[0]
        }

    def on(self, engine: str) -> RegoJudge:
        """The judge on an engine's name; itself where that engine is not installed."""
        return self._engines.get(engine, self)


class Supposition:
    """What if the rules of a folder judged: a child compiles them while their owner reads.

    Left with `with`, which ends what still runs.
    """

    def __init__(self, folder: Path, engine: str) -> None:
        self._installed, self._folder = installation(engine), folder
        self._shelter = Shelter(self._installed.evaluator)
        self._thread = ThreadPoolExecutor(1, "suppose")
        self._shelter.begin()
        try:
            made = bundle(folder)
        except PolicyInvalid as error:
            # Told when it is asked for: what is wrong with the log is told before.
            self._made: Document | PolicyInvalid = error
        else:
            self._made = made
            self._refused = self._thread.submit(_refused, self._shelter, made, folder)
        self._engine = engine

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shelter.close()
        self._thread.shutdown()

    def bundle(self) -> Document:
        """The base rules and the folder's. Raises `PolicyInvalid`, naming file and line."""
        if isinstance(self._made, PolicyInvalid):
            raise self._made
        if problem := self._refused.result():
            raise PolicyInvalid(f"{problem} (engine {self._engine})")
        return self._made

    def named(self, message: str) -> str:
        """A message of these rules, naming their files where they lie."""
        return in_folder(message, self._folder)

    def judge(self, find: Callable[[bytes], Document | None]) -> RegoJudge:
        """A judge by bundles of this installation, over documents that `find` gives by SHA-256."""
        return self._installed.judge(find, self._shelter)


def bundle(folder: Path) -> Document:
    """The base rules and a folder's, as the daemon would bundle them; not compiled yet.

    Raises `PolicyInvalid`, naming the file in that folder and its line.
    """
    try:
        body = build(load_directory(folder), load_directory(base_folder()))
    except PolicyInvalid as error:
        raise PolicyInvalid(in_folder(error.message, folder)) from None
    return Document(digest=hashlib.sha256(body).digest(), kind="bundle", body=body)


def refusal(document: Document, folder: Path, engine: str) -> str | None:
    """What an engine says against the bundle of a folder; None where it compiles.

    It is compiled without a manifest, as the daemon does before it takes a bundle.
    """
    return _refused(Shelter(choose(engine)), document, folder)


def _refused(shelter: Shelter, document: Document, folder: Path) -> str | None:
    try:
        shelter.compile(document.body, NONE.data)
    except PolicyInvalid as error:
        return in_folder(error.message, folder)
    return None


def warnings(document: Document, folder: Path, engine: str) -> list[str]:
    """What loads and may not do what its author means, on ordinary calls."""
    files = decode(document.body)
    found = [_inside_text(files, engine), _unlisted(files)]
    return [in_folder(told, folder) for told in found if told]


def _inside_text(files: Mapping[str, str], engine: str) -> str:
    """Where an engine will fail on ordinary text that a call may have."""
    place = check(files).plain_text
    if engine != "regopy" or not place:
        return ""
    return (
        f"{place} looks inside text: on regopy a call whose text has a quotation mark, a "
        "backslash or a line break is denied POLICY_ERROR; compare whole strings or beginnings, or "
        "judge on regorus"
    )


def _unlisted(files: Mapping[str, str]) -> str:
    """Where recipients are counted or compared that a manifest may not have had looked for."""
    reads = [
        (module.path, reference)
        for module in (read(path, files[path]) for path in sorted(files))
        if module.path.startswith(OPERATOR_PREFIX)
        for reference in module.references
    ]
    found = ((path, each) for path, each in reads if each.dotted.startswith(_RECIPIENTS))
    path, first = next(found, ("", None))
    if first is None or any(each.dotted.startswith(_LISTS) for _path, each in reads):
        return ""
    return (
        f"{path}:{first.line}: {_RECIPIENTS} is empty while the manifest has no `recipients`, "
        'whoever a call names; give the manifest `"recipients": ["*"]` to have all of them read, '
        f"and deny where {_LISTS} == {{}}"
    )


def in_folder(message: str, folder: Path) -> str:
    """A message about files of a bundle, with each named where it lies, data files too."""
    return _PLACE.sub(lambda found: f"{folder}/{_own_name(found[1], found[2] or '')}", message)


def _own_name(path: str, line: str) -> str:
    """A file as it is in its folder; the lines of a data file are not those of its rules."""
    return path.removesuffix(".rego") if path.endswith(TABLE_SUFFIX) else path + line
