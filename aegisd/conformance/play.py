"""Cases one after the other; each ends with the first of its steps that does not hold."""

import base64
import binascii
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import closing

import msgspec
from msgspec import UNSET

from aegisd import __version__
from aegisd.audit.anchors import NONE
from aegisd.audit.log import Log
from aegisd.audit.progress import Progress
from aegisd.conformance import comparison, replaying, step, tampering
from aegisd.conformance.comparison import Mismatch, told
from aegisd.conformance.filling import data, fill, text
from aegisd.conformance.pack import Case, Pack, PackStep
from aegisd.conformance.proving import Proving
from aegisd.conformance.replaying import Replays
from aegisd.conformance.result import CaseResult, Compliance, PackResult, Run, StepResult
from aegisd.conformance.step import Json
from aegisd.conformance.target import NotJudged, Reply, Target
from aegisd.core.errors import AegisError, LogCorrupt, NotFound, Unavailable

# The session of a step that names none.
SESSION = "s1"

# What a snapshot step may expect of the answer itself; no fold has members of these names.
_OF_ANSWER = ("status", "code")

# Random bytes in a tenant's name, so that a run on a server that lives on repeats: 64 bits.
TENANT_RANDOM_BYTES = 8


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


def play(pack: Pack, case: Case, target: Target, replays: Replays) -> CaseResult:
    """Run a case. Raises `Unavailable` where the target cannot be asked at all."""
    started = time.perf_counter()
    if case.waits_for is not None:
        return CaseResult(case=case, verdict="not_judged", why=f"waits for {case.waits_for}")
    steps: list[StepResult] = []
    verdict: Compliance = "holds"
    why = None
    playing = _Playing(pack, case, target, replays)
    for each in case.steps:
        try:
            mismatches = tuple(playing.take(each))
        except NotJudged as reason:
            verdict, why = "not_judged", f"step {each.number} ({each.verb}): {reason}"
            break
        steps.append(StepResult(step=each, mismatches=mismatches))
        if mismatches:
            verdict = "fails"
            break
    seconds = time.perf_counter() - started
    return CaseResult(case=case, verdict=verdict, why=why, steps=tuple(steps), seconds=seconds)


class _Playing:
    """A case while it is run."""

    def __init__(self, pack: Pack, case: Case, target: Target, replays: Replays) -> None:
        self._pack, self._target, self._replays = pack, target, replays
        self._tenant = f"{case.id.lower()}-{secrets.token_hex(TENANT_RANDOM_BYTES)}"
        self._names: dict[str, object] = {"tenant": self._tenant}
        self._tampered: bytes | None = None
        self._proving = Proving(target, self._tenant)

    def take(self, each: PackStep) -> Iterator[Mismatch]:
        """Where the step does not hold. Raises `NotJudged`, `Unavailable`."""
        action = each.action
        session = SESSION if action.session is UNSET else text(action.session, self._names)
        self._names["session"] = session
        try:
            yield from self._act(action, session)
        except Unavailable:
            raise
        except AegisError as error:
            yield Mismatch(field=each.verb, expected="done", found=f"{error.code}: {error.message}")

    def _act(self, action: step.StepText, session: str) -> Iterator[Mismatch]:
        match action:
            case step.SnapshotStep():
                yield from self._snapshot(action, session)
            case step.EventsStep():
                yield from self._events(action, session)
            case step.RestartStep():
                yield from self._restart(action)
            case step.TamperStep():
                export = self._tampered or self._export()
                self._tampered = tampering.tamper(export, self._change(action.tamper), session)
            case step.VerifyStep():
                yield from self._verify(action, session)
            case step.ReplayStep():
                yield from self._replay(action)
            case step.Request():
                yield from self._ask(action, session)
            case _:
                yield from self._proving.take(action, session, self._names)

    def _restart(self, action: step.RestartStep) -> Iterator[Mismatch]:
        try:
            self._target.restart(kill=action.restart.kill)
        except AegisError as error:
            # A gate that does not come back has lost what it promised to keep.
            yield Mismatch(field="restart", expected="a gate that answers", found=error.message)

    def _ask(self, action: step.Request, session: str) -> Iterator[Mismatch]:
        for number in range(action.repeat):
            self._names["n"] = number
            found = list(self._judge(action, self._request(action, session)))
            turn = f"time {number + 1} of {action.repeat}: " if action.repeat > 1 else ""
            yield from (msgspec.structs.replace(each, field=turn + each.field) for each in found)
            if found:
                break
        self._names.pop("n", None)

    def _request(self, action: step.Request, session: str) -> Reply:
        target, tenant = self._target, self._tenant
        match action:
            case step.ManifestStep():
                return target.register(tenant, self._pack.manifests[action.manifest])
            case step.PolicyStep():
                files = {} if action.policy is None else self._pack.policies[action.policy]
                return target.activate(tenant, files)
            case step.CheckStep():
                return target.check(tenant, session, self._fill(action.check))
            case step.OpenStep():
                named = {"tenant_id": tenant, "session_id": session}
                return target.open({**named, **self._fill(action.open)}, key=self._key(action))
            case step.PostStep() | step.RawStep() | step.RawBase64Step():
                sent = self._body(action, session)
                ndjson = not isinstance(action, step.PostStep) and action.ndjson
                return target.append(sent, ndjson=ndjson, key=self._key(action))
            case _:
                raise TypeError(f"{type(action).__name__} is no request")

    def _body(
        self, action: step.PostStep | step.RawStep | step.RawBase64Step, session: str
    ) -> bytes:
        if isinstance(action, step.RawStep):
            return text(action.raw, self._names).encode()
        if isinstance(action, step.RawBase64Step):
            return data(_decoded(action.raw_base64), self._names)
        given = {"tenant_id": self._tenant, "session_id": session}
        if isinstance(action.post, list):
            return msgspec.json.encode([{**given, **self._fill(event)} for event in action.post])
        return msgspec.json.encode({**given, **self._fill(action.post)})

    def _judge(self, action: step.Request, reply: Reply) -> Iterator[Mismatch]:
        yield from comparison.answer(action.expect, reply, self._names)
        whole, items = comparison.whole(reply), comparison.receipts(reply)
        members = {**whole, "items": items} if isinstance(whole, dict) else {"items": items}
        yield from comparison.save(self._names, action.save, whole, members)

    def _snapshot(self, action: step.SnapshotStep, session: str) -> Iterator[Mismatch]:
        named = session if action.snapshot is None else text(action.snapshot, self._names)
        reply = self._target.snapshot(self._tenant, named)
        wanted = self._fill(action.expect)
        of_answer = {name: wanted.pop(name) for name in _OF_ANSWER if name in wanted}
        answered = msgspec.convert(of_answer, step.Answered)
        yield from comparison.answer(answered, reply, self._names)
        if reply.refusal is None:
            yield from comparison.differing(wanted, reply.value)
            members = reply.value if isinstance(reply.value, dict) else {}
            yield from comparison.save(self._names, action.save, reply.value, members)

    def _events(self, action: step.EventsStep, session: str) -> Iterator[Mismatch]:
        named = session if action.events is None else text(action.events, self._names)
        with closing(self._target.log()) as log:
            types = _types(log, self._tenant, named)
        expected = msgspec.to_builtins(action.expect)
        yield from comparison.differing(expected, {"types": types, "count": len(types)})

    def _verify(self, action: step.VerifyStep, session: str) -> Iterator[Mismatch]:
        expect, against = action.expect, action.verify.against
        try:
            anchors = NONE
            if against is not UNSET:
                anchors = self._proving.auditor.anchors(kept=against == "kept")
            verified = replaying.verify(self._tampered or self._export(), anchors)
        except LogCorrupt as error:
            yield from comparison.holds(found=False, expected=expect.holds, why=error.message)
        else:
            yield from comparison.breaks(expect, verified)
            yield from comparison.level(expect, verified, keyed=against is not UNSET)
        if self._tampered is None:
            yield from self._verify_at_door(session, expected=expect.holds)

    def _verify_at_door(self, session: str, *, expected: bool) -> Iterator[Mismatch]:
        """The gate's own check of the session, where the log has it."""
        reply = self._target.verify(self._tenant, session)
        if reply.refusal is not None and reply.refusal.code == "session_unknown":
            return
        members = reply.value if isinstance(reply.value, dict) else {}
        if members.get("valid") is not expected:
            found = told(members.get("breaks")) if reply.refusal is None else reply.refusal.code
            yield Mismatch(
                field="the gate's own verify", expected=f"valid: {told(expected)}", found=found
            )

    def _replay(self, action: step.ReplayStep) -> Iterator[Mismatch]:
        expect = action.expect
        export = self._tampered or self._export()
        verified = replaying.verify(export)
        if not verified.holds:
            broken = verified.breaks[0]
            why = f"it does not verify: {broken.rule}: {broken.detail}"
            yield from comparison.holds(found=False, expected=expect.holds, why=why)
            found: Json = {"decisions": 0, "differences": 0, "classes": []}
        else:
            derived = self._replays.derive(export)
            differences = [difference for _tenant, difference in derived.differences]
            first = differences[: comparison.TOLD_MAX]
            why = "; ".join(f"seq {each.seq} {each.place}.{each.field}" for each in first)
            yield from comparison.holds(found=not differences, expected=expect.holds, why=why)
            found = {
                "decisions": sum(tenant.decisions for tenant in derived.tenants),
                "differences": len(differences),
                "classes": sorted(derived.by_class()),
            }
        yield from comparison.replay(expect, found)

    def _export(self) -> bytes:
        with closing(self._target.log()) as log:
            return replaying.export(log, self._tenant, self._proving.auditor.newest)

    def _change(self, change: step.Tampering) -> step.Tampering:
        return msgspec.convert(self._fill(msgspec.to_builtins(change)), step.Tampering)

    def _fill(self, value: Json) -> Json:
        filled = fill(value, self._names)
        return filled if isinstance(filled, dict) else {}

    def _key(self, action: step.KeyedRequest) -> str | None:
        return None if action.key is UNSET else text(action.key, self._names)


def _types(log: Log, tenant_id: str, session_id: str) -> list[str]:
    try:
        return [event.event_type for event in log.session_events(tenant_id, session_id)]
    except NotFound:
        # A server says so of a session that a file has nothing of.
        return []


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise NotJudged("raw_base64 is not base64") from None
