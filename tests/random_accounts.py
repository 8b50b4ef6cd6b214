"""Random accounts for every rulebook, drawn by Hypothesis: plain ones and ones that stand exactly on a boundary."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from itertools import product

import msgspec
from hypothesis import strategies as st

from plimsoll.errors import BadInput, Reason
from plimsoll.margin.assess import Prices, assess, mark_column
from plimsoll.margin.pools import Layout, lay_out
from plimsoll.model import Account, Fees, Instrument, Kind, LegSide, MarginMode, Marks, Position, PositionMode
from plimsoll.number import exact
from plimsoll.rulebook import Rulebook, discover, in_force
from plimsoll.table_files import load

D = Decimal
VENUES = discover()
DAY = date(2026, 7, 2)
SOLD = datetime(2026, 7, 1, 23, 59, 45, tzinfo=UTC)
"""When a part of a position was sold, where a venue heeds that: a quarter of a minute before random lives begin."""
LEVERAGES = tuple(D(x) for x in (1, 2, 3, 5, 10, 20, 25, 50, 75, 100, 125))


@cache
def rulebook_of(venue: str) -> Rulebook:
    """The rulebook of a recent day, with every instrument whose numbers are known."""
    return in_force(load(venue), DAY)


@cache
def symbols_of(venue: str) -> tuple[str, ...]:
    """A few instruments that differ: the richest tables of each kind, expiring or not, in each settle asset. Coins themselves
    only where a venue has no contracts: they are not traded as these are."""
    groups: dict[tuple[object, ...], list[Instrument]] = {}
    known = list(rulebook_of(venue).instruments.values())
    for i in [i for i in known if i.kind is not Kind.SPOT] or known:
        groups.setdefault((i.kind, i.expires, i.settle), []).append(i)
    chosen = [sorted(g, key=lambda i: (-len(i.brackets), i.symbol))[:3] for g in groups.values()]
    return tuple(i.symbol for group in chosen for i in group)


def mode_belongs_to_orders(venue: str) -> bool:
    """Whether a symbol can be held in both margin modes at once."""
    empty = Account(PositionMode.ONE_WAY, {})
    asked = [rulebook_of(venue).rules.fill_mode(empty, "X", mode) for mode in MarginMode]
    return len(set(asked)) > 1


@cache
def position_modes(venue: str) -> tuple[PositionMode, ...]:
    """The position modes that a venue has."""
    empty = Account(PositionMode.ONE_WAY, {})
    refused = rulebook_of(venue).rules.may_switch_position_mode(empty, PositionMode.HEDGE)
    return (PositionMode.ONE_WAY, PositionMode.HEDGE) if refused is None else (PositionMode.ONE_WAY,)
def under_regimes(rulebook: Rulebook) -> list[Rulebook]:
    """The rulebook under each of its dated regimes; itself where it has none."""
    options = [(name, option) for name, options in rulebook.rules.REGIMES.items() for option in options]
    return [msgspec.structs.replace(rulebook, regimes={name: option}) for name, option in options] or [rulebook]


def one_mode(venue: str) -> bool:
    """Whether the whole account is in one margin mode."""
    return rulebook_of(venue).rules.MODE_SCOPE == "account"


def options_of(venue: str, mode: MarginMode) -> dict[str, str]:
    """The account's own setting of its margin mode, where the venue has one for all of it."""
    return {"margin_mode": mode.value} if one_mode(venue) else {}


@cache
def settings_of(venue: str) -> tuple[dict[str, str], ...]:
    """Every way in which the account's settings besides its modes can stand, the defaults first."""
    options = rulebook_of(venue).rules.OPTIONS
    return tuple(dict(zip(options, values, strict=True)) for values in product(*options.values()))


def modes_under(venue: str, settings: dict[str, str], modes: Sequence[MarginMode]) -> tuple[MarginMode, ...]:
    """Those of some margin modes that an account with these settings can have."""
    bare = Account(PositionMode.ONE_WAY, {}, options=settings)
    refused = {mode: rulebook_of(venue).rules.may_switch_mode(bare, "X", mode) for mode in modes}
    return tuple(m for m, no in refused.items() if no is None or no.reason is not Reason.MARGIN_MODE_CROSS_ONLY)


def valued_options(venue: str) -> dict[str, str]:
    """Settings under which a cross account's coins are valued together; the defaults where none does."""
    rules, instruments = rulebook_of(venue).rules, rulebook_of(venue).instruments
    ways = [options_of(venue, MarginMode.CROSS) | settings for settings in settings_of(venue)]
    drawn = {n: rules.pools_of(Account(PositionMode.ONE_WAY, {}, options=way), instruments) for n, way in enumerate(ways)}
    return ways[next((n for n, specs in drawn.items() if specs and specs[0].key == "account"), 0)]


def marks_at(venue: str, marks: dict[str, Decimal]) -> Marks:
    """Marks, with a price for every coin that the venue values: quotes at 1, coins at a mark of them, else at 100."""
    book = rulebook_of(venue)
    quotes = {i.quote for i in book.instruments.values()}
    bases = {book.instruments[symbol].base: mark for symbol, mark in marks.items()}
    return Marks(marks, {}, {coin: D(1) if coin in quotes else bases.get(coin, D(100)) for coin in book.coins})


def moved(venue: str, marks: Marks, new: dict[str, Decimal]) -> Marks:
    """The same instant with some marks elsewhere; last and index prices stay, but for those of coins that are traded
    themselves, which their mark is a price of."""
    at, indexes = rulebook_of(venue).instruments, dict(marks.indexes)
    for symbol, mark in new.items():
        if at[symbol].kind is Kind.SPOT:
            with exact():
                indexes[at[symbol].base] = mark * indexes[at[symbol].quote]
    return msgspec.structs.replace(marks, marks={**marks.marks, **new}, indexes=indexes)


def digits(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    """Decimals of so many places, on a logarithmic scale, so that small ones are as frequent as large ones."""
    step = D(1).scaleb(-places)

    def scaled(mantissa: int, exponent: int) -> Decimal:
        value = D(mantissa).scaleb(exponent - 3)
        return max(D(low), min(D(high), value)).quantize(step)

    top = D(high).adjusted()
    return st.builds(scaled, st.integers(1, 9999), st.integers(D(low).adjusted(), top))


def prices() -> st.SearchStrategy[Decimal]:
    return digits("0.01", "200000", 2)


@st.composite
def sizes(draw: st.DrawFn, instrument: Instrument, price: Decimal) -> Decimal:
    """Contracts > 0 in whole lots; now and then exactly at a floor of the table (by value at `price`, or by contracts)."""
    lot = instrument.lot or D(1)
    floors = [row.floor for row in instrument.brackets if row.floor > 0]
    unit = instrument.multiplier / price if instrument.kind == "inverse" else instrument.multiplier * price
    if floors and draw(st.integers(0, 3)) == 0:
        floor = draw(st.sampled_from(floors))
        contracts = floor if instrument.bracket_unit == "contracts" else floor / unit
        contracts += draw(st.sampled_from([D(-1), D(0), D(0), D(1)])) * lot
    else:
        contracts = draw(digits("5", "30000000", 0)) / unit
    with exact():
        return max(lot, (contracts / lot).to_integral_value() * lot)


@st.composite
def accounts(
    draw: st.DrawFn, venue: str, most_legs: int = 4, modes: Sequence[MarginMode] = tuple(MarginMode)
) -> tuple[Account, Marks]:
    """An account with 1 to `most_legs` positions and a price for each symbol; under water or far from it."""
    with exact():
        rulebook, rules = rulebook_of(venue), rulebook_of(venue).rules
        hedge = draw(st.sampled_from(position_modes(venue))) is PositionMode.HEDGE
        settings = draw(st.sampled_from([way for way in settings_of(venue) if modes_under(venue, way, modes)]))
        modes = modes_under(venue, settings, modes)
        symbols = draw(st.lists(st.sampled_from(symbols_of(venue)), min_size=1, max_size=3, unique=True))
        marks = {symbol: draw(prices()) for symbol in symbols}
        positions: list[Position] = []
        leverages: dict[str, Decimal] = {}
        margin_modes: dict[str, MarginMode] = {}
        whole = draw(st.sampled_from(modes))
        for symbol in symbols:
            margin_modes[symbol] = whole if one_mode(venue) else draw(st.sampled_from(modes))
            both = mode_belongs_to_orders(venue) and len(modes) > 1 and draw(st.booleans())
            for mode in MarginMode if both else (margin_modes[symbol],):
                sides = draw(st.sampled_from([(LegSide.LONG,), (LegSide.SHORT,), (LegSide.LONG, LegSide.SHORT)]))
                for side in sides if hedge else sides[:1]:
                    if len(positions) < most_legs:
                        instrument = rulebook.instruments[symbol]
                        key = rules.leverage_key(symbol, mode, side if hedge else LegSide.NET)
                        leverage = leverages.setdefault(key, draw(leverages_of(instrument)))
                        positions.append(draw(_position(instrument, mode, side, hedge, leverage, marks[symbol])))
        if rules.WAITS and draw(st.booleans()):
            positions = [msgspec.structs.replace(p, part_sold=draw(st.sampled_from([None, SOLD]))) for p in positions]
        assets = {rulebook.instruments[p.symbol].settle for p in positions}
        gross = _gross(positions, marks, rulebook)
        cash = {asset: (gross[asset] * draw(shares())).quantize(D("1e-8")) for asset in sorted(assets)}
        coins = draw(_coins(venue, cash)) if rulebook.coins else {}
        fees = Fees(D("0.0002"), draw(st.sampled_from([D(0), D("0.0005"), D("0.001")])))
        account = Account(
            PositionMode.HEDGE if hedge else PositionMode.ONE_WAY,
            cash | coins,
            tuple(positions),
            (),
            leverages,
            {s: m for s, m in margin_modes.items() if m is MarginMode.ISOLATED},
            fees,
            options_of(venue, whole) | settings,
        )
        loans = any(coin.loan_tiers for coin in rulebook.coins.values())
        if any(rulebook.instruments[p.symbol].kind is Kind.SPOT for p in positions):
            account = draw(_with_coins(venue, account, marks))
        elif coins and loans and whole is MarginMode.CROSS and draw(st.booleans()):
            asset = draw(st.sampled_from(sorted(account.cash)))
            owed = {asset: abs(account.cash[asset]) * draw(st.integers(1, 20)) / 10}
            off = tuple(draw(st.lists(st.sampled_from(sorted(coins)), max_size=1)))
            account = msgspec.structs.replace(account, borrowed=owed, not_collateral=off)
        if rules.DEBTS == "inside":
            account = draw(_keeping(venue, account, marks))
    return account, marks_at(venue, marks)


@st.composite
def _keeping(draw: st.DrawFn, venue: str, account: Account, marks: dict[str, Decimal]) -> Account:
    """The account where each position keeps coins and debts of its own: what it bought and what it owes for it, more or less,
    with some interest; margin in the quote, inside an isolated wall."""
    positions = []
    for p in account.positions:
        i = rulebook_of(venue).instruments[p.symbol]
        amount, value = abs(p.size) * i.multiplier, (abs(p.size) * i.multiplier * marks[p.symbol]).quantize(D("1e-8"))
        (mine, held), (other, due) = (i.base, amount), (i.quote, value)
        if p.size < 0:
            (mine, held), (other, due) = (other, due), (mine, held)
        owed = max(D("1e-8"), (due * D(draw(st.integers(200, 1300))) / 1000).quantize(D("1e-8")))
        coins = {i.base: D(0), i.quote: p.isolated_margin}
        coins[mine] += held
        grown = (owed * D(draw(st.integers(0, 30))) / 1000).quantize(D("1e-12"))
        positions.append(msgspec.structs.replace(p, coins=coins, borrowed={other: owed}, interest={other: grown}))
    cash = {asset: abs(there) for asset, there in account.cash.items()}
    rates = {coin: D(draw(st.integers(1, 300))) / 100 for coin in rulebook_of(venue).coins}
    return msgspec.structs.replace(
        account, cash=cash, borrowed={}, interest={}, positions=tuple(positions), interest_rates=rates
    )


@st.composite
def _coins(draw: st.DrawFn, venue: str, cash: dict[str, Decimal]) -> dict[str, Decimal]:
    """Other coins than those that positions settle in, and now and then one of these below zero."""
    others = sorted(set(rulebook_of(venue).coins) - set(cash))
    found = {asset: draw(digits("0.01", "1000", 2)) for asset in draw(st.lists(st.sampled_from(others), unique=True))}
    if found and rulebook_of(venue).rules.DEBTS != "apart" and draw(st.booleans()):
        asset = draw(st.sampled_from(sorted(cash)))
        found[asset] = -cash[asset]
    return found


@st.composite
def _with_coins(draw: st.DrawFn, venue: str, account: Account, marks: dict[str, Decimal]) -> Account:
    """The account with coins and debts behind its positions in coins themselves: what a long holds and a short owes, most of
    what they cost or brought, and some interest; some of it is owed twice over, some of it not at all."""
    rulebook = rulebook_of(venue)
    cash, positions = dict(account.cash), []
    borrowed: dict[str, Decimal] = {}
    interest: dict[str, Decimal] = {}
    for position in account.positions:
        i = rulebook.instruments[position.symbol]
        coins, debts, grown = cash, borrowed, interest
        if position.mode is MarginMode.ISOLATED:
            coins, debts, grown = {i.quote: position.isolated_margin * draw(st.integers(0, 1))}, {}, {}
        amount = abs(position.size) * i.multiplier
        value = amount * marks[position.symbol]
        if i.kind is Kind.SPOT:
            gains, owes, due = (i.base, i.quote, value) if position.size > 0 else (i.quote, i.base, amount)
            coins[gains] = coins.get(gains, D(0)) + (amount if position.size > 0 else value * draw(shares()))
            if position.mode is MarginMode.ISOLATED or lends(venue, account, owes):
                debts[owes] = debts.get(owes, D(0)) + (due * draw(shares())).quantize(D("1e-8"))
                grown[owes] = (debts[owes] * D(draw(st.integers(0, 30))) / 1000).quantize(D("1e-12"))
            if position.mode is MarginMode.ISOLATED:
                position = msgspec.structs.replace(position, coins=coins, borrowed=debts, interest=grown)
        positions.append(position)
    rates = {coin: D(draw(st.integers(1, 300))) / 100 for coin in rulebook.coins}
    return msgspec.structs.replace(
        account, cash=cash, borrowed=borrowed, interest=interest, positions=tuple(positions), interest_rates=rates
    )


def lends(venue: str, account: Account, asset: str) -> bool:
    """Whether it is known here what a debt in a coin needs, in an account of that class."""
    try:
        assess(msgspec.structs.replace(account, borrowed={asset: D(1)}), marks_at(venue, {}), rulebook_of(venue), Prices.NONE)
    except BadInput as bad:
        return bad.source == "marks"
    return True


def shares() -> st.SearchStrategy[Decimal]:
    """Money as a share of the value it stands behind: from nothing to twice as much."""
    return st.builds(lambda n: D(n) / 1000, st.one_of(st.integers(0, 100), st.integers(0, 2000)))


def leverages_of(instrument: Instrument) -> st.SearchStrategy[Decimal]:
    known = [row.max_leverage for row in instrument.brackets if row.max_leverage is not None]
    top = max(known, default=D(10))
    return st.sampled_from([x for x in LEVERAGES if x <= top])


def _gross(positions: Sequence[Position], marks: dict[str, Decimal], rulebook: Rulebook) -> dict[str, Decimal]:
    gross: dict[str, Decimal] = {}
    for p in positions:
        i = rulebook.instruments[p.symbol]
        value = rulebook.rules.notional(p.size * i.multiplier, marks[p.symbol], i.kind == "inverse")
        gross[i.settle] = gross.get(i.settle, D(0)) + value
    return gross


@st.composite
def _position(
    draw: st.DrawFn, instrument: Instrument, mode: MarginMode, side: LegSide, hedge: bool, leverage: Decimal, mark: Decimal
) -> Position:
    near = draw(st.integers(-300, 300))
    entry = max(D("0.01"), (mark * (1 + D(near) / 1000)).quantize(D("0.01")))
    size = draw(sizes(instrument, mark))
    margin = D(0)
    if mode is MarginMode.ISOLATED:
        amount = size * instrument.multiplier
        value = amount / entry if instrument.kind == "inverse" else amount * entry
        margin = max(D("1e-8"), (value / leverage * (1 + D(draw(st.integers(-300, 500))) / 1000)).quantize(D("1e-8")))
    signed = size if side is LegSide.LONG else -size
    return Position(instrument.symbol, mode, side if hedge else LegSide.NET, signed, entry, leverage, margin)


@st.composite
def on_boundaries(draw: st.DrawFn, venue: str) -> tuple[Account, Marks]:
    """An account whose mark stands exactly at a liquidation price, where it has one (34 digits, the failing side)."""
    account, marks = draw(accounts(venue))
    priced = [leg for leg in assess(account, marks, rulebook_of(venue), Prices.OWN).legs if leg.liquidation_price]
    if not priced:
        return account, marks
    leg = draw(st.sampled_from(priced))
    assert leg.liquidation_price is not None
    return account, moved(venue, marks, {leg.symbol: leg.liquidation_price})


def laid_out(venue: str, account: Account, marks: Marks) -> tuple[Layout, tuple[Decimal, ...]]:
    """The account as columns, and its marks in their order. Call inside `exact()`."""
    layout = lay_out(account, rulebook_of(venue))
    return layout, mark_column(layout, marks.marks, marks.indexes)
