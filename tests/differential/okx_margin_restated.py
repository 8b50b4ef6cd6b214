"""OKX margin trading restated from the rule sheet alone (its section 4), in whole fractions, and none of it shared with the
program.

One position: BA, BL base held and owed, QA, QL quote held and owed, interest in what is owed; r by the higher row of BL and QL.

    quote-told   net = BA*P + QA - BL*P - QL   mmr = (BL*P + QL)*r   fee = (BL*P + QL)*(1 + r)*f   base-told: all of it over P
    liqPx        long  base margin T/(assets + margin)   quote margin (T - margin)/assets     T = debt*(1 + r)*(1 + f)
                 short quote margin (assets + margin)/T  base margin assets/(T - margin)
    cross        cash of the margin currency + sum of nets against the sum of (mmr + fee), told in that currency
"""

from fractions import Fraction
from typing import NamedTuple

from plimsoll.model import Bracket

ZERO = Fraction(0)


class Held(NamedTuple):
    """A position. `assets`, `debt`: of a long base and quote, of a short quote and base; `margin` inside the wall, `in_base`:
    that and the telling are in the base coin."""

    long: bool
    assets: Fraction
    debt: Fraction
    margin: Fraction
    in_base: bool
    leverage: Fraction
    entry: Fraction
    rows: tuple[Bracket, ...]
    taker: Fraction

    def row(self) -> Bracket:
        """The last row that the debt is beyond the floor of, in the coin that is owed."""
        found = self.rows[0]
        for row in self.rows:
            floor = row.quote_floor if self.long else row.floor
            if floor is not None and self.debt > Fraction(floor):
                found = row
        return found

    def rate(self) -> Fraction:
        return Fraction(self.row().maintenance_rate)

    def over(self, amount: Fraction, price: Fraction) -> Fraction:
        """A quote amount in the asset that the position is told in."""
        return amount / price if self.in_base else amount

    def owed(self, price: Fraction) -> Fraction:
        return self.debt if self.long else self.debt * price

    def net(self, price: Fraction) -> Fraction:
        held = self.assets * price if self.long else self.assets
        inside = self.margin * price if self.in_base else self.margin
        return self.over(held + inside - self.owed(price), price)

    def maintenance(self, price: Fraction) -> Fraction:
        return self.over(self.owed(price) * self.rate(), price)

    def requirement(self, price: Fraction) -> Fraction:
        r = self.rate()
        return self.over(self.owed(price) * (r + (1 + r) * self.taker), price)

    def line(self) -> Fraction | None:
        """The venue's four prices of an isolated position; None: not a positive one."""
        due = self.debt * (1 + self.rate()) * (1 + self.taker)
        if self.long:
            price = due / (self.assets + self.margin) if self.in_base else (due - self.margin) / self.assets
        elif self.in_base:
            price = self.assets / (due - self.margin) if due > self.margin else ZERO
        else:
            price = (self.assets + self.margin) / due
        return price if price > 0 else None


def cross_line(moving: Held, rest: Fraction) -> Fraction | None:
    """The mark at which a quote-told pool is even, `rest` being what all but this position leaves over its requirement."""
    due = moving.debt * (1 + moving.rate()) * (1 + moving.taker)
    price = (due - rest) / moving.assets if moving.long else (moving.assets + rest) / due
    return price if price > 0 else None


def whole_sale(held: Held, price: Fraction) -> tuple[Fraction, Fraction]:
    """(taker fee and penalty together, what is left of net in the coin that is owed) when a position of the first two rows
    goes at the mark: all that was bought is sold, or all that was sold short bought back; f and r of the sale, while anything
    is left."""
    unit = price if not held.long else Fraction(1)  # in the owed coin
    there = held.net(price) * (price if held.in_base else 1) / unit
    charge = held.taker + held.rate()
    due = held.debt
    gross = min(due / (1 - charge), due + max(there, ZERO))
    if held.long:
        gross = max(gross, held.assets * price)
        gross = min(gross, (held.assets + (held.margin if held.in_base else 0)) * price)
    else:
        gross = min(gross, (held.assets + (0 if held.in_base else held.margin)) / price)
    paid = min(gross * charge, max(there, ZERO))
    return paid, there - paid
