"""Spot positions of cases that keep coins and debts of their own, in the forms in which venues tell them."""

from decimal import Decimal

import msgspec

from plimsoll.errors import BadInput
from plimsoll.model import Position
from plimsoll.number import ONE, ZERO, exact


class CaseCoins(msgspec.Struct, frozen=True):
    """What a case tells of a spot position's coins. `size`: what is held; `liability` and `interest` of the other coin of the
    pair. `variant`: whether `size` holds the margin (`automatic`) or it stands beside it (`auto_transfers_ccy`), all four
    numbers are told apart (`quick_margin`), or the position has just been opened with borrowed money (`opening`)."""

    variant: str
    margin_asset: str
    size: Decimal
    liability: Decimal
    interest: Decimal
    base_assets: Decimal
    base_debt: Decimal
    quote_assets: Decimal
    quote_debt: Decimal


VARIANTS = ("automatic", "auto_transfers_ccy", "quick_margin", "opening")


def with_coins(position: Position, told: CaseCoins, base: str, quote: str) -> Position:
    """The position with what is inside its wall. BadInput: an unknown variant, or a margin in neither coin of the pair."""
    long = position.size > 0
    mine, other = (base, quote) if long else (quote, base)
    margin, asset = position.isolated_margin, told.margin_asset or quote
    if told.variant not in VARIANTS:
        raise BadInput(f"position {position.symbol}", "variant", told.variant, f"choose one of {', '.join(VARIANTS)}")
    if asset not in (base, quote):
        raise BadInput(f"position {position.symbol}", "margin_asset", asset, f"choose {base} or {quote}")
    coins, debts, grown = {mine: told.size}, {other: told.liability}, {other: told.interest}
    size = told.size if long else -told.liability
    with exact():
        if told.variant == "quick_margin":
            coins, debts = {base: told.base_assets, quote: told.quote_assets}, {base: told.base_debt, quote: told.quote_debt}
            size, grown = (told.base_assets if long else -told.base_debt), {}
        elif told.variant == "opening":
            value = told.size * position.entry_price
            coins, debts = ({base: told.size}, {quote: value}) if long else ({quote: value}, {base: told.size})
            margin = margin / (position.entry_price if asset == base else ONE)
            size, grown = position.size, {}
        if told.variant in ("auto_transfers_ccy", "opening"):
            coins[asset] = coins.get(asset, ZERO) + margin
    return msgspec.structs.replace(
        position, size=size, coins=coins, borrowed=debts, interest=grown, margin_asset=asset, isolated_margin=margin
    )
