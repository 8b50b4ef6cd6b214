"""OKX margin trading: the liquidation of a position, or of a cross pool, as steps, in the rule language. S3, S11, S11b.

Cancel the resting orders; then sell what a position holds for what it owes, in a cross pool the neediest first. In the first
and second tier, or where even the first tier's requirement is not met, the whole position goes; otherwise it comes down two
tiers at a time. Everything is sold at the price the market takes it (the mark unless told), for the taker fee and a penalty of
r on what is sold, as far as the pool has anything. The unpublished choices are readings. That margin positions go as contracts
do is grade derived: the pages name no difference. """

from collections.abc import Sequence

from plimsoll.number import N, zero
from plimsoll.rules.columns import CANCEL, CONVERT, HOLD, Market, Pool, PoolMargin, Step
from plimsoll.rules.okx_margin.formulas import (
    Reading,
    assess_leg,
    debt_at,
    is_liquidatable,
    row_of_debts,
    told_in_base,
)


def close_score(pool: Pool[N], i: int, price: N, market: Market[N], order: int) -> N:
    """The leg with the highest score goes first. order 0: largest maintenance; 1: largest loss; 2: largest debt by value. In
    the pool's currency; grade rewrite, as for contracts."""
    own = assess_leg(pool, i, price, market)
    if order == 1:
        return pool.legs[i].margin - own.balance
    if order == 2:
        return own.scale
    return own.maintenance


def first_leg(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]], order: int) -> int:
    """The leg that goes first: of those that owe something, the one of the highest `close_score`; -1: none owes anything."""
    best = -1
    score = zero(pool.cash)
    for i in range(len(pool.legs)):
        at = pool.legs[i].market
        if debt_at(pool.wallets[2 * i], pool.wallets[2 * i + 1], marks[at]) <= 0:
            continue
        this = close_score(pool, i, marks[at], markets[at], order)
        if best < 0 or this > score:
            best = i
            score = this
    return best


def first_tier_requirement(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """What the pool would need if every debt paid the rate of the first tier: sum(D*r_1 + D*(1 + r_1)*f). S11, grade
    rewrite."""
    total = pool.outside_maintenance + pool.outside_fee
    for i in range(len(pool.legs)):
        at = pool.legs[i].market
        rate = markets[at].rates[0]
        debt = debt_at(pool.wallets[2 * i], pool.wallets[2 * i + 1], marks[at])
        if told_in_base(pool, i):
            debt = debt / marks[at]
        total += debt * (rate + (1 + rate) * markets[at].taker_rate)
    return total


def excess(pool: Pool[N], i: int, side: int, market: Market[N]) -> N:
    """What of a debt (side 0: base, 1: quote) is to be repaid so that it comes down two tiers, to the cap of the lower one; in
    the first and second tier all of it. S11, grade rewrite."""
    owed = pool.wallets[2 * i + side].borrowed
    row = row_of_debts(pool.wallets[2 * i].borrowed, pool.wallets[2 * i + 1].borrowed, market)
    if row < 2:
        return owed
    if side == 0:
        return max(zero(owed), owed - market.floors[row - 1])
    return max(zero(owed), owed - market.quote_floors[row - 1])


def selling(
    pool: Pool[N], margin: PoolMargin[N], i: int, part: bool, mark: N, price: N, market: Market[N]
) -> Step[N]:
    """Sell of leg i what it holds for what it owes in the other coin. In whole: all that was bought, or what buys back all that
    was sold short, and more if the debt asks for it and it is there. Of `part`: what repays the `excess`. Fee = f and penalty
    = r on what is sold, no more than the pool still has at that price. A coin that is owed itself repays where no other is
    held. Grade derived."""
    none = zero(pool.cash)
    base = pool.wallets[2 * i]
    quote = pool.wallets[2 * i + 1]
    side = 1
    if base.borrowed * price > quote.borrowed:
        side = 0
    target = 2 * i + side
    source = 2 * i + 1 - side
    rate = price
    if side == 0:
        rate = 1 / price
    held = pool.wallets[source].balance
    owed = pool.wallets[target].borrowed
    if held <= 0:
        own = min(owed, pool.wallets[target].balance)
        if own <= 0:
            return Step(HOLD, -1, -1, none, none, none, none)
        return Step(CONVERT, target, target, own, none + 1, none, none)
    slip = assess_leg(pool, i, price, market).balance - assess_leg(pool, i, mark, market).balance
    room = max(none, margin.balance + slip)
    if told_in_base(pool, i) and side == 1:
        room = room * price
    if not told_in_base(pool, i) and side == 0:
        room = room / price
    mmr = market.rates[row_of_debts(base.borrowed, quote.borrowed, market)]
    charged = market.taker_rate + mmr
    wanted = owed
    if part:
        wanted = excess(pool, i, side, market)
        wanted += wanted / 10000000000000  # a hair more: rounding to ledger units must not leave the debt above the cap
        if wanted <= 0:
            wanted = owed
    amount = min(held, min(wanted / (1 - charged), wanted + room) / rate)
    if not part and side == 1:
        amount = min(held, max(amount, pool.legs[i].amount))
    proceeds = amount * rate
    fee = min(proceeds * market.taker_rate, room)
    return Step(CONVERT, source, target, amount, rate, fee, min(proceeds * mmr, room - fee))


def next_step(
    stage: int,
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """The venue's next act on this pool; after each the pool is built anew and asked again, so that cancelling alone may save
    it. HOLD where nothing is owed any more, or nothing is left. S11, grade rewrite."""
    none = zero(pool.cash)
    hold = Step(HOLD, -1, -1, none, none, none, none)
    if not is_liquidatable(margin.balance, margin.requirement):
        return hold
    if stage < 1:
        return Step(CANCEL, -1, -1, none, none, none, none)
    first = first_leg(pool, marks, markets, reading.close_order)
    if first < 0:
        return hold
    at = pool.legs[first].market
    price = marks[at]
    if fills[at] > 0:
        price = fills[at]
    deep = row_of_debts(pool.wallets[2 * first].borrowed, pool.wallets[2 * first + 1].borrowed, markets[at]) >= 2
    part = deep and reading.partial == 0 and margin.balance > first_tier_requirement(pool, marks, markets)
    return selling(pool, margin, first, part, marks[at], price, markets[at])
