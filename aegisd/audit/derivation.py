"""Both passes of replay over a whole log, and the first counterfactual, as reports.

A report depends on the log and on the rules in use alone: the same bytes whatever the clock, the
time zone, the locale and the order in which sessions are read.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from aegisd.audit.absence import Absences
from aegisd.audit.export_log import ExportLog
from aegisd.audit.log import Log, all_sessions
from aegisd.audit.progress import Progress, silent
from aegisd.core.errors import ManifestInvalid, SessionUnknown
from aegisd.core.log.envelope import StoredEvent, restore
from aegisd.core.policy.judge import Judge, Maker
from aegisd.core.replay import difference as places
from aegisd.core.replay.counterfactual import Change, Wanted, counterfactual, every
from aegisd.core.replay.difference import Difference
from aegisd.core.replay.judgement import Values
from aegisd.core.replay.session import derive_session
from aegisd.core.replay.tenant import derive_tenant
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX, CONTROL_SESSION
from aegisd.ports import LiveJudge
from aegisd.printable import shown
from aegisd.rows import Document, SessionHead
from aegisd.zone import utc_offset_s

# Places whose difference means that a decision was not derived equal.
_OF_A_DECISION = frozenset({"input", "verdict", "decide"})


# What is counted of each tenant, and told of all of them together.
_SUMMED = ("changed_facts", "changed_inputs", "compared", "decisions", "equal", "others")


class TenantDerivation(Struct, frozen=True, kw_only=True):
    """What was derived of one tenant.

    `compared` counts the decisions whose outcome was derived and compared, `equal` those without a
    difference of their own. `changed_inputs` and `changed_facts` count what decisions of other
    rules were asked about otherwise, which by itself is no difference. `others` count those that
    name another engine or other rules than those here as their maker. `whole` tells that the facts
    that decisions read of other sessions were derived too (pass 2).
    """

    tenant_id: str
    sessions: int
    decisions: int
    compared: int
    equal: int
    changed_inputs: int
    changed_facts: int
    others: int
    whole: bool


class Derivation(Struct, frozen=True, kw_only=True):
    """A replay: `differences` are (tenant id, difference) by tenant, position, place and field.

    `others` are the makers that decisions name and that are not here, each with how many: such a
    decision's outcome was compared, and whether they made it cannot be known. `engines` are those
    that outcomes were derived on, by name and version, each with how many, and `evaluator` is the
    one that derived most of them.
    """

    evaluator: tuple[str, str]
    engines: list[tuple[tuple[str, str], int]]
    rules_version: str
    tenants: list[TenantDerivation]
    others: list[tuple[Maker, int]]
    differences: list[tuple[str, Difference]]

    def found(self) -> object:
        """What two engines that agree find alike."""
        return self.differences

    @property
    def is_certain(self) -> bool:
        """Whether nothing differs and nothing was taken on trust."""
        whole = all(each.whole for each in self.tenants)
        return whole and not self.differences and not self.others

    @property
    def uncompared(self) -> list[Difference]:
        """Why outcomes were not compared: each such decision has a difference of this kind."""
        return [
            found
            for _, found in self.differences
            if found.place == "input" or (found.klass == "unreplayable" and found.field == "bundle")
        ]

    def by_class(self) -> dict[str, int]:
        """How many differences there are of each class, by name."""
        return dict(sorted(Counter(found.klass for _, found in self.differences).items()))

    def document(self) -> dict[str, object]:
        """The report as JSON values."""
        return {
            "by_class": self.by_class(),
            "by_place": dict(Counter(found.place for _, found in self.differences)),
            **{name: sum(getattr(each, name) for each in self.tenants) for name in _SUMMED},
            "differences": [
                {"tenant_id": tenant, **msgspec.to_builtins(found)}
                for tenant, found in self.differences
            ],
            "engines": [
                {"name": name, "version": version, "decisions": number}
                for (name, version), number in self.engines
            ],
            "evaluator": {"name": self.evaluator[0], "version": self.evaluator[1]},
            "certain": self.is_certain,
            "holds": not self.differences,
            "made_by_others": [
                {**msgspec.to_builtins(maker), "decisions": number} for maker, number in self.others
            ],
            "rules_version": self.rules_version,
            "tenants": msgspec.to_builtins(self.tenants),
        }


class WhatIf(Struct, frozen=True, kw_only=True):
    """A counterfactual: `changes` are (tenant id, change) by tenant and position.

    `unjudged` of the decisions need a value, a manifest or a bundle that is not in this log.
    """

    bundle: str
    decisions: int
    unjudged: int
    changes: list[tuple[str, Change]]

    def found(self) -> object:
        """What two engines that agree find alike."""
        return self.changes, self.unjudged

    def document(self) -> dict[str, object]:
        """The report as JSON values."""
        return {
            "bundle": self.bundle,
            "changes": [
                {"tenant_id": tenant, **msgspec.to_builtins(change)}
                for tenant, change in self.changes
            ],
            "decisions": self.decisions,
            "other_sessions_facts": "as recorded",
            "unjudged": self.unjudged,
        }


def document(reports: Mapping[str, Derivation] | Mapping[str, WhatIf]) -> dict[str, object]:
    """One engine's report as JSON values, or several under their engines' names.

    Of several, `disagree` tells that they are not alike: differences, or changes, that only some
    engine finds.
    """
    told = {name: report.document() for name, report in reports.items()}
    if len(told) == 1:
        return next(iter(told.values()))
    found = [report.found() for report in reports.values()]
    return {"disagree": any(each != found[0] for each in found), "engines": told}


def derive(
    source: Log,
    tenants: Iterable[str],
    session_id: str | None,
    judge: Judge,
    progress: Progress = silent,
) -> Derivation:
    """Derive every decision of the tenants, or of one session. Raises `SessionUnknown`.

    Progress is told of events read, of which a whole tenant's are read twice.
    """
    counts: list[TenantDerivation] = []
    differences: list[tuple[str, Difference]] = []
    others, engines = Counter[Maker](), Counter[tuple[str, str]]()
    for tenant_id in tenants:
        counted, found = _derive_tenant(source, tenant_id, session_id, judge, progress)
        if counted.sessions or session_id is None:
            counts.append(counted)
        differences += [(tenant_id, difference) for difference in found.differences]
        others += found.others
        engines += found.engines
    _require(session_id, found=any(counted.sessions for counted in counts))
    return Derivation(
        evaluator=engines.most_common(1)[0][0] if engines else judge.evaluator(),
        engines=sorted(engines.items()),
        rules_version=judge.rules_version,
        tenants=counts,
        others=sorted(others.items(), key=lambda each: msgspec.structs.astuple(each[0])),
        differences=sorted(set(differences), key=_order),
    )


def _derive_tenant(
    source: Log, tenant_id: str, session_id: str | None, judge: Judge, progress: Progress
) -> tuple[TenantDerivation, places.Derivation]:
    total, sessions = places.Derivation(), 0
    absences = Absences(source, tenant_id)
    for head in _heads(source, tenant_id, session_id):
        sessions += 1
        events = source.session_events(tenant_id, head.session_id)
        found = _derived(
            _Reading(tenant_id, events, progress),
            lambda read: derive_session(read, judge, _values(source, tenant_id), _offset),
        )
        total.decisions += found.decisions
        total.compared += found.compared
        total.changed_inputs += found.changed_inputs
        total.others += found.others
        total.engines += found.engines
        total.differences += (_with_reason(each, absences) for each in found.differences)
    unequal = {each.position for each in total.differences if each.place in _OF_A_DECISION}
    whole = _is_whole(source, tenant_id)
    if whole and sessions:
        events = source.events(tenant_id)
        facts = _derived(
            _Reading(tenant_id, events, progress), lambda read: derive_tenant(read, judge)
        )
        total.changed_facts = facts.changed_facts
        own = (each for each in facts.differences if session_id in (None, each.session_id))
        total.differences += own
    count = TenantDerivation(
        tenant_id=tenant_id,
        sessions=sessions,
        decisions=total.decisions,
        compared=total.compared,
        equal=total.decisions - len(unequal),
        changed_inputs=total.changed_inputs,
        changed_facts=total.changed_facts,
        others=total.others.total(),
        whole=whole,
    )
    return count, total


def _with_reason(found: Difference, absences: Absences) -> Difference:
    """What a value that is gone keeps from being derived, with why it is gone."""
    if found.klass != "unreplayable (erased)":
        return found
    # A decision stands right behind its cause.
    why = absences.sentence(found.position - 1)
    return msgspec.structs.replace(found, derived=why or found.derived)


def _derived(
    events: "_Reading", derive: Callable[["_Reading"], places.Derivation]
) -> places.Derivation:
    """What deriving finds; of events that Aegis would not have written, that they are such."""
    try:
        return derive(events)
    except (KeyError, msgspec.MsgspecError):
        return places.Derivation(differences=events.misfit())


def what_if(
    source: Log,
    tenants: Iterable[str],
    session_id: str | None,
    judge: LiveJudge,
    bundle: Document,
    progress: Progress = silent,
    wanted: Wanted = every,
) -> WhatIf:
    """Judge the recorded calls that are wanted by another bundle. Raises `SessionUnknown`."""
    judge.keep(bundle)
    decisions, unjudged = 0, 0
    changes: list[tuple[str, Change]] = []
    seen = False
    for tenant_id in tenants:
        for head in _heads(source, tenant_id, session_id):
            seen = True
            events = _Reading(
                tenant_id, source.session_events(tenant_id, head.session_id), progress
            )
            told = counterfactual(
                events, judge, bundle.digest.hex(), _values(source, tenant_id), wanted
            )
            decisions += told.decisions
            unjudged += told.unjudged
            changes += [(tenant_id, change) for change in told.changes]
    _require(session_id, found=seen)
    return WhatIf(
        bundle=bundle.digest.hex(),
        decisions=decisions,
        unjudged=unjudged,
        changes=sorted(changes, key=lambda each: (each[0], each[1].position)),
    )


def _heads(source: Log, tenant_id: str, session_id: str | None) -> Iterable[SessionHead]:
    if session_id is None:
        return all_sessions(source, tenant_id)
    head = source.session_head(tenant_id, session_id)
    return [] if head is None else [head]


def _values(source: Log, tenant_id: str) -> Values:
    """The values that a log has beside a tenant's events."""
    return lambda event: [row.plain for row in source.detached(tenant_id, event.position)]


def _offset(zone: str, now_ms: int) -> int | None:
    try:
        return utc_offset_s(zone, now_ms)
    except ManifestInvalid:
        return None


class _Reading:
    """Events as their bytes tell them: an archive's under the tenant they were written for.

    Verified before, so bytes and columns agree in every other tenant. `last` is the event read
    last.
    """

    def __init__(self, tenant_id: str, events: Iterable[StoredEvent], progress: Progress) -> None:
        self._events, self._progress = events, progress
        self._is_archive = tenant_id.startswith(ARCHIVE_PREFIX)
        self.last: StoredEvent | None = None

    def __iter__(self) -> Iterator[StoredEvent]:
        for event in self._events:
            self._progress()
            self.last = restore(event.body, event.position) if self._is_archive else event
            yield self.last

    def misfit(self) -> list[Difference]:
        """The difference of a payload that Aegis would not have written: not of its event type."""
        if self.last is None:
            return []
        return [
            places.difference(
                self.last,
                "state",
                "tampered",
                "payload",
                "not a payload of its event type",
                "a payload of its event type",
            )
        ]


def _is_whole(source: Log, tenant_id: str) -> bool:
    """Whether the log has all of a tenant's events, and not one session of it.

    An export says so. An archive is whole when it begins as every tenant's log does, with the act
    that put its first bundle in force.
    """
    if isinstance(source, ExportLog):
        return source.scope.session_id is None
    if not tenant_id.startswith(ARCHIVE_PREFIX):
        return True
    first = next(source.events(tenant_id, limit=1), None)
    return first is not None and first.session_id == CONTROL_SESSION


def _require(session_id: str | None, *, found: bool) -> None:
    if not found and session_id is not None:
        raise SessionUnknown(f"the log holds no event of session {shown(session_id)}")


def _order(each: tuple[str, Difference]) -> tuple[str, int, str, str]:
    tenant_id, found = each
    return tenant_id, found.position, found.place, found.field
