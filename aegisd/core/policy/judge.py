"""What judging needs beside state: manifests and bundles by digest, and an engine to run them."""

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

# For who reads a log and judges nothing, loading manifests and policy would double the start.
if TYPE_CHECKING:
    from aegisd.core.capabilities import Capabilities
    from aegisd.core.policy.input import PolicyInput
    from aegisd.core.policy.verdict import Verdict


class Maker(Struct, frozen=True, kw_only=True):
    """Who judges: an engine by name and version, and the digest of the rules around it."""

    evaluator: str
    evaluator_version: str
    rules_version: str


class Judge(Protocol):
    """Judges inputs, live or recorded. The live gate and replay use the same one."""

    rules_version: str

    def evaluator(self) -> tuple[str, str]:
        """Name and version of the engine that judges."""

    def on(self, engine: str) -> "Judge":
        """The same judge on the engine of that name, which made a decision; itself without it."""

    def capabilities(self, manifest: str) -> "Capabilities | None":
        """The manifest with this hex digest (empty: none registered), or None if it is gone."""

    def judge(self, bundle: str, manifest: str, policy_input: "PolicyInput") -> "Verdict | None":
        """The verdict of a bundle named by hex digest, or None if its bytes are gone.

        Never raises: an evaluator that fails, hangs past its bound or answers nonsense denies.
        """

    def released(self, bundle: str) -> frozenset[str]:
        """The event types whose release the bundle judges; all of them if its bytes are gone."""

    def reads_time(self, bundle: str) -> bool:
        """Whether operators' rules of the bundle may read the time; yes if its bytes are gone."""


def maker(judge: Judge) -> Maker:
    """Under which names a judge's decisions are recorded."""
    name, version = judge.evaluator()
    return Maker(evaluator=name, evaluator_version=version, rules_version=judge.rules_version)
