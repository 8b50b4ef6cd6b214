"""The verbs of the Python interface: what they take, what they refuse, and that they leave the host program alone."""

import decimal
import sys
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace

import msgspec
import pytest

import plimsoll
from plimsoll.report.notebook import assessment_html, comparison_html, study_html
from plimsoll.studies import Study

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


HEDGED = plimsoll.PositionMode.HEDGE
SHORT_LEG = plimsoll.position("BTCUSDT", -1, entry_price=60000, leverage=20, side="short")


def changed(**fields: object) -> plimsoll.Account:
    return msgspec.structs.replace(account(LONG), **fields)


def held(**fields: object) -> plimsoll.Account:
    """One BTC position of which some fields say what they should not."""
    return account(msgspec.structs.replace(LONG, **fields))


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        (changed(position_mode="oneway"), "position_mode", "one_way, hedge"),
        (changed(position_mode=None), "position_mode", "one_way, hedge"),
        (changed(cash={"USDT": Decimal("NaN")}), "cash.USDT", "finite"),
        (changed(cash={"USDT": Decimal("-Infinity")}), "cash.USDT", "finite"),
        (changed(cash={"USDT": "NaN"}), "cash.USDT", "finite"),
        (changed(cash={"USDT": 300000.5}), "cash.USDT", "plain decimal number"),
        (changed(cash={"USDT": float("inf")}), "cash.USDT", "plain decimal number"),
        (changed(cash={"USDT": Decimal("1e99")}), "cash.USDT", "1e30"),
        (changed(cash={"USDT": "much"}), "cash[...]", "decimal"),
        (changed(cash=None), "cash", "object"),
        (changed(cash={"USDT": object()}), "account", "plain data"),
        (changed(positions=LONG), "positions", "array"),
        (changed(positions=(LONG, LONG)), "positions[1].symbol", "given twice"),
        (changed(leverages={"BTCUSDT": Decimal(0)}), "leverages BTCUSDT", "1 or more"),
        (changed(margin_modes={"BTCUSDT": "both"}), "margin_modes[...]", "cross, isolated"),
        (changed(fees=plimsoll.Fees(Decimal(0), 0.0005)), "fees.taker_rate", "plain decimal number"),  # type: ignore[arg-type]
        (changed(position_mode=HEDGED), "positions[0].side", "long or short"),
        (changed(positions=(SHORT_LEG,)), "positions[0].side", "net"),
        (held(side="up"), "positions[0].side", "net, long, short"),
        (held(mode="both"), "positions[0].mode", "cross, isolated"),
        (held(size=1.5), "positions[0].size", "plain decimal number"),
        (held(entry_price=Decimal(0)), "positions[0].entry_price", "greater than zero"),
        (held(leverage=Decimal("0.5")), "positions[0].leverage", "1 or more"),
        (held(isolated_margin=Decimal(-1)), "positions[0].isolated_margin", "0 or more"),
        (held(side="short"), "positions[0].size", "this side is short"),
        (held(side="long", size=Decimal(-1)), "positions[0].size", "this side is long"),
        (None, "account", "plimsoll.Account"),
    ],
)
@pytest.mark.parametrize("verb", [plimsoll.assess, plimsoll.liquidation_prices])
def test_an_account_that_cannot_be_is_refused_by_field(
    verb: Callable[..., object], wrong: plimsoll.Account, field: str, said: str
):
    with pytest.raises(plimsoll.BadInput) as problem:
        verb(wrong, {"BTCUSDT": 60000}, BOOK)
    assert problem.value.field == field
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"isolated_margin": "-1"}, "isolated_margin"),
        ({"isolated_margin": "Infinity"}, "isolated_margin"),
        ({"leverage": "0.99"}, "leverage"),
        ({"side": "short"}, "size"),
        ({"side": "long", "size": -1}, "size"),
    ],
)
def test_a_position_that_cannot_be_is_refused_by_field(fields: dict[str, object], field: str):
    with pytest.raises(plimsoll.BadInput) as problem:
        plimsoll.position("BTCUSDT", **{"size": 1, "entry_price": 60000, "leverage": 20, **fields})
    assert problem.value.field == field


@pytest.mark.parametrize(
    ("marks", "field"),
    [
        (None, "marks"),
        ([("BTCUSDT", 60000)], "marks"),
        ({"BTCUSDT": 60000.0}, "BTCUSDT"),
        ({"BTCUSDT": None}, "BTCUSDT"),
        (plimsoll.Marks({"BTCUSDT": Decimal("NaN")}), "BTCUSDT"),
        (plimsoll.Marks({"BTCUSDT": Decimal(60000)}, lasts={"BTCUSDT": Decimal(0)}), "BTCUSDT"),
    ],
)
def test_marks_that_are_no_prices_are_refused(marks: object, field: str):
    with pytest.raises(plimsoll.BadInput) as problem:
        plimsoll.assess(account(LONG), marks, BOOK)  # type: ignore[arg-type]
    assert problem.value.field == field


@pytest.mark.parametrize("day", [None, 20260702, datetime(2026, 7, 2), "2026-13-01"])
def test_a_day_that_is_none_is_refused(day: object):
    with pytest.raises(plimsoll.BadInput) as problem:
        plimsoll.load_rulebook("binance_usdm", day)  # type: ignore[arg-type]
    assert problem.value.field == "as_of"


def test_text_for_the_modes_and_for_cash_is_as_good_as_the_types():
    """Whoever reads an account from a file or a wire need not know the enumerations."""
    spoken = changed(position_mode="one_way", cash={"USDT": "300000"}, margin_modes={"ETHUSDT": "isolated"})
    marks = {"BTCUSDT": 60000}
    assert plimsoll.assess(spoken, marks, BOOK).legs == plimsoll.assess(account(LONG), marks, BOOK).legs


def test_both_legs_of_a_hedge_are_no_repetition():
    long_leg = plimsoll.position("BTCUSDT", 2, entry_price=60000, leverage=20, side="long")
    both = plimsoll.Account(HEDGED, {"USDT": Decimal(50000)}, (long_leg, SHORT_LEG))
    assert len(plimsoll.assess(both, {"BTCUSDT": 60000}, BOOK).legs) == 2


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


class FakeFormatter:
    """What an IPython formatter does with types: remembers, and tells what it remembers."""

    def __init__(self) -> None:
        self.known: dict[type, object] = {}

    def for_type(self, kind: type, shown: object = None) -> object:
        before = self.known.get(kind)
        if shown is not None:
            self.known[kind] = shown
        return before


def test_a_notebook_loaded_after_plimsoll_shows_answers_too(monkeypatch: pytest.MonkeyPatch):
    html = FakeFormatter()
    shell = SimpleNamespace(display_formatter=SimpleNamespace(formatters={"text/html": html}))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    view = plimsoll.assess(account(LONG), {"BTCUSDT": 60000}, BOOK)
    assert html.known[type(view)] is assessment_html
    html.known[type(view)] = repr
    answer = plimsoll.compare(prices="rebound")
    wanted = {type(view): repr, type(answer): comparison_html, Study: study_html}
    assert html.known == wanted, "a display of the user's own stays"


@pytest.mark.parametrize("module", [SimpleNamespace(), SimpleNamespace(get_ipython=lambda: None)])
def test_without_a_shell_nothing_is_shown_and_nothing_fails(monkeypatch: pytest.MonkeyPatch, module: SimpleNamespace):
    monkeypatch.setitem(sys.modules, "IPython", module)  # type: ignore[arg-type]
    assert plimsoll.assess(account(LONG), {"BTCUSDT": 60000}, BOOK).legs
