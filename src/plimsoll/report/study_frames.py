"""A study as Polars frames: one row a setting, one a position, one a point of a curve; and as CSV or Parquet files.

Money is in the study's unit, shares are fractions of the paths, `low` and `high` bound the 95 % interval.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from plimsoll.errors import BadInput
from plimsoll.report.html import write_whole
from plimsoll.report.odds import per_risk
from plimsoll.studies import Interval, Odds, Quantiles, Setting, Study

if TYPE_CHECKING:
    from polars import DataFrame

NAMES = ("settings", "positions", "curves")
Row = dict[str, Any]


def study_frames(study: Study) -> "dict[str, DataFrame]":
    """`settings`, `positions` and `curves` of a study. BadInput: no Polars."""
    try:
        import polars
    except ImportError:
        cure = "frames need Polars: pip install 'plimsoll[report]'"
        raise BadInput("plimsoll", "extra report", "not installed", cure) from None
    rows: dict[str, list[Row]] = {name: [] for name in NAMES}
    for odds in study.odds:
        key = _key(odds.setting)
        rows["settings"].append({**key, **_setting(odds)})
        rows["positions"] += [{**key, **_position(odds, n)} for n in range(len(odds.legs))]
        rows["curves"] += [{**key, **point} for point in _curves(odds)]
    empty = polars.selectors.by_dtype(polars.Null)
    made = {name: polars.DataFrame(rows[name], infer_schema_length=None) for name in NAMES}
    return {name: frame.with_columns(empty.cast(polars.Float64)) for name, frame in made.items()}


def write_frames(study: Study, path: Path, kind: str) -> list[Path]:
    """The settings in `path`, positions and curves beside it (`odds.csv`, `odds.positions.csv`, `odds.curves.csv`). `kind`:
    csv or parquet. Each file is written whole or not at all."""
    from io import BytesIO

    written = []
    for name, frame in study_frames(study).items():
        target = path if name == NAMES[0] else path.with_name(f"{path.stem}.{name}{path.suffix}")
        content = BytesIO()
        if kind == "csv":
            frame.write_csv(content)
        else:
            frame.write_parquet(content)
        write_whole(target, content.getvalue())
        written.append(target)
    return written


def _key(setting: Setting) -> Row:
    """What names a row. Numbers that a setting leaves as the file has them are missing."""
    varied = {name: getattr(setting, name) for name in ("leverage", "stop", "split")}
    numbers = {name: None if value is None else float(value) for name, value in varied.items()}
    return {"venue": setting.venue, "mode": setting.mode.value, **numbers}


def _bounded(name: str, interval: Interval) -> Row:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _spread(name: str, found: Quantiles | None) -> Row:
    return {} if found is None else {f"{name}_{share * 100:g}": x for share, x in zip(found.shares, found.values, strict=True)}


def _setting(odds: Odds) -> Row:
    return {
        "paths": odds.paths,
        "start_equity": odds.start_equity,
        "money_at_risk": odds.money_at_risk,
        "notional": odds.notional,
        **_bounded("liquidated", odds.liquidated),
        **_bounded("ruined", odds.ruined),
        **_bounded("stopped_out", odds.stopped_out),
        **_bounded("final_mean", odds.final_mean),
        "value_at_risk": odds.value_at_risk,
        "expected_shortfall": odds.expected_shortfall,
        "gain_per_risk": per_risk(odds),
        "fees": odds.fees,
        "funding": odds.funding,
        "forced": odds.forced,
        "shortfall": odds.shortfall,
        "added": odds.added,
        "close_calls": odds.close_calls,
        "handed": odds.handed,
        **_spread("final_equity", odds.final_equity),
        **_spread("lowest_equity", odds.lowest_equity),
        **_spread("day", odds.days_to_liquidation),
    }


def _position(odds: Odds, number: int) -> Row:
    leg = odds.legs[number]
    return {
        "position": leg.name,
        "symbol": leg.symbol,
        "side": leg.side,
        "held": leg.mode,
        "notional": leg.notional,
        "liquidation_price": leg.liquidation_price,
        **_bounded("liquidated", leg.liquidated),
        **_bounded("first", leg.first),
        "median_day": leg.median_day,
    }


def _curves(odds: Odds) -> list[Row]:
    """Points in long form: `curve`, `x` (a day, or an amount of equity), `share` (of a fan), `value`, `low`, `high`."""
    blank: Row = {"curve": "", "x": None, "share": None, "value": None, "low": None, "high": None}
    points = [
        {**blank, "curve": "liquidated_by_day", "x": day, "value": chance.value, "low": chance.low, "high": chance.high}
        for day, chance in zip(odds.by_day.days, odds.by_day.chances, strict=True)
    ]
    for day, found in zip(odds.fan.days, odds.fan.equity, strict=True):
        for share, value in zip(found.shares, found.values, strict=True):
            points.append({**blank, "curve": "equity", "x": day, "share": share, "value": value})
    for edge, share in zip(odds.final_density.edges, odds.final_density.shares, strict=False):
        points.append({**blank, "curve": "final_equity_from", "x": edge, "value": share})
    return points
