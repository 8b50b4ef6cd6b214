"""`plimsoll advise` from words to advice: bad input in one line, plans as they are tried, facts at rest against arithmetic by
hand, two rounds of studies, and one run of the whole."""

import json
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import plimsoll
from plimsoll.account_file import parse_account, read_account
from plimsoll.advice import advice_of
from plimsoll.advice_facts import Ground, holdings_of, known_walls, lift_of, stand, together_of
from plimsoll.advise_command import AdviseWish, Case, gather, prepare_advice, read_profile, run_advice
from plimsoll.array import models
from plimsoll.array.covariance import step_covariance
from plimsoll.cli import run
from plimsoll.errors import BadInput
from plimsoll.evidence import Change, Conviction, Prefer, Profile, Skill, Topic, Verdict, Watch
from plimsoll.model import MarginMode
from plimsoll.plan import Plan, PlanMode
from plimsoll.prices.volumes import read_volumes
from plimsoll.report.advise_screen import Form, print_advice
from plimsoll.report.as_json import advice_json
from plimsoll.simulate_command import SimulateWish
from plimsoll.studies import Curve, Density, Fan, Interval, LegOdds, Odds, Quantiles, Setting, Stopped, Study
from plimsoll.trials import one_isolated, resized, topped

D = Decimal
CROSS, ISOLATED, GIVEN = PlanMode.CROSS, PlanMode.ISOLATED, PlanMode.AS_GIVEN


def wish(account: str = "textbook", **more: Any) -> AdviseWish:
    base = {key: more.pop(key) for key in tuple(more) if key in SimulateWish.__struct_fields__}
    return AdviseWish(base=SimulateWish(account=account, **base), **more)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--limit", "0"), "--limit = 0"),
        (("--limit", "1"), "--limit = 1"),
        (("--limit", "120%"), "--limit = 120%"),
        (("--limit", "-5%"), "--limit = -5%"),
        (("--limit", "rarely"), "--limit = rarely"),
        (("--stop-first", "100%"), "--stop-first = 100%"),
        (("--prefer", "preservaton"), "did you mean preservation?"),
        (("--conviction", "BTCUSDT"), "write SYMBOL=high"),
        (("--conviction", "BTCUSDT=some"), "choose one of high, low"),
        (("--conviction", "XRPUSDT=high"), "the account has BTCUSDT, ETHUSDT"),
        (("--conviction", "BTCUSDT=high", "--conviction", "BTCUSDT=low"), "is given twice"),
        (("--leverage", "0.5"), "leverage is at least 1"),
        (("--stop", "150%"), "give a distance above 0"),
        (("--top-up", "100,-5"), "--top-up"),
        (("--horizon", "soon"), "--horizon"),
        (("--venue", "binance_usdm,okx_futures"), "advice is on one venue"),
        (("--model", "brownian vol=1"), "no such key"),
        (("nowhere.toml",), "nowhere.toml"),
    ],
)
def test_what_cannot_be_used_is_one_line(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(("advise", *words)) == 2
    told = capsys.readouterr()
    assert said in told.err and told.err.count("\n") == 1 and told.out == ""


def test_an_account_without_positions_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "empty.toml"
    file.write_text(
        'name = "Empty"\nvenue = "binance_usdm"\nrules_as_of = 2026-07-02\n[wallet]\nUSDT = "500"\n'
        '[[orders]]\nid = "in"\nsymbol = "BTCUSDT"\nside = "buy"\ntype = "limit"\nsize = "0.01"\nprice = "90000"\n'
    )
    words = wish(str(file), model="brownian volatility=BTCUSDT:0.5 funding=none step=1h", marks=("BTCUSDT=100000",))
    with pytest.raises(BadInput, match="positions"):
        prepare_advice(words)


def test_words_about_the_trader() -> None:
    made = read_profile(
        wish(limit="2.5%", stop_first="0.99", prefer="efficiency", watch="unwatched", skill="beginner", conviction=("A=low",))
    )
    assert made == Profile(
        limit=D("0.025"),
        stop_first=D("0.99"),
        prefer=Prefer.EFFICIENCY,
        watch=Watch.UNWATCHED,
        skill=Skill.BEGINNER,
        conviction={"A": Conviction.LOW},
    )


def textbook() -> Ground:
    case = prepare_advice(wish())
    return case.ground


def test_plans_as_they_are_tried() -> None:
    plan = read_account("textbook")
    alone = one_isolated(plan, "ETHUSDT")
    assert [(p.symbol, p.mode) for p in alone.positions] == [
        ("BTCUSDT", MarginMode.CROSS), ("ETHUSDT", MarginMode.ISOLATED)
    ]  # fmt: skip
    walls = {(p.symbol, p.side, p.mode): D(200) for p in plan.positions}
    more = topped(plan, "USDT", D(50), "ETHUSDT", walls)
    assert more.wallet == {"USDT": D(550)} and [p.margin for p in more.positions] == [D(200), D(250)]
    assert topped(plan, "USDT", D(50)).positions == plan.positions
    half = resized(plan, D("0.5"), walls)
    assert [(p.size, p.margin) for p in half.positions] == [(D("0.01"), D(200)), (D("0.25"), D(200))]


def linear_line(entry: str, size: str, wall: str, rate: str = "0.004") -> Fraction:
    """Isolated long, first bracket row: wall + size (p - entry) = rate size p, so p = (entry - wall / size) / (1 - rate)."""
    return (Fraction(entry) - Fraction(wall) / Fraction(size)) / (1 - Fraction(rate))


def test_walls_and_lifts_are_those_of_the_formula_by_hand() -> None:
    ground = textbook()
    standings = {mode: stand(ground, Setting("binance_usdm", mode)) for mode in (CROSS, ISOLATED)}
    btc, eth = holdings_of(ground, standings, (D(10), D(20), D(2)), {"BTCUSDT": D(1000)})
    assert (btc.value, btc.entry, btc.row, btc.hourly_volume, eth.hourly_volume) == (D(2000), D(100000), 1, D(1000), None)
    isolated = next(line.price for line in btc.lines if line.mode == "isolated")
    assert isolated is not None and abs(Fraction(isolated) - linear_line("100000", "0.02", "200")) < Fraction(1, 10**20)
    assert [(w.leverage, w.money) for w in btc.walls] == [(D(10), D(200)), (D(20), D(100))], "2x cannot be paid for"
    assert btc.walls[1].price is not None
    assert abs(Fraction(btc.walls[1].price) - linear_line("100000", "0.02", "100")) < Fraction(1, 10**20)
    walls = known_walls(ground, standings[ISOLATED])
    lift = lift_of(ground, ISOLATED, "ETHUSDT", D(100), topped(ground.plan, "USDT", D(100), "ETHUSDT", walls))
    assert lift is not None and lift.before is not None and lift.after is not None
    assert abs(Fraction(lift.before) - linear_line("4000", "0.5", "200")) < Fraction(1, 10**20)
    assert abs(Fraction(lift.after) - linear_line("4000", "0.5", "300")) < Fraction(1, 10**20)


def test_the_covariance_of_a_step_of_each_kind() -> None:
    """Against draws of the model's own definition (jumps), and against the stated matrix."""
    of = models.Subject("here", ("A", "B"), 3600.0)
    step = 3600 / (365 * 86400)
    stated = np.array([[0.25, 0.8 * 0.5 * 0.75], [0.8 * 0.5 * 0.75, 0.5625]]) * step
    plain = models.brownian(of, [0.5, 0.75], [[1, 0.8], [0.8, 1]])
    assert np.allclose(step_covariance(plain), stated, rtol=1e-12)
    assert np.allclose(step_covariance(models.student(of, [0.5, 0.75], [[1, 0.8], [0.8, 1]], 4.0)), stated, rtol=1e-12)
    stated_jumps = models.StatedJumps(876.0, [-0.02, -0.03], [0.03, 0.04], [[1, 0.5], [0.5, 1]])
    jumped = models.jumps(of, [0.5, 0.75], [[1, 0.8], [0.8, 1]], stated_jumps)
    draw = np.random.default_rng(5)
    count = 400_000
    sizes = jumped.jump_mean + draw.normal(size=(count, 2)) @ jumped.jump_scale.T
    jumps = (draw.random(count) < jumped.jump_rate)[:, None] * sizes
    seen = np.cov((draw.normal(size=(count, 2)) @ jumped.scale.T + jumps).T)
    assert np.allclose(step_covariance(jumped), seen, rtol=0.02)
    rows = draw.normal(size=(50, 2))
    boot = jumped._replace(kind=models.BOOTSTRAP, rows=rows)
    assert np.allclose(step_covariance(boot), (rows - rows.mean(0)).T @ (rows - rows.mean(0)) / 50)


def test_how_much_two_positions_are_one() -> None:
    """Values alike, volatilities 0.5 and 0.75, correlation 0.8: with b = 2.25 risks are 1 and b, the covariance 0.8 sqrt b."""
    case = prepare_advice(wish())
    standings = {CROSS: stand(case.ground, Setting("binance_usdm", CROSS))}
    both = holdings_of(case.ground, standings, (), {})
    together = together_of(both, case.ready.modelled, "here")
    assert together is not None and together.pairs[0].correlation == pytest.approx(0.8)
    b = Fraction(9, 4)
    assert together.effective == pytest.approx(float((1 + b) ** 2 / (1 + b**2 + 2 * Fraction(64, 100) * b)))
    short = together_of((both[0], msgspec.structs.replace(both[1], side="short")), case.ready.modelled, "here")
    assert short is not None and short.pairs[0].correlation == pytest.approx(-0.8) and short.effective == together.effective


def test_money_traded_in_a_median_hour(tmp_path: Path) -> None:
    """Bars of half an hour: 100 x 3, 100 x 5, 110 x 2; the middle is 300, twice that in an hour."""
    file = tmp_path / "candles.csv"
    lines = ["ts,symbol,open,high,low,close,volume"]
    lines += [f"2026-06-01T00:{m:02d}Z,X,1,1,1,{c},{v}" for m, c, v in ((0, 100, 3), (30, 100, 5))]
    lines += ["2026-06-01T01:00Z,X,1,1,1,110,2"]
    file.write_text("\n".join(lines) + "\n")
    assert read_volumes(file, {"XUSDT": "X"}) == {"XUSDT": D(600)}
    file.write_text("ts,symbol,close\n2026-06-01T00:00Z,X,100\n")
    assert read_volumes(file, {"XUSDT": "X"}) == {}
    file.write_text("\n".join([*lines, "2026-06-01T01:30Z,X,1,1,1,110,-2"]) + "\n")
    with pytest.raises(BadInput, match="volume"):
        read_volumes(file, {"XUSDT": "X"})


def share(value: float) -> Interval:
    return Interval(value, max(value - 0.005, 0.0), min(value + 0.005, 1.0))


class Player:
    """Stands in for the engine: chances follow from leverage, stop and money, and every call is written down."""

    def __init__(self, cross: float, isolated: float) -> None:
        self.chances = {CROSS: cross, ISOLATED: isolated, GIVEN: isolated}
        self.calls: list[tuple[Plan, tuple[Setting, ...]]] = []

    def play(self, plan: Plan, settings: Sequence[Setting]) -> Study:
        self.calls.append((plan, tuple(settings)))
        odds = tuple(self.odds(plan, setting) for setting in settings)
        return Study(
            plan=plan.name, source=plan.source, unit="USDT", model=("Made by hand.",), seed=1, horizon_days=30.0,
            step_seconds=3600.0, paths_wanted=4000, stopped=Stopped.PATHS, odds=odds,
        )  # fmt: skip

    def odds(self, plan: Plan, setting: Setting) -> Odds:
        gone = self.chances[setting.mode] * float(plan.positions[0].size) / 0.02 * 500 / float(plan.wallet["USDT"])
        gone *= float(setting.leverage or 10) / 10 if setting.mode is ISOLATED else 1
        hit = 0.0 if setting.stop is None else min(0.02 / float(setting.stop), 1.0)
        gone = min(gone, 1.0) if setting.stop is None or setting.stop > D("0.09") else 0.0001
        legs = tuple(
            LegOdds(p.symbol, p.symbol, p.side.value, setting.mode.value, 2000.0, None, share(gone), share(gone / 2), 7.0)
            for p in plan.positions
        )
        flat = Quantiles((0.5,), (400.0,))
        return Odds(
            setting=setting, paths=4000, start_equity=500.0, money_at_risk=400.0, notional=4000.0, liquidated=share(gone),
            ruined=share(gone / 2), stopped_out=share(hit), by_day=Curve((30.0,), (share(gone),)), legs=legs,
            days_to_liquidation=None, final_mean=Interval(480.0, 470.0, 490.0), final_equity=flat,
            final_density=Density((0.0, 1.0), (1.0,)), lowest_equity=flat, value_at_risk=100.0, expected_shortfall=200.0,
            fees=1.0, funding=1.0, forced=1.0, shortfall=0.0, fan=Fan((), ()), close_calls=0, handed=0,
        )  # fmt: skip


def played(cross: float, isolated: float, **more: Any) -> tuple[Case, Player]:
    return prepare_advice(wish(**more)), Player(cross, isolated)


def test_the_second_round_is_played_in_the_mode_that_the_first_speaks_for() -> None:
    case, player = played(0.3, 0.1)
    evidence = gather(case, player.play)
    modes = [{s.mode for s in settings} for _, settings in player.calls]
    assert modes[0] == {CROSS, ISOLATED} and modes[1:3] == [{GIVEN}, {GIVEN}] and all(m == {ISOLATED} for m in modes[3:])
    kinds = [trial.change for trial in evidence.trials]
    assert kinds.count(Change.ALONE) == 2 and kinds.count(Change.TOP_UP) == 4 and kinds.count(Change.SIZE) == 3
    assert any("1x, 2x, 3x, 5x" in line and "800 USDT" in line for line in evidence.left_out)
    assert any("not a promise" in line for line in evidence.assumptions)
    made = "Student-t steps with 4 degrees of freedom; volatility of a year: BTCUSDT 50.0 %, ETHUSDT 75.0 %"
    assert any(made in line for line in evidence.assumptions)
    assert any("rules of 2026-07-02" in line for line in evidence.assumptions)
    assert any("close_order = largest_loss" in line for line in evidence.assumptions)
    advice = advice_of(evidence, case.profile)
    assert next(f for f in advice.findings if f.topic is Topic.MODE).verdict is Verdict.ISOLATED


def test_where_the_first_round_speaks_for_none_both_modes_are_played_on() -> None:
    case, player = played(0.1, 0.1, leverage="5,10", stops="4%", top_ups="50")
    gather(case, player.play)
    later = player.calls[3:]
    assert {s.mode for _, settings in later for s in settings} == {CROSS, ISOLATED}
    assert {s.leverage for _, settings in later for s in settings} - {None} == {D(5), D(10)}
    assert {s.stop for _, settings in later for s in settings} - {None} == {D("0.04")}
    assert {plan.wallet["USDT"] for plan, _ in player.calls} == {D(500), D(550)}


def test_nobody_watches_and_planned_top_ups_are_left_out(tmp_path: Path) -> None:
    text = '[[top_ups]]\nsymbol = "ETHUSDT"\namount = "50"\nat_price = "3700"\nfrom = "cash"\n'
    file = tmp_path / "topped.toml"
    source = Path(plimsoll.__file__).parent / "examples" / "textbook.toml"
    file.write_text(source.read_text().replace("# For `plimsoll simulate`", text + "# For"))
    case = prepare_advice(wish(str(file), watch="unwatched"))
    assert case.ready.plan.top_ups == () and case.top_ups_planned == 1
    assert len(prepare_advice(wish(str(file), watch="watched")).ready.plan.top_ups) == 1


def test_the_screen_and_the_json_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    case, player = played(0.3, 0.1)
    advice = advice_of(gather(case, player.play), case.profile)
    print_advice(advice, Console(width=100, no_color=True, highlight=False))
    short = capsys.readouterr().out
    print_advice(advice, Console(width=100, no_color=True, highlight=False), Form.EXPLAIN)
    long = capsys.readouterr().out
    assert "Margin mode: isolated." in short and "What this assumes" in short and "% [2]" not in short and "[2]" in long
    assert "nearly all lost" in long and "Played: 1 isolated" in short
    body = json.loads(advice_json(advice))
    assert body["schema"] == "plimsoll.advice/1" and tuple(body["headline"]) == advice.headline
    assert body["profile"]["limit"] == "0.05" and body["played"][0]["odds"]["liquidated"]["value"] == pytest.approx(0.1)
    assert [f["verdict"] for f in body["findings"]] == [f.verdict.value for f in advice.findings]


def test_one_position_and_an_account_that_is_all_cross() -> None:
    text = (
        'name = "One"\nvenue = "binance_usdm"\nrules_as_of = 2026-07-02\n[wallet]\nUSDT = "500"\n'
        '[[positions]]\nsymbol = "BTCUSDT"\nside = "short"\nsize = "0.02"\nleverage = 10\nmode = "cross"\n'
    )
    plan = parse_account(text, "one.toml")
    assert plan.positions[0].entry_price is None
    case, player = played(0.3, 0.3)
    marks = {"BTCUSDT": D(100000)}
    ground = case.ground._replace(plan=plan, marks=marks)
    case = case._replace(ready=case.ready._replace(plan=plan, marks=marks), ground=ground)
    evidence = gather(case, player.play)
    assert [t.change for t in evidence.trials].count(Change.ALONE) == 0 and evidence.together is None
    assert {t.study.odds[0].setting.mode for t in evidence.trials if t.change is Change.TOP_UP} == {CROSS}
    assert any("entry_price" in line for line in evidence.left_out)
    assert advice_of(evidence, case.profile).headline


@pytest.mark.parametrize(
    ("watch", "said"),
    [("watched", "nothing but the 1 top-up of the file is in the numbers"), ("unwatched", "1 planned top-up is left")],
)
def test_top_ups_of_the_file_are_in_the_numbers_where_somebody_watches(watch: str, said: str, tmp_path: Path) -> None:
    source = Path(plimsoll.__file__).parent / "examples" / "textbook.toml"
    text = '[[top_ups]]\nsymbol = "BTCUSDT"\namount = "50"\nat_price = "99000"\nfrom = "outside"\n'
    file = tmp_path / "topped.toml"
    file.write_text(f"{source.read_text()}\n{text}")
    advice = run_advice(wish(str(file), watch=watch, paths=512, horizon="2d", leverage="10", stops="3%", top_ups="100"))
    assert any(said in sentence for finding in advice.findings for sentence in finding.sentences)
    assert all((one.odds.added > 0) == (watch == "watched") for one in advice.played)


def test_the_whole_run_on_the_textbook_account() -> None:
    """One real run: chances are counts of paths, both modes stand beside each other, every finding rests on settings."""
    more: dict[str, Any] = {"paths": 512, "horizon": "2d", "leverage": "10,20", "stops": "3%", "top_ups": "100"}
    advice = plimsoll.advise(**more)
    labels = [p.label for p in advice.played]
    assert "cross" in labels and "isolated" in labels and "ETHUSDT isolated, the rest cross" in labels
    for one in advice.played:
        assert (one.odds.liquidated.value * one.odds.paths) % 1 == 0 and one.odds.paths == 512
    assert {Topic.MODE, Topic.POSITION, Topic.LEVERAGE, Topic.STOP, Topic.TOGETHER} <= {f.topic for f in advice.findings}
    numbers = {p.number for p in advice.played}
    assert all(set(f.rests_on) <= numbers for f in advice.findings)
    assert plimsoll.advise(**more) == advice, "the same seed gives the same advice"
