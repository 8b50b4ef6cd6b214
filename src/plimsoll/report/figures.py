"""The picture of one venue: prices with each position's moving liquidation price, equity and headroom of all modes, all on
one time axis. Figures are plain dicts in Plotly's JSON form; floats appear here and nowhere else in a report. Where the
panels stand is left to the page: it puts each one's title and legend above it and knows how many lines they need.

Colour says the mode, the dash says whose wall (solid: cross, dashed: isolated), the marker says what happened. Traces
without a colour take the page's ink, which the page sets for light, dark and print.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from plimsoll.number import ZERO
from plimsoll.plan import PlanMode
from plimsoll.report import facts
from plimsoll.report.thin import thinned
from plimsoll.runs import Happening, LegResult, ModeResult, Run, Sample

Trace = dict[str, Any]
Figure = dict[str, Any]
Quantity = Callable[[Sample], Decimal | None]
"""What a line reads from a sample."""
Points = Sequence[tuple[datetime, Decimal | None]]

COLOURS = {PlanMode.CROSS: "#2f7de1", PlanMode.ISOLATED: "#e0760a", PlanMode.AS_GIVEN: "#8e5bd0"}
BANDS = {PlanMode.CROSS: "47,125,225", PlanMode.ISOLATED: "224,118,10", PlanMode.AS_GIVEN: "142,91,208"}
DANGER = "#d63b3b"

SYMBOLS = {
    "open": "circle",
    "close": "circle-open",
    "reduce": "circle-open-dot",
    "fund": "square",
    "stop": "triangle-down",
    "take_profit": "triangle-left",
    "limit": "diamond",
    "top_up": "triangle-up",
    "refuse": "cross-open",
    "left_out": "circle-x-open",
    "cancel": "diamond-open",
    "liquidation": "x",
    "convert": "x",
    "exchange": "circle-open-dot",
    "forced_close": "x",
    "take_over": "x",
    "deleverage": "star",
    "shortfall": "hexagram",
    "funding": "line-ns-open",
    "interest": "line-ns-open",
    "borrow": "triangle-down-open",
    "repay": "triangle-up-open",
}
DASHES = ("dash", "dot", "dashdot", "longdash")

FUNDING: Trace = {"name": "funding, interest", "legendgroup": "funding", "legendrank": 1002, "visible": "legendonly"}
"""Payments of all modes answer to one legend entry of their panel."""

TALL, LOW = 250, 200
"""Pixels: a price panel, an equity or headroom panel."""

STEP, EDGE, AWAY = 19, 12, 34
"""Pixels: between two labels, from a label to the frame, from a mark to its label where there is room."""

MOST_POINTS = 800
ALL_POINTS = 22_000
"""Points of one trace, and of one page: beyond it the traces share them."""


class Panel(msgspec.Struct, frozen=True):
    """One strip of the picture. `bounds`: the range of its vertical axis, None: as its lines need."""

    title: str
    note: str
    height: int
    traces: list[Trace]
    labels: list[Trace] = []
    bounds: tuple[float, float] | None = None
    line_at_zero: bool = False


def timeline(results: Sequence[ModeResult], points: int = MOST_POINTS) -> Figure:
    """The figure of one venue. `points`: the most of one trace."""
    symbols = dict.fromkeys(leg.symbol for result in results for leg in result.run.legs)
    panels = [_price_panel(symbol, results, points) for symbol in symbols]
    panels += [_equity_panel(results, points), _headroom_panel(results, points), *_level_panel(results, points)]
    return _stacked(panels, _cuts(results), _span(results))


def points_each(results: Sequence[ModeResult]) -> int:
    """How many points a trace may have, so that all traces of the page stay small together."""
    traces = sum(4 + len(result.run.legs) * 2 + len(result.run.least) * (1 + _owes(result.run)) for result in results)
    return max(120, min(MOST_POINTS, ALL_POINTS // max(traces, 1)))


# ---- panels -------------------------------------------------------------------------------------------------------------


def _price_panel(symbol: str, results: Sequence[ModeResult], points: int) -> Panel:
    fullest = max((result.run for result in results), key=lambda run: sum(symbol in s.marks for s in run.samples))
    keep = _event_times(result.run for result in results)
    traces = [_line(fullest, _mark_of(symbol), keep, points, [], {"name": "mark price", "line": {"width": 1.8}})]
    for under, result in _layered(results):
        legs = [leg for leg in result.run.legs if leg.symbol == symbol]
        traces += [_liquidation_line(result, leg, keep, points, 1.6 + 0.9 * under) for leg in legs]
        marked = [event for event in result.run.happenings if _symbol_of(event, result.run) == symbol]
        traces += _markers(result, marked, _mark_of(symbol))
    labels = _labels(symbol, results, fullest)
    return Panel(symbol, "price and liquidation prices", TALL, traces, labels, _bounds(symbol, results))


def _liquidation_line(result: ModeResult, leg: LegResult, keep: set[datetime], points: int, width: float) -> Trace:
    """The price at which the leg would go, moving with the pool, up to where it went."""
    style = {"color": COLOURS[result.mode], "width": width, "dash": "solid" if leg.mode == "cross" else "dash"}
    alone = sum(other.symbol == leg.symbol for other in result.run.legs) == 1
    own = leg.name.removeprefix(leg.symbol).strip(":@ ") or leg.mode
    name = f"{facts.MODES[result.mode]}: liquidation" + ("" if alone else f" of {own}")
    went = [] if leg.liquidated_at is None else [(leg.liquidated_at, leg.liquidated_price)]
    return _line(result.run, _liquidation_of(leg.name), keep, points, went, {"name": name, "line": style})


def _equity_panel(results: Sequence[ModeResult], points: int) -> Panel:
    traces = _without_rules(results, points)
    for under, result in _layered(results):
        keep = _event_times([result.run])
        if result.worst is not None and result.best is not None:
            traces += _band(result, result.worst, result.best, points)
        style = {"color": COLOURS[result.mode], "width": 2.2 + 1.3 * under}
        lowest = [(result.run.lowest_equity_at, result.run.lowest_equity)]
        traces.append(_line(result.run, _equity, keep, points, lowest, {"name": facts.MODES[result.mode], "line": style}))
        pooled = [event for event in result.run.happenings if not _symbol_of(event, result.run)]
        traces += _markers(result, pooled, _equity)
    unit = results[0].run.unit if results else ""
    return Panel("Equity", unit, LOW, traces)


def _without_rules(results: Sequence[ModeResult], points: int) -> list[Trace]:
    """Where fills were replayed: what they would have made had no margin rule touched the account, the same for all modes."""
    bare = next((result.survival.without_rules for result in results if result.survival is not None), None)
    if bare is None:
        return []
    lowest = [(bare.lowest_equity_at, bare.lowest_equity)]
    look = {"name": "without margin rules", "line": {"width": 1.5, "dash": "dot"}}
    return [_line(bare, _equity, set(), points, lowest, look)]


def _layered(results: Sequence[ModeResult]) -> list[tuple[int, ModeResult]]:
    """Each mode with how many are drawn over it: lower lines are wider, so that equal ones are all seen."""
    return [(len(results) - 1 - n, result) for n, result in enumerate(results)]


def _band(result: ModeResult, worst: Run, best: Run, points: int) -> list[Trace]:
    """The range that the order of prices inside bars leaves open."""
    name = f"{facts.MODES[result.mode]}: worst to best path in the bars"
    shape: Trace = {"line": {"width": 0}, "hoverinfo": "skip", "hovertemplate": None}
    low = _line(worst, _equity, set(), points, [], {"name": name, "showlegend": False, **shape})
    filled = {"fill": "tonexty", "fillcolor": f"rgba({BANDS[result.mode]},0.25)", "legendrank": 1001}
    high = _line(best, _equity, set(), points, [], {"name": name, **filled, **shape})
    return [low, high]


def _headroom_panel(results: Sequence[ModeResult], points: int) -> Panel:
    traces = [
        _line(result.run, _headroom_of(pool), _event_times([result.run]), points, _least(result.run, pool), style)
        for result in results
        for pool, style in _pool_styles(result, _headroom).items()
    ]
    unit = results[0].run.unit if results else ""
    return Panel("Headroom", f"{unit} above the line at which the venue liquidates", LOW, traces, line_at_zero=True)


def _level_panel(results: Sequence[ModeResult], points: int) -> list[Panel]:
    """Where something was owed: the ratio by which the venue tells how far its line is."""
    traces = [
        _line(result.run, _level_of(pool), _event_times([result.run]), points, [], style)
        for result in results
        for pool, style in _pool_styles(result, _levels).items()
    ]
    return [Panel("Margin level", "the venue's own ratio, while something is owed", LOW, traces)] if traces else []


def _pool_styles(result: ModeResult, read: Callable[[Sample], Mapping[str, Decimal]]) -> dict[str, Trace]:
    """Pool -> name and line: what cross positions stand on solid, each isolated wall with its own dash."""
    styles: dict[str, Trace] = {}
    walls = {leg.name for leg in result.run.legs if leg.mode == "isolated"}
    for pool in dict.fromkeys(pool for sample in result.run.samples for pool in read(sample)):
        dashed = sum(style["line"]["dash"] != "solid" for style in styles.values())
        dash = DASHES[dashed % len(DASHES)] if pool in walls else "solid"
        line = {"color": COLOURS[result.mode], "width": 1.6, "dash": dash}
        styles[pool] = {"name": f"{facts.MODES[result.mode]}: {facts.pool_name(pool)}", "line": line}
    return styles


# ---- lines and markers --------------------------------------------------------------------------------------------------


def _line(run: Run, read: Quantity, keep: set[datetime], points: int, between: Points, look: Trace) -> Trace:
    """One quantity over time, thinned; the instants in `keep` stay, and so do the points known `between` samples."""
    whole = sorted([*((s.time, read(s)) for s in run.samples), *between], key=lambda point: point[0])
    values = [_float(value) for _, value in whole]
    stay = {*keep, *(time for time, _ in between)}
    drawn = thinned(values, [i for i, (time, _) in enumerate(whole) if time in stay], points)
    xs, ys = [_time(whole[i][0]) for i in drawn], [values[i] for i in drawn]
    return {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "hovertemplate": "%{y:,.8~g}", **look}


def _markers(result: ModeResult, events: Sequence[Happening], level: Quantity) -> list[Trace]:
    """Events as symbols: what happened, and funding payments apart (hidden until asked for)."""
    drawn = [event for event in events if event.kind != "end"]
    paid = [event for event in drawn if event.kind in facts.CARRY]
    rest = [event for event in drawn if event.kind not in facts.CARRY]
    traces = [_marks(result, rest, level)] if rest else []
    if paid:
        spread = paid[:: -(-len(paid) // MOST_POINTS)]
        traces.append({**_marks(result, spread, level), **FUNDING})
    return traces


def _marks(result: ModeResult, events: Sequence[Happening], level: Quantity) -> Trace:
    loud = [event.kind in facts.FORCED or event.kind == "refuse" for event in events]
    marker = {
        "symbol": [SYMBOLS.get(event.kind, "circle-open") for event in events],
        "size": [13 if bad else 9 for bad in loud],
        "color": COLOURS[result.mode],
        "line": {"color": COLOURS[result.mode], "width": 1},
    }
    texts = [f"{facts.MODES[result.mode]}: {event.text or facts.WORDS.get(event.kind, event.kind)}" for event in events]
    xs, ys = [_time(event.time) for event in events], [_height(event, result.run, level) for event in events]
    look = {"type": "scatter", "mode": "markers", "showlegend": False, "hovertemplate": "%{text}<extra></extra>"}
    name = f"{facts.MODES[result.mode]}: events"
    return {**look, "name": name, "x": xs, "y": ys, "text": [_escaped(text) for text in texts], "marker": marker}


def _labels(symbol: str, results: Sequence[ModeResult], run: Run) -> list[Trace]:
    """The words beside each liquidation's mark, modes that went together in one; `ay` says the side, to which the price
    of `run` did not go on."""
    fates: dict[tuple[datetime, Decimal], list[PlanMode]] = {}
    for result in results:
        for leg in result.run.legs:
            if leg.symbol == symbol and leg.liquidated_at is not None and leg.liquidated_price is not None:
                modes = fates.setdefault((leg.liquidated_at, leg.liquidated_price), [])
                modes += [] if result.mode in modes else [result.mode]
    return [_label(modes, time, level, _later(run, symbol, time)) for (time, level), modes in fates.items()]


def _label(modes: Sequence[PlanMode], time: datetime, level: Decimal, later: Decimal) -> Trace:
    text = f"<b>{', '.join(facts.MODES[mode] for mode in modes)}: liquidated @ {facts.price(level)}</b>"
    colour = COLOURS[modes[0]]
    look = {"font": {"color": colour, "size": 12}, "arrowcolor": colour, "arrowwidth": 1.2, "arrowhead": 0, "standoff": 8}
    return {"x": _time(time), "y": _float(level), "ay": 1 if later > level else -1, "text": text, **look}


def _later(run: Run, symbol: str, time: datetime) -> Decimal:
    """The mean price in the sixth of the run after `time`; 0 where there is none."""
    later = [s.marks[symbol] for s in run.samples if s.time > time and symbol in s.marks][: max(1, len(run.samples) // 6)]
    return sum(later, ZERO) / len(later) if later else ZERO


# ---- putting the panels together ----------------------------------------------------------------------------------------


def _stacked(panels: Sequence[Panel], cuts: list[Trace], span: tuple[str, str] | None) -> Figure:
    """Panels in their order, one time axis at the foot, cuts through all of them. The page gives the vertical axes their
    domains and writes the titles and legends."""
    foot = f"y{len(panels)}" if len(panels) > 1 else "y"
    time = {"anchor": foot, "type": "date", "showgrid": False, "showline": True, **({"range": list(span)} if span else {})}
    layout: Figure = {
        "margin": {"l": 64, "r": 18, "t": 0, "b": 34},
        "showlegend": False,
        "hovermode": "x unified",
        "hoverlabel": {"namelength": -1, "align": "left"},
        "xaxis": time,
        "shapes": list(cuts),
        "annotations": [],
    }
    traces: list[Trace] = []
    for number, panel in enumerate(panels, start=1):
        axis = f"y{number}" if number > 1 else "y"
        layout[f"yaxis{axis[1:]}"] = _axis(panel)
        layout["annotations"] += _placed(panel, axis)
        if panel.line_at_zero:
            layout["shapes"].append(_zero_line(axis))
        traces += _on_axis(panel.traces, axis)
    heads = [{"title": panel.title, "note": panel.note, "height": panel.height} for panel in panels]
    return {"data": traces, "layout": layout, "panels": heads}


def _on_axis(traces: Sequence[Trace], axis: str) -> list[Trace]:
    """A panel's traces on its axis, with one legend entry for all funding."""
    paid = [n for n, trace in enumerate(traces) if trace["name"] == FUNDING["name"]]
    own = {"yaxis": axis, "xaxis": "x"}
    return [{**trace, **own, **({"showlegend": n == paid[0]} if n in paid else {})} for n, trace in enumerate(traces)]


def _axis(panel: Panel) -> Trace:
    axis: Trace = {"anchor": "x", "zeroline": False, "tickformat": ",", "nticks": 6}
    return {**axis, "range": list(panel.bounds)} if panel.bounds else axis


def _placed(panel: Panel, axis: str) -> list[Trace]:
    """Labels inside the frame, each at the free height nearest to where it wants to be."""
    if panel.bounds is None:
        return []
    bottom, top = panel.bounds
    side = {"xref": "x", "yref": axis, "ax": 26, "xanchor": "left", "showarrow": True, "borderpad": 2}
    free = list(range(EDGE, panel.height - EDGE))
    placed = []
    for label in sorted(panel.labels, key=lambda label: -label["ay"] * label["y"]):
        mark = (top - label["y"]) / (top - bottom) * panel.height
        wanted = mark + AWAY * label["ay"]
        height = min(free, key=lambda pixel: abs(pixel - wanted), default=wanted)
        free = [pixel for pixel in free if abs(pixel - height) >= STEP]
        placed.append({**label, **side, "ay": round(height - mark, 1)})
    return placed


def _zero_line(axis: str) -> Trace:
    line = {"color": DANGER, "width": 1.5}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": axis, "y0": 0, "y1": 0, "line": line}


def _cuts(results: Sequence[ModeResult]) -> list[Trace]:
    """A faint line through all panels wherever the venue liquidated."""
    legs = [(result.mode, leg.liquidated_at) for result in results for leg in result.run.legs]
    hits = {(mode, time) for mode, time in legs if time is not None}
    return [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": _time(time),
            "x1": _time(time),
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "line": {"color": COLOURS[mode], "width": 1, "dash": "dot"},
        }
        for mode, time in sorted(hits)
    ]


# ---- reading the runs ---------------------------------------------------------------------------------------------------


def _equity(sample: Sample) -> Decimal | None:
    return sample.equity


def _mark_of(symbol: str) -> Quantity:
    return lambda sample: sample.marks.get(symbol)


def _liquidation_of(leg: str) -> Quantity:
    return lambda sample: sample.liquidation.get(leg)


def _owes(run: Run) -> bool:
    return any(sample.owed for sample in run.samples)


def _headroom(sample: Sample) -> dict[str, Decimal]:
    return sample.headroom


def _levels(sample: Sample) -> dict[str, Decimal]:
    """Without a debt a venue prints any large number."""
    return sample.level if sample.owed else {}


def _level_of(pool: str) -> Quantity:
    return lambda sample: _levels(sample).get(pool)


def _headroom_of(pool: str) -> Quantity:
    return lambda sample: sample.headroom.get(pool)


def _least(run: Run, pool: str) -> Points:
    return [(least.time, least.headroom) for least in run.least if least.pool == pool]


def _symbol_of(event: Happening, run: Run) -> str:
    """The symbol whose panel an event belongs to; "" for events of a pool or of the account."""
    for leg in run.legs:
        if event.leg in (leg.name, leg.symbol):
            return leg.symbol
    return next((leg.symbol for leg in run.legs if leg.symbol in event.leg), "")


def _height(event: Happening, run: Run, read: Quantity) -> float | None:
    """How high an event stands: where its leg went, at its price, else at what is drawn there at the last sample before."""
    if read is _equity:
        return _float(run.lowest_equity) if event.time == run.lowest_equity_at else _last(event, run, read)
    went = (leg.liquidated_price for leg in run.legs if leg.liquidated_at == event.time and leg.symbol in event.leg)
    level = next(went, None) if event.kind in facts.FORCED else None
    if level is not None or event.price is not None:
        return _float(level if level is not None else event.price)
    return _last(event, run, read)


def _last(event: Happening, run: Run, read: Quantity) -> float | None:
    found = bisect_right(run.samples, event.time, key=lambda sample: sample.time)
    return _float(read(run.samples[max(found - 1, 0)])) if run.samples else None


def _bounds(symbol: str, results: Sequence[ModeResult]) -> tuple[float, float] | None:
    """Room for the price and for liquidation prices within reach; far-away ones are left outside the frame."""
    runs = [result.run for result in results]
    marks = [float(sample.marks[symbol]) for run in runs for sample in run.samples if symbol in sample.marks]
    if not marks:
        return None
    low, high = min(marks), max(marks)
    reach = max(1.5 * (high - low), 0.5 * high)
    legs = [leg.name for run in runs for leg in run.legs if leg.symbol == symbol]
    lines = [float(p) for run in runs for s in run.samples for leg in legs if (p := s.liquidation.get(leg)) is not None]
    went = [leg.liquidated_price for run in runs for leg in run.legs if leg.symbol == symbol]
    lines += [float(level) for level in went if level is not None]
    near = [level for level in lines if low - reach <= level <= high + reach]
    bottom, top = min([low, *near]), max([high, *near])
    pad = 0.06 * (top - bottom) or 0.01 * top
    return bottom - pad, top + pad


def _span(results: Sequence[ModeResult]) -> tuple[str, str] | None:
    """The range of the time axis: all samples, with a little room for the marks at its ends."""
    times = [sample.time for result in results for sample in result.run.samples]
    if not times:
        return None
    room = (max(times) - min(times)) / 80 or timedelta(hours=1)
    return _time(min(times) - room), _time(max(times) + room)


def _event_times(runs: Iterable[Run]) -> set[datetime]:
    return {event.time for run in runs for event in run.happenings if event.kind not in facts.CARRY}


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"


def _float(value: Decimal | None) -> float | None:
    """Eight significant digits: what a screen can show, and half the bytes."""
    return None if value is None else float(f"{value:.8g}")


def _escaped(text: str) -> str:
    """Plotly reads a small HTML of its own in texts."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
