"""Bybit Unified Trading Account: the liquidation ladder as steps, in the rule language. H4, H5, H11, H12, A6, A8, A14.

Isolated: money that the position may draw by itself; cancel the orders that could enlarge it; from a higher tier one order
down to the cap of the nearest lower tier that makes it whole; take-over at its bankruptcy price. Cross: cancel the orders that
add exposure; repay debts by selling other coins; reduce positions; take over. What comes after the repayment is cut off in all
copies of the page: those steps are readings (close_order, reduce_target; grade memory), and so is the price of an account-level
take-over: here what is left (`left_over`) is given up evenly over the value of all legs.
"""

from collections.abc import Sequence

from plimsoll.number import N, ceil_to, floor_to, zero
from plimsoll.rules.bybit_uta.formulas import (
    Reading,
    bankruptcy_price,
    base_maintenance,
    fee_at_bankruptcy,
    initial_margin,
    is_liquidatable,
    maintenance_margin,
    reserve,
)
from plimsoll.rules.columns import (
    CANCEL,
    CONVERT,
    HOLD,
    REDUCE,
    TAKE_OVER,
    TOP_UP,
    Leg,
    Market,
    Pool,
    PoolMargin,
    Step,
)
from plimsoll.rules.common import coin_pnl, notional, owed, row_above, side_of, unrealised_pnl


def next_step(
    stage: int,
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """The venue's next act on this pool. `stage`: the Stage reached so far; `fills`: the price at which the market takes
    forced orders, per market (0: nobody does). Once a takeover has begun it goes on until no leg is left."""
    none = zero(pool.cash)
    hold = Step(HOLD, -1, -1, none, none, none, none)
    taking = stage >= 3
    if not taking and not is_liquidatable(margin.balance, margin.requirement):
        return hold
    if len(pool.wallets) == 0:
        if len(pool.legs) == 0:
            return hold
        return isolated_step(stage, pool, marks, fills, markets)
    if stage < 1:
        return Step(CANCEL, -1, -1, none, none, none, none)
    if not taking:
        repaid = conversion(pool, margin, marks, markets, reading)
        if repaid.kind == CONVERT:
            return repaid
    if first_leg(pool, marks, fills, markets, 0, False) < 0:
        return hold
    need = margin.requirement - margin.balance
    if not taking and most_gain(pool, need, marks, fills, markets) > need:
        return reduction(stage, pool, need, marks, fills, markets, reading)
    return account_take_over(pool, margin, marks, markets, reading)


def isolated_step(
    stage: int, pool: Pool[N], marks: Sequence[N], fills: Sequence[N], markets: Sequence[Market[N]]
) -> Step[N]:
    """Of a failing isolated leg: top up, cancel, one cut to a lower tier, take over at its bankruptcy price. A6, H4, H11."""
    leg = pool.legs[0]
    market = markets[leg.market]
    mark = marks[leg.market]
    none = zero(mark)
    drawn = replenishment(leg, mark, market)
    if stage < 1 and drawn > 0:
        return Step(TOP_UP, 0, -1, drawn, none, none, none)
    if stage < 1:
        return Step(CANCEL, -1, -1, none, none, none, none)
    fill = fills[leg.market]
    if stage < 2 and fill > 0:
        amount = tiers_down(leg, mark, fill, market)
        if amount > 0:
            return Step(REDUCE, 0, -1, amount, fill, notional(amount, fill, market.inverse) * market.taker_rate, none)
    found = bankruptcy_price(leg, leg.margin, market)
    price = mark
    if found.found:
        price = found.price
    return Step(TAKE_OVER, 0, -1, abs(leg.amount), price, fee_at_bankruptcy(leg, market), none)


def replenishment(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """Auto-add: the initial margin in use, or all that is left, never past an effective leverage of 1. Linear only. A6, H13."""
    if market.inverse or leg.spare <= 0:
        return zero(mark)
    room = notional(leg.amount, leg.entry, market.inverse) - leg.margin
    return max(zero(mark), min(min(initial_margin(leg, mark, market), leg.spare), room))


def headroom_after_cut(leg: Leg[N], amount: N, mark: N, fill: N, market: Market[N]) -> N:
    """Headroom of an isolated leg when `amount` of it is closed at `fill`, profit and taker fee into its own money."""
    side = side_of(leg.amount)
    money = leg.margin + unrealised_pnl(side * amount, leg.entry, fill, market.inverse)
    money -= notional(amount, fill, market.inverse) * market.taker_rate
    rest = Leg(
        leg.market,
        leg.amount - side * amount,
        leg.entry,
        leg.leverage,
        leg.initial_rate,
        money,
        leg.isolated,
        leg.tier,
        leg.added,
        leg.lost,
        leg.cost,
        leg.wallet,
        leg.spare,
        leg.remarked,
        leg.since,
    )
    profit = unrealised_pnl(rest.amount, rest.entry, mark, market.inverse)
    return money + profit - base_maintenance(rest, mark, market) - fee_at_bankruptcy(rest, market)


def tiers_down(leg: Leg[N], mark: N, fill: N, market: Market[N]) -> N:
    """Amount to close, whole lots, so that the leg comes down to the cap of the nearest lower tier at which it is whole; 0: in
    the lowest tier, or no tier does it. H4, H11, A8 (CreateByLiq)."""
    none = zero(mark)
    value = notional(leg.amount, mark, market.inverse)
    row = row_above(value, market.floors, market.rows)
    unit = notional(side_of(leg.amount), mark, market.inverse)
    while row > 0:
        amount = (value - market.floors[row]) / unit
        if market.lot > 0:
            amount = ceil_to(amount, market.lot)
        if amount < abs(leg.amount) and headroom_after_cut(leg, amount, mark, fill, market) > 0:
            return amount
        row -= 1
    return none


def conversion(
    pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]], reading: Reading
) -> Step[N]:
    """Automatic repayment: the coin owed most, by value, repaid from one collateral coin that is held; HOLD where nothing is
    owed or nothing is left to sell. H4 step 2, A14. Debts below a billionth of the account's size are dust."""
    none = zero(margin.balance)
    debtor = -1
    due = none
    for w in range(len(pool.wallets)):
        index = marks[pool.wallets[w].place]
        debt = owed(pool.wallets[w], coin_pnl(pool, w, marks, markets)) * index
        if debt > due and debt * 1000000000 > margin.scale:
            debtor = w
            due = debt
    if debtor < 0:
        return Step(HOLD, -1, -1, none, none, none, none)
    source = -1
    score = none
    for w in range(len(pool.wallets)):
        spare = sellable(pool, w, marks, markets)
        if w == debtor or spare <= 0:
            continue
        wallet = pool.wallets[w]
        this = spare * marks[wallet.place]
        if reading.convert_order == 1 and wallet.rows > 0:
            this = -wallet.ratios[0]
        if source < 0 or this > score:
            source = w
            score = this
    if source < 0:
        return Step(HOLD, -1, -1, none, none, none, none)
    price = marks[pool.wallets[source].place] / marks[pool.wallets[debtor].place]
    fee_share = none
    if reading.repayment_fee == 1:
        fee_share = (none + 2) / 100
    wanted = due / marks[pool.wallets[source].place] * (1 + fee_share)
    amount = min(sellable(pool, source, marks, markets), wanted)
    return Step(CONVERT, source, debtor, amount, price, amount * price * fee_share / (1 + fee_share), none)


def sellable(pool: Pool[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """Units of a coin that a repayment may sell: what is held of a collateral coin and not needed for its own loss or debt."""
    wallet = pool.wallets[at]
    if not wallet.collateral:
        return zero(wallet.balance)
    loss = min(zero(wallet.balance), coin_pnl(pool, at, marks, markets))
    return max(zero(wallet.balance), wallet.balance - wallet.borrowed + loss)


def gain_weight(pool: Pool[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """What one more unit of the coin `at` adds to headroom: the ratio of the slice that its equity has reached, or where it is
    owed all of it and the maintenance of the loan. H7, A14."""
    wallet = pool.wallets[at]
    pnl = coin_pnl(pool, at, marks, markets)
    equity = wallet.balance - wallet.borrowed + pnl
    one = zero(equity) + 1
    if equity < 0:
        if wallet.loan_rows == 0:
            return one
        return one + wallet.loan_maintenance[row_above(owed(wallet, pnl), wallet.loan_floors, wallet.loan_rows)]
    if not wallet.collateral or wallet.rows == 0:
        return zero(equity)
    row = row_above(equity, wallet.floors, wallet.rows)
    if row + 1 < wallet.rows and equity == wallet.floors[row + 1]:
        row += 1
    return wallet.ratios[row]


def cut_gain(leg: Leg[N], rate: N, mark: N, fill: N, market: Market[N], weight: N) -> N:
    """Headroom won by closing one unit, in the settle coin: base maintenance freed at `rate` and the reserve, less the taker
    fee (H15) and the slippage of the fill; what comes in counts by `weight`, what goes out in full. Grade derived."""
    side = side_of(leg.amount)
    price = mark
    if market.regime == 0:
        price = leg.entry
    freed = notional(side, price, market.inverse) * rate + reserve(side, leg.entry, leg.leverage, market)
    cash = unrealised_pnl(side, mark, fill, market.inverse) - notional(side, fill, market.inverse) * market.taker_rate
    return freed + min(cash, cash * weight)


def counted_value(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """The value by which a leg's tier is chosen once its orders are gone."""
    if market.regime == 0:
        return notional(leg.amount, leg.entry, market.inverse)
    return notional(leg.amount, mark, market.inverse)


def cut(leg: Leg[N], need: N, mark: N, fill: N, market: Market[N], weight: N, target: int) -> tuple[N, N]:
    """(amount to close, headroom won, in the settle coin): walks down the tiers while a cut still gains, until `need` is met.

    target 0: the least amount that does it; 1: down to the floor of the tier in which that happens; 2: the whole leg."""
    left = counted_value(leg, mark, market)
    unit = left / abs(leg.amount)
    closed = zero(mark)
    won = zero(mark)
    row = row_above(left, market.floors, market.rows)
    while row >= 0:
        gain = cut_gain(leg, market.rates[row], mark, fill, market, weight)
        if gain <= 0:
            return closed, won
        span = (left - market.floors[row]) / unit
        if won + gain * span > need and target == 0:
            span = (need - won) / gain
        closed += span
        won += gain * span
        if won >= need and target < 2:
            return closed, won
        left = market.floors[row]
        row -= 1
    return closed, won


def gains(leg: Leg[N], mark: N, fill: N, market: Market[N], weight: N) -> bool:
    """Whether the first unit closed would win headroom at all (and somebody fills it)."""
    if fill <= 0:
        return False
    row = row_above(counted_value(leg, mark, market), market.floors, market.rows)
    return cut_gain(leg, market.rates[row], mark, fill, market, weight) > 0


def index_of(pool: Pool[N], leg: Leg[N], marks: Sequence[N]) -> N:
    """Price of the coin that a leg of a valued pool settles in."""
    return marks[pool.wallets[leg.wallet].place]


def close_score(leg: Leg[N], mark: N, market: Market[N], order: int) -> N:
    """The leg with the highest score goes first. order 0: largest loss; 1: largest maintenance; 2: largest value."""
    if order == 0:
        return -unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
    if order == 1:
        return maintenance_margin(leg, mark, market)
    return notional(leg.amount, mark, market.inverse)


def first_leg(
    pool: Pool[N], marks: Sequence[N], fills: Sequence[N], markets: Sequence[Market[N]], order: int, gaining: bool
) -> int:
    """Index of the leg that goes first, -1 where none can. `gaining`: only legs whose cut would help."""
    best = -1
    score = zero(pool.cash)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        at = leg.market
        if markets[at].spot:
            continue
        if gaining and not gains(leg, marks[at], fills[at], markets[at], gain_weight(pool, leg.wallet, marks, markets)):
            continue
        this = close_score(leg, marks[at], markets[at], order) * index_of(pool, leg, marks)
        if best < 0 or this > score:
            best = i
            score = this
    return best


def most_gain(pool: Pool[N], need: N, marks: Sequence[N], fills: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """Headroom, in the pool's currency, that cutting every leg for as long as it helps could win in all."""
    total = zero(need)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        at = leg.market
        weight = gain_weight(pool, leg.wallet, marks, markets)
        if not markets[at].spot and gains(leg, marks[at], fills[at], markets[at], weight):
            _, won = cut(leg, need, marks[at], fills[at], markets[at], weight, 2)
            total += won * index_of(pool, leg, marks)
    return total


def reduction(
    stage: int,
    pool: Pool[N],
    need: N,
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """The forced order in the leg that goes first: whole lots, strictly more than `need` asks where it can be; after a cut
    that did not suffice (what it brought in reached a slice that counts less) at least a tenth of the leg. Grade memory."""
    none = zero(need)
    first = first_leg(pool, marks, fills, markets, reading.close_order, True)
    leg = pool.legs[first]
    market = markets[leg.market]
    fill = fills[leg.market]
    need = need / index_of(pool, leg, marks)
    weight = gain_weight(pool, leg.wallet, marks, markets)
    amount, _ = cut(leg, need, marks[leg.market], fill, market, weight, reading.reduce_target)
    if stage >= 2:
        amount = max(amount, abs(leg.amount) / 10)
    if market.lot > 0:
        amount = floor_to(amount, market.lot) + market.lot
    else:
        amount = abs(leg.amount)
    if reading.reduce_target == 2:
        amount = abs(leg.amount)
    amount = min(amount, abs(leg.amount))
    return Step(REDUCE, first, -1, amount, fill, notional(amount, fill, market.inverse) * market.taker_rate, none)


def left_over(pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """What a taken account gives up: its margin balance; where that is gone nothing, for a loss beyond it is a debt in which
    all coins stand, at their full value and switched off or not; and what they cannot pay is the fund's. Grade memory."""
    none = zero(margin.balance)
    if margin.balance > 0:
        return margin.balance
    equity = pool.cash + pool.outside_pnl
    for w in range(len(pool.wallets)):
        wallet = pool.wallets[w]
        equity += (wallet.balance - wallet.borrowed + coin_pnl(pool, w, marks, markets)) * marks[wallet.place]
    return min(none, equity)


def account_take_over(
    pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]], reading: Reading
) -> Step[N]:
    """Take a whole leg at the price, taker fee included, that gives up what is left evenly over the value of all legs: linear
    mark*(1 - s*x)/(1 - s*f), inverse mark*(1 + s*f)/(1 + s*x), x = `left_over` / value of all legs; at the mark where no
    price gives up so much. Grade memory."""
    first = first_leg(pool, marks, marks, markets, reading.close_order, False)
    leg = pool.legs[first]
    market = markets[leg.market]
    mark = marks[leg.market]
    gross = zero(margin.balance)
    for i in range(len(pool.legs)):
        other = pool.legs[i]
        if markets[other.market].spot:
            continue
        value = notional(other.amount, marks[other.market], markets[other.market].inverse)
        gross += value * index_of(pool, other, marks)
    side = side_of(leg.amount)
    left = left_over(pool, margin, marks, markets)
    depth = gross - side * left
    if market.inverse:
        depth = gross + side * left
    if depth <= 0:
        price = mark
    elif market.inverse:
        price = mark * (1 + side * market.taker_rate) * gross / depth
    else:
        price = mark * depth / (gross * (1 - side * market.taker_rate))
    fee = notional(leg.amount, price, market.inverse) * market.taker_rate
    return Step(TAKE_OVER, first, -1, abs(leg.amount), price, fee, zero(fee))
