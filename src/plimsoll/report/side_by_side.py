"""The picture of one account on several venues: where the line of the position that goes first lay, and what was left."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from plimsoll.report import facts
from plimsoll.report.figures import COLOURS
from plimsoll.runs import Standing

Figure = dict[str, Any]

ROW, EDGES = 34, 120
"""Pixels: one venue and mode, and what the axes need."""

SLIVER = 0.003
"""Of the longest bar: the least that is drawn, so that nothing left is seen and named too."""


def venues_figure(standings: Sequence[Standing]) -> Figure:
    """Two panels over the same venues: liquidation prices when it began (dots), final equity (bars), both by mode."""
    at = _leg_shown(standings)
    name = at or "the first position"
    data = [trace for mode in dict.fromkeys(s.mode for s in standings) for trace in _mode(standings, mode, at)]
    units = " or ".join(dict.fromkeys(s.unit for s in standings))
    axis = {"zeroline": False, "automargin": True}
    layout = {
        "height": EDGES + ROW * len(standings),
        "margin": {"l": 20, "r": 20, "t": 40, "b": 50},
        "barmode": "group",
        "annotations": [],
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0},
        "xaxis": {**axis, "domain": [0, 0.4], "title": {"text": f"line of {name} when it began"}},
        "xaxis2": {**axis, "domain": [0.46, 1], "title": {"text": f"left at the end, {units}"}, "rangemode": "tozero"},
        "yaxis": {"autorange": "reversed", "automargin": True, "type": "category"},
        "yaxis2": {"autorange": "reversed", "matches": "y", "showticklabels": False, "anchor": "x2", "type": "category"},
    }
    return {"data": data, "layout": layout}


def _leg_shown(standings: Sequence[Standing]) -> str | None:
    """The leg, in the account's own words, that goes first on the leading venue, else the first one."""
    for standing in standings:
        for name, planned in zip(standing.lines, standing.planned, strict=True):
            if name in standing.first:
                return planned
    return next((planned for standing in standings for planned in standing.planned), None)


def _mode(standings: Sequence[Standing], mode: str, at: str | None) -> list[dict[str, Any]]:
    mine = [s for s in standings if s.mode == mode]
    most = max((float(s.left) for s in standings), default=0.0) or 1.0
    venues = [s.venue for s in mine]
    lines = [_line(s, at) for s in mine]
    colour = {"color": COLOURS[mine[0].mode]}
    name = facts.MODES[mine[0].mode]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "legendgroup": name,
        "showlegend": False,
        "x": [None if line is None else float(line) for line in lines],
        "y": venues,
        "marker": {**colour, "size": 11},
        "hovertemplate": "%{y}: %{x:,.2f}<extra></extra>",
    }
    bars = {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "legendgroup": name,
        "x": [max(float(s.left), SLIVER * most) for s in mine],
        "y": venues,
        "xaxis": "x2",
        "yaxis": "y2",
        "marker": colour,
        "text": [_words(s) for s in mine],
        "textposition": ["inside" if float(s.left) > most / 2 else "outside" for s in mine],
        "insidetextfont": {"color": "#ffffff"},
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{text}<extra></extra>",
    }
    return [dots, bars]


def _line(standing: Standing, at: str | None) -> Decimal | None:
    lines = zip(standing.planned, standing.lines.values(), strict=True)
    return next((line for planned, line in lines if planned == at), None)


def _words(standing: Standing) -> str:
    """What a bar says: the money, which positions are gone, and where coins stand beside contracts, what holding them cost."""
    hit = [*standing.first, *standing.later]
    gone = [_short(name) for name in hit if name not in standing.cut]
    cut = [_short(name) for name in hit if name in standing.cut]
    parts = [f"{' and '.join(gone)} gone"] if gone else []
    parts += [f"{' and '.join(cut)} cut"] if cut else []
    fate = ", ".join(parts) or "nothing gone"
    paid = ((standing.interest, "interest"), (standing.funding, "funding"))
    carry = "".join(f"; {facts.money(cost, standing.unit)} {word}" for cost, word in paid if standing.lends and cost)
    return f"{facts.money(standing.left, standing.unit)}, {fate}{carry}"


def _short(name: str) -> str:
    """A leg's name without its mode, which the colour tells."""
    return name.split("@")[0]
