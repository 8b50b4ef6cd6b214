"""A study counts what its paths do: the same on any number of threads, right where the answer is known, and by the exact engine
where the columns do not decide."""

from datetime import date
from decimal import Decimal
from functools import cache
from math import erf, exp, log, sqrt

import msgspec
import pytest

from plimsoll.account_file import read_account
from plimsoll.comparison import Job
from plimsoll.errors import BadInput
from plimsoll.model import MarginMode, OrderType
from plimsoll.model_choice import Modelled, build, read_model_words
from plimsoll.plan import Plan, PlanMode, PlannedOrder, symbols_of
from plimsoll.rulebook import Rulebook, in_force
from plimsoll.simulation import simulate
from plimsoll.studies import Ask, Setting, Stopped, Study
from plimsoll.table_files import load

DAY = date(2026, 7, 2)
MARKS = {"BTCUSDT": Decimal(100000), "ETHUSDT": Decimal(4000)}
WORDS = "brownian volatility=BTCUSDT:0.6,ETHUSDT:0.8 correlation=BTCUSDT-ETHUSDT:0.8 step=1h funding=none"


@cache
def book(name: str) -> Rulebook:
    return in_force(load(name), DAY)


def textbook() -> Plan:
    return read_account("textbook")


def model(plan: Plan, words: str, days: float) -> Modelled:
    return build(read_model_words(words.split()), symbols_of(plan), None, days * 86400)


def studied(venue: str = "binance_usdm", words: str = WORDS, days: float = 5, plan: Plan | None = None, **ask: object) -> Study:
    plan = plan or textbook()
    home = book(plan.venue)
    settings = [Setting(venue, mode) for mode in (PlanMode.ISOLATED, PlanMode.CROSS)]
    given = msgspec.structs.replace(Ask(horizon_seconds=days * 86400, paths=1024, points=5), **ask)
    return simulate(plan, [Job(book(venue), home)], settings, model(plan, words, days), MARKS, given)


def test_threads_do_not_change_a_digit() -> None:
    assert studied(threads=1) == studied(threads=2)


def test_more_paths_begin_with_the_same_ones_and_another_seed_does_not() -> None:
    few, same, other = studied(paths=100), studied(paths=100), studied(paths=100, seed=2)
    assert few.odds == same.odds
    assert few.odds[0].final_mean != other.odds[0].final_mean


def test_an_isolated_long_is_hit_as_often_as_a_brownian_motion_watched_at_steps() -> None:
    """First passage of a martingale's log price below a barrier, moved out by 0.5826 sigma sqrt(step) for watching each hour
    (Broadie, Glasserman, Kou 1997); the barrier is the liquidation price that the study tells of the position."""
    found = studied(paths=20_000, straight=True).odds[0]
    for leg, sigma in zip(found.legs, (0.6, 0.8), strict=True):
        years, step = 5 / 365, sqrt(1 / (365 * 24))
        barrier = log(leg.liquidation_price / float(MARKS[leg.symbol])) - 0.5826 * sigma * step
        drift, spread = -sigma * sigma / 2, sigma * sqrt(years)
        below = (1 + erf((barrier - drift * years) / spread / sqrt(2))) / 2
        above = (1 + erf((barrier + drift * years) / spread / sqrt(2))) / 2
        chance = below + exp(2 * drift * barrier / sigma**2) * above
        assert leg.liquidated.value == pytest.approx(chance, abs=4 * sqrt(chance * (1 - chance) / 20_000) + 0.002)


def test_what_the_columns_do_not_decide_the_exact_engine_does() -> None:
    venue = "bybit_uta"
    study = studied(venue, WORDS.replace("0.6", "1.5").replace(",ETHUSDT:0.8", ",ETHUSDT:2"), days=2, paths=24)
    cross = study.odds[1]
    assert cross.handed > 0 and 0 < cross.liquidated.value < 1
    assert round(24 * (cross.legs[0].first.value + cross.legs[1].first.value)) >= round(24 * cross.liquidated.value)


def test_funding_is_paid_by_longs_and_lowers_what_is_left() -> None:
    free, dear = studied(paths=512), studied(words=WORDS.replace("none", "0.001"), paths=512)
    assert free.odds[0].funding == 0
    assert dear.odds[0].funding > 0
    assert dear.odds[0].final_mean.value < free.odds[0].final_mean.value


def test_enough_is_enough_where_an_interval_is_asked_for() -> None:
    study = studied(paths=200_000, width=0.05, days=1)
    assert study.stopped is Stopped.INTERVAL
    assert all(o.liquidated.high - o.liquidated.low <= 0.05 for o in study.odds)


def test_a_broken_off_study_tells_what_it_has() -> None:
    plan = textbook()

    def stop(done: int, _wanted: int) -> None:
        if done >= 1024:
            raise KeyboardInterrupt

    home = book(plan.venue)
    ask = Ask(horizon_seconds=86400, paths=50_000, points=2)
    setting = Setting(plan.venue, PlanMode.CROSS)
    study = simulate(plan, [Job(home, home)], [setting], model(plan, WORDS, 1), MARKS, ask, stop)
    assert (study.stopped, study.odds[0].paths) == (Stopped.INTERRUPTED, 1024)


@pytest.mark.parametrize(
    ("ask", "field"),
    [({"horizon_seconds": 5000.0}, "--horizon"), ({"paths": 0}, "--paths"), ({"width": 2.0}, "--width")],
)
def test_what_cannot_be_simulated_is_said(ask: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        studied(**ask)


def test_a_venue_whose_paths_are_played_from_step_to_step_is_named() -> None:
    """bitmex locked losses until 2024: nothing is seen between its steps, and only of other venues is it said otherwise."""
    plan = textbook()
    jobs = [Job(in_force(load("bitmex"), date(2023, 6, 2)), book(plan.venue)), Job(book(plan.venue), book(plan.venue))]
    words, ask = WORDS.replace("1h", "12h"), Ask(horizon_seconds=86400, paths=2, points=2)
    both = [Setting("bitmex", PlanMode.CROSS), Setting(plan.venue, PlanMode.CROSS)]

    def told(*settings: Setting, straight: bool = False) -> tuple[bool, bool]:
        asked = msgspec.structs.replace(ask, straight=straight)
        study = simulate(plan, jobs, list(settings), model(plan, words, 1), MARKS, asked)
        named = any(note.startswith("bitmex changes the account at every mark") for note in study.notes)
        return any("seen from within" in sentence for sentence in study.model), named

    assert told(*both) == (True, True)
    assert told(both[0]) == (False, True)
    assert told(both[1]) == (True, False)
    assert told(*both, straight=True) == (False, False)


def test_a_symbol_without_a_price_is_said() -> None:
    plan = textbook()
    with pytest.raises(BadInput, match="ETHUSDT"):
        simulate(
            plan, [Job(book(plan.venue), book(plan.venue))], [Setting(plan.venue, PlanMode.CROSS)],
            model(plan, WORDS, 1), {"BTCUSDT": Decimal(100000)}, Ask(horizon_seconds=86400),
        )  # fmt: skip


def test_an_order_that_opens_another_position_is_refused_with_the_reason() -> None:
    plan = textbook()
    size, leverage = Decimal("0.2"), Decimal(10)
    order = PlannedOrder(
        "x", "ETHUSDT", "sell", OrderType.LIMIT, size, price=Decimal(4040), leverage=leverage, mode=MarginMode.CROSS
    )
    opening = msgspec.structs.replace(plan, positions=plan.positions[:1], orders=(order,))
    with pytest.raises(BadInput, match="may open another position in ETHUSDT"):
        studied(plan=opening, paths=64)
