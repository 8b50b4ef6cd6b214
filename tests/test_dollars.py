"""A plan in one dollar coin at a venue that settles in another: one for one, told, and nowhere else."""

from datetime import date
from decimal import Decimal

from plimsoll.account_file import read_account
from plimsoll.dollars import in_dollars_of
from plimsoll.model import Kind
from plimsoll.plan import PlanMode, open_plan
from plimsoll.rulebook import in_force, match
from plimsoll.table_files import load

D = Decimal
DAY = date(2026, 7, 2)


def test_a_venue_without_contracts_in_a_dollar_is_matched_by_another_and_coins_by_nothing_else() -> None:
    book = in_force(load("hyperliquid"), DAY)
    found = match(book, "BTC", "USDT", Kind.LINEAR)
    assert found is not None and (found.symbol, found.settle) == ("BTC", "USDC")
    assert match(book, "BTC", "EUR", Kind.LINEAR) is None
    assert match(book, "BTC", "USD", Kind.INVERSE) is None
    assert match(book, "NOSUCHCOIN", "USDT", Kind.LINEAR) is None


def test_a_venue_that_has_the_dollar_asked_for_is_not_matched_by_another() -> None:
    book = in_force(load("binance_usdm"), DAY, symbols=["BTCUSDT", "ETHUSDC"])
    assert match(book, "BTC", "USDC", Kind.LINEAR) is None


def test_the_wallet_follows_the_contracts_and_says_so() -> None:
    home, there = in_force(load("binance_usdm"), DAY), in_force(load("hyperliquid"), DAY)
    plan = read_account("textbook")
    opening = open_plan(plan, there, home, PlanMode.ISOLATED)
    assert opening.account.cash == {"USDC": D(100)} and opening.symbols == {"BTCUSDT": "BTC", "ETHUSDT": "ETH"}
    assert any("each USDT of the wallet counts as one USDC" in note for note in opening.notes)
    own = open_plan(plan, home, home, PlanMode.ISOLATED)
    assert own.account.cash == {"USDT": D(100)} and not any("counts as one" in note for note in own.notes)


def test_a_wallet_that_holds_the_coin_or_several_stays_as_it_is() -> None:
    btc = in_force(load("hyperliquid"), DAY).instruments["BTC"]
    for wallet in ({"USDC": D(5)}, {"USDT": D(5), "USDC": D(1)}, {"BTC": D(1)}):
        assert in_dollars_of(wallet, [btc]) == (wallet, [])
    assert in_dollars_of({"USDT": D(5), "BTC": D(1)}, [btc])[0] == {"USDC": D(5), "BTC": D(1)}
