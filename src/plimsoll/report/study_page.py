"""The page of a study: one HTML document with everything inside."""

from collections.abc import Iterable, Sequence
from html import escape

from plimsoll.report import odds as said
from plimsoll.report.facts import MODES
from plimsoll.report.page import data_cell, document, lead, listed, minus, scroll
from plimsoll.report.study_figures import figures
from plimsoll.studies import Odds, Study

METHODS = (
    "All settings are played on the same paths, each path a function of seed and number: the same at any number of threads.",
    "Intervals hold 95 times in 100. They count the paths only, not whether the model of prices is right: nobody knows that.",
    "Where a step comes near a line or a stop, points of its path are drawn between its ends, as far as the model has one "
    "(above); else prices move straight from step to step, and a stop fills at its price.",
    "What is too close to call in floating point is decided by the exact engine.",
    "Value at risk is the loss that 5 % of the paths exceed, expected shortfall the mean loss of these paths. Nearly all lost: "
    "less than a hundredth of the start is left.",
    "Money at risk is the most the positions can lose: their own margins if isolated, the whole pool if cross.",
)


def study_page(study: Study, plotly_js: str) -> str:
    """The whole document. `plotly_js`: the text of plotly.js, put in once."""
    drawn = figures(study)
    body = [_header(study), lead(said.sentences(study))]
    body += [_cards(study), _pictures(drawn), _settings(study), *_legs(study)] if study.odds else []
    body += [_foot(study)]
    return document(study.plan, body, drawn, plotly_js)


def _header(study: Study) -> str:
    lines = "".join(f'<p class="meta">{escape(line)}</p>' for line in said.head(study))
    top = '<div class="eyebrow">Plimsoll &middot; cross and isolated margin simulated</div>'
    return f"<header>{top}<h1>{escape(study.plan)}</h1>{lines}<p class='meta'>amounts in {escape(study.unit)}</p></header>"


def _cards(study: Study) -> str:
    if len(study.odds) > said.FEW:
        return ""
    return "\n".join(['<section><div class="cards">', *(_card(odds, study) for odds in study.odds), "</div></section>"])


def _card(odds: Odds, study: Study) -> str:
    cells = said.summary(odds, study.unit)
    short, final = cells["Expected shortfall, 5 %"].text, cells["Final equity, median"]
    first = cells["Goes first"]
    fate = "nothing goes" if not first.detail else f"{first.text} goes first {first.detail[0]}"
    return (
        f'<div class="card {odds.setting.mode}"><div class="mode">{escape(said.title(odds.setting, study))}</div>'
        f'<div class="sum">{cells["Liquidated"].text} <small>of the paths liquidated, {cells["Liquidated"].detail[0]}</small>'
        f'</div><div class="more"><div>{escape(fate)}</div><small>median end {minus(final.text)}, '
        f"{minus('; '.join(final.detail))}</small><small>expected shortfall {short}</small></div></div>"
    )


def _pictures(names: Iterable[str]) -> str:
    parts = [f'<div class="figure" data-figure="{name}"></div>' for name in names]
    return f"<section>{''.join(parts)}</section>"


def _settings(study: Study) -> str:
    """Few settings in columns with every number, many in rows."""
    if len(study.odds) <= said.FEW:
        told = [said.summary(odds, study.unit) for odds in study.odds]
        heads = "".join(f'<th class="mode {o.setting.mode}">{escape(said.title(o.setting, study))}</th>' for o in study.odds)
        rows = (f"<tr><th>{escape(name)}</th>{''.join(data_cell(cells[name]) for cells in told)}</tr>" for name in told[0])
        table = scroll("modes", f"<thead><tr><th>{escape(study.unit)}</th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody>")
    else:
        table = _table(said.TABLE, (said.row(odds, study) for odds in study.odds))
        table += f'<p class="key">{escape(said.TABLE_NOTE)}</p>'
    return f"<section><h2>The odds</h2>{table}</section>"


def _legs(study: Study) -> Iterable[str]:
    if len(study.odds) > said.FEW:
        return
    yield "<section><h2>Position by position</h2>"
    for odds in study.odds:
        yield f"<h3>{escape(MODES[odds.setting.mode])}: {escape(said.title(odds.setting, study))}</h3>"
        yield _table(said.LEGS, (said.leg_row(leg, study.unit) for leg in odds.legs))
    yield "</section>"


def _table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(word)}</th>" for word in heads)
    body = "".join(f"<tr>{''.join(f'<td>{minus(escape(text))}</td>' for text in row)}</tr>" for row in rows)
    return scroll("log", f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>")


def _foot(study: Study) -> str:
    known = said.unknowns(study)
    parts = ['<section class="small"><h2>To be known besides</h2>', listed("", known)] if known else ["<section class='small'>"]
    return "".join([*parts, "<h2>How it was computed</h2>", listed("", METHODS), "</section>"])
