"""`aegisctl policy`: what the daemon would say to operators' rules, before it is asked."""

from pathlib import Path

import click

from aegisctl.display import coloured, count, say, say_json, shown
from aegisctl.exits import BROKEN, HOLDS
from aegisctl import options, rules
from aegisd.core.errors import PolicyInvalid
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.rego.bundle import BASE_PREFIX, build, decode, load_directory
from aegisd.rego.testing import TODO, run_tests


@click.group("policy")
def command() -> None:
    """Check or test operators' Rego rules.

    \b
    Examples:
      aegisctl policy check rules/
      aegisctl policy test rules/
    """


@command.command("check")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@options.as_json
def check(folder: Path, *, as_json: bool) -> int:
    """Say whether the daemon would load the rules of FOLDER.

    Rules are Rego v1 in package `aegis.rules`. Refused is what does not compile, reads an input
    path that does not exist, or names a built-in whose answer differs from run to run.

    \b
    Example:
      aegisctl policy check policies/examples

    Exit codes: 0 loads, 1 would be refused.
    """
    problem: str | None = None
    told = ""
    try:
        told = rules.bundle(folder, rules.judge(lambda _digest: None)).digest.hex()
    except PolicyInvalid as error:
        problem = error.message
    if as_json:
        say_json({"loads": problem is None, "problem": problem, "bundle": told or None})
    elif problem is None:
        say(f"{coloured('loads', 'good')}: {shown(str(folder))} as bundle {told}")
    else:
        say(f"{coloured('refused', 'bad')}: {shown(problem, None)}")
    return HOLDS if problem is None else BROKEN


@command.command("test")
@click.argument(
    "folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@options.as_json
def test(folder: Path | None, *, as_json: bool) -> int:
    """Run the Rego tests of the base rules, and those of FOLDER beside them.

    A test is a rule named `test_…` in a `*_test.rego` file; it passes when it is true. A
    `todo_test_…` is listed and not counted.

    \b
    Example:
      aegisctl policy test policies/examples

    Exit codes: 0 all passed, 1 one did not or the rules do not load.
    """
    base = rules.base_folder()
    own = {} if folder is None else load_directory(folder)
    folders = [(BASE_PREFIX, base)] + ([] if folder is None else [(OPERATOR_PREFIX, folder)])
    tests = {
        prefix + path: text
        for prefix, place in folders
        for path, text in load_directory(place, tests=True).items()
    }
    try:
        outcomes = run_tests(decode(build(own, load_directory(base))), tests)
    except PolicyInvalid as error:
        raise PolicyInvalid(rules.in_folder(error.message, folder or base)) from None
    failed = [each for each in outcomes if not each.passed]
    waiting = [each for each in outcomes if each.name.startswith(TODO)]
    if as_json:
        rows = [
            {"file": e.file, "package": e.package, "name": e.name, "passed": e.passed,
             "detail": e.detail}
            for e in outcomes
        ]
        say_json({"passed": not failed, "tests": rows})
    else:
        for each in waiting:
            say(f"{coloured('todo', 'doubt')}    {each.file}: {each.name}")
        for each in failed:
            say(f"{coloured('FAILED', 'bad')}  {each.file}: {each.name}: {shown(each.detail, None)}")
        passed = len(outcomes) - len(failed) - len(waiting)
        say(f"{count(passed, 'test')} passed, {len(failed)} failed, {len(waiting)} to do")
    return BROKEN if failed else HOLDS
