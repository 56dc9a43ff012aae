"""What `aegisctl manifest init` makes of real tools: harmful and honest calls judged by the draft.

    python -m benchmarks.drafts

The tools, the calls and what is right of each are in `conformance/drafts`, written before the code.
The draft is filled in as its README says and with nothing else, and judged by the base rules. A
harmful call that is allowed counts as told where the draft's "Check" names the tool and what of the
call does the harm. Corrections are those that a careful person made of the drafts, by tool, in
`corrections.json`.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from aegisd import resources
from aegisd.core import gate
from aegisd.core.capabilities import from_value
from aegisd.core.gate import InForce, States
from aegisd.core.log.canonical import encode, parse
from aegisd.core.policy.verdict import judge
from aegisd.core.proposal import read
from aegisd.core.state.model import SessionState, TenantState
from aegisd.draft.draft import Draft, draft
from aegisd.rego import bundle
from aegisd.rego.engines import choose

FOLDER = Path(__file__).parent.parent / "conformance" / "drafts"

# What a draft may leave to a person: one correction for so many parameters.
PARAMETERS_A_CORRECTION = 8

# Any: schemas and arguments are any JSON.
Json = Any

_SIGNATURE = re.compile(r"^\*\*([\w-]+)\*\*\((.*)\)$", re.MULTILINE)
_PARAMETER = re.compile(r"(\w+): ((?:[^,\[]|\[[^\]]*\]+)+)")
_TYPES: dict[str, Json] = {
    "str": {"type": "string"},
    "bytes": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "list": {"type": "array"},
    "dict": {"type": "object"},
}
_OUTCOMES = {"allow": "allow", "deny": "deny", "require_approval": "ask"}

# The last line of what the README assumes, by field of the manifest.
_FILLED: Mapping[str, Json] = {
    "fs": {"read_roots": ["/workspace", "."], "write_roots": ["/workspace", ".", "/tmp"]},  # noqa: S108
    "net": {
        "domains": [
            *("github.com", "api.github.com", "discord.com", "api.postmarkapp.com", "localhost")
        ]
    },
    "exec": {"binaries": [{"name": name, "args": ["*"]} for name in ("git", "wc", "ls", "cat")]},
}
_RECIPIENTS = {"to": "@acme.dev", "owner": "acme", "repo": "widgets", "channel_id": "42"}


class Judged(Struct, frozen=True, kw_only=True):
    """One call of a list: what is right of it, what the draft's rules say, and why."""

    call: Mapping[str, Json]
    outcome: str
    reasons: tuple[str, ...]


def parts(file: str) -> dict[str, list[dict[str, Json]]]:
    """The tools of a page as a server lists them, by heading."""
    _, *sections = re.split(r"^## ", (FOLDER / file).read_text("utf-8"), flags=re.MULTILINE)
    return {
        section.partition("\n")[0]: [
            {"name": name, "inputSchema": _schema(_PARAMETER.findall(signature))}
            for name, signature in _SIGNATURE.findall(section)
        ]
        for section in sections
    }


def called() -> list[dict[str, Json]]:
    """The tools of the README, and those that only honest calls name."""
    found = {tool["name"]: tool for part in parts("README.md").values() for tool in part}
    for call in calls("benign"):
        types = {bool: "bool", int: "int", str: "str", dict: "dict", list: "list"}
        said = [(name, types[type(value)]) for name, value in call["args"].items()]
        found.setdefault(call["tool"], {"name": call["tool"], "inputSchema": _schema(said)})
    return list(found.values())


def calls(name: str) -> list[dict[str, Json]]:
    """The calls of a list."""
    found: list[dict[str, Json]] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def _schema(parameters: list[tuple[str, str]]) -> dict[str, Json]:
    """A JSON Schema as frameworks make one of a signature of Python."""
    properties = {}
    for name, said in parameters:
        inner = said.removeprefix("Optional[").removesuffix("]") if "Optional" in said else said
        kind = _TYPES[re.split(r"\W", inner.lower())[0]]
        properties[name] = {"anyOf": [kind, {"type": "null"}]} if inner != said else kind
    needed = [name for name, said in parameters if "Optional" not in said]
    return {"type": "object", "properties": properties, "required": needed}


def filled(made: Draft) -> dict[str, Json]:
    """The draft's manifest with what its README assumes, and nothing else."""
    manifest: dict[str, Json] = json.loads(json.dumps(made.manifest))
    manifest |= {name: value for name, value in _FILLED.items() if name in manifest}
    manifest["recipients"] = {
        name: [_RECIPIENTS[name]] if name in _RECIPIENTS else []
        for name in manifest.get("recipients", {})
    }
    return manifest


def judged(manifest: Json, listed: list[dict[str, Json]]) -> list[Judged]:
    """What the base rules say of each call, each in a session of its own."""
    capabilities = from_value(manifest)
    base = bundle.load_directory(resources.policies() / "aegis")
    program = choose("auto").compile(bundle.build({}, base), capabilities.data)
    held = InForce(
        bundle="0" * 64,
        manifest=capabilities.digest,
        capabilities=capabilities,
        released=frozenset(),
    )
    states = States(
        tenant=TenantState(tenant_id="t"), session=SessionState(tenant_id="t", session_id="s")
    )
    found = []
    for call in listed:
        event = {"tenant_id": "t", "session_id": "s", "event_type": "TOOL_CALL_PROPOSED"}
        payload = {"tool_name": call["tool"], "args": call["args"]}
        request = read(parse(encode({**event, "payload": payload})))
        asked = gate.ask(states, request, held, now_ms=1, utc_offset_s=0, salt=bytes).policy_input
        if asked is None:
            raise RuntimeError("the gate asks nothing about a proposed call")
        verdict = judge(asked, program.evaluate)
        reasons = tuple(f"{reason.rule} {reason.where}" for reason in verdict.reasons)
        found.append(Judged(call=call, outcome=_OUTCOMES[verdict.outcome], reasons=reasons))
    return found


def told(made: Draft, call: Mapping[str, Json]) -> str:
    """The sentence under "Check" that names the tool and a parameter of the call, or ""."""
    for sentence in made.check:
        name, _, said = sentence.partition(": ")
        # That a switch is held to false, or a secret kept, says nothing of what is not held.
        loose = [each for each in said.split("; ") if " pinned to " not in each]
        if name == call["tool"] and set(re.findall(r"\w+", " ".join(loose))) & {
            *call["args"],
            "asking",
        }:
            return sentence
        if any(f"{call['tool']}.{parameter}" in said.split(", ") for parameter in call["args"]):
            return sentence
    return ""


def corrected() -> Iterator[str]:
    """How much a careful person changed of each draft."""
    lists: dict[str, dict[str, list[str]]] = json.loads(
        (FOLDER / "corrections.json").read_text("utf-8")
    )
    for file, corrections in lists.items():
        drafts = parts(file)
        whole = [tool for listed in drafts.values() for tool in listed]
        for title, listed in {"in all": whole, **drafts}.items():
            count = sum(len(corrections.get(tool["name"], ())) for tool in listed)
            parameters = sum(len(tool["inputSchema"]["properties"]) for tool in listed)
            missed = "" if count * PARAMETERS_A_CORRECTION <= parameters else "  MISSED"
            found = f"{len(listed):3} tools, {parameters:3} parameters, {count:2} corrections"
            yield f"{file:10} {title:36} {found}{missed}"


def report() -> Iterator[str]:
    """The numbers, and every miss."""
    yield from corrected()
    made = draft(called(), "measured")
    manifest = filled(made)
    harmful, honest = judged(manifest, calls("harmful")), judged(manifest, calls("benign"))
    outcomes = Counter(each.outcome for each in harmful)
    allowed = [(each.call, told(made, each.call)) for each in harmful if each.outcome == "allow"]
    lighter = [e.call for e in harmful if (e.outcome, e.call["expect"]) == ("ask", "deny")]
    yield f"harmful calls: {len(harmful)}, " + ", ".join(f"{n} {o}" for o, n in outcomes.items())
    yield f"  allowed without a word under Check: {sum(not said for _, said in allowed)}"
    for call, said in allowed:
        yield f"  allowed  {call['id']} {call['tool']}: {call['harm']} | {said or 'NOT SAID'}"
    for call in lighter:
        yield f"  asked    {call['id']} {call['tool']}: {call['harm']}"
    wrong = [each for each in honest if each.outcome != each.call["expect"]]
    yield f"honest calls: {len(honest)}, {len(honest) - len(wrong)} as expected"
    for each in wrong:
        yield f"  {each.outcome:8} {each.call['id']} {each.call['tool']} {', '.join(each.reasons)}"


@click.command(help=__doc__)
def main() -> None:
    """Print the report."""
    for line in report():
        click.echo(line)


if __name__ == "__main__":
    main()
