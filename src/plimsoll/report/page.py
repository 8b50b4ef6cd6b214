"""The page's text: one HTML document without any address in it, the numbers of `facts`, and the figures as JSON.

Everything that comes from a user's file is escaped; the page's own policy forbids it to load anything.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from plimsoll.report import days, facts
from plimsoll.report.days import DayRow
from plimsoll.report.facts import Cell, Line
from plimsoll.report.figures import points_each, timeline
from plimsoll.report.regimes import regime_figure
from plimsoll.report.side_by_side import venues_figure
from plimsoll.runs import Comparison, ModeResult, RegimeMap, Standing, VenueNote

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"
KEY = (
    "Colour is the mode: <b class='cross'>blue cross</b>, <b class='isolated'>orange isolated</b>, "
    "<b class='as-given'>purple as given</b>. "
    "Solid liquidation lines share the pool, dashed ones are walled off. "
    "&#10005; liquidation &nbsp; &#9660; stop &nbsp; &#9650; top-up &nbsp; &#9679; open &nbsp; &#9675; close &nbsp; "
    "&#9670; limit order &nbsp; &#10010; refused &nbsp; &#8855; left out. "
    "Dotted uprights cut all panels where the venue liquidated. Click a legend entry to hide or show "
    "its line (funding is hidden at first); drag to zoom, double-click to come back."
)
OPEN_LOG = 14
"""A log of so many lines stands open; a longer one waits for a click."""


def page(comparison: Comparison, regime_map: RegimeMap | None, plotly_js: str) -> str:
    """The whole document. `plotly_js`: the text of plotly.js, put in once."""
    figures = _figures(comparison, regime_map)
    body = [_header(comparison), lead(comparison.sentences), _survival(comparison.results), _nav(comparison, regime_map)]
    body += [_venue(note, facts.of_venue(comparison, note.venue), comparison.sentences) for note in comparison.venues]
    body += [_side_by_side(comparison.standings)] if comparison.standings else []
    body += [_map_section(regime_map)] if regime_map is not None else []
    body += [_unknowns(comparison), _methods(comparison)]
    return document(comparison.name, body, figures, plotly_js)


def document(title: str, body: Sequence[str], figures: Mapping[str, dict[str, Any]], plotly_js: str) -> str:
    """A page of ours around `body`, which holds the places of the figures."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)} | Plimsoll</title>",
            f"<style>{_asset('page.css')}</style></head><body>",
            *body,
            *(f'<script type="application/json" id="{name}">{_json(figure)}</script>' for name, figure in figures.items()),
            f"<script>{plotly_js}</script>",
            f"<script>{_asset('page.js')}</script>",
            "</body></html>\n",
        ]
    )


def _asset(name: str) -> str:
    return files("plimsoll.report").joinpath(name).read_text(encoding="utf-8")


def _json(figure: dict[str, Any]) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(figure, separators=(",", ":"), allow_nan=False).replace("</", "<\\/").replace("<!--", "<\\u0021--")


def _figures(comparison: Comparison, regime_map: RegimeMap | None) -> dict[str, dict[str, Any]]:
    points = points_each(comparison.results)
    drawn = {}
    for note in comparison.venues:
        results = facts.of_venue(comparison, note.venue)
        if results:
            drawn[f"figure-{escape(note.venue)}"] = timeline(results, points)
    if comparison.standings:
        drawn["figure-venues"] = venues_figure(comparison.standings)
    if regime_map is not None:
        drawn["figure-regimes"] = regime_figure(regime_map)
    return drawn


# ---- head ---------------------------------------------------------------------------------------------------------------


def _header(comparison: Comparison) -> str:
    about = f"<p>{escape(comparison.about)}</p>" if comparison.about else ""
    meta = f"{escape(facts.prices(comparison))} &middot; {facts.span(comparison)} &middot; amounts in {escape(comparison.unit)}"
    stood = "".join(f'<p class="meta warn">{escape(line)}</p>' for line in facts.sources(comparison))
    stood += f'<p class="meta">Engine: {escape(facts.pace(comparison))}</p>' if facts.pace(comparison) else ""
    top = '<div class="eyebrow">Plimsoll &middot; cross and isolated margin compared</div>'
    return f'<header>{top}<h1>{escape(comparison.name)}</h1>{about}<p class="meta">{meta}</p>{stood}</header>'


def lead(sentences: Sequence[str]) -> str:
    """What it means, in large letters."""
    text = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return f'<section class="lead">{text}</section>' if text else ""


def _nav(comparison: Comparison, regime_map: RegimeMap | None) -> str:
    links = [(note.venue, note.title or note.venue) for note in comparison.venues]
    links += [("venues", "Side by side")] if comparison.standings else []
    links += [("regimes", "Map of regimes")] if regime_map is not None else []
    links += [("unknowns", "What is not known"), ("methods", "How it was computed")]
    anchors = (f'<a href="#{escape(name)}">{escape(title)}</a>' for name, title in links)
    return f"<nav>{''.join(anchors)}</nav>"


# ---- one venue ----------------------------------------------------------------------------------------------------------


def _venue(note: VenueNote, results: tuple[ModeResult, ...], said: tuple[str, ...]) -> str:
    parts = [f'<section id="{escape(note.venue)}"><h2>{escape(note.title or note.venue)}</h2>']
    if results:
        name = f"figure-{escape(note.venue)}"
        parts += ['<div class="cards">', *(_card(result) for result in results), "</div>"]
        parts += [f'<div class="figure" data-figure="{name}"></div><p class="key">{KEY}</p>']
        parts += ["<h3>Mode by mode</h3>", _summary(results), _by_day(results), *(_log(result, said) for result in results)]
    parts += [listed("Left out", (f"{symbol}: {reason}" for symbol, reason in note.skipped.items())), "</section>"]
    return "\n".join(parts)


def _card(result: ModeResult) -> str:
    cells = facts.summary(result)
    change, fate = cells["Change"], cells["Liquidated"]
    unit = f"<small>{escape(result.run.unit)}</small>"
    head = "nothing liquidated" if fate.text == facts.NONE else f"{fate.text} liquidated"
    fates = f"<div>{head}</div>" + "".join(f"<small>{escape(line)}</small>" for line in fate.detail)
    return (
        f'<div class="card {result.mode}"><div class="mode">{facts.MODES[result.mode]}</div>'
        f'<div class="sum">{cells["Final equity"].text} {unit}</div>'
        f'<div class="more"><span class="{change.tone}">{minus(change.text)} ({minus(" ".join(change.detail))})</span>'
        f"{fates}</div></div>"
    )


def _summary(results: Sequence[ModeResult]) -> str:
    heads = "".join(f'<th class="mode {result.mode}">{facts.MODES[result.mode]}</th>' for result in results)
    rows = (
        f"<tr><th>{escape(title)}</th>{''.join(data_cell(cell) for cell in cells)}</tr>"
        for title, cells in facts.table(results).items()
    )
    unit = escape(results[0].run.unit)
    return scroll("modes", f"<thead><tr><th>{unit}</th>{heads}</tr></thead><tbody>{''.join(rows)}</tbody>")


def _by_day(results: Sequence[ModeResult]) -> str:
    """Where something was owed: a table of days, each mode under its own head."""
    told = days.day_table(results)
    if told is None:
        return ""
    modes = [result.mode for result in told.results]
    over = "".join(f'<th class="mode {mode}" colspan="{len(told.heads)}">{facts.MODES[mode]}</th>' for mode in modes)
    heads = "".join(f"<th>{escape(head)}</th>" for head in ("day", "mark", *told.heads * len(modes)))
    rows = "".join(_day(row) for row in told.rows)
    table = scroll("days", f'<thead><tr><th colspan="2"></th>{over}</tr><tr>{heads}</tr></thead><tbody>{rows}</tbody>')
    note = f"<p class='key'>{escape(told.told())}</p>" if told.told() else ""
    return f"<h3>{days.TITLE}</h3><p>{escape(days.MEANING[0].upper() + days.MEANING[1:])}.</p>{table}{note}"


def _day(row: DayRow) -> str:
    texts = (row.marks, *(cell for mode in row.cells for cell in mode))
    cells = (minus(escape(text)).replace("\n", "<br>") for text in texts)
    return f"<tr><th>{row.day}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def scroll(kind: str, inner: str) -> str:
    """A table that scrolls by itself where the screen is narrow."""
    return f'<div class="scroll"><table class="{kind}">{inner}</table></div>'


def data_cell(cell: Cell) -> str:
    """A cell of a table."""
    more = "".join(f"<small>{minus(escape(detail))}</small>" for detail in cell.detail)
    return f'<td><b class="{cell.tone}">{minus(escape(cell.text))}</b>{more}</td>'


def _log(result: ModeResult, said: tuple[str, ...]) -> str:
    lines = facts.log(result.run)
    rows = "".join(_row(line) for line in lines)
    told = f"<p>{escape(result.sentence)}</p>" if result.sentence and result.sentence not in said else ""
    shown = " open" if len(lines) <= OPEN_LOG else ""
    title = f"{facts.MODES[result.mode]}: what happened ({len(lines)})"
    return f"<details{shown}><summary>{title}</summary>{told}{scroll('log', f'<tbody>{rows}</tbody>')}</details>"


def _row(line: Line) -> str:
    return (
        f'<tr><td class="time">{line.time}</td><td class="what"><b class="{line.tone}">{escape(line.what)}</b></td>'
        f'<td class="leg">{escape(line.leg)}</td><td class="price">{line.price}</td><td>{escape(line.text)}</td></tr>'
    )


def minus(text: str) -> str:
    """A true minus sign in front of negative amounts."""
    return f"\N{MINUS SIGN}{text[1:]}" if text.startswith("-") and len(text) > 1 else text


# ---- foot ---------------------------------------------------------------------------------------------------------------


def _side_by_side(standings: Sequence[Standing]) -> str:
    heads = "".join(f"<th>{escape(title)}</th>" for title in facts.STANDING_HEADS)
    rows = "".join(f"<tr>{''.join(data_cell(cell) for cell in facts.standing(line))}</tr>" for line in standings)
    said = listed("What sets them apart", (f"{facts.MODES[line.mode]}: {line.why}" for line in standings))
    return (
        '<section id="venues"><h2>The same account, side by side</h2>'
        '<div class="figure" data-figure="figure-venues"></div>'
        f'{scroll("modes", f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>")}{said}</section>'
    )


def _survival(results: Sequence[ModeResult]) -> str:
    """Where fills were replayed: who survived, one line a venue and mode."""
    replayed = [result for result in results if result.survival is not None]
    if not replayed:
        return ""
    heads = "".join(f"<th>{escape(title)}</th>" for title in facts.SURVIVAL_HEADS)
    rows = "".join(f"<tr>{''.join(data_cell(cell) for cell in facts.survival_line(result))}</tr>" for result in replayed)
    table = scroll("modes", f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>")
    return f'<section id="survival"><h2>Would it have survived?</h2>{table}</section>'


def _map_section(regime: RegimeMap) -> str:
    symbol = escape(regime.symbol)
    told = (
        f"Each point is one path: {symbol} falls to its deepest point (left to right), then ends where the height says. "
        "Orange: isolated margin leaves more. Blue: cross margin leaves more. The line between them is where both end equal."
    )
    return (
        f'<section id="regimes"><h2>Which mode ends richer?</h2><p>{told}</p>'
        '<div class="figure" data-figure="figure-regimes"></div></section>'
    )


def _unknowns(comparison: Comparison) -> str:
    parts = ['<section id="unknowns" class="small"><h2>What is not known</h2>']
    for note in comparison.venues:
        results = facts.of_venue(comparison, note.venue)
        ages = [f"{symbol}: {age}" for symbol, age in note.tables.items()]
        left_out = [f"{symbol} is left out: {reason}" for symbol, reason in note.skipped.items()]
        decided = facts.known(results) if results else []
        parts.append(listed(note.title or note.venue, [*decided, *left_out, *facts.remarks(note, results)]))
        parts.append(listed("Tables used", ages))
    parts.append(listed("Prices", facts.sources(comparison)))
    return "\n".join([*parts, "</section>"])


def _methods(comparison: Comparison) -> str:
    """What the words mean and which rules were used."""
    told = [
        "All prices of one instant arrive together; between two instants they move together along a straight line.",
        "Bars hide the order of their prices. Lines show the synchronised path; the pale band spans the worst and the best.",
        "Headroom is a pool's equity above the line at which the venue begins to liquidate; cross positions share one pool, "
        "an isolated position is a pool of its own.",
        "Money at risk is the most a position could lose: its own margin if isolated, the whole pool's if cross.",
    ]
    laws = [f"<li>{escape(note.title or note.venue)}: <code>{escape(note.law)}</code></li>" for note in comparison.venues]
    rules = f"<h3>Rules in force</h3><ul>{''.join(laws)}</ul>" if laws else ""
    return f'<section id="methods" class="small"><h2>How it was computed</h2>{listed("", told)}{rules}</section>'


def listed(title: str, lines: Iterable[str]) -> str:
    """A list under its title; nothing where there are no lines."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    head = f"<h3>{escape(title)}</h3>" if title else ""
    return f"{head}<ul>{items}</ul>" if items else ""
