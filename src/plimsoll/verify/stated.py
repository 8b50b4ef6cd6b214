"""Numbers that a case asks of the rulebook itself: totals that its source states instead of the inputs (`known`), and what only
one venue prints of a position. No venue is named here: the rulebook is asked through its interface."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from plimsoll.account.state import State
from plimsoll.errors import BadInput
from plimsoll.margin.assess import Prices, assess, mark_column, money_behind
from plimsoll.margin.pools import lay_out
from plimsoll.model import MarginMode, Outside
from plimsoll.number import ZERO, exact
from plimsoll.rulebook import Rulebook
from plimsoll.rules.asks import LegAsk, PoolAsk
from plimsoll.rules.columns import Pool, PoolMargin
from plimsoll.verify.case_format import Case, CaseKnown, Value


def replaced(case: Case, where: str, state: State, rulebook: Rulebook, listed: Mapping[str, Outside]) -> dict[str, Outside]:
    """`listed`, and per settle asset what makes our totals of position and order margin those that the source states, or the
    balance of an account valued in one currency the one that it states. BadInput: it states totals where the case has
    contracts of several settle assets, or a balance of an account that is not valued."""
    known, found = case.known, dict(listed)
    if known.adjusted_equity is not None:
        view = assess(state.account, state.marks, rulebook, Prices.NONE, found)
        pool = next((pool for pool in view.pools if view.account is not None and pool.key == view.account.pool), None)
        if pool is None:
            raise BadInput(where, "known.adjusted_equity", known.adjusted_equity, "only an account valued as one has this")
        other = found.get(pool.asset, Outside())
        with exact():
            more = other.wallet_balance + known.adjusted_equity - pool.margin_balance
        found[pool.asset] = msgspec.structs.replace(other, wallet_balance=more)
    if known.position_margin is None and known.order_initial_margin is None:
        return found
    assets = {instrument.settle for instrument in case.instruments.values()}
    if len(assets) != 1:
        raise BadInput(where, "known", None, f"totals of positions and orders need one settle asset, not {len(assets)}")
    (asset,) = assets
    view = assess(state.account, state.marks, rulebook, Prices.NONE)
    other = found.get(asset, Outside())
    with exact():
        if known.position_margin is not None:
            ours = sum((leg.position_margin for leg in view.legs if leg.mode is MarginMode.CROSS), ZERO)
            other = msgspec.structs.replace(other, initial_margin=other.initial_margin + known.position_margin - ours)
        if known.order_initial_margin is not None:
            ours = sum((asked.order_initial_margin for asked in view.orders), ZERO)
            other = msgspec.structs.replace(other, reserved=other.reserved + known.order_initial_margin - ours)
    found[asset] = other
    return found


def of_account(name: str, known: CaseKnown, rulebook: Rulebook) -> Value:
    """An account total, from those that the source states; the text `unknown quantity` where they do not suffice."""
    if name != "available_balance" or known.equity is None or known.account_initial_margin is None:
        return "unknown quantity"
    pool = Pool(known.equity, (), ZERO, 0, ZERO, ZERO, ZERO, ZERO, ZERO)
    margin = PoolMargin(known.equity, known.account_initial_margin, ZERO, ZERO, abs(known.equity))
    return rulebook.rules.available_balance(pool, margin, ZERO, ZERO)


def printed_of_pool(
    name: str, of: str, state: State, rulebook: Rulebook, outside: Mapping[str, Outside]
) -> Decimal | None:
    """What the venue prints of an account, a coin or a walled pair, `of` being its name; None: nothing of that name."""
    layout = lay_out(state.account, rulebook, outside)
    column = mark_column(layout, state.marks.marks, state.marks.indexes)
    for spec, pool in zip(layout.specs, layout.pools, strict=True):
        coin = of.removeprefix("asset:")
        at = spec.assets.index(coin) if of != coin and coin in spec.assets and not spec.isolated else -1
        if spec.assets and (at >= 0 or of == spec.key):
            margin = rulebook.rules.assess_pool(pool, column, layout.markets)
            ask = PoolAsk(spec, pool, margin, column, layout.markets, state.account, at)
            found = rulebook.rules.printed_of_pool(name, ask)
            if found is not None:
                return found
    return None


def printed(name: str, of: str, state: State, rulebook: Rulebook, outside: Mapping[str, Outside]) -> Value:
    """What the venue prints of the position `of` under that name; the text `unknown quantity` where it prints none."""
    layout = lay_out(state.account, rulebook, outside)
    column = mark_column(layout, state.marks.marks)
    for spec, pool in zip(layout.specs, layout.pools, strict=True):
        for key, leg in zip(spec.legs, pool.legs, strict=True):
            if rulebook.rules.leg_name(key, state.account.position_mode) == of:
                margin = rulebook.rules.assess_pool(pool, column, layout.markets)
                money = money_behind(layout, rulebook, column, spec, pool, margin, leg)
                market, tick = layout.markets[leg.market], rulebook.instruments[key.symbol].tick
                closers = [o for o in state.account.orders if o.reduce_only and (o.symbol, o.mode) == (key.symbol, key.mode)]
                closing = sum((o.size for o in closers), ZERO) * market.multiplier
                asked = LegAsk(leg, column[leg.market], market, money, tick, margin, closing)
                answer = rulebook.rules.printed(name, asked)
                return "unknown quantity" if answer is None else answer
    return "unknown quantity"
