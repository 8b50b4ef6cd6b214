"""The pictures of a study, as plain dicts in Plotly's JSON form: chance of liquidation by day, fans of equity, densities of
final equity, and for sweeps lines or heat maps. Colour says the mode, the dash which setting of it; the page gives every
panel its title and legend.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from plimsoll.number import show
from plimsoll.plan import PlanMode
from plimsoll.report import odds as said
from plimsoll.report.facts import MODES
from plimsoll.report.figures import BANDS, COLOURS, DASHES
from plimsoll.studies import Density, Interval, Odds, Quantiles, Setting, Study

Trace = dict[str, Any]
Figure = dict[str, Any]
Measure = Callable[[Odds], float | None]

DRAWN = 6
"""Settings whose curves are drawn; of more, an even choice."""
FANS = 4
TALL, MAP_ROW, MAP_EDGE = 300, 30, 130
"""Pixels: a panel, a row of a heat map, and what its axes need."""
RISK = [[0, "#fdf3e3"], [0.1, "#fbd9a8"], [0.3, "#f0a04b"], [0.6, "#c9571a"], [1, "#6e1a12"]]
"""From never to always: the same in light and dark, with the numbers written in."""
GAIN = [[0, "#a32020"], [0.25, "#dd7a6f"], [0.5, "#f4f2ec"], [0.75, "#6fbf97"], [1, "#0f6b41"]]
"""From loss to gain."""


class Axis(NamedTuple):
    """One thing that was varied: its name, and how a setting stands on it."""

    name: str
    read: Callable[[Setting], Decimal | None]
    percent: bool


AXES = (
    Axis("leverage", lambda setting: setting.leverage, False),
    Axis("stop", lambda setting: setting.stop, True),
    Axis("split", lambda setting: setting.split, True),
)


def figures(study: Study) -> dict[str, Figure]:
    """Every picture that the study has something for, by name."""
    if not study.odds:
        return {}
    chosen = drawn(study.odds)
    found = sweeps(study) | {"figure-survival": survival(chosen, study)}
    return found | {"figure-fans": fans(chosen[:FANS], study), "figure-density": densities(chosen, study)}


def drawn(odds: Sequence[Odds]) -> list[Odds]:
    """The settings whose curves are drawn: all; of many, the safest, the middle and the riskiest of each venue and mode."""
    if len(odds) <= DRAWN:
        return list(odds)
    groups: dict[tuple[str, PlanMode], list[Odds]] = {}
    for one in odds:
        groups.setdefault((one.setting.venue, one.setting.mode), []).append(one)
    picked = []
    for group in groups.values():
        ranked = sorted(group, key=lambda one: one.liquidated.value)
        picked += [ranked[n] for n in dict.fromkeys((0, len(ranked) // 2, len(ranked) - 1))]
    return picked[:DRAWN]


# ---- curves -------------------------------------------------------------------------------------------------------------


def survival(odds: Sequence[Odds], study: Study) -> Figure:
    """The chance that something has been liquidated by each day, with its 95 % band."""
    traces: list[Trace] = []
    for one, look in _looks(odds):
        days, chances = [_short(day) for day in one.by_day.days], list(one.by_day.chances)
        if days[0] > 0:
            days, chances = [0.0, *days], [Interval(0.0, 0.0, 0.0), *chances]
        name = said.title(one.setting, study)
        group = {"legendgroup": name, "x": days, "type": "scatter", "mode": "lines"}
        edge = {**group, "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False, "name": name}
        band = {"fill": "tonexty", "fillcolor": f"rgba({BANDS[one.setting.mode]},0.22)"}
        traces.append({**edge, "y": [_share(chance.low) for chance in chances]})
        traces.append({**edge, **band, "y": [_share(chance.high) for chance in chances]})
        shown = {"name": name, "line": look, "hovertemplate": "%{y:.2%}"}
        traces.append({**group, **shown, "y": [_share(chance.value) for chance in chances]})
    axis = {"tickformat": ".0%", "rangemode": "tozero"}
    return _stacked([("Liquidated by day", "share of the paths, with the 95 % interval", traces, axis)])


def fans(odds: Sequence[Odds], study: Study) -> Figure:
    """Equity over time, a panel for each setting: the median within the bands that hold half and nine tenths of the paths."""
    panels = []
    for one in odds:
        shade, days, equity = BANDS[one.setting.mode], [_short(day) for day in one.fan.days], list(one.fan.equity)
        if days[0] > 0:
            days, equity = [0.0, *days], [Quantiles((0.5,), (one.start_equity,)), *equity]
        traces: list[Trace] = []
        for low, high, alpha, name in ((0.05, 0.95, 0.16, "nine tenths of the paths"), (0.25, 0.75, 0.3, "half of the paths")):
            edge = {"type": "scatter", "mode": "lines", "x": days, "line": {"width": 0}, "hoverinfo": "skip"}
            ends = [[_short(said.quantile(q, share)) for q in equity] for share in (low, high)]
            fill = {"fill": "tonexty", "fillcolor": f"rgba({shade},{alpha})", "name": name}
            traces += [{**edge, "y": ends[0], "showlegend": False, "name": name}, {**edge, **fill, "y": ends[1]}]
        middle = [_short(said.quantile(q, 0.5)) for q in equity]
        look = {"color": COLOURS[one.setting.mode], "width": 2.2}
        line = {"type": "scatter", "mode": "lines", "x": days, "y": middle, "line": look, "name": "median"}
        traces.append({**line, "hovertemplate": "%{y:,.6~g}"})
        panels.append((f"Equity, {said.title(one.setting, study)}", study.unit, traces, {"tickformat": ",", "matches": "y"}))
    return _stacked(panels)


def densities(odds: Sequence[Odds], study: Study) -> Figure:
    """Where the paths end, in steps."""
    traces = [_steps(one.final_density, said.title(one.setting, study), look) for one, look in _looks(odds)]
    axis = {"tickformat": ".1%", "rangemode": "tozero"}
    figure = _stacked([("Final equity", "share of the paths in each step", traces, axis)])
    figure["layout"]["xaxis"]["title"] = {"text": study.unit}
    return figure


def _steps(density: Density, name: str, look: Trace) -> Trace:
    xs = [_short(edge) for edge in density.edges]
    ys = [_share(share) for share in density.shares]
    line = {**look, "shape": "hv"}
    return {"type": "scatter", "mode": "lines", "name": name, "hovertemplate": "%{y:.2%}"} | {
        "x": [xs[0], *xs],
        "y": [0, *ys, 0],
        "line": line,
    }


def _looks(odds: Sequence[Odds]) -> Iterable[tuple[Odds, Trace]]:
    """Each setting with its line: the mode's colour, and a dash for each further setting of that mode."""
    seen: dict[PlanMode, int] = {}
    for one in odds:
        mode = one.setting.mode
        count = seen.setdefault(mode, 0)
        seen[mode] += 1
        dash = "solid" if count == 0 else DASHES[(count - 1) % len(DASHES)]
        yield one, {"color": COLOURS[mode], "width": 2.2, "dash": dash}


def _stacked(panels: Sequence[tuple[str, str, list[Trace], Trace]]) -> Figure:
    """Panels over one axis, in the form that the page lays out: title, note, traces, vertical axis."""
    foot = f"y{len(panels)}" if len(panels) > 1 else "y"
    layout: Figure = {
        "margin": {"l": 64, "r": 18, "t": 0, "b": 44},
        "showlegend": False,
        "hovermode": "x unified",
        "hoverlabel": {"namelength": -1, "align": "left"},
        "xaxis": {"anchor": foot, "showgrid": False, "showline": True, "zeroline": False, "title": {"text": "days"}},
        "annotations": [],
    }
    data: list[Trace] = []
    for number, (_, _, traces, axis) in enumerate(panels, start=1):
        name = f"y{number}" if number > 1 else "y"
        layout[f"yaxis{name[1:]}"] = {"anchor": "x", "zeroline": False, "nticks": 6, **axis}
        if axis.get("matches") == name:
            del layout[f"yaxis{name[1:]}"]["matches"]
        data += [{**trace, "xaxis": "x", "yaxis": name} for trace in traces]
    heads = [{"title": title, "note": note, "height": TALL if len(panels) < 3 else 220} for title, note, _, _ in panels]
    return {"data": data, "layout": layout, "panels": heads}


# ---- sweeps -------------------------------------------------------------------------------------------------------------


def sweeps(study: Study) -> dict[str, Figure]:
    """For one thing varied a line for each venue and mode, for two a pair of heat maps, for three such pairs for each value
    of the third."""
    varied = [axis for axis in AXES if len({axis.read(odds.setting) for odds in study.odds}) > 1]
    lines = {"figure-lines": _lines(study, varied[0])} if len(varied) == 1 and _count(study, varied[0]) > 2 else {}
    if len(varied) < 2:
        return lines
    groups: dict[tuple[str, PlanMode], list[Odds]] = {}
    for odds in study.odds:
        groups.setdefault((odds.setting.venue, odds.setting.mode), []).append(odds)
    found: dict[str, Figure] = {}
    for (venue, mode), group in groups.items():
        mine = [axis for axis in AXES if len({axis.read(odds.setting) for odds in group}) > 1]
        if len(mine) < 2:
            continue
        thirds = sorted({mine[2].read(odds.setting) for odds in group}, key=_rank) if len(mine) > 2 else [None]
        for third in thirds:
            part = group if len(mine) < 3 else [odds for odds in group if mine[2].read(odds.setting) == third]
            told = "" if len(mine) < 3 else f", {mine[2].name} {_tick(third, mine[2])}"
            found[f"figure-map-{len(found)}"] = _maps(part, mine[0], mine[1], f"{MODES[mode]}, {venue}{told}")
    return found


def _count(study: Study, axis: Axis) -> int:
    return len({axis.read(odds.setting) for odds in study.odds})


def _lines(study: Study, axis: Axis) -> Figure:
    """Chance of liquidation and mean gain per unit of money at risk over the one thing that was varied."""
    groups: dict[str, list[Odds]] = {}
    for odds in study.odds:
        alone = Setting(odds.setting.venue, odds.setting.mode)
        groups.setdefault(said.title(alone, study), []).append(odds)
    risk: list[Trace] = []
    gain: list[Trace] = []
    for name, group in groups.items():
        xs = [_tick(axis.read(odds.setting), axis) for odds in group]
        mode = group[0].setting.mode
        look = {"type": "scatter", "mode": "lines+markers", "name": name, "x": xs, "line": {"color": COLOURS[mode], "width": 2}}
        errors = {"type": "data", "symmetric": False, "thickness": 1, "width": 3}
        errors["array"] = [_share(odds.liquidated.high - odds.liquidated.value) for odds in group]
        errors["arrayminus"] = [_share(odds.liquidated.value - odds.liquidated.low) for odds in group]
        risk.append({**look, "y": [_share(o.liquidated.value) for o in group], "error_y": errors, "hovertemplate": "%{y:.2%}"})
        gain.append({**look, "y": [_maybe(said.per_risk(o)) for o in group], "showlegend": False, "hovertemplate": "%{y:+.4f}"})
    note = "share of the paths, with the 95 % interval"
    figure = _stacked(
        [
            ("Liquidated", note, risk, {"tickformat": ".0%", "rangemode": "tozero"}),
            ("Mean gain", "per unit of money at risk", gain, {"tickformat": "+.2f"}),
        ]
    )
    figure["layout"]["xaxis"] |= {"type": "category", "title": {"text": axis.name}}
    return figure


def _maps(group: Sequence[Odds], across: Axis, up: Axis, name: str) -> Figure:
    """Two maps over the same grid: how often it is liquidated, and what a unit at risk brings on average."""
    columns = sorted({across.read(odds.setting) for odds in group}, key=_rank)
    rows = sorted({up.read(odds.setting) for odds in group}, key=_rank)
    at = {(across.read(odds.setting), up.read(odds.setting)): odds for odds in group}

    def grid(measure: Measure) -> list[list[float | None]]:
        return [[_maybe(measure(at[x, y])) if (x, y) in at else None for x in columns] for y in rows]

    places = {"x": [_tick(x, across) for x in columns], "y": [_tick(y, up) for y in rows], "type": "heatmap"}
    chance, gain = grid(lambda odds: odds.liquidated.value), grid(said.per_risk)
    written = len(columns) <= 12
    first = {**places, "z": chance, "zmin": 0, "zmax": 1, "colorscale": RISK, "showscale": False}
    first |= {"name": "liquidated", "hovertemplate": "%{x}, %{y}: %{z:.2%}<extra></extra>"}
    second = {**places, "z": gain, "coloraxis": "coloraxis", "xaxis": "x2", "yaxis": "y2"}
    second |= {"name": "mean gain", "hovertemplate": "%{x}, %{y}: %{z:+.4f}<extra></extra>"}
    if written:
        first["texttemplate"], second["texttemplate"] = "%{z:.0%}", "%{z:+.3f}"
    reach = max((abs(z) for line in gain for z in line if z is not None), default=1.0) or 1.0
    heads = ((0.0, f"<b>{name}</b>: liquidated, share of the paths"), (0.53, "mean gain per unit of money at risk"))
    on = {"y": 1, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "showarrow": False}
    notes = [{**on, "text": text, "x": x} for x, text in heads]
    category = {"type": "category", "showgrid": False}
    layout = {
        "height": MAP_EDGE + MAP_ROW * len(rows),
        "margin": {"l": 64, "r": 18, "t": 40, "b": 50},
        "annotations": notes,
        "xaxis": {**category, "domain": [0, 0.47], "title": {"text": across.name}},
        "xaxis2": {**category, "domain": [0.53, 1], "title": {"text": across.name}, "anchor": "y2"},
        "yaxis": {**category, "title": {"text": up.name}},
        "yaxis2": {**category, "anchor": "x2", "matches": "y", "showticklabels": False},
        "coloraxis": {"cmin": -reach, "cmax": reach, "showscale": False, "colorscale": GAIN},
    }
    return {"data": [first, second], "layout": layout}


def _rank(value: Decimal | None) -> tuple[bool, Decimal]:
    """As given comes first."""
    return value is not None, value or Decimal(0)


def _tick(value: Decimal | None, axis: Axis) -> str:
    if value is None:
        return "as given"
    return f"{show(value * 100)} %" if axis.percent else f"{show(value)}x"


def _short(value: float) -> float:
    """Six significant digits: what a screen can show."""
    return float(f"{value:.6g}")


def _share(value: float) -> float:
    return float(f"{min(max(value, 0.0), 1.0):.5g}")


def _maybe(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
