"""The packaged tables say what their sources say, a table file with a mistake is refused in one line, and a rulebook
takes the numbers of the day asked or says why it cannot."""

import csv
import json
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from plimsoll import law
from plimsoll.errors import BadInput, RulebookGap
from plimsoll.law import law_digest
from plimsoll.model import Kind
from plimsoll.rulebook import (
    Policy,
    Rulebook,
    all_readings,
    discover,
    for_case,
    in_force,
    known_symbols,
    match,
    rules_of,
    with_readings,
)
from plimsoll.rules.interface import Rules
from plimsoll.table_files import load, load_file, merge, read
from plimsoll.venue_table import Grade, VenueTable

SHARED = Path(__file__).parents[2] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no recorded tiers and contracts at {SHARED}")
D = Decimal


def snapshots(table: VenueTable) -> dict[tuple[str, str], tuple[str | None, list[tuple[Decimal | None, ...]]]]:
    """(symbol or family, first day) -> last day and rows as plain numbers."""
    return {
        (entry.symbol or entry.family, str(entry.since)): (
            str(entry.until),
            [(r.floor, r.cap, r.maintenance_rate, r.deduction, r.max_leverage) for r in entry.rows],
        )
        for entry in table.brackets
    }


def recorded_rows(brackets: list[dict[str, str]]) -> list[tuple[Decimal, ...]]:
    fields = ("floor", "cap", "maintenance_rate", "deduction", "max_leverage")
    return [tuple(D(row[field]) for field in fields) for row in brackets]


@needs_shared
@pytest.mark.real
def test_binance_brackets_are_the_recorded_snapshots_and_nothing_else() -> None:
    recorded = json.loads((SHARED / "tiers/binance_usdm.json").read_text())["tables"]
    expected = {
        (symbol, table["first_seen"]): (table["last_seen"], recorded_rows(table["brackets"]))
        for symbol, tables in recorded.items()
        for table in tables
    }
    assert snapshots(load("binance_usdm")) == expected


@needs_shared
@pytest.mark.real
def test_okx_brackets_are_the_recorded_and_announced_tiers_and_nothing_else() -> None:
    recorded = json.loads((SHARED / "tiers/okx_futures.json").read_text())["tables"]
    table = load("okx_futures")
    assert snapshots(table) == {
        (tiers["instrument"], tiers["as_of"][:10]): (tiers["as_of"][:10], recorded_rows(tiers["brackets"]))
        for tiers in recorded
    }
    whole = {(tiers["instrument"], tiers["as_of"][:10]): tiers["complete"] for tiers in recorded}
    assert {(e.symbol or e.family, str(e.since)): e.complete for e in table.brackets} == whole


@needs_shared
@pytest.mark.real
def test_coinm_brackets_are_the_recorded_rows_with_a_leverage_beside_each() -> None:
    recorded = json.loads((SHARED / "tiers/binance_coinm.json").read_text())["tables"]
    ((symbol, ((table,))),) = recorded.items()
    (entry,) = [e for e in load("binance_coinm").brackets if e.since == date(2021, 9, 1)]
    fields = ("floor", "cap", "maintenance_rate", "deduction")
    rows = [tuple(None if row[f] is None else D(row[f]) for f in fields) for row in table["brackets"]]
    assert entry.symbol == symbol
    assert [(r.floor, r.cap, r.maintenance_rate, r.deduction) for r in entry.rows] == rows


def test_the_coinm_table_of_early_2021_is_what_the_venue_printed_of_it() -> None:
    """Caps and leverages of one page; of the other 2.5 and 5 % around 50 BTC, 12.5 % at 300 BTC, and three amounts."""
    (entry,) = [e for e in load("binance_coinm").brackets if e.since == date(2021, 2, 5)]
    assert [(r.max_leverage, r.cap) for r in entry.rows] == [
        (125, 10), (100, 20), (50, 30), (20, 50), (10, 100), (5, 200), (4, 400),
    ]  # fmt: skip
    printed = {r.floor: (r.maintenance_rate, r.deduction) for r in entry.rows}
    assert printed[D(30)] == (D("0.025"), D("0.56"))
    assert printed[D(50)] == (D("0.05"), D("1.81"))
    assert printed[D(200)] == (D("0.125"), D("11.81"))
    assert not entry.complete


@needs_shared
@pytest.mark.real
def test_binance_liquidation_fees_of_2021_are_the_recorded_ones() -> None:
    with (SHARED / "data/binance_usdm_exchangeinfo_2021-07-21.csv").open() as lines:
        recorded = {row["symbol"]: D(row["liquidationFee"]) for row in csv.DictReader(lines)}
    book = in_force(load("binance_usdm"), date(2021, 7, 21))
    listed = {symbol: i.liquidation_fee_rate for symbol, i in book.instruments.items() if symbol in recorded}
    assert len(listed) == 13
    assert listed == {symbol: recorded[symbol] for symbol in listed}


@needs_shared
@pytest.mark.real
def test_okx_contracts_of_2022_are_the_recorded_ones() -> None:
    with (SHARED / "data/okx_contracts_2022-05-13.csv").open() as lines:
        recorded = {row["instId"]: row for row in csv.DictReader(lines)}
    seen = [row for row in load("okx_futures").instruments if row.since == date(2022, 5, 13)]
    assert len(seen) == 20
    for row in seen:
        source = recorded[row.symbol]
        base, quote = source["uly"].split("-")
        assert (row.kind, row.base, row.quote, row.settle) == (source["ctType"], base, quote, source["settleCcy"])
        assert row.multiplier == D(source["ctVal"]) * D(source["ctMult"])
        assert (row.tick, row.lot, row.min_size) == (D(source["tickSz"]), D(source["lotSz"]), D(source["minSz"]))
        assert row.expires == (source["instType"] == "FUTURES")


@pytest.mark.parametrize("name", discover())
def test_every_rulebook_has_the_interface_and_a_table_whose_readings_fit_it(name: str) -> None:
    rules = rules_of(name)
    wanted = {*Rules.__annotations__, *(key for key in vars(Rules) if not key.startswith("_"))}
    assert [key for key in sorted(wanted) if not hasattr(rules, key)] == []
    book = in_force(load(name), date(2025, 1, 1))
    assert tuple(book.readings) == rules.Reading._fields
    assert set(book.reading) == {0}


def test_a_day_inside_a_snapshot_takes_it_with_its_own_grade() -> None:
    book = in_force(load("binance_usdm"), date(2022, 7, 1), symbols=["BTCUSDT"])
    age = book.ages["BTCUSDT"]
    assert (age.days, age.grade, age.brackets.since) == (0, Grade.RECORDED, date(2022, 5, 21))
    assert book.instruments["BTCUSDT"].brackets == age.brackets.rows


@pytest.mark.parametrize(
    ("day", "since", "days"),
    [
        (date(2021, 5, 19), date(2022, 2, 5), 262),
        (date(2024, 10, 25), date(2024, 8, 8), 1),
        (date(2025, 8, 27), date(2024, 8, 8), 307),
        (date(2025, 8, 28), date(2024, 8, 8), 308),
        (date(2025, 8, 29), date(2026, 7, 2), 307),
        (date(2026, 11, 20), date(2026, 7, 2), 141),
    ],
)
def test_between_snapshots_the_nearest_is_taken_called_stale_and_its_distance_told(
    day: date, since: date, days: int
) -> None:
    age = in_force(load("binance_usdm"), day, symbols=["BTCUSDT"]).ages["BTCUSDT"]
    assert (age.brackets.since, age.days, age.grade) == (since, days, Grade.STALE)


def test_in_force_refuses_a_day_without_a_table_and_names_the_nearest_ones() -> None:
    with pytest.raises(RulebookGap) as raised:
        in_force(load("binance_usdm"), date(2025, 10, 10), Policy.IN_FORCE, ["BTCUSDT"])
    for word in ("BTCUSDT", "2025-10-10", "2024-08-08..2024-10-24", "2026-07-02"):
        assert word in str(raised.value)


def test_in_force_lists_symbols_that_nobody_asked_for_as_gaps() -> None:
    book = in_force(load("binance_usdm"), date(2025, 10, 10), Policy.IN_FORCE)
    assert list(book.instruments) == ["TRXUSDT"]
    assert "2025-10-10" in book.gaps["BTCUSDT"]


@pytest.mark.parametrize(
    ("name", "symbol", "reason"),
    [
        ("binance_usdm", "OPUSDT", "neither contract nor brackets"),
        ("okx_futures", "SOL-USDT-SWAP", "the contract is known, its bracket table is not"),
        ("binance_coinm", "ETHUSD_PERP", "the contract is known, its bracket table is not"),
        ("binance_coinm", "BTCUSD_261225", "the contract is known, its bracket table is not"),
        ("okx_futures", "ACT-USDT-SWAP", "brackets of 2025-03-04 are known, the contract is not"),
    ],
)
def test_a_symbol_that_the_venue_lacks_is_a_gap_with_its_reason(name: str, symbol: str, reason: str) -> None:
    book = in_force(load(name), date(2025, 10, 10), symbols=[symbol])
    assert book.instruments == {}
    assert reason in book.gaps[symbol]


def test_expiries_of_a_family_share_its_brackets_and_the_swap_does_not() -> None:
    book = in_force(load("okx_futures"), date(2023, 6, 15))
    caps = {symbol: book.instruments[symbol].brackets[0].cap for symbol in book.instruments if "BTC-USD-" in symbol}
    assert caps.pop("BTC-USD-SWAP") == D(2000)
    assert len(caps) == 8
    assert set(caps.values()) == {D(1000)}
    assert book.instruments["BTC-USD-220624"].family == "BTC-USD"


def test_a_table_with_unknown_further_rows_says_where_it_ends() -> None:
    table = load("okx_futures")
    assert in_force(table, date(2026, 9, 25)).ages["ETH-USDT-SWAP"].open_above == D(5000)
    assert in_force(table, date(2021, 6, 11)).ages["ETH-USDT-SWAP"].open_above is None


@pytest.mark.parametrize(
    ("day", "rate"), [(date(2021, 5, 19), "0.012"), (date(2024, 4, 30), "0.012"), (date(2024, 5, 1), "0.0125")]
)
def test_the_liquidation_fee_is_that_of_the_day(day: date, rate: str) -> None:
    assert in_force(load("binance_usdm"), day).instruments["BTCUSDT"].liquidation_fee_rate == D(rate)


def test_a_fee_recorded_for_a_contract_wins_over_that_of_all_others() -> None:
    for day in (date(2023, 6, 15), date(2026, 9, 26)):
        assert in_force(load("binance_coinm"), day).instruments["BTCUSD_PERP"].liquidation_fee_rate == D("0.015")


def test_an_unknown_rulebook_is_refused_with_the_known_ones() -> None:
    for call in (rules_of, load):
        with pytest.raises(BadInput, match="binance_usdm"):
            call("mtgox")


GOOD = """
rulebook = "binance_usdm"
bracket_unit = "notional"
deductions = "marginal"
fees = [{ maker_rate = "-0.0001", taker_rate = "0.0004", from = 2020-01-01, source = "mine", grade = "own" }]
[sources.mine]
text = "my account page"
[[instruments]]
symbol = "OPUSDT"
kind = "linear"
base = "OP"
quote = "USDT"
settle = "USDT"
multiplier = 1
tick = 0.0001
from = 2024-01-01
source = "mine"
grade = "own"
[[brackets]]
symbol = "OPUSDT"
from = 2024-01-01
until = 2024-12-31
source = "mine"
grade = "own"
rows = [
  ["0", "5000", "0.01", "0", "50"],
  ["5000", "-", "0.025", "75", "-"],
]
"""


def user(text: str = GOOD) -> VenueTable:
    return read(text, "mine.toml")


def test_a_users_file_may_leave_the_last_cap_and_a_leverage_open() -> None:
    last = user().brackets[0].rows[-1]
    assert (last.cap, last.max_leverage, last.deduction) == (None, None, D(75))


def test_a_table_of_whole_rates_may_stand_in_a_file_of_marginal_ones() -> None:
    whole = GOOD.replace("until = 2024-12-31", "until = 2024-12-31\nwhole = true").replace('"75"', '"0"')
    assert user(whole).brackets[0].whole and not user().brackets[0].whole


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('rulebook = "binance_usdm"', 'rulebook = "mtgox"', ["rulebook = mtgox", "okx_futures"]),
        ('rulebook = "binance_usdm"', "", ["rulebook", "missing"]),
        ('"notional"', '"coins"', ["bracket_unit = coins", "contracts"]),
        ('deductions = "marginal"', 'deductions = "marginal"\nhaircut = 1', ["haircut", "unknown key"]),
        ('text = "my account page"', 'txt = "x"', ["sources.mine", "txt", "unknown key"]),
        ('tick = 0.0001', 'tik = 0.0001', ["instruments 1 (OPUSDT 2024-01-01) tik", "unknown key", "tick"]),
        ('base = "OP"\n', "", ["instruments 1 (OPUSDT 2024-01-01) base", "missing"]),
        ('base = "OP"', 'base = ""', ["base", "empty"]),
        ('kind = "linear"', 'kind = "future"', ["kind = future", "linear, inverse"]),
        ("multiplier = 1", "multiplier = 0", ["multiplier = 0", "above zero"]),
        ("multiplier = 1", "multiplier = nan", ["multiplier = NaN", "finite"]),
        ("multiplier = 1", 'multiplier = "one"', ["multiplier = one", "decimal"]),
        ("tick = 0.0001", "tick = inf", ["tick = Infinity", "finite"]),
        ('source = "mine"', 'source = "yours"', ["source = yours", "choose a key of [sources]: mine"]),
        ('grade = "own"\n[[brackets]]', 'grade = "sure"\n[[brackets]]', ["grade = sure", "memory"]),
        ('grade = "own"\n[[brackets]]', 'grade = "stale"\n[[brackets]]', ["grade = stale", "source"]),
        ("until = 2024-12-31", "until = 2023-12-31", ["(OPUSDT 2024-01-01) until = 2023-12-31", "on or after"]),
        ("until = 2024-12-31", 'until = "soon"', ["until = soon", "correct it"]),
        ('symbol = "OPUSDT"\nfrom', 'symbol = "OPUSDT"\nfamily = "OP"\nfrom', ["symbol = OPUSDT", "either"]),
        ('["0", "5000"', '["1", "5000"', ["row 1 floor = 1", "first floor is 0"]),
        ('["5000", "-"', '["6000", "-"', ["row 2 floor = 6000", "at 5000"]),
        ('["5000", "-"', '["5000", "4000"', ["row 2 cap = 4000", "above the floor"]),
        ('["0", "5000"', '["0", "-"', ["row 1 cap = -", "decimal"]),
        ('"0.025"', '"0"', ["row 2 rate = 0", "above 0"]),
        ('"0.025"', '"2.5"', ["row 2 rate = 2.5", "at most 1"]),
        ('"0.025"', '"NaN"', ["row 2 rate = NaN", "NaN"]),
        ('"75"', '"74.99"', ["row 2 deduction = 74.99", "75 keeps it continuous"]),
        ('"marginal"', '"none"', ["row 2 deduction = 75", "write 0"]),
        ("until = 2024-12-31", "until = 2024-12-31\nwhole = true", ["row 2 deduction = 75", "write 0"]),
        ('"50"]', '"0"]', ["row 1 max_leverage = 0", "above zero"]),
        ('"50"]', '"-50"]', ["row 1 max_leverage = -50", "above zero"]),
        ('"0", "50"]', '"0"]', ["row 1", "five cells"]),
        ('taker_rate = "0.0004"', 'taker_rate = "-0.0004"', ["fees 1 (2020-01-01) taker_rate = -0.0004", "fraction"]),
        ('taker_rate = "0.0004"', 'taker_rate = "5"', ["taker_rate = 5", "fraction"]),
        ("[[brackets]]", "[brackets]", ["brackets", "[[brackets]]"]),
        ("[[brackets]]", "[[brackets", ["TOML", "line 19", "syntax"]),
    ],
)
def test_a_mistake_in_a_table_file_is_named_with_file_field_value_and_cure(
    old: str, new: str, words: list[str]
) -> None:
    assert old in GOOD
    with pytest.raises(BadInput) as raised:
        user(GOOD.replace(old, new))
    message = str(raised.value)
    assert message.startswith("mine.toml: ")
    assert "\n" not in message
    for word in words:
        assert word in message


ENTRY = GOOD[GOOD.index("[[brackets]]") :]
READING = '''
[[readings]]
name = "x"
options = ["a"]
grade = "own"
why = "?"
'''


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (ENTRY, ["brackets (OPUSDT) from = 2024-01-01", "overlaps"]),
        (ENTRY.replace("from = 2024-01-01", "from = 2024-12-31"), ["from = 2024-12-31", "overlaps", "until"]),
        (READING.replace('"a"', ""), ["readings 1 (x) options", "at least one"]),
        (READING.replace('"a"', '"a", "a"'), ["options = a, a", "none twice"]),
        (READING + READING, ["readings 2 (x) name = x", "twice"]),
        ('[[liquidation_fees]]\nrate = "1.5"\nfrom = 2024-01-01\nsource = "mine"\ngrade = "own"', ["rate = 1.5"]),
    ],
)
def test_an_entry_that_contradicts_the_rest_is_refused(extra: str, words: list[str]) -> None:
    with pytest.raises(BadInput) as raised:
        user(GOOD + extra.replace("until = 2024-12-31", "until = 2025-01-31"))
    for word in words:
        assert word in str(raised.value)


def test_a_file_that_cannot_be_read_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.toml: file: cannot be read"):
        load_file(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="UTF-8"):
        load_file(tmp_path / "binary.toml")
    (tmp_path / "good.toml").write_text(GOOD)
    assert msgspec.structs.replace(load_file(tmp_path / "good.toml"), file="mine.toml") == user()


def test_a_users_file_adds_a_symbol_to_the_packaged_ones() -> None:
    merged = merge(load("binance_usdm"), user())
    book = in_force(merged, date(2024, 6, 1), Policy.IN_FORCE, ["OPUSDT"])
    assert (book.instruments["OPUSDT"].multiplier, book.ages["OPUSDT"].grade) == (D(1), Grade.OWN)
    assert book.fees.taker_rate == D("0.0004")
    assert set(known_symbols(merged)) == {*known_symbols(load("binance_usdm")), "OPUSDT"}


@pytest.mark.parametrize(
    ("day", "since", "tick"),
    [
        (date(2023, 12, 12), date(2023, 12, 12), "0.1"),
        (date(2024, 2, 3), date(2024, 1, 1), "0.0001"),
        (date(2024, 10, 24), date(2024, 1, 1), "0.0001"),
        (date(2026, 7, 2), date(2026, 7, 2), "0.0001"),
    ],
)
def test_a_users_entry_wins_for_its_symbol_on_its_days_and_only_there(day: date, since: date, tick: str) -> None:
    base = load("binance_usdm")
    merged = merge(base, user(GOOD.replace("OPUSDT", "BTCUSDT").replace('"OP"', '"BTC"')))
    book = in_force(merged, day, Policy.IN_FORCE, ["BTCUSDT"])
    assert (book.ages["BTCUSDT"].brackets.since, book.instruments["BTCUSDT"].tick) == (since, D(tick))
    assert in_force(merged, day).instruments["ETHUSDT"] == in_force(base, day).instruments["ETHUSDT"]


@pytest.mark.parametrize(
    ("name", "extra", "field"),
    [
        ("okx_futures", "", "rulebook"),
        ("binance_usdm", READING, "readings"),
    ],
)
def test_a_users_file_for_other_rules_is_refused(name: str, extra: str, field: str) -> None:
    with pytest.raises(BadInput, match=rf"mine\.toml: {field}"):
        merge(load(name), user(GOOD + extra))


def binance(day: date = date(2026, 7, 2)) -> Rulebook:
    return in_force(load("binance_usdm"), day)


def test_a_reading_is_chosen_by_name_and_reaches_the_rules_as_its_index() -> None:
    book = with_readings(binance(), {"close_order": "largest_notional"})
    assert book.readings["close_order"] == "largest_notional"
    assert (book.reading.close_order, book.reading.reduce_target) == (2, 0)
    assert binance().reading.close_order == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [({"close": "largest_loss"}, "close_order, reduce_target"), ({"close_order": "youngest"}, "largest_loss, largest")],
)
def test_an_unknown_reading_is_refused_with_the_known_ones(change: dict[str, str], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        with_readings(binance(), change)


def test_all_readings_change_one_step_at_a_time_after_the_default() -> None:
    books = all_readings(binance())
    changes = [{k: v for k, v in book.readings.items() if books[0].readings[k] != v} for book in books]
    assert changes == [
        {},
        {"close_order": "largest_maintenance"},
        {"close_order": "largest_notional"},
        {"reduce_target": "lower_bracket"},
        {"partial_close": "result_stays"},
        {"raise_leverage": "margin_released"},
        {"multi_scope": "until_compliant"},
        {"multi_surrender": "all_collateral"},
    ]


def test_a_case_brings_its_own_instruments() -> None:
    given = {"XXXUSDT": binance().instruments["BTCUSDT"]}
    book = for_case(load("binance_usdm"), given)
    assert (book.instruments, book.ages, book.as_of, book.reading) == (given, {}, None, binance().reading)


@pytest.mark.parametrize(
    ("name", "base", "quote", "kind", "symbol"),
    [
        ("binance_usdm", "BTC", "USDT", Kind.LINEAR, "BTCUSDT"),
        ("binance_usdm", "BTC", "USDC", Kind.LINEAR, "BTCUSDC"),
        ("okx_futures", "BTC", "USDT", Kind.LINEAR, "BTC-USDT-SWAP"),
        ("okx_futures", "BTC", "USD", Kind.INVERSE, "BTC-USD-SWAP"),
        ("binance_coinm", "BTC", "USD", Kind.INVERSE, "BTCUSD_PERP"),
    ],
)
def test_instruments_are_matched_by_base_quote_and_kind_perpetuals_first(
    name: str, base: str, quote: str, kind: Kind, symbol: str
) -> None:
    found = match(in_force(load(name), date(2025, 10, 10)), base, quote, kind)
    assert found is not None
    assert found.symbol == symbol


def test_an_expiry_is_matched_where_there_is_no_perpetual() -> None:
    book = in_force(load("binance_usdm"), date(2026, 7, 2), symbols=["BTCUSDT_260925"])
    found = match(book, "BTC", "USDT", Kind.LINEAR)
    assert found is not None
    assert found.symbol == "BTCUSDT_260925"
    assert match(book, "BTC", "USD", Kind.INVERSE) is None


def test_the_law_digest_is_the_same_in_another_process() -> None:
    program = (
        "from datetime import date; from plimsoll.law import law_digest; from plimsoll.rulebook import in_force;"
        "from plimsoll.table_files import load; print(law_digest(in_force(load('binance_usdm'), date(2026, 7, 2))))"
    )
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert run.stdout.strip() == law_digest(binance())


def with_tick(book: Rulebook, tick: str) -> Rulebook:
    changed = msgspec.structs.replace(book.instruments["BTCUSDT"], tick=D(tick))
    return msgspec.structs.replace(book, instruments=book.instruments | {"BTCUSDT": changed})


def test_the_law_digest_changes_with_a_number_a_bracket_or_a_reading_and_not_with_how_a_number_is_written() -> None:
    book = binance()
    bitcoin = book.instruments["BTCUSDT"]
    dearer = msgspec.structs.replace(bitcoin.brackets[-1], maintenance_rate=D("0.51"))
    bracket = msgspec.structs.replace(bitcoin, brackets=(*bitcoin.brackets[:-1], dearer))
    others = [
        with_tick(book, "0.2"),
        msgspec.structs.replace(book, instruments=book.instruments | {"BTCUSDT": bracket}),
        with_readings(book, {"close_order": "largest_notional"}),
        in_force(load("okx_futures"), date(2026, 7, 2)),
    ]
    assert len({law_digest(each) for each in [book, *others]}) == 5
    assert law_digest(with_tick(book, "0.100")) == law_digest(book)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [("balance <= requirement", "balance < requirement", False), ("def is_liq", "# a remark\ndef is_liq", True)],
)
def test_the_law_digest_follows_the_rules_and_not_their_comments(
    monkeypatch: pytest.MonkeyPatch, old: str, new: str, same: bool
) -> None:
    before, getsource = law_digest(binance()), law.inspect.getsource
    law.law_text.cache_clear()
    monkeypatch.setattr(law.inspect, "getsource", lambda item: getsource(item).replace(old, new))
    try:
        assert (law_digest(binance()) == before) is same
    finally:
        law.law_text.cache_clear()
