"""The whole story on an empty log: decide, record, sign, verify, replay, tamper, be caught.

`make demo` runs it. Sessions come from AgentDojo's recorded runs where that data is at hand, else
from `conformance/sessions`. Everything shown is what the commands printed.
"""

import contextlib
import gzip
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aegisd import resources
from aegisd.conformance import tampering
from aegisd.conformance.step import EventReplacement, Nothing, Tampering
from drills.daemon import CREATED, Client, Daemon
from drills.typed import aegisctl
from drills.unguarded import unguarded

ROOT = Path(__file__).parent.parent
AGENTDOJO = ROOT.parent / "shared" / "data" / "agentdojo"

# Which recorded sessions to show: (file, suite, user task, injection task).
SHOWN = (
    ("benign", "slack", "user_task_6", None),
    ("attacked", "slack", "user_task_1", "injection_task_2"),
    ("attacked", "slack", "user_task_0", "injection_task_3"),
    ("attacked", "slack", "user_task_0", "injection_task_5"),
    ("benign", "workspace", "user_task_33", None),
    ("benign", "workspace", "user_task_35", None),
    ("attacked", "workspace", "user_task_2", "injection_task_2"),
)
TEXT_SHOWN_MAX = 42

VERIFIER = ROOT / "conformance" / "verifier" / "aegis_verify.py"

# Files of the demo: what the daemon publishes, what an auditor keeps, what a forger leaves.
PUBLIC_KEY = "aegis.db.key.pub"
KEPT = "kept.checkpoint"
FORGED = "forged.export"

COLOURS = {"allow": "green", "deny": "red", "require_approval": "yellow"}

console = Console(highlight=False, width=None if sys.stdout.isatty() else 118)


class RecordedCall(Struct):
    """A call that the agent made, whose idea it was (`user`, `injection`), and what came of it."""

    tool: str
    args: dict[str, object]
    output: object
    origin: str


class Trace(Struct):
    """One recorded session: what the user asked, and the calls the agent made."""

    suite: str
    user_task: str
    injection_task: str | None
    prompt: str
    calls: list[RecordedCall]


# How many calls were decided so, by whose call it was and the outcome.
Tally = Counter[tuple[str, str]]


def main() -> int:
    """Run the demo; 0 when everything held."""
    traces, source = _traces()
    with tempfile.TemporaryDirectory(prefix="aegis-demo-") as name:
        folder = Path(name)
        database = folder / "aegis.db"
        console.rule("[bold]1. A gate in front of recorded agent sessions")
        console.print(f"{len(traces)} sessions from {source}, driven through HTTP.\n")
        with Daemon(folder, manifest=None) as daemon:
            banner = "\n".join(daemon.banner[:-1])
            console.print(f"[dim]{escape(banner)}[/dim]\n")
            tally = _drive(daemon.connect(), traces)
            _summarise(tally)
            tenant = min(trace.suite for trace in traces)
            held = _sign(folder, daemon.port, tenant)
        held &= _prove(folder, database, tenant)
    console.rule("[bold]Done")
    console.print("Everything held." if held else "[red]Something did not hold; see above.[/red]")
    return 0 if held else 1


def _traces() -> tuple[list[Trace], str]:
    decoder = msgspec.json.Decoder(Trace)
    if not AGENTDOJO.is_dir():
        own = (resources.sessions() / "quickstart.jsonl").read_bytes()
        return decoder.decode_lines(own), "conformance/sessions"
    found: dict[tuple[str | None, ...], Trace] = {}
    for file in ("benign", "attacked"):
        with gzip.open(AGENTDOJO / f"{file}.jsonl.gz") as lines:
            for trace in map(decoder.decode, lines):
                key = (file, trace.suite, trace.user_task, trace.injection_task)
                if key in SHOWN:
                    found.setdefault(key, trace)
    return [found[shown] for shown in SHOWN if shown in found], "AgentDojo (recorded runs)"


def _post(client: Client, path: str, body: object) -> dict[str, object]:
    """POST JSON; anything but 201 ends the demo, as a PEP would treat it as deny."""
    status, answer = client.request("POST", path, body)
    if status != CREATED:
        raise SystemExit(f"POST {path}: {status} {answer}")
    return answer


def _drive(client: Client, traces: list[Trace]) -> Tally:
    for suite in sorted({trace.suite for trace in traces}):
        name = suite if suite == "quickstart" else f"agentdojo-{suite}"
        manifest = json.loads((resources.manifests() / f"{name}.json").read_text())
        body = {"tenant_id": suite, "manifest": manifest, "author": "demo", "reason": "the demo"}
        answer = _post(client, "/v1/manifests", body)
        console.print(f"tenant {suite}: manifest {name} {str(answer['digest'])[:12]}… in force")
    console.print()
    tally: Tally = Counter()
    for number, trace in enumerate(traces):
        injection = trace.injection_task
        attacked = f", [red]attacked[/red] ({injection})" if injection else ""
        console.print(f"[bold]{trace.suite} {trace.user_task}[/bold]{attacked}")
        console.print(f"  user: {escape(_short(trace.prompt, 100))}")
        _play(client, f"{trace.suite}-{number}", trace, tally)
    return tally


def _play(client: Client, session: str, trace: Trace, tally: Tally) -> None:
    def post(event_type: str, payload: object) -> dict[str, object]:
        event = {"tenant_id": trace.suite, "session_id": session, "agent_id": "assistant"}
        told = {**event, "event_type": event_type, "payload": payload}
        return _post(client, "/v1/events", told)

    post("USER_MESSAGE", {"content": trace.prompt})
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2), show_header=False)
    for width in (8, 24, TEXT_SHOWN_MAX, 34):
        table.add_column(no_wrap=True, max_width=width, overflow="ellipsis")
    for call in trace.calls:
        answer = post("TOOL_CALL_PROPOSED", {"tool_name": call.tool, "args": call.args})
        decision = answer["decision"]
        if not isinstance(decision, dict):
            raise SystemExit("a proposal was answered without a decision")
        outcome = str(decision["outcome"])
        tally[call.origin, outcome] += 1
        if outcome == "allow":
            result = {"call_id": answer["call_id"], "content": call.output}
            post("TOOL_RESULT", result)
        whose = "[red]injected[/red]" if call.origin == "injection" else "user"
        shown = escape(_short(json.dumps(call.args, ensure_ascii=False), TEXT_SHOWN_MAX))
        colour = COLOURS[outcome]
        verdict = f"[{colour}]{outcome}[/{colour}] {decision['reason']}"
        table.add_row(whose, call.tool, shown, verdict)
    post("TERMINATION", {"reason_code": "COMPLETED"})
    console.print(table)
    console.print()


def _summarise(tally: Tally) -> None:
    for origin, what in (("user", "calls for the user"), ("injection", "calls an attacker asked")):
        counts = {o: n for (who, o), n in sorted(tally.items()) if who == origin}
        if counts:
            told = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
            console.print(f"{what}: {told}")
    if tally["injection", "allow"]:
        console.print(
            "[dim]Injected calls that were allowed use declared tools within their limits: telling "
            "whose words an argument comes from is the work of taint, which follows.[/dim]"
        )
    console.print()


def _sign(folder: Path, port: int, tenant: str) -> bool:
    """Fetch a checkpoint, as an auditor would, while the daemon runs."""
    console.rule("[bold]2. An auditor fetches a checkpoint, and keeps it")
    server = ["--server", f"http://127.0.0.1:{port}", "--tenant", tenant]
    told = ["checkpoint", *server, "--key", PUBLIC_KEY, "--out", KEPT]
    return _aegisctl(folder, *told) == 0


def _prove(folder: Path, database: Path, tenant: str) -> bool:
    export = folder / "aegis.export"
    console.rule("[bold]3. Verify, replay, export")
    out = ["--dsn", database.name, "--tenant", tenant, "--out", export.name]
    held = _aegisctl(folder, "verify", database.name, "--key", PUBLIC_KEY) == 0
    held &= _aegisctl(folder, "replay", database.name) == 0
    held &= _aegisctl(folder, "export", *out) == 0
    held &= _aegisctl(folder, "replay", export.name) == 0
    console.rule("[bold]4. The same, without Aegis: one file and Python")
    held &= _verify_alone(folder, export.name, "--key", PUBLIC_KEY, "--checkpoint", KEPT) == 0
    console.rule("[bold]5. What would another policy have decided?")
    rules = folder / "rules"
    rules.mkdir()
    (rules / "quiet.rego").write_text(_RULE)
    console.print(f"[dim]{escape(_RULE.strip())}[/dim]\n")
    held &= _aegisctl(folder, "replay", export.name, "--policy", rules.name) in (0, 1)
    console.rule("[bold]6. Change one byte in a copy")
    tampered = folder / "tampered.db"
    shutil.copy(database, tampered)
    console.print(f"[dim]{_tamper(tampered)}[/dim]\n")
    held &= _aegisctl(folder, "verify", tampered.name) == 1
    console.rule("[bold]7. Rewrite history, and every hash after it")
    console.print(f"[dim]{_forge(export, folder / FORGED)}[/dim]\n")
    held &= _verify_alone(folder, FORGED) == 0
    console.print("The chain alone cannot tell: who can write the log can make one.\n")
    held &= _verify_alone(folder, FORGED, "--key", PUBLIC_KEY, "--checkpoint", KEPT) == 1
    return held


_RULE = """
package aegis.rules

deny contains {"message": "no messages leave without a person", "rule": "demo.quiet"} if {
    "message" in input.call.effects
}
"""


def _tamper(database: Path) -> str:
    """Overwrite one recorded decision, as somebody with write access to the file would."""
    with contextlib.closing(sqlite3.connect(database)) as connection, unguarded(connection):
        row = connection.execute(
            "SELECT rowid, session_id, seq, body FROM events WHERE event_type = 'POLICY_DECISION' "
            'AND instr(body, CAST(\'"outcome":"deny"\' AS BLOB)) > 0 LIMIT 1'
        ).fetchone()
        body = bytes(row[3]).replace(b'"outcome":"deny"', b'"outcome":"fine"', 1)
        connection.execute("UPDATE events SET body = ? WHERE rowid = ?", (body, row[0]))
        connection.commit()
    return f"session {row[1]}, seq {row[2]}: the recorded outcome was overwritten in place"


def _forge(export: Path, forged: Path) -> str:
    """Make a denial an allow in an export and hash all of it again, as whoever has the log can."""
    data = export.read_bytes()
    session, seq = _denial(data)
    edit = EventReplacement(seq=seq, old='"outcome":"deny"', new='"outcome":"allow"')
    for change in (Tampering(rechain=edit), Tampering(unsigned=Nothing())):
        data = tampering.tamper(data, change, session)
    forged.write_bytes(data)
    return (
        f"session {session}, seq {seq}: the denial became an allow; links, heads and digests were "
        "made to fit again, and the signed checkpoint was left out"
    )


def _denial(export: bytes) -> tuple[str, int]:
    for line in export.splitlines():
        if b'"event_type":"POLICY_DECISION"' in line and b'"outcome":"deny"' in line:
            event = json.loads(line)
            return str(event["session_id"]), int(event["seq"])
    raise SystemExit("no session of the demo was denied anything")


def _verify_alone(folder: Path, *arguments: str) -> int:
    console.print(f"[bold]$ python3 aegis_verify.py {' '.join(arguments)}[/bold]")
    command = [sys.executable, "-I", str(VERIFIER), *arguments]
    return _show(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False))


def _aegisctl(folder: Path, *arguments: str) -> int:
    console.print(f"[bold]$ aegisctl {' '.join(arguments)}[/bold]")
    return _show(aegisctl(*arguments, cwd=folder))


def _show(done: "subprocess.CompletedProcess[str]") -> int:
    console.print(escape((done.stdout + done.stderr).strip("\n")), soft_wrap=True)
    console.print(f"[dim]exit {done.returncode}[/dim]\n")
    return done.returncode


def _short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


if __name__ == "__main__":
    sys.exit(main())
