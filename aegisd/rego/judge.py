"""The judge: bundles and manifests by digest, compiled once, run with the clock watched.

Whatever an evaluator does, the answer here is a verdict, and a failure is a verdict that denies.
"""

import copy
import hashlib
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from aegisd.core import capabilities
from aegisd.core.capabilities import NONE, Capabilities
from aegisd.core.errors import AegisError, EvaluatorFailed
from aegisd.core.events import RELEASED
from aegisd.core.policy.generation import BASE_GENERATION
from aegisd.core.policy.input import PolicyInput
from aegisd.core.policy.release import released
from aegisd.core.policy.verdict import Verdict, failed, judge
from aegisd.ports import Evaluator, Program
from aegisd.rego import bundle as bundles
from aegisd.rego.check import Facts, check
from aegisd.rego.recall import Answers, Recalling
from aegisd.rego.shelter import NOBODY, Shelter, Sheltered
from aegisd.rows import Document

# Compiled programs kept. A program holds a few megabytes of the engine's memory.
PROGRAMS_MAX = 64

# Manifests kept ready for judging: a few times the programs, because a replay only reads some.
MANIFESTS_MAX = 256

# Documents known before the log holds them: between `keep` and its commit, or for a what-if. Each
# is at most a manifest or a bundle in size, and past the newest ones the store is asked.
DOCUMENTS_MAX = 256

# Seconds in which the same fault of a tenant's bundle is told once.
TELL_SECONDS = 60.0

# A log from a stranger may name anything as a digest.
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_logger = logging.getLogger("aegisd.rego")


class RegoJudge:
    """`ports.LiveJudge` over one Rego engine. Judges on one thread at a time.

    `shelter` is the engine where it can be ended: every bundle is judged there but the base rules
    of this build alone, on an engine that counts its steps. `documents` finds bytes that are not
    known yet by their SHA-256; they are hashed again here. `recalls` is for what-ifs of a log, by
    bundles on the base rules of this build: what was answered is not asked again.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        shelter: Shelter,
        base: Mapping[str, str],
        documents: Callable[[bytes], Document | None],
        rules_version: str,
        *,
        recalls: bool = False,
    ) -> None:
        self.rules_version, self.generation = rules_version, BASE_GENERATION
        self._evaluator, self._shelter = evaluator, shelter
        self._base, self._documents = base, documents
        self._own, self._tenant_id = bundles.pack({}, base), NOBODY
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._programs: OrderedDict[tuple[str, str], Program] = OrderedDict()
        self._manifests: OrderedDict[str, Capabilities] = OrderedDict()
        self._facts: OrderedDict[str, Facts | None] = OrderedDict()
        self._released: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._complaints: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._shelters = [shelter]
        self._answers = Answers() if recalls else None

    def evaluator(self) -> tuple[str, str]:
        """Name and version of the engine."""
        return self._evaluator.name, self._evaluator.version

    def on(self, engine: str) -> "RegoJudge":  # noqa: ARG002 - the port's; this one has one engine
        """Itself: it has one engine."""
        return self

    def of(self, tenant_id: str) -> "RegoJudge":
        """The same judge with all that it keeps, asked for a tenant."""
        asked = copy.copy(self)
        asked._tenant_id = tenant_id  # noqa: SLF001 - its own
        return asked

    def apart(self) -> "RegoJudge":
        """The same judge, with a memory and a child of its own."""
        asked = RegoJudge(
            self._evaluator,
            Shelter(self._evaluator),
            self._base,
            self._documents,
            self.rules_version,
        )
        self._shelters.append(asked._shelter)
        return asked

    def close(self) -> None:
        """End the children that judge. What is judged there from then on denies."""
        for shelter in self._shelters:
            shelter.close()

    def bundle(self, files: Mapping[str, str]) -> bytes:
        """Base rules and an operator's files as one that compiles. Safe beside who judges.

        Raises `PolicyInvalid`, and `Busy` where the tenant has used its share.
        """
        body = bundles.build(files, self._base)
        self._attempt(body)
        return body

    def renewed(self, bundle: bytes) -> bytes:
        """A bundle's operator's files on these base rules. Raises `PolicyInvalid` for no bundle."""
        return bundles.pack(bundles.operator_files(bundle), self._base)

    def problem(self, bundle: bytes) -> str | None:
        """What keeps a bundle from being judged by; None where nothing does."""
        try:
            self._attempt(bundle)
        except AegisError as error:
            return error.message
        return None

    def is_prompt(self, bundle: str, manifest: str) -> bool:
        """Whether judging by them needs no compiling and is short whatever the input."""
        program = self._programs.get((bundle, manifest))
        return program is not None and program.prompt

    def keep(self, document: Document) -> None:
        """Make bytes known before an event in the log names them."""
        _remember(self._kept, document.digest.hex(), document.body, DOCUMENTS_MAX)

    def capabilities(self, manifest: str) -> Capabilities | None:
        """The manifest with this digest; None if its bytes are gone or no longer readable."""
        if not manifest:
            return NONE
        known = self._manifests.get(manifest)
        if known is None:
            body = self._body(manifest)
            if body is None:
                return None
            try:
                known = capabilities.recorded(body)
            except AegisError:
                return None
            _remember(self._manifests, manifest, known, MANIFESTS_MAX)
        return known

    def released(self, bundle: str) -> frozenset[str]:
        """The event types whose release the bundle judges; all if its bytes cannot be read."""
        known = self._released.get(bundle)
        if known is None:
            return self._told(self._released, bundle, released, RELEASED)
        return known

    def reads_time(self, bundle: str) -> bool:
        """Whether operators' rules of the bundle read the time; yes if it does not load."""
        facts = self._known(bundle)
        return facts is None or facts.timed

    def _known(self, bundle: str) -> Facts | None:
        """What the checks learnt of a bundle; None if it does not load."""
        if bundle in self._facts:
            return self._facts[bundle]
        return self._told(self._facts, bundle, check, otherwise=None)

    def _told(
        self,
        known: OrderedDict[str, V],
        bundle: str,
        tell: Callable[[Mapping[str, str]], V],
        otherwise: V,
    ) -> V:
        """What the files of a bundle tell, kept; `otherwise` where they cannot be read."""
        body = self._body(bundle)
        if body is None:
            return otherwise
        try:
            told = tell(bundles.decode(body))
        except AegisError:
            told = otherwise
        _remember(known, bundle, told, PROGRAMS_MAX)
        return told

    def judge(self, bundle: str, manifest: str, policy_input: PolicyInput) -> Verdict | None:
        """The verdict; None if the bundle's or the manifest's bytes are gone."""
        try:
            program = self._program(bundle, manifest)
        except Exception:  # noqa: BLE001 - whatever a compiler throws denies
            return failed("error")
        if program is None:
            return None
        if isinstance(program, Sheltered):
            program = program.of(self._tenant_id)
        verdict = judge(policy_input, _guarded(program))
        if verdict.fault is not None and self._tenant_id != NOBODY:
            self._tell(bundle, verdict.reasons[0].message)
        return verdict

    def _tell(self, bundle: str, why: str) -> None:
        """Tell an operator of a failing rule: each fault of a bundle once in a while."""
        now_s, key = time.monotonic(), (self._tenant_id, bundle[:8], why)
        if self._complaints.get(key, 0) <= now_s:
            _remember(self._complaints, key, now_s + TELL_SECONDS, PROGRAMS_MAX)
            _logger.warning("tenant %s: bundle %s: POLICY_ERROR: %s", *key)

    def _is_ours(self, bundle: bytes) -> bool:
        return self._evaluator.bounded and bundle == self._own

    def _attempt(self, bundle: bytes) -> None:
        if self._is_ours(bundle):
            self._evaluator.compile(bundle, NONE.data)
        else:
            self._shelter.attempt(bundle, NONE.data, self._tenant_id)

    def _program(self, bundle: str, manifest: str) -> Program | None:
        program = self._programs.get((bundle, manifest))
        if program is None:
            body, facts = self._body(bundle), self.capabilities(manifest)
            if body is None or facts is None:
                return None
            program = (
                self._evaluator.compile(body, facts.data)
                if self._is_ours(body)
                else self._shelter.compile(body, facts.data, self._tenant_id)
            )
            if self._answers is not None and isinstance(program, Sheltered):
                known = self._known(bundle)
                if known is not None:
                    program = Recalling(program, known, facts, self._answers)
            _remember(self._programs, (bundle, manifest), program, PROGRAMS_MAX)
        self._programs.move_to_end((bundle, manifest))
        return program

    def _body(self, digest: str) -> bytes | None:
        body = self._kept.get(digest)
        if body is None and _DIGEST.match(digest):
            document = self._documents(bytes.fromhex(digest))
            body = document.body if document is not None else None
        if body is None or hashlib.sha256(body).hexdigest() != digest:
            return None
        return body


def _guarded(program: Program) -> Callable[[bytes], bytes]:
    def evaluate(policy_input: bytes) -> bytes:
        try:
            return program.evaluate(policy_input)
        except EvaluatorFailed:
            raise
        except Exception as error:
            # Whatever an engine throws denies.
            raise EvaluatorFailed(repr(error)) from error

    return evaluate


def _remember(cache: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    """Keep the newest; the oldest goes, and is read and compiled again if it is asked for."""
    cache.pop(key, None)
    while len(cache) >= most:
        cache.popitem(last=False)
    cache[key] = value
