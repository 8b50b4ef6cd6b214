"""Coins behind an account that it does not trade: their own prices in runs and in studies, and what is said where there are
none."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import erf, exp, sqrt
from pathlib import Path

import msgspec
import numpy as np
import pytest

from plimsoll.account_file import parse_account
from plimsoll.advise_command import AdviseWish, run_advice
from plimsoll.array.paths import next_block, open_block, open_paths
from plimsoll.compare_command import Wish, run
from plimsoll.comparison import Job, compare
from plimsoll.errors import BadInput, RulebookGap
from plimsoll.fills_command import FillsWish, run_fills
from plimsoll.indexes import teller_of
from plimsoll.model_choice import build, read_model_words, with_still
from plimsoll.plan import PlanMode
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.rulebook import Policy, Rulebook, in_force
from plimsoll.runs import Run
from plimsoll.simulate_command import SimulateWish, prepare, run_study
from plimsoll.simulation import simulate
from plimsoll.studies import Ask, Odds, Setting
from plimsoll.table_files import load
from plimsoll.venue_table import VenueTable

DATA = Path(__file__).parents[2] / "shared" / "data"
CRASH = DATA / "binance_usdm_1h_mark_funding_12sym_2024-12_2026-02.parquet"
recorded = pytest.mark.skipif(not CRASH.exists(), reason=f"recorded prices are not there: {CRASH}")
D = Decimal
BOUGHT = Fraction("1.0001")
"""What a USDT that is owed costs in multi-assets mode: the venue's ask buffer."""
ACCOUNT = """
name = "BTC behind SOL"
venue = "binance_usdm"
rules_as_of = 2026-07-02
options = {asset_mode = "multi"}
wallet = {BTC = "0.2", USDT = "100"}
[[positions]]
symbol = "SOLUSDT"
side = "long"
size = "300"
entry_price = "150"
leverage = 5
mode = "cross"
"""
OWED = """
name = "BTC owed beside ETH"
venue = "binance_margin"
rules_as_of = 2026-07-02
wallet = {USDT = "5000"}
borrowed = {BTC = "0.02"}
interest = {BTC = "0", USDT = "0"}
[[positions]]
symbol = "ETHUSDT"
side = "long"
size = "1"
entry_price = "2500"
leverage = 3
mode = "cross"
"""
BARS = (
    ("SOLUSDT", "150", "152", "138", "140"),
    ("BTCUSDT", "60000", "61000", "49000", "50000"),
    ("SOLUSDT", "140", "146", "135", "145"),
    ("BTCUSDT", "50000", "53000", "48000", "52000"),
)
Made = Callable[..., str]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    def write(text: str = ACCOUNT, name: str = "account.toml") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def candles(made: Made, *leave_out: str, rename: str = "BTCUSDT") -> str:
    rows = ["ts,symbol,open,high,low,close"]
    for number, (symbol, *prices) in enumerate(BARS):
        if symbol not in leave_out:
            name = rename if symbol == "BTCUSDT" else symbol
            rows.append(",".join([f"2026-07-02T0{number // 2}:00:00Z", name, *prices]))
    return made("\n".join(rows) + "\n", "candles.csv")


def crossed(wish: Wish) -> Run:
    return next(result.run for result in run(wish).results if result.mode is PlanMode.CROSS)


# Runs -----------------------------------------------------------------------------------------------------------------------


def by_hand(btc: str, sol: str) -> tuple[Fraction, Fraction]:
    """(equity, headroom) in USDT: what is owed costs the ask, BTC counts 95 %, maintenance takes 0.5 % below 50,000."""
    owing = 100 + 300 * (Fraction(sol) - 150)
    need = 300 * Fraction(sol) * Fraction("0.005") * BOUGHT
    counts = Fraction("0.95") * Fraction(btc) / 5 + owing * (BOUGHT if owing < 0 else Fraction("0.9999"))
    return Fraction(btc) / 5 + owing, counts - need


def test_two_bars_of_sol_and_of_the_btc_behind_it_to_the_last_digit(made: Made) -> None:
    """BTC goes from 60,000 to 52,000 with bars of its own. The lowest point is where both are at their lows, 135 and 48,000."""
    found = crossed(Wish(account=made(), prices=candles(made)))
    assert Fraction(found.start_equity) == by_hand("60000", "150")[0] == 12100
    assert Fraction(found.final_equity) == by_hand("52000", "145")[0] == 9000
    equity, headroom = by_hand("48000", "135")
    assert Fraction(found.lowest_equity) == equity == 5200
    (least,) = found.least
    assert abs(Fraction(least.headroom) - headroom) < Fraction(1, 10**12)
    assert any("USDT counted as one dollar, BTC at prices of its own" in note for note in found.notes)


def test_the_prices_of_a_coin_may_stand_under_another_name_in_a_script_or_still(made: Made) -> None:
    named = candles(made, rename="XBT-PERP")
    assert crossed(Wish(account=made(), prices=named, symbols=("BTC=XBT-PERP",))).final_equity == 9000
    still = Wish(account=made(), prices=candles(made, "BTCUSDT"), indexes=("BTC=60000",))
    assert crossed(still).final_equity == 12000 + 100 - 1500
    assert run(still).price_notes[-1] == "Stands still, as given: BTC at 60000."
    assert any("USDT counted as one dollar, BTC standing still as given" in note for note in crossed(still).notes)
    script = (
        '[scripts.fall]\nstart = 2026-07-02T00:00:00Z\nstep = "1h"\nmarks = {SOLUSDT = ["150", "140", "145"]}\n'
        'index = {BTC = ["60000", "50000", "52000"]}\n'
    )
    played = crossed(Wish(account=made(ACCOUNT + script)))
    assert (played.final_equity, Fraction(played.lowest_equity)) == (9000, by_hand("50000", "140")[0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({}, r"BTC: no index price given.*--symbol BTC=PRICE_SYMBOL.*--index BTC=PRICE"),
        ({"symbols": ("BTC=XBT",)}, "XBT"),
        ({"indexes": ("BTC=60000", "ETH=4000")}, "--index = ETH: nobody asks for its price"),
        ({"indexes": ("BTC=0",)}, "--index: BTC = 0"),
        ({"indexes": ("BTC=60000",), "stale": "never"}, "--stale = never"),
    ],
)
def test_a_coin_without_a_price_is_named_with_the_cure(made: Made, words: dict[str, tuple[str, ...]], said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        run(Wish(account=made(), prices=candles(made, "BTCUSDT"), **words))
    assert "\n" not in str(caught.value)


def test_a_coin_that_is_owed_costs_what_it_costs_then(made: Made) -> None:
    """0.02 BTC owed: a debt of 1,200 at 60,000 and of 1,040 at 52,000; ETH stands for SOL at ten times its price."""
    rows = ["ts,symbol,mark"]
    for hour, (eth, btc) in enumerate((("2500", "60000"), ("2400", "50000"), ("2450", "52000"))):
        rows += [f"2026-07-02T0{hour}:00:00Z,{symbol},{price}" for symbol, price in (("ETHUSDT", eth), ("BTCUSDT", btc))]
    found = crossed(Wish(account=made(OWED), prices=made("\n".join(rows), "prices.csv")))
    assert (found.start_equity, found.final_equity) == (5000 - 1200, 5000 - 50 - 1040)


@recorded
def test_october_2025_takes_the_btc_and_eth_behind_sol_down_with_it(made: Made) -> None:
    """Recorded marks: from the first opening of 9 October to the last close of the 12th. Funding is that of SOL alone."""
    pl = pytest.importorskip("polars")
    text = ACCOUNT.replace('BTC = "0.2"', 'BTC = "0.2", ETH = "3"').replace('entry_price = "150"', 'entry_price = "229"')
    wish = Wish(account=made(text), prices=str(CRASH), start="2025-10-09", end="2025-10-12", modes="cross")
    found = crossed(wish)
    table = pl.read_parquet(CRASH).filter(pl.col("ts").dt.date().is_between(date(2025, 10, 9), date(2025, 10, 12)))
    of = {symbol: table.filter(pl.col("symbol") == f"{symbol}USDT").sort("ts") for symbol in ("SOL", "BTC", "ETH")}
    first = {symbol: D(repr(rows["mark_open"][0])) for symbol, rows in of.items()}
    last = {symbol: D(repr(rows["mark_close"][-1])) for symbol, rows in of.items()}
    paid = sum((300 * D(repr(r)) * D(repr(p)) for r, p in of["SOL"].select("funding_rate", "mark_open").iter_rows() if r), D(0))
    coins = [D("0.2") * at["BTC"] + 3 * at["ETH"] + 300 * (at["SOL"] - 229) + 100 for at in (first, last)]
    assert found.start_equity == coins[0]
    assert abs(found.funding - paid) < D("1e-6")
    assert abs(found.final_equity - (coins[1] - paid)) < D("1e-6")
    assert not any(leg.liquidated_at for leg in found.legs)
    assert any("USDT counted as one dollar, BTC at prices of its own, ETH at prices of its own" in n for n in found.notes)
    assert run(wish).stand_in["BTC"].startswith("BTCUSDT")


# Studies --------------------------------------------------------------------------------------------------------------------

DAYS = 5
YEARS = DAYS / 365
SOL, BTC = 1.6, 1.2
PATHS = 12_000
MARKS = {"SOLUSDT": D(150), "BTC": D(60000)}


def book(name: str = "binance_usdm") -> Rulebook:
    return in_force(load(name), date(2026, 7, 2))


@cache
def studied(correlation: str | None, seed: int = 1, paths: int = PATHS, words: str = "step=5d") -> Odds:
    """The account behind 450 SOL on paths without drift; None: BTC stands still at 60,000."""
    plan = parse_account(ACCOUNT.replace('"300"', '"450"'), "account.toml")
    stated = f"brownian volatility=SOLUSDT:{SOL}" + ("" if correlation is None else f",BTC:{BTC} correlation={correlation}")
    choice = read_model_words(f"{stated} funding=none {words}".split())
    coins = () if correlation is None else ("BTC",)
    modelled = build(choice, ("SOLUSDT",), None, DAYS * 86400, coins)
    if correlation is None:
        modelled = with_still(modelled, {"BTC": MARKS["BTC"]})
    ask = Ask(horizon_seconds=DAYS * 86400.0, paths=paths, seed=seed, straight=True)
    study = simulate(plan, [Job(book(), book())], [Setting("binance_usdm", PlanMode.CROSS)], modelled, MARKS, ask)
    return study.odds[0]


def sunk(btc: float) -> float:
    """The price of SOL at which 450 from 150 and 100 USDT have nothing left behind 0.2 BTC at 95 %: maintenance takes 0.65 %
    less 75 of a value between 50,000 and 400,000, below that 0.5 %."""
    for rate, amount, floor in ((0.0065, 75.0, 50_000.0), (0.005, 0.0, 0.0)):
        price = (67_500 - 100 - 0.19 * btc / 1.0001 - amount) / 450 / (1 - rate)
        if price * 450 >= floor:
            return price
    return 0.0


def chance(correlation: float, volatility: float) -> float:
    """Of ending below that: over the normal of BTC, the normal of SOL given it. In one straight step the headroom is nearly a
    line between its ends, so that it is met on the way only where it is at the end."""
    spread, total = sqrt(YEARS), 0.0
    grid = np.linspace(-8, 8, 4001)
    for z in grid:
        btc = 60_000 * exp(volatility * spread * z - volatility**2 * YEARS / 2)
        line = sunk(btc)
        if line > 0:
            at = (np.log(line / 150) + SOL**2 * YEARS / 2) / (SOL * spread)
            below = (1 + erf((at - correlation * z) / sqrt(2 * (1 - correlation**2)))) / 2
            total += below * exp(-z * z / 2) / sqrt(2 * np.pi) * (grid[1] - grid[0])
    return total


@pytest.mark.parametrize(("words", "volatility"), [("0.9", BTC), ("0", BTC), (None, 0.0)])
def test_the_chance_of_a_liquidation_is_that_of_both_prices_together(words: str | None, volatility: float) -> None:
    found = studied(words).liquidated.value
    truth = chance(float(words or 0), volatility)
    assert abs(found - truth) < 4 * sqrt(truth * (1 - truth) / PATHS) + 0.0005
    assert 0.01 < truth < 0.5


def test_collateral_that_falls_with_the_position_makes_it_likelier_and_a_fixed_price_hides_it() -> None:
    together, apart, fixed = (studied(words).liquidated for words in ("0.9", "0", None))
    assert together.low > apart.high > fixed.low
    assert together.low > fixed.high


def path_of(seed: int, words: str, steps: int) -> History:
    """The prices of SOL and BTC on the first path of a seed, as instants."""
    stated = f"brownian volatility=SOLUSDT:{SOL},BTC:{BTC} correlation=0.9 funding=none {words}"
    model = build(read_model_words(stated.split()), ("SOLUSDT",), None, 86400.0, ("BTC",)).path
    logs = open_block(model, steps)
    next_block(model, open_paths(model, seed, 0), logs)
    frames = []
    for number, row in enumerate(np.vstack([np.zeros(2), logs[:, :, 0].astype(np.float64)])):
        prices = {symbol: MARKS[symbol] * D(float(np.exp(x))) for symbol, x in zip(MARKS, row, strict=True)}
        bars = {symbol: Bar(p, p, p, p, p, p, p, p) for symbol, p in prices.items()}
        frames.append(Frame(datetime(2026, 7, 2, tzinfo=UTC) + timedelta(hours=6 * number), 0, bars, {}))
    return History("path", tuple(MARKS), tuple(frames))


def test_single_paths_end_as_the_exact_machine_ends_them() -> None:
    """Each played by `compare` as a history of its own: some are liquidated, others not, and to the cent the same is left."""
    ends, plan = set(), parse_account(ACCOUNT.replace('"300"', '"450"'), "account.toml")
    for seed in range(1, 9):
        walked = studied("0.9", seed, 1, "step=6h")
        (result,) = compare(plan, path_of(seed, "step=6h", DAYS * 4), [Job(book(), book())], [PlanMode.CROSS]).results
        hit = any(leg.hit_at for leg in result.run.legs)
        assert abs(walked.final_mean.value - float(result.run.final_equity)) < 0.02
        assert abs(walked.lowest_equity.values[0] - float(result.run.lowest_equity)) < 0.02
        assert (walked.liquidated.value > 0.5) is hit
        ends.add(hit)
    assert ends == {True, False}


def hours(made: Made, *symbols: str) -> str:
    """Sixty hours of falling prices, each its own; the last ones are 100, 200, ..."""
    rows = ["ts,symbol,open,high,low,close"]
    for hour in range(60):
        time = f"2026-07-0{1 + hour // 24}T{hour % 24:02d}:00:00Z"
        for number, symbol in enumerate(symbols, 1):
            price = round(100 * number * (1 + (59 - hour) * (0.001 + 0.002 * ((hour * (number + 2)) % 5))), 2)
            rows.append(f"{time},{symbol},{price},{price},{price},{price}")
    return made("\n".join(rows) + "\n", "hours.csv")


def wished(made: Made, **words: object) -> SimulateWish:
    given = {"account": made(), "model": "brownian funding=none", "paths": 64, "horizon": "2d", **words}
    return SimulateWish(**given)


def test_a_history_has_the_coins_as_well_and_they_start_where_it_ends(made: Made) -> None:
    ready = prepare(wished(made, history=hours(made, "SOLUSDT", "BTCUSDT")))
    assert ready.modelled.symbols == ("SOLUSDT", "BTC")
    assert ready.marks == {"SOLUSDT": 100, "BTC": 200}
    assert ready.modelled.path.scale[1, 1] > 0
    own = prepare(wished(made, history=hours(made, "SOLUSDT", "XBT"), symbols=("BTC=XBT",)))
    assert own.marks == ready.marks and (own.modelled.path.scale == ready.modelled.path.scale).all()
    still = prepare(wished(made, history=hours(made, "SOLUSDT", "BTCUSDT"), indexes=("BTC=60000",)))
    assert still.marks == {"SOLUSDT": 100, "BTC": 60000}
    assert (still.modelled.path.scale[1] == 0).all() and still.modelled.notes[-1].startswith("Stands still")
    assert still.modelled.path.scale[0, 0] == pytest.approx(ready.modelled.path.scale[0, 0], rel=1e-12)


@pytest.mark.parametrize(
    ("symbols", "words", "said"),
    [
        (("SOLUSDT",), {}, r"BTC: backs the account.*--symbol BTC=PRICE_SYMBOL.*--index BTC=PRICE"),
        (("SOLUSDT",), {"indexes": ("ETH=1",)}, "--index = ETH: nobody asks"),
        (("SOLUSDT",), {"symbols": ("BTC=XBT",)}, "XBT"),
        ((), {"model": f"{'brownian volatility=SOLUSDT:1'} step=1h funding=none", "marks": ("SOLUSDT=100",)}, "BTC: no mark"),
        (
            (),
            {"model": "brownian volatility=SOLUSDT:1 step=1h funding=none", "marks": ("SOLUSDT=100,BTC=60000",)},
            "volatility = BTC: is missing",
        ),
    ],
)
def test_a_study_without_the_price_of_a_coin_is_refused(
    made: Made, symbols: tuple[str, ...], words: dict[str, object], said: str
) -> None:
    history = {"history": hours(made, *symbols)} if symbols else {}
    with pytest.raises(BadInput, match=said):
        prepare(wished(made, **history, **words))


def test_a_coin_that_stands_still_needs_no_history_and_is_told(made: Made) -> None:
    words = "brownian volatility=SOLUSDT:1 step=1h funding=none"
    study = run_study(prepare(wished(made, model=words, marks=("SOLUSDT=150",), indexes=("BTC=60000",), modes="cross")))
    assert study.odds[0].start_equity == 12100
    assert any("Stands still, as given: BTC at 60000." in note for note in study.model)
    assert any("USDT counted as one dollar, BTC standing still as given" in note for note in study.notes)


def test_every_mode_that_cannot_be_played_tells_its_own_reason(made: Made) -> None:
    """Multi-assets mode has no isolated margin; in cross 3,000 SOL are too much for what stands behind them."""
    model = "brownian volatility=SOLUSDT:1 step=1h funding=none"
    words = {"model": model, "marks": ("SOLUSDT=150",), "indexes": ("BTC=60000",)}
    small = made(ACCOUNT.replace('"300"', '"3000"').replace('"150"', '"160"'), "big.toml")
    with pytest.raises(BadInput) as caught:
        run_study(prepare(wished(made, **{**words, "account": small})))
    assert "isolated: " in str(caught.value) and "multi-assets mode has no isolated margin" in str(caught.value)
    assert "cross: is due for liquidation at the start" in str(caught.value)
    with pytest.raises(BadInput, match="multi-assets mode has no isolated margin") as alone:
        run_study(prepare(wished(made, **words, modes="isolated")))
    assert "cross" not in str(alone.value)


@recorded
@pytest.mark.parametrize("funding", ["recorded", "fitted"])
def test_recorded_funding_is_that_of_what_is_traded_alone(made: Made, funding: str) -> None:
    """The coins behind it pay none, and what the symbol pays is what it pays without them."""
    window = {"history": str(CRASH), "start": "2025-08-01", "end": "2025-10-08", "horizon": "10d"}
    ready = prepare(wished(made, model=f"student freedom=4 funding={funding}", **window))
    alone = made(ACCOUNT.replace('BTC = "0.2", ', "").replace('"multi"', '"single"'), "alone.toml")
    bare = prepare(wished(made, **{"account": alone, "model": f"student freedom=4 funding={funding}", **window}))
    found, plain = ready.modelled.funding.rates, bare.modelled.funding.rates
    assert (found[:, :1] == plain).all() and (found[:, 1:] == 0).all()
    found, plain = ready.modelled.funding.reverting, bare.modelled.funding.reverting
    assert (found[:1] == plain).all() and (found[1:] == 0).all()


@recorded
@pytest.mark.parametrize("kind", ["student", "garch", "jumps", "bootstrap"])
def test_of_every_kind_of_model_a_coin_that_stands_still_leaves_the_others_as_they_were(made: Made, kind: str) -> None:
    """0.2 BTC at 60,000 are 12,000 USDT on every path: what is left is what is left of as many USDT. Their lines are
    not the same (a coin counts 95 %), so that the position is too small to meet either."""
    window = {"history": str(CRASH), "start": "2025-05-01", "end": "2025-10-08"}
    window |= {"model": f"{kind} funding=none", "modes": "cross"}
    small = ACCOUNT.replace('"300"', '"30"')
    money = made(small.replace('BTC = "0.2", USDT = "100"', 'USDT = "12100"'), "money.toml")
    coin = made(small, "coin.toml")
    with_money = run_study(prepare(wished(made, **{**window, "account": money}))).odds[0]
    with_coin = run_study(prepare(wished(made, **{**window, "account": coin}, indexes=("BTC=60000",)))).odds[0]
    assert with_coin.start_equity == pytest.approx(with_money.start_equity, abs=1e-6)
    assert with_coin.final_equity.values == pytest.approx(with_money.final_equity.values, rel=1e-5)
    assert with_coin.lowest_equity.values == pytest.approx(with_money.lowest_equity.values, rel=1e-5)


@recorded
@pytest.mark.parametrize("example", ["btc_collateral", "borrowed_eth"])
def test_the_examples_with_coins_are_played_on_recorded_prices(example: str) -> None:
    """What is traded tells the price of what stands behind it there: the coin's own, not one and not the first."""
    words = {"account": example, "start": "2025-10-09", "end": "2025-10-12"}
    answer = run(Wish(prices=str(CRASH), modes="cross", **words))
    symbol = {"btc_collateral": "BTC", "borrowed_eth": "ETH"}[example]
    said = f"USDT counted as one dollar, {symbol} at the mark of {symbol}USDT"
    assert any(said in note for note in answer.results[0].run.notes)
    wish = SimulateWish(history=str(CRASH), model="brownian funding=none", paths=16, horizon="1d", modes="cross", **words)
    study = run_study(prepare(wish))
    assert any(f"{symbol} at the mark of {symbol}USDT" in note for note in study.notes)


def test_a_venue_that_lends_at_a_rate_nobody_states_is_refused_alone(made: Made) -> None:
    """Coins for contracts: the pair is bought with USDT whose cost is not in the account file; the contract is played."""
    text = ACCOUNT.replace('BTC = "0.2", USDT = "100"', 'USDT = "12100"').replace('"300"', '"100"')
    text = text.replace('"multi"', '"single"')
    words = {"model": "brownian volatility=SOLUSDT:1 step=6h funding=none", "marks": ("SOLUSDT=150",), "modes": "isolated"}
    study = run_study(prepare(wished(made, account=made(text, "single.toml"), venue="binance_usdm,binance_margin", **words)))
    assert [odds.setting.venue for odds in study.odds] == ["binance_usdm"]
    ((setting, why),) = study.refused
    assert setting.venue == "binance_margin" and why.startswith("interest.USDT: USDT is owed, and nobody says what that costs")


@recorded
def test_advice_has_the_prices_of_coins_behind_the_account(made: Made) -> None:
    base = wished(made, history=str(CRASH), start="2025-08-01", end="2025-10-08", modes="cross", paths=200)
    advice = run_advice(AdviseWish(base=base))
    assert any("BTC at prices of its own" in note for note in advice.assumptions)


def test_fills_are_not_replayed_over_a_price_that_has_stopped(tmp_path: Path) -> None:
    """Bars of an hour, one of them 48 hours after the one before it."""
    bar = ",SOLUSDT,150,150,150,150"
    times = ["2026-07-02T00:00:00Z", "2026-07-02T01:00:00Z", "2026-07-04T02:00:00Z", "2026-07-04T03:00:00Z"]
    (tmp_path / "bars.csv").write_text("\n".join(["ts,symbol,open,high,low,close", *(time + bar for time in times)]) + "\n")
    (tmp_path / "fills.csv").write_text("time,symbol,side,size,price\n2026-07-02T00:00Z,SOLUSDT,buy,1,150\n")
    base = Wish(prices=str(tmp_path / "bars.csv"), venue="binance_usdm", modes="cross")
    wish = FillsWish(base=base, fills=str(tmp_path / "fills.csv"), wallet="1000", leverage="5")
    with pytest.raises(BadInput, match=r"SOLUSDT = 2026-07-02 02:00: it has no price for 48 hours.*--stale carry"):
        run_fills(wish)
    carried = msgspec.structs.replace(wish, base=msgspec.structs.replace(base, stale="carry"))
    assert len(run_fills(carried).results) == 1
    stated = msgspec.structs.replace(wish, base=msgspec.structs.replace(base, indexes=("BTC=1",)))
    with pytest.raises(BadInput, match="--index = BTC=1: does not go with --fills"):
        run_fills(stated)


# Coins that count as one dollar ---------------------------------------------------------------------------------------------

DOLLARS = """
name = "USDC behind ETH"
venue = "binance_usdm"
rules_as_of = 2026-07-02
options = {asset_mode = "multi"}
wallet = {USDC = "1000", USDT = "100"}
[[positions]]
symbol = "ETHUSDT"
side = "long"
size = "1"
entry_price = "2500"
leverage = 5
mode = "cross"
[scripts.s]
start = 2026-07-02T00:00:00Z
step = "1h"
marks = {ETHUSDT = ["2500", "2450", "2400"]}
"""


def dollars(made: Made, index: str, **words: object) -> Run:
    text = DOLLARS + (f"index = {{{index}}}\n" if index else "")
    return crossed(Wish(account=made(text, "dollars.toml"), modes="cross", **words))


def test_a_dollar_coin_counts_at_the_price_that_is_given_and_as_one_where_none_is(made: Made) -> None:
    """1,000 USDC at 1, 0.5 and 0.1, and 100 USDT from which 100 are lost. Told in USDT 1,000 USDC are 2,000 of them at half a
    dollar each, and 10,000 at a tenth."""
    plain = dollars(made, "")
    assert (plain.start_equity, plain.final_equity) == (1100, 1000)
    assert any("no index prices are given: USDC, USDT counted as one dollar" in note for note in plain.notes)
    falling = dollars(made, 'USDC = ["1", "0.5", "0.1"]')
    assert (falling.start_equity, falling.final_equity) == (1100, 100)
    assert any("USDT counted as one dollar, USDC at prices of its own" in note for note in falling.notes)
    assert plain.least[0].headroom - falling.least[0].headroom > 800
    assert dollars(made, "", indexes=("USDC=0.5",)).final_equity == 500
    assert dollars(made, "", indexes=("USDT=0.5",)).final_equity == 2000
    assert dollars(made, 'USDT = ["1", "0.5", "0.1"]').final_equity == 10_000
    assert dollars(made, "", indexes=("USDT=0.5", "USDC=0.5")).final_equity == 1000


def test_a_dollar_coin_that_breaks_takes_the_position_with_it(made: Made) -> None:
    """At 0.001 a dollar is all that stands behind the position beside 100 USDT, of which 100 are lost: maintenance is more."""
    assert not any(leg.hit_at for leg in dollars(made, 'USDC = ["1", "1", "1"]').legs)
    assert any(leg.hit_at for leg in dollars(made, 'USDC = ["1", "0.5", "0.001"]').legs)


@pytest.mark.parametrize("name", ["USDC", "USDCUSDT"])
def test_a_dollar_coin_has_recorded_prices_under_its_own_name_or_the_one_that_is_told(made: Made, name: str) -> None:
    rows = ["ts,symbol,mark"]
    for hour, (eth, coin) in enumerate((("2500", "1"), ("2450", "0.5"), ("2400", "0.1"))):
        rows += [f"2026-07-02T0{hour}:00:00Z,{symbol},{price}" for symbol, price in (("ETHUSDT", eth), (name, coin))]
    file = made("\n".join(rows), "prices.csv")
    words = {"symbols": (f"USDC={name}",)} if name != "USDC" else {}
    assert dollars(made, "", prices=file, **words).final_equity == 100


def test_what_a_mark_tells_is_in_its_quote_whose_own_price_counts(made: Made) -> None:
    """A pair and a debt in USDT at half a dollar are what they were in USDT. 0.1 BTC at 60,000 dollars are 12,000 USDT then."""
    text = OWED.replace('borrowed = {BTC = "0.02"}', "")
    script = '[scripts.s]\nstart = 2026-07-02T00:00:00Z\nstep = "1h"\nmarks = {ETHUSDT = ["2500", "2400"]}\n'
    half = crossed(Wish(account=made(text + script + 'index = {USDT = ["1", "0.5"]}\n', "half.toml"), modes="cross"))
    assert any("ETH at the mark of ETHUSDT, USDT at prices of its own" in note for note in half.notes)
    assert (half.start_equity, half.final_equity) == (5000, 4900)
    both = text.replace('USDT = "5000"', 'USDT = "5000", BTC = "0.1"') + script
    index = 'index = {USDT = ["1", "0.5"], BTC = ["60000", "60000"]}\n'
    coins = crossed(Wish(account=made(both + index, "both.toml"), modes="cross"))
    assert (coins.start_equity, coins.final_equity) == (11_000, 4900 + 12_000)


def test_a_study_does_not_multiply_two_prices(made: Made) -> None:
    words = {"model": "brownian volatility=ETHUSDT:0.5 step=1h funding=none", "marks": ("ETHUSDT=2500",), "modes": "cross"}
    account = made(DOLLARS.replace('USDC = "1000"', 'ETH = "1"'), "eth.toml")
    with pytest.raises(BadInput, match="ETH is told in USDT, whose own price is given"):
        run_study(prepare(wished(made, **words, account=account, indexes=("USDT=0.5",))))


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ('DOGE = ["1", "2", "3"]', "scripts.s in .*index = DOGE: the account has no such coin; it has USDC, USDT"),
        ('USDC = ["1", "0", "3"]', "USDC"),
    ],
)
def test_a_script_has_index_prices_of_the_accounts_coins_alone(made: Made, index: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        dollars(made, index)


def test_a_script_may_not_contradict_the_mark_of_what_is_traded(made: Made) -> None:
    text = DOLLARS.replace('USDC = "1000"', 'ETH = "0.5"') + 'index = {ETH = ["1", "2", "3"]}\n'
    with pytest.raises(BadInput, match="index = ETH: nobody asks for its price: a symbol of the account tells it"):
        run(Wish(account=made(text, "eth.toml"), modes="cross"))


def test_a_price_that_nobody_asks_for_is_told_as_unused(made: Made) -> None:
    text = DOLLARS.replace('"multi"', '"single"').replace('USDT = "100"', 'USDT = "1000"')
    file = made(text + 'index = {USDC = ["1", "0.5", "0.1"]}\n', "single.toml")
    answer = run(Wish(account=file, modes="cross"))
    assert answer.price_notes[-1] == "Prices of USDC are given and not used: no coins are valued together."
    with pytest.raises(BadInput, match="--index = USDC: nobody asks for its price"):
        run(Wish(account=file, modes="cross", indexes=("USDC=0.5",)))


def test_a_study_takes_the_price_of_a_dollar_coin_from_wherever_it_is_given(made: Made) -> None:
    words = "brownian volatility=ETHUSDT:0.5 step=1h funding=none"
    base = {"account": made(DOLLARS, "plain.toml"), "model": words, "modes": "cross"}
    assert run_study(prepare(wished(made, **base))).odds[0].start_equity == 1100
    assert run_study(prepare(wished(made, **base, indexes=("USDC=0.5",)))).odds[0].start_equity == 600
    told = run_study(prepare(wished(made, **base, indexes=("USDT=0.5",)))).odds[0]
    assert told.start_equity == 2100 and 2000 < told.final_mean.value < 2200
    scripted = made(DOLLARS + 'index = {USDC = ["0.5", "0.5", "0.5"]}\n', "scripted.toml")
    study = run_study(prepare(wished(made, **{**base, "account": scripted})))
    assert study.odds[0].start_equity == 600 and any("USDC at 0.5" in note for note in study.model)
    history = hours(made, "ETHUSDT", "USDC")
    ready = prepare(wished(made, account=base["account"], history=history, modes="cross"))
    assert ready.modelled.symbols == ("ETHUSDT", "USDC") and ready.marks == {"ETHUSDT": 100, "USDC": 200}


def test_a_path_of_a_dollar_coin_ends_where_the_sum_of_its_prices_does() -> None:
    """USDC with a volatility of its own: 1,000 of it, 100 USDT and what one ETH has won, to the cent."""
    plan = parse_account(DOLLARS, "dollars.toml")
    marks = {"ETHUSDT": D(2500), "USDC": D(1)}
    choice = read_model_words(["brownian", "volatility=ETHUSDT:0.2,USDC:0.2", "correlation=0", "step=6h", "funding=none"])
    modelled = build(choice, ("ETHUSDT",), None, 86400, ("USDC",))
    ask = Ask(horizon_seconds=86400.0, paths=1, seed=3, straight=True)
    odds = simulate(plan, [Job(book(), book())], [Setting("binance_usdm", PlanMode.CROSS)], modelled, marks, ask).odds[0]
    logs = open_block(modelled.path, 4)
    next_block(modelled.path, open_paths(modelled.path, 3, 0), logs)
    eth, usdc = (float(np.exp(x)) for x in logs[-1, :, 0])
    assert odds.final_mean.value == pytest.approx(1000 * usdc + 100 + 2500 * (eth - 1), abs=0.02)
    assert usdc != 1


def test_rules_in_force_keep_the_contracts_that_only_tell_a_price(made: Made) -> None:
    """BTC stands behind SOL and USDC beside it: the table of SOL must be in force on the day, that of no BTC contract."""
    day = {"rules_as_of": "in-force", "prices": candles(made), "modes": "cross"}
    text = ACCOUNT.replace('USDT = "100"', 'USDT = "100", USDC = "50"')
    table = load("binance_usdm")
    known = next(d for n in range(900) if _serves(table, "SOLUSDT", d := date(2026, 7, 2) - timedelta(days=n)))
    file = made(Path(day["prices"]).read_text().replace("2026-07-02", known.isoformat()), "moved.csv")
    words = {**day, "prices": file}
    nearest = crossed(Wish(account=made(text), **{**words, "rules_as_of": known.isoformat()}))
    strict = crossed(Wish(account=made(text), **words))
    assert (strict.start_equity, strict.final_equity) == (nearest.start_equity, nearest.final_equity) == (12150, 9050)


def _serves(table: VenueTable, symbol: str, day: date) -> bool:
    try:
        return symbol in in_force(table, day, Policy.IN_FORCE, [symbol]).instruments
    except RulebookGap:
        return False


def test_a_contract_whose_table_is_not_in_force_tells_a_price_and_cannot_be_traded() -> None:
    table = load("binance_usdm")
    bare = msgspec.structs.replace(table, brackets=tuple(e for e in table.brackets if e.symbol != "BTCUSDT"))
    then = date(2020, 1, 1)
    own = [entry for entry in table.brackets if entry.symbol == "BTCUSDT"]
    old = [msgspec.structs.replace(entry, since=then, until=then) for entry in own]
    found = in_force(msgspec.structs.replace(bare, brackets=(*bare.brackets, *old[:1])), date(2026, 7, 2), Policy.IN_FORCE)
    assert "BTCUSDT" not in found.instruments and "BTCUSDT" in found.gaps
    assert teller_of("BTC", {"BTCUSDT": D(1)}, found) == "BTCUSDT"
