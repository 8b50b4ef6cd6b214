"""Which collateral and loan tables an account stands on, for people: of what days, how far from the day asked, how firm."""

from collections.abc import Iterable
from typing import NamedTuple

from plimsoll.explain import table_line
from plimsoll.indexes import coins_of_account
from plimsoll.model import Account, Instrument, Kind
from plimsoll.rulebook import EntryAge, Rulebook
from plimsoll.venue_table import CollateralRow


class CoinTable(NamedTuple):
    """`name`: a coin and what its numbers are for (`BTC as collateral`, `USDT as a loan`)."""

    name: str
    age: EntryAge


def coin_tables(account: Account, instruments: Iterable[Instrument], rulebook: Rulebook) -> tuple[CoinTable, ...]:
    """The tables of the coins that the account holds, owes, or comes to hold or owe by trading `instruments`. Nothing where
    none of its pools values coins, or the venue states nothing by coin."""
    if not coins_of_account(account, rulebook):
        return ()
    held = [asset for asset, amount in account.cash.items() if amount != 0]
    moved = [coin for position in account.positions for coin in (*(position.coins or ()), *position.borrowed)]
    traded = [coin for i in instruments for coin in ((i.base, i.quote) if i.kind is Kind.SPOT else (i.settle,))]
    found = []
    for asset in dict.fromkeys([*held, *account.borrowed, *moved, *traded]):
        for use, ages in (("as collateral", rulebook.collateral_ages), ("as a loan", rulebook.loan_ages)):
            if asset in ages:
                found.append(CoinTable(f"{asset} {use}", ages[asset]))
    return tuple(found)


def coin_words(table: CoinTable) -> str:
    """Its days, how far they are from the day asked, and its grade, beside the name."""
    entry = table.age.entry
    span = f"from {entry.since}" if entry.until is None else f"of {entry.since} to {entry.until}"
    span = f"of {entry.since}" if entry.until == entry.since else span
    distance = f", {table.age.days} days away" if table.age.days else ""
    return f"table {span}{distance}, grade {table.age.grade}{_weaker(table.age)}"


def coin_line(table: CoinTable) -> str:
    """The same in one line with the name and the source."""
    return f"{table.name}: {coin_words(table)}; {table.age.entry.source}"


def table_lines(account: Account, instruments: Iterable[Instrument], rulebook: Rulebook) -> tuple[str, ...]:
    """A line for each bracket table of `instruments` and each table of a coin behind them, with those that share it."""
    there = tuple(instruments)
    served: dict[str, list[str]] = {}
    lines = [(i.symbol, table_line(i.symbol, rulebook)) for i in there]
    lines += [(table.name, coin_line(table)) for table in coin_tables(account, there, rulebook)]
    for name, line in lines:
        served.setdefault(line.removeprefix(f"{name}: "), []).append(name)
    return tuple(f"{', '.join(names)}: {line}" for line, names in served.items())


def _weaker(age: EntryAge) -> str:
    """The fields that are less firm than the entry itself."""
    if not isinstance(age.entry, CollateralRow) or not age.entry.grades:
        return ""
    told = (f"{name.replace('_', ' ')} {grade}" for name, grade in age.entry.grades.items())
    return f" ({', '.join(told)})"
