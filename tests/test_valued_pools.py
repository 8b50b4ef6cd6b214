"""Pools valued in one currency over several coins: where the line is when the collateral falls too, what is sold to repay a
debt, and what an isolated position of the same venue does by itself. Every number is worked out here by hand."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from plimsoll.account.commands import SetMarginMode, SetMarks, Withdraw
from plimsoll.account.decide import Decision, decide
from plimsoll.account.events import Converted, MarginMoved, Reduced, ShortfallCovered, TakenOver
from plimsoll.account.state import Environment, State, Venue
from plimsoll.errors import BadInput, Reason
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.views import Assessment
from plimsoll.model import (
    Account,
    Bracket,
    Coin,
    CollateralTier,
    Fees,
    Instrument,
    Kind,
    LegSide,
    LoanTier,
    MarginMode,
    Marks,
    Order,
    OrderType,
    Position,
    PositionMode,
)
from plimsoll.rulebook import Rulebook, for_case, with_readings
from plimsoll.table_files import load

D = Decimal
ONE_TIER = (Bracket(D(0), None, D("0.005"), D(0), D(100)),)
TWO_TIERS = (Bracket(D(0), D(100000), D("0.005"), D(0), D(100)), Bracket(D(100000), None, D("0.01"), D(500), D(50)))


def contract(brackets: tuple[Bracket, ...] = ONE_TIER, taker: str = "0") -> Instrument:
    return Instrument(
        "BTCUSDT", Kind.LINEAR, "BTC", "USDT", "USDT", D(1), brackets, "notional", D("0.1"), D("0.001"), taker_rate=D(taker)
    )


def in_full(ratio: str = "1", loan: str | None = None) -> Coin:
    loans = () if loan is None else (LoanTier(D(0), None, D("0.2"), D(loan)),)
    return Coin((CollateralTier(D(0), None, D(ratio)),), loans)


def book(instrument: Instrument, coins: dict[str, Coin]) -> Rulebook:
    return for_case(load("bybit_uta"), {"BTCUSDT": instrument}, date(2026, 8, 7), coins)


def held(size: str, entry: str, mode: MarginMode = MarginMode.CROSS, margin: str = "0", leverage: str = "10") -> Position:
    return Position("BTCUSDT", mode, LegSide.NET, D(size), D(entry), D(leverage), D(margin))


def account(cash: dict[str, str], *positions: Position, mode: str = "cross") -> Account:
    money = {asset: D(amount) for asset, amount in cash.items()}
    return Account(PositionMode.ONE_WAY, money, positions, fees=Fees(D(0), D(0)), options={"margin_mode": mode})


def marks(btc: str, index: str | None = None) -> Marks:
    return Marks({"BTCUSDT": D(btc)}, {}, {"USDT": D(1), "BTC": D(index or btc)})


def prices_of(coins: dict[str, Coin], taker: str = "0") -> Assessment:
    """1 BTC behind a long of 2 BTC from 60,000."""
    owned = account({"BTC": "1", "USDT": "0"}, held("2", "60000"))
    return assess(owned, marks("60000"), book(contract(taker=taker), coins))


def test_a_long_in_the_coin_it_stands_on_dies_sooner_when_the_coin_itself_falls() -> None:
    """Without fees and loan margin. Index frozen: 57,000 + 2(p - 60,000) = 0.01 p, p = 63,000/1.99 = 31,658.29. With it:
    0.95 p + 2(p - 60,000) = 0.01 p, p = 120,000/2.94 = 40,816.33."""
    (leg,) = prices_of({"BTC": in_full("0.95"), "USDT": in_full()}).legs
    assert leg.liquidation_price is not None and leg.underlying_liquidation_price is not None
    assert abs(Fraction(leg.liquidation_price) - Fraction(63000) / Fraction("1.99")) < Fraction(1, 10**25)
    assert abs(Fraction(leg.underlying_liquidation_price) - Fraction(120000) / Fraction("2.94")) < Fraction(1, 10**25)
    assert round(leg.liquidation_price) == 31658 and round(leg.underlying_liquidation_price) == 40816


def test_the_margin_of_the_automatic_loan_and_the_closing_fee_bring_the_line_nearer() -> None:
    """The loss below 60,000 is owed: 4 % of it more; F = 2 * 60,000 * 0.9 * 0.00055 = 59.4. Frozen:
    57,000 - 1.04 L = 0.01 p + 59.4 with L = 120,000 - 2p; moving: 0.95 p - 1.04 L = 0.01 p + 59.4."""
    (leg,) = prices_of({"BTC": in_full("0.95"), "USDT": in_full(loan="0.04")}, "0.00055").legs
    frozen = (Fraction("1.04") * 120000 + Fraction("59.4") - 57000) / (Fraction("2.08") - Fraction("0.01"))
    moving = (Fraction("1.04") * 120000 + Fraction("59.4")) / (Fraction("2.08") + Fraction("0.94"))
    assert leg.liquidation_price is not None and leg.underlying_liquidation_price is not None
    assert abs(Fraction(leg.liquidation_price) - frozen) < Fraction(1, 10**25)
    assert abs(Fraction(leg.underlying_liquidation_price) - moving) < Fraction(1, 10**25)


def test_when_everything_moves_the_coins_that_contracts_are_quoted_in_stand_still() -> None:
    view = prices_of({"BTC": in_full("0.95"), "USDT": in_full()})
    move = view.pools[0].portfolio_liquidation_move
    assert move is not None and abs(Fraction(move) - (Fraction(120000) / Fraction("2.94") / 60000 - 1)) < Fraction(1, 10**28)


def test_the_printed_estimate_lies_beyond_the_true_line() -> None:
    """P - (margin balance - maintenance) / q = 60,000 - (57,000 - 600) / 2 = 31,800, maintenance taken to stand still."""
    (leg,) = prices_of({"BTC": in_full("0.95"), "USDT": in_full()}).legs
    assert leg.displayed_liquidation_price == D(31800)


def test_a_coin_without_an_index_is_named_and_never_counted_as_one() -> None:
    owned = account({"BTC": "1", "USDT": "0"}, held("2", "60000"))
    rulebook = book(contract(), {"BTC": in_full(), "USDT": in_full()})
    with pytest.raises(BadInput, match="indexes: BTC"):
        assess(owned, Marks({"BTCUSDT": D(60000)}, {}, {"USDT": D(1)}), rulebook)
    refused = decide(State(owned, Marks({})), SetMarks({"BTCUSDT": D(60000)}), Venue(rulebook))
    assert refused.reject is not None and "index" in refused.reject.message


def test_a_coin_whose_ratio_is_not_known_is_refused_by_name() -> None:
    owned = account({"PEPE": "1", "USDT": "0"}, held("2", "60000"))
    with pytest.raises(BadInput, match="coin = PEPE"):
        assess(owned, marks("60000"), book(contract(), {"USDT": in_full()}))


def sink(owned: Account, rulebook: Rulebook, btc: str, index: str | None = None, fund: str = "1000000") -> Decision:
    world = Environment(insurance_fund={"USDT": D(fund), "BTC": D(fund)})
    there = marks(btc, index)
    decision = decide(State(owned, marks("60000")), SetMarks(there.marks, {}, there.indexes), Venue(rulebook, world))
    assert decision.reject is None
    return decision


def test_what_is_owed_is_repaid_from_another_coin_before_any_position_is_touched() -> None:
    """At 41,500: owed 37,000, BTC counts 39,425: balance 2,425, required 415 + 4 % of the loan = 1,895: it holds. At 41,000:
    owed 38,000, 38,950 - 38,000 = 950 against 410 + 1,520. 38,000/41,000 BTC are sold: 3,000/41,000 left, worth 2,850 at 0.95,
    against 410: whole again, the position untouched."""
    rulebook = book(contract(), {"BTC": in_full("0.95"), "USDT": in_full(loan="0.04")})
    owned = account({"BTC": "1", "USDT": "0"}, held("2", "60000"))
    assert len(sink(owned, rulebook, "41500").events) == 1
    done = sink(owned, rulebook, "41000")
    (sold,) = [e for e in done.events if isinstance(e, Converted)]
    assert (sold.source, sold.target, sold.fee, sold.repaid) == ("BTC", "USDT", 0, 0)
    assert abs(Fraction(sold.amount) - Fraction(38, 41)) < Fraction(1, 10**17)
    assert abs(sold.proceeds - 38000) < D("1e-12")
    assert not any(isinstance(e, (Reduced, TakenOver)) for e in done.events)
    view = assess(done.state.account, done.state.marks, rulebook, Prices.NONE)
    assert abs(view.pools[0].headroom - (2850 - 410)) < D("1e-12")


def test_a_fee_for_the_repayment_is_a_reading() -> None:
    rulebook = book(contract(), {"BTC": in_full("0.95"), "USDT": in_full(loan="0.04")})
    dear = with_readings(rulebook, {"repayment_fee": "two_percent"})
    done = sink(account({"BTC": "1", "USDT": "0"}, held("2", "60000")), dear, "41000")
    (sold,) = [e for e in done.events if isinstance(e, Converted)]
    assert abs(sold.fee - 760) < D("1e-12") and abs(sold.proceeds - 38760) < D("1e-12"), "38,000 and 2 % of it"


def test_the_whole_account_ends_at_nothing_and_never_below() -> None:
    """A fall in one leap to 10,000: 100,000 lost on 10,000 worth of BTC. All is sold, the fund takes the rest."""
    rulebook = book(contract(), {"BTC": in_full("0.95"), "USDT": in_full(loan="0.04")})
    done = sink(account({"BTC": "1", "USDT": "0"}, held("2", "60000")), rulebook, "10000")
    assert done.state.account.positions == ()
    assert all(amount == 0 or abs(amount) < D("1e-9") for amount in done.state.account.cash.values())
    assert all(amount >= 0 for amount in done.state.account.cash.values())
    taken = [e for e in done.events if isinstance(e, (TakenOver, ShortfallCovered))]
    lost = sum((e.fund_result if isinstance(e, TakenOver) else -e.from_fund for e in taken), D(0))
    assert abs(lost + 90000) < D("1e-9"), "100,000 lost, 10,000 there"


def test_debts_alone_are_settled_without_a_position() -> None:
    """100,000 borrowed against 1 BTC at 103,000: 4 % on the debt is more than what is left."""
    rulebook = book(contract(), {"BTC": in_full("1"), "USDT": in_full(loan="0.04")})
    owned = msgspec.structs.replace(account({"BTC": "1", "USDT": "0"}), borrowed={"USDT": D(100000)})
    done = sink(owned, rulebook, "103000")
    (sold,) = [e for e in done.events if isinstance(e, Converted)]
    assert abs(sold.repaid - 100000) < D("1e-12") and done.state.account.borrowed["USDT"] == 100000 - sold.repaid
    assert abs(Fraction(done.state.account.cash["BTC"]) - Fraction(3, 103)) < Fraction(1, 10**17)


def test_profit_backs_but_does_not_leave() -> None:
    """10,000 USDT and a long of 1 BTC, up 2,000, that asks for 6,200: 5,800 may be used, 3,800 may leave."""
    rulebook = book(contract(), {"USDT": in_full()})
    rich = account({"USDT": "10000"}, held("1", "60000"))
    at = Marks({"BTCUSDT": D(62000)}, {}, {"USDT": D(1)})
    view = assess(rich, at, rulebook, Prices.NONE)
    assert view.account is not None and view.account.available_balance == 12000 - 6200
    assert view.assets[0].withdrawable == 3800, "10,000 + 0 - 6,200"
    state = State(rich, at)
    assert decide(state, Withdraw("USDT", D("3800.01")), Venue(rulebook)).reject is not None
    assert decide(state, Withdraw("USDT", D(3800)), Venue(rulebook)).reject is None


def isolated(brackets: tuple[Bracket, ...], size: str, auto: bool, cash: str) -> tuple[Account, Rulebook]:
    """A long from 60,000 at 10x with its margin, no fees."""
    own = msgspec.structs.replace(
        held(size, "60000", MarginMode.ISOLATED, str(D(size) * 6000)), auto_add_margin=auto
    )
    return account({"USDT": cash}, own, mode="isolated"), book(contract(brackets), {"USDT": in_full()})


def test_a_position_that_may_tops_itself_up_by_its_initial_margin_or_what_is_left() -> None:
    """1 BTC, 6,000 locked; fails at 54,000/0.995 = 54,271.36. At 54,000 it draws 6,000, then at 48,000 the last 1,000."""
    owned, rulebook = isolated(ONE_TIER, "1", True, "7000")
    first = sink(owned, rulebook, "54000")
    (moved,) = [e for e in first.events if isinstance(e, MarginMoved)]
    assert (moved.amount, moved.why) == (6000, "auto") and first.state.account.cash["USDT"] == 1000
    second = decide(first.state, SetMarks({"BTCUSDT": D(48000)}), Venue(rulebook))
    assert [e.amount for e in second.events if isinstance(e, MarginMoved)] == [1000]
    assert second.state.account.positions[0].added_margin == 7000
    third = decide(second.state, SetMarks({"BTCUSDT": D(47000)}), Venue(rulebook))
    assert third.state.account.positions == () and third.state.account.cash["USDT"] == 0


def test_a_position_that_may_not_top_itself_up_is_taken_over() -> None:
    owned, rulebook = isolated(ONE_TIER, "1", False, "7000")
    done = sink(owned, rulebook, "54000")
    assert done.state.account.positions == () and done.state.account.cash["USDT"] == 7000


def test_an_isolated_position_comes_down_one_tier_first() -> None:
    """3 BTC, 18,000 locked, second tier (1 % less 500) above 100,000. At 54,300 it has 900 against 1,629 - 500. To 100,000:
    3 - 100,000/54,300 = 1.158..., up to 1.159 lots; 900 stays (closed at the mark without a fee) against 499.83: whole."""
    owned, rulebook = isolated(TWO_TIERS, "3", False, "0")
    done = sink(owned, rulebook, "54300")
    (cut,) = [e for e in done.events if isinstance(e, Reduced)]
    assert (cut.size, cut.price) == (D("1.159"), D(54300))
    (left,) = done.state.account.positions
    assert left.size == D("1.841")
    assert not any(isinstance(e, TakenOver) for e in done.events)


def test_the_whole_account_changes_its_mode_with_its_positions_and_back() -> None:
    """Isolated: value/L of each from its settle coin. What isolated counts, BTC is not of it: the switch needs USDT."""
    rulebook = book(contract(), {"BTC": in_full("0.95"), "USDT": in_full(loan="0.04")})
    owned = account({"BTC": "0.1", "USDT": "1000"}, held("0.1", "60000"))
    state = State(owned, marks("60000"))
    apart = decide(state, SetMarginMode("", MarginMode.ISOLATED), Venue(rulebook))
    assert apart.reject is None and apart.state.account.options["margin_mode"] == "isolated"
    (walled,) = apart.state.account.positions
    assert (walled.mode, walled.isolated_margin, apart.state.account.cash["USDT"]) == (MarginMode.ISOLATED, 600, 400)
    shared = decide(apart.state, SetMarginMode("", MarginMode.CROSS), Venue(rulebook))
    assert shared.reject is None and shared.state.account.cash == owned.cash
    assert shared.state.account.positions == owned.positions
    poor = State(account({"BTC": "0.1", "USDT": "599"}, held("0.1", "60000")), marks("60000"))
    refused = decide(poor, SetMarginMode("", MarginMode.ISOLATED), Venue(rulebook))
    assert refused.reject is not None and refused.reject.reason is Reason.MARGIN_MODE_SHORT
    assert rulebook.rules.venue_code(refused.reject) == "110073"
    owing = State(msgspec.structs.replace(owned, borrowed={"BTC": D("0.01")}), marks("60000"))
    assert decide(owing, SetMarginMode("", MarginMode.ISOLATED), Venue(rulebook)).reject is not None


def test_orders_choose_the_tier_together_with_the_leg_they_enlarge_in_hedge_mode_too() -> None:
    """1 BTC at 60,000 and a buy of 1 at 60,000 reach 120,000, the second tier: 60,000 * 1 % - 500 and 60,000 * 1 %."""
    rulebook = book(contract(TWO_TIERS), {"USDT": in_full()})
    one_way = account({"USDT": "50000"}, held("1", "60000"))
    order = Order("o", "BTCUSDT", "buy", D(1), OrderType.LIMIT, D(60000))
    for mode, side in ((PositionMode.ONE_WAY, LegSide.NET), (PositionMode.HEDGE, LegSide.LONG)):
        leg = msgspec.structs.replace(one_way.positions[0], side=side)
        resting = msgspec.structs.replace(order, position_side=side)
        both = msgspec.structs.replace(one_way, position_mode=mode, positions=(leg,), orders=(resting,))
        assert assess(both, marks("60000"), rulebook, Prices.NONE).pools[0].maintenance_margin == 100 + 600


def test_the_regime_is_that_of_the_day_unless_the_account_says_otherwise() -> None:
    """Initial margin of 1 BTC from 60,000 at 66,000, 10x, no fee: on the entry 6,000, on the mark 6,600."""
    owned = account({"USDT": "10000"}, held("1", "60000"))
    at = Marks({"BTCUSDT": D(66000)}, {}, {"USDT": D(1)})
    for day, basis, wanted in (
        (date(2025, 9, 1), None, 6000), (date(2025, 9, 2), None, 6600), (date(2025, 10, 2), "entry", 6000),
        (date(2025, 6, 1), "mark", 6600),
    ):  # fmt: skip
        rulebook = for_case(load("bybit_uta"), {"BTCUSDT": contract()}, day, {"USDT": in_full()})
        options = owned.options | ({} if basis is None else {"margin_basis": basis})
        stated = msgspec.structs.replace(owned, options=options)
        assert assess(stated, at, rulebook, Prices.NONE).legs[0].initial_margin == wanted
    wrong = msgspec.structs.replace(owned, options=owned.options | {"margin_basis": "last"})
    with pytest.raises(BadInput, match="margin_basis = last: choose one of entry, mark"):
        assess(wrong, at, rulebook, Prices.NONE)
