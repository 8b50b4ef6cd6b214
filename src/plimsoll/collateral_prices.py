"""Prices of the coins behind an account that it does not trade: which need one, where a source has it, what carries it at a
venue. In a `History` and in a model such a price has the coin's own name; at a venue it is the mark of a contract of it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from plimsoll.account.state import Venue
from plimsoll.errors import BadInput
from plimsoll.indexes import coins_of_account, teller_of, telling
from plimsoll.margin.pools import lay_out
from plimsoll.model import Kind
from plimsoll.number import ONE, show
from plimsoll.plan import Opening, Plan, PlanMode, open_plan, symbols_of
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.rulebook import Rulebook
from plimsoll.units import unit_of


def coins_of(plan: Plan) -> tuple[str, ...]:
    """Every coin the plan has or owes."""
    return tuple(dict.fromkeys([*plan.wallet, *plan.borrowed]))


def untold(opening: Opening, rulebook: Rulebook) -> tuple[str, ...]:
    """The coins whose price a run at this venue asks for, and which nothing that the plan trades there tells: those valued
    together, those told in another unit, and both sides of coins that are traded themselves."""
    coins = _valued(opening, rulebook)
    if opening.symbols and unit_of(opening, Venue(rulebook)).mixed:
        coins += opening.account.cash
    marks = dict.fromkeys(opening.symbols.values(), ONE)
    return tuple(coin for coin in dict.fromkeys(coins) if teller_of(coin, marks, rulebook) is None)


def counted(opening: Opening, rulebook: Rulebook) -> tuple[str, ...]:
    """The coins that count as one dollar in a run at this venue as long as nobody gives their price: its rules take one."""
    marks = dict.fromkeys(opening.symbols.values(), ONE)
    return tuple(coin for coin in dict.fromkeys(_valued(opening, rulebook)) if teller_of(coin, marks, rulebook) == "")


def _valued(opening: Opening, rulebook: Rulebook) -> list[str]:
    """The coins whose prices the venue's rules take."""
    if not opening.symbols:
        return []
    traded = [rulebook.instruments[symbol] for symbol in opening.symbols.values()]
    sides = [asset for i in traded if i.kind is Kind.SPOT for asset in (i.base, i.quote)]
    return [*coins_of_account(opening.account, rulebook), *sides]


Which = Callable[[Opening, Rulebook], tuple[str, ...]]
"""Some of an opening's coins: `untold` or `counted`."""


def asked_by(
    plan: Plan, jobs: Sequence[tuple[Rulebook, Rulebook]], modes: Sequence[PlanMode], which: Which = untold
) -> tuple[str, ...] | None:
    """The coins that are `which` at some venue in some mode; None: the plan can be opened nowhere, which is told when it is
    played. `jobs`: each venue's rulebook with that of the plan's own venue."""
    found: dict[str, None] | None = None
    for rulebook, home in jobs:
        for mode in modes:
            try:
                opening = open_plan(plan, rulebook, home, mode)
            except BadInput:
                continue
            found = (found or {}) | dict.fromkeys(which(opening, rulebook))
    return None if found is None else tuple(found)


def symbols_for(
    coins: Sequence[str], plan: Plan, home: Rulebook, there: Collection[str], renamed: Mapping[str, str]
) -> dict[str, str]:
    """Coin -> its symbol in a source that has the symbols `there`: as `renamed` says, else its own name, else a contract of it
    as `home` calls it. Without the coins that the source does not have."""
    found = {}
    for coin in coins:
        names = [renamed[coin]] if coin in renamed else [coin, *_contracts(coin, home, symbols_of(plan))]
        own = next((name for name in names if coin in renamed or name in there), None)
        if own is not None:
            found[coin] = own
    return found


def carriers(coins: Collection[str], plan: Plan, opening: Opening, rulebook: Rulebook) -> dict[str, str]:
    """Coin -> the venue's symbol whose mark carries its price, of those of `coins` that this venue asks for; all go by
    their own names where one has a price that else counts as one dollar: what is given then is in dollars."""
    asked = [coin for coin in untold(opening, rulebook) if coin in coins and coin not in symbols_of(plan)]
    own = [coin for coin in counted(opening, rulebook) if coin in coins and coin not in symbols_of(plan)]
    if own:
        return {coin: coin for coin in (*asked, *own)}
    found = {coin: _contracts(coin, rulebook, opening.symbols.values()) for coin in asked}
    return {coin: symbols[0] for coin, symbols in found.items() if symbols}


def _contracts(coin: str, rulebook: Rulebook, traded: Iterable[str]) -> list[str]:
    """A venue's contracts of a coin: first those that are quoted as what is traded."""
    quotes = {rulebook.priced[symbol].quote for symbol in traded if symbol in rulebook.priced}
    found = telling(coin, rulebook.priced, rulebook)
    return sorted(found, key=lambda symbol: rulebook.priced[symbol].quote not in quotes)


def columns(symbols: Sequence[str], opening: Opening, rulebook: Rulebook) -> tuple[str, ...]:
    """What a model's symbols are called at a venue: the plan's, and the coins' carriers. BadInput: nothing carries one."""
    names = dict(opening.symbols)
    if any(coin in symbols for coin in counted(opening, rulebook)):
        names |= {coin: coin for coin in symbols if coin not in names}
    for coin in symbols:
        if coin not in names:
            free = [s for s in _contracts(coin, rulebook, opening.symbols.values()) if s not in names.values()]
            if not free:
                raise BadInput("model", coin, None, f"{rulebook.name} has no contract of {coin} to tell its price by")
            names[coin] = free[0]
    return tuple(names[symbol] for symbol in symbols)


def at_venue_marks(marks: Mapping[str, Decimal], opening: Opening, rulebook: Rulebook, source: str) -> dict[str, Decimal]:
    """The prices of a plan's symbols and of coins as marks of the venue's symbols. BadInput: a coin that nothing tells."""
    names = columns(tuple(marks), opening, rulebook)
    need_told(opening, rulebook, names, source)
    return dict(zip(names, marks.values(), strict=True))


def need_told(opening: Opening, rulebook: Rulebook, priced: Collection[str], source: str) -> None:
    """BadInput for the first coin whose price this venue asks for and nothing tells. `priced`: its symbols that have prices."""
    for coin in untold(opening, rulebook):
        if coin in priced or telling(coin, priced, rulebook):
            continue
        if not telling(coin, rulebook.priced, rulebook):
            lay_out(opening.account, rulebook)  # refuses a coin of which the venue knows nothing at all
            cure = f"no index price given: {rulebook.name} has no contract of {coin} to tell it by; leave it out of the wallet"
            raise BadInput(source, coin, None, cure)
        cure = (
            f"no index price given: what backs or is owed needs one, and there are no prices of {coin} here; add them, name "
            f"them with --symbol {coin}=PRICE_SYMBOL, or let one stand still with --index {coin}=PRICE"
        )
        raise BadInput(source, coin, None, cure)


def as_instruments(rulebook: Rulebook, names: Collection[str], like: str) -> Rulebook:
    """The rulebook with an instrument for each name that only tells a price, a coin's or a contract's, for an engine that knows
    prices by their instruments. `like`: an instrument of the venue; what it asks of positions matters to nobody here."""
    first = rulebook.instruments[like]
    more = {
        name: rulebook.priced.get(name) or replace(first, symbol=name, base=name, kind=Kind.LINEAR)
        for name in names
        if name not in rulebook.instruments
    }
    return replace(rulebook, instruments=rulebook.instruments | more, tellers=rulebook.priced | more) if more else rulebook


def refuse_unasked(given: Mapping[str, object], plan: Plan, asked: Collection[str] | None, where: str) -> None:
    """BadInput for a coin whose price is stated though nobody asks for it (`asked_by`): it would be left out silently."""
    if asked is None:
        return
    for coin in given:
        if coin not in asked and coin not in symbols_of(plan):
            raise BadInput("command line", where, coin, UNASKED)


def refuse_unheld(given: Collection[str], plan: Plan, jobs: Sequence[tuple[Rulebook, Rulebook]], source: str) -> None:
    """BadInput for a coin of a script's index prices that nobody asks for: the account has none of it, or what it trades tells
    its price."""
    for coin in given:
        if coin not in coins_of(plan):
            raise BadInput(source, "index", coin, f"the account has no such coin; it has {', '.join(coins_of(plan))}")
        if any(telling(coin, symbols_of(plan), home) for _, home in jobs):
            raise BadInput(source, "index", coin, UNASKED)


UNASKED = "nobody asks for its price: a symbol of the account tells it, or no coins are valued together; leave it out"


def unused_notes(coins: Collection[str]) -> tuple[str, ...]:
    """A sentence on coins whose prices are given and that nobody asks for, where there are any."""
    return (f"Prices of {', '.join(coins)} are given and not used: no coins are valued together.",) if coins else ()


def without_funding(history: History, coins: Collection[str]) -> History:
    """The history, where prices that only tell what coins are worth charge no funding."""
    if not coins:
        return history
    frames = tuple(
        replace(f, funding={s: rate for s, rate in f.funding.items() if s not in coins}) if f.funding else f
        for f in history.frames
    )
    return replace(history, frames=frames)


def with_stated(history: History, indexes: Mapping[str, Decimal]) -> History:
    """The history with prices that stand still, as given, and a sentence on them."""
    if not indexes:
        return history
    bars = {coin: Bar(price, price, price, price, price, price, price, price) for coin, price in indexes.items()}
    frames = tuple(Frame(f.time, f.seconds, {**f.bars, **bars}, f.funding) for f in history.frames)
    said = ", ".join(f"{coin} at {show(price)}" for coin, price in indexes.items())
    symbols = (*(s for s in history.symbols if s not in bars), *bars)
    notes = (*history.notes, f"Stands still, as given: {said}.")
    return replace(history, symbols=symbols, frames=frames, notes=notes, still=tuple(indexes))
