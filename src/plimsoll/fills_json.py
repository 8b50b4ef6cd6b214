"""Fills in JSON: the unified trades that ccxt's `fetch_my_trades` returns, and the export of a freqtrade backtest, plain or in
the zip that freqtrade writes.

ccxt: a list of trades {timestamp, symbol 'BTC/USDT:USDT', side, price, amount, cost, takerOrMaker, fee {cost, currency}, fees,
info}. `amount` counts contracts; a few versions and sources counted coins, which shows in `cost` (ccxt 4.5: `safe_trade`).
freqtrade: {strategy: {NAME: {trades: [...], starting_balance, stake_currency, trading_mode, ...}}}; each trade has `orders`
with amount (coins), safe_price, order_filled_timestamp, ft_is_entry (freqtrade 2026.9: `bt_storage`, `Order.to_json`); exports
from before 2022 have open and close alone. Times of a backtest are those at which its candles open.
"""

import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from plimsoll.errors import BadInput
from plimsoll.fills_file import (
    CHOICE,
    Counted,
    FillRow,
    FillsFile,
    checked,
    leg_in,
    leverage_in,
    liquidity_in,
    positive,
    side_of,
)
from plimsoll.number import ZERO, exact, parse, show
from plimsoll.prices.times import moment, parse_milliseconds
from plimsoll.text_files import read_json

SIZE_CURE = "a size is greater than zero; the side says which way"
LARGEST = 1 << 30
"""Bytes that a packed export may unpack to: a year of minute trades is far below."""


def read_fills_json(text: str, source: str, name: str, strategy: str | None) -> FillsFile:
    """A JSON's text: a list is ccxt's trades, an object with `strategy` is freqtrade's export."""
    document = read_json(text, source)
    if isinstance(document, list):
        if strategy is not None:
            raise BadInput("command line", "--strategy", strategy, f"{source} is a list of trades and has no strategies")
        return _ccxt(document, source, name)
    if isinstance(document, dict) and isinstance(document.get("strategy"), dict):
        return _freqtrade(document["strategy"], source, strategy)
    raise BadInput(source, "JSON", None, f"it is neither a list of trades nor a backtest with `strategy`; {CHOICE}")


def read_fills_zip(path: Path, strategy: str | None) -> FillsFile:
    """The zip of a freqtrade backtest: the one JSON in it that holds `strategy`."""
    source = str(path)
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as packed:
            names = [n for n in packed.namelist() if n.endswith(".json") and not n.endswith(("_config.json", ".meta.json"))]
            for name in sorted(names, key=lambda n: (Path(n).stem != path.stem, n)):
                if packed.getinfo(name).file_size > LARGEST:
                    raise BadInput(source, name, None, "it is too large to be a backtest; unpack the JSON and name it")
                text = packed.read(name).decode("utf-8")
                if '"strategy"' in text:
                    return read_fills_json(text, f"{source}:{name}", path.stem, strategy)
    except OSError as error:
        raise BadInput(source, "fills", None, f"cannot be read ({error.strerror}); {CHOICE}") from None
    except (zipfile.BadZipFile, UnicodeDecodeError, RuntimeError, NotImplementedError, EOFError) as error:
        raise BadInput(source, "zip", None, f"it cannot be unpacked ({error}); unpack the JSON and name it") from None
    raise BadInput(source, "zip", None, "there is no backtest result in it; give the zip that freqtrade wrote")


# ---- ccxt ---------------------------------------------------------------------------------------------------------------


def _ccxt(trades: list[Any], source: str, name: str) -> FillsFile:
    rows = tuple(_trade(_object(trade, f"trade {n}", source), f"trade {n}", source) for n, trade in enumerate(trades, 1))
    seen: dict[str, FillRow] = {}
    for trade, row in zip(trades, rows, strict=True):
        told = None if trade.get("id") is None else f"{row.symbol} {trade['id']}"
        if told is not None and told in seen:
            raise BadInput(source, f"{row.place} id", trade["id"], f"{seen[told].place} is the same fill; keep one")
        if told is not None:
            seen[told] = row
    return checked(FillsFile(source=source, kind="ccxt trades", name=name, rows=rows))


def _trade(trade: Mapping[str, Any], place: str, source: str) -> FillRow:
    fee, fee_asset = _fee(trade, place, source)
    info = trade.get("info")
    raw = info if isinstance(info, dict) else {}
    leg = raw.get("positionSide", raw.get("posSide"))
    reduce_only = trade.get("reduceOnly", raw.get("reduceOnly", False))
    cost = trade.get("cost")
    return FillRow(
        place=place,
        time=_stamp(_field(trade, "timestamp", place, source), f"{place} timestamp", source),
        symbol=_word(trade, "symbol", place, source),
        side=side_of(_field(trade, "side", place, source), f"{place} side", source),
        amount=positive(_field(trade, "amount", place, source), f"{place} amount", source, SIZE_CURE),
        price=positive(_field(trade, "price", place, source), f"{place} price", source, "a price is greater than zero"),
        counted=Counted.BY_COST,
        cost=None if cost is None else parse(cost, f"{place} cost", source),
        fee=fee,
        fee_asset=fee_asset,
        liquidity=liquidity_in(trade.get("takerOrMaker"), f"{place} takerOrMaker", source),
        leverage=leverage_in(trade.get("leverage"), f"{place} leverage", source),
        reduce_only=reduce_only is True or reduce_only == "true",
        position_side=leg_in("" if leg is None else leg, f"{place} info positionSide", source),
    )


def _fee(trade: Mapping[str, Any], place: str, source: str) -> tuple[Decimal | None, str]:
    """(what was paid, in which asset); ccxt writes a rebate as a negative cost. Several fees of one asset are added up."""
    listed = trade.get("fees") or [trade.get("fee")]
    fees = [fee for fee in listed if isinstance(fee, dict) and fee.get("cost") is not None]
    assets = list(dict.fromkeys(str(fee.get("currency") or "") for fee in fees))
    if not fees:
        return None, ""
    if len(assets) > 1:
        raise BadInput(source, f"{place} fees", ", ".join(assets), "one fill pays its fee in one asset; keep that one")
    with exact():
        return sum((parse(fee["cost"], f"{place} fee cost", source) for fee in fees), ZERO), assets[0]


# ---- freqtrade ----------------------------------------------------------------------------------------------------------


def _freqtrade(strategies: Mapping[str, Any], source: str, wanted: str | None) -> FillsFile:
    known = ", ".join(strategies) or "none"
    if wanted is None and len(strategies) != 1:
        raise BadInput(source, "strategy", None, f"the export has {known}; name one with --strategy")
    if wanted is not None and wanted not in strategies:
        raise BadInput(source, "strategy", wanted, f"the export has {known}; name one of them with --strategy")
    name = wanted or next(iter(strategies))
    export = _object(strategies[name], f"strategy {name}", source)
    if export.get("trading_mode", "futures") != "futures":
        cure = "nothing is borrowed there and nothing can be liquidated; give a futures backtest"
        raise BadInput(source, f"strategy {name} trading_mode", export["trading_mode"], cure)
    trades = export.get("trades")
    if not isinstance(trades, list):
        raise BadInput(source, f"strategy {name} trades", None, "is missing; export the backtest with --export trades")
    found: list[tuple[datetime, datetime, FillRow]] = []
    for number, raw in enumerate(trades, 1):
        place = f"trade {number}"
        rows = _orders(_object(raw, place, source), place, source)
        opened = min((row.time for row in rows), default=datetime.max.replace(tzinfo=UTC))
        found += [(row.time, opened, row) for row in rows]
    found.sort(key=lambda item: item[:2])
    return checked(
        FillsFile(
            source=source,
            kind="freqtrade backtest",
            name=name,
            rows=tuple(row for _, _, row in found),
            wallet=_balance(export, name, source),
            notes=_remarks(trades, source),
        )
    )


def _orders(trade: Mapping[str, Any], place: str, source: str) -> list[FillRow]:
    """A trade's filled orders; its open and its close where the export is too old to list them."""
    pair = _word(trade, "pair", place, source)
    entry, leave = ("sell", "buy") if trade.get("is_short") is True else ("buy", "sell")
    leverage = leverage_in(trade.get("leverage"), f"{place} leverage", source)
    rates = {side: trade.get(key) for side, key in ((entry, "fee_open"), (leave, "fee_close"))}
    fees = {side: None if rate is None else parse(rate, f"{place} fee", source) for side, rate in rates.items()}

    def row(at: str, time: object, side: str, amount: object, price: object) -> FillRow:
        return FillRow(
            place=at,
            time=_stamp(time, f"{at} time", source),
            symbol=pair,
            side=side,
            amount=positive(amount, f"{at} amount", source, SIZE_CURE),
            price=positive(price, f"{at} price", source, "a price is greater than zero"),
            fee_rate=fees[side],
            leverage=leverage,
            reduce_only=side == leave,
        )

    orders = trade.get("orders")
    if isinstance(orders, list):
        rows = []
        for number, raw in enumerate(orders, 1):
            at = f"{place} order {number}"
            order = _object(raw, at, source)
            if order.get("order_filled_timestamp") is None:
                continue
            side = entry if order.get("ft_is_entry") is True else leave
            amount = order["filled"] if order.get("filled") else _field(order, "amount", at, source)
            rows.append(row(at, order["order_filled_timestamp"], side, amount, _field(order, "safe_price", at, source)))
        return rows
    amount = _field(trade, "amount", place, source)
    rows = [row(f"{place} open", _when(trade, "open", place, source), entry, amount, _field(trade, "open_rate", place, source))]
    if trade.get("is_open") is not True and trade.get("close_rate") is not None:
        closed = _when(trade, "close", place, source)
        rows.append(row(f"{place} close", closed, leave, amount, trade["close_rate"]))
    return rows


def _when(trade: Mapping[str, Any], which: str, place: str, source: str) -> object:
    return trade.get(f"{which}_timestamp") or _field(trade, f"{which}_date", place, source)


def _balance(export: Mapping[str, Any], name: str, source: str) -> dict[str, Decimal]:
    """The starting money of the backtest, where the export tells it."""
    asset, amount = export.get("stake_currency"), export.get("starting_balance", export.get("dry_run_wallet"))
    if not isinstance(asset, str) or amount is None:
        return {}
    return {asset: positive(amount, f"strategy {name} starting_balance", source, "a wallet holds more than zero")}


def _remarks(trades: list[Any], source: str) -> tuple[str, ...]:
    """What of the export is not played but told."""
    own = [t for t in trades if t.get("exit_reason") == "liquidation"]
    notes = [f"{len(own)} trades end in the backtester's own liquidation, played as closes at its price"] if own else []
    with exact():
        own_fees = [(n, trade.get("funding_fees")) for n, trade in enumerate(trades, 1)]
        paid = [parse(fee, f"trade {n} funding_fees", source) for n, fee in own_fees if fee]
        total = sum(paid, ZERO)
    told = f"the backtest's own funding, {show(total, 2)} in all, is not used: the recorded rates are"
    return (*notes, *([told] if paid else []))


# ---- fields -------------------------------------------------------------------------------------------------------------


def _object(value: object, place: str, source: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadInput(source, place, value, "write an object of names and values")
    return value


def _field(entry: Mapping[str, Any], key: str, place: str, source: str) -> Any:
    if entry.get(key) is None:
        raise BadInput(source, f"{place} {key}", None, "is missing; every fill needs it")
    return entry[key]


def _word(entry: Mapping[str, Any], key: str, place: str, source: str) -> str:
    value = _field(entry, key, place, source)
    if not isinstance(value, str) or not value.strip():
        raise BadInput(source, f"{place} {key}", value, "write a name in quotes")
    return value.strip()


def _stamp(value: object, field: str, source: str) -> datetime:
    """UTC from epoch milliseconds (freqtrade writes them as floats at times) or ISO text with a zone."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return moment(parse_milliseconds(show(value), field, source))
    if isinstance(value, str):
        return moment(parse_milliseconds(value.strip(), field, source))
    raise BadInput(source, field, value, "give epoch milliseconds, or a time such as 2025-10-10T21:00:00Z")
