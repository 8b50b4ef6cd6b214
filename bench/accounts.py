"""The accounts that are timed: ten different symbols of the packaged tables, long and short, some beyond the first
bracket, at round prices near those of the tables' days. Built once; nothing here is timed."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from plimsoll.account.state import Venue
from plimsoll.model import Account, Fees, Instrument, Kind, LegSide, MarginMode, Marks, Position, PositionMode
from plimsoll.rulebook import discover, in_force
from plimsoll.table_files import load

BINANCE_DAY = date(2026, 9, 1)
BINANCE = """
BTCUSDT     9.5     64000    62500    20
ETHUSDT    -250     3150     3200     15
SOLUSDT     2600    148.5    151.2    10
BNBUSDT    -40      605.1    598.4    10
XRPUSDT     180000  0.5182   0.5241   10
ADAUSDT    -90000   0.4513   0.4402   8
DOGEUSDT    600000  0.1208   0.1187   10
AVAXUSDT    1500    27.31    26.88    10
LINKUSDT   -3000    14.226   14.102   10
LTCUSDT     55      71.45    70.93    20
"""
"""symbol, contracts, entry, mark, leverage; one cross pool in USDT."""

OKX_DAY = date(2023, 6, 15)
OKX = """
BTC-USDT-SWAP     4100   25480.5   25120.3   20
ETH-USDT-SWAP    -9000   1668.42   1652.15   15
ADA-USDT-SWAP     4000   0.2712    0.2655    10
AAVE-USDT-SWAP   -700    54.31     53.87     10
BTC-USDC-SWAP     45000  25466.1   25118.7   10
BTC-USD-SWAP      5600   25502.4   25111.9   10
BTC-USD-230630   -1200   25530.0   25140.2   10
BTC-USD-230707    300    25541.5   25155.6   10
BTC-USD-230929   -800    25690.0   25310.4   10
BTC-USD-231229    450    25880.5   25480.8   10
"""
"""As above; cross pools in USDT, USDC and BTC."""

BYBIT_DAY = date(2026, 8, 5)
BYBIT = """
BTCUSDT    -50      61000    60000    10
ADAUSDT     700000  0.46     0.45     10
BTCUSD      9500000 59000    60000    10
BTCPERP     1.2     59500    60000    10
ETHUSDT     250     3050     3000     15
SOLUSDT    -300     149      150      10
XRPUSDT     90000   0.51     0.52     10
LTCUSDT    -1500    71.4     71       10
SUIUSDT     40000   2.05     2        10
ETHUSD     -600000  3010     3000     10
"""
"""As above; one pool over four coins, in dollars."""

TEXTBOOK = """
BTCUSDT   0.05   40000   40000   10
ETHUSDT   1      2000    2000    10
"""
"""500 USDT, 200 of margin each at 10x, 100 spare."""


PRICES = {"BTC": "60000", "ETH": "3000", "SOL": "150", "ADA": "0.45", "XRP": "0.52", "DOGE": "0.12", "LTC": "71"}
"""Round prices of the coins for accounts that are made from a venue's own list."""


class Case(NamedTuple):
    """An account, the marks it stands at, and under whose rules."""

    account: Account
    marks: Marks
    venue: Venue


def case(name: str, day: date, rows: str, cash: dict[str, str], mode: MarginMode = MarginMode.CROSS) -> Case:
    """The account of `rows` under the tables of `day`; isolated legs get value at entry / leverage as their own."""
    cells = [row.split() for row in rows.strip().splitlines()]
    positions = tuple(
        _position(mode, symbol, Decimal(size), Decimal(entry), Decimal(leverage)) for symbol, size, entry, _, leverage in cells
    )
    account = Account(
        PositionMode.ONE_WAY,
        {asset: Decimal(amount) for asset, amount in cash.items()},
        positions,
        margin_modes={p.symbol: mode for p in positions},
        fees=Fees(Decimal("0.0002"), Decimal("0.0005")),
    )
    rulebook = in_force(load(name), day, symbols=[p.symbol for p in positions])
    assert not rulebook.gaps, rulebook.gaps
    return Case(account, Marks({symbol: Decimal(mark) for symbol, _, _, mark, _ in cells}), Venue(rulebook))


def _position(mode: MarginMode, symbol: str, size: Decimal, entry: Decimal, leverage: Decimal) -> Position:
    own = abs(size) * entry / leverage if mode is MarginMode.ISOLATED else Decimal(0)
    return Position(symbol, mode, LegSide.NET, size, entry, leverage, own)


def binance_ten() -> Case:
    return case("binance_usdm", BINANCE_DAY, BINANCE, {"USDT": "180000"})


def okx_ten() -> Case:
    return case("okx_futures", OKX_DAY, OKX, {"USDT": "250000", "USDC": "180000", "BTC": "6"})


def bybit_ten() -> Case:
    coins = {"USDT": "900000", "USDC": "20000", "BTC": "20", "ETH": "50"}
    made = case("bybit_uta", BYBIT_DAY, BYBIT, coins)
    return made._replace(marks=replace(made.marks, indexes={a: Decimal(PRICES.get(a, "1")) for a in coins}))


def textbook() -> Case:
    return case("binance_usdm", BINANCE_DAY, TEXTBOOK, {"USDT": "500"})


def tens() -> dict[str, Case]:
    """Ten positions on every venue of contracts: written down above where that was done, else made from its own tables."""
    written = {"binance_usdm": binance_ten, "okx_futures": okx_ten, "bybit_uta": bybit_ten}
    contracts = [name for name in discover() if any(row.kind is not Kind.SPOT for row in load(name).instruments)]
    return {name: written[name]() if name in written else ten_of(name) for name in contracts}


def ten_of(name: str) -> Case:
    """Ten cross positions on the venue `name`, on its latest tables: long and short by turns, every second one beyond its first
    bracket. Where the venue's tables know fewer contracts, copies of them under further names make up the ten."""
    table = load(name)
    day = max(row.since for row in table.brackets)
    listed = in_force(table, day).instruments
    known = [i for i in listed.values() if i.base in PRICES and i.brackets and i.kind is not Kind.SPOT]
    assert known, f"{name}: no contract on a coin that has a price here"
    picked = [replace(known[n % len(known)], symbol=f"{known[n % len(known)].symbol}#{n}") for n in range(10)]
    rulebook = replace(in_force(table, day), instruments={i.symbol: i for i in picked})
    marks = {i.symbol: Decimal(PRICES[i.base]) for i in picked}
    positions = tuple(_in_bracket(i, n, marks[i.symbol]) for n, i in enumerate(picked))
    values = {i.settle: Decimal(0) for i in picked}
    for position, instrument in zip(positions, picked, strict=True):
        amount = abs(position.size) * instrument.multiplier
        values[instrument.settle] += rulebook.rules.notional(amount, marks[instrument.symbol], instrument.kind == "inverse")
    account = Account(
        PositionMode.ONE_WAY,
        {asset: value / 2 for asset, value in values.items()},
        positions,
        fees=Fees(Decimal("0.0002"), Decimal("0.0005")),
    )
    indexes = {asset: Decimal(PRICES.get(asset, "1")) for asset in values}
    return Case(account, Marks(marks, {}, indexes), Venue(rulebook))


def _in_bracket(instrument: Instrument, n: int, mark: Decimal) -> Position:
    """The n-th position: half or one and a half times the first bracket's cap, in whole lots."""
    cap = instrument.brackets[0].cap or Decimal(100)
    reach = cap * (Decimal("1.5") if n % 2 and len(instrument.brackets) > 1 else Decimal("0.5"))
    unit = mark if instrument.bracket_unit == "notional" and instrument.kind != "inverse" else Decimal(1)
    if instrument.kind == "inverse" and instrument.bracket_unit != "contracts":
        unit = 1 / mark
    contracts = reach if instrument.bracket_unit == "contracts" else reach / unit / instrument.multiplier
    lot = instrument.lot or Decimal(1)
    size = max(lot, contracts // lot * lot) * (1 if n % 3 else -1)
    return Position(instrument.symbol, MarginMode.CROSS, LegSide.NET, size, mark * (1 + Decimal(n - 5) / 1000), Decimal(10))
