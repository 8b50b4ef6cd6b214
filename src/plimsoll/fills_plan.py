"""Fills in a venue's words: which contract each is in, how much of it, and what it did to the account that the file tells of.

The file's own account, in which every fill went through, is the book: against it each fill closes, opens, or does both. No
prices beyond the fills' own are looked at here, and no margin rule.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import NamedTuple

import msgspec

from plimsoll.errors import BadInput
from plimsoll.fills_file import Counted, FillRow, FillsFile
from plimsoll.model import Instrument, Kind, LegSide, OrderType, PositionMode
from plimsoll.number import ONE, ZERO, exact, show
from plimsoll.plan import Plan, PlannedOrder, Side, leg_side
from plimsoll.rulebook import Rulebook

UNIFIED = re.compile(r"([^/:\s]+)/([^/:\s-]+)(?::([^/:\s-]+)(?:-(\d{6}))?)?")
"""BASE/QUOTE:SETTLE, with -YYMMDD where it expires; without :SETTLE a spot pair."""
NEAR = Decimal("0.05")
"""A cost fits an amount within 5 %: contracts and coins differ by ten or more, rounding by far less."""
DUST = Decimal("1e-9")
"""What is left of a fill below this share of it is the noise of binary fractions, not a position."""


class Fill(msgspec.Struct, frozen=True):
    """One fill of the book. `symbol`: the home venue's; `closing`, `opening`: parts of its amount (coins or quote face), of
    which `whole` says that nothing of the book's position is left; `missing`: what it would have closed of a position that
    the file does not tell of. `fee_rate`: of its value (None: the list rate counts); `leverage` None: nothing is opened."""

    place: str
    time: datetime
    symbol: str
    leg: LegSide
    side: str
    price: Decimal
    closing: Decimal
    opening: Decimal
    whole: bool
    missing: Decimal
    fee_rate: Decimal | None
    liquidity: str
    leverage: Decimal | None


class Book(NamedTuple):
    """All fills with what each did, what is held after the last (home symbol and leg -> signed amount), and remarks."""

    fills: tuple[Fill, ...]
    left: dict[tuple[str, LegSide], Decimal]
    mode: PositionMode
    notes: tuple[str, ...]


class Leverages(NamedTuple):
    """Which leverage a fill opens at: its own, else that of its symbol, else that of all; BadInput where none is told."""

    of_symbol: Mapping[str, Decimal]
    of_all: Decimal | None


def book_of(file: FillsFile, home: Rulebook, account: Plan | None, leverages: Leverages) -> Book:
    """The file's fills read with its own venue's contracts. `account`: what was held before the first of them."""
    mode = _position_mode(file, account)
    held: dict[tuple[str, LegSide], Decimal] = {}
    for planned in account.positions if account is not None else ():
        assert account is not None
        sign = 1 if planned.side is Side.LONG else -1
        held[planned.symbol, leg_side(account, planned.side)] = planned.size * sign
    fills: list[Fill] = []
    elsewhere: dict[str, int] = {}
    with exact():
        for row in file.rows:
            instrument = instrument_at(home, row, file.source)
            amount = _amount(row, instrument, file.source)
            rate, other = _fee_rate(row, amount, instrument)
            elsewhere[other] = elsewhere.get(other, 0) + 1
            fills.append(_fill(row, instrument.symbol, amount, rate, held, leverages, file.source))
    notes = [*file.notes]
    for asset, count in elsewhere.items():
        if asset:
            notes.append(f"the fees of {count} fills were paid in {asset}, which is not here: list rates stand in for them")
    gone = [fill for fill in fills if fill.missing]
    if gone:
        notes.append(
            f"{len(gone)} fills close what was held before the file begins (first {gone[0].place}): that part is left out; "
            "give what was held in an ACCOUNT.toml"
        )
    return Book(tuple(fills), {key: size for key, size in held.items() if size}, mode, tuple(notes))


def _position_mode(file: FillsFile, account: Plan | None) -> PositionMode:
    """Hedge where the fills name legs; they must agree among themselves and with the account."""
    hedged = file.rows[0].position_side is not LegSide.NET
    for row in file.rows:
        if (row.position_side is not LegSide.NET) is not hedged:
            cure = "some fills name a leg and some do not; name long or short in each, or in none"
            raise BadInput(file.source, f"{row.place} position_side", row.position_side, cure)
    if account is None:
        return PositionMode.HEDGE if hedged else PositionMode.ONE_WAY
    if hedged is not (account.position_mode is PositionMode.HEDGE):
        cure = "hedge mode needs the leg of each fill, one-way mode has none; change one of the two files"
        told = f"{account.source} is {account.position_mode}; {cure}"
        raise BadInput(file.source, "position_side", file.rows[0].position_side, told)
    return account.position_mode


def instrument_at(home: Rulebook, row: FillRow, source: str) -> Instrument:
    """The contract a row is in, by the venue's own symbol or by the unified name BASE/QUOTE:SETTLE. BadInput otherwise."""
    field = f"{row.place} symbol"
    known = home.instruments.get(row.symbol)
    if known is not None:
        return known
    if row.symbol in home.gaps:
        raise BadInput(source, field, row.symbol, f"{home.name}: {home.gaps[row.symbol]}")
    parts = UNIFIED.fullmatch(row.symbol)
    if parts is None:
        cure = f"{home.name} has no such contract; write its own symbol or BTC/USDT:USDT{_others(home, row.symbol)}"
        raise BadInput(source, field, row.symbol, cure)
    base, quote, settle, expiry = parts.groups()
    if settle is None:
        cure = f"is a spot pair, in which nothing is liquidated; the perpetual is {base}/{quote}:{quote}"
        raise BadInput(source, field, row.symbol, cure)
    alike = [i for i in home.instruments.values() if (i.base, i.quote, i.settle) == (base, quote, settle)]
    found = [i for i in alike if (i.symbol.endswith(expiry) if expiry else not i.expires)]
    if len(found) != 1:
        cure = f"{home.name} lists no such contract{_others(home, f'{base}{quote}')}"
        raise BadInput(source, field, row.symbol, cure)
    return found[0]


def _others(home: Rulebook, word: str) -> str:
    near = get_close_matches(word, [*home.instruments], 3, 0.5)
    return f"; the nearest: {', '.join(near)}" if near else f"; it has {', '.join([*home.instruments][:8])}"


def _amount(row: FillRow, instrument: Instrument, source: str) -> Decimal:
    """Coins or quote face. Where contracts are not single coins, the cost beside an amount says what it counts."""
    if row.counted is Counted.COINS or instrument.multiplier == ONE:
        return row.amount
    contracts = row.amount * instrument.multiplier
    if row.counted is Counted.CONTRACTS or row.cost is None or instrument.kind == Kind.QUANTO:
        return contracts
    per = 1 / row.price if instrument.kind == Kind.INVERSE else row.price
    for amount in (contracts, row.amount):
        if abs(row.cost / (amount * per) - 1) < NEAR:
            return amount
    cure = (
        f"a cost of {show(row.cost)} fits neither {show(row.amount)} contracts of {show(instrument.multiplier)} nor that "
        f"amount itself at {show(row.price)}; correct it or leave cost out"
    )
    raise BadInput(source, f"{row.place} amount", show(row.amount), cure)


def _fee_rate(row: FillRow, amount: Decimal, instrument: Instrument) -> tuple[Decimal | None, str]:
    """(the fee as a share of the value, the asset it was paid in where that is another than the settle asset)."""
    if row.fee is None:
        return row.fee_rate, ""
    if row.fee_asset not in ("", instrument.settle):
        return None, row.fee_asset
    value = amount / row.price if instrument.kind == Kind.INVERSE else amount * row.price
    return row.fee / value, ""


def _fill(
    row: FillRow,
    symbol: str,
    amount: Decimal,
    fee_rate: Decimal | None,
    held: dict[tuple[str, LegSide], Decimal],
    leverages: Leverages,
    source: str,
) -> Fill:
    """The row as a fill of the book, which it moves on."""
    key = (symbol, row.position_side)
    there, sign = held.get(key, ZERO), 1 if row.side == "buy" else -1
    closer = row.reduce_only or (row.position_side, row.side) in ((LegSide.LONG, "sell"), (LegSide.SHORT, "buy"))
    closing = min(abs(there), amount) if there * sign < 0 else ZERO
    rest, dust = amount - closing, DUST * amount
    missing = rest if closer and rest > dust else ZERO
    opening = ZERO if closer or rest <= dust else rest
    whole = closing > 0 and abs(there) - closing <= dust
    closing = abs(there) if whole else closing
    held[key] = there + sign * (closing + opening)
    leverage = row.leverage or leverages.of_symbol.get(symbol) or leverages.of_symbol.get(row.symbol) or leverages.of_all
    if opening and leverage is None:
        raise BadInput(source, f"{row.place} leverage", None, "is told nowhere; add a column leverage, or say --leverage 10")
    return Fill(
        place=row.place,
        time=row.time,
        symbol=symbol,
        leg=row.position_side,
        side=row.side,
        price=row.price,
        closing=closing,
        opening=opening,
        whole=whole,
        missing=missing,
        fee_rate=fee_rate,
        liquidity=row.liquidity,
        leverage=leverage if opening else None,
    )


def plan_of(file: FillsFile, book: Book, home: str, wallet: Mapping[str, Decimal], account: Plan | None) -> Plan:
    """What is there before the first fill, as a plan that every venue can open. Each leg that is traded stands in it as an
    order without a size, which is never placed: so its contract is matched, and its margin mode set."""
    legs = dict.fromkeys((fill.symbol, fill.leg) for fill in book.fills)
    orders = tuple(
        PlannedOrder(f"fills-{n}", symbol, "sell" if leg is LegSide.SHORT else "buy", OrderType.MARKET, position_side=leg)
        for n, (symbol, leg) in enumerate(legs, 1)
    )
    about = f"{len(book.fills)} fills, {file.kind}"
    if account is not None:
        return msgspec.structs.replace(account, name=file.name, about=about, orders=orders, wallet=dict(wallet), scripts={})
    return Plan(
        source=file.source,
        name=file.name,
        about=about,
        venue=home,
        position_mode=book.mode,
        wallet=dict(wallet),
        positions=(),
        orders=orders,
    )


def settles(book: Book, home: Rulebook) -> tuple[str, ...]:
    """The assets that the file's contracts settle in."""
    return tuple(dict.fromkeys(home.instruments[fill.symbol].settle for fill in book.fills))


def symbols_traded(book: Book, account: Plan | None) -> tuple[str, ...]:
    """Every symbol that is held at the start or traded, as the home venue writes it."""
    held: Sequence[str] = [p.symbol for p in account.positions] if account is not None else []
    return tuple(dict.fromkeys([*held, *(fill.symbol for fill in book.fills)]))
