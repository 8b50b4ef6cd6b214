"""A way of reckoning that changed on a date: each that a table dates is played, and a day has exactly one."""

from collections import Counter
from datetime import date
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.account.commands import SetMarks
from plimsoll.account.decide import decide
from plimsoll.account.journal import decode, encode, replay
from plimsoll.account.state import State, Venue
from plimsoll.errors import BadInput, RulebookGap
from plimsoll.model import Account, MarginMode, Marks, PositionMode
from plimsoll.rulebook import Policy, Rulebook, in_force, regime_of
from plimsoll.table_files import load, read
from random_accounts import VENUES, D, accounts, rulebook_of
from random_commands import abandoned, live, worlds

DATED = [(v, option) for v in VENUES for options in rulebook_of(v).rules.REGIMES.values() for option in options]


def under(venue: str, regime: str) -> Rulebook:
    """The rulebook with its one dated regime as named."""
    (name,) = rulebook_of(venue).rules.REGIMES
    return msgspec.structs.replace(rulebook_of(venue), regimes={name: regime})



def money_everywhere(state: State, venue: str) -> dict[str, Decimal]:
    total: Counter[str] = Counter()
    for asset, amount in state.account.cash.items():
        total[asset] += amount
    for position in state.account.positions:
        settle = rulebook_of(venue).instruments[position.symbol].settle
        total.update({settle: position.isolated_margin} if position.coins is None else position.coins)
    sides = [(p.borrowed, p.interest) for p in (state.account, *state.account.positions)]
    for owed in (side for both in sides for side in both):
        total.subtract(owed)
    for key, amount in state.world.items():
        total[key.rpartition("|")[2]] += amount
    return {asset: amount for asset, amount in total.items() if amount != 0}


@pytest.mark.parametrize(("venue", "regime"), DATED)
@given(st.data())
def test_under_every_regime_money_is_kept_no_pool_stays_under_water_and_the_journal_replays(
    venue: str, regime: str, data: st.DataObject
) -> None:
    life = live(data, venue, rulebook=under(venue, regime))
    opening = money_everywhere(life.states[0], venue)
    for state, refused in zip(life.states[1:], life.rejects, strict=True):
        assert money_everywhere(state, venue) == opening
        if refused is None:
            assert not abandoned(state, life.world)
    lines = b"".join(encode(group) for group in life.events)
    assert replay(life.states[0], decode(lines)) == life.states[-1]


@pytest.mark.parametrize(("venue", "regime"), DATED)
@given(st.data())
def test_under_every_regime_a_crash_takes_no_more_than_there_is_and_the_same_prices_again_change_nothing(
    venue: str, regime: str, data: st.DataObject
) -> None:
    account, marks = data.draw(accounts(venue))
    share = D(data.draw(st.integers(1, 4000))) / 1000
    crash = {symbol: max(D("0.01"), mark * share) for symbol, mark in marks.marks.items()}
    rulebook = under(venue, regime)
    world = Venue(rulebook, data.draw(worlds(venue)))
    first = decide(State(account, Marks(marks.marks, {}, marks.indexes)), SetMarks(crash), world)
    assert first.reject is None
    held = {rulebook.instruments[p.symbol].settle for p in first.state.account.positions if p.mode is MarginMode.CROSS}
    owes = getattr(rulebook.rules, "EXEMPT", {}).get("a_liquidated_trader_owes_nothing") is not None
    for asset, cash in first.state.account.cash.items():
        assert owes or cash >= 0 or asset in held
    again = decide(first.state, SetMarks(crash), world)
    assert again.state == first.state and len(again.events) == 1


def test_a_day_has_the_regime_of_its_date_and_a_venue_without_dates_has_none() -> None:
    empty = Account(PositionMode.ONE_WAY, {})

    def on(venue: str, day: str) -> int:
        return regime_of(in_force(load(venue), date.fromisoformat(day)), empty)

    days = {"2019-05-10": 0, "2022-06-01": 1, "2023-04-10": 1, "2023-04-11": 2, "2024-03-24": 2, "2024-03-25": 3}
    assert {day: on("bitmex", day) for day in days} == days
    assert on("binance_usdm", "2023-06-01") == 0


def test_after_a_venue_has_closed_no_rules_are_in_force_and_the_nearest_are_stale() -> None:
    table = load("bitmex")
    assert table.closed == date(2026, 9, 23)
    assert in_force(table, date(2026, 9, 23), Policy.IN_FORCE, ["XBTUSD"]).ages["XBTUSD"].days == 0
    with pytest.raises(RulebookGap, match="closed on 2026-09-23"):
        in_force(table, date(2026, 9, 24), Policy.IN_FORCE, ["XBTUSD"])
    late = in_force(table, date(2026, 9, 25)).ages["XBTUSD"]
    assert (late.days, late.grade.value) == (2, "stale")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("closed = 2026-09-23", 'closed = "soon"', "closed"),
        ('unit = "0.000001"', 'unit = "0"', "unit"),
        ("from = 2024-03-25", "from = 2024-03-01", "overlaps"),
        ('option = "shared"', "option = 3", "option"),
    ],
)
def test_a_mistake_in_dates_units_or_regimes_is_named(old: str, new: str, words: str) -> None:
    from importlib.resources import files

    text = files("plimsoll").joinpath("tables", "bitmex.toml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(BadInput, match=words):
        read(text.replace(old, new, 1), "mine.toml")
