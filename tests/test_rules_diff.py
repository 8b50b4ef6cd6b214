"""What changed between two days: small tables written here, and the announced changes of a packaged one."""

from datetime import date

import pytest

from plimsoll.errors import BadInput
from plimsoll.rules_diff import Change, Kind, diff, diff_all, read_days
from plimsoll.table_files import load, read
from plimsoll.venue_table import Grade, VenueTable

HEAD = """
rulebook = "binance_usdm"
bracket_unit = "notional"
deductions = "marginal"
[sources.a]
text = "list A"
[sources.b]
text = "list B"
"""
FEES = """
[[fees]]
maker_rate = "0.0002"
taker_rate = "0.0005"
from = 2020-01-01
source = "a"
grade = "doc"
"""
FIRST = """
[[brackets]]
symbol = "AAAUSDT"
from = 2024-01-01
until = 2024-01-31
source = "a"
grade = "recorded"
rows = [["0", "100", "0.01", "0", "50"], ["100", "200", "0.02", "1", "20"], ["200", "300", "0.05", "7", "10"]]
"""
SECOND = """
[[brackets]]
symbol = "AAAUSDT"
from = 2024-03-01
source = "b"
grade = "doc"
rows = [["0", "50", "0.01", "0", "75"], ["50", "150", "0.01", "0", "50"], ["150", "200", "0.02", "1.5", "20"]]
"""
CONTRACT = """
[[instruments]]
symbol = "{symbol}"
kind = "linear"
base = "{symbol}"
quote = "USDT"
settle = "USDT"
multiplier = "1"
lot = "{lot}"
from = {since}
{until}
source = "a"
grade = "doc"
"""


def contract(symbol: str, since: str, until: str = "", lot: str = "1") -> str:
    return CONTRACT.format(symbol=symbol, lot=lot, since=since, until=f"until = {until}" if until else "")


def table(*parts: str) -> VenueTable:
    return read(HEAD + FEES + "".join(parts), "own.toml")


def changed(parts: tuple[str, ...], first: str, second: str) -> tuple[Change, ...]:
    return diff(table(*parts), date.fromisoformat(first), date.fromisoformat(second)).changes


def test_bracket_rows_that_came_changed_and_went_are_told_by_their_leverage():
    (change,) = changed((FIRST, SECOND), "2024-01-15", "2024-03-15")
    assert (change.section, change.names, change.kind) == ("brackets", ("AAAUSDT",), Kind.CHANGED)
    assert change.was is not None and change.now is not None
    assert (change.was.since, change.was.until, change.was.days, change.was.source) == (
        date(2024, 1, 1),
        date(2024, 1, 31),
        0,
        "list A",
    )
    assert (change.now.since, change.now.until, change.now.grade) == (date(2024, 3, 1), None, Grade.DOC)
    assert change.now.source == "list B"
    told = {(d.of, d.field): (d.was, d.now) for d in change.differences}
    assert told == {
        ("up to 75x", "row"): (None, "0 to 50: maintenance_rate 0.01, deduction 0, max_leverage 75"),
        ("up to 50x", "floor"): ("0", "50"),
        ("up to 50x", "cap"): ("100", "150"),
        ("up to 20x", "floor"): ("100", "150"),
        ("up to 20x", "deduction"): ("1", "1.5"),
        ("up to 10x", "row"): ("200 to 300: maintenance_rate 0.05, deduction 7, max_leverage 10", None),
    }


def test_rows_without_a_leverage_of_their_own_are_told_by_their_floor():
    unknown = [text.replace('"50"]', '"-"]').replace('"20"]', '"-"]') for text in (FIRST, SECOND)]
    (change,) = changed(tuple(unknown), "2024-01-15", "2024-03-15")
    told = {(d.of, d.field): (d.was, d.now) for d in change.differences}
    assert told[("above 0", "cap")] == ("100", "50")
    assert told[("above 50", "row")][0] is None and told[("above 100", "row")][1] is None


def test_a_day_without_a_table_takes_the_nearest_and_says_how_far_it_is():
    (change,) = changed((FIRST, SECOND), "2024-02-03", "2024-02-28")
    assert change.was is not None and change.now is not None
    assert (change.was.days, change.was.grade) == (3, Grade.STALE)
    assert (change.now.days, change.now.grade) == (2, Grade.STALE)


def test_days_on_which_the_same_table_stands_in_have_no_change():
    found = diff(table(FIRST, SECOND), date(2024, 1, 2), date(2024, 2, 5))
    assert found.changes == ()
    assert found.same == {"brackets": 1, "fees": 1}


def test_tables_between_the_two_days_are_named():
    back = SECOND.replace("2024-03-01", "2024-02-10\nuntil = 2024-02-11")
    third = FIRST.replace("from = 2024-01-01\nuntil = 2024-01-31", "from = 2024-04-01").replace('"300"', '"400"')
    (change,) = changed((FIRST, back, third), "2024-01-15", "2024-05-01")
    assert change.between == (date(2024, 2, 10),)
    assert [(d.field, d.was, d.now) for d in change.differences] == [("cap", "300", "400")]


def test_contracts_come_and_go():
    parts = (
        contract("OLD", "2023-01-01", "2024-01-20"),
        contract("STAYS", "2023-01-01"),
        contract("STEPS", "2023-01-01", "2024-01-20"),
        contract("STEPS", "2024-01-25", lot="0.1"),
        contract("YOUNG", "2024-02-01"),
    )
    found = {c.names[0]: c for c in changed(parts, "2024-01-02", "2024-03-01")}
    assert {name: c.kind for name, c in found.items()} == {"OLD": Kind.GONE, "STEPS": Kind.CHANGED, "YOUNG": Kind.NEW}
    assert [(d.field, d.was, d.now) for d in found["STEPS"].differences] == [("lot", "1", "0.1")]
    gone, came = found["OLD"], found["YOUNG"]
    assert gone.now is None and gone.was is not None and gone.was.until == date(2024, 1, 20)
    assert came.was is None and came.now is not None and came.now.since == date(2024, 2, 1)
    assert ("lot", "1", None) in [(d.field, d.was, d.now) for d in gone.differences]


def test_a_contract_between_two_of_its_entries_is_not_gone():
    parts = (contract("STEPS", "2023-01-01", "2024-01-20"), contract("STEPS", "2024-06-01", lot="0.1"))
    assert changed(parts, "2024-01-02", "2024-02-01") == ()


def test_fees_and_charges_are_compared_as_they_apply_to_each_symbol():
    later = FEES.replace("2020-01-01", "2024-02-01").replace("0.0005", "0.0004")
    first = FEES.replace("from = 2020-01-01", "from = 2020-01-01\nuntil = 2024-01-31")
    charges = """
[[liquidation_fees]]
symbol = "ONE"
rate = "0.005"
from = 2023-01-01
until = 2024-01-31
source = "a"
grade = "doc"
[[liquidation_fees]]
rate = "0.0125"
from = 2024-02-01
source = "b"
grade = "derived"
"""
    both = contract("ONE", "2023-01-01") + contract("TWO", "2023-01-01")
    found = diff(read(HEAD + first + later + charges + both, "own.toml"), date(2024, 1, 2), date(2024, 3, 1))
    told = {(c.section, c.names): [(d.field, d.was, d.now) for d in c.differences] for c in found.changes}
    assert told == {
        ("liquidation_fees", ("ONE",)): [("rate", "0.005", "0.0125")],
        ("liquidation_fees", ("TWO",)): [("rate", None, "0.0125")],
        ("fees", ()): [("taker_rate", "0.0005", "0.0004")],
    }


def test_changes_that_are_alike_are_told_once():
    parts = [contract(name, "2023-01-01", "2024-01-20") + contract(name, "2024-01-21", lot="0.1") for name in ("A", "B", "C")]
    (change,) = changed(tuple(parts), "2024-01-02", "2024-03-01")
    assert change.names == ("A", "B", "C")


def test_a_day_before_the_first_table_is_refused_in_one_line():
    with pytest.raises(BadInput, match=r"no table of binance_usdm is known before 2020-01-01") as problem:
        diff(table(FIRST), date(2019, 12, 31), date(2024, 1, 1))
    assert "\n" not in str(problem.value)
    assert diff(table(FIRST), date(2020, 1, 1), date(2020, 1, 1)).changes == ()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("2024-02-30", "2024-03-01"), "--diff = 2024-02-30: write two dates"),
        (("2024-02-01", "tomorrow"), "--diff = tomorrow: write two dates"),
        (("2024-02-02", "2024-02-01"), "name the earlier day first"),
    ],
)
def test_words_that_are_no_two_days_in_order_are_refused(words: tuple[str, str], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_days(words)


def test_several_rulebooks_are_compared_and_the_younger_ones_are_left_out_with_the_reason():
    old = table(FIRST)
    later = table(contract("A", "2024-02-01")).instruments
    young = VenueTable(file="x", name="okx_futures", bracket_unit="contracts", marginal=False, instruments=later)
    found, missing = diff_all([old, young], date(2024, 1, 2), date(2024, 1, 3))
    assert [d.venue for d in found] == ["binance_usdm"]
    assert "2024-02-01" in missing["okx_futures"]
    with pytest.raises(BadInput, match="no table of okx_futures"):
        diff_all([young], date(2024, 1, 2), date(2024, 1, 3))


def test_the_smaller_orders_that_okx_announced_are_found():
    """`OKX to adjust the minimum order quantities`: BTC-USDT-SWAP from 1 to 0.1 contracts on 2024-04-25; LTC on 2024-03-14."""
    found = diff(load("okx_futures"), date(2024, 3, 1), date(2024, 4, 25))
    steps = {c.names: [(d.field, d.was, d.now) for d in c.differences] for c in found.changes if c.section == "instruments"}
    small = [("lot", "1", "0.1"), ("min_size", "1", "0.1")]
    assert steps[("LTC-USDT-SWAP",)] == small and steps[("BTC-USDT-SWAP",)] == small
    before = diff(load("okx_futures"), date(2024, 3, 1), date(2024, 4, 24))
    assert ("BTC-USDT-SWAP",) not in [c.names for c in before.changes]
