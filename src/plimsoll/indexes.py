"""Prices of coins in US dollars for people's runs: as given, else stand-ins, never inside the engine and always told.

A coin that contracts are quoted in (USD, USDT, USDC) counts as one dollar unless its price is given; any other at the mark of
a contract of it."""

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from plimsoll.errors import BadInput
from plimsoll.model import Account, Kind
from plimsoll.number import ONE, exact, show
from plimsoll.rulebook import Rulebook


def coins_of_account(account: Account, rulebook: Rulebook) -> tuple[str, ...]:
    """Every coin whose price the venue asks for: those of its valued pools, and those that positions keep. Empty where it has
    none."""
    specs = rulebook.rules.pools_of(account, rulebook.instruments)
    return tuple(dict.fromkeys(asset for spec in specs for asset in (*spec.assets, *spec.kept)))


def teller_of(asset: str, marks: Mapping[str, Decimal], rulebook: Rulebook) -> str | None:
    """What tells a coin's price: its own name where a price is given under it, '' for one that contracts are quoted in, else
    the symbol of a contract of it that has a mark (a linear one first); None: nothing does."""
    own = rulebook.priced.get(asset)
    if asset in marks and (own is None or own.base == asset):
        return asset
    if any(asset == instrument.quote for instrument in rulebook.priced.values()):
        return ""
    return next(iter(telling(asset, marks, rulebook)), None)


def telling(asset: str, symbols: Iterable[str], rulebook: Rulebook) -> list[str]:
    """Those of the symbols that are contracts of a coin, the one that tells its price best first."""
    known = [rulebook.priced[symbol] for symbol in symbols if symbol in rulebook.priced]
    same = [i for i in known if i.base == asset]
    return [i.symbol for i in sorted(same, key=lambda i: (i.kind is not Kind.LINEAR, i.expires, i.symbol))]


def stand_in_indexes(account: Account, marks: Mapping[str, Decimal], rulebook: Rulebook) -> dict[str, Decimal]:
    """Coin -> its stand-in price at these marks; without the coins that nothing tells the price of. Coins that could be bought
    at these marks are among them."""
    return told_by(tellers_of(account, marks, rulebook), marks, rulebook)


def tellers_of(account: Account, marks: Mapping[str, Decimal], rulebook: Rulebook) -> dict[str, str]:
    """Coin -> what tells its price where these symbols have marks, of the account's coins and those that could be bought there;
    without the coins of which nothing does."""
    found = {asset: teller_of(asset, marks, rulebook) for asset in _priceable(account, marks, rulebook)}
    return {asset: teller for asset, teller in found.items() if teller is not None}


def told_by(tellers: Mapping[str, str], marks: Mapping[str, Decimal], rulebook: Rulebook) -> dict[str, Decimal]:
    """Coin -> its price at these marks, as its teller has it: the mark of a contract is in its quote, whose own price counts
    where it is given."""
    found = {asset: ONE if teller == "" else marks[teller] for asset, teller in tellers.items()}
    for asset, quote in in_priced(tellers, marks, rulebook).items():
        found[asset] *= marks[quote]
    return found


def in_priced(tellers: Mapping[str, str], priced: Collection[str], rulebook: Rulebook) -> dict[str, str]:
    """Coin -> the quote of the contract that tells its price, where that has a price of its own."""
    contracts = {asset: rulebook.priced[teller] for asset, teller in tellers.items() if teller not in ("", asset)}
    return {asset: i.quote for asset, i in contracts.items() if i.quote in priced and i.quote not in rulebook.priced}


def following(indexes: Mapping[str, Decimal], symbol: str, mark: Decimal, rulebook: Rulebook) -> dict[str, Decimal]:
    """The prices of coins when one mark stands elsewhere: a coin that is traded itself goes with it."""
    instrument, found = rulebook.instruments[symbol], dict(indexes)
    if instrument.kind is Kind.SPOT and instrument.quote in found:
        found[instrument.base] = mark * found[instrument.quote]
    return found


def _tradable(marks: Mapping[str, Decimal], rulebook: Rulebook) -> list[str]:
    known = [rulebook.instruments[symbol] for symbol in marks if symbol in rulebook.instruments]
    return [asset for i in known if i.kind is Kind.SPOT for asset in (i.base, i.quote)]


def stand_in_note(
    account: Account, marks: Mapping[str, Decimal], rulebook: Rulebook, own: Collection[str] = (), still: Collection[str] = ()
) -> tuple[str, ...]:
    """One sentence on what stands in for index prices; none where nothing does. `own`: coins that have prices of their own,
    `still`: those of them that stand still, as given."""
    coins = coins_of_account(account, rulebook)
    tellers = {asset: teller_of(asset, marks, rulebook) for asset in coins}
    pegged = [asset for asset, teller in tellers.items() if teller == ""]
    others = [f"{asset} at the mark of {teller}" for asset, teller in tellers.items() if teller and asset not in own]
    moving = {asset: "standing still as given" if asset in still else "at prices of its own" for asset in own}
    known = [f"{asset} {moving[asset]}" for asset in tellers if asset in own]
    if not pegged and not others and not known:
        return ()
    parts = ([f"{', '.join(pegged)} counted as one dollar"] if pegged else []) + others + known
    return (f"{'index prices' if known else 'no index prices are given'}: {', '.join(parts)}",)


APART = Decimal("0.01")
"""A given price further from the mark of a contract of the coin than this share is told."""
INDEX = "--index"


def given_indexes(
    account: Account, given: Mapping[str, Decimal], marks: Mapping[str, Decimal], rulebook: Rulebook
) -> dict[str, Decimal]:
    """The prices that were given, completed by stand-ins for the other coins that the venue asks for and those that are traded
    themselves at these marks. BadInput names a coin that is neither, and one whose price is neither given nor told."""
    coins = _priceable(account, marks, rulebook)
    for asset in given:
        if asset not in coins:
            cure = f"the account has no such coin; it has {', '.join(coins)}" if coins else "no coins are valued together here"
            raise BadInput(INDEX, "coin", asset, cure)
    found = {**stand_in_indexes(account, _with_own(marks, given, rulebook), rulebook), **given}
    for asset in coins:
        if asset not in found:
            raise BadInput(INDEX, asset, None, f"no index price; add --index {asset}=PRICE (in US dollars)")
    return {asset: found[asset] for asset in coins}


def _with_own(
    marks: Mapping[str, Decimal], given: Mapping[str, Decimal], rulebook: Rulebook
) -> dict[str, Decimal]:
    """The marks, and the given prices of coins under their own names."""
    return {**marks, **{asset: price for asset, price in given.items() if asset not in rulebook.priced}}


def _priceable(account: Account, marks: Mapping[str, Decimal], rulebook: Rulebook) -> tuple[str, ...]:
    """The coins that the venue asks a price for, and those that are traded themselves at these marks."""
    return tuple(dict.fromkeys([*coins_of_account(account, rulebook), *_tradable(marks, rulebook)]))


def given_note(
    account: Account, given: Mapping[str, Decimal], marks: Mapping[str, Decimal], rulebook: Rulebook
) -> tuple[str, ...]:
    """The prices as given, what stands in for the others, and which of those given lie apart from the mark of a contract of the
    coin: one of the two may be old."""
    others = {asset: teller_of(asset, marks, rulebook) for asset in _priceable(account, marks, rulebook) if asset not in given}
    parts = [f"{asset} counted as one dollar" if teller == "" else f"{asset} at the mark of {teller}"
            for asset, teller in others.items()]
    said = [f"{asset} {show(price)}" for asset, price in given.items()]
    notes = [f"index prices as given: {', '.join(said)}" + (f"; not given: {', '.join(parts)}" if parts else "")]
    with exact():
        for asset, price in given.items():
            teller = teller_of(asset, marks, rulebook)
            told = told_by({asset: teller}, _with_own(marks, given, rulebook), rulebook)[asset] if teller else price
            if abs(price / told - 1) > APART:
                share = show(abs(price / told - 1) * 100, 1)
                notes.append(f"the index of {asset} is {share} % from the mark of {teller}: is one of the two old?")
    return tuple(notes)
