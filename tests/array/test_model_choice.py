"""From words, TOML and histories to models: what is asked for is what is built, what is missing or wrong is named."""

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from plimsoll.array.funding import NONE, PROFILE, REVERTING
from plimsoll.array.models import BOOTSTRAP, BROWNIAN, GARCH, JUMPS, STUDENT
from plimsoll.errors import BadInput
from plimsoll.model_choice import ModelChoice, Modelled, arrays_of, build, read_model_table, read_model_words
from plimsoll.prices.files import read_history
from plimsoll.prices.history import Bar, Frame, History

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="the market history in ../shared/data is absent")
SYMBOLS = ("BTCUSDT", "ETHUSDT")
START = datetime(2025, 1, 1, tzinfo=UTC)
DAY = 86400.0


def bar(close: float, mark: float | None) -> Bar:
    price = Decimal(str(round(close, 6)))
    marks = (None if mark is None else Decimal(str(round(mark, 6))),) * 4
    return Bar(price, price, price, price, *marks)


def history(hours: int, marks: Sequence[str] = SYMBOLS, charged: Sequence[str] = SYMBOLS, seconds: int = 3600) -> History:
    """Hourly random walks (seed 8) with funding each eight hours; marks lie a tenth of a percent above trades."""
    moves = np.random.default_rng(8).standard_normal((hours, 2)) * [0.01, 0.015]
    prices = 100 * np.exp(moves.cumsum(axis=0))
    rates = np.random.default_rng(9).standard_normal((hours, 2)) * 1e-4
    frames = []
    for k in range(hours):
        bars = {s: bar(prices[k, i], prices[k, i] * 1.001 if s in marks else None) for i, s in enumerate(SYMBOLS)}
        rate = {s: Decimal(str(round(rates[k, i], 8))) for i, s in enumerate(SYMBOLS) if k % 8 == 0 and s in charged}
        frames.append(Frame(START + timedelta(hours=k), seconds, bars, rate))
    return History("walk.csv", SYMBOLS, tuple(frames))


def made(words: str, past: History | None, days: float = 5) -> Modelled:
    return build(read_model_words(words.split()), SYMBOLS, past, days * DAY)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("brownian", BROWNIAN),
        ("student freedom=4", STUDENT),
        ("garch", GARCH),
        ("gjr-garch funding=fitted", GARCH),
        ("bootstrap block=24", BOOTSTRAP),
    ],
)
def test_a_word_fits_that_model_to_the_history(words: str, kind: int) -> None:
    model = made(words, history(1000))
    assert (model.path.kind, model.path.step_seconds, model.symbols) == (kind, 3600.0, SYMBOLS)
    assert model.funding.step_seconds == 3600.0
    assert model.notes[0] == (
        "Fitted to 999 steps of 3600 seconds, 2025-01-01 02:00 to 2025-02-11 16:00, mark prices of walk.csv."
    )


def test_words_and_a_table_say_the_same() -> None:
    words = (
        "student volatility=BTCUSDT:0.6,ETHUSDT:0.8 correlation=BTCUSDT-ETHUSDT:0.7 freedom=4 step=5m drift=0.1 funding=0.0001"
    )
    table = tomllib.loads(
        """
        kind = "student"
        freedom = 4
        step = "5m"
        drift = 0.1
        funding = 0.0001
        volatility = { BTCUSDT = 0.6, ETHUSDT = 0.8 }
        correlation = { "BTCUSDT ETHUSDT" = 0.7 }
        """,
        parse_float=Decimal,
    )
    one = made(words, None)
    other = build(read_model_table(table, "plan.toml"), SYMBOLS, None, DAY)
    for a, b in ((one.path, other.path), (one.funding, other.funding)):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    year = one.path.scale @ one.path.scale.T * 365 * 288
    assert year == pytest.approx(np.array([[0.36, 0.336], [0.336, 0.64]]))
    growth = (one.path.drift + np.diag(year) / 365 / 288 / 2) * 365 * 288
    assert growth == pytest.approx([0.1, 0.1]) and one.path.freedom == 4
    assert one.funding.kind == PROFILE and one.funding.rates.shape == (96, 2) and one.funding.rates[0, 0] == 0.0001


def test_stated_jumps_are_built_as_stated() -> None:
    words = (
        "jumps volatility=BTCUSDT:0.6,ETHUSDT:0.8 correlation=0.7 jumps_a_year=12 jump_mean=BTCUSDT:-0.1,ETHUSDT:-0.15 "
        "jump_volatility=BTCUSDT:0.05,ETHUSDT:0.08 jump_correlation=0.9 step=1h funding=none"
    )
    path = made(words, None).path
    assert path.kind == JUMPS and path.jump_rate == pytest.approx(12 / 8760, rel=1e-3)
    assert path.jump_mean.tolist() == [-0.1, -0.15]
    assert path.jump_scale @ path.jump_scale.T == pytest.approx(np.array([[0.0025, 0.0036], [0.0036, 0.0064]]))


def test_marks_are_used_where_every_bar_has_one() -> None:
    past = history(40, marks=("BTCUSDT",))
    returns = arrays_of(past, SYMBOLS).returns
    closes = [[float(f.bars[s].mark_close or f.bars[s].close) for s in SYMBOLS] for f in past.frames]
    assert returns == pytest.approx(np.diff(np.log(closes), axis=0))
    first = past.frames[0]
    halved = past.frames[1:]
    broken = {"BTCUSDT": bar(100.0, None), "ETHUSDT": first.bars["ETHUSDT"]}
    mixed = History("walk.csv", SYMBOLS, (Frame(first.time, 3600, broken), *halved))
    assert arrays_of(mixed, SYMBOLS).returns[5, 0] == pytest.approx(
        float((past.frames[6].bars["BTCUSDT"].close / past.frames[5].bars["BTCUSDT"].close).ln())
    )


def test_funding_stands_in_the_step_that_begins_where_it_is_charged() -> None:
    bars = arrays_of(history(40), SYMBOLS)
    assert np.flatnonzero(~np.isnan(bars.funding[:, 0])).tolist() == [7, 15, 23, 31]  # the frames of 8, 16, 24 and 32 o'clock
    instants = arrays_of(history(40, seconds=0), SYMBOLS)
    assert np.flatnonzero(~np.isnan(instants.funding[:, 0])).tolist() == [0, 8, 16, 24, 32]
    assert instants.of.step_seconds == 3600 and instants.times[0] - bars.times[0] == -3_600_000


def test_without_a_word_on_funding_it_is_the_recorded_one() -> None:
    assert made("brownian", history(240)).funding.kind == PROFILE
    assert made("brownian funding=none", history(240, charged=())).funding.kind == NONE
    assert made("brownian funding=fitted", history(960)).funding.kind == REVERTING


def test_another_step_is_said() -> None:
    model = made("brownian step=5m funding=none", history(240))
    assert model.path.step_seconds == 300 and model.notes[-1].startswith("Rescaled from steps of 3600 to 300 seconds")


STATED = "volatility=BTCUSDT:0.6,ETHUSDT:0.8 correlation=0.5 step=1h funding=none"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("garhc", "kind = garhc: did you mean garch?"),
        ("drift=zero", "model = drift=zero: begin with one of brownian, student"),
        ("brownian drift", "model = drift: write key=value"),
        ("brownian drift=zero drift=zero", "drift = zero: is given twice"),
        ("brownian drfit=zero", "model = drfit: there is no such key; did you mean drift?"),
        ("brownian drift=up", "drift = up: choose one of zero, recorded, a number"),
        ("brownian drift=nan", "drift = nan"),
        ("brownian funding=fited", "funding = fited: did you mean fitted?"),
        ("brownian funding_every=8h", "funding_every = 8h: belongs to a stated rate"),
        ("brownian funding=1 ", "funding = 1.0: give a rate a charge"),
        ("brownian freedom=3", "freedom = 3: belongs to student, not to brownian"),
        ("student block=3", "block = 3: belongs to bootstrap, not to student"),
        ("garch volatility=BTCUSDT:0.5", "volatility = {'BTCUSDT': '0.5'}: belongs to brownian, student, jumps, not to garch"),
        ("student freedom=0", "freedom = 0: give a number greater than zero"),
        ("student freedom=2", "freedom = 2.0: a variance needs more than 2"),
        ("brownian step=hour", "step = hour: write a whole number and s, m, h or d"),
        ("bootstrap step=5m", "step = 300 seconds: this model is tied to its step of 3600 seconds"),
        ("brownian step=5m", "funding = recorded: the record has steps of 3600 seconds, the model 300"),
        ("brownian correlation=0.5", "correlation = 0.5: is fitted unless volatility is stated"),
        ("jumps jumps_a_year=3", "jumps_a_year = 3: is fitted unless volatility is stated"),
        ("brownian gaps=fill", "gaps = fill: choose one of refuse, skip"),
        (f"student {STATED}", "freedom: a student whose volatility is stated needs its degrees of freedom"),
        (f"jumps {STATED}", "jumps_a_year: jumps whose volatility is stated need it"),
        (f"brownian {STATED} gaps=skip", "gaps = skip: belongs to a fit, and volatility is stated"),
        ("brownian volatility=BTCUSDT:0.6 correlation=0.5 funding=none", "volatility = ETHUSDT: is missing"),
        ("brownian volatility=BTCUSDT:0.6,SOLUSDT:1 funding=none", "volatility = SOLUSDT: the account has no such symbol"),
        (
            "brownian volatility=BTCUSDT:0.6,ETHUSDT:-1 correlation=0 funding=none",
            "volatility of ETHUSDT = -1: give a number above",
        ),
        ("brownian volatility=BTCUSDT:0.6,BTCUSDT:1 funding=none", "volatility = BTCUSDT:1: write SYMBOL:NUMBER once"),
        ("brownian volatility=BTCUSDT:0.6,ETHUSDT:x funding=none", "volatility of ETHUSDT = x: write a plain decimal number"),
        (
            "brownian volatility=BTCUSDT:0.6,ETHUSDT:1 funding=none",
            "correlation = BTCUSDT ETHUSDT: is missing; give it a number",
        ),
        ("brownian volatility=BTCUSDT:0.6,ETHUSDT:1 correlation=1.2 funding=none", "correlation of BTCUSDT and ETHUSDT = 1.2"),
        (
            "brownian volatility=BTCUSDT:0.6,ETHUSDT:1 correlation=BTCUSDT-SOLUSDT:0.2 funding=none",
            'correlation = BTCUSDT-SOLUSDT: write two symbols of BTCUSDT, ETHUSDT, as in "A B"',
        ),
    ],
)
def test_what_no_model_can_be_made_of_is_named(words: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        made(words, history(400))
    assert says in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "past", "says"),
    [
        ("garch", None, "model = garch: there is no history to fit it to"),
        (
            "brownian volatility=BTCUSDT:0.6,ETHUSDT:1 correlation=0 step=1h",
            None,
            "funding: there is no record to take it from",
        ),
        (
            "brownian volatility=BTCUSDT:0.6,ETHUSDT:1 correlation=0 funding=none",
            None,
            "step: a model whose volatility is stated",
        ),
        ("brownian drift=recorded " + STATED, None, "drift = recorded: stated numbers have no history"),
        ("brownian", history(20), "rows for brownian = 19: 30 are needed"),
        ("garch", history(300), "rows for garch = 299: 500 are needed"),
        ("brownian", history(100), "horizon = 5 days, funding is recorded for 4.125"),
        ("brownian", history(300, charged=("BTCUSDT",)), "funding of ETHUSDT = 0 charges"),
        ("brownian funding=fitted", history(240), "funding of BTCUSDT = 28 pairs of charges: 30 charges in a row"),
        ("brownian", History("walk.csv", SYMBOLS, ()), "prices = 0 rows: a return needs two prices"),
        (
            "brownian",
            History("walk.csv", ("BTCUSDT", "ETHUSD"), ()),
            "symbol = ETHUSDT: the history has no such symbol; did you mean",
        ),
    ],
)
def test_what_a_history_lacks_is_named(words: str, past: History | None, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        made(words, past)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_of_a_model_is_read_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "wild.toml"
    path.write_text('name = "mine"\n[model]\nkind = "student"\nfreedom = 3.5\n', encoding="utf-8")
    assert read_model_words([str(path)]).freedom == Decimal("3.5") and read_model_words([str(path)]).source == str(path)
    path.write_text("model = 3\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"wild.toml: model = 3: write a table \[model\]"):
        read_model_words([str(path)])
    with pytest.raises(BadInput, match=r"none.toml: model: cannot be read"):
        read_model_words([str(tmp_path / "none.toml")])


ODD = (
    "true",
    "[1]",
    "{ A = [1] }",
    '""',
    '"x"',
    "1979-05-27",
    "-1",
    "inf",
    "nan",
    "1e400",
    "{ BTCUSDT = true }",
    "0x1F",
    "1e29",
)


@pytest.mark.parametrize("key", [*ModelChoice.__struct_fields__, "unknown"])
def test_whatever_stands_in_the_table_is_understood_or_refused_in_one_line(key: str) -> None:
    past, refused = history(60), 0
    for base in ('kind = "brownian"', 'kind = "jumps"\nvolatility = { BTCUSDT = 0.5, ETHUSDT = 0.5 }\ncorrelation = 0'):
        for value in ODD:
            lines = [line for line in base.split("\n") if not line.startswith(f"{key} ")]
            try:
                table = tomllib.loads("\n".join([*lines, f"{key} = {value}"]), parse_float=Decimal)
                build(read_model_table(table, "odd.toml"), SYMBOLS, past, 3600)
            except BadInput as error:
                refused += 1
                assert "\n" not in str(error) and "  " not in str(error)
    assert refused > len(ODD)


def test_moves_beyond_any_price_are_refused() -> None:
    words = (
        "jumps volatility=BTCUSDT:0.6,ETHUSDT:0.8 correlation=0 jumps_a_year=12 jump_mean=BTCUSDT:0,ETHUSDT:1000 "
        "jump_volatility=BTCUSDT:0.05,ETHUSDT:0.08 jump_correlation=0 step=1h funding=none"
    )
    with pytest.raises(BadInput, match="drift of ETHUSDT = not finite: its moves are too big"):
        made(words, None)


def test_a_horizon_is_above_zero() -> None:
    with pytest.raises(BadInput, match="horizon = 0: give a time above zero"):
        build(read_model_words(["brownian"]), SYMBOLS, None, 0)


def test_a_frame_without_a_symbol_is_a_gap() -> None:
    past = history(200)
    holed = list(past.frames)
    holed[50] = Frame(holed[50].time, 3600, {"BTCUSDT": holed[50].bars["BTCUSDT"]})
    del holed[120:123]
    broken = History("walk.csv", SYMBOLS, tuple(holed))
    with pytest.raises(BadInput, match=r"walk.csv: price of ETHUSDT at 2025-01-03 03:00:00 = missing: there are 3 such places"):
        made("brownian funding=none", broken)
    notes = made("brownian funding=none gaps=skip", broken).notes
    assert "3 returns across gaps are left out; what lies on both sides follows each other." in notes


def test_reading_a_choice_needs_no_numpy_and_no_model_but_garch_and_blocks_needs_arch() -> None:
    code = (
        "import sys; from plimsoll.model_choice import read_model_words; read_model_words(['garch']);"
        "assert 'numpy' not in sys.modules; import plimsoll.array.fits, plimsoll.array.jump_fit, plimsoll.array.funding,"
        "plimsoll.array.bridge; assert not {'arch', 'pandas'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-300:]


HOURS = DATA / "binance_usdm_1h_mark_funding_12sym_2024-12_2026-02.parquet"
HALF_HOURS = DATA / "binance_usdm_30m_6sym_2022-01_2025-04.parquet"
MINUTES = DATA / "binance_usdm_1m_9sym_2025-01-31_2025-02-04.parquet"
THREE = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


@pytest.fixture(scope="module")
def hours() -> History:
    return read_history(HOURS, {symbol: symbol for symbol in THREE})


@pytest.mark.real
@real
@pytest.mark.parametrize(
    "words", ["brownian", "student", "jumps", "jumps jump_way=likelihood", "garch", "gjr-garch funding=fitted", "bootstrap"]
)
def test_recorded_marks_are_fitted_by_every_model(words: str, hours: History) -> None:
    """What anyone can see in the file: volatilities near 45, 72 and 85 % a year, crashes, long swings of volatility."""
    model = build(read_model_words(words.split()), THREE, hours, 30 * DAY)
    path = model.path
    year = np.sqrt(365 * 24)
    if path.kind in (BROWNIAN, STUDENT):
        assert np.sqrt((path.scale**2).sum(axis=1)) * year == pytest.approx([0.45, 0.72, 0.85], abs=0.02)
        assert (path.scale @ path.scale.T)[0, 1] > 0
    if path.kind == STUDENT:
        assert 2.1 < path.freedom < 5
    if path.kind == JUMPS:
        assert ("likelihood" in words) == (path.jump_rate > 0.1)
    if path.kind == GARCH:
        assert (path.garch[:, 1] + path.garch[:, 2] / 2 + path.garch[:, 3] > 0.9).all()
    if path.kind == BOOTSTRAP:
        assert path.rows.shape == (9977, 3) and np.exp(path.rows).mean(axis=0) == pytest.approx([1, 1, 1], abs=1e-12)
        assert np.abs(path.rows).max() > 0.05 and 24 < 1 / path.restart < 1000
    assert any("mark prices" in note for note in model.notes)


@pytest.mark.real
@real
@pytest.mark.parametrize(
    ("file", "words", "says"),
    [
        (
            HALF_HOURS,
            "garch funding=none",
            "alpha + gamma / 2 + beta of BTCUSDT = 1: at 1 or more the variance has no long-run",
        ),
        (HALF_HOURS, "brownian", "funding of BTCUSDT = 0 charges"),
        (
            MINUTES,
            "student funding=none",
            "degrees of freedom = 2.05: at steps of 60 seconds the recorded tails have no variance",
        ),
    ],
)
def test_recorded_prices_that_a_model_does_not_fit_say_so(file: Path, words: str, says: str) -> None:
    symbols = ("BTCUSDT",) if file == HALF_HOURS else ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "DOGEUSDT")
    past = read_history(file, {symbol: symbol for symbol in symbols})
    with pytest.raises(BadInput) as caught:
        build(read_model_words(words.split()), symbols, past, DAY)
    assert says in str(caught.value)
