"""`python -m drills.attacks`: the table of attacks, and whether it came out as expected."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec

from drills.attacks.attack import ATTACKS, COLUMNS
from drills.attacks.looking import VERIFIERS, Sighting, look
from drills.attacks.scene import record

# Columns of the field's own table that wait for what is not built.
NOT_YET = ("witness", "time stamp")

HEADINGS = ("chain alone", "+ checkpoint and key", "+ kept checkpoint", *NOT_YET)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document and nothing else.")
def main(*, as_json: bool) -> None:
    """Run every attack on a log that the real gate recorded, and print who notices.

    Three looks at each: the single-file verifier and `aegisctl verify` at an export, and `aegisctl
    verify` at the database. A cell has one verdict; one in capitals is not the expected one, or the
    three do not agree.

    Example:
      python -m drills.attacks

    Exit codes: 0 every verdict is as expected, 1 one is not.

    """
    findings = run()
    if as_json:
        told = [{**msgspec.to_builtins(each), "as_expected": each.as_expected} for each in findings]
        click.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
    else:
        for line in table(findings):
            click.echo(line)
    sys.exit(0 if all(each.as_expected for each in findings) else 1)


def run() -> list[Sighting]:
    """Every attack on one log, in a folder that is gone afterwards."""
    findings: list[Sighting] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "log")
        home.mkdir()
        scene = record(home)
        for number, attack in enumerate(ATTACKS):
            place = Path(folder, str(number))
            place.mkdir()
            findings += look(attack, scene, place)
    return findings


def table(findings: Sequence[Sighting]) -> Iterator[str]:
    """The verdicts as a Markdown table, then what each miss means."""
    width = max(len(attack.name) for attack in ATTACKS)
    yield f"| {'attack':{width}} | {' | '.join(HEADINGS)} |"
    yield f"|{'-' * (width + 2)}|{'|'.join('-' * (len(each) + 2) for each in HEADINGS)}|"
    for attack in ATTACKS:
        own = [each for each in findings if each.attack == attack.name]
        cells = [_cell([each for each in own if each.column == column]) for column in COLUMNS]
        cells += ["not yet"] * len(NOT_YET)
        padded = [f"{cell:{len(head)}}" for cell, head in zip(cells, HEADINGS, strict=True)]
        yield f"| {attack.name:{width}} | {' | '.join(padded)} |"
    yield ""
    yield from (f"* {attack.name}: {attack.why}" for attack in ATTACKS if attack.why)
    wrong = [each for each in findings if not each.as_expected]
    yield ""
    yield from (
        f"UNEXPECTED {each.attack}, {each.column}, {each.verifier}: expected {each.expected}, "
        f"found {each.found}"
        for each in wrong
    )
    good = len(findings) - len(wrong)
    yield (
        f"{len(ATTACKS) - 1} attacks and an honest log, {len(COLUMNS)} auditors, "
        f"{len(VERIFIERS)} looks: {good} of {len(findings)} verdicts as expected"
    )


def _cell(findings: Sequence[Sighting]) -> str:
    if all(each.as_expected for each in findings):
        return findings[0].found
    return "/".join(each.found.upper() for each in findings)


if __name__ == "__main__":
    main()
