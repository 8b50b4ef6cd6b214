"""A venue may break a law only by saying so, with its source and with the law that holds instead."""

from decimal import Decimal

import pytest
import test_account_laws
import test_margin_laws
from hypothesis import settings
from lawbook import LAWS, exempt_of, law
from test_margin_laws import lone_leg, top_leverage

from plimsoll.model import Kind, MarginMode
from plimsoll.number import exact
from plimsoll.rules.columns import Pool, PoolMargin
from random_accounts import VENUES, D, rulebook_of

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
    assert settings().print_blob and not settings().derandomize


def pool_of_one(venue: str, symbol: str, size: Decimal, cash: Decimal, price: Decimal) -> PoolMargin[Decimal]:
    """A cross position opened at 100, at a price, on so much cash."""
    leg, market = lone_leg(venue, symbol, size, D(100), D(10), MarginMode.CROSS)
    pool = Pool(cash, (leg,), D(0), 0, D(0), D(0), D(0), D(0), rulebook_of(venue).regime)
    return rulebook_of(venue).rules.assess_pool(pool, [price], [market])


ROUNDED = "a_legs_stated_line_is_its_share_of_the_headroom"
TIERED = "headroom_is_concave_in_the_price_or_its_inverse"


@pytest.mark.parametrize("venue", [v for v in VENUES if ROUNDED in exempt_of(v)])
def test_where_value_is_rounded_by_lots_a_small_move_of_the_price_changes_nothing(venue: str) -> None:
    """So headroom is a staircase: neither a line, nor zero at any one price, nor safe just beside it."""
    rulebook = rulebook_of(venue)
    symbol, i = next((s, i) for s, i in rulebook.instruments.items() if i.kind is Kind.LINEAR and i.unit and i.lot)
    with exact():
        lots = i.lot or D(1)
        still = D(100) * (1 + (i.unit or D(0)) / (lots * i.multiplier * 100) / 4)
        at = [pool_of_one(venue, symbol, lots * 7, D(10), price) for price in (D(100), still)]
    assert still > 100 and at[0] == at[1]


@pytest.mark.parametrize("venue", [v for v in VENUES if TIERED in exempt_of(v)])
def test_where_a_tier_takes_its_rate_of_the_whole_a_falling_price_can_free_margin(venue: str) -> None:
    rulebook = rulebook_of(venue)
    symbol, i = next((s, i) for s, i in rulebook.instruments.items() if i.kind is Kind.LINEAR and len(i.brackets) > 1)
    with exact():
        lot = i.lot or D(1)
        size = i.brackets[1].floor / (100 * i.multiplier * lot) * lot
        above, on = (pool_of_one(venue, symbol, size, D(10), price) for price in (D("100.001"), D(100)))
    assert on.requirement < above.requirement and on.balance - on.requirement > above.balance - above.requirement


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
