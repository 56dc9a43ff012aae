"""A log that holds something of everything, for whoever alters it, and what it answers."""

import io
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from aegisd import compose
from aegisd.audit import documents
from aegisd.audit.anchors import Anchors, read_head
from aegisd.audit.export_writing import complete, plan_of
from aegisd.audit.partial_export import PartialExport
from aegisd.audit.proofs import StoredProofs
from aegisd.core.errors import AegisError
from aegisd.core.proposal import Proposal, read
from aegisd.core.state.fold import fact
from aegisd.ports import EventReader
from aegisd.signing import keyring
from drills.daemon import MANIFEST, proposal
from drills.faults.engine import running

# Events of one session: enough that its fold is cached, and that a block of the tree is complete.
LONG_EVENTS = 280

# Calls of a session that the budget allows.
BUDGET = 3

RULES = {
    "rules/ann.rego": """package aegis.rules

deny contains {"message": "not in May", "rule": "may"} if input.call.tool == "read_file"
"""
}


def governed() -> Mapping[str, object]:
    """The quick-start manifest with a small budget, and with what is personal or secret."""
    told: dict[str, object] = json.loads(MANIFEST.read_bytes())
    tools = {
        "crm": {
            "risk": "low",
            "roles": {"ssn": "content", "pin": "content"},
            "sensitive": {"ssn": "personal", "pin": "secret"},
        }
    }
    return {
        **told,
        "tools": {**told["tools"], **tools},  # type: ignore[dict-item]  # an object, as we wrote it
        "budgets": {"steps": None, "tool_calls": BUDGET, "wall_time_ms": None},
        "sensitive": {"USER_MESSAGE": {"content": "personal"}},
    }


def keyed(key: str, args: object = None) -> Proposal:
    """A call under an idempotency key."""
    return read(proposal("kept", args=args), idempotency_key=key)


def said(session: str, content: str, user_id: str = "") -> Proposal:
    """A message of the user."""
    payload = {"content": content}
    return read(proposal(session, event_type="USER_MESSAGE", payload=payload, user_id=user_id))


def crm(session: str, call_id: str, user_id: str = "") -> Proposal:
    """A call with a personal value and a secret."""
    args = {"ssn": "078-05-1120", "pin": "4711"}
    payload = {"tool_name": "crm", "call_id": call_id, "args": args}
    return read(proposal(session, payload=payload, user_id=user_id))


# What is recorded before anybody alters it, and what is asked of each altered log: a used budget, a
# part of one, a path that is never allowed, an ended session, a retry, another tenant's rules.
BEFORE = (
    *(read(proposal("used")) for _ in range(BUDGET + 1)),
    *(read(proposal("begun")) for _ in range(BUDGET - 1)),
    keyed("k1"),
    keyed("k2", args={"path": "/etc/passwd"}),
    said("ann", "I am Ann", user_id="u1"),
    crm("ann", "c1", user_id="u1"),
    crm("bob", "c2"),
    said("carol", "I am Carol", user_id="u3"),
    read(proposal("over")),
    read(proposal("over", event_type="TERMINATION", payload=None)),
)
ASKED = (
    *(read(proposal("used")) for _ in range(2)),
    *(read(proposal("begun")) for _ in range(2)),
    keyed("k1"),
    keyed("k2", args={"path": "/etc/passwd"}),
    read(proposal("long")),
    read(proposal("over")),
    read(proposal("new", args={"path": "/etc/passwd"})),
    read(proposal("new")),
    read(proposal("new", tenant_id="beta")),
)


async def record(dsn: str, folder: Path) -> Anchors:
    """Make the log; what an auditor has of it: the key, and the newest checkpoint of each tenant.

    Two sittings, so that there is more than one checkpoint, and folds cached at two ends.
    """
    capabilities = compose.read_manifest(governed())
    async with running(dsn, folder) as (engine, _):
        for tenant_id in ("acme", "beta"):
            await engine.register_manifest(tenant_id, capabilities, author="ann", reason="begin")
        await engine.activate_policy("beta", RULES, author="ann", reason="no reading")
        for event in BEFORE:
            await engine.append((event,))
        await engine.append(tuple(said("long", str(at)) for at in range(100)))
        await engine.erase("acme", "u3", author="ann", reason="asked to")
        await engine.signing().sign_now("acme")
    async with running(dsn, folder) as (engine, store):
        rest = [said("long", str(at), user_id="u5") for at in range(100, LONG_EVENTS)]
        for first in range(0, len(rest), 60):
            await engine.append(tuple(rest[first : first + 60]))
        alone = _export(store, "acme", "ann")
        await engine.import_log("audit", alone, author="ann", reason="case 12")
        kept = [await engine.signing().sign_now(name) for name in ("acme", "audit", "beta")]
        (public, *_) = keyring.load(folder / "log.key").keys(0)
    heads = tuple(read_head(each.note, [public]) for each in kept)
    return Anchors(keys=(public,), kept=heads)


async def answers(dsn: str, folder: Path) -> list[str]:
    """What the log answers to `ASKED`, each by itself: outcome and reasons, or `refused`."""
    told: list[str] = []
    async with running(dsn, folder) as (engine, _):
        for event in ASKED:
            try:
                (answer,) = await engine.append((event,))
            except AegisError as error:
                told.append(f"refused: {error.code}")
                continue
            payload = fact(answer.decision).payload if answer.decision else None
            decision = payload if isinstance(payload, dict) else {}
            reasons = [each["code"] for each in decision.get("reasons", ())]
            told.append(f"{decision.get('outcome')} {reasons}")
    return told


def told_by(log: EventReader, tenants: Sequence[str]) -> list[object]:
    """All that a log tells of tenants: events, documents they name, values beside them.

    Raises `AegisError`.
    """
    told: list[object] = []
    for tenant_id in tenants:
        for event in log.events(tenant_id):
            names = sorted(documents.named(event))
            told += (event, *(log.document(bytes.fromhex(name.digest)) for name in names))
        told += log.kept(tenant_id)
    return told


def _export(log: EventReader, tenant_id: str, session_id: str) -> io.BytesIO:
    """An export of one session with its values."""
    proofs, out = StoredProofs(log), io.BytesIO()
    plan = plan_of(proofs, tenant_id, session_id, values=True)
    with closing(PartialExport.temporary(plan)) as partial:
        complete(log, proofs, partial, out)
    out.seek(0)
    return out
