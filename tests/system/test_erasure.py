"""Somebody asks to be forgotten: the values are nowhere on the disk, and every proof holds."""

import json
from pathlib import Path

from drills.daemon import MANIFEST, Client, Daemon
from tests.typed import aegisctl

SSN, NAME, PIN = "078-05-1120", "Wilhelmina Quartermain", "pin-4711-pin"
RULES = """package aegis.rules

import rego.v1

deny contains {"message": msg, "rule": "pii.number"} if {
	startswith(input.call.args.note, "9")
	msg := sprintf("%v is not a number of ours", [input.call.args.note])
}
"""


def _manifest(folder: Path) -> Path:
    held = json.loads(MANIFEST.read_text())
    held["tools"]["crm"] = {
        "risk": "low",
        "roles": {"note": "content", "pin": "content"},
        "sensitive": {"note": "personal", "pin": "secret"},
        "result_sensitive": {"name": "personal"},
    }
    held["sensitive"] = {"USER_MESSAGE": {"content": "personal"}}
    path = folder / "manifest.json"
    path.write_text(json.dumps(held))
    return path


def _tell(client: Client, number: int, user: str, note: str) -> str:
    """One conversation; the session's id."""

    def post(event_type: str, payload: object) -> dict[str, object]:
        return client.propose(f"s{number}", event_type=event_type, payload=payload, user_id=user)

    post("USER_MESSAGE", {"content": f"I am {NAME}, {note}"})
    args = {"note": note, "pin": PIN, "to": "desk"}
    answer = post("TOOL_CALL_PROPOSED", {"tool_name": "crm", "args": args})
    result = {"name": NAME, "found": True}
    post("TOOL_RESULT", {"call_id": answer["call_id"], "result": result})
    post("USER_MESSAGE", {"content": note * 8000})
    return f"s{number}"


def _holding(folder: Path, *texts: str) -> list[str]:
    """The files below a folder that hold one of some texts."""
    return [
        file.name
        for file in sorted(folder.rglob("*"))
        if file.is_file() and any(text.encode() in file.read_bytes() for text in texts)
    ]


def test_what_is_erased_is_in_no_file_and_every_proof_holds(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.mkdir()
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "pii.rego").write_text(RULES)
    flags = ("--policy", str(rules))
    with Daemon(log, *flags, manifest=_manifest(tmp_path)) as daemon:
        client = daemon.connect()
        for number in range(12):
            _tell(client, number, "ann" if number % 3 else "bob", f"9{number}-{SSN}")
        _status, signed = client.request("POST", "/v1/checkpoints", {"tenant_id": "acme"})
        assert _holding(log, SSN) != []
        assert _holding(log, NAME) != []
        assert _holding(log, PIN) == [], "a secret is never written"
        asked = {"tenant_id": "acme", "author": "op", "reason": "request 77"}
        for subject, values in (("ann", 8 * 4), ("bob", 4 * 4)):
            status, told = client.request("POST", "/v1/erasures", {**asked, "subject": subject})
            assert (status, told["values"]) == (201, values)
            if subject == "ann":
                assert _holding(log, f"98-{SSN}") == []
                assert _holding(log, f"99-{SSN}") != []
        assert _holding(log, SSN, NAME, PIN) == [], "not while the daemon runs"
        path = f"/v1/proofs/inclusion?tenant_id=acme&position=3&size={signed['size']}"
        assert client.request("GET", path)[0] == 200
        server = ("--server", f"http://127.0.0.1:{daemon.port}", "--tenant", "acme")
        assert aegisctl("verify", *server).returncode == 0
        key = log / "aegis.db.key.pub"
        since = tmp_path / "before.checkpoint"
        since.write_text(str(signed["note"]))
        held = aegisctl("checkpoint", *server, "--key", key, "--since", since)
        assert held.returncode == 0, held.stderr
    assert _holding(log, SSN, NAME, PIN) == [], "nor after it ended"
    assert aegisctl("verify", daemon.database).returncode == 0
    replayed = aegisctl("replay", daemon.database, "--json")
    told = json.loads(replayed.stdout)
    assert told["by_class"] == {"unreplayable (erased)": told["decisions"]}
    assert replayed.returncode == 2
