"""`aegisctl policy`: what the daemon would say to operators' rules, before it is asked."""

from pathlib import Path

import click
import msgspec

from aegisctl import options, rules
from aegisctl.display import coloured, count, say, say_json, shown
from aegisctl.exits import BROKEN, HOLDS
from aegisd.core.errors import PolicyInvalid
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.rego.bundle import BASE_PREFIX, build, decode, load_directory
from aegisd.rego.testing import TestOutcome, run_tests

# How a test that waits for its rule is named.
_WAITING = "todo_test_"


@click.group("policy", cls=options.Verbs)
def command() -> None:
    """Check or test operators' Rego rules.

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

    Example:
      aegisctl policy test policies/examples

    Exit codes: 0 all passed, 1 one did not or the rules do not load.

    """
    try:
        outcomes = _outcomes(folder)
    except PolicyInvalid as error:
        if as_json:
            say_json({"passed": False, "problem": error.message, "tests": []})
        else:
            say(f"{coloured('refused', 'bad')}: {shown(error.message, None)}")
        return BROKEN
    failed = [each for each in outcomes if not each.passed]
    waiting = [each for each in outcomes if each.name.startswith(_WAITING)]
    if as_json:
        rows = msgspec.to_builtins(outcomes)
        say_json({"passed": not failed, "problem": None, "tests": rows})
    else:
        for each in waiting:
            say(f"{coloured('todo', 'doubt')}    {each.file}: {each.name}")
        for each in failed:
            why = shown(each.detail, None)
            say(f"{coloured('FAILED', 'bad')}  {each.file}: {each.name}: {why}")
        passed = len(outcomes) - len(failed) - len(waiting)
        say(f"{count(passed, 'test')} passed, {len(failed)} failed, {len(waiting)} to do")
    return BROKEN if failed else HOLDS


def _outcomes(folder: Path | None) -> list[TestOutcome]:
    """Run the tests of the base rules and of a folder. Raises `PolicyInvalid`."""
    base = rules.base_folder()
    folders = [(BASE_PREFIX, base)] + ([] if folder is None else [(OPERATOR_PREFIX, folder)])
    tests = {
        prefix + path: text
        for prefix, place in folders
        for path, text in load_directory(place, tests=True).items()
    }
    own = {} if folder is None else load_directory(folder)
    try:
        return run_tests(decode(build(own, load_directory(base))), tests)
    except PolicyInvalid as error:
        raise PolicyInvalid(rules.in_folder(error.message, folder or base)) from None
