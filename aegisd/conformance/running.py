"""All cases of some packs against one target, one after the other."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator

from aegisd import __version__
from aegisd.audit.progress import Progress
from aegisd.conformance.pack import Case, Pack
from aegisd.conformance.play import play, result
from aegisd.conformance.replaying import Replays
from aegisd.conformance.result import CaseResult, PackResult, Run
from aegisd.conformance.target import Target
from aegisd.core.errors import ConfigInvalid, Unavailable

_MS = 1000

Clock = Callable[[], float]


def run(
    packs: Iterable[Pack],
    target: Target,
    replays: Replays,
    progress: Progress,
    *,
    now: Clock = time.time,
) -> Run:
    """Run packs. A target that cannot be asked any more leaves the rest not judged."""
    playing = _Playing(target, replays, progress)
    return Run(
        run_at_ms=int(now() * _MS),
        version=__version__,
        target=target.kind,
        url=target.url if target.kind == "server" else None,
        engine=target.engine,
        packs=tuple(
            PackResult(
                name=pack.name,
                title=pack.title,
                about=pack.about,
                file=pack.file,
                cases=tuple(playing.cases(pack)),
            )
            for pack in packs
        ),
    )


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
    narrowed = (_narrowed(pack, ids) for pack in packs)
    return tuple(pack for pack in narrowed if pack.cases)


def _narrowed(pack: Pack, ids: Collection[str]) -> Pack:
    cases: tuple[Case, ...] = tuple(case for case in pack.cases if case.id in ids)
    return Pack(
        name=pack.name,
        title=pack.title,
        about=pack.about,
        file=pack.file,
        manifests=pack.manifests,
        policies=pack.policies,
        cases=cases,
    )


class _Playing:
    """A target, until it cannot be asked any more."""

    def __init__(self, target: Target, replays: Replays, progress: Progress) -> None:
        self._target, self._replays, self._progress = target, replays, progress
        self._gone: str | None = None

    def cases(self, pack: Pack) -> Iterator[CaseResult]:
        """The results of a pack."""
        for case in pack.cases:
            yield self._case(pack, case)
            self._progress()

    def _case(self, pack: Pack, case: Case) -> CaseResult:
        if self._gone is None:
            try:
                return play(pack, case, self._target, self._replays)
            except Unavailable as error:
                self._gone = error.message
        return result(case, "not_judged", why=self._gone)
