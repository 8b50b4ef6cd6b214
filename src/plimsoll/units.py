"""The unit that an account's money is told in."""

import msgspec

from plimsoll.account.state import Venue
from plimsoll.indexes import coins_of_account
from plimsoll.model import Kind
from plimsoll.plan import Opening
from plimsoll.rulebook import Rulebook
from plimsoll.tape import Unit


def unit_of(opening: Opening, venue: Venue) -> Unit:
    """What money is told in: the one asset that everything settles in, else the quote of the first contract; the latter also
    where the venue values coins together and the account holds several."""
    instruments = [venue.rulebook.instruments[symbol] for symbol in opening.symbols.values()]
    settles = {instrument.settle for instrument in instruments}
    settles |= {instrument.base for instrument in instruments if instrument.kind is Kind.SPOT}
    if _values_coins(opening, venue.rulebook):
        settles |= {asset for asset, amount in opening.account.cash.items() if amount != 0}
    return Unit(instruments[0].settle, False) if len(settles) == 1 else Unit(instruments[0].quote, True)


def _values_coins(opening: Opening, rulebook: Rulebook) -> bool:
    """Whether the account's coins are valued together in cross: then they are told together in every mode."""
    options = {name: value for name, value in opening.account.options.items() if name in rulebook.rules.OPTIONS}
    bare = msgspec.structs.replace(opening.account, positions=(), orders=(), options=options)
    return bool(coins_of_account(bare, rulebook))


def unit_notes(opening: Opening, unit: Unit) -> list[str]:
    """What the reader must know of a total over several assets, or of what a total leaves out."""
    held = [asset for asset, amount in opening.account.cash.items() if amount != 0]
    if unit.mixed:
        how = "coins at their marks, quotes as one unless priced"
        return [f"several assets ({', '.join(held)}) are told in {unit.name}: {how}"]
    idle = [asset for asset in held if asset != unit.name]
    return [f"{', '.join(idle)} in the wallet stands behind nothing and is left out"] if idle else []
