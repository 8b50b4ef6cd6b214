"""The map of regimes: over the deepest fall of a coin and the price it ends at, which mode leaves more money."""

from decimal import Decimal
from typing import Any

from plimsoll.report import facts
from plimsoll.runs import RegimeMap

Figure = dict[str, Any]


def regime_figure(regime: RegimeMap) -> Figure:
    """A heatmap of isolated less cross final equity: zero in the middle of the colours, its border drawn, names marked."""
    xs = [_percent(-fall) for fall in regime.falls]
    ys = [_percent(final - 1) for final in regime.finals]
    cells = [[_number(facts.richer(regime, i, j)) for i in range(len(xs))] for j in range(len(ys))]
    bound = max((abs(cell) for row in cells for cell in row if cell is not None), default=1.0) or 1.0
    hover = f"deepest %{{x:.1f}} %, ends %{{y:+.1f}} %<br>isolated less cross: %{{z:+,.2f}} {regime.unit}<extra></extra>"
    base = {"x": xs, "y": ys, "z": cells}
    heat = {"type": "heatmap", "coloraxis": "coloraxis", "hovertemplate": hover, "hoverongaps": False, **base}
    return {"data": [heat, _border(base), *_names(regime)], "layout": _layout(regime, bound)}


def _border(base: dict[str, Any]) -> dict[str, Any]:
    """Where both modes end equal."""
    contours = {"start": 0, "end": 0, "size": 1, "coloring": "none"}
    look = {"line": {"width": 2}, "hoverinfo": "skip", "showlegend": False, "connectgaps": False}
    return {"type": "contour", "contours": contours, **look, **base}


def _names(regime: RegimeMap) -> list[dict[str, Any]]:
    if not regime.marks_of_regimes:
        return []
    points = [(_percent(-fall), _percent(final - 1), name) for name, (fall, final) in regime.marks_of_regimes.items()]
    xs, ys, names = (list(column) for column in zip(*points, strict=True))
    marker = {"size": 11, "symbol": "circle", "color": "#ffffff", "line": {"color": "#1b1f24", "width": 2}}
    texts = [f"<b>{name}</b>" for name in names]
    look = {"textposition": "top center", "textfont": {"size": 13}, "showlegend": False, "cliponaxis": False}
    return [{"type": "scatter", "mode": "markers+text", "x": xs, "y": ys, "text": texts, "marker": marker, **look}]


def _layout(regime: RegimeMap, bound: float) -> Figure:
    bar = {"title": {"text": f"isolated less cross,<br>{regime.unit}"}, "thickness": 14, "len": 0.9, "outlinewidth": 0}
    return {
        "height": 520,
        "margin": {"l": 70, "r": 20, "t": 20, "b": 60},
        "hovermode": "closest",
        "xaxis": {"title": {"text": f"deepest fall of {regime.symbol}, %"}, "autorange": "reversed", "zeroline": False},
        "yaxis": {"title": {"text": f"{regime.symbol} at the end, % of the start"}, "zeroline": False},
        "coloraxis": {"cmin": -bound, "cmid": 0, "cmax": bound, "colorbar": bar},
        "annotations": [],
    }


def _percent(value: Decimal) -> float:
    return float(f"{value * 100:.6g}")


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
