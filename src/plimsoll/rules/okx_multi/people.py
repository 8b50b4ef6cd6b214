"""OKX multi-currency margin for people, in plain Python: what differs from Futures mode in names, walls and printed prices.

Nothing here enters a margin decision's arithmetic. Callers are inside `exact()`."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from plimsoll.errors import BadInput
from plimsoll.model import Account, Coin, Instrument, Kind, MarginMode, leg_key
from plimsoll.rules.asks import PriceAsk
from plimsoll.rules.drawing import PoolSpec, valued_pool
from plimsoll.rules.okx_futures import people
from plimsoll.rules.okx_futures.formulas import closing_fee, maintenance_margin
from plimsoll.rules.okx_futures.people import leg_name

TITLE = "OKX futures and perpetual swaps, multi-currency margin"

DEBTS = "overdrawn"
"""A negative equity is the loan. S4, S5."""

LENDS_IN = (MarginMode.CROSS,)
"""Coins are bought on credit against the whole account; isolated margin trading beside such an account is not
modelled. S4, S5."""

LENDING_GAPS = {
    MarginMode.ISOLATED: 'take mode = "cross", or venue = "okx_margin", which has isolated margin trading in Futures mode'
}
"""The venue has isolated margin positions in this account mode as well: how they stand beside adjusted equity is not written
here. S6."""

CURRENCY = "USD"
"""What the account is measured in. S4; recorded (okx-018)."""

EXEMPT = {
    **people.EXEMPT,
    "a_liquidated_trader_owes_nothing": ("S4", "after_a_command_no_pool_is_left_under_water"),
}
"""Laws that this venue breaks, as in Futures mode; and a coin may be owed while other coins stand behind it: a loss beyond the
coin's balance is a loan."""

SOURCES = people.SOURCES | {
    "S4": "okx.com/help/iv-multi-currency-margin-mode-cross-margin-trading and rewrites of it",
    "S5": "okx.com/help/ix-introduction-to-system-forced-repayment (borrowing, interest, forced repayment) and rewrites of it",
    "S6": "okx.com/help-center/6997123251341 (isolated mode; February 2025)",
    "S10": "okx.com/help/introduction-to-the-platforms-collateralized-borrowing-limit-mechanism",
}


def pools_of(account: Account, instruments: Mapping[str, Instrument]) -> tuple[PoolSpec, ...]:
    """One pool over all coins, in USD, behind every cross position; one pool per isolated leg. S4, S6.

    BadInput: an isolated position in coins themselves, or an isolated order for one, which is not modelled here."""
    alone = [(leg_key(p), instruments[p.symbol]) for p in account.positions if p.mode is MarginMode.ISOLATED]
    walled = [i.symbol for _, i in alone if i.kind is Kind.SPOT]
    walled += [o.symbol for o in account.orders if o.mode is MarginMode.ISOLATED and instruments[o.symbol].kind is Kind.SPOT]
    if walled:
        cure = f"isolated margin trading of coins in this account mode is not modelled; {LENDING_GAPS[MarginMode.ISOLATED]}"
        raise BadInput("account", "positions", walled[0], cure)
    walls = (PoolSpec(leg_name(key, account.position_mode), i.settle, True, (key,)) for key, i in alone)
    return (*valued_pool(account, instruments, CURRENCY), *walls)


def coin_in_rules(
    coin: Coin, asset: str, spec: PoolSpec, account: Account, instruments: Mapping[str, Instrument], reading: Any
) -> Coin:
    """What a loan asks for at first is 1 / the leverage set for the currency: under the key `USDT|cross`, else the lowest of
    the positions in coins that borrow it and of the pairs in which orders rest that sell it. S1 (leverage of cross margin is
    kept per currency); recorded (okx-020); that the setting of a pair is the currency's is grade memory. What repays it is
    bought at the user's own fee rate, S4."""
    if coin.repayment_rate and account.fees.coin_taker_rate is not None:
        coin = replace(coin, repayment_rate=account.fees.coin_taker_rate)
    stated = account.leverages.get(f"{asset}|cross")
    spot = [(p, instruments[p.symbol]) for p in account.positions if instruments[p.symbol].kind is Kind.SPOT]
    chosen = [p.leverage for p, i in spot if asset == (i.quote if p.size > 0 else i.base)]
    for order in account.orders:
        pair = instruments[order.symbol]
        if pair.kind is Kind.SPOT and asset == (pair.quote if order.side == "buy" else pair.base):
            key = people.leverage_key(order.symbol, order.mode, order.position_side)
            chosen += [account.leverages[key]] if key in account.leverages else []
    if (stated is None and not chosen) or not coin.loan_tiers:
        return coin
    rate = people.initial_rate(min(chosen) if stated is None else stated)
    tiers = tuple([replace(tier, initial_rate=max(rate, tier.maintenance_rate)) for tier in coin.loan_tiers])
    return replace(coin, loan_tiers=tiers)


def displayed_liquidation_price(ask: PriceAsk) -> Decimal | None:
    """`liqPx`. Isolated as in Futures mode. Cross, of the only leg of its contract, with E = adjEq less what all else needs, in
    the settle coin: linear (q*mk - s*E) / (q*(1 - s*(r + f))), inverse c*(1 + s*(r + f)) / (c/mk + s*E). S3, S4; recorded for
    one position (okx-012, to 1.5e-7). It takes every unit of profit at its full worth, which the true price does not. Of
    several legs of a contract, and of coins themselves: the true price (grade memory)."""
    legs = [leg for leg in ask.pool.legs if leg.market == ask.leg.market]
    if ask.mode is MarginMode.ISOLATED or ask.coin is None or len(legs) > 1 or ask.markets[ask.leg.market].spot:
        return people.displayed_liquidation_price(ask)
    leg, mark, market = ask.leg, ask.marks[ask.leg.market], ask.markets[ask.leg.market]
    needed = maintenance_margin(leg, mark, market) + closing_fee(leg, mark, market)
    backing = (ask.margin.balance - ask.margin.requirement) / ask.marks[ask.pool.wallets[leg.wallet].place] + needed
    side = 1 if leg.amount > 0 else -1
    amount = abs(leg.amount)
    if market.inverse:
        value = amount / mark
        depth = value + side * backing
        return amount * (1 + side * needed / value) / depth if depth > 0 else None
    value = amount * mark
    price = (value - side * backing) / (amount * (1 - side * needed / value))
    return price if price > 0 else None
