"""Multi-assets mode: one pool in US dollars over all margin assets. What stands behind contracts when the collateral itself
falls, what the venue exchanges by itself, what closes all positions, and what may be switched when. Every number is worked out
here by hand from the venue's pages."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from plimsoll.account.commands import (
    CancelOrder,
    Command,
    Deposit,
    Fill,
    PlaceOrder,
    SetMarginMode,
    SetMarks,
    SetOption,
    SettleFunding,
    Withdraw,
)
from plimsoll.account.decide import Decision, decide
from plimsoll.account.events import Converted, Event, OptionSet, Reduced, ShortfallCovered, StageReached, TakenOver
from plimsoll.account.journal import decode, encode
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
DAY = date(2026, 7, 2)
HALF_A_PERCENT = (Bracket(D(0), None, D("0.005"), D(0), D(100)),)


def contract(symbol: str = "BTCUSDT", fee: str = "0", rate: tuple[Bracket, ...] = HALF_A_PERCENT) -> Instrument:
    base, quote = symbol[:3], symbol[3:]
    return Instrument(
        symbol, Kind.LINEAR, base, quote, quote, D(1), rate, "notional", D("0.1"), D("0.001"),
        taker_rate=D(0), liquidation_fee_rate=D(fee),
    )  # fmt: skip


def coin(ratio: str = "1", ask: str = "0", sell: str = "0", buy: str = "0", below: str | None = None) -> Coin:
    tiers = (CollateralTier(D(0), None, D(ratio)),)
    least = None if below is None else D(below)
    return Coin(tiers, ask_buffer=D(ask), sell_buffer=D(sell), buy_buffer=D(buy), exchange_below=least)


PLAIN = {"USDT": coin(), "USDC": coin(), "BTC": coin("0.95")}


def book(coins: dict[str, Coin] | None = None, *instruments: Instrument) -> Rulebook:
    listed = instruments or (contract(),)
    return for_case(load("binance_usdm"), {i.symbol: i for i in listed}, DAY, coins or PLAIN)


def held(size: str, entry: str = "60000", symbol: str = "BTCUSDT", leverage: str = "5") -> Position:
    return Position(symbol, MarginMode.CROSS, LegSide.NET, D(size), D(entry), D(leverage))


def account(cash: dict[str, str], *positions: Position, mode: str = "multi") -> Account:
    money = {asset: D(amount) for asset, amount in cash.items()}
    return Account(PositionMode.ONE_WAY, money, positions, fees=Fees(D(0), D(0)), options={"asset_mode": mode})


def marks(btc: str, index: str | None = None, **others: str) -> Marks:
    indexes = {"USDT": D(1), "USDC": D(1), "BTC": D(index or btc)}
    symbols = {symbol: D(price) for symbol, price in others.items()}
    return Marks({"BTCUSDT": D(btc), **symbols}, {}, indexes)


def near(got: Decimal | None, truth: Fraction | str, places: int = 24) -> bool:
    return got is not None and abs(Fraction(got) - Fraction(truth)) < Fraction(1, 10**places)


def moved(owned: Account, rulebook: Rulebook, *to: Marks, world: Environment | None = None) -> Decision:
    """The account set to one instant after another, from 60,000 on; the last decision, with all events."""
    state, events = State(owned, marks("60000")), ()
    for there in to:
        command = SetMarks(there.marks, {}, there.indexes)
        decision = decide(state, command, Venue(rulebook, world or Environment()))
        assert decision.reject is None
        state, events = decision.state, (*events, *decision.events)
    return Decision(state, events, None, None)


def of(kind: type[Event], decision: Decision) -> list[Event]:
    return [event for event in decision.events if isinstance(event, kind)]


# Wrong-way risk -------------------------------------------------------------------------------------------------------------


def wrong_way(rulebook: Rulebook | None = None) -> Assessment:
    """1 BTC behind a long of 2 BTC from 60,000."""
    return assess(account({"BTC": "1"}, held("2")), marks("60000"), rulebook or book())


def test_one_btc_behind_two_long_fails_at_31658_while_its_index_is_frozen() -> None:
    """57,000 + 2(p - 60,000) = 0.005 * 2p, so p = 63,000 / 1.99 = 31,658.29. The screen's price: this mark alone moves."""
    (leg,) = wrong_way().legs
    assert near(leg.liquidation_price, Fraction(63000) / Fraction("1.99"))
    assert leg.liquidation_price is not None and round(leg.liquidation_price) == 31658
    assert leg.displayed_liquidation_price == D("31658.29145729")


def test_and_at_40816_when_btc_itself_moves() -> None:
    """0.95 p + 2(p - 60,000) = 0.005 * 2p, so p = 120,000 / 2.94 = 40,816.33: the collateral falls with the position, and the
    line is met 9,158 dollars earlier. All marks moving by a common share meet it there as well: USDT is the measure."""
    view = wrong_way()
    (leg,) = view.legs
    truth = Fraction(120000) / Fraction("2.94")
    assert near(leg.underlying_liquidation_price, truth)
    assert leg.underlying_liquidation_price is not None and round(leg.underlying_liquidation_price) == 40816
    assert near(view.pools[0].portfolio_liquidation_move, truth / 60000 - 1, 28)


def test_a_fall_of_btc_takes_the_balance_three_times_as_fast_as_the_contract_says() -> None:
    """At 50,000: 47,500 - 20,000 = 27,500 against 500. At 45,000: 42,750 - 30,000 = 12,750 against 450. With the index left at
    60,000 the same falls leave 37,000 and 27,000."""
    rulebook, owned = book(), account({"BTC": "1"}, held("2"))
    for price, index, balance, need in (
        ("50000", "50000", 27500, 500), ("45000", "45000", 12750, 450), ("50000", "60000", 37000, 500),
        ("45000", "60000", 27000, 450),
    ):  # fmt: skip
        (pool,) = assess(owned, marks(price, index), rulebook, Prices.NONE).pools
        assert (pool.margin_balance, pool.requirement) == (balance, need)


def test_a_short_backed_by_its_own_coin_gains_on_one_side_what_it_loses_on_the_other() -> None:
    """1 BTC behind 1 short from 60,000: frozen 57,000 - (p - 60,000) = 0.005p at 116,417.91; moving 0.95p - (p - 60,000) =
    0.005p at 1,090,909.09."""
    (leg,) = assess(account({"BTC": "1"}, held("-1")), marks("60000"), book()).legs
    assert near(leg.liquidation_price, Fraction(117000) / Fraction("1.005"))
    assert near(leg.underlying_liquidation_price, Fraction(60000) / Fraction("0.055"))


def test_margins_and_losses_cost_the_ask_what_is_held_counts_the_bid() -> None:
    """USDT at 0.99, bid 1 % below and ask 0.5 % above it. 1,000 USDC, a long of 1 from 100 at 90: loses 10 USDT, which cost
    10 * 0.99 * 1.005 = 9.9495; maintenance 0.45 USDT, initial 18 USDT likewise. The line: 1000 + 0.99495 (p - 100 - 0.005p) = 0
    has no positive root: 0.995p = 100 - 1005.08 < 0."""
    rulebook = book({"USDT": coin("0.99", "0.005"), "USDC": coin()})
    there = Marks({"BTCUSDT": D(90)}, {}, {"USDT": D("0.99"), "USDC": D(1)})
    view = assess(account({"USDC": "1000"}, held("1", "100")), there, rulebook)
    (pool,) = view.pools
    assert (pool.margin_balance, pool.requirement) == (D("990.0505"), D("0.4477275"))
    assert view.account is not None and view.account.initial_margin == D("17.9091")
    available = {asset.asset: asset.available_balance for asset in view.assets}
    assert available["USDC"] == D("972.1414") and near(available["USDT"], Fraction("972.1414") / Fraction("0.99495"))
    assert view.legs[0].liquidation_price is None
    small = assess(account({"USDC": "50"}, held("1", "100")), there, rulebook).legs[0]
    assert near(small.liquidation_price, (100 - 50 / Fraction("0.99495")) / Fraction("0.995"))


# Orders and money ------------------------------------------------------------------------------------------------------------


def bid(size: str, price: str, id: str = "o") -> Order:
    return Order(id, "BTCUSDT", "buy", D(size), OrderType.LIMIT, D(price))


def test_resting_orders_take_their_margin_in_the_account_and_more_than_is_free_is_refused() -> None:
    """57,000 free. A bid of 1 at 50,000 with 5x takes 10,000 and has no loss to open with; one of 5 at 50,000 would take 50,000
    more than the 47,000 that are left."""
    rulebook = book()
    state = State(account({"BTC": "1", "USDT": "0"}), marks("60000"))
    first = decide(state, PlaceOrder(bid("1", "50000")), Venue(rulebook))
    assert first.reject is None
    view = assess(first.state.account, marks("60000"), rulebook, Prices.NONE)
    assert view.account is not None
    assert (view.account.initial_margin, view.account.available_balance) == (2500, 54500), "the default leverage is 20"
    second = decide(first.state, PlaceOrder(bid("22", "50000", "p")), Venue(rulebook))
    assert second.reject is not None and rulebook.rules.venue_code(second.reject) == "-2019"
    assert (second.reject.wanted, second.reject.limit) == (55000, 54500)


def test_what_may_leave_counts_no_profit_and_leaves_the_requirement() -> None:
    """1 BTC (57,000) and a long of 1 at 5x, up 5,000: 57,000 + 5,000 - 13,000 = 49,000 are free to trade, and of the BTC as
    much may leave as 49,000 buys at the ask: 49,000 / 60,000. No USDT may: its balance is all profit."""
    view = assess(account({"BTC": "1", "USDT": "0"}, held("1")), marks("65000", "60000"), book(), Prices.NONE)
    free = {asset.asset: (asset.available_balance, asset.withdrawable) for asset in view.assets}
    assert free["USDT"] == (49000, 0) and near(free["BTC"][1], Fraction(49, 60))
    state, rulebook = State(account({"BTC": "1", "USDT": "0"}, held("1")), marks("65000", "60000")), book()
    assert decide(state, Withdraw("BTC", D("0.817")), Venue(rulebook)).reject is not None
    assert decide(state, Withdraw("BTC", D("0.816")), Venue(rulebook)).reject is None


# Auto-exchange ---------------------------------------------------------------------------------------------------------------

EXCHANGED = {
    "USDT": coin("0.9999", "0.0001", below="5000"),
    "USDC": coin("0.9999", "0.0001", below="5000"),
    "BTC": coin("0.95", "0.05", "0.025", "0.025", "0.1"),
}


def funded(owned: Account, rate: str) -> Decision:
    state = State(owned, marks("60000"))
    return decide(state, SettleFunding("BTCUSDT", D(rate)), Venue(book(EXCHANGED)))


def test_a_wallet_below_its_threshold_is_filled_up_from_what_is_held_and_no_position_is_touched() -> None:
    """Funding of 5,001 dollars: 5,001 / 0.975 = 5,129.23 dollars of BTC are sold, as in the venue's example of 5,000 for
    5,128.20. Funding of 5,000 changes nothing: the wallet is not below the threshold."""
    owned = account({"BTC": "1", "USDT": "0"}, held("1"))
    done = funded(owned, "0.08335")
    (sold,) = of(Converted, done)
    assert isinstance(sold, Converted) and (sold.source, sold.target, sold.fee) == ("BTC", "USDT", 0)
    assert near(sold.amount * 60000, 5001 / Fraction("0.975"), 10)
    assert done.state.account.cash["USDT"] >= 0 and done.state.account.cash["USDT"] < D("1e-12")
    assert [p.size for p in done.state.account.positions] == [1] and not of(StageReached, done)
    kept = funded(owned, str(Decimal(5000) / 60000 - D("1e-12")))
    assert not of(Converted, kept) and kept.state.account.cash["USDT"] < -4999


def test_several_assets_are_sold_in_proportion_to_their_values() -> None:
    """1 BTC brings 58,500, 19,500 USDC bring 19,500 of 78,000: three quarters and one quarter of the 7,800 that are owed."""
    done = funded(account({"BTC": "1", "USDC": "19500", "USDT": "0"}, held("1")), "0.13")
    sold = {e.source: e.amount for e in of(Converted, done) if isinstance(e, Converted)}
    assert near(sold["BTC"], Fraction(1, 10), 16) and near(sold["USDC"], Fraction(1950), 12)
    assert 0 <= done.state.account.cash["USDT"] < D("1e-12")


def test_with_nothing_open_debts_are_settled_from_an_ltv_of_0995_on() -> None:
    """57,000 owed against 1 BTC: at 60,310 it counts 57,294.5, the debt 57,005.7, LTV 0.99496. At 60,307 it counts 57,291.65:
    LTV 0.99501, and 57,000 / 0.975 dollars of BTC are sold; the rest stays."""
    owned = account({"BTC": "1", "USDT": "-57000"})
    rulebook = book({**EXCHANGED, "USDT": coin("0.9999", "0.0001", below="60000")})
    assert not of(Converted, moved(owned, rulebook, marks("60310")))
    done = moved(owned, rulebook, marks("60307"))
    (sold,) = of(Converted, done)
    assert isinstance(sold, Converted) and near(sold.amount * 60307, 57000 / Fraction("0.975"), 10)
    assert 0 <= done.state.account.cash["USDT"] < D("1e-12") and done.state.account.cash["BTC"] > D("0.03")


def test_the_index_at_which_debts_are_settled_is_told_of_the_coin_behind_them() -> None:
    """57,000 * 1.0001 / 0.995 = 0.95 * p."""
    rulebook = book({**EXCHANGED, "USDT": coin("0.9999", "0.0001", below="60000")})
    view = assess(account({"BTC": "1", "USDT": "-57000"}), marks("61000"), rulebook)
    (price,) = [asset.liquidation_price for asset in view.assets if asset.asset == "BTC"]
    assert near(price, 57000 * Fraction("1.0001") / Fraction("0.995") / Fraction("0.95"), 20)


def test_while_an_order_rests_nothing_is_settled() -> None:
    rulebook = book({**EXCHANGED, "USDT": coin("0.9999", "0.0001", below="60000")})
    state = State(account({"BTC": "1", "USDT": "-56000"}), marks("60310"))
    placed = decide(state, PlaceOrder(bid("0.001", "50000")), Venue(rulebook))
    assert placed.reject is None
    low = decide(placed.state, SetMarks({"BTCUSDT": D(59000)}, {}, {"BTC": D(59000)}), Venue(rulebook))
    assert low.reject is None and not of(Converted, low)
    alone = decide(low.state, CancelOrder("o"), Venue(rulebook))
    assert of(Converted, alone), "56,005.6 against 56,050: LTV 0.9992"


# Liquidation -----------------------------------------------------------------------------------------------------------------


def two_contracts(fee: str) -> Rulebook:
    coins = {**PLAIN, "BTC": coin("0.95", "0.05", "0.025", "0.025")}
    five = (Bracket(D(0), None, D("0.05"), D(0), D(20)),)
    return book(coins, contract("BTCUSDT", fee, five), contract("ETHUSDC", fee, five))


def both(eth: str = "3000") -> Account:
    return account({"BTC": "1", "USDT": "0", "USDC": "0"}, held("2", "60000"), held("10", eth, "ETHUSDC"))


def test_at_a_ratio_of_one_all_positions_are_closed_and_not_only_as_many_as_needed() -> None:
    """At BTC 42,000, ETH 2,900: 39,900 - 36,000 - 1,000 = 2,900 against 5 % of 84,000 + 29,000 = 5,650. Closed at the marks
    with 1 %: 840 and 290 USDC in fees; -36,840 USDT and -1,290 USDC are exchanged for 38,130 / 0.975 / 42,000 = 0.93113...
    BTC."""
    rulebook = two_contracts("0.01")
    done = moved(both(), rulebook, marks("60000", ETHUSDC="3000"), marks("42000", ETHUSDC="2900"))
    closed = {e.leg.symbol: (e.size, e.price, e.penalty) for e in of(Reduced, done) if isinstance(e, Reduced)}
    assert closed == {"BTCUSDT": (2, 42000, 840), "ETHUSDC": (10, 2900, 290)}
    assert not done.state.account.positions and not of(TakenOver, done)
    owed = {e.target: e.proceeds for e in of(Converted, done) if isinstance(e, Converted)}
    assert near(owed["USDT"], "36840", 12) and near(owed["USDC"], "1290", 12)
    assert near(done.state.account.cash["BTC"], 1 - Fraction(38130) / Fraction("0.975") / 42000, 15)


def test_the_general_page_would_cut_only_as_far_as_the_account_needs() -> None:
    """The same fall under the other reading: 2,750 short; each dollar closed frees 5 cents less 1 of fee: 68,750 of the BTC
    contract, up to whole lots, and the account stands."""
    rulebook = with_readings(two_contracts("0.01"), {"multi_scope": "until_compliant"})
    done = moved(both(), rulebook, marks("60000", ETHUSDC="3000"), marks("42000", ETHUSDC="2900"))
    (cut,) = of(Reduced, done)
    assert isinstance(cut, Reduced) and (cut.leg.symbol, cut.size) == ("BTCUSDT", D("1.637"))
    assert [p.symbol for p in done.state.account.positions] == ["BTCUSDT", "ETHUSDC"] and not of(Converted, done)
    assert done.events[-1] == StageReached("account", "USD", done.events[-1].stage, *done_margins(done, rulebook))


def done_margins(done: Decision, rulebook: Rulebook) -> tuple[Decimal, Decimal]:
    (pool,) = assess(done.state.account, done.state.marks, rulebook, Prices.NONE).pools
    assert pool.margin_balance > pool.requirement
    return pool.margin_balance, pool.requirement


def test_where_the_fee_would_take_more_than_there_is_the_fund_takes_all_at_the_price_that_leaves_nothing() -> None:
    """At 40,816 (0.95 * 40,816 - 38,368 = 407.2 against 408.16) a fee of 1.25 % would take 1,020: taken over 203.6 below the
    mark, which leaves 38,775.2 USDT owed. They cost 38,775.2 / 0.975 dollars of BTC; what does not count of the BTC is not
    given up."""
    rulebook = book({**PLAIN, "BTC": coin("0.95", "0.05", "0.025")}, contract(fee="0.0125"))
    done = moved(account({"BTC": "1", "USDT": "0"}, held("2")), rulebook, marks("40816"))
    (taken,) = of(TakenOver, done)
    assert isinstance(taken, TakenOver) and taken.price == D("40612.4") and taken.fund_result == D("407.2")
    left = 1 - Fraction("38775.2") / Fraction("0.975") / 40816
    assert near(done.state.account.cash["BTC"], left, 15) and done.state.account.cash["USDT"] >= 0
    assert not of(ShortfallCovered, done)


def test_a_take_over_may_give_up_all_that_the_collateral_brings() -> None:
    """The other reading: 0.975 * 40,816 - 38,368 = 1,427.6, 713.8 a unit."""
    coins = {**PLAIN, "BTC": coin("0.95", "0.05", "0.025")}
    rulebook = with_readings(book(coins, contract(fee="0.0125")), {"multi_surrender": "all_collateral"})
    done = moved(account({"BTC": "1", "USDT": "0"}, held("2")), rulebook, marks("40816"))
    (taken,) = of(TakenOver, done)
    assert isinstance(taken, TakenOver) and taken.price == D("40102.2")
    assert done.state.account.cash["BTC"] < D("1e-12")


def test_in_a_leap_beyond_everything_the_fund_pays_and_the_trader_owes_nothing() -> None:
    """To 10,000 at once: 100,000 lost on 9,750 worth of BTC."""
    rulebook = book({**PLAIN, "BTC": coin("0.95", "0.05", "0.025")}, contract(fee="0.0125"))
    world = Environment(insurance_fund={"USDT": D(10**6), "BTC": D(10**6)})
    done = moved(account({"BTC": "1", "USDT": "0"}, held("2")), rulebook, marks("10000"), world=world)
    assert not done.state.account.positions and all(amount == 0 for amount in done.state.account.cash.values())
    paid = sum((e.from_fund for e in of(ShortfallCovered, done) if isinstance(e, ShortfallCovered)), D(0))
    lost = -sum((e.fund_result for e in of(TakenOver, done) if isinstance(e, TakenOver)), D(0))
    assert near(paid + lost, "90250", 9)


# The switch ------------------------------------------------------------------------------------------------------------------


def switched(owned: Account, to: str, rulebook: Rulebook | None = None) -> Decision:
    return decide(State(owned, marks("60000")), SetOption("asset_mode", to), Venue(rulebook or book()))


def refusal(owned: Account, to: str) -> tuple[Reason, str]:
    done, rulebook = switched(owned, to), book()
    assert done.reject is not None and done.events == ()
    return done.reject.reason, rulebook.rules.venue_code(done.reject)


def given(owned: Account, *commands: Command) -> Account:
    state = State(owned, marks("60000"))
    for command in commands:
        done = decide(state, command, Venue(book()))
        assert done.reject is None, done.reject
        state = done.state
    return state.account


def test_the_mode_is_switched_both_ways_while_nothing_is_open_and_the_journal_keeps_it() -> None:
    single = account({"BTC": "1", "USDT": "0"}, mode="single")
    there = switched(single, "multi")
    assert there.reject is None and there.state.account.options == {"asset_mode": "multi"}
    assert decode(encode(there.events)) == there.events and isinstance(there.events[0], OptionSet)
    back = switched(there.state.account, "single")
    assert back.reject is None and back.state.account == single
    unset = Account(PositionMode.ONE_WAY, {"USDT": D(1)})
    assert refusal(unset, "single") == (Reason.OPTION_SAME, "-4171"), "single-asset is the default"


def test_what_blocks_the_switch_has_the_venues_code() -> None:
    single, multi = account({"BTC": "1", "USDT": "1000"}, mode="single"), account({"BTC": "1", "USDT": "1000"})
    order, fill = PlaceOrder(bid("0.01", "50000")), Fill("BTCUSDT", "buy", D("0.01"), D(60000))
    walled = SetMarginMode("BTCUSDT", MarginMode.ISOLATED)
    assert refusal(multi, "multi") == (Reason.OPTION_SAME, "-4171")
    assert refusal(given(single, order), "multi") == (Reason.OPTION_OPEN_ORDERS, "-4170")
    assert refusal(given(multi, order), "single") == (Reason.OPTION_OPEN_ORDERS, "-4170")
    assert refusal(given(single, walled), "multi") == (Reason.OPTION_ISOLATED, "-4167")
    assert refusal(given(single, walled, fill), "multi") == (Reason.OPTION_ISOLATED, "-4167")
    assert refusal(given(single, fill), "multi") == (Reason.OPTION_POSITION, ""), "the FAQ says so, no code is known"
    assert refusal(given(multi, fill), "single") == (Reason.OPTION_POSITION, "")
    assert refusal(account({"BTC": "1", "USDT": "-10"}), "single") == (Reason.OPTION_DEBT, "-4172")
    assert refusal(single, "portfolio")[0] is Reason.OPTION_UNKNOWN
    done = decide(State(single, marks("60000")), SetOption("mood", "good"), Venue(book()))
    assert done.reject is not None and "asset_mode: single, multi" in done.reject.message


def test_no_symbol_becomes_isolated_in_multi_assets_mode() -> None:
    done = decide(
        State(account({"USDT": "100"}), marks("60000")), SetMarginMode("BTCUSDT", MarginMode.ISOLATED), Venue(book())
    )
    assert done.reject is not None and book().rules.venue_code(done.reject) == "-4168"
    walled = Position("BTCUSDT", MarginMode.ISOLATED, LegSide.NET, D(1), D(60000), D(5), D(12000))
    with pytest.raises(BadInput, match="mode of BTCUSDT = isolated: multi-assets mode is cross only"):
        assess(account({"USDT": "100"}, walled), marks("60000"), book())


def test_without_an_index_of_every_coin_the_switch_is_refused_and_nothing_is_assumed() -> None:
    single = account({"BTC": "1", "USDT": "0"}, mode="single")
    done = decide(State(single, Marks({"BTCUSDT": D(60000)})), SetOption("asset_mode", "multi"), Venue(book()))
    assert done.reject is not None and done.reject.reason is Reason.MISSING_MARK and "BTC" in done.reject.message
    multi = State(account({"BTC": "1", "USDT": "0"}), Marks({"BTCUSDT": D(60000)}, {}, {"USDT": D(1)}))
    moved_on = decide(multi, SetMarks({"BTCUSDT": D(61000)}), Venue(book()))
    assert moved_on.reject is not None and moved_on.reject.reason is Reason.MISSING_MARK


def test_a_coin_that_the_venue_does_not_take_is_refused_by_name() -> None:
    done = decide(
        State(account({"PEPE": "1000", "USDT": "0"}), marks("60000")), Deposit("USDT", D(1)), Venue(book())
    )
    assert done.reject is not None and "coin = PEPE" in done.reject.message


def test_an_unknown_asset_mode_is_bad_input() -> None:
    with pytest.raises(BadInput, match="asset_mode = both: choose one of single, multi"):
        assess(account({"USDT": "1"}, held("1"), mode="both"), marks("60000"), book())
