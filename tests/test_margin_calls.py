"""Margin calls of spot margin: the level at which each class is called, from the venue's own lists."""

import io
from datetime import date
from decimal import Decimal

import msgspec
import pytest

from plimsoll.account_file import parse_account
from plimsoll.assess_report import AssessReport, assess_report
from plimsoll.cautions import Caution, Code
from plimsoll.model import LoanTier
from plimsoll.plan import PlanMode, open_plan
from plimsoll.report.terminal_assess import print_report
from plimsoll.rulebook import in_force
from plimsoll.table_files import load

D = Decimal
BOOK = in_force(load("binance_margin"), date(2026, 7, 2))
ACCOUNT = """name = "called"
venue = "binance_margin"
rules_as_of = 2026-07-02
interest = {{ USDT = "0" }}
wallet = {{ USDT = "1000" }}
[[positions]]
symbol = "{symbol}"
side = "long"
size = "1"
entry_price = "1000"
leverage = {leverage}
mode = "{mode}"
"""


def report(symbol: str, leverage: int, mode: str, mark: str) -> AssessReport:
    plan = parse_account(ACCOUNT.format(symbol=symbol, leverage=leverage, mode=mode), "called.toml")
    opening = open_plan(plan, BOOK, BOOK, PlanMode.AS_GIVEN)
    return assess_report(plan, opening, BOOK, BOOK, {symbol: D(mark)}, None)


def calls(told: AssessReport) -> list[Caution]:
    return [caution for caution in told.cautions if caution.code is Code.MARGIN_CALL]


@pytest.mark.parametrize(
    ("symbol", "leverage", "call", "line"),
    [
        ("BTCUSDT", 10, "1.09", "1.05"),
        ("BTCUSDT", 5, "1.19", "1.15"),
        ("ADAUSDT", 5, "1.19", "1.15"),
        ("BTCUSDT", 2, "1.22", "1.18"),
    ],
)
def test_a_pair_is_called_at_the_level_of_its_class_and_not_a_hair_above(
    symbol: str, leverage: int, call: str, line: str
) -> None:
    """The one coin of a long of 1,000 at L is held against 1,000 * (1 - 1/L) of debt: its level is the mark over that."""
    debt = 1000 - D(1000) / leverage
    for mark, called in ((debt * D(call), True), (debt * (D(call) + D("0.0001")), False), (debt * D(line), False)):
        told = report(symbol, leverage, "isolated", str(mark))
        assert [(c.of, c.value, c.limit) for c in calls(told)] == ([(f"{symbol}@isolated", D(call), D(call))] if called else [])
        assert (Code.LIQUIDATABLE in {c.code for c in told.cautions}) == (mark == debt * D(line))


CROSS = """name = "called"
venue = "binance_margin"
rules_as_of = 2026-07-02
interest = {{ USDT = "0" }}
wallet = {{ USDT = "1000" }}
positions = [{{ symbol = "BTCUSDT", side = "long", size = "1", entry_price = "2000", leverage = {leverage}, mode = "cross" }}]
"""


@pytest.mark.parametrize(
    ("leverage", "mark", "called"),
    [(3, "1300", "1.3"), (3, "1300.01", ""), (5, "1160", "1.16"), (5, "1160.01", ""), (3, "1100", ""), (10, "1101", "")],
)
def test_a_cross_account_is_called_by_its_class_and_a_pro_one_at_no_known_level(leverage: int, mark: str, called: str) -> None:
    """1 BTC bought for 2,000, half of it lent; at 1,100 it is due for liquidation, which is more than a call."""
    tiered = msgspec.structs.replace(BOOK.coins["USDT"], loan_tiers=(LoanTier(D(0), None, D("0.1"), D("0.05")),))
    book = msgspec.structs.replace(BOOK, coins=BOOK.coins | {"USDT": tiered})
    plan = parse_account(CROSS.format(leverage=leverage), "called.toml")
    opening = open_plan(plan, book, book, PlanMode.AS_GIVEN)
    told = assess_report(plan, opening, book, book, {"BTCUSDT": D(mark)}, None)
    assert [c.limit for c in calls(told)] == ([D(called)] if called else [])
    (owing,) = told.owed
    assert owing.call == {3: D("1.3"), 5: D("1.16"), 10: None}[leverage]


def test_the_call_is_printed_beside_the_line() -> None:
    out = io.StringIO()
    print_report(report("BTCUSDT", 5, "isolated", "950"), out, 120)
    text = " ".join(out.getvalue().split())
    assert "line 1.15" in text and "call 1.19" in text
    assert "BTCUSDT@isolated is under a margin call: its level is 1.1875, called at 1.19 and liquidates at 1.15." in text
