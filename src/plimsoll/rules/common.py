"""What several venues say alike, in the rule language: values, profit, bracket look-up, and the sums of order margin."""

from collections.abc import Sequence

from plimsoll.number import N, zero
from plimsoll.rules.columns import CoinLine, CoinMargin, Found, Leg, Line, Market, Pool, PoolMargin, Rest, Resting, Wallet


def side_of(amount: N) -> N:
    """+1 for a long, -1 for a short amount."""
    if amount < 0:
        return zero(amount) - 1
    return zero(amount) + 1


def notional(amount: N, price: N, inverse: bool) -> N:
    """Value of a position, unsigned, in the settle asset: linear |amount| * price, inverse |face| / price (price > 0)."""
    if inverse:
        return abs(amount) / price
    return abs(amount) * price


def unrealised_pnl(amount: N, entry: N, price: N, inverse: bool) -> N:
    """Profit of a signed amount from `entry` to `price`, in the settle asset: linear a*(p - e), inverse a*(1/e - 1/p)."""
    if inverse:
        return amount / entry - amount / price
    return amount * (price - entry)


def value(amount: N, price: N, market: Market[N]) -> N:
    """Value of a position at a price, unsigned, in the settle asset, unrounded."""
    return notional(amount, price, market.inverse)


def profit(leg: Leg[N], price: N, market: Market[N]) -> N:
    """Running profit of a leg at a price, from its entry, unrounded."""
    return unrealised_pnl(leg.amount, leg.entry, price, market.inverse)


def sized_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """An isolated wall holds what has gone into it, nothing re-sizes it."""
    return leg.margin


def topped_up(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """Nothing is moved into a position when its mark changes."""
    return leg.added


def movable(free: N, market: Market[N]) -> N:
    """What of the free margin can be moved into a position: all of it."""
    return max(zero(free), free)


def stated_liquidation_price(
    leg: Leg[N], pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]]
) -> Found[N]:
    """None is stated: the price follows from the headroom."""
    return no_price(pool.cash)


def row_above(size: N, floors: Sequence[N], rows: int) -> int:
    """The bracket row of `size` where a floor belongs to the row below it (floor exclusive, cap inclusive)."""
    for i in range(1, rows):
        if size <= floors[i]:
            return i - 1
    return rows - 1


def marginal_maintenance(value: N, row: int, market: Market[N]) -> N:
    """Maintenance margin where brackets are marginal: value * rate - deduction of the row, continuous at every floor."""
    return value * market.rates[row] - market.deductions[row]


def line_of(leg: Leg[N], rate: N, deduction: N, inverse: bool, least: N, most: N) -> Line[N]:
    """Profit less requirement of a leg whose value, between `least` and `most`, pays `rate` less `deduction`, over x: the
    price of a linear contract, one over the price of an inverse one."""
    if inverse:
        return Line(leg.amount / leg.entry + deduction, -leg.amount - abs(leg.amount) * rate, least, most)
    return Line(deduction - leg.amount * leg.entry, leg.amount - abs(leg.amount) * rate, least, most)


def netted_order_value(position: N, buys: N, sells: N) -> N:
    """One-way mode: what resting orders can add to the exposure, max(|P + B|, |P - S|) - |P|, P signed position value,
    B and S the values of resting buys and sells. Only the larger side counts; reducing is free."""
    return max(abs(position + buys), abs(position - sells)) - abs(position)


def open_loss(amount: N, price: N, mark: N, inverse: bool) -> N:
    """The loss an order of signed `amount` carries at once when it fills at `price` while the mark stands elsewhere."""
    return -min(zero(mark), unrealised_pnl(amount, price, mark, inverse))


def spread_price(amount: N, mark: N, balance: N, gross: N, inverse: bool) -> N:
    """The price at which a leg gives up balance/gross of its mark value: linear m - s*balance*m/gross, inverse
    m*gross/(gross + s*balance), s the side. With the balance and gross value of a whole pool the pool ends at exactly
    zero. One division, last: a price that ends after few decimals comes out with those. The mark where no price does it (an
    inverse short with as much coin as it is worth: no pool that fails)."""
    if inverse:
        depth = gross + side_of(amount) * balance
        if depth <= 0:
            return mark
        return mark * gross / depth
    return mark - side_of(amount) * balance * mark / gross


def no_price(x: N) -> Found[N]:
    """No positive price does it."""
    return Found(False, zero(x))


def gross_value(legs: Sequence[Leg[N]], marks: Sequence[N], markets: Sequence[Market[N]], start: N) -> N:
    """Sum of the mark values of all legs; `start` gives the number type."""
    total = zero(start)
    for i in range(len(legs)):
        total += notional(legs[i].amount, marks[legs[i].market], markets[legs[i].market].inverse)
    return total


def order_margin(resting: Resting[N], mark: N, market: Market[N]) -> N:
    """Initial margin of resting orders on top of the position's own, with the position at its mark value."""
    position = side_of(resting.amount) * notional(resting.amount, mark, market.inverse)
    return netted_order_value(position, resting.buys, resting.sells) * resting.initial_rate


def position_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """Money that a position locks, where cross takes initial margin at the mark: its own money if isolated, else value at
    the mark / leverage. Grade derived."""
    if leg.isolated:
        return leg.margin
    return notional(leg.amount, mark, market.inverse) * leg.initial_rate


def average_entry(held: N, entry: N, added: N, price: N, inverse: bool) -> N:
    """Entry after adding: mean by amount (linear), harmonic mean by face (inverse). Unsigned amounts of one side."""
    if inverse:
        return (held + added) / (held / entry + added / price)
    return (held * entry + added * price) / (held + added)


def sliced(amount: N, rows: int, floors: Sequence[N], rates: Sequence[N]) -> N:
    """Sum over the slices of an amount >= 0: each part times the rate of the slice it lies in. No rows: nothing."""
    total = zero(amount)
    for i in range(rows):
        if amount <= floors[i]:
            return total
        top = amount
        if i + 1 < rows:
            top = min(amount, floors[i + 1])
        total += (top - floors[i]) * rates[i]
    return total


def slice_line(amount: N, rows: int, floors: Sequence[N], rates: Sequence[N]) -> Line[N]:
    """The straight line of `sliced` over an amount > 0, in the slice that holds it."""
    total = zero(amount)
    for i in range(rows):
        if amount <= floors[i]:
            return Line(total, zero(amount), zero(amount), floors[i])
        if i + 1 == rows:
            return Line(total - floors[i] * rates[i], rates[i], floors[i], zero(amount))
        if amount <= floors[i + 1]:
            return Line(total - floors[i] * rates[i], rates[i], floors[i], floors[i + 1])
        total += (floors[i + 1] - floors[i]) * rates[i]
    return Line(total, total, total, total)


def counted(wallet: Wallet[N], equity: N) -> N:
    """Units of a coin that count as margin: a positive equity slice by slice at its ratios, none where it is switched off;
    a negative one in full, or dearer where the venue says so."""
    if equity <= 0:
        return equity * wallet.dearer
    if not wallet.collateral:
        return zero(equity)
    return sliced(equity, wallet.rows, wallet.floors, wallet.ratios)


def owed(wallet: Wallet[N], pnl: N) -> N:
    """Units of a coin that are owed: what was borrowed, and what a running loss takes beyond the balance."""
    return wallet.borrowed + max(zero(pnl), -(wallet.balance + pnl))


def coin_line(wallet: Wallet[N], index: N, pnl: N) -> CoinLine[N]:
    """What a coin counts (`counted`) less the maintenance that its debt (`owed`) needs, near a running profit `pnl` in it.

    Three stretches. In credit: the slice of the collateral, less what was borrowed needs. What was borrowed is more than
    there is: equity in full (`dearer` times). A loss beyond the balance: also each unit of it needs what its slice of the loan
    does. Slices count coins here, so that the price `index` moves none."""
    own = wallet.balance - wallet.borrowed
    none = zero(pnl)
    full = wallet.dearer
    stated = wallet.outside_maintenance + wallet.outside_fee
    if own + pnl > 0:
        rows = wallet.rows
        if not wallet.collateral:
            rows = 0
        line = slice_line(own + pnl, rows, wallet.floors, wallet.ratios)
        need = sliced(wallet.borrowed, wallet.loan_rows, wallet.loan_floors, wallet.loan_maintenance)
        base = line.base + line.slope * own - need - stated
        return CoinLine(base, line.slope, True, line.least - own, line.most > 0, line.most - own, none)
    if wallet.balance + pnl >= 0:
        need = sliced(wallet.borrowed, wallet.loan_rows, wallet.loan_floors, wallet.loan_maintenance)
        return CoinLine(own * full - need - stated, full, True, -wallet.balance, True, -own, none)
    line = slice_line(-own - pnl, wallet.loan_rows, wallet.loan_floors, wallet.loan_maintenance)
    most = min(-wallet.balance, -own - line.least)
    base = own * full - line.base + line.slope * own - stated
    return CoinLine(base, full + line.slope, line.most > 0, -own - line.most, True, most, none)


def exchange_price(source: Wallet[N], target: Wallet[N], marks: Sequence[N]) -> N:
    """Units of the coin `target` that the venue gives for one of `source` when it exchanges them by itself: the indexes, with
    what it takes on both sides."""
    return marks[source.place] * source.sold / (marks[target.place] * target.bought)


def order_line(pool: Pool[N], i: int, price: N, markets: Sequence[Market[N]]) -> Line[N]:
    """No order needs anything beside the legs in a pool of one asset."""
    none = zero(price)
    return Line(none, none, none, none)


def coin_pnl(pool: Pool[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """Running profit of the legs of a valued pool that settle in its coin `at`, in that coin."""
    total = zero(pool.cash)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        if leg.wallet == at and not markets[leg.market].spot:
            total += unrealised_pnl(leg.amount, leg.entry, marks[leg.market], markets[leg.market].inverse)
    return total


def given(rest: Rest[N], at: int) -> N:
    """Units of the coin `at` that a resting order for coins sells: a buy its value at its price, a sell the coins."""
    if rest.base >= 0 and rest.amount > 0 and rest.wallet == at:
        return rest.amount * rest.price
    if rest.base == at and rest.amount < 0:
        return -rest.amount
    return zero(rest.price)


def brought(rest: Rest[N], at: int) -> N:
    """Units of the coin `at` that a resting order for coins buys, before any fee."""
    if rest.base >= 0 and rest.amount < 0 and rest.wallet == at:
        return -rest.amount * rest.price
    if rest.base == at and rest.amount > 0:
        return rest.amount
    return zero(rest.price)


def counted_value(wallet: Wallet[N], equity: N, index: N) -> N:
    """What a holding or a debt counts, in the pool's currency."""
    if wallet.by_worth and wallet.collateral and equity > 0:
        return sliced(equity * index, wallet.rows, wallet.floors, wallet.ratios)
    return counted(wallet, equity) * index


def exchange_loss(
    pool: Pool[N], i: int, marks: Sequence[N], markets: Sequence[Market[N]], charged: bool
) -> N:
    """What the fill of one resting order for coins would take off what the coins count, in the pool's currency, where that is
    a loss: what it sells less what it brings, a taker fee on that (`charged`). Each coin stands there as the orders before
    have left it, so that the losses of several are those of all their fills together."""
    rest = pool.rests[i]
    paid = rest.wallet
    bought = rest.base
    if rest.amount < 0:
        paid = rest.base
        bought = rest.wallet
    source = pool.wallets[paid]
    target = pool.wallets[bought]
    left = source.balance - source.borrowed + coin_pnl(pool, paid, marks, markets)
    there = target.balance - target.borrowed + coin_pnl(pool, bought, marks, markets)
    for j in range(i):
        left -= given(pool.rests[j], paid)
        there += net_of_fee(brought(pool.rests[j], bought), markets[pool.rests[j].market], charged)
    index = marks[source.place]
    lost = counted_value(source, left, index) - counted_value(source, left - given(rest, paid), index)
    index = marks[target.place]
    after = there + net_of_fee(brought(rest, bought), markets[rest.market], charged)
    won = counted_value(target, after, index) - counted_value(target, there, index)
    return max(zero(lost), lost - won)


def net_of_fee(amount: N, market: Market[N], charged: bool) -> N:
    """Coins that come in, less the taker fee on them if it is `charged`."""
    if charged:
        return amount * (1 - market.taker_rate)
    return amount


def assess_coin(
    pool: Pool[N], margin: PoolMargin[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]
) -> CoinMargin[N]:
    """The coin `at` of a valued pool. available = (balance - initial) / what a unit of margin counts, negative when the pool is
    short; withdrawable = what there is of the coin without running profit, at most what is available (as if the coin counted in
    full). Grade memory for the last: no venue's page on it was read in full."""
    wallet = pool.wallets[at]
    index = marks[wallet.place]
    pnl = coin_pnl(pool, at, marks, markets)
    equity = wallet.balance - wallet.borrowed + pnl
    available = (margin.balance - margin.initial) / (index * wallet.dearer)
    settled = wallet.balance - wallet.borrowed
    profit = max(zero(pnl), pnl)
    free = min(settled + min(zero(pnl), pnl), available - profit)
    return CoinMargin(
        equity,
        owed(wallet, pnl),
        available,
        max(zero(pnl), free),
        counted(wallet, equity) * index,
        counted(wallet, settled) * index,
        available,
        zero(pnl),
    )


def interest(borrowed: N, accrued: N, rate: N, hours: N) -> N:
    """Simple interest on what was lent: borrowed * rate * hours / 8760, at a rate a year of 365 days."""
    return borrowed * rate * hours / 8760


def borrowable(
    pool: Pool[N], margin: PoolMargin[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]
) -> N:
    """Nothing is lent."""
    return zero(pool.cash)


def wall_bounds(
    inside: Pool[N], margin: PoolMargin[N], free: N, at: int, marks: Sequence[N], markets: Sequence[Market[N]]
) -> tuple[N, N]:
    """No spot position is isolated here."""
    return zero(free), zero(free)
