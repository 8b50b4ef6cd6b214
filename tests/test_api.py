"""The verbs of the Python interface: what they take, what they refuse, and that they leave the host program alone."""

import decimal
from decimal import Decimal

import pytest

import plimsoll
from plimsoll.report.notebook import assessment_html, comparison_html

BOOK = plimsoll.load_rulebook("binance_usdm", "2026-07-02")
LONG = plimsoll.position("BTCUSDT", "100", entry_price="60000", leverage="20")


def account(*positions: plimsoll.Position, cash: str = "300000") -> plimsoll.Account:
    return plimsoll.Account(plimsoll.PositionMode.ONE_WAY, {"USDT": Decimal(cash)}, positions)


def test_the_position_that_eight_tools_disagree_on():
    """100 BTC long at 60,000, 20x, 300,000 USDT behind it; bracket 3 to 12 million: rate 1 %, deduction 12,000."""
    price = plimsoll.liquidation_prices(account(LONG), {"BTCUSDT": 60000}, BOOK)["BTCUSDT"]
    assert abs(price - (Decimal(5_700_000) - 12_000) / Decimal(99)) < Decimal("1e-20")


def test_the_losing_second_leg_that_freqtrade_gets_wrong():
    """1 BTC long at 60,000, 10 ETH short at 3,000 with mark 3,600, wallet 10,000: 56,369.48 by algebra."""
    held = account(
        plimsoll.position("BTCUSDT", 1, entry_price=60000, leverage=20),
        plimsoll.position("ETHUSDT", -10, entry_price=3000, leverage=20),
        cash="10000",
    )
    price = plimsoll.liquidation_prices(held, {"BTCUSDT": 60000, "ETHUSDT": 3600}, BOOK)["BTCUSDT"]
    assert round(price, 2) == Decimal("56369.48")


def test_the_host_programs_decimal_context_is_left_alone():
    with decimal.localcontext(decimal.Context(prec=6)) as context:
        before = context.copy()
        plimsoll.assess(account(LONG), {"BTCUSDT": "60000"}, BOOK)
        assert str(decimal.getcontext()) == str(before)


def test_a_narrow_host_context_does_not_change_an_answer():
    wide = plimsoll.liquidation_prices(account(LONG), {"BTCUSDT": "60000"}, BOOK)
    with decimal.localcontext(decimal.Context(prec=5)):
        narrow = plimsoll.liquidation_prices(account(LONG), {"BTCUSDT": "60000"}, BOOK)
    assert wide == narrow


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: plimsoll.position("BTCUSDT", 0, entry_price=1, leverage=1), "size"),
        (lambda: plimsoll.position("BTCUSDT", 1, entry_price="NaN", leverage=1), "entry_price"),
        (lambda: plimsoll.position("BTCUSDT", 1, entry_price=-1, leverage=1), "entry_price"),
        (lambda: plimsoll.position("BTCUSDT", 0.5, entry_price=1, leverage=1), "size"),
        (lambda: plimsoll.position("BTCUSDT", 1, entry_price=1, leverage=1, side="up"), "side"),
        (lambda: plimsoll.position("BTCUSDT", 1, entry_price="1e99", leverage=1), "entry_price"),
        (lambda: plimsoll.assess(account(LONG), {}, BOOK), "BTCUSDT"),
        (lambda: plimsoll.assess(account(LONG), {"BTCUSDT": 0}, BOOK), "BTCUSDT"),
        (lambda: plimsoll.load_rulebook("mtgox", "2026-07-02"), "mtgox"),
        (lambda: plimsoll.load_rulebook("binance_usdm", "tomorrow"), "as_of"),
        (lambda: plimsoll.load_rulebook("binance_usdm", "2026-07-02", policy="newest"), "policy"),
        (
            lambda: plimsoll.assess(
                account(plimsoll.position("NOPEUSDT", 1, entry_price=1, leverage=1)), {"NOPEUSDT": 1}, BOOK
            ),
            "NOPEUSDT",
        ),
    ],
)
def test_bad_input_names_the_field(call, said):
    with pytest.raises(plimsoll.BadInput) as problem:
        call()
    assert said in str(problem.value)


def test_a_day_without_a_table_raises_when_asked_to():
    with pytest.raises(plimsoll.RulebookGap):
        plimsoll.load_rulebook("binance_usdm", "2025-05-05", policy="in-force", symbols=["BTCUSDT"])


def test_answers_show_themselves_as_tables():
    html = assessment_html(plimsoll.assess(account(LONG), {"BTCUSDT": "60000"}, BOOK))
    assert html.count("<tr>") == 1 + 1 + 1 + 1
    assert "57,454.55" in html
    answer = plimsoll.compare(prices="rebound")
    assert "<table>" in comparison_html(answer)
    assert answer.sentences[0].split(":")[0] in comparison_html(answer)
