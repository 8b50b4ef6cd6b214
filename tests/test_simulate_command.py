"""From the words of `plimsoll simulate` to what the engine is given."""

from decimal import Decimal

import pytest

from plimsoll.account_file import parse_account, read_account
from plimsoll.errors import BadInput
from plimsoll.plan import PlanMode
from plimsoll.simulate_command import PATHS, SWEEP_PATHS, SimulateWish, prepare

BARE = """
name = "x"
venue = "binance_usdm"
wallet = {USDT = "1000"}
[[positions]]
symbol = "BTCUSDT"
side = "long"
size = "0.02"
leverage = 10
mode = "cross"
"""
STATED = "brownian volatility=BTCUSDT:0.6 step=1h funding=none"


@pytest.fixture
def bare(tmp_path):
    path = tmp_path / "bare.toml"
    path.write_text(BARE)
    return str(path)


@pytest.fixture
def candles(tmp_path):
    """A hundred hours that end at 60,100."""
    rows = ["ts,symbol,open,high,low,close"]
    for hour in range(100):
        price = 60000 + (hour * 37) % 211 if hour < 99 else 60100
        time = f"2026-07-{1 + hour // 24:02d}T{hour % 24:02d}:00:00Z"
        rows.append(f"{time},BTCUSDT,{price},{price},{price},{price}")
    path = tmp_path / "candles.csv"
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def test_without_words_the_example_is_ready_in_both_modes():
    ready = prepare(SimulateWish())
    assert [s.mode for s in ready.settings] == [PlanMode.ISOLATED, PlanMode.CROSS]
    assert ready.marks == {"BTCUSDT": Decimal(100000), "ETHUSDT": Decimal(4000)}
    assert (ready.ask.horizon_seconds, ready.ask.paths, ready.ask.seed) == (30 * 86400.0, PATHS, 1)
    assert "script crash begins" in ready.told


def test_every_word_reaches_the_engine():
    wish = SimulateWish(
        model="brownian volatility=BTCUSDT:0.6,ETHUSDT:0.8 correlation=0.7 step=2h funding=none",
        marks=("BTCUSDT=90000,ETHUSDT=3500",),
        horizon="10d",
        paths=1234,
        seed=9,
        venue="okx_futures,binance_usdm",
        modes="cross",
        leverage="3,5",
        width="0.02",
        threads=2,
    )
    ready = prepare(wish)
    assert [(s.venue, s.leverage) for s in ready.settings] == [
        ("binance_usdm", 3), ("binance_usdm", 5), ("okx_futures", 3), ("okx_futures", 5),
    ]  # fmt: skip
    assert [job.rulebook.name for job in ready.jobs] == ["binance_usdm", "okx_futures"]
    assert (ready.ask.horizon_seconds, ready.ask.paths, ready.ask.seed) == (864000.0, 1234, 9)
    assert (ready.ask.width, ready.ask.threads) == (0.02, 2)
    assert ready.modelled.path.step_seconds == 7200
    assert ready.marks["ETHUSDT"] == 3500
    assert prepare(SimulateWish(sweep=("leverage=2:50 stop=1%:20%",))).ask.paths == SWEEP_PATHS


def test_a_history_is_fitted_to_and_started_from(bare, candles):
    ready = prepare(SimulateWish(account=bare, model="brownian funding=none", history=candles))
    assert ready.marks == {"BTCUSDT": Decimal(60100)}
    assert "ends" in ready.told
    assert any("Fitted to 99 steps" in note for note in ready.modelled.notes)
    shorter = prepare(SimulateWish(account=bare, model="brownian funding=none", history=candles, end="2026-07-03"))
    assert any("Fitted to 71 steps" in note for note in shorter.modelled.notes)
    given = SimulateWish(account=bare, model="brownian funding=none", history=candles, marks=("BTCUSDT=50000",))
    assert prepare(given).marks == {"BTCUSDT": Decimal(50000)}


def test_an_account_may_carry_its_model_and_words_come_before_it():
    assert read_account("textbook").model["kind"] == "student"
    ready = prepare(SimulateWish(model="brownian volatility=BTCUSDT:0.5,ETHUSDT:0.5 correlation=0 step=1h funding=none"))
    assert ready.modelled.path.freedom == 0


@pytest.mark.parametrize("table", ['kind = "brownia"', 'kind = "brownian"\nspeed = 3', "kind = 4"])
def test_a_bad_model_of_an_account_file_is_refused_when_the_file_is_read(table):
    with pytest.raises(BadInput, match=r"x\.toml"):
        parse_account(f"{BARE}[model]\n{table}\n", "x.toml")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"horizon": "90m"}, "--horizon = 90m: is no whole number of the model's steps of 3600 seconds"),
        ({"horizon": "30"}, "--horizon = 30: write a whole number and s, m, h or d"),
        ({"paths": 0}, "--paths = 0: give a whole number from 1"),
        ({"paths": -5}, "--paths = -5"),
        ({"seed": -1}, "--seed = -1"),
        ({"threads": -1}, "--threads = -1"),
        ({"width": "nan"}, "--width = nan: NaN"),
        ({"width": "0"}, "--width = 0: give a number greater than zero"),
        ({"width": "1"}, "--width = 1: give the width of a probability's interval"),
        ({"marks": ("BTCUSDT=1",)}, "ETHUSDT: no mark price"),
        ({"account": "mixed"}, "--model: the account file has no table"),
        ({"model": "student freedom=4"}, "--history: student is fitted to prices"),
        ({"model": "studnt"}, "did you mean student"),
        ({"history": "nofile.csv"}, "--history = nofile.csv: is neither a file nor a script"),
        ({"start": "2025-01-01"}, "--from = 2025-01-01: goes with --history"),
        ({"history": "crash", "end": "2025-01-01"}, "--to = 2025-01-01: crash is a script"),
        ({"history": "crash", "model": "brownian"}, "30 days, funding is recorded for"),
        ({"modes": "corss"}, "did you mean cross"),
        ({"venue": "binance"}, "--venue = binance"),
        ({"leverage": "0.5"}, "leverage is at least 1"),
        ({"leverage": "3", "sweep": ("leverage=2:5",)}, "twice"),
    ],
)
def test_bad_words_are_refused_in_one_line(given, said):
    with pytest.raises(BadInput) as caught:
        prepare(SimulateWish(**given))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_account_without_a_price_to_start_from_is_refused(bare):
    with pytest.raises(BadInput, match="--marks = BTCUSDT: has no price to start from"):
        prepare(SimulateWish(account=bare, model=STATED, rules_as_of="2026-07-02"))
    with pytest.raises(BadInput, match="no date is known"):
        prepare(SimulateWish(account=bare, model=STATED, marks=("BTCUSDT=60000",)))
