"""What is inside the wall of an isolated position of a plan, as the venue sizes it, what is left beside it, and what is not
known about it."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from plimsoll.errors import BadInput
from plimsoll.margin.ledger import MONEY_UNIT, money
from plimsoll.margin.pools import market_of, sized
from plimsoll.model import Account, Fees, Instrument, Kind, MarginMode, Position
from plimsoll.number import ZERO, ceil_to, floor_to, show
from plimsoll.rulebook import Rulebook


def tallied(position: Position, fees: Fees, rulebook: Rulebook) -> Position:
    """Where the venue sizes isolated walls itself: what a planned margin has too much of counts as added, what it lacks as
    lost."""
    if position.mode is MarginMode.CROSS or not rulebook.rules.MARGIN_FOLLOWS:
        return position
    market = market_of(rulebook.instruments[position.symbol], fees)
    beyond = position.isolated_margin - sized(position, position.entry_price, rulebook, fees)
    added = rulebook.rules.movable(beyond, market)
    return msgspec.structs.replace(position, added_margin=added, lost_margin=max(-beyond, ZERO))


def isolated_money(
    rulebook: Rulebook, instrument: Instrument, size: Decimal, entry: Decimal, leverage: Decimal, fees: Fees
) -> Decimal:
    """What the venue walls off for `size` contracts opened at `entry`: its `margin_at_fill`, to the unit of the ledger."""
    rate = rulebook.rules.initial_rate(leverage)
    market = market_of(instrument, fees)
    margin = rulebook.rules.margin_at_fill(size * instrument.multiplier, entry, leverage, rate, market)
    return ceil_to(margin, MONEY_UNIT) if instrument.kind is Kind.SPOT else money(margin)


def contracts_of(amount: Decimal, instrument: Instrument, notes: list[str]) -> Decimal:
    """Coins or face as contracts, down to the lot; what was cut is told in `notes`."""
    size = amount / instrument.multiplier
    if instrument.lot is None:
        return size
    whole = floor_to(size, instrument.lot)
    if whole != size:
        unit = instrument.quote if instrument.kind == "inverse" else instrument.base
        kept = show(whole * instrument.multiplier)
        notes.append(
            f"{instrument.symbol} trades in steps of {show(instrument.lot * instrument.multiplier)} {unit}: "
            f"{show(amount)} became {kept}."
        )
    return whole


def too_small(size: Decimal, instrument: Instrument) -> str:
    """Why nothing is left of a size."""
    step = show((instrument.lot or ZERO) * instrument.multiplier)
    return f"{show(size)} is less than one step of {instrument.symbol}, {step}"


def cash_beside(
    bare: Account, positions: Iterable[Position], found: Mapping[str, Instrument], rulebook: Rulebook, source: str
) -> dict[str, Decimal]:
    """The cash of `bare` less the isolated money. BadInput: it does not suffice, or an asset that is needed is not in it. A
    venue that values all coins together needs none in particular, not even where this division has it wall them off."""
    cash = dict(bare.cash)
    options = {name: option for name, option in bare.options.items() if name != "margin_mode"}
    together = rulebook.rules.pools_of(msgspec.structs.replace(bare, options=options), rulebook.instruments)
    valued = any(spec.assets for spec in together)
    for instrument in found.values():
        if instrument.settle not in cash and valued:
            cash[instrument.settle] = ZERO
        elif instrument.settle not in cash:
            cure = f"{instrument.symbol} settles in {instrument.settle}; say how much of it there is"
            raise BadInput(source, f"wallet.{instrument.settle}", None, cure)
    for position in positions:
        cash[rulebook.instruments[position.symbol].settle] -= position.isolated_margin
    for asset, left in cash.items():
        if left < 0:
            there = bare.cash.get(asset, ZERO)
            wanted = show(there - left)
            cure = f"the isolated positions need {wanted} {asset} at {rulebook.name}; raise the wallet or lower a margin"
            raise BadInput(source, f"wallet.{asset}", show(there), cure)
    return cash


def coins_behind(account: Account, rulebook: Rulebook) -> Account:
    """The account with the coins and debts that its held spot positions stand on, as if each had been bought or sold at its
    entry price without a fee: an isolated one borrowed what its margin did not pay, a cross one what the cash had not; all of
    it where each position keeps its own debts. What is owed of a coin is taken off its cash where that may go below zero."""
    if rulebook.rules.DEBTS == "inside":
        return _all_kept(account, rulebook)
    cash, borrowed = dict(account.cash), dict(account.borrowed)
    if rulebook.rules.DEBTS == "overdrawn":
        cash |= {asset: cash.get(asset, ZERO) - amount for asset, amount in borrowed.items()}
        borrowed = {}
    positions = []
    for position in account.positions:
        instrument = rulebook.instruments[position.symbol]
        amount = position.size * instrument.multiplier
        value = money(amount * position.entry_price)
        if instrument.kind is Kind.SPOT and position.mode is MarginMode.ISOLATED:
            have = {instrument.base: amount, instrument.quote: position.isolated_margin - value}
            owed = {asset: -there for asset, there in have.items() if there < 0}
            coins = {asset: max(there, ZERO) for asset, there in have.items()}
            position = msgspec.structs.replace(position, coins=coins, borrowed=owed)
        elif instrument.kind is Kind.SPOT:
            cash[instrument.base] = cash.get(instrument.base, ZERO) + amount
            cash[instrument.quote] = cash.get(instrument.quote, ZERO) - value
        positions.append(position)
    if rulebook.rules.DEBTS == "apart":
        for asset, there in cash.items():
            if there < 0:
                borrowed[asset] = borrowed.get(asset, ZERO) - there
                cash[asset] = ZERO
    return msgspec.structs.replace(account, cash=cash, borrowed=borrowed, positions=tuple(positions))


def _all_kept(account: Account, rulebook: Rulebook) -> Account:
    """Each spot position with coins and debts of its own, its margin in the coin that the venue takes it in; the cash, from
    which it is gone in the quote, gives that coin instead. BadInput: it has not got that much of it."""
    cash, positions = dict(account.cash), []
    for position in account.positions:
        instrument = rulebook.instruments[position.symbol]
        if instrument.kind is Kind.SPOT:
            asset = rulebook.rules.margin_asset(account, instrument, position.mode, position.size > 0)
            if asset != instrument.quote:
                margin = money(position.isolated_margin / position.entry_price)
                cash[instrument.quote] += position.isolated_margin
                cash[asset] = cash.get(asset, ZERO) - margin
                if cash[asset] < 0:
                    cure = f"{rulebook.name} takes this margin in {asset}; {show(-cash[asset])} more is needed"
                    raise BadInput("account", f"wallet.{asset}", show(cash[asset] + margin), cure)
                position = msgspec.structs.replace(position, isolated_margin=margin, margin_asset=asset)
            position = _kept(position, instrument)
        positions.append(position)
    return msgspec.structs.replace(account, cash=cash, positions=tuple(positions))


def _kept(position: Position, instrument: Instrument) -> Position:
    """A spot position with its own coins and debts: what it traded away was borrowed, its margin stands beside."""
    amount = abs(position.size) * instrument.multiplier
    value = money(amount * position.entry_price)
    mine, given = ((instrument.base, amount), (instrument.quote, value))
    if position.size < 0:
        mine, given = given, mine
    coins = {instrument.base: ZERO, instrument.quote: ZERO, mine[0]: mine[1]}
    coins[position.margin_asset or instrument.quote] += position.isolated_margin
    return msgspec.structs.replace(position, coins=coins, borrowed=dict([given]))


def lending_notes(venue: str, at_home: Mapping[str, Instrument], found: Mapping[str, Instrument]) -> list[str]:
    """One sentence where this venue has the coins themselves for contracts of the plan, or contracts for its coins. `found`:
    the plan's symbol -> the venue's instrument."""
    out = []
    for symbol, instrument in found.items():
        known = at_home[symbol].kind
        if known is not instrument.kind and Kind.SPOT in (known, instrument.kind):
            held = "bought or sold short with borrowed money" if instrument.kind is Kind.SPOT else "held as a contract"
            out.append(f"{instrument.symbol} is {held} here; {symbol} of {venue} is {known}.")
    return out


def funding_notes(rulebook: Rulebook, instruments: Iterable[Instrument]) -> list[str]:
    """One sentence for each contract whose next funding rate would be part of its requirement and is not known."""
    if not rulebook.rules.CHARGES_FUNDING_AHEAD:
        return []
    unknown = [i.symbol for i in instruments if i.funding_hours and i.funding_rate is None]
    return [f"The next funding rate of {s} is not known: nothing of it is charged in advance." for s in unknown]
