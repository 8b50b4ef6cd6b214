"""A venue may break a law only by saying so, with its source and with the law that holds instead."""

import pytest
import test_account_laws
import test_margin_laws
from hypothesis import settings
from lawbook import LAWS, exempt_of, law
from test_margin_laws import lone_leg, top_leverage

from plimsoll.account.commands import SetMarks
from plimsoll.account.decide import decide
from plimsoll.account.state import State, Venue
from plimsoll.model import Account, Kind, MarginMode, PositionMode
from plimsoll.number import exact
from random_accounts import VENUES, D, marks_at, rulebook_of

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


@pytest.mark.parametrize("venue", [v for v in VENUES if "long_and_short_mirror_each_other" in exempt_of(v)])
def test_the_exemption_from_the_mirror_of_long_and_short_is_needed(venue: str) -> None:
    rulebook = rulebook_of(venue)
    symbol = next(s for s, i in rulebook.instruments.items() if i.kind is Kind.LINEAR)
    with exact():
        long, market = lone_leg(venue, symbol, D(1), D(100), D(5), MarginMode.CROSS)
        short, _ = lone_leg(venue, symbol, D(-1), D(100), D(5), MarginMode.CROSS)
        market = market._replace(taker_rate=D("0.001"))
        fees = [rulebook.rules.closing_fee(leg, D(100), market) for leg in (long, short)]
    assert fees == [D("0.08"), D("0.12")]


@pytest.mark.parametrize("venue", [v for v in VENUES if "a_liquidated_trader_owes_nothing" in exempt_of(v)])
def test_the_exemption_from_owing_nothing_is_needed(venue: str) -> None:
    """Two coins behind one position: it is closed at a loss in one of them, and the other stands behind what is owed."""
    rulebook = rulebook_of(venue)
    symbol = next(s for s, i in rulebook.instruments.items() if i.kind is Kind.LINEAR)
    settle = rulebook.instruments[symbol].settle
    other = next(coin for coin in rulebook.coins if coin not in (settle, rulebook.instruments[symbol].base))
    account = Account(PositionMode.ONE_WAY, {settle: D(-100), other: D(1000)})
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
