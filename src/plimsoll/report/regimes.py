"""The map of regimes: over the deepest fall of a coin and the price it ends at, which mode leaves more money."""

from decimal import Decimal
from typing import Any, NamedTuple

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
    heat = {"type": "heatmap", "coloraxis": "coloraxis", "hovertemplate": hover, "hoverongaps": False}
    whole = {**heat, "x": xs, "y": ys, "z": cells}
    grid = Grid(xs, ys, cells)
    return {"data": [whole, _border(grid), *_names(regime)], "layout": _layout(regime, bound, _regions(grid))}


class Grid(NamedTuple):
    """Cell centres in per cent, and isolated less cross: `cells[row of ys][column of xs]`."""

    xs: list[float]
    ys: list[float]
    cells: list[list[float | None]]


def _sign(cell: float | None) -> int | None:
    """1: isolated richer, -1: cross richer, 0: equal to the cent."""
    return None if cell is None else 0 if abs(cell) < 0.005 else 1 if cell > 0 else -1


def _border(grid: Grid) -> dict[str, Any]:
    """Where the richer mode changes: the edges between cells of different sign."""
    xs, ys, cells = grid
    half_x, half_y = _half(xs), _half(ys)
    line_x: list[float | None] = []
    line_y: list[float | None] = []
    for j, row in enumerate(cells):
        for i, cell in enumerate(row):
            if i + 1 < len(row) and _differ(cell, row[i + 1]):
                line_x += [xs[i] + half_x, xs[i] + half_x, None]
                line_y += [ys[j] - half_y, ys[j] + half_y, None]
            if j + 1 < len(cells) and _differ(cell, cells[j + 1][i]):
                line_x += [xs[i] - half_x, xs[i] + half_x, None]
                line_y += [ys[j] + half_y, ys[j] + half_y, None]
    look = {"type": "scatter", "mode": "lines", "line": {"width": 2}, "hoverinfo": "skip", "showlegend": False}
    return {**look, "x": line_x, "y": line_y}


def _half(centres: list[float]) -> float:
    return (centres[1] - centres[0]) / 2 if len(centres) > 1 else 0.5


def _differ(one: float | None, other: float | None) -> bool:
    return _sign(one) is not None and _sign(other) is not None and _sign(one) != _sign(other)


def _regions(grid: Grid) -> list[dict[str, Any]]:
    """The name of each region, in the cell nearest to its middle."""
    found = []
    for sign, words in ((0, "equal"), (-1, "cross richer"), (1, "isolated richer")):
        cells = [(x, y) for j, y in enumerate(grid.ys) for i, x in enumerate(grid.xs) if _sign(grid.cells[j][i]) == sign]
        if len(cells) < len(grid.xs):
            continue
        middle_x, middle_y = sum(x for x, _ in cells) / len(cells), sum(y for _, y in cells) / len(cells)
        x, y = min(cells, key=lambda cell: (cell[0] - middle_x) ** 2 + (cell[1] - middle_y) ** 2)
        found.append({"x": x, "y": y, "text": words, "showarrow": False, "font": {"size": 15}})
    return found


def _names(regime: RegimeMap) -> list[dict[str, Any]]:
    if not regime.marks_of_regimes:
        return []
    points = [(_percent(-fall), _percent(final - 1), name) for name, (fall, final) in regime.marks_of_regimes.items()]
    xs, ys, names = (list(column) for column in zip(*points, strict=True))
    marker = {"size": 11, "symbol": "circle", "color": "#ffffff", "line": {"color": "#1b1f24", "width": 2}}
    texts = [f"<b>{name}</b>" for name in names]
    look = {"textposition": "top center", "textfont": {"size": 13}, "showlegend": False, "cliponaxis": False}
    return [{"type": "scatter", "mode": "markers+text", "x": xs, "y": ys, "text": texts, "marker": marker, **look}]


def _layout(regime: RegimeMap, bound: float, regions: list[dict[str, Any]]) -> Figure:
    bar = {"title": {"text": f"isolated less cross,<br>{regime.unit}"}, "thickness": 14, "len": 0.9, "outlinewidth": 0}
    return {
        "height": 520,
        "margin": {"l": 70, "r": 20, "t": 20, "b": 60},
        "hovermode": "closest",
        "xaxis": {"title": {"text": f"deepest fall of {regime.symbol}, %"}, "autorange": "reversed", "zeroline": False},
        "yaxis": {"title": {"text": f"{regime.symbol} at the end, % of the start"}, "zeroline": False},
        "coloraxis": {"cmin": -bound, "cmid": 0, "cmax": bound, "colorbar": bar},
        "annotations": regions,
    }


def _percent(value: Decimal) -> float:
    return float(f"{value * 100:.6g}")


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
