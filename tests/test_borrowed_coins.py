"""Coins bought and sold short with borrowed money, as a user meets them: the bundled examples, what is owed, wishes, bad input.
Expectations are worked out beside each test."""

import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import pytest

from plimsoll.account.commands import PlaceOrder
from plimsoll.account.decide import decide
from plimsoll.account.state import State, Venue
from plimsoll.account_file import parse_account, read_account
from plimsoll.assess_command import AssessOptions, build
from plimsoll.assess_report import AssessReport, Question, assess_report
from plimsoll.compare_command import Wish, run
from plimsoll.comparison import Job, compare
from plimsoll.errors import BadInput
from plimsoll.margin.assess import assess
from plimsoll.model import Account, LegSide, MarginMode, Marks, Order, OrderType, Position, PositionMode
from plimsoll.owing import lasting
from plimsoll.plan import Plan, PlanMode, open_plan
from plimsoll.prices.script import read_script
from plimsoll.report.as_json import to_json
from plimsoll.report.terminal_assess import print_report
from plimsoll.rulebook import with_readings
from plimsoll.runs import Comparison, Run
from random_accounts import rulebook_of

D = Decimal
VENUE = "binance_margin"
BOOK = rulebook_of(VENUE)


def played(plan: Plan, script: str) -> Comparison:
    history = read_script({"scripts": plan.scripts}, plan.source, script)
    return compare(plan, history, [Job(BOOK, BOOK)], [PlanMode.ISOLATED, PlanMode.CROSS])


def run_in(compared: Comparison, mode: PlanMode) -> Run:
    return next(result.run for result in compared.results if result.run.mode is mode)


def assessed(plan: Plan, question: Question | None = None, **marks: str) -> AssessReport:
    opening = open_plan(plan, BOOK, BOOK, PlanMode.AS_GIVEN)
    return assess_report(plan, opening, BOOK, BOOK, {s: D(mark) for s, mark in marks.items()}, None, question)


def test_interest_alone_liquidates_the_pair_and_not_the_cross_account() -> None:
    """1,600 lent at 90 % a year: 1600 * 0.9 / 8760 an hour, the first at once. 1.15 of it passes 2,000 with the 847th charge,
    846 hours later. Sold 2,000 less 2 %, the debt repaid, 98 beside it (500 less 400 of margin and 2 of fee). In cross 1,502
    are lent, and 1.1 of that stays below 2,000 for 44 days."""
    compared = played(read_account("interest_only"), "still")
    isolated, cross = (run_in(compared, mode) for mode in (PlanMode.ISOLATED, PlanMode.CROSS))
    grown = Fraction(1600) * Fraction(9, 10) / 8760 * 847
    left = 98 + 2000 * Fraction(98, 100) - 1600 - grown
    assert abs(Fraction(isolated.final_equity) - left) < Fraction(1, 10**9)
    assert [h.time for h in isolated.happenings if h.kind == "liquidation"] == [datetime(2026, 8, 6, 6, tzinfo=UTC)]
    owed = Fraction(1502) * (1 + Fraction(9, 10) / 8760 * (43 * 24 + 1))
    assert abs(Fraction(cross.final_equity) - (2000 - owed)) < Fraction(1, 10**9)
    assert not any(h.kind == "liquidation" for h in cross.happenings)


STEPS = [("1h", 1, 1057), ("1d", 24, 45), ("30d", 720, 3)]
"""Lengths of bars: the name, the hours, how many cover 44 days."""


def scripted(head: str, step: str, marks: list[str]) -> Plan:
    """A bundled example (all before its scripts) with a script of these marks."""
    told = f'start = 2026-07-02T00:00:00Z\nstep = "{step}"\n[scripts.mine.marks]\nBTCUSDT = {marks}\n'
    return parse_account(f'{head}\n[scripts.mine]\nabout = "of this test"\n{told}', "mine.toml")


@pytest.mark.parametrize(("step", "bars"), [(step, bars) for step, _, bars in STEPS])
def test_the_hour_in_which_a_debt_alone_liquidates_does_not_hang_on_the_length_of_bars(step: str, bars: int) -> None:
    head = open_text("interest_only").split("[scripts.still]")[0]
    run = run_in(played(scripted(head, step, ["50000"] * bars), "mine"), PlanMode.ISOLATED)
    assert run.legs[0].liquidated_at == datetime(2026, 8, 6, 6, tzinfo=UTC)
    assert abs(Fraction(run.interest) - Fraction(1600) * Fraction(9, 10) / 8760 * 847) < Fraction(1, 10**9)


@pytest.mark.parametrize(("step", "hours", "bars"), STEPS)
def test_while_prices_move_debts_grow_by_the_hour_too(step: str, hours: int, bars: int) -> None:
    """BTC falls by 10 dollars an hour. With h + 1 charges 0.04 * (50,000 - 10 * t) = 1.15 * (1,600 + (h + 1) * i) at t; it
    is the first that meets it before the next charge, and not at a charge itself."""
    head = open_text("interest_only").split("[scripts.still]")[0]
    marks = [f"{50000 - 10 * hours * bar}" for bar in range(bars)]
    leg = run_in(played(scripted(head, step, marks), "mine"), PlanMode.ISOLATED).legs[0]
    i, factor = Fraction(1600) * Fraction(9, 10) / 8760, Fraction(115, 4)
    met = [(h, (50000 - factor * (1600 + (h + 1) * i)) / 10) for h in range(1000)]
    h, at = next((h, at) for h, at in met if at < h + 1)
    assert h < at
    assert leg.liquidated_at is not None and leg.liquidated_price is not None
    assert abs(Fraction(leg.liquidated_price) - (50000 - 10 * at)) < Fraction(1, 10**9)
    after = (leg.liquidated_at - datetime(2026, 7, 2, tzinfo=UTC)).total_seconds()
    assert abs(after - float(3600 * at)) < 1


@pytest.mark.parametrize(("step", "hours", "bars"), STEPS)
def test_what_an_order_borrows_inside_a_bar_costs_from_then_on(step: str, hours: int, bars: int) -> None:
    """BTC falls by a dollar an hour and is bought 10 hours and a half later; until the last bar at full hours it costs."""
    head = open_text("interest_only").split("[[positions]]")[0].replace('USDT = "500"', 'USDT = "800"')
    order = '[[orders]]\nid = "in"\nsymbol = "BTCUSDT"\nside = "buy"\ntype = "limit"\nsize = "0.04"\nprice = "49989.5"\n'
    marks = [f"{50000 - hours * bar}" for bar in range(bars)]
    run = run_in(played(scripted(f'{head}{order}mode = "isolated"\nleverage = 3\n', step, marks), "mine"), PlanMode.ISOLATED)
    times = [h.time for h in run.happenings if h.kind == "interest"]
    start, last = datetime(2026, 7, 2, tzinfo=UTC), hours * (bars - 1)
    assert times[1:] == [start + timedelta(hours=h) for h in range(11, last + 1)]
    assert times[0] == start + timedelta(hours=10, minutes=30)


def test_borrowed_eth_falls_later_in_cross_and_has_less_left() -> None:
    """Isolated: 5,000 bought with 1,666.67 of margin at 3x, so that the line stands at 1.18 * 3,333.33 / 2 = 1,966.67 and a
    little above with interest. Cross: 2,205 owed against 2.5 ETH, 1.1 * 2,205 / 2.5 = 970.20 and a little above."""
    compared = played(read_account("borrowed_eth"), "slide")
    for mode, line in ((PlanMode.ISOLATED, "1966.67"), (PlanMode.CROSS, "970.20")):
        (leg,) = run_in(compared, mode).legs
        assert leg.liquidated_price is not None and D(0) < leg.liquidated_price - D(line) < 10
    assert run_in(compared, PlanMode.CROSS).final_equity < run_in(compared, PlanMode.ISOLATED).final_equity


SHORT = """name = "short"
venue = "binance_margin"
rules_as_of = 2026-07-02
interest = {{ ETH = "0.03" }}
wallet = {{ USDT = "{cash}" }}
positions = [{{ symbol = "ETHUSDT", side = "short", size = "{size}", leverage = {leverage}, mode = "isolated" }}]
[scripts.up]
start = 2026-07-02T00:00:00Z
step = "1h"
marks = {{ ETHUSDT = ["2500", "{gone}", "{later}"] }}
"""


@pytest.mark.parametrize("sold", ["whole_balances", "what_debts_ask"])
@pytest.mark.parametrize(("cash", "size", "leverage", "gone"), [("4000", "2", "3", "4400"), ("901", "0.7", "2", "3600.77")])
def test_a_liquidated_short_moves_with_its_coin_no_more(sold: str, cash: str, size: str, leverage: str, gone: str) -> None:
    """Whatever the coin does afterwards: what is left is money, the same to 1e-12."""
    book, ends = with_readings(BOOK, {"sold": sold}), set()
    for later in ("1000", "2500.5", "9000"):
        plan = parse_account(SHORT.format(cash=cash, size=size, leverage=leverage, gone=gone, later=later), "short.toml")
        history = read_script({"scripts": plan.scripts}, plan.source, "up")
        compared = compare(plan, history, [Job(book, book)], [PlanMode.ISOLATED, PlanMode.CROSS])
        runs = [run_in(compared, mode) for mode in (PlanMode.ISOLATED, PlanMode.CROSS)]
        assert all(any(h.kind == "liquidation" for h in run.happenings) for run in runs)
        ends.add(tuple(round(run.final_equity, 12) for run in runs))
    assert len(ends) == 1

def test_what_is_owed_is_told_with_its_cost_and_with_the_time_that_it_takes() -> None:
    """After the first hour 2000 / 1.15 - 1600 = 139.13 of interest are 847 hours' worth, of which one is charged already."""
    report = assessed(read_account("interest_only"), BTCUSDT="50000")
    (owing,) = report.owed
    hourly = Fraction(1600) * Fraction(9, 10) / 8760
    assert (owing.pool, owing.asset, owing.lent) == ("BTCUSDT@isolated", "USDT", 1600)
    assert (owing.rate, owing.line) == (D("0.9"), D("1.15"))
    assert owing.a_day is not None and abs(Fraction(owing.a_day) - 24 * hourly) < Fraction(1, 10**12)
    assert owing.hours == 846 and lasting(owing.hours) == "35.2 days"
    out = io.StringIO()
    print_report(report, out, 100)
    text = out.getvalue()
    assert "Owed" in text and "90.0 %" in text and "35.2 days" in text and "line 1.15" in text


@pytest.mark.parametrize(
    ("mark", "hours", "words"), [("46000.001", 1, "1 hour"), ("46000", 0, "due now"), ("45000", 0, "due now")]
)
def test_a_debt_that_is_due_is_not_given_an_hour(mark: str, hours: int, words: str) -> None:
    """0.04 BTC against 1,600 USDT: liquidated at or below 1.15 * 1,600 / 0.04 = 46,000; an hour's interest is 0.164."""
    text = open_text("interest_only")
    plan = parse_account(text.replace("[[positions]]\n", '[[positions]]\nentry_price = "50000"\n'), "mine.toml")
    report = assessed(plan, BTCUSDT=mark)
    (owing,) = report.owed
    assert (owing.lent, owing.interest, owing.hours, lasting(owing.hours)) == (1600, 0, hours, words)
    out = io.StringIO()
    print_report(report, out, 100)
    assert words in out.getvalue()


def test_without_a_rate_the_cost_is_unknown_and_a_run_names_the_file_and_the_field() -> None:
    text = open_text("borrowed_eth").replace('USDT = "0.06"\n', "")
    plan = parse_account(text, "mine.toml")
    (owing,) = assessed(plan, ETHUSDT="2500").owed
    assert owing.rate is owing.a_day is owing.hours is None
    with pytest.raises(BadInput, match=r"^mine\.toml: interest\.USDT: USDT is owed.*\[interest\]"):
        played(plan, "slide")


def open_text(name: str) -> str:
    return files("plimsoll").joinpath("examples", f"{name}.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('ETH = "0.5"', 'XYZ = "0.5"', "coin = XYZ: what this coin counts"),
        ('USDT = "0.06"', 'USDT = "-0.06"', "interest.USDT = -0.06"),
        ('size = "2"', 'size = "0"', "size = 0: "),
        ('size = "2"', 'size = "-2"', "size = -2: "),
        ('USDT = "2800"', 'USDT = "-1"', "wallet.USDT = -1"),
        ("leverage = 3", "leverage = 0.5", "leverage is at least 1"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(old: str, new: str, said: str) -> None:
    text = open_text("borrowed_eth")
    assert old in text
    with pytest.raises(BadInput) as refused:
        played(parse_account(text.replace(old, new), "mine.toml"), "slide")
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_in_pro_a_debt_of_unknown_tiers_is_refused_and_not_taken_for_free() -> None:
    """10x in cross is Pro, whose tiers for USDT no source lists; selling BTC short needs those of BTC, which are known."""
    long = open_text("borrowed_eth").replace("leverage = 3", "leverage = 10").replace('mode = "isolated"', 'mode = "cross"')
    (refusal,) = assessed(parse_account(long, "mine.toml"), ETHUSDT="2500").refusals
    assert "Cross Margin Pro" in refusal.message
    short = long.replace('"long"', '"short"').replace("ETHUSDT", "BTCUSDT").replace('size = "2"', 'size = "0.1"')
    report = assessed(parse_account(short.replace('ETH = "0.5"\n\n', "\n"), "mine.toml"), BTCUSDT="50000")
    assert report.refusals == () and [o.asset for o in report.owed] == ["BTC"] and report.owed[0].line == 1


def test_a_wish_for_a_line_moves_the_coin_with_its_mark() -> None:
    """2 ETH, 3,333.33 owed: a line at 1,000 asks for 1.18 * owed = 2,000, so 1,638.42 less is owed: 1,638.42 of own money."""
    plan = parse_account(open_text("borrowed_eth").replace("leverage = 3", "entry_price = 2500\nleverage = 3"), "mine.toml")
    report = assessed(plan, Question(want="ETHUSDT liq 1000"), ETHUSDT="2500")
    isolated = next(want for want in report.wants if want.mode == "isolated")
    added = next(r for r in isolated.remedies if r.way.value == "add_margin")
    need = Fraction(10000, 3) - Fraction(2000) / Fraction(118, 100)
    assert added.amount is not None and 0 <= Fraction(added.amount) - need < Fraction(1, 10**6)
    assert added.lands_at is not None and D("999.999") < added.lands_at <= 1000


def test_at_the_line_balance_and_requirement_are_told_equal() -> None:
    plan = parse_account(open_text("borrowed_eth").replace("leverage = 3", "entry_price = 2500\nleverage = 3"), "mine.toml")
    report = assessed(plan, Question(explain="liquidation_price"), ETHUSDT="2400")
    (told,) = report.explanations
    numbers = {given.name: given.value for given in told.inputs}
    assert abs((numbers["margin_balance there"] or D(0)) - (numbers["requirement there"] or D(0))) < D("1e-20")


ISOLATED_COINS = """
name = "Coins behind a wall"
venue = "{venue}"
rules_as_of = 2026-09-25
interest = {{ USDT = "0.06" }}
[wallet]
USDT = "4000"
[[positions]]
symbol = "{symbol}"
side = "long"
size = "4"
leverage = 3
mode = "isolated"
[scripts.s]
start = 2026-09-25T00:00:00Z
step = "1h"
[scripts.s.marks]
"{symbol}" = ["2500", "2400"]
"""
WALLED = [
    ("bybit_uta", "ETH/USDT", "lends money to buy coins with in cross margin only"),
    ("okx_multi", "ETH-USDT", r'does not model isolated margin trading of coins, .*: take mode = "cross".*okx_margin'),
]


@pytest.mark.parametrize(("venue", "symbol", "why"), WALLED, ids=[venue for venue, _, _ in WALLED])
@pytest.mark.parametrize("modes", ["isolated", "as-given", "isolated,cross,as-given"])
def test_both_commands_refuse_alike_what_a_venue_does_not_lend_for(
    tmp_path: Path, venue: str, symbol: str, why: str, modes: str
) -> None:
    """A venue that has no such loans, and a rulebook that lacks them, are told apart; each with what to do instead."""
    path = tmp_path / "walled.toml"
    path.write_text(ISOLATED_COINS.format(venue=venue, symbol=symbol))
    with pytest.raises(BadInput, match=f"mode of {symbol} = isolated: {venue} {why}") as looked_at:
        build(AssessOptions(account=str(path), marks=(f"{symbol}=2500",), today=date(2026, 9, 25)))
    with pytest.raises(BadInput) as compared:
        run(Wish(account=str(path), modes=modes))
    assert str(compared.value) == str(looked_at.value)
    assert run(Wish(account=str(path), modes="cross")).results


def test_an_order_for_such_coins_is_refused_in_the_same_words() -> None:
    book = rulebook_of("okx_multi")
    marks = {"ETH-USDT": D(2500)}
    state = State(Account(PositionMode.ONE_WAY, {"USDT": D(4000)}), Marks(marks, dict(marks), {"USDT": D(1)}))
    order = Order("a", "ETH-USDT", "buy", D(1), OrderType.MARKET)
    refused = decide(state, PlaceOrder(order, MarginMode.ISOLATED), Venue(book)).reject
    assert refused is not None and "does not model isolated margin trading" in refused.message


def test_a_held_position_in_walled_coins_is_refused_with_the_cure() -> None:
    book = rulebook_of("okx_multi")
    held = Position("ETH-USDT", MarginMode.ISOLATED, LegSide.NET, D(1), D(2500), D(1000))
    marks = Marks({"ETH-USDT": D(2500)}, {"ETH-USDT": D(2500)}, {"USDT": D(1)})
    with pytest.raises(BadInput, match=r'ETH-USDT.*not modelled; take mode = "cross", or venue = "okx_margin"'):
        assess(Account(PositionMode.ONE_WAY, {"USDT": D(4000)}, (held,)), marks, book)


PRICES = Path(__file__).parents[2] / "shared" / "data" / "binance_usdm_1h_mark_funding_12sym_2024-12_2026-02.parquet"


@pytest.mark.real
@pytest.mark.skipif(not PRICES.exists(), reason=f"recorded prices are not there: {PRICES}")
def test_margin_level_interest_and_line_are_told_day_by_day_over_recorded_prices() -> None:
    """2 ETH bought at the first mark. Isolated: 3x, two thirds lent, the pair alone behind them, gone at 1.18. Cross: what
    2,800 USDT lacked is lent, 2.5 ETH behind it, gone at 1.1. An hour's interest when it is borrowed and at every full hour."""
    wish = Wish(account="borrowed_eth", prices=str(PRICES), start="2025-10-01", end="2025-11-03")
    days = json.loads(to_json(compared := run(wish)))["results"]
    opened, hourly = Fraction("4142.75"), Fraction(6, 100) / 8760
    lent = {"isolated": opened * 2 * 2 / 3, "cross": opened * 2 * Fraction("1.001") - 2800}
    behind, ends = {"isolated": Fraction(2), "cross": Fraction("2.5")}, {"isolated": Fraction("1.18"), "cross": Fraction("1.1")}
    assert [result.mode.value for result in compared.results] == [result["mode"] for result in days] == list(lent)
    for result in days:
        mode, samples = result["mode"], result["run"]["samples"]
        assert {sample["time"][:10] for sample in samples} == {f"2025-1{d // 31}-{d % 31 + 1:02}" for d in range(34)}
        for sample in samples[:: len(samples) // 40]:
            after = datetime.fromisoformat(sample["time"]) - datetime(2025, 10, 1, tzinfo=UTC)
            interest = lent[mode] * hourly * (after // timedelta(hours=1) + 1)
            owed, mark = lent[mode] + interest, Fraction(sample["marks"]["ETHUSDT"])
            (level,), (line,) = sample["level"].values(), sample["liquidation"].values()
            assert abs(Fraction(sample["interest"]["USDT"]) - interest) < Fraction(1, 10**9)
            assert abs(Fraction(sample["owed"]["USDT"]) - owed) < Fraction(1, 10**9)
            assert abs(Fraction(level) - behind[mode] * mark / owed) < Fraction(1, 10**9)
            assert abs(Fraction(line) - ends[mode] * owed / behind[mode]) < Fraction(1, 10**9)
