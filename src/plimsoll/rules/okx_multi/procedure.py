"""OKX multi-currency margin: the liquidation ladder of the account as steps, in the rule language. S4, S5, S11, S11b.

Cancel the resting orders; offset opposite legs of one instrument; then take the legs one by one, the neediest first, by tiers;
at last sell coins to repay what is owed. Prices, fees and penalties of forced closes, and the ladder of an isolated position,
are those of Futures mode. The unpublished choices are readings.

Known gap: as in Futures mode the second phase, reducing delta-neutral combinations across instruments of one index, is not
described anywhere precisely enough to be written (S11, grade rewrite).
"""

from collections.abc import Sequence

from plimsoll.number import N, zero
from plimsoll.rules.columns import CANCEL, CONVERT, HOLD, REDUCE, TAKE_OVER, Leg, Market, Pool, PoolMargin, Step
from plimsoll.rules.common import coin_pnl, notional, spread_price
from plimsoll.rules.okx_futures.formulas import Reading as PositionReading
from plimsoll.rules.okx_futures.formulas import maintenance_rate
from plimsoll.rules.okx_futures.procedure import close_score, closing, failing, opposite, two_tiers_down
from plimsoll.rules.okx_futures.procedure import next_step as position_step
from plimsoll.rules.okx_multi.formulas import Reading, debt_of


def index_of(pool: Pool[N], leg: Leg[N], marks: Sequence[N]) -> N:
    """Price of the coin that a leg settles in."""
    return marks[pool.wallets[leg.wallet].place]


def first_leg(
    pool: Pool[N], marks: Sequence[N], fills: Sequence[N], markets: Sequence[Market[N]], order: int, phase: int
) -> int:
    """Index of the leg that goes first, by its score in USD, -1 where none can. phase 1: only hedged legs that somebody fills;
    3: any leg that somebody fills; 4: any leg."""
    best = -1
    score = zero(pool.cash)
    for i in range(len(pool.legs)):
        at = pool.legs[i].market
        if markets[at].spot or (phase < 4 and fills[at] <= 0) or (phase == 1 and opposite(pool, i) < 0):
            continue
        this = close_score(pool.legs[i], marks[at], markets[at], order) * index_of(pool, pool.legs[i], marks)
        if best < 0 or this > score:
            best = i
            score = this
    return best


def first_tier_requirement(
    pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]]
) -> N:
    """What the account would need if every leg paid the rate of the first tier. S11, grade rewrite."""
    total = margin.requirement
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        market = markets[leg.market]
        if market.spot:
            continue
        value = notional(leg.amount, marks[leg.market], market.inverse) * index_of(pool, leg, marks)
        total -= value * (maintenance_rate(leg, market) - market.rates[0])
    return total


def cancels(stage: int, pool: Pool[N], margin: PoolMargin[N], reading: Reading) -> bool:
    """Whether the resting orders go although the account still meets its requirement (cancel_when 1): balance - initial
    margins, the orders' inside, <= requirement. S3, grade rewrite."""
    if stage >= 1 or reading.cancel_when != 1 or pool.orders == 0:
        return False
    return margin.balance - margin.initial <= margin.requirement


def next_step(
    stage: int,
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """The venue's next act on this pool; arguments as in Futures mode. The ratio is tested again after each act. Positions go
    before debts. Once a takeover has begun it goes on until no leg is left. S4, S5, S11; the order grade rewrite."""
    none = zero(pool.cash)
    if len(pool.wallets) == 0:
        return position_step(stage, pool, margin, marks, fills, markets, of_position(reading))
    taking = stage >= 3
    if not taking and not failing(stage, margin) and not cancels(stage, pool, margin, reading):
        return Step(HOLD, -1, -1, none, none, none, none)
    if stage < 1:
        return Step(CANCEL, -1, -1, none, none, none, none)
    if contracts(pool, markets) == 0:
        return repayment(pool, margin, marks, markets, reading)
    if not taking:
        closed = reduction(pool, margin, marks, fills, markets, reading)
        if closed.kind == REDUCE:
            return closed
    return take_over(pool, margin, marks, markets, reading)


def contracts(pool: Pool[N], markets: Sequence[Market[N]]) -> int:
    """How many of the legs are contracts: coins bought or sold short are closed by repaying what they owe."""
    count = 0
    for i in range(len(pool.legs)):
        if not markets[pool.legs[i].market].spot:
            count += 1
    return count


def of_position(reading: Reading) -> PositionReading:
    """The choices that concern a position by itself."""
    return PositionReading(
        reading.cancel_when, reading.partial, reading.close_order, reading.partial_close, reading.isolated_leverage
    )


def reduction(
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """Phases 1 and 3: opposite legs of one instrument, then the leg that goes first, whole or two tiers down. HOLD where
    nobody fills any. S11, grade rewrite."""
    none = zero(pool.cash)
    first = first_leg(pool, marks, fills, markets, reading.close_order, 1)
    if first >= 0:
        other = opposite(pool, first)
        overlap = min(abs(pool.legs[first].amount), abs(pool.legs[other].amount))
        return closing(pool, first, other, overlap, fills, markets)
    first = first_leg(pool, marks, fills, markets, reading.close_order, 3)
    if first < 0:
        return Step(HOLD, -1, -1, none, none, none, none)
    amount = abs(pool.legs[first].amount)
    if reading.partial == 0 and margin.balance > first_tier_requirement(pool, margin, marks, markets):
        amount = two_tiers_down(pool.legs[first], markets[pool.legs[first].market])
    return closing(pool, first, -1, amount, fills, markets)


def sellable(pool: Pool[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """Units of a coin that a repayment may sell: what is there of a coin that counts, running loss taken off. Grade memory."""
    wallet = pool.wallets[at]
    if not wallet.collateral:
        return zero(wallet.balance)
    loss = min(zero(wallet.balance), coin_pnl(pool, at, marks, markets))
    return max(zero(wallet.balance), wallet.balance - wallet.borrowed + loss)


def repayment(
    pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]], reading: Reading
) -> Step[N]:
    """The coin owed most, by value, repaid from one coin that is held; HOLD where nothing is owed or nothing is left to sell.
    S5, grade rewrite; which coin is sold first, and at what cost, grade memory. Debts below a billionth of the account's size
    are dust."""
    none = zero(margin.balance)
    hold = Step(HOLD, -1, -1, none, none, none, none)
    debtor = -1
    due = none
    for w in range(len(pool.wallets)):
        debt = debt_of(pool.wallets[w], coin_pnl(pool, w, marks, markets)) * marks[pool.wallets[w].place]
        if debt > due and debt * 1000000000 > margin.scale:
            debtor = w
            due = debt
    if debtor < 0:
        return hold
    source = richest(pool, debtor, marks, markets, reading)
    if source < 0:
        return hold
    price = marks[pool.wallets[source].place] / marks[pool.wallets[debtor].place]
    share = pool.wallets[debtor].repayment_rate
    if reading.repayment_fee == 1 and pool.wallets[debtor].loan_rows > 0:
        share += pool.wallets[debtor].loan_maintenance[0]
    wanted = due / marks[pool.wallets[source].place] * (1 + share)
    amount = min(sellable(pool, source, marks, markets), wanted)
    return Step(CONVERT, source, debtor, amount, price, amount * price * share / (1 + share), none)


def richest(pool: Pool[N], debtor: int, marks: Sequence[N], markets: Sequence[Market[N]], reading: Reading) -> int:
    """Index of the coin that a repayment sells first, -1 where none is left. convert_order 0: the one worth most; 1: the one
    of the lowest ratio. Grade memory."""
    best = -1
    score = zero(pool.cash)
    for w in range(len(pool.wallets)):
        spare = sellable(pool, w, marks, markets)
        if w == debtor or spare <= 0:
            continue
        wallet = pool.wallets[w]
        this = spare * marks[wallet.place]
        if reading.convert_order == 1 and wallet.rows > 0:
            this = -wallet.ratios[0]
        if best < 0 or this > score:
            best = w
            score = this
    return best


def left_over(pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """What a taken account gives up: its adjusted equity; where that is gone nothing, for a loss beyond it is a debt in which
    all coins stand, in full and switched off or not; and what they cannot pay is the fund's. Grade memory."""
    if margin.balance > 0:
        return margin.balance
    equity = pool.cash + pool.outside_pnl
    for w in range(len(pool.wallets)):
        wallet = pool.wallets[w]
        equity += (wallet.balance - wallet.borrowed + coin_pnl(pool, w, marks, markets)) * marks[wallet.place]
    return min(zero(equity), equity)


def take_over(
    pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]], reading: Reading
) -> Step[N]:
    """The venue takes a whole leg at the price that gives up what is left evenly over the value of all legs, for no fee and no
    penalty. S11 (the older article: takeover at the bankruptcy price); that it is spread so is grade memory."""
    none = zero(pool.cash)
    first = first_leg(pool, marks, marks, markets, reading.close_order, 4)
    leg = pool.legs[first]
    gross = none
    for i in range(len(pool.legs)):
        other = pool.legs[i]
        if markets[other.market].spot:
            continue
        value = notional(other.amount, marks[other.market], markets[other.market].inverse)
        gross += value * index_of(pool, other, marks)
    left = left_over(pool, margin, marks, markets)
    price = spread_price(leg.amount, marks[leg.market], left, gross, markets[leg.market].inverse)
    return Step(TAKE_OVER, first, -1, abs(leg.amount), price, none, none)
