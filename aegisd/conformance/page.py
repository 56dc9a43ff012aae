"""A run as one HTML page: no script, nothing loaded from elsewhere, everything escaped.

Texts of packs and answers of servers are hostile. The page forbids itself what they could smuggle
in, and every text goes through one function on its way.
"""

import html
from collections.abc import Iterator
from pathlib import Path
from string import Template

from aegisd.conformance.pack import Pack
from aegisd.conformance.result import (
    CONCLUSIONS,
    CaseResult,
    Compliance,
    PackResult,
    Run,
    StepResult,
)
from aegisd.printable import shown

_SAID: dict[Compliance, str] = {"holds": "holds", "fails": "fails", "not_judged": "not judged"}

# What stands around the results. Nothing may be fetched or run there, whatever slipped through.
_FRAME = Path(__file__).with_suffix(".html")


def document(run: Run) -> bytes:
    """The run as a page in UTF-8."""
    page = Template(_FRAME.read_text("utf-8")).substitute(
        concluded=CONCLUSIONS[run.verdict],
        results="".join(_results(run)),
        moment=f"{run.moment:%Y-%m-%d %H:%M:%S}",
        version=_text(run.version),
        judged=_text(run.judged),
    )
    return page.encode()


def _results(run: Run) -> Iterator[str]:
    yield from _conclusion(run)
    yield from _overview(run)
    for pack in run.packs:
        yield from _pack(pack)


def _conclusion(run: Run) -> Iterator[str]:
    counts = run.counts()
    yield f'<p><strong class="{run.verdict}">{CONCLUSIONS[run.verdict].capitalize()}.</strong> '
    yield f"{counts['holds']} hold, {counts['fails']} fail, {counts['not_judged']} not judged"
    if counts["waits"]:
        yield f"; {counts['waits']} wait for what this version does not have"
    yield ".</p>\n"


def _overview(run: Run) -> Iterator[str]:
    yield '<table>\n<caption>Packs</caption>\n<thead><tr><th scope="col">Pack</th>'
    yield '<th scope="col">Promise</th>'
    yield from (f'<th scope="col">{said.capitalize()}</th>' for said in _SAID.values())
    yield "</tr></thead>\n<tbody>\n"
    for each in run.packs:
        name, title = _text(each.pack.name), _text(each.pack.title)
        yield f'<tr><th scope="row"><a href="#{name}">{name}</a></th><td>{title}</td>'
        for verdict in _SAID:
            number = sum(case.verdict == verdict for case in each.cases)
            marked = f" {verdict}" if number else ""
            yield f'<td class="number{marked}">{number}</td>'
        yield "</tr>\n"
    yield "</tbody>\n</table>\n"


def _pack(result: PackResult) -> Iterator[str]:
    pack = result.pack
    name = _text(pack.name)
    yield f'<section id="{name}" aria-labelledby="{name}-title">\n'
    yield f'<h2 id="{name}-title">{_text(pack.title)}</h2>\n<p>{_text(pack.about)}</p>\n'
    yield f"<table>\n<caption>Requirements of {name}</caption>\n<thead><tr>"
    yield '<th scope="col">Case</th><th scope="col">Requirement</th><th scope="col">Verdict</th>'
    yield "</tr></thead>\n<tbody>\n"
    for each in result.cases:
        yield from _case(pack, each)
    yield "</tbody>\n</table>\n</section>\n"


def _case(pack: Pack, judged: CaseResult) -> Iterator[str]:
    case = judged.case
    origin = f" <small>({_text(case.origin)})</small>" if case.origin else ""
    yield f'<tr><th scope="row">{_text(case.id)}</th><td>{_text(case.requirement)}{origin}'
    if judged.why:
        yield f"<br><small>{_text(judged.why)}</small>"
    failed = [each for each in judged.steps if each.mismatches]
    if failed:
        yield "<details><summary>What was expected, and what was found</summary>"
        for each in failed:
            yield from _step(pack, each)
        yield "</details>"
    yield f'</td><td class="{judged.verdict}">{_SAID[judged.verdict]}</td></tr>\n'


def _step(pack: Pack, each: StepResult) -> Iterator[str]:
    step = each.step
    yield f"<p>{_text(pack.file)}:{step.line}, step {step.number} ({_text(step.verb)})</p><dl>"
    for found in each.mismatches:
        yield f"<dt>{_text(found.field)}</dt>"
        yield f"<dd>expected <pre>{_text(found.expected)}</pre></dd>"
        yield f"<dd>found <pre>{_text(found.found)}</pre></dd>"
    yield "</dl>"


def _text(text: str) -> str:
    """A text as it looks, with nothing in it that a browser or an eye could take for ours."""
    return html.escape(shown(text, None), quote=True)
