"""dYdX v4 written a second time, from the rule sheet and in whole numbers: quantums (1e-6 USDC) are ints, sizes, prices and
rates Fractions. Nothing of the program's rules is imported."""

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction

MILLION = 10**6


@dataclass(frozen=True)
class Tier:
    """A market: rates in parts per million, caps in USDC, open interest and step in base units."""

    initial: Fraction
    fraction: Fraction
    interest: Fraction = Fraction(0)
    lower: Fraction = Fraction(0)
    upper: Fraction = Fraction(0)
    step: Fraction = Fraction(0)


@dataclass(frozen=True)
class Config:
    """How forced orders are priced and sized."""

    adjustment: Fraction
    spread: Fraction
    fee: Fraction
    portion: Fraction
    least: Fraction
    most: Fraction


@dataclass(frozen=True)
class Risk:
    """In quantums."""

    nc: int
    imr: int
    mmr: int

    @property
    def liquidatable(self) -> bool:
        return self.mmr > 0 and self.mmr > self.nc


@dataclass
class Subaccount:
    """`usdc`: the balance in quantums, less what positions were paid for. `sizes`, `marks`, `tiers`, `chosen` (1/leverage, 0:
    none) by market."""

    usdc: int
    sizes: dict[str, Fraction]
    marks: dict[str, Fraction]
    tiers: dict[str, Tier]
    chosen: dict[str, Fraction] = field(default_factory=dict)


def quote(size: Fraction, price: Fraction) -> int:
    """Quantums, cut towards zero."""
    whole = abs(size) * price * MILLION
    worth = whole.numerator // whole.denominator
    return worth if size >= 0 else -worth


def oimf(tier: Tier, mark: Fraction) -> Fraction:
    """Parts of one, cut to a millionth where it is between base and one."""
    held = quote(tier.interest, mark)
    if tier.upper == 0 or held <= tier.lower * MILLION:
        return tier.initial
    if held >= tier.upper * MILLION:
        return Fraction(1)
    grown = tier.initial + (held - tier.lower * MILLION) / ((tier.upper - tier.lower) * MILLION) * (1 - tier.initial)
    return Fraction(math.floor(grown * MILLION), MILLION)


def mmr_of(worth: int, tier: Tier) -> int:
    return math.ceil(math.ceil(worth * tier.initial) * tier.fraction)


def position_risk(sub: Subaccount, name: str, size: Fraction) -> Risk:
    """What a position of that size alone comes to."""
    tier, mark = sub.tiers[name], sub.marks[name]
    net = quote(size, mark)
    rate = max(oimf(tier, mark), sub.chosen.get(name, Fraction(0)))
    return Risk(net, math.ceil(abs(net) * rate), mmr_of(abs(net), tier))


def risk(sub: Subaccount) -> Risk:
    parts = [position_risk(sub, name, size) for name, size in sub.sizes.items()]
    return Risk(sub.usdc + sum(p.nc for p in parts), sum(p.imr for p in parts), sum(p.mmr for p in parts))


def bankruptcy_quote(sub: Subaccount, name: str, closed: Fraction) -> int:
    """-DNNV - floor(TNC * |DMMR| / TMMR)."""
    size, whole = sub.sizes[name], risk(sub)
    left = size - closed if size > 0 else size + closed
    before, after = position_risk(sub, name, size), position_risk(sub, name, left)
    return -(after.nc - before.nc) - (whole.nc * abs(after.mmr - before.mmr)) // whole.mmr


def fillable_price(sub: Subaccount, name: str, config: Config) -> Fraction:
    """(PNNV - ABR*SMMR*PMMR) / PS."""
    whole, own = risk(sub), position_risk(sub, name, sub.sizes[name])
    rating = min(max(config.adjustment * (1 - Fraction(whole.nc, whole.mmr)), Fraction(0)), Fraction(1))
    return (own.nc - rating * config.spread * own.mmr) / MILLION / sub.sizes[name]


def in_block(sub: Subaccount, name: str, config: Config) -> Fraction:
    """Units that one block may close."""
    size, tier = abs(sub.sizes[name]), sub.tiers[name]
    worth = abs(quote(size, sub.marks[name]))
    most = max(config.portion * worth, config.least * MILLION)
    if config.most > 0:
        most = min(most, config.most * MILLION)
    if worth <= most or most == 0 or size <= tier.step:
        return size
    units = most / MILLION / sub.marks[name]
    return min(max(tier.step, units // tier.step * tier.step), size) if tier.step else units


def liquidate(sub: Subaccount, fills: dict[str, Fraction], config: Config) -> tuple[Subaccount, int]:
    """Block after block at the same prices, the largest value first; the subaccount at its end, and what the insurance fund
    (taken to suffice) has gained. `fills`: where somebody takes forced orders, 0: nobody."""
    now, fund = replace(sub, sizes=dict(sub.sizes)), 0
    while now.sizes and risk(now).liquidatable:
        ranked = sorted(now.sizes, key=lambda n: -abs(quote(now.sizes[n], now.marks[n])))
        takers = [n for n in ranked if taken(now, n, fills[n], config)]
        if not takers and risk(now).nc >= 0:
            break
        name = (takers or ranked)[0]
        size = now.sizes[name]
        closed = in_block(now, name, config) if takers else abs(size)
        got = quote(closed, fills[name]) * (1 if size > 0 else -1) if takers else 0
        delta = got - bankruptcy_quote(now, name, closed)
        if not takers or delta < 0:
            closed = abs(size)
            fund += 0 if not takers else quote(size, fills[name]) - bankruptcy_quote(now, name, closed)
            now.usdc += bankruptcy_quote(now, name, closed)
        else:
            fee = min(math.floor(abs(got) * config.fee), delta)
            now.usdc, fund = now.usdc + got - fee, fund + fee
        now.sizes[name] = size - closed if size > 0 else size + closed
        now.sizes = {n: s for n, s in now.sizes.items() if s != 0}
    return now, fund


def taken(sub: Subaccount, name: str, fill: Fraction, config: Config) -> bool:
    limit = fillable_price(sub, name, config)
    return fill > 0 and (fill >= limit if sub.sizes[name] > 0 else fill <= limit)


def last_failing_value(sub: Subaccount, name: str) -> int | None:
    """The value in quantums, of those a position can have at some price, nearest to safety at which the subaccount fails while
    the others stay; None: it fails at none, or at all. By halving, since headroom only grows one way."""
    own, whole, tier = position_risk(sub, name, sub.sizes[name]), risk(sub), sub.tiers[name]
    side = 1 if sub.sizes[name] > 0 else -1
    rest, needed = whole.nc - own.nc, whole.mmr - own.mmr

    def fails(worth: int) -> bool:
        mmr = needed + mmr_of(worth, tier)
        return mmr > rest + side * worth

    low, high = 0, 1
    while fails(high) == (side > 0):
        high *= 2
        if high > 10**40:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if fails(middle) == (side > 0):
            low = middle
        else:
            high = middle
    return low if side > 0 else high
