"""All cases of some packs against one target, one after the other."""

import time
from collections.abc import Collection, Iterable, Iterator

import msgspec

from aegisd import __version__
from aegisd.audit.progress import Progress
from aegisd.conformance.pack import Case, Pack
from aegisd.conformance.play import play
from aegisd.conformance.replaying import Replays
from aegisd.conformance.result import CaseResult, PackResult, Run
from aegisd.conformance.target import Target
from aegisd.core.errors import ConfigInvalid, Unavailable


def run(packs: Iterable[Pack], target: Target, replays: Replays, progress: Progress) -> Run:
    """Run packs. A target that cannot be asked any more leaves the rest not judged."""
    gone: str | None = None

    def judged(pack: Pack, case: Case) -> CaseResult:
        nonlocal gone
        if gone is None:
            try:
                return play(pack, case, target, replays)
            except Unavailable as error:
                gone = error.message
        return CaseResult(case=case, verdict="not_judged", why=gone)

    def results(pack: Pack) -> Iterator[CaseResult]:
        for case in pack.cases:
            yield judged(pack, case)
            progress()

    return Run(
        run_at_ms=time.time_ns() // 1_000_000,
        version=__version__,
        target=target.kind,
        url=target.url if target.kind == "server" else None,
        engine=target.engine,
        packs=tuple(PackResult(pack=pack, cases=tuple(results(pack))) for pack in packs),
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
    narrowed = (
        msgspec.structs.replace(pack, cases=tuple(case for case in pack.cases if case.id in ids))
        for pack in packs
    )
    return tuple(pack for pack in narrowed if pack.cases)
