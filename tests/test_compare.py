"""What the comparison must say of the bundled examples and of real crashes: what the rules fix, not what a reading chooses."""

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from plimsoll import engines
from plimsoll.account_file import example_names
from plimsoll.compare_command import Wish, map_of, prepare, run
from plimsoll.errors import BadInput, RulebookGap
from plimsoll.number import exact
from plimsoll.plan import PlanMode
from plimsoll.runs import Comparison, ModeResult, Run, Verdict

DATA = Path(__file__).parents[1] / ".." / "shared" / "data"
HOURLY = DATA / "binance_usdm_1h_mark_funding_12sym_2024-12_2026-02.parquet"
SPOT = DATA / "binance_spot_1h_8sym_2019-09_2022-10.parquet"
real = pytest.mark.skipif(not HOURLY.exists(), reason="the recorded prices (../shared/data) are not here")


def of(comparison: Comparison, mode: PlanMode, venue: str = "binance_usdm") -> ModeResult:
    return next(r for r in comparison.results if r.mode is mode and r.venue == venue)


def leg(result: Run, symbol: str):
    return next(x for x in result.legs if x.symbol == symbol)


def total(played: Run) -> Decimal:
    """Final equity from its parts: start, price profit, less fees, funding, interest and what liquidation took."""
    with exact():
        pnl = sum((x.pnl for x in played.legs), Decimal(0))
        return played.start_equity + played.deposits + pnl - played.fees - played.funding - played.interest


def test_crash_isolated_loses_eth_and_keeps_btc_and_the_spare_hundred_to_the_cent():
    played = of(run(Wish(prices="crash")), PlanMode.ISOLATED).run
    eth, btc = leg(played, "ETHUSDT"), leg(played, "BTCUSDT")
    assert eth.liquidated_at is not None
    assert eth.open_size == 0
    assert btc.liquidated_at is None
    assert btc.open_size == Decimal("0.02")
    assert played.fees == 0
    lost = Decimal(500) + btc.pnl - played.funding - played.final_equity
    with exact():
        paid_by_eth = sum(h.amount for h in played.happenings if h.kind == "funding" and h.leg == "ETHUSDT")
    assert lost + paid_by_eth == Decimal(200), "exactly the money assigned to ETH, its funding included, is gone"


def test_crash_cross_closes_both_and_leaves_under_five_percent_and_never_less_than_nothing():
    played = of(run(Wish(prices="crash")), PlanMode.CROSS).run
    assert all(x.liquidated_at is not None and x.open_size == 0 for x in played.legs)
    assert 0 <= played.final_equity < Decimal(25)
    assert played.lowest_equity >= 0


def test_rebound_isolated_has_lost_its_eth_and_cross_has_not():
    answer = run(Wish(prices="rebound"))
    isolated, cross = of(answer, PlanMode.ISOLATED).run, of(answer, PlanMode.CROSS).run
    assert leg(isolated, "ETHUSDT").liquidated_at is not None
    assert leg(cross, "ETHUSDT").liquidated_at is None
    assert cross.final_equity > 500 > isolated.final_equity
    assert cross.final_equity == total(cross)


def test_slow_bleed_cross_survives_and_loses_more():
    answer = run(Wish(prices="slow-bleed"))
    isolated, cross = of(answer, PlanMode.ISOLATED).run, of(answer, PlanMode.CROSS).run
    assert all(x.liquidated_at is None for x in cross.legs)
    assert leg(isolated, "ETHUSDT").liquidated_at is not None
    assert cross.final_equity < isolated.final_equity


def test_hedged_pair_offsets_in_cross_and_not_in_isolated():
    answer = run(Wish(account="hedged_pair"))
    cross, isolated = of(answer, PlanMode.CROSS).run, of(answer, PlanMode.ISOLATED).run
    assert all(x.liquidated_at is None for x in cross.legs)
    assert any(x.liquidated_at is not None for x in isolated.legs)


def test_mixed_account_loses_isolated_ada_and_nothing_of_cross_btc():
    played = of(run(Wish(account="mixed")), PlanMode.AS_GIVEN).run
    ada, btc = leg(played, "ADAUSDT"), leg(played, "BTCUSDT")
    assert ada.liquidated_at is not None
    assert btc.liquidated_at is None
    assert btc.open_size > 0


def test_isolated_money_is_all_that_can_be_lost():
    played = of(run(Wish(account="isolated_only")), PlanMode.ISOLATED).run
    assert played.money_at_risk == 100
    assert played.start_equity - played.final_equity <= 100 + played.fees
    assert played.final_equity >= 900


def test_hedge_legs_are_told_apart():
    played = of(run(Wish(account="hedge_mode")), PlanMode.CROSS).run
    assert {x.name for x in played.legs} == {"BTCUSDT:long", "BTCUSDT:short"}


def test_inverse_position_is_told_in_its_coin():
    answer = run(Wish(account="inverse"))
    played = answer.results[0].run
    assert answer.unit == "BTC"
    assert answer.results[0].venue == "okx_futures"
    assert played.start_equity > 0


def test_the_inverse_example_plays_on_every_venue_of_inverse_contracts_and_the_rest_are_listed_with_the_reason():
    answer = run(Wish(account="inverse", venue="all"))
    played = {r.venue for r in answer.results}
    assert played >= {"okx_futures", "binance_coinm"}
    for note in answer.venues:
        assert (note.venue in played) is not bool(note.skipped), note
    isolated, cross = (of(answer, mode, "binance_coinm").run for mode in (PlanMode.ISOLATED, PlanMode.CROSS))
    assert leg(isolated, "BTCUSD_PERP").liquidated_at is not None
    assert isolated.final_equity == Decimal("0.3"), "0.5 less the 0.2 behind 50,000 dollars at 25,000 and 10x"
    assert cross.final_equity == 0
    with exact():
        lines = [50000 * Decimal("1.004") / (2 + money) for money in (Decimal("0.2"), Decimal("0.5"))]
        found = [leg(played, "BTCUSD_PERP").liquidation_price_at_start for played in (isolated, cross)]
        assert all(abs(a - b) < Decimal("1e-20") for a, b in zip(found, lines, strict=True)), "2 BTC long at the entry"


@pytest.mark.parametrize("name", example_names())
def test_every_bundled_example_plays_in_every_mode_and_its_sums_hold(name):
    for result in run(Wish(account=name)).results:
        played = result.run
        assert played.samples
        assert played.final_equity >= 0
        assert played.lowest_equity <= min(s.equity for s in played.samples)
        assert result.sentence
        if not any(x.liquidated_at for x in played.legs) and not any(h.kind == "forced_close" for h in played.happenings):
            assert abs(total(played) - played.final_equity) < Decimal("1e-12")


def test_the_textbook_plays_on_every_venue_that_has_it():
    answer = run(Wish(prices="crash", venue="all"))
    assert {r.venue for r in answer.results} >= {"binance_usdm", "okx_futures"}
    okx = of(answer, PlanMode.ISOLATED, "okx_futures").run
    assert okx.start_equity == 500
    assert leg(okx, "ETH-USDT-SWAP").liquidated_at is not None
    assert leg(okx, "BTC-USDT-SWAP").liquidated_at is None


def test_three_sentences_carry_the_numbers_of_the_run():
    answer = run(Wish(prices="crash"))
    assert len(answer.sentences) == 3
    left = of(answer, PlanMode.ISOLATED).run.final_equity
    assert f"{left:.2f}" in answer.sentences[0]


def test_the_map_agrees_with_the_regimes():
    ready = prepare(Wish(prices="rebound"))
    drawn = map_of(ready, "ETHUSDT")
    fall, end = drawn.falls.index(Decimal("0.12")), drawn.finals.index(Decimal("1"))
    assert drawn.cross[fall][end] > drawn.isolated[fall][end], "a fall of 12 % that comes back: cross is richer"
    fall, end = drawn.falls.index(Decimal("0.24")), drawn.finals.index(Decimal("0.76"))
    assert drawn.isolated[fall][end] > drawn.cross[fall][end], "a fall of 24 % that stays: isolated is richer"
    assert drawn.isolated[30][0] is not None
    assert drawn.isolated[0][0] is None, "a price cannot end below its own low"
    assert set(drawn.marks_of_regimes) == {"crash", "rebound", "slow-bleed"}


FOUR = """
name = "Four coins"
venue = "binance_usdm"
[wallet]
USDT = "1000"
"""
COIN = """
[[positions]]
symbol = "{0}"
side = "long"
size = "{1}"
leverage = 10
mode = "{2}"
"""


def account(tmp_path: Path, *legs: tuple[str, str, str]) -> str:
    path = tmp_path / "account.toml"
    path.write_text(FOUR + "".join(COIN.format(*one) for one in legs))
    return str(path)


@real
def test_october_2025_textbook_and_mixed_on_binance_and_what_okx_lacks_is_listed(tmp_path):
    file = account(
        tmp_path,
        ("BTCUSDT", "0.016", "cross"),
        ("ETHUSDT", "0.44", "isolated"),
        ("SOLUSDT", "9", "isolated"),
        ("DOGEUSDT", "8000", "isolated"),
    )
    wish = Wish(account=file, prices=str(HOURLY), start="2025-10-08", end="2025-10-12", venue="all")
    answer = run(wish)
    isolated, cross = of(answer, PlanMode.ISOLATED), of(answer, PlanMode.CROSS)
    assert set(isolated.verdicts.values()) == {Verdict.CERTAINLY}
    eth = leg(isolated.run, "ETHUSDT")
    assert f"{eth.liquidated_at:%Y-%m-%d}" == "2025-10-10"
    assert all(x.liquidated_at is not None for x in cross.run.legs)
    assert 0 <= cross.run.final_equity < Decimal(50)
    spare = Decimal(1000) - isolated.run.money_at_risk
    assert isolated.run.final_equity >= spare - isolated.run.fees
    notes = {v.venue: v for v in answer.venues}
    assert set(notes["okx_futures"].skipped) == {"SOLUSDT", "DOGEUSDT"}
    assert all("stale" in words for words in notes["binance_usdm"].tables.values())
    assert isolated.run.funding > 0, "longs paid funding before the crash"


@real
@pytest.mark.parametrize(
    ("start", "end", "day", "btc", "eth"),
    [
        ("2020-03-11", "2020-03-14", "2020-03-12", "0.25", "10"),
        ("2021-05-17", "2021-05-20", "2021-05-1", "0.045", "0.6"),
    ],
)
def test_older_crashes_on_spot_prices_that_stand_in(tmp_path, start, end, day, btc, eth):
    file = account(tmp_path, ("BTCUSDT", btc, "isolated"), ("ETHUSDT", eth, "isolated"))
    answer = run(Wish(account=file, prices=str(SPOT), start=start, end=end))
    assert set(answer.stand_in) == {"BTCUSDT", "ETHUSDT"}, "spot prices are declared as stand-ins"
    isolated = of(answer, PlanMode.ISOLATED)
    for one in isolated.run.legs:
        assert isolated.verdicts[one.name] is Verdict.CERTAINLY
        assert f"{one.liquidated_at:%Y-%m-%d}".startswith(day)
    assert of(answer, PlanMode.CROSS).run.final_equity >= 0


def test_worst_path_is_never_kinder_than_the_best(tmp_path):
    if not HOURLY.exists():
        pytest.skip("the recorded prices (../shared/data) are not here")
    file = account(tmp_path, ("BTCUSDT", "0.016", "cross"), ("ETHUSDT", "0.44", "isolated"))
    answer = run(Wish(account=file, prices=str(HOURLY), start="2025-10-10", end="2025-10-10"))
    for result in answer.results:
        for one in result.best.legs:
            other = next(x for x in result.worst.legs if x.name == one.name)
            assert one.liquidated_at is None or other.liquidated_at is not None


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(account="nowhere.toml"), "nowhere.toml"),
        (Wish(prices="no-such-script"), "--prices = no-such-script"),
        (Wish(prices="crash", venue="binnance"), "--venue = binnance"),
        (Wish(prices="crash", venue=","), "--venue"),
        (Wish(prices="crash", modes="crossed"), "did you mean cross?"),
        (Wish(prices="crash", modes=" , "), "--modes"),
        (Wish(prices="crash", rules_as_of="yesterday"), "--rules-as-of = yesterday"),
        (Wish(prices="crash", start="2025-01-01"), "--from/--to"),
        (Wish(prices="crash", symbols=("BTCUSDT",)), "ACCOUNT_SYMBOL=PRICE_SYMBOL"),
        (Wish(prices="crash", symbols=("XRPUSDT=XRP",)), "--symbol = XRPUSDT"),
        (Wish(prices="crash", tables=("missing.toml",)), "missing.toml"),
    ],
)
def test_bad_wishes_name_the_flag_and_the_cure(wish, said):
    with pytest.raises(BadInput) as problem:
        run(wish)
    assert said in str(problem.value)
    assert "\n" not in str(problem.value)


def test_in_force_on_a_day_without_a_table_raises_and_names_the_nearest(tmp_path):
    prices = tmp_path / "prices.csv"
    prices.write_text("ts,symbol,mark\n2025-01-01T00:00:00Z,BTCUSDT,100\n2025-01-01T01:00:00Z,BTCUSDT,101\n")
    file = account(tmp_path, ("BTCUSDT", "0.016", "cross"))
    with pytest.raises(RulebookGap) as gap:
        run(Wish(account=file, prices=str(prices), rules_as_of="in-force"))
    assert "BTCUSDT" in str(gap.value)
    assert "2024-08-08" in str(gap.value)


def test_a_short_history_is_played_exactly_and_without_the_array_engine():
    code = (
        "import sys; from plimsoll.compare_command import Wish, run; pace = run(Wish(prices='crash', modes='cross')).pace; "
        "assert not {'numba', 'numpy'} & set(sys.modules), 'imported'; print(pace.frames, pace.passed, pace.why)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    frames, passed, *why = done.stdout.split()
    assert (int(frames) > 0, passed, " ".join(why)) == (True, "0", "below 5,000 frames that is fastest"), done.stderr


def test_every_frame_is_decided_where_that_is_asked_for_or_the_array_engine_is_missing(monkeypatch):
    monkeypatch.setattr(engines, "LONG", 2)
    asked = run(Wish(prices="crash", modes="cross", engine="exact"))
    monkeypatch.setattr(engines, "find_spec", lambda _: None)
    missing = run(Wish(prices="crash", modes="cross"))
    assert (asked.pace.passed, asked.pace.why) == (0, "as asked for")
    assert (missing.pace.passed, missing.pace.why) == (0, "the array extra, which passes quiet frames, is not installed")
    assert replace(asked, pace=None) == replace(missing, pace=None)


def test_an_engine_that_there_is_not_is_refused():
    with pytest.raises(BadInput, match="did you mean exact"):
        run(Wish(engine="exat"))


@pytest.mark.parametrize("late", ["ETHUSDT", "BTCUSDT"])
@pytest.mark.parametrize(("hours", "span"), [(24, "2026-07-03 00:00"), (25, None)])
def test_a_price_that_begins_late_is_refused_or_the_span_begins_with_it(
    tmp_path: Path, late: str, hours: int, span: str | None
) -> None:
    """What is traded and the coin behind it alike: 24 hours are the most that may be missing, as of gaps."""
    pytest.importorskip("polars")
    account = tmp_path / "account.toml"
    account.write_text(
        'name = "BTC behind ETH"\nvenue = "binance_usdm"\nrules_as_of = 2026-07-02\noptions = {asset_mode = "multi"}\n'
        'wallet = {BTC = "0.1", USDT = "1000"}\n'
        '[[positions]]\nsymbol = "ETHUSDT"\nside = "long"\nsize = "1"\nentry_price = "2500"\nleverage = 5\nmode = "cross"\n'
    )
    rows = ["ts,symbol,open,high,low,close"]
    for hour in range(48):
        for symbol, price in (("ETHUSDT", "2500"), ("BTCUSDT", "60000")):
            if symbol != late or hour >= hours:
                rows.append(f"2026-07-{2 + hour // 24:02d}T{hour % 24:02d}:00:00Z,{symbol}{f',{price}' * 4}")
    prices = tmp_path / "late.csv"
    prices.write_text("\n".join(rows) + "\n")
    for stale in ("refuse", "carry"):
        wish = Wish(account=str(account), prices=str(prices), modes="cross", stale=stale)
        if span is not None:
            answer = run(wish)
            assert f"{answer.first:%Y-%m-%d %H:%M}" == span
            assert any("played from 2026-07-03 00:00" in note for note in answer.venues[0].notes)
            continue
        with pytest.raises(BadInput) as caught:
            run(wish)
        name = late if late == "ETHUSDT" else "BTC"
        for said in ("late.csv", f"{name} = 2026-07-02 00:00", "25 hours", "--from 2026-07-03T01:00:00Z", "--index"):
            assert said in str(caught.value)
