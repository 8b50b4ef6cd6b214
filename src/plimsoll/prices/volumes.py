"""How much is traded, from a file of candles with a column `volume` in coins: the money of a median hour."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from statistics import median

from plimsoll.number import exact, parse
from plimsoll.prices.table import open_table, read_rows, refuse

HOUR = 3_600_000


def read_volumes(path: Path, names: Mapping[str, str]) -> dict[str, Decimal]:
    """Symbol -> money traded in a median hour: the median over all bars of volume times close, for an hour of the shortest time
    between two bars. `names`: symbol -> the file's. Nothing where the file has no volume. BadInput: a volume below zero."""
    table = open_table(path)
    if not {"ts", "symbol", "close", "volume"} <= set(table.columns):
        return {}
    rows = read_rows(table, list(names.values()), ["close", "volume"])
    found = {}
    with exact():
        for symbol, there in names.items():
            own = [row for row in rows.iter_rows(named=True) if row["symbol"] == there]
            own = [row for row in own if row["close"] is not None and row["volume"] is not None]
            if len(own) < 2:
                continue
            bars = [parse(row["close"], "close", str(path)) * parse(row["volume"], "volume", str(path)) for row in own]
            least = min(range(len(bars)), key=lambda at: bars[at])
            if bars[least] < 0:
                raise refuse(table, own[least], "volume", "a volume is never below zero")
            step = min(b["time"] - a["time"] for a, b in pairwise(own))
            found[symbol] = median(bars) * HOUR / step
    return found
