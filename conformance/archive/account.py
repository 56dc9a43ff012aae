"""What a log holds, as this build's command line and daemon tell it: figures to hold others to.

`expected.json` of an archive keeps the account that its own build gave. A later build must give the
same of the same bytes.
"""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from drills.daemon import Client

# Runs `aegisctl` and gives its exit code and standard output.
Run = Callable[..., tuple[int, str]]

# JSON values: an account is written to a file and read back.
Account = dict[str, Any]

# What a fold says that no later build may say otherwise; its form is the build's own.
_FOLDED = (
    "steps_consumed",
    "tool_calls_consumed",
    "model_calls_consumed",
    "started_ms",
    "terminated",
    "violations",
    "open_calls",
)


def of_log(run: Run, log: str, keys: Path, checkpoints: Iterable[Path] = ()) -> Account:
    """Verify and replay a FILE or database and count what is in it.

    `keys` and `checkpoints` are what it must be signed by and continue. Raises `AssertionError`
    where it does not hold.
    """
    kept = [part for each in checkpoints for part in ("--checkpoint", str(each))]
    verified = _told(run, (0,), "verify", log, "--key", str(keys), *kept, "--json")
    with _file(run, log) as file:
        return {"documents": verified["documents"], **_of_file(run, file, verified)}


@contextmanager
def _file(run: Run, log: str) -> Iterator[str]:
    """A log as a file, which the reading verbs ask for: of a server's database a backup."""
    if not log.startswith("postgresql://"):
        yield log
        return
    with TemporaryDirectory(prefix="aegis-archive-") as folder:
        backup = str(Path(folder) / "backup.db")
        _told(run, (0,), "backup", "--dsn", log, "--out", backup, "--json")
        yield backup


def _of_file(run: Run, log: str, verified: Account) -> Account:
    # 2 where nothing is wrong and some decisions cannot be made again.
    replayed = _told(run, (0, 2), "replay", log, "--json")
    told = {each["tenant_id"]: each for each in replayed["tenants"]}
    events = [event for name in told for event in _events(run, log, name)]
    return {
        "events": verified["events"],
        "tenants": {
            each["tenant_id"]: {
                "events": each["events"],
                "covered": each["covered"],
                "level": each["level"],
                "decisions": told[each["tenant_id"]]["decisions"],
                "heads": _heads(run, log, each["tenant_id"]),
            }
            for each in verified["tenants"]
        },
        "replay": _replay(replayed),
        **_counted(events),
    }


def of_folds(client: Client, tenants: Iterable[str]) -> Account:
    """The fold of every session as a daemon tells it, by tenant and session."""
    return {tenant_id: dict(_folds(client, tenant_id)) for tenant_id in tenants}


def of_roots(checkpoints: Iterable[Path]) -> Account:
    """Size and Merkle root (hex) of signed notes, by tenant. See C2SP tlog-checkpoint."""
    roots: Account = {}
    for path in checkpoints:
        origin, size, root, *_ = path.read_text("utf-8").splitlines()
        tenant_id = origin.rpartition("/")[2]
        roots[tenant_id] = {"size": int(size), "root": base64.b64decode(root).hex()}
    return roots


def _told(run: Run, codes: tuple[int, ...], *arguments: str) -> Account:
    code, said = run(*arguments)
    if code not in codes:
        raise AssertionError(f"aegisctl {' '.join(arguments)} ended with {code}: {said}")
    read: Account = json.loads(said)
    return read


def _events(run: Run, log: str, tenant_id: str) -> Iterable[Account]:
    code, said = run("events", log, "--tenant", tenant_id, "--json")
    if code != 0:
        raise AssertionError(f"aegisctl events {log} ended with {code}")
    return map(json.loads, said.splitlines())


def _heads(run: Run, log: str, tenant_id: str) -> Account:
    """Seq and hash of the newest event of every session."""
    told = _told(run, (0,), "sessions", log, "--tenant", tenant_id, "--json")
    return {
        each["session_id"]: [each["head"]["seq"], each["head"]["hash"]] for each in told["sessions"]
    }


def _replay(told: Account) -> Account:
    """Decisions of a replay, and how many of them cannot be made again, by class."""
    compared = [each for each in told["differences"] if not _is_gone(each)]
    gone = Counter(each["class"] for each in told["differences"] if _is_gone(each))
    return {
        "compared": told["compared"],
        "decisions": told["decisions"],
        "replayable": told["decisions"] - gone.total(),
        "unreplayable": dict(sorted(gone.items())),
        "differences": compared,
    }


def _is_gone(difference: Account) -> bool:
    """Whether it says that a decision cannot be made again, by anybody."""
    return str(difference["class"]).startswith("unreplayable")


def _counted(events: Sequence[Account]) -> Account:
    decisions = [each["payload"] for each in events if each["event_type"] == "POLICY_DECISION"]
    judges = [each["evaluator"] for each in decisions]
    counts = {
        "event_types": Counter(each["event_type"] for each in events),
        "answers": Counter(f"{each['outcome']} {each['reason']}" for each in decisions),
        "engines": Counter(
            f"{each['name']} {each['version']} {each.get('fault', '')}".rstrip() for each in judges
        ),
        "rules_versions": Counter(each["rules_version"] for each in decisions),
    }
    keyed = sum("idempotency_key" in each for each in events)
    by_name = {name: dict(sorted(each.items())) for name, each in counts.items()}
    return {**by_name, "under_a_key": keyed}


def _folds(client: Client, tenant_id: str) -> Iterable[tuple[str, Account]]:
    listed: Account = client.request("GET", f"/v1/sessions?tenant_id={tenant_id}&limit=1000")[1]
    for each in listed["sessions"]:
        name = each["session_id"]
        path = f"/v1/sessions/{name}/snapshot?tenant_id={tenant_id}"
        fold = client.request("GET", path)[1]
        yield name, {field: fold[field] for field in _FOLDED}
