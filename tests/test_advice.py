"""Advice from studies made by hand: every recommendation, every refusal to choose, and where each number comes from."""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from plimsoll.advice import advice_of
from plimsoll.advice_margin import missed
from plimsoll.advice_risk import effective_number, joint
from plimsoll.evidence import (
    Advice,
    Change,
    Conviction,
    Evidence,
    Finding,
    Holding,
    Lift,
    Line,
    Pair,
    Prefer,
    Profile,
    Skill,
    Together,
    Topic,
    Trial,
    Verdict,
    Wall,
    Watch,
)
from plimsoll.plan import PlanMode
from plimsoll.studies import Curve, Density, Fan, Interval, LegOdds, Odds, Quantiles, Setting, Stopped, Study

D = Decimal
CROSS, ISOLATED, GIVEN = PlanMode.CROSS, PlanMode.ISOLATED, PlanMode.AS_GIVEN
NONE = Quantiles((0.5,), (0.0,))


def near(value: float, width: float = 0.01) -> Interval:
    return Interval(value, max(value - width / 2, 0.0), min(value + width / 2, 1.0))


def leg(symbol: str, liquidated: Interval, first: float = 0.01, side: str = "long") -> LegOdds:
    return LegOdds(symbol, symbol, side, "cross", 2000.0, 3600.0, liquidated, near(first), 8.0)


def odds(setting: Setting, liquidated: Interval, ruined: Interval | None = None, **more: Any) -> Odds:
    """Odds with the numbers that matter to a test; `legs`, `stopped_out` and others by name."""
    days, half = (7.5, 15.0, 30.0), Interval(liquidated.value / 2, liquidated.low / 2, liquidated.high / 2)
    made = Odds(
        setting=setting,
        paths=4000,
        start_equity=500.0,
        money_at_risk=400.0 if setting.mode is ISOLATED else 500.0,
        notional=4000.0,
        liquidated=liquidated,
        ruined=near(0.02) if ruined is None else ruined,
        stopped_out=Interval(0.0, 0.0, 0.0),
        by_day=Curve(days, (half, half, liquidated)),
        legs=(),
        days_to_liquidation=None,
        final_mean=Interval(490.0, 480.0, 500.0),
        final_equity=NONE,
        final_density=Density((0.0, 1.0), (1.0,)),
        lowest_equity=NONE,
        value_at_risk=300.0,
        expected_shortfall=350.0,
        fees=1.0,
        funding=2.0,
        forced=3.0,
        shortfall=0.0,
        fan=Fan((), ()),
        close_calls=0,
        handed=0,
    )
    return msgspec.structs.replace(made, **more)


def at(mode: PlanMode, leverage: str | None = None, stop: str | None = None) -> Setting:
    return Setting("binance_usdm", mode, None if leverage is None else D(leverage), None if stop is None else D(stop))


def study(*played: Odds) -> Study:
    return Study(
        plan="Two coins",
        source="two.toml",
        unit="USDT",
        model=("Prices are made by hand.",),
        seed=1,
        horizon_days=30.0,
        step_seconds=3600.0,
        paths_wanted=4000,
        stopped=Stopped.PATHS,
        odds=played,
    )


def holding(symbol: str = "ETHUSDT", **more: Any) -> Holding:
    made = Holding(
        symbol=symbol,
        side="long",
        mode="isolated",
        asset="USDT",
        leverage=D(10),
        entry=D(4000),
        mark=D(4000),
        value=D(2000),
        lines=(Line("cross", D(3100)), Line("isolated", D(3614))),
        row=1,
        rows=10,
        reach=D(2000),
        cap=D(50000),
        rate=D("0.004"),
        next_rate=D("0.005"),
    )
    return msgspec.structs.replace(made, **more)


def advise(trials: Sequence[Trial] | Study, profile: Profile | None = None, **more: Any) -> Advice:
    given = (Trial(Change.NONE, trials),) if isinstance(trials, Study) else tuple(trials)
    evidence = msgspec.structs.replace(Evidence(trials=given, holdings=(holding(),)), **more)
    return advice_of(evidence, profile or Profile())


def found(advice: Advice, topic: Topic, of: str | None = None) -> Finding:
    fitting = [f for f in advice.findings if f.topic is topic and of in (None, f.of)]
    assert len(fitting) == 1, [(f.topic, f.of) for f in advice.findings]
    return fitting[0]


def two_modes(cross: tuple[Interval, Interval], isolated: tuple[Interval, Interval]) -> Study:
    """(liquidated, ruined) of each."""
    return study(odds(at(CROSS), *cross), odds(at(ISOLATED), *isolated))


SEPARATE = [
    # cross liquidated, ruined; isolated liquidated, ruined; what follows
    ((0.30, 0.20), (0.10, 0.05), Verdict.ISOLATED),
    ((0.05, 0.02), (0.30, 0.10), Verdict.CROSS),
    ((0.20, 0.10), (0.205, 0.02), Verdict.ISOLATED),
    ((0.05, 0.02), (0.30, 0.025), Verdict.CROSS),
    ((0.20, 0.10), (0.205, 0.105), Verdict.EITHER),
    ((0.10, 0.08), (0.30, 0.01), Verdict.CONFLICT),
]


@pytest.mark.parametrize(("cross", "isolated", "verdict"), SEPARATE)
def test_the_mode_that_is_better_beyond_the_intervals(
    cross: tuple[float, float], isolated: tuple[float, float], verdict: Verdict
) -> None:
    advice = advise(two_modes((near(cross[0]), near(cross[1])), (near(isolated[0]), near(isolated[1]))))
    mode = found(advice, Topic.MODE)
    assert mode.verdict is verdict and mode.rests_on == (1, 2)
    assert mode.choice == (verdict.value if verdict in (Verdict.CROSS, Verdict.ISOLATED) else "")
    head = next(line for line in advice.headline if line.startswith("Margin mode:"))
    assert mode.choice in head and (bool(mode.choice) or "run does not separate" in head or "yours" in head or "prefer" in head)


CONFLICT = ((near(0.10), near(0.08)), (near(0.30), near(0.01)))
"""Cross is liquidated less often, isolated loses everything less often."""


@pytest.mark.parametrize(
    ("profile", "verdict", "word"),
    [
        (Profile(prefer=Prefer.PRESERVATION), Verdict.ISOLATED, "preservation"),
        (Profile(prefer=Prefer.EFFICIENCY), Verdict.CROSS, "efficiency"),
        (Profile(limit=D("0.2")), Verdict.CROSS, "limit of 20 %"),
        (Profile(limit=D("0.2"), prefer=Prefer.PRESERVATION), Verdict.ISOLATED, "preservation"),
        (Profile(watch=Watch.UNWATCHED), Verdict.ISOLATED, "Nobody watches"),
        (Profile(skill=Skill.BEGINNER), Verdict.ISOLATED, "You begin"),
        (Profile(watch=Watch.WATCHED), Verdict.CONFLICT, "yours to say"),
    ],
)
def test_where_each_mode_has_something_for_it_the_profile_decides_or_nobody(
    profile: Profile, verdict: Verdict, word: str
) -> None:
    mode = found(advise(two_modes(*CONFLICT), profile), Topic.MODE)
    assert mode.verdict is verdict and word in mode.sentences[-1]


@pytest.mark.parametrize(
    ("prefer", "verdict", "word"),
    [(Prefer.PRESERVATION, Verdict.ISOLATED, "loses less at worst"),
     (Prefer.EFFICIENCY, Verdict.CROSS, "larger losses at worst"),
     (Prefer.BALANCED, Verdict.CONFLICT, "loses less at worst")],
)  # fmt: skip
def test_walls_bound_the_loss_where_ruin_does_not_tell(prefer: Prefer, verdict: Verdict, word: str) -> None:
    """Isolated can lose 400 at most; in cross one path in twenty loses 450."""
    cross = odds(at(CROSS), near(0.1), value_at_risk=450.0)
    both = study(cross, odds(at(ISOLATED), near(0.3)))
    mode = found(advise(both, Profile(prefer=prefer)), Topic.MODE)
    assert mode.verdict is verdict and word in mode.sentences[-1]
    assert any("the walls hold 400.00 USDT [2]" in s and "450.00 USDT [1] or more" in s for s in mode.sentences)
    low = study(msgspec.structs.replace(cross, value_at_risk=390.0), odds(at(ISOLATED), near(0.3)))
    assert found(advise(low, Profile(prefer=prefer)), Topic.MODE).verdict is Verdict.CROSS
    assert found(advise(both, Profile(prefer=prefer), walls_bound=False), Topic.MODE).verdict is Verdict.CROSS, "money is added"


def test_what_follows_is_about_the_chosen_mode_or_about_both() -> None:
    rows = [odds(at(mode, leverage), near(0.02)) for mode in (CROSS, ISOLATED) for leverage in ("2", "3")]
    clear = study(odds(at(CROSS), near(0.3)), odds(at(ISOLATED), near(0.1)), *rows)
    unclear = study(odds(at(CROSS), near(0.3)), odds(at(ISOLATED), near(0.3)), *rows)
    assert [f.of for f in advise(clear).findings if f.topic is Topic.LEVERAGE] == ["in isolated"]
    assert [f.of for f in advise(unclear).findings if f.topic is Topic.LEVERAGE] == ["in cross", "in isolated"]


def ladder(*chances: tuple[str, Interval]) -> Study:
    rows = [odds(at(ISOLATED, leverage), interval) for leverage, interval in chances]
    return study(odds(at(ISOLATED), near(0.2)), *rows)


RISING = (("2", near(0.005)), ("3", near(0.02)), ("5", near(0.05)), ("8", near(0.15)), ("10", near(0.3)))


def test_the_highest_leverage_that_surely_keeps_the_limit() -> None:
    leverage = found(advise(ladder(*RISING)), Topic.LEVERAGE)
    assert (leverage.verdict, leverage.choice) == (Verdict.CHOSEN, "at most 3x")
    text = " ".join(leverage.sentences)
    assert "5x with 5.0 % (4.5 % to 5.5 %)" in text and "8x is beyond it with 15.0 %" in text
    assert leverage.rests_on == (2, 3, 4, 5, 6)


@pytest.mark.parametrize(("limit", "choice"), [("0.0125", "2x"), ("0.055", "5x"), ("0.2", "8x"), ("0.5", "10x")])
def test_the_leverage_follows_the_limit(limit: str, choice: str) -> None:
    leverage = found(advise(ladder(*RISING), Profile(limit=D(limit))), Topic.LEVERAGE)
    assert leverage.choice == f"at most {choice}"


def test_a_limit_that_no_leverage_reaches() -> None:
    beyond = found(advise(ladder(*RISING[3:])), Topic.LEVERAGE)
    assert (beyond.verdict, beyond.choice) == (Verdict.UNREACHABLE, "")
    assert "the lowest chance is 15.0 % (14.5 % to 15.5 %) [2], at 8x" in beyond.sentences[0]
    unsure = found(advise(ladder(*RISING[2:])), Topic.LEVERAGE)
    assert (unsure.verdict, unsure.choice) == (Verdict.EITHER, "")
    assert "does not tell" in unsure.sentences[-1]


def test_a_higher_leverage_beyond_a_gap_is_not_taken() -> None:
    bent = (("2", near(0.01)), ("3", near(0.08)), ("5", near(0.02)))
    leverage = found(advise(ladder(*bent)), Topic.LEVERAGE)
    assert leverage.choice == "at most 2x" and "do not rise steadily" in " ".join(leverage.sentences)


@pytest.mark.parametrize(
    ("value", "verdict", "word"),
    [(0.02, Verdict.EITHER, "All leverages that were tried keep"),
     (0.2, Verdict.UNREACHABLE, "beyond your limit of 5 %: less size"),
     (0.05, Verdict.EITHER, "All intervals contain")],
)  # fmt: skip
def test_where_leverage_moves_nothing_it_is_said(value: float, verdict: Verdict, word: str) -> None:
    flat = study(odds(at(CROSS), near(value)), *(odds(at(CROSS, x), near(value)) for x in ("2", "10", "20")))
    leverage = found(advise(flat), Topic.LEVERAGE)
    assert leverage.verdict is verdict and leverage.choice == ""
    assert "does not move the chance" in leverage.sentences[0] and word in leverage.sentences[1]


@pytest.mark.parametrize(
    ("profile", "choice"),
    [(Profile(), "at most 3x"), (Profile(skill=Skill.BEGINNER), "at most 2x"),
     (Profile(prefer=Prefer.PRESERVATION), "at most 2x"), (Profile(prefer=Prefer.EFFICIENCY), "at most 3x")],
)  # fmt: skip
def test_the_careful_take_the_lower_of_two_that_are_not_told_apart(profile: Profile, choice: str) -> None:
    rows = (("1", near(0.001, 0.001)), ("2", near(0.02)), ("3", near(0.025)), ("5", near(0.2)))
    assert found(advise(ladder(*rows), profile), Topic.LEVERAGE).choice == choice


def test_the_chosen_leverage_says_what_it_walls_off() -> None:
    walls = (Wall(D(3), D("666.67"), D(2700)), Wall(D(5), D(400), D(3214)))
    text = " ".join(found(advise(ladder(*RISING), holdings=(holding(walls=walls),)), Topic.LEVERAGE).sentences)
    assert "666.67 USDT behind ETHUSDT, which makes a liquidation price of 2,700" in text and "400.00 USDT behind" not in text


def changed(change: Change, of: str, amount: str, *played: Odds) -> Trial:
    return Trial(change, study(*played), of, D(amount))


def test_less_size_and_more_money_where_the_plan_is_beyond_the_limit() -> None:
    trials = [
        Trial(Change.NONE, study(odds(at(CROSS), near(0.2)))),
        changed(Change.SIZE, "", "0.75", odds(at(CROSS), near(0.1))),
        changed(Change.SIZE, "", "0.5", odds(at(CROSS), near(0.03))),
        changed(Change.SIZE, "", "0.25", odds(at(CROSS), near(0.01))),
        changed(Change.TOP_UP, "", "250", odds(at(CROSS), near(0.051))),
        changed(Change.TOP_UP, "", "500", odds(at(CROSS), near(0.02))),
    ]
    margin = found(advise(trials), Topic.MARGIN)
    assert margin.choice == "50 % of the size or 500.00 USDT more" and margin.rests_on == (1, 2, 3, 4, 5, 6)
    small = found(advise(trials[:2]), Topic.MARGIN)
    assert small.verdict is Verdict.UNREACHABLE and "Even at 75 % of the size" in small.sentences[1]
    unsure = found(advise([*trials[:2], trials[4]]), Topic.MARGIN)
    assert unsure.verdict is Verdict.EITHER and "250.00 USDT more: 5.1 % (4.6 % to 5.6 %) [3]" in unsure.sentences[-1]
    kept = found(advise(trials, Profile(limit=D("0.3"))), Topic.MARGIN)
    assert (kept.verdict, kept.choice) == (Verdict.CHOSEN, "as planned")


def stops(*rows: tuple[str, float, float]) -> Study:
    """(distance, stopped out, liquidated all the same)."""
    made = [odds(at(ISOLATED, stop=d), near(gone, 0.001), stopped_out=near(hit)) for d, hit, gone in rows]
    return study(odds(at(ISOLATED), near(0.3)), *made)


def test_the_widest_stop_that_comes_first_often_enough() -> None:
    stop = found(advise(stops(("0.02", 0.8, 0.001), ("0.05", 0.6, 0.01), ("0.09", 0.3, 0.15))), Topic.STOP)
    assert stop.choice == "at most 5 % from the entry"
    text = " ".join(stop.sentences)
    assert "For ETHUSDT that is 3,800, before the liquidation price 3,614 of the start." in text
    assert "hit with a chance of 60.0 % (59.5 % to 60.5 %)" in text and "2 %, is hit with a chance of 80.0 %" in text
    strict = found(
        advise(stops(("0.02", 0.8, 0.001), ("0.05", 0.6, 0.01), ("0.09", 0.3, 0.15)), Profile(stop_first=D("0.99"))), Topic.STOP
    )
    assert strict.choice == "at most 2 % from the entry"


def test_a_stop_that_the_limit_does_not_need_is_called_so() -> None:
    never = Interval(0.0, 0.0, 0.004)
    kept = study(odds(at(ISOLATED), never), odds(at(ISOLATED, stop="0.05"), never, stopped_out=near(0.5)))
    stop = found(advise(kept), Topic.STOP)
    assert (stop.verdict, stop.choice) == (Verdict.EITHER, "not needed for your limit")
    needed = study(odds(at(ISOLATED), near(0.04)), odds(at(ISOLATED, stop="0.05"), near(0.001, 0.002), stopped_out=near(0.5)))
    assert found(advise(needed), Topic.STOP).choice == "at most 5 % from the entry", "within the limit, and lower still"


def test_no_stop_comes_first_often_enough() -> None:
    never = found(advise(stops(("0.05", 0.6, 0.3), ("0.09", 0.3, 0.28))), Topic.STOP)
    assert (never.verdict, never.choice) == (Verdict.UNREACHABLE, "")
    quiet = found(advise(stops(("0.5", 0.0, 0.0))), Topic.STOP)
    assert quiet.verdict is Verdict.EITHER and quiet.choice == ""


def test_a_stop_beyond_the_liquidation_price_of_a_short_is_called_so() -> None:
    short = holding(side="short", lines=(Line("isolated", D(4300)),))
    text = " ".join(found(advise(stops(("0.1", 0.6, 0.001)), holdings=(short,)), Topic.STOP).sentences)
    assert "For ETHUSDT that is 4,400, beyond the liquidation price 4,300" in text


def test_a_stop_on_the_other_side_of_the_line_is_not_compared_with_it() -> None:
    short = holding(side="short", lines=(Line("isolated", D(3000)),))
    text = " ".join(found(advise(stops(("0.1", 0.6, 0.001)), holdings=(short,)), Topic.STOP).sentences)
    assert "For ETHUSDT that is 4,400; the price that liquidates its pool, 3,000, lies on the other side." in text


def test_the_share_that_a_stop_misses_is_bounded_from_both_sides() -> None:
    """Stop on 60 to 62 of 100 paths, liquidation on 9 to 11: either is seen on 60 at least, on 73 at most."""
    made = missed(odds(at(ISOLATED), Interval(0.10, 0.09, 0.11), stopped_out=Interval(0.61, 0.60, 0.62)))
    assert made.value == pytest.approx(float(Fraction(10, 61))) and made.high == pytest.approx(float(Fraction(11, 60)))
    assert made.low == pytest.approx(float(Fraction(9, 73)))
    none = missed(odds(at(ISOLATED), Interval(0.0, 0.0, 0.0)))
    assert none == Interval(0.0, 0.0, 0.0)


def topped(after: Interval, profile: Profile | None = None) -> Finding:
    base = study(odds(at(ISOLATED), near(0.2), legs=(leg("ETHUSDT", near(0.2)),)))
    more = changed(Change.TOP_UP, "ETHUSDT", "100", odds(at(ISOLATED), after, legs=(leg("ETHUSDT", after),)))
    lifts = (Lift("ETHUSDT", "isolated", D(100), D(3614), D(3414)),)
    return found(advise([Trial(Change.NONE, base), more], profile, lifts=lifts), Topic.TOP_UP)


def test_what_a_top_up_buys() -> None:
    lower = topped(near(0.12))
    assert lower.choice == "100.00 USDT lowers its chance to 12.0 % (11.5 % to 12.5 %)"
    assert "moves its liquidation price from 3,614 to 3,414, by 5.5 %" in lower.sentences[0]
    same = topped(near(0.197))
    assert same.verdict is Verdict.EITHER and same.choice == "" and "does not tell the two apart" in same.sentences[0]
    alone = topped(near(0.12), Profile(watch=Watch.UNWATCHED))
    assert "none that is to follow may be relied on" in alone.sentences[-1]


def pair_of_legs(first: float, second: float, either: float, mode: PlanMode = ISOLATED) -> Study:
    legs = (leg("BTCUSDT", near(first, 0.002)), leg("ETHUSDT", near(second, 0.002), 0.1))
    return study(odds(at(mode), near(either, 0.002), legs=legs))


def test_two_positions_that_fall_together() -> None:
    together = Together((Pair("BTCUSDT", "ETHUSDT", 0.8),), 1.22, "the model")
    two = (holding("BTCUSDT"), holding())
    text = " ".join(found(advise(pair_of_legs(0.1, 0.12, 0.13), holdings=two, together=together), Topic.TOGETHER).sentences)
    assert "correlation of 0.80: to that extent they gain and lose together" in text
    assert "amount to 1.22 independent ones" in text
    assert "both liquidated with a chance of 9.0 %" in text
    assert "independent it would be 1.2 %" in text and "go together" in text
    free = " ".join(found(advise(pair_of_legs(0.1, 0.12, 0.208), holdings=two), Topic.TOGETHER).sentences)
    assert "does not tell the two apart" in free
    pool = " ".join(found(advise(pair_of_legs(0.1, 0.12, 0.13, CROSS), holdings=two), Topic.TOGETHER).sentences)
    assert "both liquidated with a chance of 9.0 %" in pool and "one pool" in pool and "independent" not in pool
    assert [f for f in advise(pair_of_legs(0.1, 0.12, 0.208)).findings if f.topic is Topic.TOGETHER] == []


def test_more_than_two_legs_have_bounds_only() -> None:
    """Any 20, legs 10 + 12 + 15: 17 more than one each; at least two go on 17 at most, on half of it at least."""
    legs = tuple(leg(name, Interval(p, p, p)) for name, p in (("A", 0.10), ("B", 0.12), ("C", 0.15)))
    both, exact = joint(legs, Interval(0.20, 0.20, 0.20))
    assert not exact and both.low == pytest.approx(0.085) and both.high == pytest.approx(0.12)


def test_the_effective_number_by_hand() -> None:
    """Two of equal risk and correlation r: 4 / (2 + 2 r^2); three alike: 1; three apart: 3."""
    assert effective_number(((1.0, 0.8), (0.8, 1.0))) == pytest.approx(float(Fraction(4) / (2 + 2 * Fraction(16, 25))))
    assert effective_number(((1.0,) * 3,) * 3) == pytest.approx(1.0)
    assert effective_number(((2.0, 0.0, 0.0), (0.0, 2.0, 0.0), (0.0, 0.0, 2.0))) == pytest.approx(3.0)


def alone(own: Interval, ruined: Interval, profile: Profile | None = None) -> Finding:
    """All cross: ETH 20 %, ruin 10 %; then ETH isolated as given."""
    legs = (leg("BTCUSDT", near(0.18)), leg("ETHUSDT", near(0.2)))
    base = study(odds(at(CROSS), near(0.2), near(0.1), legs=legs))
    walled = (leg("BTCUSDT", near(0.05)), leg("ETHUSDT", own))
    trial = Trial(Change.ALONE, study(odds(at(GIVEN), own, ruined, legs=walled)), "ETHUSDT")
    advice = advise([Trial(Change.NONE, base), trial], profile, holdings=(holding("BTCUSDT"), holding()))
    return found(advice, Topic.POSITION, "ETHUSDT")


@pytest.mark.parametrize(
    ("own", "ruined", "profile", "verdict"),
    [
        (0.4, 0.1, Profile(), Verdict.CROSS),
        (0.2, 0.01, Profile(), Verdict.ISOLATED),
        (0.2, 0.1, Profile(), Verdict.EITHER),
        (0.4, 0.01, Profile(), Verdict.CONFLICT),
        (0.4, 0.01, Profile(conviction={"ETHUSDT": Conviction.HIGH}), Verdict.CROSS),
        (0.4, 0.01, Profile(conviction={"ETHUSDT": Conviction.LOW}), Verdict.ISOLATED),
        (0.2, 0.01, Profile(conviction={"ETHUSDT": Conviction.HIGH}), Verdict.EITHER),
        (0.4, 0.1, Profile(conviction={"ETHUSDT": Conviction.LOW}), Verdict.EITHER),
    ],
)
def test_one_position_isolated_and_the_rest_cross(own: float, ruined: float, profile: Profile, verdict: Verdict) -> None:
    position = alone(near(own), near(ruined), profile)
    assert position.verdict is verdict and position.rests_on == (1, 2)
    assert any("BTCUSDT: its chance falls from 18.0 %" in sentence for sentence in position.sentences)


def test_size_against_the_steps_of_the_table_and_against_volume() -> None:
    text = " ".join(
        found(advise(two_modes(*CONFLICT), holdings=(holding(hourly_volume=D(100000)),)), Topic.SIZE).sentences
    )
    assert "row 1 of 10" in text and "4.0 % of the 50,000 where that ends" in text and "from 0.4 % to 0.5 %" in text
    assert "It is 2.0 % of the 100,000.00 USDT" in text


def test_an_unwatched_account_hears_of_stops_first_and_of_left_out_top_ups() -> None:
    made = stops(("0.05", 0.6, 0.01))
    both = study(odds(at(CROSS), near(0.6)), *made.odds, odds(at(ISOLATED, "2"), near(0.1)))
    order = [f.topic for f in advise(both, Profile(watch=Watch.UNWATCHED), top_ups_planned=2).findings]
    assert order.index(Topic.STOP) == 1 and [f.topic for f in advise(both).findings].index(Topic.STOP) > 1
    you = found(advise(both, Profile(watch=Watch.UNWATCHED), top_ups_planned=2), Topic.YOU)
    assert any("2 planned top-ups are left out" in sentence for sentence in you.sentences)
    kept = found(advise(both, top_ups_planned=1), Topic.YOU)
    assert any("1 top-up of the file" in sentence for sentence in kept.sentences)


def test_a_beginner_is_told_what_a_liquidation_is() -> None:
    told = found(advise(two_modes(*CONFLICT), Profile(skill=Skill.BEGINNER)), Topic.YOU).sentences
    assert any("closing a position by force" in sentence for sentence in told)
    assert not any("by force" in sentence for sentence in found(advise(two_modes(*CONFLICT)), Topic.YOU).sentences)


def test_when_it_happens() -> None:
    legs = (leg("BTCUSDT", near(0.1)), leg("ETHUSDT", near(0.2), 0.15))
    made = study(odds(at(CROSS), near(0.2), legs=legs))
    text = " ".join(found(advise(made, holdings=(holding("BTCUSDT"), holding())), Topic.HORIZON).sentences)
    assert "by 7.5 days with a chance of 10.0 %" in text and "by 30 days with a chance of 20.0 %" in text
    assert "ETHUSDT is the first to go most often, with a chance of 15.0 %" in text and "after 8 days" in text


def test_where_nothing_is_liquidated_on_any_path() -> None:
    legs = (leg("BTCUSDT", Interval(0.0, 0.0, 0.001)), leg("ETHUSDT", Interval(0.0, 0.0, 0.001)))
    advice = advise(study(odds(at(CROSS), Interval(0.0, 0.0, 0.001), legs=legs)), holdings=(holding("BTCUSDT"), holding()))
    assert "nothing is liquidated on any path: 0 % (0 % to 0.1 %) [1]" in found(advice, Topic.HORIZON).sentences[0]
    assert [f for f in advice.findings if f.topic is Topic.TOGETHER] == []


def test_every_finding_names_settings_that_were_played() -> None:
    advice = advise(ladder(*RISING))
    known = {played.number for played in advice.played}
    assert all(set(f.rests_on) <= known for f in advice.findings) and [p.number for p in advice.played] == sorted(known)
    assert advice.played[1].label == "isolated, 2x"
    for finding in advice.findings:
        inside = {int(n) for sentence in finding.sentences for n in re.findall(r" \[(\d+)\]", sentence)}
        assert inside <= set(finding.rests_on), finding


def test_every_number_of_a_sentence_is_in_the_evidence() -> None:
    """Chances and their bounds, as printed, are all chances of some setting; nothing is made up."""
    advice = advise(study(odds(at(CROSS), near(0.3), near(0.2)), *ladder(*RISING).odds, *stops(("0.05", 0.6, 0.01)).odds[1:]))
    chances = {round(x * 100, 1) for p in advice.played for i in (p.odds.liquidated, p.odds.ruined, p.odds.stopped_out)
               for x in (i.value, i.low, i.high)}  # fmt: skip
    for finding in advice.findings:
        if finding.topic in (Topic.MODE, Topic.LEVERAGE, Topic.MARGIN):
            groups = [each for s in finding.sentences for each in re.findall(r"([\d.]+) % \(([\d.]+) % to ([\d.]+) %\)", s)]
            said = [float(number) for group in groups for number in group]
            assert said and set(said) <= chances, finding
