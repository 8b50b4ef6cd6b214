"""Binance spot margin restated from the rule sheet alone, in whole fractions, and none of it shared with the program.

    a, l   coins held and owed (interest included) at their index x;  r the collateral ratio of a coin
    classic   level = sum a / sum l, liquidation at 1.1 or below;  collateral level = sum a*r / sum l
              borrow v more of a coin while the collateral level stays at the stop (3x: 1.5, 5x: 1.25):
              (sum a*r + v*r) / (sum l + v) = stop;  out goes what leaves sum a*r = 2 * sum l, without debts everything
    Pro       net = sum of (a - l), times r where it is positive;  MM, IM = slice by slice of each l;  level = net / MM, at 1
              borrow: slice by slice from the debt there is, until sum of IM reaches what net leaves
    pair      as classic with the two coins and no ratios; levels by class: 3x 1.5 / 1.18, 5x 1.25 / 1.15, 10x 1.111 / 1.05
              price of a long (LR * l_quote - a_quote) / a_base, of a short a_quote / (LR * l_base - a_base)
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

ZERO = Fraction(0)
Rows = Sequence[tuple[Fraction, Fraction, Fraction]]
"""Floor of a debt's value, initial rate, maintenance rate."""

STOPS = {3: Fraction(3, 2), 5: Fraction(5, 4)}
PAIRS = {
    3: (Fraction(3, 2), Fraction(118, 100)),
    5: (Fraction(5, 4), Fraction(115, 100)),
    10: (Fraction(1111, 1000), Fraction(105, 100)),
}


class Held(NamedTuple):
    """One coin: units held and owed, its index, its collateral ratio, in Pro the tiers of its debt."""

    a: Fraction
    l: Fraction  # noqa: E741
    x: Fraction
    r: Fraction = Fraction(1)
    rows: Rows = ()


class Classic(NamedTuple):
    """The cross account of a class, or (all ratios 1) a pair."""

    coins: dict[str, Held]
    level: Fraction
    stop: Fraction

    @property
    def assets(self) -> Fraction:
        return sum((c.a * c.x for c in self.coins.values()), ZERO)

    @property
    def debts(self) -> Fraction:
        return sum((c.l * c.x for c in self.coins.values()), ZERO)

    @property
    def collateral(self) -> Fraction:
        return sum((c.a * c.x * c.r for c in self.coins.values()), ZERO)

    @property
    def printed(self) -> Fraction:
        return self.assets / self.debts if self.debts else Fraction(999)

    @property
    def liquidatable(self) -> bool:
        return self.debts > 0 and self.assets <= self.level * self.debts

    def borrowable(self, asset: str) -> Fraction:
        coin = self.coins[asset]
        return max(ZERO, (self.collateral - self.stop * self.debts) / (self.stop - coin.r)) / coin.x

    def withdrawable(self, asset: str) -> Fraction:
        coin = self.coins[asset]
        if not self.debts:
            return coin.a
        return max(ZERO, min(coin.a, (self.collateral - 2 * self.debts) / coin.r / coin.x))

    def price(self, asset: str) -> Fraction | None:
        """Index of one coin at which the level is that of liquidation, of an account that has debts and is above it."""
        coin = self.coins[asset]
        slope = coin.a - self.level * coin.l
        rest = self.assets - self.level * self.debts - slope * coin.x
        if slope == 0 or -rest / slope <= 0:
            return None
        return -rest / slope


class Pro(NamedTuple):
    """Cross Margin Pro."""

    coins: dict[str, Held]

    def at(self, asset: str, x: Fraction) -> "Pro":
        return Pro({**self.coins, asset: self.coins[asset]._replace(x=x)})

    @property
    def net(self) -> Fraction:
        return sum(((c.a - c.l) * (c.r if c.a > c.l else 1) * c.x for c in self.coins.values()), ZERO)

    def margin(self, asset: str, which: int) -> Fraction:
        """Initial (1) or maintenance (2) margin of one coin's debt."""
        coin = self.coins[asset]
        value, total = coin.l * coin.x, ZERO
        for n, row in enumerate(coin.rows):
            top = value if n + 1 == len(coin.rows) else min(value, coin.rows[n + 1][0])
            total += max(ZERO, top - row[0]) * row[which]
        return total

    def margins(self, which: int) -> Fraction:
        return sum((self.margin(asset, which) for asset in self.coins), ZERO)

    @property
    def headroom(self) -> Fraction:
        return self.net - self.margins(2)

    @property
    def liquidatable(self) -> bool:
        return self.margins(2) > 0 and self.headroom <= 0

    def borrowable(self, asset: str) -> Fraction:
        """Bisection in whole fractions is no proof: the bound is met exactly in one slice, so each is tried."""
        coin, room = self.coins[asset], self.net - self.margins(1)
        if room <= 0 or not coin.rows:
            return ZERO
        debt = coin.l * coin.x
        for n, row in enumerate(coin.rows):
            last = n + 1 == len(coin.rows)
            before = self._with(asset, max(debt, row[0]))
            wanted = max(debt, row[0]) + (room - (before.margins(1) - self.margins(1))) / row[1]
            if wanted >= max(debt, row[0]) and (last or wanted <= coin.rows[n + 1][0]):
                return (wanted - debt) / coin.x
        raise AssertionError("no slice holds the bound")

    def _with(self, asset: str, value: Fraction) -> "Pro":
        coin = self.coins[asset]
        return Pro({**self.coins, asset: coin._replace(l=value / coin.x)})

    def price(self, asset: str) -> Fraction | None:
        """The nearer index of one coin, by ratio, at which net equity is the maintenance; headroom is straight between the
        indexes at which the debt's value crosses a floor."""
        coin = self.coins[asset]
        bends = sorted({row[0] / coin.l for row in coin.rows if row[0] > 0} if coin.l else set())
        found = roots(lambda x: self.at(asset, x).headroom, bends)
        below = max((x for x in found if x < coin.x), default=None)
        above = min((x for x in found if x > coin.x), default=None)
        if below is None or above is None:
            return above if below is None else below
        return below if coin.x * coin.x <= below * above else above


def roots(of: Callable[[Fraction], Fraction], bends: Sequence[Fraction]) -> list[Fraction]:
    """All positive zeros of a function that is straight between its bends."""
    edges, found = [ZERO, *bends], []
    for n, low in enumerate(edges):
        high = edges[n + 1] if n + 1 < len(edges) else None
        width = Fraction(1) if high is None else high - low
        one, two = low + width / 3, low + width / 2
        slope = (of(two) - of(one)) / (two - one)
        if slope:
            x = one - of(one) / slope
            if x > 0 and low <= x and (high is None or x <= high):
                found.append(x)
    return found


def pair_price(level: Fraction, base: Held, quote: Held) -> Fraction:
    """The venue's printed price of a pair in units of the quote: 0 without a debt."""
    if base.l == 0 and quote.l == 0:
        return ZERO
    if base.l == 0:
        return (level * quote.l - quote.a) / base.a if base.a else ZERO
    return (quote.a - level * quote.l) / (level * base.l - base.a) if level * base.l != base.a else ZERO
