"""The life of one log, as `story.yaml` tells it: played to real daemons, on a place of its own."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import yaml

from conformance.archive import account
from conformance.archive.place import Place
from drills.daemon import Client, Daemon
from drills.typed import aegisctl

STORY = Path(__file__).with_name("story.yaml")
MATERIAL = Path(__file__).parent / "material"

# Canonical bytes; a text past 64 KiB is kept beside its event.
LONG_TEXT = "It goes on. " * 5_700

BESIDE = ("--signing-key", "signing.key", "--checkpoints-path", "checkpoints")

# Signed only when asked, so that the same story gives the same checkpoints.
SETTINGS = {"AEGIS_CHECKPOINTS_INTERVAL_MS": "0"}

# JSON values, as the file or a daemon spells them.
Told = dict[str, Any]


class Story:
    """A log that is being told. `place` moves when the log is restored from a backup.

    `repeated` is a request under a key with its answer, `folds` each session's fold at the end.
    Each method behind `tell` is a step of the file; all raise `SystemExit` for what is refused.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.repeated: Told = {}
        self.folds: Told = {}
        self._parts: dict[str, list[Told]] = {}
        self._daemon: Daemon | None = None
        self._speaker = {"tenant": "", "prefix": ""}
        self._head: Told = {}

    def tell(self) -> None:
        """All of it, in order."""
        told = yaml.safe_load(STORY.read_text("utf-8"))
        self._parts = told["parts"]
        try:
            self._play(told["story"])
        finally:
            self.stop()

    def _play(self, steps: Sequence[Told], **names: str) -> None:
        for step in steps:
            (verb, about), *more = _filled(step, {"long": LONG_TEXT, **names}).items()
            getattr(self, verb)(about, **dict(more))

    def part(self, name: str, **names: str) -> None:
        """Play the steps of a part; each `$name` in it is what is given here."""
        self._play(self._parts[name], **names)

    # ── daemons, and the command line ────────────────────────────────────────────────────────────

    def start(self, engine: str, manifest: str = "", flags: Sequence[str] = ()) -> None:
        """Stop the daemon there is, and start one that judges with `engine`."""
        self.stop()
        named = ("--dsn", self.place.dsn, *BESIDE, "--policy-engine", engine, *flags)
        governed = MATERIAL / manifest if manifest else None
        self._daemon = Daemon(self.place.folder, *named, manifest=governed, settings=SETTINGS)
        self._client = self._daemon.connect()

    def stop(self, _: None = None) -> None:
        """Stop the daemon there is."""
        if self._daemon is not None:
            self._daemon.stop()

    def renew(self, _: None) -> None:
        """Go on with a log that does not exist yet."""
        self.place.renew()

    def run(self, arguments: Sequence[object]) -> None:
        """Run `aegisctl` on the place."""
        port = 0 if self._daemon is None else self._daemon.port
        names = {
            "dsn": self.place.dsn,
            "folder": str(self.place.folder),
            "server": f"http://127.0.0.1:{port}",
        }
        run(*(Template(str(each)).substitute(names) for each in arguments))

    # ── people ───────────────────────────────────────────────────────────────────────────────────

    def sign(self, tenants: Sequence[str]) -> None:
        """Have everything durable signed."""
        for tenant_id in tenants:
            sign(self._client, tenant_id)

    def register(self, name: str) -> None:
        """Put a manifest of the material in force."""
        manifest = yaml.safe_load((MATERIAL / f"{name}.json").read_text("utf-8"))
        self._act("manifests", f"the {name} one", manifest=manifest)

    def activate(self, name: str) -> None:
        """Put the rules of a folder of the material in force."""
        files = {each.name: each.read_text("utf-8") for each in (MATERIAL / name).glob("*.rego")}
        self._act("policies", f"the {name} rules", files=files)

    def erase(self, subjects: Sequence[str]) -> None:
        """Erase the values of users and sessions."""
        for subject in subjects:
            self._act("erasures", "request 12", subject=subject)

    def fold(self, tenants: Sequence[str]) -> None:
        """Take down the fold of each session."""
        self.folds = account.of_folds(self._client, tenants)

    def _act(self, resource: str, reason: str, **what: object) -> None:
        act = {"tenant_id": self._speaker["tenant"], "author": "olga", "reason": reason}
        post(self._client, f"/v1/{resource}", {**act, **what})

    # ── agents ───────────────────────────────────────────────────────────────────────────────────

    def speak(self, prefix: str, tenant: str) -> None:
        """From here on it is an agent of this tenant who speaks."""
        self._speaker = {"tenant": tenant, "prefix": prefix}

    def open(self, session: str, **fields: object) -> None:
        """Open a session under a key."""
        self._post("/v1/sessions", self._in(session, **fields), key="open")

    def say(
        self, session: str, events: Sequence[Told], *, after: bool = False, **fields: object
    ) -> None:
        """Send events of a session, one by one; `after` names the head that it was told last."""
        for event in events:
            if after:
                fields |= {"seq": self._head["seq"] + 1, "prev_hash": self._head["hash"]}
            ((event_type, payload),) = event.items()
            told = self._event(session, event_type, payload, **fields)
            self._head = self._post("/v1/events", told)["head"]

    def commit(
        self, events: Sequence[Sequence[Any]], *, times: int = 1, key: str = "", lines: bool = False
    ) -> None:
        """Send events in one request, as an array or as lines."""
        told = [self._event(session, *event) for session, *event in events] * times
        body = b"".join(json.dumps(each).encode() + b"\n" for each in told)
        headers = {"Content_Type": "application/x-ndjson"} if lines else {}
        self._post("/v1/events", body if lines else told, key=key, **headers)

    def repeat(self, session: str, key: str, event: Told, **fields: object) -> None:
        """Send a request under a key twice, and take it down for every later build."""
        ((event_type, payload),) = event.items()
        request = self._event(session, event_type, payload, **fields)
        answer = self._post("/v1/events", request, key=key)
        if self._post("/v1/events", request, key=key)["hash"] != answer["hash"]:
            raise SystemExit("a request under a key was answered anew")
        kept = {"key": self._named(key), "body": request}
        self.repeated = {"request": kept, "answer": recorded(answer)}

    def _named(self, name: str) -> str:
        return f"{self._speaker['prefix']}-{name}"

    def _in(self, session: str, **fields: object) -> Told:
        return {
            "tenant_id": self._speaker["tenant"],
            "session_id": self._named(session),
            **fields,
        }

    def _event(self, session: str, event_type: str, payload: object, **fields: object) -> Told:
        return self._in(session, event_type=event_type, payload=payload, **fields)

    def _post(self, path: str, body: object, key: str = "", **headers: str) -> Told:
        if key:
            headers["Idempotency_Key"] = self._named(key)
        return post(self._client, path, body, **headers)


def _filled(told: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    """A step with every `$name` of these in its texts replaced."""
    if isinstance(told, dict):
        return {key: _filled(value, names) for key, value in told.items()}
    if isinstance(told, list):
        return [_filled(value, names) for value in told]
    return Template(told).safe_substitute(names) if isinstance(told, str) else told


def recorded(answer: Mapping[str, Any]) -> Told:
    """What of an answer every later build must repeat for the same key."""
    same = {name: answer[name] for name in ("seq", "position", "hash", "call_id", "session_id")}
    decision = answer["decision"] or {}
    return {**same, "outcome": decision.get("outcome"), "reason": decision.get("reason")}


def post(client: Client, path: str, body: object, **headers: str) -> Told:
    """Send anything. Raises `SystemExit` where it is refused."""
    status, answer = client.request("POST", path, body, **headers)
    if status not in (200, 201):
        raise SystemExit(f"POST {path} was answered {status}: {json.dumps(answer)}")
    return answer


def sign(client: Client, tenant_id: str) -> None:
    """Have everything durable signed. Raises `SystemExit` where it is refused."""
    post(client, "/v1/checkpoints", {"tenant_id": tenant_id})


def run(*arguments: object) -> None:
    """Run `aegisctl`. Raises `SystemExit` where it did not end with 0."""
    told = aegisctl(*arguments)
    if told.returncode != 0:
        raise SystemExit(f"aegisctl {arguments[0]} ended with {told.returncode}: {told.stderr}")
