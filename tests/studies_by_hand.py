"""A study that no engine made: every number stands here once, so that a report can be searched for it."""

from decimal import Decimal

from plimsoll.plan import PlanMode
from plimsoll.studies import (
    Curve,
    Density,
    Fan,
    Interval,
    LegOdds,
    Odds,
    Quantiles,
    Setting,
    Stopped,
    Study,
)

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def interval(value: float, half: float) -> Interval:
    return Interval(value, value - half, value + half)


def leg(name: str, liquidated: float, first: float, median: float | None, price: float | None) -> LegOdds:
    side = "long" if name.startswith("ETH") else "short"
    return LegOdds(name, name, side, "isolated", 2000.5, price, interval(liquidated, 0.002), interval(first, 0.0015), median)


def fan(*ends: float) -> Fan:
    """From 500 to so much more or less, seven tenths of the way in half of the time."""
    return Fan((0.0, 15.0, 30.0), tuple(Quantiles(SHARES, tuple(500 + k * end for end in ends)) for k in (0, 0.7, 1)))


ISOLATED = Odds(
    setting=Setting("binance_usdm", PlanMode.ISOLATED),
    paths=12345,
    start_equity=500.25,
    money_at_risk=400.75,
    notional=4000.5,
    liquidated=Interval(0.3141, 0.3061, 0.3222),
    ruined=Interval(0.0271, 0.0243, 0.0302),
    stopped_out=Interval(0.1618, 0.1555, 0.1683),
    by_day=Curve((0.0, 10.0, 20.0, 30.0), tuple(interval(x, x / 20) for x in (0.0, 0.11, 0.23, 0.3141))),
    legs=(leg("ETHUSDT", 0.2718, 0.2511, 9.75, 3633.25), leg("BTCUSDT", 0.0432, 0.0321, None, None)),
    days_to_liquidation=Quantiles(SHARES, (1.25, 5.5, 11.375, 19.5, 28.625)),
    final_mean=Interval(487.5, 481.25, 493.75),
    final_equity=Quantiles(SHARES, (101.5, 303.5, 505.5, 707.5, 909.5)),
    final_density=Density((0.0, 250.0, 500.0, 750.0, 1000.0), (0.1, 0.35, 0.4, 0.15)),
    lowest_equity=Quantiles(SHARES, (91.125, 203.5, 317.625, 420.5, 481.875)),
    value_at_risk=398.75,
    expected_shortfall=420.125,
    fees=3.1875,
    funding=11.0625,
    forced=7.4375,
    shortfall=0.8125,
    fan=fan(-400, -200, 5, 200, 400),
    close_calls=17,
    handed=29,
)
CROSS = Odds(
    setting=Setting("binance_usdm", PlanMode.CROSS),
    paths=12345,
    start_equity=500.25,
    money_at_risk=500.25,
    notional=4000.5,
    liquidated=Interval(0.1234, 0.1177, 0.1293),
    ruined=Interval(0.1111, 0.1057, 0.1168),
    stopped_out=Interval(0.0, 0.0, 0.0003),
    by_day=Curve((0.0, 10.0, 20.0, 30.0), tuple(interval(x, x / 20) for x in (0.0, 0.03, 0.08, 0.1234))),
    legs=(leg("ETHUSDT", 0.1234, 0.0999, 14.5, 3111.5), leg("BTCUSDT", 0.1201, 0.0888, 14.75, 88000.5)),
    days_to_liquidation=Quantiles(SHARES, (2.25, 8.5, 14.875, 21.5, 29.125)),
    final_mean=Interval(489.5, 482.25, 496.75),
    final_equity=Quantiles(SHARES, (4.5, 313.5, 515.5, 717.5, 919.5)),
    final_density=Density((0.0, 250.0, 500.0, 750.0, 1000.0), (0.2, 0.25, 0.35, 0.2)),
    lowest_equity=Quantiles(SHARES, (3.125, 213.5, 327.625, 430.5, 491.875)),
    value_at_risk=495.75,
    expected_shortfall=499.125,
    fees=4.1875,
    funding=12.0625,
    forced=9.4375,
    shortfall=1.8125,
    fan=fan(-495, -200, 15, 210, 420),
    close_calls=3,
    handed=5,
)
STUDY = Study(
    plan="By hand",
    source="by-hand.toml",
    unit="USDT",
    model=("Student with 4 degrees of freedom.", "Funding of 0.0001 a charge."),
    seed=77,
    horizon_days=30.0,
    step_seconds=3600.0,
    paths_wanted=200000,
    stopped=Stopped.INTERVAL,
    odds=(ISOLATED, CROSS),
    refused=((Setting("binance_usdm", PlanMode.CROSS, Decimal(130)), "BTCUSDT allows 125 at most"),),
    notes=("Prices start as given: BTCUSDT 100000.",),
    digest="f00dfeed",
)
