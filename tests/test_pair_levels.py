"""Isolated pairs of spot margin: which levels a pair has, by class, by tier, and by what an account states."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from plimsoll.errors import BadInput
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.pools import lay_out
from plimsoll.model import Account, LegSide, MarginMode, Marks, Position, PositionMode
from plimsoll.rulebook import Rulebook, in_force, with_readings
from plimsoll.table_files import load, merge, read
from random_accounts import rulebook_of

D = Decimal
BOOK = rulebook_of("binance_margin")
TIERED = """rulebook = "binance_margin"
bracket_unit = "notional"
deductions = "none"
[sources.mine]
text = "made up for a test: bounds of what is borrowed of the base, then of the quote"
[[brackets]]
symbol = "FETUSDT"
from = 2024-01-01
source = "mine"
grade = "memory"
rows = [
  ["0",    "1000", "0.15",   "0", "5",   "0",   "500"],
  ["1000", "2000", "0.1575", "0", "4.2", "500", "900"],
  ["2000", "-",    "0.19",   "0", "2",   "900", "-"],
]
"""


def tiered() -> Rulebook:
    return in_force(merge(load("binance_margin"), read(TIERED, "mine.toml")), date(2026, 7, 2), symbols=["FETUSDT"])


def account_of(symbol: str, leverage: str, owed: dict[str, str], options: dict[str, str] | None = None) -> Account:
    base = symbol.removesuffix("USDT")
    size = D(-1) if base in owed else D(1)
    lent = {asset: D(amount) for asset, amount in owed.items()}
    coins = {base: D(5000), "USDT": D(5000)}
    held = Position(symbol, MarginMode.ISOLATED, LegSide.NET, size, D(1), D(leverage), D(1), coins=coins, borrowed=lent)
    return Account(PositionMode.ONE_WAY, {"USDT": D(1)}, (held,), options=options or {})


def levels(account: Account, book: Rulebook) -> tuple[Decimal, Decimal]:
    """(initial, liquidation) ratio that the pair's debts are held to."""
    layout = lay_out(account, book)
    (pool,) = [pool for spec, pool in zip(layout.specs, layout.pools, strict=True) if spec.isolated]
    (found,) = {(1 + w.loan_initial[0], 1 + w.loan_maintenance[0]) for w in pool.wallets}
    return found


def test_a_recorded_pair_of_a_second_tier_is_liquidated_where_the_venue_prints_it() -> None:
    """The venue's answer named the tier by its leverage, 4.2, and the price 0.51628838, which is 1.1575 of the debt less what
    is there of it, over the coins: (1.1575 * 889.72069801 - 20.65536756) / 1954.7144."""
    held = Position(
        "FETUSDT", MarginMode.ISOLATED, LegSide.NET, D("1954.7144"), D("0.6"), D(3), D(100),
        coins={"FET": D("1954.7144"), "USDT": D("20.65536756")},
        borrowed={"USDT": D("889.66509394")}, interest={"USDT": D("0.05560407")},
    )  # fmt: skip
    account = Account(PositionMode.ONE_WAY, {}, (held,), options={"margin_account": "isolated_pair", "max_leverage": "4.2"})
    marks = Marks({"FETUSDT": D("0.60221962")}, {}, {"FET": D("0.60221962"), "USDT": D(1)})
    (leg,) = assess(account, marks, BOOK, Prices.OWN).legs
    assert leg.displayed_liquidation_price == D("0.51628838")
    assert levels(account, BOOK) == (D("1.3125"), D("1.1575"))


@pytest.mark.parametrize(
    ("owed", "leverage", "expected"),
    [
        ({"USDT": "500"}, "5", ("1.25", "1.15")),
        ({"USDT": "500.01"}, "5", ("1.3125", "1.1575")),
        ({"FET": "1000.01"}, "4", ("1.3125", "1.1575")),
        ({"USDT": "10", "FET": "1000.01"}, "4", ("1.3125", "1.1575")),
        ({"USDT": "500.01"}, "3", ("1.5", "1.18")),
        ({"USDT": "900.01"}, "3", ("2", "1.19")),
        ({"FET": "5000", "USDT": "1"}, "2", ("2", "1.19")),
    ],
)
def test_the_higher_tier_of_the_two_debts_counts_and_a_lower_class_is_not_lowered_by_it(
    owed: dict[str, str], leverage: str, expected: tuple[str, str]
) -> None:
    """A tier of leverage L lends L - 1: its initial ratio is L / (L - 1)."""
    assert levels(account_of("FETUSDT", leverage, owed), tiered()) == (D(expected[0]), D(expected[1]))


def test_interest_moves_no_pair_to_another_tier() -> None:
    account = account_of("FETUSDT", "5", {"USDT": "500"})
    (held,) = account.positions
    grown = Position(**{f: getattr(held, f) for f in held.__struct_fields__} | {"interest": {"USDT": D(400)}})
    assert levels(Account(PositionMode.ONE_WAY, {}, (grown,)), tiered()) == (D("1.25"), D("1.15"))


@pytest.mark.parametrize(
    ("symbol", "leverage", "reading", "expected"),
    [
        ("BTCUSDT", "2", "of_leverage", ("1.5", "1.18")),
        ("BTCUSDT", "2", "of_pair", ("1.111", "1.05")),
        ("BTCUSDT", "4", "of_leverage", ("1.25", "1.15")),
        ("ADAUSDT", "2", "of_pair", ("1.25", "1.15")),
        ("ADAUSDT", "10", "of_leverage", ("1.25", "1.15")),
    ],
)
def test_the_class_is_that_of_the_leverage_or_as_read_of_the_pair_and_never_above_the_pairs_own(
    symbol: str, leverage: str, reading: str, expected: tuple[str, str]
) -> None:
    book = with_readings(BOOK, {"pair_class": reading})
    assert levels(account_of(symbol, leverage, {"USDT": "100"}), book) == (D(expected[0]), D(expected[1]))


def test_a_stated_tier_nobody_knows_needs_its_liquidation_ratio_and_one_of_the_cross_account_says_nothing() -> None:
    with pytest.raises(BadInput, match=r"max_leverage.*liquidation_ratio"):
        levels(account_of("BTCUSDT", "3", {"USDT": "9"}, {"max_leverage": "4"}), BOOK)
    both = {"max_leverage": "4", "liquidation_ratio": "1.16"}
    initial, level = levels(account_of("BTCUSDT", "3", {"USDT": "9"}, both), BOOK)
    assert abs(Fraction(initial) - Fraction(4, 3)) < Fraction(1, 10**30) and level == D("1.16")
    cross = {"max_leverage": "20", "margin_account": "cross_pro"}
    assert levels(account_of("BTCUSDT", "3", {"USDT": "9"}, cross), BOOK) == (D("1.5"), D("1.18"))
