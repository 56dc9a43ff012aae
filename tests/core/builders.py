"""Logs and values that many tests start from, and the vectors of others where they are present."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from aegisd.core.log.canonical import INTEGER_MAX, encode
from aegisd.core.log.chain import Break, Chain
from aegisd.core.log.envelope import Envelope, StoredEvent, seal
from aegisd.core.log.export import Evidence, ExportWriter, Scope

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
SHARED = ROOT.parent / "shared" / "data"

# 2023-11-14T22:13:20Z, the time of the first hash vector.
START_MS = 1_700_000_000_000

PROPOSED = {"tool_name": "read_file", "call_id": "c1", "args": {}}

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
# ASCII alone would never sort two keys differently in UTF-8 and UTF-16.
key = text | st.text("aé\uff5e\U00010000", max_size=3)
number = st.integers(-INTEGER_MAX, INTEGER_MAX) | st.floats(allow_nan=False, allow_infinity=False)
number = number.filter(lambda n: n % 1 != 0 or not INTEGER_MAX < abs(n) < 1e21)
scalar = st.none() | st.booleans() | number | text
json_value = st.recursive(
    scalar,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(key, inner, max_size=4),
    max_leaves=12,
)
identifier = st.from_regex(r"[A-Za-z0-9_:@-][A-Za-z0-9._:@-]{0,20}", fullmatch=True)


def shared_paths(folder: str, pattern: str) -> list[Path]:
    """Files of test material beside the checkout, sorted; none where the folder is absent."""
    return sorted((SHARED / folder).glob(pattern))


def shared_files(folder: str, pattern: str) -> list[object]:
    """One parameter per file, or a single one that skips by name where the folder is absent."""
    paths = shared_paths(folder, pattern)
    absent = pytest.mark.skip(reason=f"test material {folder!r} is not beside this checkout")
    return [pytest.param(path, id=path.name) for path in paths] or [
        pytest.param(None, id=f"{folder}/{pattern}", marks=absent)
    ]


def envelope(
    seq: int,
    event_type: str,
    payload: object,
    *,
    session_id: str = "s1",
    tenant_id: str = "acme",
    user_id: str = "u1",
    agent_id: str | None = None,
    idempotency_key: str | None = None,
) -> Envelope:
    """An envelope like the hash vectors', each a millisecond after the one before."""
    return Envelope(
        agent_id=UNSET if agent_id is None else agent_id,
        event_type=event_type,
        idempotency_key=UNSET if idempotency_key is None else idempotency_key,
        payload=Raw(encode(payload)),
        seq=seq,
        session_id=session_id,
        tenant_id=tenant_id,
        ts_unix_ms=START_MS + seq,
        user_id=user_id,
    )


def chain(envelopes: Iterable[Envelope]) -> list[StoredEvent]:
    """Seal envelopes in position order, each continuing the last of its session."""
    heads: dict[str, bytes] = {}
    rows = []
    for position, each in enumerate(envelopes):
        row = seal(each, position, heads.get(each.session_id, b""))
        heads[each.session_id] = row.hash
        rows.append(row)
    return rows


def verify(events: Iterable[StoredEvent], *, whole: bool) -> Iterator[Break]:
    """Check events of one tenant (`whole`: all of them, in position order; else one session's)."""
    checking = Chain(whole=whole)
    for event in events:
        yield from checking.check(event)


def small_log() -> list[StoredEvent]:
    """Seven events of two interleaved sessions, every optional envelope field in use."""
    return chain(
        [
            envelope(0, "TOOL_CALL_PROPOSED", PROPOSED),
            envelope(0, "USER_MESSAGE", {"content": "héllo"}, session_id="s2", agent_id="a1"),
            envelope(1, "TOOL_RESULT", {"call_id": "c1", "result": "ok"}),
            envelope(1, "MEMORY_READ", {"memory_key": "k"}, session_id="s2", idempotency_key="i1"),
            envelope(2, "TERMINATION", None),
            envelope(2, "ERROR_RAISED", {"code": "e", "message": "m"}, session_id="s2"),
            envelope(3, "TERMINATION", {"reason": "done"}, session_id="s2", user_id=""),
        ]
    )


def export_lines(
    scope: Scope,
    documents: Iterable[tuple[str, bytes]],
    events: Iterable[StoredEvent],
    evidence: Iterable[Evidence] = (),
) -> Iterator[bytes]:
    """The lines of an export, each with its newline. `documents` are (kind, canonical bytes)."""
    writer = ExportWriter()
    yield from writer.begin(scope, documents)
    rows = list(events)
    yield from (writer.lines(row.body + b"\n") for row in rows)
    yield from map(writer.evidence, evidence)
    yield writer.end({row.session_id: (row.seq, row.hash) for row in rows}, len(rows))
