"""A venue may break a law only by saying so, with its source and with the law that holds instead."""

from decimal import Decimal

import msgspec
import pytest
import test_account_laws
import test_margin_laws
from hypothesis import settings
from lawbook import LAWS, exempt_of, law
from test_margin_laws import lone_leg, pools, top_leverage

from plimsoll.account.commands import SetMarks
from plimsoll.account.decide import decide
from plimsoll.account.state import Environment, State, Venue
from plimsoll.model import Account, Kind, LegSide, MarginMode, Marks, Position, PositionMode
from plimsoll.number import exact
from plimsoll.rules.columns import Pool, PoolMargin
from random_accounts import VENUES, D, marks_at, rulebook_of, valued_options

LAW_FILES = (test_account_laws, test_margin_laws)


@pytest.mark.parametrize("venue", VENUES)
def test_an_exemption_names_a_law_a_source_and_a_law_that_holds_instead(venue: str) -> None:
    for name, (source, instead) in exempt_of(venue).items():
        assert name in LAWS, f"there is no law {name}"
        assert source in rulebook_of(venue).rules.SOURCES, f"{source} is no source of {venue}"
        assert instead in LAWS and instead not in exempt_of(venue), f"{instead} is not tested for {venue}"


def test_every_law_is_tested_for_every_venue() -> None:
    written = {name.removeprefix("test_") for module in LAW_FILES for name in vars(module) if name.startswith("test_")}
    assert written == LAWS and len(LAWS) > 20


def marked(test: object) -> dict[str, list[str]]:
    """Venue -> marks of its run, as `law` attached them."""
    found: dict[str, list[str]] = {}
    for mark in test.pytestmark:  # type: ignore[attr-defined]
        for param in mark.args[1]:
            found[getattr(param, "values", (param,))[0]] = [m.name for m in getattr(param, "marks", ())]
    return found


def test_only_the_venue_that_declares_it_is_exempt_and_only_from_that_law(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = VENUES
    source = next(iter(rulebook_of(first).rules.SOURCES))
    monkeypatch.setattr(rulebook_of(first).rules, "EXEMPT", {"two_is_one": (source, "one_is_one")}, raising=False)
    monkeypatch.setattr("lawbook.LAWS", set())

    def test_two_is_one(venue: str) -> None:
        assert venue == ""

    def test_one_is_one(venue: str) -> None:
        assert venue != ""

    assert marked(law(test_two_is_one)) == {first: ["xfail"], **{other: [] for other in others}}
    assert marked(law(test_one_is_one)) == {venue: [] for venue in VENUES}


def test_a_failing_example_is_told_with_what_replays_it() -> None:
    assert settings().print_blob
    assert not settings.get_profile("long").derandomize


def pool_of_one(venue: str, symbol: str, size: Decimal, cash: Decimal, price: Decimal) -> PoolMargin[Decimal]:
    """A cross position opened at 100, at a price, on so much cash."""
    leg, market = lone_leg(venue, symbol, size, D(100), D(10), MarginMode.CROSS)
    pool = Pool(cash, (leg,), D(0), 0, D(0), D(0), D(0), D(0), D(0))
    return rulebook_of(venue).rules.assess_pool(pool, [price], [market])


ROUNDED = "a_legs_stated_line_is_its_share_of_the_headroom"
UNDER_WATER = {
    "after_a_command_no_pool_is_left_under_water",
    "each_step_of_a_ladder_leaves_less_and_the_ladder_ends",
}
TIERED = "headroom_is_concave_in_the_price_or_its_inverse"


@pytest.mark.parametrize("venue", [v for v in VENUES if ROUNDED in exempt_of(v)])
def test_where_value_is_rounded_by_lots_a_small_move_of_the_price_changes_nothing(venue: str) -> None:
    """So headroom is a staircase: neither a line, nor zero at any one price, nor safe just beside it. Seven lots, each rounded
    by itself, or one where all are rounded together."""
    rulebook = rulebook_of(venue)
    symbol, i = next((s, i) for s, i in rulebook.instruments.items() if i.kind is Kind.LINEAR and i.unit and i.lot)
    with exact():
        lots = i.lot or D(1)
        still = D(100) * (1 + (i.unit or D(0)) / (lots * i.multiplier * 100) / 4)
        at = [[pool_of_one(venue, symbol, lots * n, D(10), price) for price in (D(100), still)] for n in (7, 1)]
    assert still > 100 and any(one == other for one, other in at)


def in_tiers(venue: str) -> bool:
    """Whether some contract has more than one bracket."""
    return any(len(i.brackets) > 1 for i in rulebook_of(venue).instruments.values())


@pytest.mark.parametrize("venue", [v for v in VENUES if TIERED in exempt_of(v) and not in_tiers(v)])
def test_where_value_is_cut_to_whole_units_headroom_lies_below_its_chord(venue: str) -> None:
    """Just before the tenth unit of value there is no more headroom than at the ninth."""
    symbol, i = next((s, i) for s, i in rulebook_of(venue).instruments.items() if i.kind is Kind.LINEAR and i.unit and i.lot)
    with exact():
        lot, step = i.lot or D(1), (i.unit or D(0)) / ((i.lot or D(1)) * i.multiplier)
        at = [pool_of_one(venue, symbol, lot, D(10), D(100) + step * units) for units in (D(0), D("9.9"), D(10))]
    low, middle, high = (margin.balance - margin.requirement for margin in at)
    assert middle < low + (high - low) * D("0.99")


@pytest.mark.parametrize("venue", [v for v in VENUES if TIERED in exempt_of(v) and in_tiers(v)])
def test_where_a_tier_takes_its_rate_of_the_whole_a_falling_price_can_free_margin(venue: str) -> None:
    rulebook = rulebook_of(venue)
    symbol, i = next((s, i) for s, i in rulebook.instruments.items() if i.kind is Kind.LINEAR and len(i.brackets) > 1)
    with exact():
        lot = i.lot or D(1)
        size = i.brackets[1].floor / (100 * i.multiplier * lot) * lot
        above, on = (pool_of_one(venue, symbol, size, D(10), price) for price in (D("100.001"), D(100)))
    assert on.requirement < above.requirement and on.balance - on.requirement > above.balance - above.requirement


@pytest.mark.parametrize("venue", [v for v in VENUES if "long_and_short_mirror_each_other" in exempt_of(v)])
def test_the_exemption_from_the_mirror_of_long_and_short_is_needed(venue: str) -> None:
    rulebook = rulebook_of(venue)
    symbol = next(s for s, i in rulebook.instruments.items() if i.kind is Kind.LINEAR)
    with exact():
        long, market = lone_leg(venue, symbol, D(1), D(100), D(5), MarginMode.CROSS)
        short, _ = lone_leg(venue, symbol, D(-1), D(100), D(5), MarginMode.CROSS)
        market = msgspec.structs.replace(market, taker_rate=D("0.001"))
        fees = [rulebook.rules.closing_fee(leg, D(100), market) for leg in (long, short)]
    assert fees == [D("0.08"), D("0.12")]


@pytest.mark.parametrize("venue", [v for v in VENUES if "a_liquidated_trader_owes_nothing" in exempt_of(v)])
def test_the_exemption_from_owing_nothing_is_needed(venue: str) -> None:
    """Two coins behind one position: it is closed at a loss in one of them, and the other stands behind what is owed."""
    rulebook = rulebook_of(venue)
    symbol = next(s for s, i in rulebook.instruments.items() if i.kind is Kind.LINEAR)
    settle = rulebook.instruments[symbol].settle
    other = next(coin for coin in rulebook.coins if coin not in (settle, rulebook.instruments[symbol].base))
    account = Account(PositionMode.ONE_WAY, {settle: D(-100), other: D(1000)}, options=valued_options(venue))
    assert any(spec.assets for spec in rulebook.rules.pools_of(account, rulebook.instruments))
    marks = marks_at(venue, {symbol: D(100)})
    after = decide(State(account, marks), SetMarks({symbol: D(90)}), Venue(rulebook)).state
    assert after.account.cash == account.cash and after.account.positions == ()


@pytest.mark.parametrize("venue", [v for v in VENUES if "maintenance_is_at_most_initial" in exempt_of(v)])
def test_the_exemption_from_maintenance_at_most_initial_is_needed(venue: str) -> None:
    """An isolated position at the highest leverage, its mark four times its entry, needs more than it began with."""
    rulebook = rulebook_of(venue)
    symbol = next(s for s, i in rulebook.instruments.items() if i.kind is Kind.LINEAR)
    leverage = top_leverage(rulebook.instruments[symbol], 0)
    with exact():
        leg, market = lone_leg(venue, symbol, D(1), D(100), leverage, MarginMode.ISOLATED)
        initial = rulebook.rules.initial_margin(leg, D(400), market)
        assert rulebook.rules.maintenance_margin(leg, D(400), market) > initial


@pytest.mark.parametrize("venue", [v for v in VENUES if rulebook_of(v).rules.WAITS > 0])
def test_a_venue_that_waits_leaves_a_large_position_under_water(venue: str) -> None:
    """Three quarters of what it needs: a fifth is sold, and four fifths still need more than there is."""
    rulebook = rulebook_of(venue)
    assert set(exempt_of(venue)) >= UNDER_WATER
    symbol = next(s for s, i in sorted(rulebook.instruments.items()) if i.kind is Kind.LINEAR)
    with exact():
        leg, market = lone_leg(venue, symbol, D(10000), D(100), D(2), MarginMode.CROSS)
        cash = rulebook.rules.maintenance_margin(leg, D(100), market) * 3 / 4
    held = Position(symbol, MarginMode.CROSS, LegSide.NET, D(10000), D(100), D(2))
    marks = marks_at(venue, {symbol: D(100)})
    account = Account(PositionMode.ONE_WAY, {rulebook.instruments[symbol].settle: cash}, (held,))
    after = decide(State(account, marks), SetMarks(marks.marks), Venue(rulebook)).state
    assert [p.size for p in after.account.positions] == [D(8000)]
    assert any(pool.liquidatable for pool in pools(venue, after.account, after.marks).values())


def exempt(law_name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("venue", [v for v in VENUES if law_name in exempt_of(v)])


def first_linear(venue: str) -> str:
    return next(s for s, i in sorted(rulebook_of(venue).instruments.items()) if i.kind is Kind.LINEAR)


@exempt("isolated_pools_do_not_feel_each_other")
def test_the_exemption_from_pools_that_do_not_feel_each_other_is_needed(venue: str) -> None:
    """A loss in one symbol of a cross account leaves less for another, which is a pool of its own."""
    rulebook = rulebook_of(venue)
    one, other = [s for s, i in sorted(rulebook.instruments.items()) if i.kind is Kind.LINEAR][:2]
    held = tuple(Position(s, MarginMode.CROSS, LegSide.NET, D(1), D(100), D(10)) for s in (one, other))
    account = Account(PositionMode.ONE_WAY, {"USDT": D(1000)}, held)
    before = pools(venue, account, Marks({one: D(100), other: D(100)}))
    after = pools(venue, account, Marks({one: D(90), other: D(100)}))
    assert after[other].headroom < before[other].headroom


@exempt("a_cross_position_pulls_the_others_of_its_pool_down_with_it")
def test_the_exemption_from_cross_positions_that_pull_down_is_needed(venue: str) -> None:
    """Less profit is no loss: what is left of the cash stays the same."""
    symbol = first_linear(venue)
    left = set()
    for entry in (D(40), D(80)):
        held = Position(symbol, MarginMode.CROSS, LegSide.NET, D(1), entry, D(10))
        account = Account(PositionMode.ONE_WAY, {"USDT": D(1000)}, (held,))
        left.add(pools(venue, account, Marks({symbol: D(100)}))["asset:USDT"].headroom)
    assert len(left) == 1


@exempt("a_reduction_never_raises_the_requirement")
def test_the_exemption_from_reductions_that_never_raise_the_requirement_is_needed(venue: str) -> None:
    """Closing the smaller leg of a hedge exposes more of the larger one."""
    symbol = first_linear(venue)
    long = Position(symbol, MarginMode.CROSS, LegSide.LONG, D(3), D(100), D(10))
    short = Position(symbol, MarginMode.CROSS, LegSide.SHORT, D(-2), D(100), D(10))
    account = Account(PositionMode.HEDGE, {"USDT": D(1000)}, (long, short))
    marks = Marks({symbol: D(100)})
    smaller = msgspec.structs.replace(account, positions=(long, msgspec.structs.replace(short, size=D(-1))))
    assert pools(venue, smaller, marks)[symbol].requirement > pools(venue, account, marks)[symbol].requirement


UNSOLD = ("after_a_command_no_pool_is_left_under_water", "each_step_of_a_ladder_leaves_less_and_the_ladder_ends")


IMPATIENT = [v for v in VENUES if rulebook_of(v).rules.WAITS == 0]
"""Those that wait have a clock, and tests of their own."""


@pytest.mark.parametrize("venue", [v for v in IMPATIENT if any(name in exempt_of(v) for name in UNSOLD)])
def test_the_exemption_from_pools_that_are_never_left_under_water_is_needed(venue: str) -> None:
    """A position that nobody takes, with a little money left, stays where it is; without any it goes."""
    symbol = first_linear(venue)
    settle = rulebook_of(venue).instruments[symbol].settle
    world = Venue(rulebook_of(venue), Environment({symbol: None}))
    left = []
    for cash in (D(1), D(0)):
        held = Position(symbol, MarginMode.CROSS, LegSide.NET, D(10), D(100), D(10))
        account = Account(PositionMode.ONE_WAY, {settle: cash}, (held,))
        after = decide(State(account, Marks({symbol: D(100)})), SetMarks({symbol: D("99.99")}), world).state
        left.append(after.account.positions)
    assert left[0] and not left[1]
    assert all(name in exempt_of(venue) for name in UNSOLD)
