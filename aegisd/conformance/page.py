"""A run as one HTML page: no script, nothing loaded from elsewhere, everything escaped.

Texts of packs and answers of servers are hostile. The page forbids itself what they could smuggle
in, and every text goes through one function on its way.
"""

import html
from collections.abc import Iterator

from aegisd.conformance.pack import Pack
from aegisd.conformance.result import CaseResult, Compliance, PackResult, Run, StepResult
from aegisd.printable import shown

_SAID: dict[Compliance, str] = {"holds": "holds", "fails": "fails", "not_judged": "not judged"}
_CONCLUDED: dict[Compliance, str] = {
    "holds": "Complies",
    "fails": "Does not comply",
    "not_judged": "Could not tell",
}

_STYLE = """
:root { color-scheme: light dark; --line: #d0d4da; --soft: #f3f5f7; --good: #0a6b2d;
  --bad: #b3121d; --doubt: #7a5200; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a4048; --soft: #1d2126; --good: #56c97c; --bad: #ff8087; --doubt: #e0b050; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding-bottom: .5rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem;
  border-bottom: 1px solid var(--line); }
th[scope=row] { white-space: nowrap; font-weight: 600; }
td.number { text-align: right; }
.holds { color: var(--good); } .fails { color: var(--bad); font-weight: 700; }
.not_judged { color: var(--doubt); }
details { background: var(--soft); margin-top: .4rem; padding: .4rem .6rem; border-radius: 4px; }
summary { cursor: pointer; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0 .6rem; }
dt { font-weight: 600; } dd { margin: 0 0 .4rem 1rem; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; }
"""

# Nothing may be fetched or run, whatever slipped through.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def document(run: Run) -> bytes:
    """The run as a page in UTF-8."""
    return "".join(_page(run)).encode()


def _page(run: Run) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>Aegis conformance: {_CONCLUDED[run.verdict].lower()}</title>\n"
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Aegis conformance</h1>\n"
    yield from _conclusion(run)
    yield from _overview(run)
    for pack in run.packs:
        yield from _pack(pack)
    yield f"</main>\n<footer>Run at {run.moment:%Y-%m-%d %H:%M:%S} UTC by aegisctl "
    yield f"{_text(run.version)}, against {_text(run.judged)}.</footer>\n</body>\n</html>\n"


def _conclusion(run: Run) -> Iterator[str]:
    counts = run.counts()
    yield f'<p><strong class="{run.verdict}">{_CONCLUDED[run.verdict]}.</strong> '
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
