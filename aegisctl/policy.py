"""`aegisctl policy`: what the daemon would say to operators' rules, before it is asked."""

from pathlib import Path

import click

from aegisctl import options, policies, policy_input, policy_testing
from aegisctl.display import coloured, tell
from aegisctl.exits import BROKEN, HOLDS
from aegisd.audit import rules
from aegisd.core.errors import PolicyInvalid
from aegisd.printable import shown
from aegisd.rego.engines import installed
from aegisd.rego.query import OPINIONS, engines


@click.group("policy", cls=options.Verbs)
def command() -> None:
    """Check or test operators' Rego rules.

    Examples:
      aegisctl policy check rules/
      aegisctl policy test rules/

    """


command.add_command(policies.activate)
command.add_command(policies.deactivate)
command.add_command(policies.policies)
command.add_command(policies.show)
command.add_command(policy_testing.test)
command.add_command(policy_input.recorded_input)


@command.command("check")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--engine",
    type=click.Choice(OPINIONS),
    help="Compile on this engine, or on both.  [default: every installed one]",
)
@options.as_json
def check(folder: Path, engine: str | None, *, as_json: bool) -> int:
    """Say whether the daemon would load the rules of FOLDER.

    Rules are Rego v1 in package `aegis.rules`. Refused is what does not compile, reads an input
    path that does not exist, is read by nothing, or names a built-in whose answer differs from run
    to run. A warning names what loads and may not do what its author means.

    Examples:
      aegisctl policy check policies/examples
      aegisctl policy check rules/ --engine both

    Exit codes: 0 loads, 1 would be refused, 2 the engine is not installed.

    """
    problem, told, warnings = None, None, []
    said: dict[str, str | None] = {}
    try:
        built = rules.bundle(folder)
        told = built.digest.hex()
        names = installed() if engine is None else engines(engine)
        said = {name: rules.refusal(built, folder, name) for name in names}
        refusals = [f"{words} (engine {name})" for name, words in said.items() if words]
        problem = "; ".join(refusals) or None
        # Without a word, of the engine that a daemon would judge by here.
        judging = installed()[:1] if engine is None else names
        told_of = (words for name in judging for words in rules.warnings(built, folder, name))
        warnings = list(dict.fromkeys(told_of))
    except PolicyInvalid as error:
        problem = error.message
    if problem is None:
        loads = coloured("loads", "good")
        line = f"{loads}: {shown(str(folder))} as bundle {told} (on {' and '.join(said)})"
    else:
        told, line = None, _refused(problem)
    document = {
        "loads": problem is None,
        "problem": problem,
        "bundle": told,
        "engines": said,
        "warnings": warnings,
    }
    lines = [line, *(f"{coloured('warning', 'doubt')}: {shown(each, None)}" for each in warnings)]
    tell(document, lines, as_json=as_json)
    return HOLDS if problem is None else BROKEN


def _refused(problem: str) -> str:
    return f"{coloured('refused', 'bad')}: {shown(problem, None)}"
