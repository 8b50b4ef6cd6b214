"""The way back from the columns of a walk to the account that they stand for, every float taken as the number it is."""

from decimal import Decimal
from typing import Any

import msgspec

from plimsoll.array.desk import Held, Laid
from plimsoll.model import Account, LegKey, Position, leg_key


def account_of(laid: Laid, held: Held) -> Account:
    """The account that the columns stand for, every float taken as the number it is. Only what a walk moves is read back."""
    cash, interest = dict(laid.account.cash), dict(laid.account.interest)
    positions = {leg_key(p): p for p in laid.account.positions}
    after: dict[LegKey, Position] = {}
    for at, row in enumerate(held.pools):
        legs = [laid.keys[held.names[i]] for i in range(row["leg_from"], row["leg_to"])]
        keep = not row["isolated"] and any(positions[key].coins is not None for key in legs)
        single = keep or row["wallet_to"] == row["wallet_from"]
        if not row["isolated"] and not row["apart"] and single and laid.pool_assets[at] in cash:
            cash[laid.pool_assets[at]] = _money(row["cash"])
        for i in range(row["leg_from"], row["leg_to"]):
            key = laid.keys[held.names[i]]
            size = _size(held.legs[i]["amount"], laid, int(held.legs[i]["market"]), positions[key].size)
            walled = row["isolated"] and positions[key].coins is None
            margin = _money(held.legs[i]["margin"]) if walled else positions[key].isolated_margin
            lost = _money(held.legs[i]["lost"]) if walled else positions[key].lost_margin
            after[key] = msgspec.structs.replace(positions[key], size=size, isolated_margin=margin, lost_margin=lost)
        for w in range(row["wallet_from"], row["wallet_to"]):
            coin, there, owed = coin_of(laid, held.wallets[w]), held.wallets[w]["balance"], held.wallets[w]["borrowed"]
            grown = _money(owed - held.growth[w]["lent"]) if held.growth[w]["unit"] != 0 else None
            if row["isolated"] or keep:
                key = legs[0 if row["isolated"] else (w - row["wallet_from"]) // 2]
                if grown is not None:
                    after[key] = msgspec.structs.replace(after[key], interest={**after[key].interest, coin: grown})
                continue
            if coin in cash or there != 0:
                cash[coin] = _money(there)
            if grown is not None and not held.growth[w]["overdrawn"]:
                interest[coin] = grown
    kept = tuple(after[key] for key in positions if key in after)
    orders = tuple(o for o, row in zip(laid.account.orders, held.orders, strict=True) if row["live"])
    return msgspec.structs.replace(laid.account, cash=cash, interest=interest, positions=kept, orders=orders)


def coin_of(laid: Laid, wallet: Any) -> str:
    """The coin of a wallet, by where its price stands."""
    return laid.coins[int(wallet["place"]) - len(laid.symbols)]


def _money(x: float) -> Decimal:
    return round(Decimal.from_float(float(x)), 18)


def _size(amount: float, laid: Laid, market: int, before: Decimal) -> Decimal:
    """Contracts of an amount: the account's own number where it has not changed, else whole lots."""
    record = laid.desk.markets[market]
    multiplier, lot = float(record["multiplier"]), float(record["lot"])
    if float(before) * multiplier == amount:
        return before
    if lot > 0:
        each = round(Decimal.from_float(lot / multiplier), 12)
        return round(amount / lot) * each
    return round(Decimal.from_float(amount / multiplier), 18)
