"""freqtrade's liquidation price against ours, on freqtrade's own bracket table. Run by `bench.peers`."""

import json
from decimal import Decimal
from importlib.metadata import version
from importlib.resources import files
from types import SimpleNamespace

import numpy as np
from freqtrade.enums import MarginMode as TheirMode
from freqtrade.enums import RunMode, TradingMode
from freqtrade.exchange.binance import Binance
from msgspec.structs import replace

from bench.positions import Book, book_of, errors, exact_prices, pools_of
from bench.side_by_side import Side, by_turns, line
from plimsoll.api import load_rulebook
from plimsoll.array.lines import isolated_prices, liquidation_prices
from plimsoll.model import Bracket, Instrument, Kind
from plimsoll.rulebook import Rulebook

COUNT, SYMBOLS, SAMPLE = 100_000, 200, 1_000


def their_exchange(mode: TheirMode, tiers: dict[str, list[dict[str, float]]]) -> Binance:
    """The object without a network: its dry-run formula reads its tiers and three settings."""
    exchange = Binance.__new__(Binance)
    exchange._config = {"runmode": RunMode.BACKTEST, "dry_run": True}
    exchange._leverage_tiers = tiers
    exchange.margin_mode, exchange.trading_mode = mode, TradingMode.FUTURES
    exchange.close = lambda: None
    return exchange


def bundled() -> tuple[dict[str, list[dict[str, float]]], list[Instrument]]:
    """freqtrade's bundled tiers, as it reads them and as instruments of ours."""
    text = files("freqtrade.exchange").joinpath("binance_leverage_tiers.json").read_text()
    exact, plain = json.loads(text, parse_float=Decimal, parse_int=Decimal), json.loads(text)
    pairs = sorted(pair for pair in plain if pair.endswith("/USDT:USDT"))[:SYMBOLS]
    tiers = {pair: [Binance.parse_leverage_tier(None, tier) for tier in plain[pair]] for pair in pairs}
    return tiers, [_instrument(pair, exact[pair]) for pair in pairs]


def _instrument(pair: str, tiers: list[dict[str, Decimal]]) -> Instrument:
    names = ("minNotional", "maxNotional", "maintenanceMarginRate")
    rows = tuple(Bracket(*(t[x] for x in names), Decimal(str(t["info"]["cum"])), t["maxLeverage"]) for t in tiers)
    return Instrument(pair, Kind.LINEAR, pair.split("/")[0], "USDT", "USDT", Decimal(1), rows)


def their_calls(book: Book) -> list[dict[str, object]]:
    """The arguments of one call a position."""
    trades = [
        SimpleNamespace(
            pair=book.symbols[leg["market"]], open_rate=float(leg["entry"]), amount=abs(float(leg["amount"])),
            stake_amount=abs(float(leg["amount"] * leg["entry"])) / float(leg["leverage"]),
        )
        for leg in book.legs
    ]  # fmt: skip
    calls: list[dict[str, object]] = []
    for n, (trade, leg) in enumerate(zip(trades, book.legs, strict=True)):
        account = n // book.per_account
        together = trades[account * book.per_account : (account + 1) * book.per_account]
        calls.append(
            {
                "pair": trade.pair, "open_rate": trade.open_rate, "is_short": bool(leg["amount"] < 0), "amount": trade.amount,
                "stake_amount": trade.stake_amount, "leverage": float(leg["leverage"]), "open_trades": together,
                "wallet_balance": trade.stake_amount if book.per_account == 1 else float(book.cash[account]),
            }
        )  # fmt: skip
    return calls


def compared(rulebook: Rulebook, listed: list[Instrument], tiers: dict[str, list[dict[str, float]]], per_account: int) -> str:
    """One printed comparison, on isolated positions or on accounts of several cross legs."""
    book = book_of(rulebook, listed, COUNT, per_account, seed=1)
    exchange = their_exchange(TheirMode.ISOLATED if per_account == 1 else TheirMode.CROSS, tiers)
    if per_account > 1:  # freqtrade's backtests take the open rate for the mark of the other trades
        book.legs["entry"] = book.marks
    calls, pools = their_calls(book), pools_of(book)
    price = exchange.dry_run_liquidation_price

    def theirs() -> list[float | None]:
        return [price(**call) for call in calls]

    def ours(threads: int) -> np.ndarray:
        if per_account == 1:
            return isolated_prices(rulebook.name, book.legs, book.marks, book.markets, threads)
        return liquidation_prices(rulebook.name, pools, threads).nearest

    accounts = range(SAMPLE // per_account)
    truth, sample = exact_prices(book, accounts), SAMPLE // per_account * per_account
    told = [float("nan") if x is None else x for x in theirs()[:sample]]
    kind = "isolated positions" if per_account == 1 else f"accounts of {per_account} cross legs"
    side = Side("freqtrade dry_run_liquidation_price", theirs, len(calls), errors(told, truth))
    said = errors(list(ours(1)[:sample]), truth)
    one = Side("plimsoll", lambda: ours(1), len(calls), said)
    two = Side("plimsoll, two threads", lambda: ours(2), len(calls), said, 2)
    rows = [by_turns(kind, one, side), by_turns(f"{kind}, two threads", two, side, 80)]
    return "\n".join(map(line, rows))


def main() -> None:
    print(f"freqtrade {version('freqtrade')}: liquidation prices of {COUNT:,} random positions in {SYMBOLS} symbols")
    tiers, listed = bundled()
    rulebook = load_rulebook("binance_usdm", "2026-07-02")
    rulebook = replace(rulebook, instruments={i.symbol: i for i in listed})
    for per_account in (1, 3):
        print(compared(rulebook, listed, tiers, per_account), flush=True)


if __name__ == "__main__":
    main()
