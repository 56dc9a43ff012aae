"""`aegisctl policy input`: what rules were given of a recorded call, to write tests with."""

import re
from collections.abc import Iterator

import click
import msgspec

from aegisctl import options, source
from aegisctl.display import say, tell
from aegisctl.exits import HOLDS
from aegisd.audit import inputs
from aegisd.audit.log import one_tenant
from aegisd.core.log.canonical import parse
from aegisd.printable import shown


@click.command("input", cls=options.Verb)
@options.file
@options.server
@options.tenant
@click.option("--session", "session_id", required=True, metavar="ID", help="The session.")
@click.option(
    "--seq",
    required=True,
    type=click.IntRange(min=0),
    metavar="N",
    help="The call in it, or the decision about it.",
)
@click.option("--test", is_flag=True, help="As a file of a test, to be completed.")
@options.as_json
def recorded_input(
    file: str | None,
    server: str,
    tenant_id: str | None,
    session_id: str,
    seq: int,
    *,
    test: bool,
    as_json: bool,
) -> int:
    """Show the input of a recorded decision, as rules read it.

    It is made again from the log, by the build that is installed. Values that are kept beside
    events stay there: their commitments are shown.

    Examples:
      aegisctl policy input aegis.db --session s1 --seq 4
      aegisctl policy input aegis.db --session s1 --seq 4 --test > rules/s1_test.rego

    Exit codes: 0 shown, 2 could not tell.

    """
    from aegisd.audit import rules  # noqa: PLC0415 - loading an engine takes long

    options.refuse_two_sources(file)
    with source.opened(file, server) as log:
        tenant = one_tenant(log, tenant_id)
        found = inputs.recorded(log, tenant, session_id, seq, rules.judge(log.document))
    if test:
        for line in _test(found, session_id, seq):
            say(line)
        return HOLDS
    document = {
        "input": parse(found.input),
        "manifest": parse(found.manifest),
        "outcome": found.decision.outcome,
        "reason": found.decision.reason,
    }
    tell(document, _lines(found.input), as_json=as_json)
    return HOLDS


def _lines(body: bytes) -> Iterator[str]:
    """JSON over several lines; a stranger's text in it moves no cursor."""
    for line in msgspec.json.format(body, indent=2).decode().splitlines():
        yield shown(line, None)


def _test(found: inputs.Asked, session_id: str, seq: int) -> Iterator[str]:
    yield from ("package aegis.rules_test", "", "import rego.v1", "")
    name = f"{re.sub(r'[^A-Za-z0-9]', '_', session_id)}_{seq}"
    given, terms = f"given_{name}", f"terms_{name}"
    # What the base rules denied is nothing that operators' rules say.
    count = "> 0" if found.decision.reason == "POLICY_DENY" else "== 0"
    yield f"test_{name} if {{"
    yield f"\tcount(data.aegis.rules.deny) {count}"
    yield f"\t\twith input as {given} with data.manifest as {terms}"
    yield from ("}", "", f"# It was decided {found.decision.outcome}, {found.decision.reason}.")
    for name, body in ((given, found.input), (terms, found.manifest)):
        first, *others = _lines(body)
        yield from (f"{name} := {first}", *others, "")
