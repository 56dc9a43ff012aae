"""Builds the engine, for the daemon, the library and tests alike: here and nowhere else."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from aegisd.core import capabilities
from aegisd.core.capabilities import Capabilities
from aegisd.core.errors import AegisError, ConfigInvalid
from aegisd.engine.checkpoints import EVENTS_DEFAULT, INTERVAL_MS_DEFAULT, Signing
from aegisd.engine.clock import SystemClock
from aegisd.engine.configured import Configured
from aegisd.engine.engine import Engine
from aegisd.ports import Clock, EventStore, Follower, LiveJudge, Signer
from aegisd.rego import bundle
from aegisd.signing.snapshot_key import (
    SNAPSHOT_KEY_BYTES,
    open_snapshot_key,
    snapshot_key_path,
)
from aegisd.store.dsn import place

FilePath = str | os.PathLike[str]
Manifest = FilePath | Mapping[str, object]
Policy = FilePath | Mapping[str, str]


def engine(
    store: EventStore,
    judge: LiveJudge,
    configured: Configured,
    *,
    on_fatal: Callable[[str], None],
    clock: Clock | None = None,
    signing: Signing | None = None,
    snapshot_key: bytes | None = None,
    followers: Sequence[Follower] = (),
) -> Engine:
    """An engine that was not started, on a store that stays its caller's to close.

    Without `clock` it goes by this machine's; without `signing` nothing is signed; without
    `snapshot_key` the folds it caches are believed by nobody else.
    """
    return Engine(
        store=store,
        judge=judge,
        clock=SystemClock() if clock is None else clock,
        configured=configured,
        on_fatal=on_fatal,
        signing=signing,
        snapshot_key=os.urandom(SNAPSHOT_KEY_BYTES) if snapshot_key is None else snapshot_key,
        followers=followers,
    )


def configured(
    judge: LiveJudge, manifest: Capabilities | None = None, policy: Mapping[str, str] | None = None
) -> Configured:
    """What is to be in force for every tenant; `policy` None names no rules but the base ones.

    Raises `PolicyInvalid`, naming file and line, for rules that do not load.
    """
    return Configured(
        bundle=judge.bundle(policy or {}), policy_named=policy is not None, capabilities=manifest
    )


def signing(
    dsn: str,
    store: EventStore,
    *,
    key: str | None = None,
    program: tuple[str, str] | None = None,
    guard: str | None = None,
    interval_ms: int = INTERVAL_MS_DEFAULT,
    events: int = EVENTS_DEFAULT,
) -> Signing:
    """Who signs a log, and where its newest checkpoints are kept: beside it, unless named.

    `key` is a key file, `program` an operator's command and its public key, `guard` a folder.
    Raises `ConfigInvalid`.
    """
    # Only a log that lasts needs cryptography, and `import aegis` stays light.
    from aegisd.signing.command import SigningCommand  # noqa: PLC0415
    from aegisd.signing.guard import GuardFolder  # noqa: PLC0415
    from aegisd.signing.signer import (  # noqa: PLC0415
        guard_path,
        key_path,
        open_keyring,
        origin_in,
    )

    database = Path(place(dsn))
    signer: Signer
    if program is not None:
        signer = SigningCommand(*program)
    else:
        own = Path(key) if key else key_path(database)
        signer = open_keyring(own, lambda: origin_in(store))
    folder = Path(guard) if guard else guard_path(database)
    return Signing(signer=signer, guard=GuardFolder(folder), interval_ms=interval_ms, events=events)


def snapshot_key(dsn: str, key: str | None = None, signing_key: str | None = None) -> bytes:
    """What a log's cached folds are believed under, made where it is missing.

    `key` is its file, where nobody names it beside `signing_key`. Raises `ConfigInvalid`.
    """
    # As above.
    from aegisd.signing.signer import key_path  # noqa: PLC0415

    beside = Path(signing_key) if signing_key else key_path(Path(place(dsn)))
    return open_snapshot_key(Path(key) if key else snapshot_key_path(beside))


def read_manifest(manifest: Manifest) -> Capabilities:
    """A manifest from a file, or from its own fields.

    Raises `ConfigInvalid` for a file that cannot be read, and `ManifestInvalid`.
    """
    if isinstance(manifest, Mapping):
        return capabilities.from_value(dict(manifest))
    try:
        data = Path(manifest).read_bytes()
    except OSError as error:
        raise ConfigInvalid(f"manifest {manifest}: cannot be read: {error.strerror}") from None
    try:
        return capabilities.read(data)
    except AegisError as error:
        raise ConfigInvalid(f"manifest {manifest}: {error.message}") from None


def read_policy(policy: Policy) -> Mapping[str, str]:
    """An operator's Rego files by name, from a folder or as they are. Raises `PolicyInvalid`."""
    if isinstance(policy, Mapping):
        return policy
    files = bundle.load_directory(Path(policy))
    bundle.require_rule(files, Path(policy))
    return files
