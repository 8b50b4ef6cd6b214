"""`assess`: the account as the venue would show it, what should worry, where numbers come from, and what would move a
liquidation price. Expected amounts are worked out by hand from the bracket rows of 2026-07-02 (first row 0.4 %)."""

import io
import json
import math
import statistics
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.text import Text

from plimsoll.account_file import example_names, parse_account, read_account
from plimsoll.assess_command import AssessOptions, Form, build, run_assess
from plimsoll.assess_report import AssessReport, Question, assess_report
from plimsoll.begin import Refusal
from plimsoll.cautions import Code
from plimsoll.errors import BadInput
from plimsoll.explain import QUANTITIES
from plimsoll.number import exact
from plimsoll.plan import PlanMode, Skipped, open_plan
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.report.terminal_assess import money, price, print_report
from plimsoll.rulebook import discover, in_force
from plimsoll.table_files import load
from plimsoll.volatility import volatility
from plimsoll.want import Remedy, Way

D = Decimal
TODAY = date(2026, 7, 2)
CLOSE = D("1e-25")
MARKS = {
    "BTCUSDT": "101000",
    "ETHUSDT": "3900",
    "ADAUSDT": "0.79",
    "BTC-USD-SWAP": "24000",
}


def options(account: str, *marks: str, **more: Any) -> AssessOptions:
    return AssessOptions(account=account, today=TODAY, marks=marks, **more)


def own_marks(name: str) -> tuple[str, ...]:
    marks = MARKS | {"borrowed_eth": {"ETHUSDT": "2500"}, "interest_only": {"BTCUSDT": "50000"}}.get(name, {})
    return tuple(f"{p.symbol}={marks[p.symbol]}" for p in read_account(name).positions)


def textbook(**more: Any) -> AssessReport:
    return build(options("textbook", "BTCUSDT=101000", "ETHUSDT=3900", **more))


def said(text: str, marks: dict[str, str], venue: str = "binance_usdm", question: Question | None = None) -> AssessReport:
    """The report of an account given as text."""
    plan = parse_account(text, "test.toml")
    home, rulebook = in_force(load(plan.venue), TODAY), in_force(load(venue), TODAY)
    opening = open_plan(plan, rulebook, home, PlanMode.AS_GIVEN)
    found = {opening.symbols[symbol]: D(mark) for symbol, mark in marks.items()}
    return assess_report(plan, opening, rulebook, home, found, None, question)


def account(*positions: str, wallet: str = "1000", extra: str = "", mode: str = "one_way") -> str:
    head = f'name = "T"\nvenue = "binance_usdm"\nposition_mode = "{mode}"\n[wallet]\nUSDT = "{wallet}"\n'
    return head + "".join(positions) + extra


def position(symbol: str, side: str, size: str, entry: str, leverage: int, mode: str = "cross") -> str:
    return (
        f'[[positions]]\nsymbol = "{symbol}"\nside = "{side}"\nsize = "{size}"\nentry_price = "{entry}"\n'
        f'leverage = {leverage}\nmode = "{mode}"\n'
    )


def test_the_textbook_is_shown_as_the_venue_would() -> None:
    """ETH: 200 - 0.5*100 = 150 against 1950 * 0.004 = 7.8; it fails at 1800 / (0.5 * 0.996)."""
    view = textbook().assessment
    eth = next(leg for leg in view.legs if leg.symbol == "ETHUSDT")
    pool = next(pool for pool in view.pools if pool.key == "ETHUSDT")
    with exact():
        line = D(1800) / D("0.498")
    assert (eth.notional, eth.unrealised_pnl, eth.initial_margin, eth.maintenance_margin) == (D(1950), D(-50), D(195), D("7.8"))
    assert eth.liquidation_price is not None and abs(eth.liquidation_price - line) < CLOSE
    assert (eth.displayed_liquidation_price, eth.bankruptcy_price) == (D("3614.45783133"), D(3600))
    assert (pool.margin_balance, pool.requirement, pool.headroom) == (D(150), D("7.8"), D("142.2"))
    usdt = view.assets[0]
    assert (usdt.wallet_balance, usdt.cash, usdt.equity, usdt.withdrawable) == (D(500), D(100), D(470), D(100))


def test_the_direction_of_the_ratio_is_the_venues() -> None:
    assert textbook().ratio == "usage"
    assert textbook(venue="okx_futures").ratio == "cover"


def test_a_position_without_entry_is_opened_at_the_mark_and_pays_its_fee() -> None:
    """0.5 * 3900 * 0.0005 = 0.975 leaves the wallet; the entry is the mark."""
    text = account(position("ETHUSDT", "long", "0.5", "1", 10).replace('entry_price = "1"\n', ""))
    view = said(text, {"ETHUSDT": "3900"}).assessment
    assert [(leg.entry_price, leg.size) for leg in view.legs] == [(D(3900), D("0.5"))]
    assert view.assets[0].wallet_balance == D("999.025")


ETH = position("ETHUSDT", "long", "0.5", "4000", 10, "isolated")
WITHOUT_STOP = {Code.NO_STOP}
CAUTIONS = [
    ("far", account(ETH), {"ETHUSDT": "3900"}, WITHOUT_STOP),
    ("near: 2.3 % away", account(ETH), {"ETHUSDT": "3700"}, {Code.NEAR_LIQUIDATION} | WITHOUT_STOP),
    (
        "10 against 7.24, 181 times the balance",
        account(ETH),
        {"ETHUSDT": "3620"},
        {Code.NEAR_LIQUIDATION, Code.THIN_COVER, Code.OVER_LEVERAGED} | WITHOUT_STOP,
    ),
    ("0 against 7.2", account(ETH), {"ETHUSDT": "3600"}, {Code.LIQUIDATABLE}),
    (
        "a stop below 3614.46 never fires",
        account(ETH, extra='[[stops]]\nsymbol = "ETHUSDT"\nprice = "3614"\n'),
        {"ETHUSDT": "3900"},
        {Code.STOP_BEYOND_LIQUIDATION},
    ),
    ("a stop above it does", account(ETH, extra='[[stops]]\nsymbol = "ETHUSDT"\nprice = "3615"\n'), {"ETHUSDT": "3900"}, set()),
    (
        "a take-profit is no stop",
        account(ETH, extra='[[stops]]\nsymbol = "ETHUSDT"\ntake_profit = "4500"\n'),
        {"ETHUSDT": "3900"},
        WITHOUT_STOP,
    ),
    (
        "280000 of the 300000 that 150x allows",
        account(position("BTCUSDT", "long", "2.8", "100000", 150), wallet="100000"),
        {"BTCUSDT": "100000"},
        {Code.BRACKET_EDGE} | WITHOUT_STOP,
    ),
    (
        "269000 is not yet the edge",
        account(position("BTCUSDT", "long", "2.69", "100000", 150), wallet="100000"),
        {"BTCUSDT": "100000"},
        WITHOUT_STOP,
    ),
    (
        "310000 is beyond it",
        account(position("BTCUSDT", "long", "3.1", "100000", 150), wallet="100000"),
        {"BTCUSDT": "100000"},
        {Code.LEVERAGE_ABOVE_BRACKET} | WITHOUT_STOP,
    ),
    (
        "125 times the balance where 150 are allowed",
        account(position("BTCUSDT", "long", "1", "100000", 100), wallet="800"),
        {"BTCUSDT": "100000"},
        {Code.OVER_LEVERAGED, Code.NEAR_LIQUIDATION} | WITHOUT_STOP,
    ),
    (
        "nearly balanced legs fail on both sides",
        account(
            position("BTCUSDT", "long", "3.028", "100000", 50),
            position("BTCUSDT", "short", "3", "100000", 50),
            wallet="2500",
            mode="hedge",
        ),
        {"BTCUSDT": "100000"},
        {Code.TWO_TRIGGERS, Code.THIN_COVER, Code.OVER_LEVERAGED} | WITHOUT_STOP,
    ),
]


@pytest.mark.parametrize(("text", "marks", "codes"), [case[1:] for case in CAUTIONS], ids=[case[0] for case in CAUTIONS])
def test_cautions(text: str, marks: dict[str, str], codes: set[Code]) -> None:
    found = said(text, marks).cautions
    assert {caution.code for caution in found} == codes, [caution.sentence for caution in found]
    assert [list(Code).index(c.code) for c in found] == sorted(list(Code).index(c.code) for c in found)


def test_a_stale_and_an_open_table_are_told() -> None:
    text = account(position("ETHUSDT", "long", "600", "4000", 10), wallet="1000000")
    found = {c.code: c for c in said(text, {"ETHUSDT": "4000"}, "okx_futures").cautions}
    assert found[Code.STALE_TABLE].value == 85 and "2026-09-25" in found[Code.STALE_TABLE].sentence
    assert (found[Code.OPEN_TABLE].value, found[Code.OPEN_TABLE].limit) == (D(6000), D(5000))


OPEN = [
    ("a row of 5,000 tenths of an ETH", "okx_futures", "ETH-USDT-SWAP", "10", "1 of 1 known to 5,000", ""),
    ("the first row of twelve", "binance_usdm", "BTCUSDT", "1", "1 of 12 to 300,000", ""),
    ("a row of a class", "binance_margin", "ETHUSDT", "2", "1 of 1 cap not known", "nor where the last known one ends"),
    ("a row that no source ends", "dydx", "ETH-USD", "2", "1 of 1 cap not known", ""),
]


@pytest.mark.parametrize(("venue", "symbol", "size", "shown", "caution"), [case[1:] for case in OPEN], ids=[c[0] for c in OPEN])
def test_a_row_whose_end_is_not_known_is_not_said_to_have_none(
    venue: str, symbol: str, size: str, shown: str, caution: str
) -> None:
    asset = "USDC" if venue == "dydx" else "USDT"
    head = f'name = "T"\nvenue = "{venue}"\ninterest = {{ USDT = "0.06" }}\n[wallet]\n{asset} = "9000000"\n'
    text = head + position(symbol, "long", size, "4000", 3, "isolated").replace('entry_price = "4000"\n', "")
    report = said(text, {symbol: "4000"}, venue)
    out = io.StringIO()
    print_report(report, out)
    line, below, folded = [cells.split() for cells in out.getvalue().split("\nMargin")[1].splitlines()[3:6]]
    assert shown == " ".join([*line[-4:-1], *below[3:], *folded])
    assert [c.sentence for c in report.cautions if c.code is Code.OPEN_TABLE and caution in c.sentence] or not caution
    assert caution or Code.OPEN_TABLE not in {c.code for c in report.cautions}
    assert report.rows[0].complete is (venue in ("dydx", "binance_usdm"))


def test_a_level_that_the_venue_liquidates_at_is_told_in_place_of_the_unused_rate_of_the_row() -> None:
    """A pair of 3x is liquidated at 1.15 (the published level of the lowest tier), so its debt needs 0.15 of itself; the row of
    the pair says 0.05. Where a venue goes by the rate of the row, that is told and no level is."""
    head = 'name = "T"\nvenue = "binance_margin"\ninterest = { BTC = "0.02" }\n[wallet]\nUSDT = "9000"\n'
    text = head + position("BTCUSDT", "short", "0.05", "0", 3, "isolated").replace('entry_price = "0"\n', "")
    report = said(text, {"BTCUSDT": "60000"}, "binance_margin", Question("liquidation_price"))
    (told,), (row,) = report.explanations, report.rows
    numbers = {given.name: given.value for given in told.inputs}
    owed = Fraction(5, 100) * (1 + Fraction(2, 100) / (365 * 24)) * Fraction(numbers["BTCUSDT mark"])
    assert abs(Fraction(numbers["requirement there"]) / owed - Fraction(15, 100)) < Fraction(1, 10**9)
    assert numbers["liquidation_level"] == row.level == D("1.15") and row.bracket.maintenance_rate == D("0.05")
    assert "level 1.15" in told.bracket and "rate" not in told.bracket
    assert any(source.startswith("M-TIER") for source in told.sources)
    (other,) = textbook(explain="liquidation_price:ETHUSDT").explanations
    assert "rate 0.004" in other.bracket and "level" not in other.bracket
    assert {row.level for row in textbook().rows} == {None}


DEBT = 'name = "T"\nvenue = "{}"\n[wallet]\nETH = "10"\nBTC = "0.5"\n[borrowed]\nUSDT = "40000"\n'


@pytest.mark.parametrize(
    ("venue", "lines"),
    [
        ("binance_margin", {"ETH": 44_000 - 30_000, "BTC": 44_000 - 30_000}),  # assets at 1.1 of what is owed
        ("bybit_uta", {"ETH": D(41_600 - 29_400) / D("0.95"), "BTC": D(41_600 - 28_500) / D("0.98")}),  # 4 % of the debt
    ],
)
def test_coins_and_a_debt_alone_have_lines(tmp_path: Path, venue: str, lines: dict[str, int | D]) -> None:
    """10 ETH at 3,000 and 0.5 BTC at 60,000 behind 40,000 USDT, by hand: what all of a coin is worth where it ends."""
    file = tmp_path / "debt.toml"
    file.write_text(DEBT.format(venue), encoding="utf-8")
    report = build(options(str(file), indexes=("ETH=3000", "BTC=60000")))
    held = {"ETH": D(10), "BTC": D("0.5")}
    assert {coin.asset: float(coin.liquidation_price) for coin in report.coins} == pytest.approx(
        {asset: float(D(worth) / held[asset]) for asset, worth in lines.items()}
    )
    (pool,) = [pool for pool in report.assessment.pools if pool.key == "account"]
    assert pool.portfolio_liquidation_move is not None
    fallen = 1 + pool.portfolio_liquidation_move
    moved = build(options(str(file), indexes=(f"ETH={3000 * fallen * D('1.0001')}", f"BTC={60000 * fallen * D('1.0001')}")))
    under = build(options(str(file), indexes=(f"ETH={3000 * fallen * D('0.9999')}", f"BTC={60000 * fallen * D('0.9999')}")))
    assert [any(p.liquidatable for p in r.assessment.pools) for r in (moved, under)] == [False, True]
    out = io.StringIO()
    print_report(report, out)
    assert all(f"{float(coin.liquidation_price):,.2f}" in out.getvalue() for coin in report.coins)


@pytest.mark.parametrize("venue", ["binance_usdm", "bitmex", "okx_margin", "okx_futures", "dydx"])
def test_a_debt_of_the_account_is_refused_where_there_are_none(tmp_path: Path, venue: str) -> None:
    file = tmp_path / "debt.toml"
    file.write_text(DEBT.format(venue), encoding="utf-8")
    with pytest.raises(BadInput, match=f"borrowed = USDT: an account of {venue} owes nothing beside its positions"):
        build(options(str(file), indexes=("ETH=3000", "BTC=60000")))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"marks": ("ETHUSDT=3000",)}, "it holds coins alone; give their prices with --index"),
        ({"indexes": ("ETH=3000",)}, "BTC: no index price"),
        ({}, "ETH: no index price"),
    ],
)
def test_coins_alone_need_their_index_prices(tmp_path: Path, more: dict[str, tuple[str, ...]], says: str) -> None:
    file = tmp_path / "debt.toml"
    file.write_text(DEBT.format("binance_margin"), encoding="utf-8")
    with pytest.raises(BadInput, match=says):
        build(AssessOptions(account=str(file), today=TODAY, **more))
    with pytest.raises(BadInput, match="coins and debts alone can be assessed, not played"):
        read_account(str(file))


def built(tmp_path: Path, text: str, *marks: str, **more: Any) -> AssessReport:
    """The report of an account given as text, as the command builds it."""
    file = tmp_path / "account.toml"
    file.write_text(text, encoding="utf-8")
    return build(options(str(file), *marks, **more))


def level_of(report: AssessReport) -> list[D | None]:
    return [pool.venue_ratio for pool in report.assessment.pools if pool.key == "account"]


def test_the_price_of_a_dollar_coin_is_in_the_prices_that_marks_tell(tmp_path: Path) -> None:
    """1 BTC at 60,000 USDT, a USDT at half a dollar: 30,000 dollars, and 500 of 1,000 USDT. Coins bought on margin: 2,800 USDT
    at 0.98 each for 3 ETH beside 0.1 BTC, against 8,900 USDT."""
    text = 'name = "T"\nvenue = "bybit_uta"\n[wallet]\nBTC = "1"\nUSDT = "1000"\n'
    text += position("BTCUSDT", "long", "2", "60000", 5)
    report = built(tmp_path, text, "BTCUSDT=60000", indexes=("USDT=0.5",))
    assert report.indexes == {"BTC": D(30000), "USDT": D("0.5")}
    assert report.assessment.account is not None and report.assessment.account.equity == 30500
    text = 'name = "T"\nvenue = "binance_margin"\n[wallet]\nBTC = "0.1"\nUSDT = "100"\n'
    text += position("ETHUSDT", "long", "3", "3000", 3)
    report = built(tmp_path, text, "ETHUSDT=2800", indexes=("BTC=60000", "USDT=0.98"))
    (level,), (leg,) = level_of(report), report.assessment.legs
    owed = D(8900) * D("0.98")
    assert level is not None and abs(level - (6000 + 3 * 2800 * D("0.98")) / owed) < D("1e-9")
    assert leg.liquidation_price is not None
    assert abs(leg.liquidation_price - (D("1.1") * owed - 6000) / (3 * D("0.98"))) < D("0.01")


def test_what_is_owed_of_a_coin_is_taken_off_the_balance_where_that_may_go_below_zero(tmp_path: Path) -> None:
    """OKX: 3,000 USDT and a debt of 2,000 are 1,000 USDT, and nothing costs interest; 0.1 BTC less 0.3 are a debt of 0.2."""
    head = 'name = "T"\nvenue = "okx_multi"\ninterest = { USDT = "0.365", BTC = "0.1" }\n'
    text = head + '[wallet]\nUSDT = "3000"\nBTC = "%s"\n[borrowed]\n%s\n'
    rich = built(tmp_path, text % ("1", 'USDT = "2000"'), indexes=("BTC=60000",))
    assert rich.owed == () and [a.equity for a in rich.assessment.assets] == [D(1000), D(1)]
    poor = built(tmp_path, text.replace("3000", "30000") % ("0.1", 'BTC = "0.3"'), indexes=("BTC=60000",))
    assert [(owing.asset, owing.lent) for owing in poor.owed] == [("BTC", D("0.2"))]
    assert [a.borrowed for a in poor.assessment.assets if a.asset == "BTC"] == [D("0.2")]


def test_a_debt_is_repaid_at_the_fee_rate_of_the_user(tmp_path: Path) -> None:
    """2 % of 40,000 USDT, and the fee of buying 40,800 of them: at the list rate of coins, and at the user's own."""
    own = DEBT.format("okx_multi").replace("[wallet]", '[fees]\nmaker_rate = "0.0001"\ntaker_rate = "0.0003"\n[wallet]')
    for text, fee in ((DEBT.format("okx_multi"), D("0.001")), (own, D("0.0003"))):
        (pool,) = built(tmp_path, text, indexes=("ETH=3000", "BTC=60000")).assessment.pools
        assert pool.requirement == 800 + 40_800 * fee


def test_the_class_of_a_cross_account_of_coins_alone_is_that_of_its_leverage(tmp_path: Path) -> None:
    indexes = ("ETH=3000", "BTC=60000")
    plain = built(tmp_path, DEBT.format("binance_margin"), indexes=indexes)
    five = built(tmp_path, DEBT.format("binance_margin") + "[leverages]\nETHUSDT = 5\n", indexes=indexes)
    assert [report.owed[0].call for report in (plain, five)] == [D("1.3"), D("1.16")]
    with pytest.raises(BadInput, match="leverages = FOOUSDT: binance_margin has no such instrument"):
        built(tmp_path, DEBT.format("binance_margin") + "[leverages]\nFOOUSDT = 5\n", indexes=indexes)
    with pytest.raises(BadInput, match="they serve the lines of positions"):
        built(tmp_path, DEBT.format("binance_margin"), indexes=indexes, prices="any.csv")


def test_an_account_that_is_isolated_as_a_whole_owes_nothing_beside_its_positions(tmp_path: Path) -> None:
    text = 'name = "T"\nvenue = "bybit_uta"\n[wallet]\nUSDT = "3000"\n[borrowed]\nUSDT = "2000"\n'
    with pytest.raises(BadInput, match="borrowed = USDT: bybit_uta lends money to buy coins with in cross margin only"):
        built(tmp_path, text + position("ETHUSDT", "long", "1", "3000", 3, "isolated"), "ETHUSDT=3000")
    assert built(tmp_path, text + position("ETHUSDT", "long", "1", "3000", 3), "ETHUSDT=3000").owed[0].lent == 2000


def test_an_isolated_pair_is_paid_with_what_may_leave_beside_a_debt(tmp_path: Path) -> None:
    """3,000 USDT and 2 ETH at 3,000 behind 2,000 USDT: a level of 4.5, above 2, so that 1,003 may leave; a transfer out of all
    but 10 of what is left (0.1 ETH) may not."""
    text = 'name = "T"\nvenue = "binance_margin"\n[wallet]\nUSDT = "3000"\nETH = "{}"\n[borrowed]\nUSDT = "2000"\n'
    text += position("ETHUSDT", "long", "1", "0", 3, "isolated").replace('entry_price = "0"\n', "")
    report = built(tmp_path, text.format(2), "ETHUSDT=3000")
    assert report.refusals == () and [leg.size for leg in report.assessment.legs] == [1]
    (refused,) = built(tmp_path, text.format("0.6"), "ETHUSDT=3000").refusals
    wanted, limit = refused.wanted, refused.limit
    assert wanted is not None and limit is not None and wanted > limit
    assert abs(wanted - 1003) < 1 and limit < 1000


def test_an_order_the_venue_refuses_is_told_with_its_code() -> None:
    report = said(account(ETH, extra='[[stops]]\nsymbol = "ETHUSDT"\nprice = "3950"\n'), {"ETHUSDT": "3900"})
    assert [(r.command, r.code, r.wanted, r.limit) for r in report.refusals] == [("stop-ETHUSDT", "-2021", D(3950), D(3900))]


def daily(prices: list[float]) -> History:
    """One bar an hour apart from midnight for each day: only the last of a day may count."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    frames = []
    for n, close in enumerate(prices):
        for hour, shown in ((1, D("1")), (23, D(repr(close)))):
            bar = Bar(shown, shown, shown, shown, mark_close=shown)
            frames.append(Frame(start + timedelta(days=n, hours=hour), 3600, {"ETHUSDT": bar}))
    return History("test", ("ETHUSDT",), tuple(frames))


WALK = [100.0, 103.0, 99.5, 101.0, 104.0, 98.0, 97.0, 99.0, 102.5, 103.0, 101.5, 100.0]


def test_a_days_move_is_the_deviation_of_daily_log_returns() -> None:
    returns = [math.log(b / a) for a, b in pairwise(WALK)]
    found = volatility(daily(WALK), "ETHUSDT")
    assert found.daily is not None and found.returns == 11
    assert math.isclose(float(found.daily), statistics.stdev(returns), rel_tol=1e-12)


@pytest.mark.parametrize(("prices", "why"), [(WALK[:10], "9 of the 10"), ([100.0] * 12, "never moved")])
def test_too_little_history_gives_a_reason_instead_of_a_number(prices: list[float], why: str) -> None:
    found = volatility(daily(prices), "ETHUSDT")
    assert found.daily is None and why in found.why


def test_a_script_of_the_file_serves_as_history_and_says_when_it_is_short() -> None:
    assert all("daily returns" in away.why for away in textbook(prices="crash").distances)


def test_explain_gives_formula_numbers_row_source_date_and_grade() -> None:
    (told,) = textbook(explain="maintenance_margin:ETHUSDT").explanations
    assert (told.result, told.unit, told.rule) == (
        D("7.8"),
        "USDT",
        "plimsoll.rules.binance_usdm.formulas.maintenance_margin",
    )
    assert {i.name: i.value for i in told.inputs} == {"amount": D("0.5"), "mark": D(3900), "notional": D(1950)}
    assert told.bracket.startswith("row 1 of 12: 0 to 300000 (notional), rate 0.004")
    assert "N * MMR - cum" in told.formula
    assert any(source.startswith("F-LIQPX: binance.com") for source in told.sources)
    assert told.grade == "doc"
    assert "brackets of 2026-07-02, grade recorded" in told.tables[0]


@pytest.mark.parametrize("venue", ["binance_usdm", "okx_futures", "bybit_classic", "bybit_uta"])
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_explains_itself_in_every_example(quantity: str, venue: str) -> None:
    for name in example_names():
        if (venue, name) in (("binance_usdm", "inverse"), ("bybit_uta", "mixed")):
            continue
        if venue == "bybit_uta" and name in ("borrowed_eth", "interest_only"):  # it lends in cross only
            continue
        told = build(options(name, *own_marks(name), venue=venue, explain=quantity)).explanations
        assert told, name
        for each in told:
            assert each.formula and each.grade and (each.inputs or each.result is None), (name, quantity)


def test_at_the_liquidation_price_the_pool_has_just_what_it_needs() -> None:
    for name in example_names():
        explained = build(options(name, *own_marks(name), explain="liquidation_price")).explanations
        assert explained
        for told in explained:
            there = {i.name: i.value for i in told.inputs if i.name.endswith("there")}
            assert (told.result is None) == (not there), (name, told.of)
            assert not there or abs(there["margin_balance there"] - there["requirement there"]) < CLOSE, (name, told.of)


def ways(report: AssessReport) -> dict[tuple[str, Way], Remedy]:
    return {(want.mode, remedy.way): remedy for want in report.wants for remedy in want.remedies}


def test_want_in_isolated_adds_the_missing_headroom() -> None:
    """At 3000: 200 - 500 - 6 = -306. The margin of 3x is 666.67; 4x, 500, would not do."""
    found = ways(textbook(want="ETHUSDT liq 3000"))
    add, cut, leverage = (found["isolated", way] for way in Way)
    assert (add.amount, add.lands_at) == (D(306), D(3000))
    assert "only 100 USDT may be moved in; deposit 206 first" in add.note
    assert cut.amount is None and "partial_close" in cut.note
    assert leverage.amount == 3 and leverage.lands_at is not None and leverage.lands_at < 3000
    assert "-4161" in leverage.note or "more than there is" in leverage.note


def test_want_in_cross_adds_the_missing_headroom_or_cuts_the_position() -> None:
    """ETH beside the isolated BTC has 300: at 3000 300 - 500 - 6 = -206 are missing. A cut of k at 3900 pays 0.05 % and
    saves 1012 - 100: k >= 206 / 910.05, so 0.227."""
    found = ways(textbook(want="ETHUSDT liq 3000"))
    add, cut, leverage = (found["cross", way] for way in Way)
    assert (add.amount, add.lands_at) == (D(206), D(3000))
    assert cut.amount == D("0.227") and cut.lands_at is not None and 2990 < cut.lands_at <= 3000
    assert leverage.amount is None and "cross" in leverage.note


@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_want_adds_more_where_added_money_also_has_to_pay_a_higher_closing_fee(mode: str) -> None:
    """Bybit, short 0.1 at 50000, taker 0.055 %: what is missing at the target times 1.00055, up to the hundred-millionth."""
    held = position("BTCUSDT", "short", "0.1", "50000", 10, "isolated")
    text = account(held, wallet="1000").replace("binance_usdm", "bybit_classic")
    report = said(text, {"BTCUSDT": "50000"}, "bybit_classic", Question(want="BTCUSDT liq 62000"))
    want = next(w for w in report.wants if w.mode == mode)
    add = next(remedy for remedy in want.remedies if remedy.way is Way.ADD_MARGIN)
    assert want.spare is not None and add.amount is not None and add.lands_at is not None
    assert -CLOSE <= add.amount + want.spare * D("1.00055") <= D("0.00000002")
    assert 62000 <= add.lands_at < D("62000.000001")


def test_one_lot_less_would_not_do() -> None:
    """0.226 ETH cut: 300 - 22.6 - 0.4407 - 0.274 * 1012 = -0.33 at 3000."""
    cut = ways(textbook(want="ETHUSDT liq 3000"))["cross", Way.CUT_SIZE]
    assert cut.amount is not None
    smaller = cut.amount - D("0.001")
    assert 300 - smaller * 100 - smaller * D("1.95") - (D("0.5") - smaller) * 1012 < 0


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ("ETHUSDT liq 3950", "must lie below the mark"),
        ("ETHUSDT liq 3900", "must lie below the mark"),
        ("ETHUSDT liq 3800", "there already"),
    ],
)
def test_a_target_on_the_wrong_side_or_already_passed_is_said_so(wish: str, words: str) -> None:
    wants = textbook(want=wish).wants
    assert [words in want.note for want in wants] == [True, True]
    assert all(not want.remedies for want in wants)


def test_every_remedy_lands_at_the_target_or_safer_at_both_venues() -> None:
    wishes = [
        ("textbook", "BTCUSDT liq 80000", -1),
        ("hedged_pair", "ETHUSDT liq 4400", 1),
        ("isolated_only", "ETHUSDT liq 3000", -1),
        ("hedge_mode", "BTCUSDT:short liq 120000", 1),
        ("mixed", "ADAUSDT liq 0.5", -1),
    ]
    for venue in ("binance_usdm", "okx_futures"):
        for name, wish, side in wishes:
            target = D(wish.split()[-1])
            for want in build(options(name, *own_marks(name), venue=venue, want=wish)).wants:
                for remedy in want.remedies:
                    if remedy.lands_at is not None:
                        assert (remedy.lands_at - target) * side >= 0, (venue, name, want.mode, remedy)


def test_an_inverse_position_is_told_in_its_coin() -> None:
    """2 BTC at 25000 are 2.777778 at 18000, of which 0.45 % are needed: 0.5 - 0.777778 - 0.0125 = -0.290278 in cross, and
    0.3 BTC more are missing in isolated. Rounded up to 1e-8 BTC, so the price may land a hair lower."""
    wants = build(options("inverse", "BTC-USD-SWAP=24000", want="BTC-USD-SWAP liq 18000")).wants
    adds = [want.remedies[0] for want in wants]
    assert [(add.amount, add.unit) for add in adds] == [(D("0.29027778"), "BTC"), (D("0.59027778"), "BTC")]
    assert all(add.lands_at is not None and 0 <= 18000 - add.lands_at < D("0.01") for add in adds)


WRONG = [
    (["nosuch"], {}, ["nosuch: account", "textbook"]),
    (["textbook"], {}, ["--marks: BTCUSDT, ETHUSDT", "no mark price"]),
    (["textbook", "BTCUSDT=1"], {}, ["--marks: ETHUSDT", "--marks ETHUSDT=PRICE"]),
    (["textbook", "BTCUSD=1"], {}, ["symbol = BTCUSD", "did you mean BTCUSDT?"]),
    (["textbook", "BTCUSDT=nan"], {}, ["BTCUSDT = nan", "finite"]),
    (["textbook", "BTCUSDT=-1"], {}, ["BTCUSDT = -1", "greater than zero"]),
    (["textbook", "BTCUSDT=1", "BTCUSDT=2"], {}, ["BTCUSDT = 2", "two different marks"]),
    (["textbook", "nofile.csv"], {}, ["nofile.csv", "cannot be read"]),
    (["textbook", "*"], {"venue": "deribit"}, ["deribit", ", ".join(discover())]),
    (["textbook", "*"], {"rules_as_of": "2026"}, ["--rules-as-of: day = 2026", "in-force"]),
    (["textbook", "*"], {"venue": "okx_futures", "rules_as_of": "in-force"}, ["BTC-USDT-SWAP", "nearest"]),
    (["textbook", "*"], {"explain": "maintenence_margin"}, ["maintenence_margin", "did you mean maintenance_margin?"]),
    (["textbook", "*"], {"explain": "notional:SOLUSDT"}, ["SOLUSDT", "BTCUSDT, ETHUSDT"]),
    (["textbook", "*"], {"explain": "withdrawable:BTC"}, ["name = BTC", "USDT"]),
    (["textbook", "*"], {"want": "ETHUSDT 2200"}, ["ETHUSDT 2200", "ETHUSDT liq 2200"]),
    (["textbook", "*"], {"want": "ETHUSDT liq nan"}, ["--want: price = nan"]),
    (["textbook", "*"], {"want": "SOLUSDT liq 3"}, ["SOLUSDT", "BTCUSDT, ETHUSDT"]),
    (["textbook", "*"], {"prices": "nofile.csv"}, ["nofile.csv"]),
]


@pytest.mark.parametrize(("given", "more", "words"), WRONG)
def test_bad_input_is_one_line_on_the_error_stream_and_code_2(
    given: list[str], more: dict[str, str], words: list[str]
) -> None:
    out, err = io.StringIO(), io.StringIO()
    name, *marks = given
    shown = own_marks(name) if marks == ["*"] else tuple(marks)
    assert run_assess(options(name, *shown, **more), out, err) == 2
    line = err.getvalue()
    assert out.getvalue() == "" and line.count("\n") == 1 and "Traceback" not in line
    assert [word for word in words if word not in line] == [], line


MARK_FILES = [
    ("marks.csv", "symbol,mark\nBTCUSDT,101000\nETHUSDT,3900\nSOLUSDT,1\n"),
    ("marks.json", '{"BTCUSDT": "101000", "ETHUSDT": 3900.0, "SOLUSDT": 1}'),
]


@pytest.mark.parametrize(("name", "text"), MARK_FILES)
def test_marks_come_from_files_too(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    report = build(options("textbook", str(tmp_path / name)))
    assert report.marks == {"BTCUSDT": D(101000), "ETHUSDT": D(3900)}


BAD_FILES = [
    ("marks.csv", "symbol,price\nBTCUSDT,1\n", "column = mark"),
    ("marks.csv", "symbol,mark\nBTCUSDT,1\nBTCUSDT,2\n", "twice"),
    ("marks.csv", "symbol,mark\nBTCUSDT,0\n", "mark, line 2"),
    ("marks.json", '{"BTCUSDT": NaN}', "finite"),
    ("marks.json", '{"BTCUSDT": "1", "BTCUSDT": "2"}', "twice"),
    ("marks.json", "[1, 2]", "one object"),
    ("marks.json", "{", "JSON"),
]


@pytest.mark.parametrize(("name", "text", "words"), BAD_FILES)
def test_a_bad_file_of_marks_is_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput) as caught:
        build(options("textbook", str(tmp_path / name)))
    assert words in str(caught.value) and name in str(caught.value)


def test_pairs_may_share_one_argument() -> None:
    assert build(options("textbook", "BTCUSDT=101000,ETHUSDT=3900")).marks == textbook().marks


def test_venue_symbols_are_understood_as_well() -> None:
    report = build(options("textbook", "BTC-USDT-SWAP=101000", "ETHUSDT=3900", venue="okx_futures"))
    assert report.marks == {"BTC-USDT-SWAP": D(101000), "ETH-USDT-SWAP": D(3900)}


def test_json_holds_the_whole_report_with_amounts_as_exact_text() -> None:
    out = io.StringIO()
    asked = options("textbook", "BTCUSDT=101000", "ETHUSDT=3900", want="ETHUSDT liq 3000", form=Form.JSON)
    assert run_assess(asked, out, io.StringIO()) == 0
    data = json.loads(out.getvalue())
    eth = data["assessment"]["legs"][1]
    assert (eth["name"], eth["maintenance_margin"], eth["mode"]) == ("ETHUSDT", "7.8", "isolated")
    assert eth["liquidation_price"].startswith("3614.4578313253012048192")
    assert data["as_of"] == "2026-07-02" and data["wants"][1]["remedies"][0]["amount"] == "306"
    assert _numbers(data) == set(), "amounts are text, only counts are numbers"


def _numbers(value: object) -> set[str]:
    """The kinds of floating numbers in plain data."""
    if isinstance(value, dict):
        return set().union(*(_numbers(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(_numbers(item) for item in value))
    return {"float"} if isinstance(value, float) else set()


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", example_names())
def test_the_terminal_shows_every_number_whole_at_any_width(name: str, width: int) -> None:
    out = io.StringIO()
    report = build(options(name, *own_marks(name)))
    print_report(report, out, width)
    lines = [line.rstrip() for line in Text.from_ansi(out.getvalue()).plain.splitlines()]
    assert max(len(line) for line in lines) <= width
    text = "\n".join(lines)
    assert "…" not in text
    for leg in report.assessment.legs:
        prices = (leg.mark, leg.entry_price, leg.liquidation_price, leg.displayed_liquidation_price)
        assert leg.symbol in text
        assert all(each is None or price(each) in text for each in prices), leg.name
    for pool in report.assessment.pools:
        assert money(pool.margin_balance, pool.asset) in text and money(pool.headroom, pool.asset) in text
    for heading in ("Positions", "Where the line is", "Margin", "Pools", "Wallet"):
        assert heading in lines, heading


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_is_whole_with_answers_and_long_names(width: int) -> None:
    out = io.StringIO()
    report = textbook(venue="okx_futures", want="ETHUSDT liq 3000", explain="maintenance_margin")
    print_report(report, out, width)
    lines = Text.from_ansi(out.getvalue()).plain.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width and not any("…" in line for line in lines)
    assert any("bankrupt" in line and "liquidated" in line for line in lines)
    shown = " ".join(" ".join(lines).replace("│", " ").split())
    for want in report.wants:
        for remedy in want.remedies:
            assert remedy.amount is None or f"{remedy.amount.normalize():f} {remedy.unit}" in shown, remedy
            assert remedy.note.split()[-1] in shown, remedy
    for told in report.explanations:
        assert told.result is not None and f"{told.result.normalize():f} {told.unit}" in shown
        assert all(table.split()[-1] in shown for table in told.tables)


def collateral(*indexes: str, mark: str = "60000") -> AssessReport:
    return build(options("btc_collateral", f"BTCUSDT={mark}", indexes=indexes))


def test_index_prices_are_taken_from_the_command_line_and_said_to_be() -> None:
    """1 BTC at 58,000 counts 55,100, 1,000 USDT at 0.9995 less a ten-thousandth 999.40; USDT that is owed or asked as margin
    counts that more: 480 USDT are 479.81 dollars. The line: 55,100 + 0.9995 * 1.0001 * (1,000 + 2(p - 60,000) - 0.008 p) =
    0."""
    report = collateral("BTC=58000,USDT=0.9995")
    (pool,), (leg,) = report.assessment.pools, report.assessment.legs
    assert (pool.margin_balance, pool.requirement) == (D("56099.40005"), D("479.8079760"))
    ask = D("0.9995") * D("1.0001")
    assert leg.liquidation_price is not None and leg.underlying_liquidation_price is not None
    with exact():
        assert abs(leg.liquidation_price - (119000 - 55100 / ask) / D("1.992")) < CLOSE
        moving = 119000 * ask / (D("0.95") * 58000 / 60000 + D("1.992") * ask)
        assert abs(leg.underlying_liquidation_price - moving) < CLOSE
    assert report.indexes == {"BTC": 58000, "USDT": D("0.9995")}
    assert "index prices as given: BTC 58000, USDT 0.9995" in report.notes
    assert any("index of BTC is 3.3 % from the mark of BTCUSDT" in note for note in report.notes)
    assert not any("no index prices are given" in note for note in report.notes)


def test_without_index_prices_stand_ins_are_told() -> None:
    report = collateral()
    assert report.indexes == {"BTC": 60000, "USDT": 1}
    assert any("no index prices are given: USDT counted as one dollar, BTC at the mark" in note for note in report.notes)


def test_index_prices_may_stand_in_files(tmp_path: Path) -> None:
    wanted = collateral("BTC=58000", "USDT=1").assessment
    table, pairs = tmp_path / "index.csv", tmp_path / "index.json"
    table.write_text("asset,index\nBTC,58000\nUSDT,1\n")
    pairs.write_text('{"BTC": "58000", "USDT": "1"}')
    assert collateral(str(table)).assessment == collateral(str(pairs)).assessment == wanted
    table.write_text("asset,price\nBTC,58000\n")
    with pytest.raises(BadInput, match="index"):
        collateral(str(table))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("BTC=58000,USDT=1,ETH=4000", "--index: coin = ETH: the account has no such coin; it has BTC, USDT"),
        ("BTC=58000,BTC=59000,USDT=1", "--index: BTC = 59000: this coin has two different index prices"),
        ("BTC=0,USDT=1", "--index: BTC = 0: give a number greater than zero"),
        ("BTC=nan,USDT=1", "--index: BTC = nan"),
        ("BTC=,USDT=1", "--index: BTC"),
        ("=5", "--index: coin = =5: write COIN=PRICE"),
        ("nowhere.csv", "nowhere.csv: index: cannot be read"),
    ],
)
def test_a_slip_in_index_prices_is_refused_and_never_filled_in(given: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        collateral(given)
    assert said in str(refused.value)


def test_index_prices_that_are_left_out_are_stood_in_for_and_told() -> None:
    """1 BTC at 58,000 counts 55,100, 1,000 USDT at one dollar less a ten-thousandth 999.90."""
    report = collateral("BTC=58000")
    (pool,) = report.assessment.pools
    assert (pool.margin_balance, report.indexes) == (D("56099.9"), {"BTC": 58000, "USDT": 1})
    assert "index prices as given: BTC 58000; not given: USDT counted as one dollar" in report.notes


BEHIND = """
name = "coins sold short, others behind them"
venue = "binance_margin"
rules_as_of = 2026-07-02
interest = { USDT = "0.06", ETH = "0.03" }
[wallet]
USDT = "4000"
BTC = "0.1"
[[positions]]
symbol = "ETHUSDT"
side = "short"
size = "8"
leverage = 10
mode = "cross"
"""


def behind(path: Path, *indexes: str) -> AssessReport:
    path.write_text(BEHIND)
    return build(options(str(path), "ETHUSDT=2500", indexes=indexes))


@pytest.mark.parametrize(
    ("given", "eth", "told"),
    [
        ("BTC=60000", 2500, "BTC 60000; not given: USDT counted as one dollar, ETH at the mark of ETHUSDT"),
        ("BTC=60000,USDT=1", 2500, "BTC 60000, USDT 1; not given: ETH at the mark of ETHUSDT"),
        ("BTC=60000,ETH=2600", 2600, "BTC 60000, ETH 2600; not given: USDT counted as one dollar"),
    ],
)
def test_a_coin_that_is_sold_short_may_have_an_index_price_and_else_goes_by_its_mark(
    tmp_path: Path, given: str, eth: int, told: str
) -> None:
    """4,000 USDT and 20,000 for the coins less a thousandth of that; 0.1 BTC at 60,000 count 5,700; 8 ETH are owed with their
    first hour's interest at 3 % a year."""
    report = behind(tmp_path / "behind.toml", given)
    pool = next(pool for pool in report.assessment.pools if not pool.isolated)
    owed = 8 * (1 + Fraction(3, 100) / (365 * 24))
    wanted = 4000 + 20000 - 20 + Fraction(95, 100) * 6000 - owed * eth
    assert abs(Fraction(pool.margin_balance) - wanted) < Fraction(1, 10**9) and not report.refusals
    assert f"index prices as given: {told}" in report.notes


def test_a_coin_whose_price_is_neither_given_nor_told_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--index: BTC: no index price; add --index BTC=PRICE"):
        behind(tmp_path / "behind.toml", "ETH=2500")
    with pytest.raises(BadInput, match="coin = SOL: the account has no such coin; it has USDT, BTC, ETH"):
        behind(tmp_path / "behind.toml", "BTC=60000,SOL=1")


def test_index_prices_where_no_coins_are_valued_together_are_refused() -> None:
    with pytest.raises(BadInput, match="--index: coin = USDT: no coins are valued together here"):
        textbook(indexes=("USDT=1",))


def test_a_wish_in_an_account_that_is_cross_only_is_answered_in_cross_and_at_the_index_given() -> None:
    """At 40,000, the index frozen: 57,000 - 1.0001 * (40,000 - 1,000 + 320) = 17,676 to spare."""
    report = build(options("btc_collateral", "BTCUSDT=60000", want="BTCUSDT liq 40000", indexes=("BTC=60000,USDT=1",)))
    (want,) = report.wants
    assert want.reached and want.spare is not None and abs(want.spare - (57000 - D("1.0001") * 39320)) < CLOSE * 10**6


def test_words_in_square_brackets_are_printed_as_they_stand() -> None:
    """Rich reads `[name]` as markup: neither the cure that names a table's section nor an account's own words may lose any."""
    made = said(account(position("BTCUSDT", "long", "0.1", "100000", 10)), {"BTCUSDT": "101000"})
    words = ("a [red] name [/]", "about [bold]it", "see [[loans]] and [x](y)", "add [[brackets]] in a file", "no [/dim] code")
    name, about, note, reason, message = words
    report = msgspec.structs.replace(
        made,
        name=name,
        about=about,
        notes=(note,),
        skipped=(Skipped("NOPEUSDT", reason),),
        refusals=(Refusal("stop", "-1", "no_such", message, None, None),),
        cautions=tuple(msgspec.structs.replace(caution, sentence=message) for caution in made.cautions),
    )
    out = io.StringIO()
    print_report(report, out, 400)
    assert made.cautions and all(each in out.getvalue() for each in words)
    assert out.getvalue().count(message) == 1 + len(made.cautions) and "\\" not in out.getvalue()
