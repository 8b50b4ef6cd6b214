"""BitMEX: what a pool is worth and what it needs, in whole units of money, in the rule language.

Source keys (LIQ, PAY, ...) are spelled out in `people.SOURCES`. Grade `doc` unless a docstring says otherwise; the sheet's
*observed* is `recorded`. Signs: the value of a long inverse and of a short linear or quanto position is negative, so that
running profit is always value - cost. Regimes (`engine`): 0 and 1 each cross position by itself, the opening fee
of orders rounded up (0) or to the nearest unit (1); 2 the same with profit paid out every ten minutes; 3 one pool an asset.
Refuses to know: which positions exist, what anything is called, how it is printed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from plimsoll.number import N, ceil_to, floor_to, half_up_to, zero
from plimsoll.rules.columns import Found, Leg, Line, Market, Pool, PoolMargin, Resting, Standing, Sums
from plimsoll.rules.common import no_price, notional, open_loss, row_above, side_of, unrealised_pnl

__all__ = ["notional", "open_loss", "unrealised_pnl"]


class Reading(NamedTuple):
    """The unpublished choices, each an index into the options that the table names."""

    tier_cut: int
    relevered: int
    funding_received: int


def lot_of(amount: N, market: Market[N]) -> N:
    """The amount whose value is rounded as one: the lot, or all of it where no lot is known. PAY, recorded."""
    if market.lot > 0:
        return market.lot
    return abs(amount)


def whole_up(x: N, market: Market[N]) -> N:
    """x rounded up to the market's unit of money; as it is where none is known."""
    if market.unit > 0:
        return ceil_to(x, market.unit)
    return x


def whole(x: N, market: Market[N]) -> N:
    """x rounded half up to the market's unit of money; as it is where none is known."""
    if market.unit > 0:
        return half_up_to(x, market.unit)
    return x


def value(amount: N, price: N, market: Market[N]) -> N:
    """Value of a position, unsigned: lots * round(value of one lot), half up. PAY, recorded.

    inverse lot/p, linear and quanto lot*p. A position of 500 contracts is not worth round(500/p)."""
    size = abs(amount)
    lot = market.lot
    if lot <= 0:
        if size == 0:
            return size
        lot = size
    each = notional(lot, price, market.inverse)
    unit = market.unit
    if unit > 0:
        return half_up_to(half_up_to(each, unit) * (size / lot), unit)
    return each * (size / lot)


def direction(amount: N, inverse: bool) -> N:
    """Sign of value and cost: + for a long linear or quanto and a short inverse position. PAY."""
    if inverse:
        return -side_of(amount)
    return side_of(amount)


def cost(leg: Leg[N], market: Market[N]) -> N:
    """C, the signed cost of the open quantity: as paid, or the value at the entry price. PAY."""
    if leg.cost != 0:
        return leg.cost
    return direction(leg.amount, market.inverse) * value(leg.amount, leg.entry, market)


def basis_of(leg: Leg[N], market: Market[N]) -> N:
    """The signed value that running profit counts from: C, or where profit was paid out at a mark (2023) the value at that
    mark. PAY, PR23."""
    if leg.remarked != 0:
        return leg.remarked
    return cost(leg, market)


def profit(leg: Leg[N], price: N, market: Market[N]) -> N:
    """Unrealised PnL = V(p) - C, or less the value at which profit was paid out. PAY, PR23."""
    basis = leg.remarked
    if basis == 0:
        basis = cost(leg, market)
    worth = value(leg.amount, price, market)
    if (leg.amount < 0) != market.inverse:
        return -worth - basis
    return worth - basis


def bracket(held: N, tier: N, market: Market[N]) -> int:
    """Risk tier by risk value = |mark value| + order cost (`tier`); caps inclusive. RISK, PAY, recorded.

    n = ceil((risk value - base)/step): a value on a bound stays below it (grade derived)."""
    return row_above(held + tier, market.floors, market.rows)


def row_of(leg: Leg[N], mark: N, market: Market[N]) -> int:
    """The tier a leg is in at a mark."""
    return bracket(value(leg.amount, mark, market), leg.tier, market)


def tier_rate(row: int, market: Market[N]) -> N:
    """The tier's own minimum initial rate; where none is stated, one over its highest leverage. RISK."""
    if market.initials[row] > 0 or market.leverages[row] <= 0:
        return market.initials[row]
    return 1 / market.leverages[row]


def unleveraged(leg: Leg[N], market: Market[N]) -> bool:
    """An isolated inverse short at 1x cannot be liquidated: no fee and no maintenance. PAY (2019-01-15), recorded."""
    return leg.isolated and market.inverse and leg.amount < 0 and leg.initial_rate == 1


def margins_in(leg: Leg[N], row: int, market: Market[N]) -> tuple[N, N, N]:
    """(posInit, posComm, posMaint) of a tier: on the cost, never on the mark, each rounded up by itself. PAY, CALC, RED1, API.

    posInit = ceil(|C| * imr), imr one over the leverage when one is set (isolated), otherwise the tier's minimum (cross);
    posComm = ceil((|C| + posInit + posCross) * fee), the closing fee, plus signs for shorts as well;
    posMaint = ceil(|C| * min(imr, mmr + max(0, f*s))) + posComm: a funding payment f*s that is due is charged in advance, one
    that will be received is not credited."""
    paid = abs(cost(leg, market))
    share = tier_rate(row, market)
    if leg.isolated:
        share = leg.initial_rate
    initial = whole_up(paid * share, market)
    if unleveraged(leg, market):
        return initial, zero(leg.amount), zero(leg.amount)
    comm = whole_up((paid + initial + leg.added) * market.taker_rate, market)
    rate = market.rates[row] + max(zero(paid), market.funding_rate * side_of(leg.amount))
    return initial, comm, whole_up(paid * min(share, rate), market) + comm


def initial_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """posInit of the tier at this mark. PAY."""
    return margins_in(leg, row_of(leg, mark, market), market)[0]


def closing_fee(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """posComm, which is inside maintenance and position margin already. PAY."""
    return margins_in(leg, row_of(leg, mark, market), market)[1]


def maintenance_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """posMaint of the tier at this mark, closing fee included. PAY."""
    return margins_in(leg, row_of(leg, mark, market), market)[2]


def sized_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """posMargin = posInit + posCross + posComm - posLoss. PAY.

    posCross (`added`): moved in by hand or for a loss; posLoss (`lost`): taken out by funding."""
    initial, comm, _ = margins_in(leg, row_of(leg, mark, market), market)
    return initial + leg.added + comm - leg.lost


def position_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """What a position has locked: the money inside an isolated wall, in cross posMargin. PAY."""
    if leg.isolated:
        return leg.margin
    return sized_margin(leg, mark, market)


def topped_up(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """posCross after a look at the mark: posLoss + max(0, -PnL); in isolated when a leverage is chosen. PR23; recorded.

    In cross it is topped up from available margin, and from there alone (grade derived). Two of eleven recorded rows show
    less: it may lag the mark."""
    return leg.lost + max(zero(mark), -profit(leg, mark, market))


def headroom_line(leg: Leg[N], price: N, market: Market[N]) -> Line[N]:
    """Profit less posMaint of the tier at `price`, as if value were not rounded by lots. PAY.

    The error is half a unit a lot (grade derived)."""
    row = row_of(leg, price, market)
    slope = leg.amount
    if market.inverse:
        slope = -leg.amount
    most = zero(price)
    if row + 1 < market.rows:
        most = market.floors[row + 1] - leg.tier
    least = max(zero(price), market.floors[row] - leg.tier)
    return Line(-basis_of(leg, market) - margins_in(leg, row, market)[2], slope, least, most)


def ask_cost(resting: Resting[N], market: Market[N]) -> N:
    """K: cost of the orders beyond flat; bids and offers are netted (20 bids, 15 offers: 15 offers and 5 bids). EXG, PAY.

    So the larger side counts; of several orders on it each with its share of what goes beyond flat (grade derived)."""
    return whole(max(resting.new_buys, resting.new_sells), market)


def order_margin(resting: Resting[N], mark: N, market: Market[N]) -> N:
    """ceil(K*imr) + opening fee + ceil((K + ceil(K*imr)) * fee); an order that only reduces is free. PAY, EXG.

    The opening fee K*fee is rounded up before 2021 and to the nearest unit from then on (recorded; the day is assumed)."""
    beyond = ask_cost(resting, market)
    if beyond <= 0:
        return zero(mark)
    rate = resting.initial_rate
    if not resting.isolated:
        held = value(resting.amount, mark, market)
        rate = tier_rate(bracket(held, resting.tier, market), market)
    initial = whole_up(beyond * rate, market)
    opening = whole_up(beyond * market.taker_rate, market)
    if market.regime >= 1:
        opening = whole(beyond * market.taker_rate, market)
    return initial + opening + whole_up((beyond + initial) * market.taker_rate, market)


def order_cost(amount: N, price: N, mark: N, rate: N, market: Market[N]) -> N:
    """What one order alone asks for: its margin from flat, and the premium over the mark paid in advance. EXG."""
    worth = value(amount, price, market)
    initial = whole_up(worth * rate, market)
    fees = whole(worth * market.taker_rate, market) + whole_up((worth + initial) * market.taker_rate, market)
    return initial + fees + open_loss(amount, price, mark, market.inverse)


def roundings(amount: N, market: Market[N]) -> N:
    """What inexact numbers may shift where they round the other way: a unit for each lot, and a hundred besides."""
    if amount == 0:
        return market.unit * 100
    return market.unit * (abs(amount) / lot_of(amount, market) + 100)


def grain(leg: Leg[N], worth: N, shift: N, market: Market[N]) -> N:
    """The roundings `shift` of a leg of a value as gross size, times a million million, so that a decision within 1e-12 of
    gross size is within them; and far more on a bound between tiers, where inexact numbers may take the other row."""
    risk = worth + leg.tier
    size = shift * 1000000 * 1000000
    for i in range(1, market.rows):
        if abs(risk - market.floors[i]) <= shift:
            size += risk * 1000000 * 1000000 * 1000000
    return size


def taken_beside(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """What all but the pool's own leg take off the wallet: position margins in cross, and the margin of orders. PAY, WID."""
    taken = pool.locked
    for i in range(len(pool.beside)):
        leg = pool.beside[i]
        if not leg.isolated:
            taken += position_margin(leg, marks[leg.market], markets[leg.market])
    for i in range(len(pool.asks)):
        ask = pool.asks[i]
        taken += order_margin(ask, marks[ask.market], markets[ask.market])
    return taken


def movable(free: N, market: Market[N]) -> N:
    """add = max(0, floor(availableMargin / (1 + fee))): what can still be moved into a position, fee on top. PAY."""
    if free <= 0:
        return zero(free)
    if market.unit > 0:
        return floor_to(free / (1 + market.taker_rate), market.unit)
    return free / (1 + market.taker_rate)


def assess_cash(pool: Pool[N], sums: Sums[N]) -> PoolMargin[N]:
    """One settlement currency while each position is a pool by itself: marginBalance = wallet + all running profit,
    maintenance = sum of maintMargin (posMargin + profit). PAY, WID. Nothing of it is compared with anything."""
    none = zero(pool.cash)
    balance = pool.cash - pool.reserved + pool.outside_pnl + sums.gain
    maintenance = pool.outside_maintenance + sums.locked + sums.gain
    return PoolMargin(balance, none, maintenance, none, abs(pool.cash) + sums.scale)


def assess_account(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """The cash of a currency with its legs added up; the money inside isolated walls counts as well. PAY, WID."""
    gain = zero(pool.cash)
    walls = zero(pool.cash)
    taken = zero(pool.cash)
    scale = zero(pool.cash)
    for i in range(len(pool.beside)):
        leg = pool.beside[i]
        market = markets[leg.market]
        worth = value(leg.amount, marks[leg.market], market)
        held = position_margin(leg, marks[leg.market], market)
        gain += profit(leg, marks[leg.market], market)
        taken += held
        if leg.isolated:
            walls += held
        scale += worth + abs(held) + grain(leg, worth, roundings(leg.amount, market), market)
    margin = assess_cash(pool, Sums(gain, zero(gain), taken, zero(gain), scale))
    return PoolMargin(margin.balance + walls, margin.initial, margin.maintenance, margin.requirement, margin.scale)


def within_tier(leg: Leg[N], row: int, mark: N, shift: N, market: Market[N]) -> tuple[N, N]:
    """(low, high): marks between which a leg stays in its tier, by twice what rounding by lots may `shift` its value away from
    the bounds; high 0: without bound; both the mark itself where that stands nearer. RISK; the margin grade derived."""
    least = zero(mark)
    most = least
    if row > 0:
        least = max(least, market.floors[row] - leg.tier + 2 * shift)
    if row + 1 < market.rows:
        most = market.floors[row + 1] - leg.tier - 2 * shift
        if most <= 0:
            return mark, mark
    size = abs(leg.amount)
    low = least / size
    high = most / size
    if market.inverse:
        low, high = high, low
        if most > 0:
            low = 1 / low
        if least > 0:
            high = 1 / high
    if shift <= 0 or mark <= low or (high > 0 and mark >= high):
        return mark, mark
    return low, high


def standing(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> Standing[N]:
    """What stays of a cross position by itself while its mark keeps it in its tier: posMargin is locked and counts, posMaint
    is required, profit counts from `cost`. PAY, RISK."""
    leg = pool.legs[0]
    market = markets[leg.market]
    mark = marks[leg.market]
    worth = value(leg.amount, mark, market)
    row = bracket(worth, leg.tier, market)
    shift = roundings(leg.amount, market)
    low, high = within_tier(leg, row, mark, shift, market)
    initial, comm, need = margins_in(leg, row, market)
    held = initial + leg.added + comm - leg.lost
    size = abs(cost(leg, market)) + grain(leg, worth, shift, market)
    none = zero(mark)
    return Standing(low, high, held, initial, need, comm, held, basis_of(leg, market), none, none, size)


def assess_apart(
    pool: Pool[N], stand: Standing[N], gain: N, taken: N, marks: Sequence[N], markets: Sequence[Market[N]]
) -> PoolMargin[N]:
    """One cross position by itself: balance = posMargin + add + PnL, requirement = posMaint. PAY, LIQ. `taken`: what all others
    take off the wallet; what is available is the wallet less all position margins and orders (marginBalance - maintMargin:
    running profit is locked in each position's own maintMargin and cancels out). PAY, WID."""
    market = markets[pool.legs[0].market]
    cash = pool.cash
    free = cash - stand.locked - taken
    scale = abs(cash) + abs(gain + stand.cost) + stand.size + abs(free)
    for i in range(len(pool.asks)):
        scale += roundings(pool.asks[i].gross, market) * 1000000 * 1000000
    return PoolMargin(stand.kept + movable(free, market) + gain, stand.initial, stand.maintenance, stand.maintenance, scale)


def assess_alone(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """One cross position on what those beside it and the orders leave. PAY, LIQ, as `assess_apart`."""
    at = pool.legs[0].market
    gain = profit(pool.legs[0], marks[at], markets[at])
    stand = standing(pool, marks, markets)
    margin = assess_apart(pool, stand, gain, taken_beside(pool, marks, markets), marks, markets)
    scale = margin.scale
    for i in range(len(pool.beside)):
        other = pool.beside[i]
        market = markets[other.market]
        worth = value(other.amount, marks[other.market], market)
        scale += grain(other, worth, roundings(other.amount, market), market)
    return PoolMargin(margin.balance, margin.initial, margin.maintenance, margin.requirement, scale)


def assess_shared(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """From 25 March 2024 all cross positions of a currency: balance = wallet - isolated margins + PnL, requirement =
    sum(posMaint). XM24; that maintenance is still on cost with fee and adverse funding is grade derived."""
    balance = pool.cash - pool.reserved + pool.outside_pnl
    initial = pool.outside_initial
    maintenance = pool.outside_maintenance
    scale = abs(pool.cash)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        market = markets[leg.market]
        worth = value(leg.amount, marks[leg.market], market)
        row = bracket(worth, leg.tier, market)
        own, _, need = margins_in(leg, row, market)
        balance += direction(leg.amount, market.inverse) * worth - basis_of(leg, market)
        initial += own
        maintenance += need
        scale += worth + abs(cost(leg, market)) + grain(leg, worth, roundings(leg.amount, market), market)
    return PoolMargin(balance, initial, maintenance, maintenance + pool.outside_fee, scale)


def assess_pool(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """An isolated position by itself; a cross position by itself before 25 March 2024, then all together. ISO, LIQ, XM24."""
    if pool.apart:
        return assess_alone(pool, marks, markets)
    if len(pool.beside) > 0:
        return assess_account(pool, marks, markets)
    return assess_shared(pool, marks, markets)


def is_liquidatable(balance: N, requirement: N) -> bool:
    """The mark reaches the liquidation price: balance <= requirement, equality included. LIQ, FAIR.

    A short at 1x has no requirement: it is lost when less than nothing is left (grade derived)."""
    return balance <= requirement and (requirement > 0 or balance < 0)


def available_balance(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """availableMargin = marginBalance - order margin - maintMargin. PAY, WID.

    Before March 2024 running profit is locked in maintMargin; from then on only the requirement is (XM24)."""
    return margin.balance - margin.maintenance - pool.outside_initial - cross_orders - isolated_orders


def withdrawable(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """Available margin, but no running profit: not withdrawable under any engine. XM24; the formula grade derived."""
    free = available_balance(pool, margin, cross_orders, isolated_orders)
    if len(pool.legs) > 0:
        free = min(free, pool.cash - margin.maintenance - cross_orders - isolated_orders)
    return max(zero(free), free)


def value_at(price_value: N, leg: Leg[N], market: Market[N]) -> Found[N]:
    """The price at which the leg is worth the signed `price_value`, by lots: v = ceil(V/lots), then V_lot(p) = v. PAY.

    The signed ceiling goes towards the entry, so that the price is the earlier one. No price where v has the wrong sign
    (a short inverse position that cannot be liquidated)."""
    lot = lot_of(leg.amount, market)
    each = whole_up(price_value * lot / abs(leg.amount), market) * direction(leg.amount, market.inverse)
    if each <= 0:
        return no_price(price_value)
    if market.inverse:
        return Found(True, lot / each)
    return Found(True, each / lot)


def stated_liquidation_price(
    leg: Leg[N], pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]]
) -> Found[N]:
    """Price at which the value has lost all headroom: Vl = V(mark) - headroom = C - (posMargin - posMaint + add), tiers and
    all other marks held. PAY. From 2024 the headroom is that of the pool (grade derived)."""
    market = markets[leg.market]
    mark = marks[leg.market]
    now = direction(leg.amount, market.inverse) * value(leg.amount, mark, market)
    return value_at(now - margin.balance + margin.maintenance, leg, market)


def bankruptcy_price(leg: Leg[N], cash: N, market: Market[N]) -> Found[N]:
    """Vb = C - (money - posComm): the closing fee is paid out of the position margin. PAY, LIQ.

    `cash`: the position margin, and in cross what can be added to it. The tier of a cross leg is that of its cost."""
    row = bracket(abs(cost(leg, market)), leg.tier, market)
    fee = margins_in(leg, row, market)[1]
    return value_at(basis_of(leg, market) - cash + fee, leg, market)


def liquidation_fee(leg: Leg[N], price: N, market: Market[N]) -> N:
    """No fee of its own: the trader loses the whole position margin instead, maintenance is not handed back. LIQ, ISO."""
    return zero(price)


def margin_bounds(
    leg: Leg[N], mark: N, market: Market[N], pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N
) -> tuple[N, N]:
    """(most that can be added, most that can be removed) for an isolated leg: the available margin; what lies above the
    initial requirement posInit + fee, a running loss counted. API, ISO; the loss grade derived."""
    add = max(zero(mark), available_balance(pool, margin, cross_orders, isolated_orders))
    row = row_of(leg, mark, market)
    initial = margins_in(leg, row, market)[0]
    fee = whole_up((abs(cost(leg, market)) + initial) * market.taker_rate, market)
    loss = min(zero(mark), profit(leg, mark, market))
    return add, max(zero(mark), leg.margin + loss - initial - fee)


def margin_at_fill(amount: N, price: N, leverage: N, rate: N, market: Market[N]) -> N:
    """posInit + posComm of a position opened at one price. PAY."""
    worth = value(amount, price, market)
    initial = whole_up(worth * rate, market)
    return initial + whole_up((worth + initial) * market.taker_rate, market)


def margin_on_leverage(leg: Leg[N], leverage: N, market: Market[N], reading: Reading) -> N:
    """Nothing by itself: the whole position margin is sized anew (`sized_margin`). ISO."""
    return zero(leg.margin)


def funding_payment(amount: N, mark: N, rate: N, inverse: bool) -> N:
    """Cash paid (+) or received (-): signed value at mark * rate; longs pay a positive rate. API."""
    return side_of(amount) * notional(amount, mark, inverse) * rate


def funding_split(payment: N, leg: Leg[N], free: N) -> tuple[N, N]:
    """(from the cash, from the leg's own money): what is paid leaves the position margin (posLoss). PAY, RED2.

    What is received goes to the available balance, or refills the position: reading `funding_received`, grade memory."""
    if leg.isolated and payment > 0:
        return zero(payment), payment
    return payment, zero(payment)


def opening_fee_split(fee: N, isolated: bool) -> tuple[N, N]:
    """(from the cash, from the leg's own money): the fee of the trade leaves the wallet, not the position margin. PAY."""
    return fee, zero(fee)
