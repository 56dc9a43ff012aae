"""The base rules of the running build, put in force where a tenant still has those of another.

An operator's files stay as they are. Where they do not load on the new base, the bundle is put in
force all the same: it cannot be judged by, so every call is denied POLICY_ERROR until somebody
activates mended rules, and the log says why.
"""

import hashlib
from collections.abc import Callable

from msgspec import Struct

from aegisd.core.activation import Activation
from aegisd.core.errors import PolicyInvalid
from aegisd.engine.commands.command import CONFIG
from aegisd.engine.commands.control import Control, document, policy_control
from aegisd.ports import LiveJudge
from aegisd.rows import Document

# The author of what a build puts in force because it is another build.
UPGRADE = "upgrade"


class Upgrade(Struct, frozen=True, kw_only=True):
    """The bundle to put in force. `problem` is what keeps it from being judged by, if anything."""

    bundle: bytes
    problem: str | None

    @property
    def digest(self) -> str:
        """SHA-256 of the bundle, in hex."""
        return document("bundle", self.bundle).digest.hex()

    def act(self, generation: int) -> Control:
        """POLICY_ACTIVATED, in the name of the build."""
        reason = "the base rules of the running build, with the same operator's files"
        return policy_control(self.bundle, UPGRADE, reason, generation)


def is_newer(active: Activation | None, judge: LiveJudge) -> bool:
    """Whether a tenant has base rules of a newer build: then this one decides nothing for it."""
    return active is not None and active.generation > judge.generation


def is_current(active: Activation, judge: LiveJudge) -> bool:
    """Whether a tenant's base rules are those of this build, or of a newer one."""
    return active.generation >= judge.generation


def is_kept(active: Activation | None) -> bool:
    """Whether a bundle is an operator's, which a build renews but does not replace."""
    return active is not None and active.author != CONFIG


def upgrade(
    active: Activation | None,
    judge: LiveJudge,
    documents: Callable[[bytes], Document | None],
) -> Upgrade | None:
    """What must be put in force, where an operator's rules stand on other base rules; else None.

    What the configuration put in force, it also renews. Blocks on the store and the compiler.
    """
    if active is None or not is_kept(active) or is_newer(active, judge):
        return None
    kept = documents(bytes.fromhex(active.digest))
    if kept is None or hashlib.sha256(kept.body).hexdigest() != active.digest:
        # Gone, or not what the log put in force: it denies, and nothing of it is taken over.
        return None
    try:
        renewed = judge.renewed(kept.body)
    except PolicyInvalid:
        # No bundle that a build has written: it denies as it is, and nobody's files can be taken.
        return None
    if renewed == kept.body and is_current(active, judge):
        return None
    return Upgrade(bundle=renewed, problem=judge.problem(renewed))
