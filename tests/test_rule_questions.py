"""The questions traders ask, answered by playing: against the sentences of the venues' rule sheets, and as a law for every
rulebook there is. Numbers are worked out here from the sheets' formulas, in fractions."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from plimsoll.errors import Reason, Reject
from plimsoll.model import Kind, MarginMode
from plimsoll.number import exact
from plimsoll.questions.asking import QUESTIONS, Answers, Cell, ask, ask_all, doubts, lines_of, rest_of, weakest_in
from plimsoll.questions.small_account import Ground, find_pair
from plimsoll.rulebook import Policy, Rulebook, discover, in_force
from plimsoll.table_files import load
from plimsoll.venue_table import Grade

D = Decimal
DAY = date(2026, 11, 22)
CROSS, ISOLATED = MarginMode.CROSS, MarginMode.ISOLATED
BINANCE, OKX = "binance_usdm", "okx_futures"
CASH = ("spare_cash", "realised_profit")
BY_KEY = {question.key: question for question in QUESTIONS}


@cache
def answers() -> Answers:
    return ask_all(discover(), DAY)


def cell(venue: str, mode: MarginMode, key: str) -> Cell:
    asked = next(asked for asked in answers().questions if asked.key == key)
    return next(c for c in asked.cells if (c.venue, c.mode) == (venue, mode))


def book(venue: str) -> Rulebook:
    return in_force(load(venue), DAY)


def ground(venue: str, mode: MarginMode, **rules: Any) -> Ground:
    """The ground of a venue, some of whose rules are replaced."""
    rulebook = book(venue)
    pair = find_pair(rulebook)
    assert pair is not None
    return Ground(replaced(rulebook, rules), mode, pair)


def replaced(rulebook: Rulebook, rules: Mapping[str, Any]) -> Rulebook:
    known = {name: getattr(rulebook.rules, name) for name in dir(rulebook.rules)}
    return msgspec.structs.replace(rulebook, rules=SimpleNamespace(**{**known, **rules}))


def answer(key: str, at: Ground) -> Cell:
    with exact():
        return ask(BY_KEY[key], at)


def figures(text: str) -> list[Fraction]:
    return [Fraction(found.replace(",", "")) for found in re.findall(r"(?<![\w.-])\d[\d,]*(?:\.\d+)?(?![\w.])", text)]


# ---- what the sheets say ------------------------------------------------------------------------------------------------

SHEETS = [
    # binance.md 1.10: "Margin type is per symbol, default CROSSED ... Forbidden with open orders (-4047) or a position (-4048)"
    (BINANCE, CROSS, "switch_flat", "yes", "the next order in BTCUSDT is isolated; ETHUSDT stays cross"),
    (BINANCE, ISOLATED, "switch_flat", "yes", "the next order in BTCUSDT is cross; ETHUSDT stays cross"),
    (BINANCE, CROSS, "switch_with_order", "no", r"\(-4047\)"),
    (BINANCE, ISOLATED, "switch_with_order", "no", r"\(-4047\)"),
    (BINANCE, CROSS, "switch_with_position", "no", r"\(-4048\)"),
    (BINANCE, ISOLATED, "switch_with_position", "no", r"\(-4048\)"),
    # the same sentence: two symbols may differ, one may not
    (BINANCE, CROSS, "beside_in_two", "yes", "BTCUSDT cross and ETHUSDT isolated .* in 2 pools"),
    (BINANCE, ISOLATED, "beside_in_two", "yes", "BTCUSDT isolated and ETHUSDT cross .* in 2 pools"),
    (BINANCE, CROSS, "beside_in_one", "no", r"\(-4048\)"),
    (BINANCE, ISOLATED, "beside_in_one", "no", r"\(-4048\)"),
    # okx.md 2: "There is no API call that sets "margin mode" on an instrument: each order states tdMode"; 12: "cannot be
    # switched in place"
    (OKX, CROSS, "switch_flat", "no", "belongs to each order"),
    (OKX, ISOLATED, "switch_flat", "no", "belongs to each order"),
    (OKX, CROSS, "switch_with_order", "no", "belongs to each order"),
    (OKX, CROSS, "switch_with_position", "no", "belongs to each order"),
    (OKX, ISOLATED, "switch_with_position", "no", "belongs to each order"),
    # okx.md 2: "Cross and isolated positions in the same instrument exist side by side and never net"
    (OKX, CROSS, "beside_in_one", "yes", "BTC-USDT-SWAP cross and BTC-USDT-SWAP isolated .* in 2 pools"),
    (OKX, ISOLATED, "beside_in_two", "yes", "in 2 pools"),
    # binance.md 1.7: crossWalletBalance and "cross UPNL: same pool" back "all cross legs margined in A"; isolatedWallet
    # "that leg only"; okx.md 2: "gains and losses of all positions of the same settle currency offset each other", "Isolated:
    # loss of a position is limited to its own margin; its unrealised profit supports neither another position nor a new order"
    *((venue, CROSS, key, "yes", "nothing is liquidated") for venue in (BINANCE, OKX) for key in CASH),
    *((venue, ISOLATED, key, "no", "stays at") for venue in (BINANCE, OKX) for key in CASH),
    (BINANCE, CROSS, "unrealised_profit", "yes", "nothing is liquidated$"),
    (OKX, CROSS, "unrealised_profit", "yes", "nothing is liquidated$"),
    (BINANCE, ISOLATED, "unrealised_profit", "no", "stays at"),
    (OKX, ISOLATED, "unrealised_profit", "no", "stays at"),
    # binance.md 1.6: "cross UNREALISED PROFIT DOES finance new orders ...; isolated UPNL finances nothing but its own leg"
    (BINANCE, CROSS, "profit_opens", "yes", "ETHUSDT cross"),
    (BINANCE, ISOLATED, "profit_opens", "no", r"\(-2019\)"),
    (BINANCE, ISOLATED, "profit_opens_other", "no", r"\(-2019\)"),
    # okx.md 2: "Unrealised cross profit may be used for new cross derivative orders ..., but not for isolated orders, ... or
    # withdrawals"
    (OKX, CROSS, "profit_opens", "yes", "ETH-USDT-SWAP cross"),
    (OKX, CROSS, "profit_opens_other", "no", r"ETH-USDT-SWAP isolated is refused .*\(51008\)"),
    (OKX, ISOLATED, "profit_opens", "no", r"\(51008\)"),
    (OKX, ISOLATED, "profit_opens_other", "no", r"\(51008\)"),
    (OKX, CROSS, "profit_leaves", "no", "what may leave"),
    (OKX, ISOLATED, "profit_leaves", "no", "what may leave stays"),
    # binance.md 1.6: "Profit can be traded on but not withdrawn"
    (BINANCE, CROSS, "profit_leaves", "no", "what may leave"),
    (BINANCE, ISOLATED, "profit_leaves", "no", "what may leave stays"),
    # binance.md 1.9, 6.1: which cross position is cut first is an open question; okx.md 9.4 phase 3: "highest maintenance
    # first", a rewrite
    (BINANCE, ISOLATED, "which_first", "", "BTCUSDT, alone in its pool"),
    (OKX, ISOLATED, "which_first", "", "BTC-USDT-SWAP, alone in its pool"),
    (BINANCE, ISOLATED, "others_survive", "yes", "ETHUSDT is held in full"),
    (OKX, ISOLATED, "others_survive", "yes", "ETH-USDT-SWAP is held in full"),
    # binance.md 1.7: "isolated loss beyond isolatedWallet: not drawn from cross; insurance fund"; okx.md 2 as above
    (BINANCE, ISOLATED, "lose_more", "no", "others pay"),
    (OKX, ISOLATED, "lose_more", "no", "others pay"),
    (BINANCE, CROSS, "lose_more", "yes", "others pay"),
    (OKX, CROSS, "lose_more", "yes", "others pay"),
    # binance.md 1.8: "Cross leg: funding hits crossWB ... Isolated leg: ... its isolatedWallet changes and LP moves";
    # okx.md 10: "Isolated: debited from ... the position's own margin, so m and liqPx change"; "Cross: ... cash balance"
    (BINANCE, CROSS, "funding", "", "from the cash: the line moves"),
    (OKX, CROSS, "funding", "", "from the cash: the line moves"),
    (BINANCE, ISOLATED, "funding", "", "from its own margin: the line moves"),
    (OKX, ISOLATED, "funding", "", "from its own margin: the line moves"),
]


@pytest.mark.parametrize(("venue", "mode", "key", "word", "text"), SHEETS)
def test_an_answer_is_what_the_rule_sheet_says(venue: str, mode: MarginMode, key: str, word: str, text: str) -> None:
    found = cell(venue, mode, key)
    assert found.word == word, found
    assert re.search(text, found.text), found.text


def test_which_cross_position_goes_first_depends_on_a_reading_where_the_sheets_leave_it_open():
    """binance.md 6.1: open question; okx.md 9.4: highest maintenance first, grade W."""
    for venue, default, first in ((BINANCE, "largest_loss", "BTCUSDT"), (OKX, "largest_maintenance", "ETH-USDT-SWAP")):
        found = cell(venue, CROSS, "which_first")
        said = {option: o.text for o in found.options for option in o.chosen}
        assert set(said) == {"largest_loss", "largest_maintenance", "largest_notional"}
        assert said[default].startswith(first)
        assert found.text == said[default]
        assert "larger loss" in said["largest_loss"] and "maintenance" in said["largest_maintenance"]
        assert found.grade in (Grade.MEMORY, Grade.REWRITE)


# ---- their numbers -------------------------------------------------------------------------------------------------------

VALUE, SIZE, ENTRY, TAKER, RATE = Fraction(1000), Fraction(10), Fraction(100), Fraction(5, 10000), Fraction(4, 1000)
"""10 coins at 100, as the account plays; the taker fee and the first bracket's rate of both venues' tables."""


def test_the_numbers_worked_out_below_are_those_of_the_tables():
    for venue in (BINANCE, OKX):
        rulebook = book(venue)
        pair = find_pair(rulebook)
        assert pair is not None and Fraction(pair.first.brackets[0].maintenance_rate) == RATE
        assert Fraction(rulebook.fees.taker_rate) == TAKER


def near(found: Fraction, true: Fraction, places: int = 4) -> bool:
    return abs(found - true) <= Fraction(6, 10 ** (places + 1))


def binance_line(wallet: Fraction) -> Fraction:
    """binance.md 1.4, one long leg in the first row: LP = (WB - q*EP) / (q*MMR - q)."""
    return (wallet - SIZE * ENTRY) / (SIZE * RATE - SIZE)


def okx_line(money: Fraction) -> Fraction:
    """okx.md 3, linear long: P = (avg*q - m) / (q*(1 - r - f)); cross with E at the entry alike."""
    return (ENTRY * SIZE - money) / (SIZE * (1 - RATE - TAKER))


def test_spare_cash_moves_the_cross_line_as_the_sheets_formulas_say():
    fee, margin = VALUE * TAKER, VALUE / 10
    for venue, line in ((BINANCE, binance_line), (OKX, okx_line)):
        shown = figures(cell(venue, CROSS, "spare_cash").text)
        cash = margin * Fraction(11, 10) - fee
        assert shown[0] == margin
        assert near(shown[1], line(cash)) and near(shown[2], line(cash + margin))


def test_the_isolated_line_is_that_of_the_own_margin():
    """binance.md 1.8: the opening commission leaves the isolated wallet; okx.md 3: margin = q*avg/L."""
    fee, margin = VALUE * TAKER, VALUE / 10
    assert near(figures(cell(BINANCE, ISOLATED, "spare_cash").text)[1], binance_line(margin - fee))
    assert near(figures(cell(OKX, ISOLATED, "spare_cash").text)[1], okx_line(margin))


def test_funding_is_the_mark_value_times_the_rate_and_moves_the_line_by_it():
    """binance.md 1.8: q*MP*rate; okx.md 10: position value at mark times rate. At 0.1 %: 1."""
    fee, margin = VALUE * TAKER, VALUE / 10
    cash = margin * Fraction(3, 2) - fee
    for mode, binance, okx in ((ISOLATED, margin - fee, margin), (CROSS, cash, cash)):
        for venue, line, money in ((BINANCE, binance_line, binance), (OKX, okx_line, okx)):
            paid, before, after = figures(cell(venue, mode, "funding").text)
            assert paid == 1
            assert near(before, line(money)) and near(after, line(money - 1))


def test_no_more_is_lost_in_isolated_than_was_inside_and_in_cross_no_more_than_all():
    for venue, inside in ((BINANCE, Fraction("99.5")), (OKX, Fraction(100))):
        _, lost, assigned, left, whole, others = figures(cell(venue, ISOLATED, "lose_more").text)
        assert lost == assigned == inside and left == whole - inside
        assert others == SIZE * 40 - inside, "a fall by 40 of ten coins, less what was inside"
        _, lost, assigned, left, whole, others = figures(cell(venue, CROSS, "lose_more").text)
        assert (assigned, left) == (100, 0) and lost == whole and others == SIZE * 40 - whole


def test_okx_books_the_taker_fee_and_a_penalty_of_the_rate_times_the_value():
    """okx.md 9.5, record 024: closed at the mark at the trigger; taker fee; liqPenalty = mmr rate x closed notional."""
    price, fee, share, penalty, rate, *_ = figures(cell(OKX, ISOLATED, "charged").text.replace(" %", ""))
    assert near(fee, price * SIZE * TAKER, 2) and share == TAKER * 100
    left = (price - ENTRY) * SIZE + VALUE / 10 - price * SIZE * TAKER
    assert near(penalty, min(price * SIZE * RATE, left), 2) and rate <= RATE * 100


def test_binance_hands_a_small_position_to_the_fund_and_charges_the_clearance_fee_on_what_it_cuts_of_a_large_one():
    """binance.md 1.9.3-5: small accounts are nearly always fully closed because their rate is below the clearance fee; taken
    over at the bankruptcy price, EP - s*isolatedWallet/q (1.4); the fee is charged on the amount liquidated, not the whole."""
    small = cell(BINANCE, ISOLATED, "charged").text
    assert near(figures(small)[0], ENTRY - (VALUE / 10 - VALUE * TAKER) / SIZE, 4) and "taken over" in small
    large = cell(BINANCE, ISOLATED, "charged_large")
    assert {o.reading for o in large.options} == {"reduce_target"}
    assert all("closed in the market" in o.text and "(1.25 % of the value)" in o.text for o in large.options)
    assert all(0 < figures(o.text)[-1] < 100 for o in large.options), "a part of the position stays"


# ---- every rulebook ------------------------------------------------------------------------------------------------------

YES_OR_NO = [q.key for q in QUESTIONS if q.key not in ("which_first", "funding", "charged", "charged_large")]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
@pytest.mark.parametrize("mode", MarginMode)
@pytest.mark.parametrize("venue", discover())
def test_every_rulebook_answers_every_question_in_both_modes(venue: str, mode: MarginMode, question: Any) -> None:
    found = cell(venue, mode, question.key)
    excused = found.text.startswith(("not offered: ", "cannot be asked: ", "cannot be told: ", "no mark "))
    assert found.text and not re.search(r"None|Decimal|E[+-]\d", found.text)
    assert found.word in ("yes", "no", "")
    assert found.word or excused or question.key not in YES_OR_NO, f"{found.text!r} is no answer"
    assert found.rests_on and found.grade is found.rests_on[0].grade
    order = list(Grade)
    assert all(order.index(rest.grade) <= order.index(found.grade) for rest in found.rests_on)
    readings = [row.name for row in book(venue).options]
    rules = book(venue).rules
    named = [rest.name for rest in found.rests_on if rest.name not in readings]
    assert all(callable(getattr(rules, name)) for name in named)
    assert {o.reading for o in found.options} <= {rest.name for rest in found.rests_on}
    assert all(rest.why for rest in found.rests_on if rest.grade is not Grade.DOC)


@pytest.mark.parametrize("mode", MarginMode)
@pytest.mark.parametrize("venue", discover())
def test_an_answer_rests_only_on_rules_that_were_asked(venue: str, mode: MarginMode) -> None:
    """A rule that is named as the ground of an answer must have been called while the question was played."""
    rulebook = book(venue)
    called: set[str] = set()

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def rule(*args: Any) -> Any:
            called.add(name)
            return function(*args)

        return rule

    functions = {n: f for n in dir(rulebook.rules) if callable(f := getattr(rulebook.rules, n)) and n[0].islower()}
    watching = ground(venue, mode, **{name: watched(name, function) for name, function in functions.items()})
    readings = {row.name for row in rulebook.options}
    for question in QUESTIONS:
        called.clear()
        found = cell(venue, mode, question.key)
        with exact():
            assert question.ask(watching).text == found.text
        if not found.text.startswith(("not offered", "cannot be asked")):
            assert {rest.name for rest in found.rests_on} - readings <= called, question.key


def test_the_questions_know_no_venue():
    package = Path(__file__).parents[1] / "src" / "plimsoll" / "questions"
    words = {part for name in discover() for part in (name, name.split("_")[0])}
    text = {path.name: path.read_text(encoding="utf-8").lower() for path in package.glob("*.py")}
    assert {name: [w for w in words if w in found] for name, found in text.items()} == {name: [] for name in text}


# ---- the answers follow the rules, not the other way round -------------------------------------------------------------------


def test_a_venue_that_left_profit_out_of_the_free_balance_would_refuse_the_new_position():
    def settled_only(pool: Any, margin: Any, cross_orders: D, isolated_orders: D) -> D:
        return max(D(0), pool.cash - margin.initial - cross_orders - isolated_orders)

    assert answer("profit_opens", ground(BINANCE, CROSS)).word == "yes"
    assert answer("profit_opens", ground(BINANCE, CROSS, available_balance=settled_only)).word == "no"


def test_an_order_is_made_so_large_that_it_is_refused_without_the_profit():
    """Else profit would not be what pays for it: here orders need a fiftieth of what they do elsewhere."""
    real = book(BINANCE).rules.order_margin
    at = ground(BINANCE, CROSS, order_margin=lambda resting, mark, market: real(resting, mark, market) / 50)
    assert answer("profit_opens", at).word == "yes"
    free = ground(BINANCE, CROSS, order_margin=lambda *arguments: arguments[1] * 0, may_grow=lambda _: None)
    assert answer("profit_opens", free).text.startswith("cannot be told")


def test_a_venue_that_took_funding_from_the_free_cash_first_would_leave_the_isolated_line():
    def cash_first(payment: D, _leg: Any, _free: D) -> tuple[D, D]:
        return payment, payment * 0

    found = answer("funding", ground(BINANCE, ISOLATED, funding_split=cash_first))
    assert "from the cash: the line stays at" in found.text


def test_a_venue_that_paid_profit_out_would_say_so():
    def everything(_pool: Any, margin: Any, _cross: D, _isolated: D) -> D:
        return max(D(0), margin.balance)

    assert answer("profit_leaves", ground(OKX, CROSS, withdrawable=everything)).word == "yes"


def one_mode_for_all(account: Any, _symbol: str, _asked: MarginMode | None) -> MarginMode:
    """The margin mode is one setting, kept under whatever symbol it was asked for last."""
    return next(reversed(account.margin_modes.values()), CROSS)


def flat_only(account: Any, _symbol: str, _mode: MarginMode) -> Reject | None:
    if account.positions or account.orders:
        return Reject(Reason.MARGIN_MODE_POSITION, "close everything first")
    return None


def test_a_venue_with_one_mode_for_the_whole_account_is_answered_too():
    whole = {"fill_mode": one_mode_for_all, "may_switch_mode": flat_only}
    for mode in MarginMode:
        at = ground(BINANCE, mode, **whole)
        found = {question.key: answer(question.key, at) for question in QUESTIONS}
        assert found["switch_flat"].word == "yes" and "with it" in found["switch_flat"].text
        assert found["switch_with_position"].text == "close everything first (-4048)"
        assert found["beside_in_two"].word == found["beside_in_one"].word == "no"
        assert found["spare_cash"].word == ("yes" if mode is CROSS else "no")
        assert found["profit_opens_other"].word == "no" and "close everything first" in found["profit_opens_other"].text


def test_a_venue_that_lets_the_mode_of_a_position_change_is_answered_with_what_changes():
    at = ground(BINANCE, CROSS, may_switch_mode=lambda *_: None)
    found = answer("switch_with_position", at)
    assert found.word == "yes"
    assert "position" in found.text and "isolated" in found.text


def test_a_venue_without_one_of_the_modes_says_why():
    def cross_only(_account: Any, _symbol: str, mode: MarginMode) -> Reject | None:
        return None if mode is CROSS else Reject(Reason.NOT_OFFERED, "there is no isolated margin here")

    at = ground(BINANCE, ISOLATED, fill_mode=lambda *_: CROSS, may_switch_mode=cross_only)
    for key in BY_KEY:
        found = answer(key, at)
        assert "there is no isolated margin here" in found.text or key in ("switch_flat",), (key, found.text)


def test_inverse_contracts_are_played_where_there_are_no_linear_ones():
    rulebook = book(OKX)
    inverse = {s: i for s, i in rulebook.instruments.items() if i.kind is Kind.INVERSE}
    alone = msgspec.structs.replace(rulebook, instruments=inverse)
    pair = find_pair(alone)
    assert pair is not None and pair.second is not None and pair.first.settle == pair.second.settle == "BTC"
    assert not pair.first.expires, "the perpetual leads"
    for mode in MarginMode:
        for key in BY_KEY:
            found = answer(key, Ground(alone, mode, pair))
            assert not found.text.startswith(("not offered", "cannot")), (key, found.text)
        assert answer("spare_cash", Ground(alone, mode, pair)).word == ("yes" if mode is CROSS else "no")
        assert " BTC" in answer("charged", Ground(alone, mode, pair)).text


OF_TWO = ("beside_in_two", "realised_profit", "unrealised_profit", "profit_opens_other", "which_first", "others_survive")


def test_a_rulebook_with_one_contract_answers_what_one_contract_can():
    rulebook = book(BINANCE)
    alone = msgspec.structs.replace(rulebook, instruments={"BTCUSDT": rulebook.instruments["BTCUSDT"]})
    pair = find_pair(alone)
    assert pair is not None and pair.second is None
    for key in BY_KEY:
        found = answer(key, Ground(alone, CROSS, pair))
        told = found.text == "cannot be asked: of the contracts that settle in USDT only BTCUSDT has a table"
        assert told is (key in OF_TWO), (key, found.text)


def test_contracts_that_settle_apart_can_still_stand_in_different_modes():
    """As where each coin has one contract of its own."""
    rulebook = book(OKX)
    apart = {s: rulebook.instruments[s] for s in ("BTC-USD-SWAP", "ADA-USD-SWAP")}
    alone = msgspec.structs.replace(rulebook, instruments=apart)
    pair = find_pair(alone)
    assert pair is not None and pair.second is None and pair.beside is not None
    assert pair.first.settle != pair.beside.settle
    for mode in MarginMode:
        at = Ground(alone, mode, pair)
        assert answer("beside_in_two", at).word == "yes"
        assert answer("which_first", at).text.startswith("cannot be asked")
        assert answer("lose_more", at).word == ("yes" if mode is CROSS else "no")


def test_a_rulebook_without_a_table_of_the_day_says_so_in_every_cell():
    strict = ask_all([BINANCE], date(2023, 1, 1), Policy.IN_FORCE)
    if any(venue.account for venue in strict.venues):
        pytest.skip("a table is known for that very day now")
    cells = [c for asked in strict.questions for c in asked.cells]
    assert len(cells) == 2 * len(QUESTIONS)
    assert all(c.text == "cannot be asked: no table is in force on 2023-01-01" for c in cells)


# ---- grades --------------------------------------------------------------------------------------------------------------


def test_the_weakest_grade_of_a_text_counts():
    assert weakest_in("Recorded (BTC 2024); the rest S3, rewrite.") is Grade.REWRITE
    assert weakest_in("IM = N / L. S7.") is Grade.DOC


def test_a_rule_is_as_weak_as_the_parts_of_it_that_stand_in_its_module():
    """`next_step` of OKX names no grade; what it calls comes from rewrites of a help page (okx.md 9.1, 9.3: W)."""
    assert rest_of("next_step", book(OKX)).grade is Grade.REWRITE
    assert rest_of("is_liquidatable", book(OKX)).grade is Grade.DOC


def test_an_answer_that_depends_on_a_reading_is_no_firmer_than_the_reading():
    turned = [c for asked in answers().questions for c in asked.cells if c.options]
    assert turned
    order = list(Grade)
    for found in turned:
        grades = {row.name: row.grade for row in book(found.venue).options}
        assert all(order.index(found.grade) >= order.index(grades[o.reading]) for o in found.options)
        lines = lines_of(found)
        assert lines[0] == f"depends on {found.options[0].reading}:" and sum(", the default: " in line for line in lines) >= 1
        assert len({(o.word, o.text) for o in found.options if o.reading == found.options[0].reading}) > 1


def test_what_makes_a_grade_weak_is_told_in_the_rules_own_words():
    told = doubts(answers())
    assert told[(BINANCE, "close_order")].grade is Grade.MEMORY
    assert "does not say" in told[(BINANCE, "close_order")].why
    assert all(rest.grade not in (Grade.DOC, Grade.RECORDED) for rest in told.values())


def test_stale_tables_are_marked_on_the_venue():
    venue = next(v for v in answers().venues if v.venue == BINANCE)
    assert venue.stale and all("grade stale" in line for line in venue.tables)
    fresh = ask_all([BINANCE], date(2026, 7, 2)).venues[0]
    assert not fresh.stale
