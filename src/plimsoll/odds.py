"""From counts of paths to probabilities. Float figures of a simulation; no rule and no account machine here."""

import math
from typing import NamedTuple

from plimsoll.array.sums import SHARES, Sums, density, quantiles, tail, time_at
from plimsoll.studies import Curve, Density, Fan, Interval, LegOdds, Odds, Quantiles, Setting

Z95 = 1.959963984540054


class LegInfo(NamedTuple):
    """One position at the start. Money in the study's unit."""

    name: str
    symbol: str
    side: str
    mode: str
    notional: float
    liquidation_price: float | None


class Counted(NamedTuple):
    """What is counted in one setting: legs in the order of a chunk's hits."""

    unit: str
    start_equity: float
    money_at_risk: float
    legs: tuple[LegInfo, ...]
    notes: tuple[str, ...]


def odds_of(setting: Setting, counted: Counted, sums: Sums, step_seconds: float) -> Odds:
    """What the totals of a setting say."""
    days = tuple(step * step_seconds / 86400 for step in sums.grid)
    start, n = counted.start_equity, sums.paths
    horizon = days[-1]
    mean = sums.money["final"] / n
    spread = math.sqrt(max(sums.money["square"] / n - (mean - start) ** 2, 0.0) / n)
    legs = tuple(
        LegOdds(
            name=leg.name,
            symbol=leg.symbol,
            side=leg.side,
            mode=leg.mode,
            notional=leg.notional,
            liquidation_price=leg.liquidation_price,
            liquidated=share_of(int(sums.legs[i]), n),
            first=share_of(int(sums.first[i]), n),
            median_day=time_at(sums.times[i + 1], 0.5, horizon) if sums.legs[i] else None,
        )
        for i, leg in enumerate(counted.legs)
    )
    hit = sums.times[0].sum()
    value_at_risk, expected = tail(sums)
    return Odds(
        setting=setting,
        paths=n,
        start_equity=start,
        money_at_risk=counted.money_at_risk,
        notional=sum(leg.notional for leg in counted.legs),
        liquidated=share_of(sums.liquidated, n),
        ruined=share_of(sums.ruined, n),
        stopped_out=share_of(sums.stopped, n),
        by_day=Curve(days, tuple(share_of(int(count), n) for count in sums.by_grid)),
        legs=legs,
        days_to_liquidation=Quantiles(SHARES, tuple(time_at(sums.times[0], s, horizon) for s in SHARES)) if hit else None,
        final_mean=Interval(mean, mean - Z95 * spread, mean + Z95 * spread),
        final_equity=Quantiles(SHARES, quantiles(sums.equity[-1])),
        final_density=Density(*density(sums.equity[-1])),
        lowest_equity=Quantiles(SHARES, quantiles(sums.lowest)),
        value_at_risk=value_at_risk,
        expected_shortfall=expected,
        fees=sums.money["fees"] / n,
        funding=sums.money["funding"] / n,
        forced=sums.money["forced"] / n,
        shortfall=sums.money["shortfall"] / n,
        added=sums.money["added"] / n,
        fan=Fan(days, tuple(Quantiles(SHARES, quantiles(row)) for row in sums.equity)),
        close_calls=sums.closes,
        handed=sums.handed,
    )


def share_of(count: int, total: int) -> Interval:
    """A share and its 95 % interval after Wilson, which is right near 0 and 1 as well."""
    p, z = count / total, Z95 * Z95 / total
    middle = (p + z / 2) / (1 + z)
    half = Z95 / (1 + z) * math.sqrt(p * (1 - p) / total + z / (4 * total))
    return Interval(p, max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half)))


def width_of(sums: Sums) -> float:
    """How wide the interval of the liquidation probability is."""
    found = share_of(sums.liquidated, sums.paths)
    return found.high - found.low
