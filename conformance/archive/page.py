"""The README of an archive, from its account."""

from collections.abc import Iterator, Mapping

from conformance.archive.account import Account

_FILES = {
    "sqlite/aegis.db": "the log in SQLite, as a daemon that was stopped left it",
    "postgres/aegis.sql.gz": "the same story in PostgreSQL, as SQL that `psql` loads",
    "exports/acme.jsonl": "tenant acme with the values kept beside its events",
    "exports/beta.jsonl": "tenant beta",
    "exports/acme-session.jsonl": "one session of acme, with a proof for each event",
    "exports/event.tlog-proof": "a proof of one event",
    "*/signing.key": "test keys, published so that later builds can go on; they protect nothing",
    "*/signing.key.pub": "their verifier keys",
    "*/checkpoints/": "what the daemon kept outside the database",
    "expected.json": "what the build that wrote all this said of it",
}

_ALSO = (
    "tenant cove is governed by the daemon's own manifest, Dune by none",
    "acme has a v0.1 manifest, read as v0.2, and its successor; beta one with a zone of +05:30",
    "rules about release, about other sessions' facts, and rules that constrain, oblige and advise",
    "a rule that fails, one that contradicts another, and one that only regopy fails on",
    "values that are personal, secret or too large, of two users of whom one was erased",
    "events after a session's end, and results and starts that nobody allowed",
    "batches, idempotency keys, heads that callers named, and a caller's own clock",
    "imports under archive tenants: a tenant, a session, and a session with the values beside it",
    "signing keys that were replaced, the ones before signing beside them",
    "a log that a backup was restored over, and the rollback accepted; see `acme.superseded-1`",
    "a cached fold, and events behind the newest checkpoint",
)


def text(expected: Account, command: str) -> str:
    """The page, one sentence per line. `command` is what wrote the archive."""
    return "\n".join(_lines(expected, command)) + "\n"


def _lines(expected: Account, command: str) -> Iterator[str]:
    log, replay = expected["sqlite"]["log"], expected["sqlite"]["log"]["replay"]
    yield f"# Logs of Aegis {expected['version']}"
    yield ""
    yield f"`{command}` wrote them at commit `{expected['commit']}`, the newest of the product."
    yield "Nothing here is ever written again."
    yield "`tests/conformance/test_archive.py` has every build verify, open and replay it."
    yield ""
    yield from _table(("file", "what"), _FILES)
    yield ""
    yield "Counted is the log in SQLite."
    yield "The one in PostgreSQL tells the same story, with times, salts and keys of its own."
    yield f"Of its {replay['decisions']} decisions {replay['replayable']} are replayable."
    for name, count in replay["unreplayable"].items():
        yield f"{count} are `{name}`: a value of each was secret, or erased, or not taken along."
    yield ""
    yield from _table(
        ("tenant", "events", "sessions", "decisions", "size", "root"), _tenants(expected)
    )
    for heading, what in (("event", "event_types"), ("decision", "answers"), ("engine", "engines")):
        yield ""
        yield from _table((heading, "count"), log[what])
    yield ""
    yield "What the tables do not show:"
    yield ""
    yield from (f"* {each}" for each in _ALSO)


def _tenants(expected: Account) -> Mapping[str, str]:
    rows: dict[str, str] = {}
    for name, told in expected["sqlite"]["log"]["tenants"].items():
        root = expected["sqlite"]["roots"].get(name, {"size": "", "root": ""})
        sessions = len(told["heads"])
        cells = (told["events"], sessions, told["decisions"], root["size"], root["root"])
        rows[name] = " | ".join(map(str, cells))
    return rows


def _table(heading: tuple[str, ...], rows: Mapping[str, object]) -> Iterator[str]:
    yield f"| {' | '.join(heading)} |"
    yield "|---" * len(heading) + "|"
    for name, value in rows.items():
        yield f"| `{name}` | {value} |"
