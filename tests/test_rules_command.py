"""`plimsoll rules` in all its forms: the list, one rulebook, the questions, what changed; on a terminal and as JSON."""

import io
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from plimsoll.command_options import RulesDay
from plimsoll.errors import BadInput
from plimsoll.questions.asking import QUESTIONS
from plimsoll.report.rules_screen import print_rules, to_json
from plimsoll.rulebook import Policy, discover
from plimsoll.rulebook_words import page, tables_in_force
from plimsoll.rules_command import Form, RulesWish, Told, chosen, listing, tell
from plimsoll.rules_diff import diff
from plimsoll.table_files import load
from plimsoll.venue_table import Grade
from test_cli import plimsoll, refused

TODAY = date(2026, 7, 5)


def wish(**asked: Any) -> RulesWish:
    return RulesWish(today=TODAY, **asked)


def printed(told: Told, width: int = 100) -> str:
    text = io.StringIO()
    print_rules(told, Console(file=text, width=width))
    return text.getvalue()


def as_json(told: Told) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(to_json(told))
    return body


# ---- the list ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_list_names_every_rulebook_on_terminals_of_every_width(width: int) -> None:
    shown = printed(tell(wish()), width)
    assert [name for name in discover() if name not in shown] == []
    assert max(map(len, shown.splitlines())) <= width


def test_the_list_says_how_many_tables_are_of_the_day_and_how_weak_the_readings_are():
    found = {each.name: each for each in listing(RulesDay(date(2026, 7, 2), Policy.NEAREST)).rulebooks}
    later = {each.name: each for each in listing(RulesDay(date(2026, 7, 5), Policy.NEAREST)).rulebooks}
    binance, then = found["binance_usdm"], later["binance_usdm"]
    assert binance.in_force > 0 and then.in_force == 0, "the tables of 2 July are known for that day alone"
    assert then.stale == binance.in_force + binance.stale
    assert then.oldest == binance.oldest + 3
    assert binance.weakest is Grade.MEMORY and binance.readings == 6
    assert as_json(tell(wish()))["schema"] == "plimsoll.rulebooks/1"


# ---- one rulebook --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", discover())
def test_one_rulebook_is_told_with_formulas_tables_of_the_day_and_readings(name: str) -> None:
    shown = printed(tell(wish(venue=name)), 140)
    table = load(name)
    assert "maintenance_margin" in shown and "Grade: " in shown
    assert f"Tables in force on {TODAY}" in shown
    assert [row.name for row in table.readings if row.name not in shown] == []
    assert [symbol.symbol for symbol in table.instruments if symbol.symbol not in shown] == []


@pytest.mark.parametrize("width", [80, 100])
def test_no_date_and_no_symbol_is_cut_off_on_a_narrow_terminal(width: int) -> None:
    shown = printed(tell(wish(venue="okx_futures")), width)
    assert "…" not in shown
    assert [i.symbol for i in load("okx_futures").instruments if i.symbol not in shown] == []
    assert max(map(len, shown.splitlines())) <= width


def test_tables_in_force_tell_their_distance_age_and_grade():
    found = {each.symbol: each for each in tables_in_force(load("binance_usdm"), date(2026, 7, 5))}
    assert (found["BTCUSDT"].days, found["BTCUSDT"].age, found["BTCUSDT"].grade) == (3, 3, Grade.STALE)
    there = {each.symbol: each for each in tables_in_force(load("binance_usdm"), date(2026, 7, 2))}
    assert (there["BTCUSDT"].days, there["BTCUSDT"].grade) == (0, Grade.RECORDED)
    okx = {each.symbol: each for each in tables_in_force(load("okx_futures"), date(2026, 7, 2))}
    assert "bracket table is not" in okx["DOGE-USDT-SWAP"].missing
    strict = {each.symbol: each for each in tables_in_force(load("binance_usdm"), date(2026, 7, 5), Policy.IN_FORCE)}
    assert "no bracket table covers 2026-07-05" in strict["BTCUSDT"].missing


def test_a_rulebook_as_json_holds_rules_readings_and_tables_with_grades():
    body = as_json(tell(wish(venue="binance_usdm")))
    assert body["schema"] == "plimsoll.rulebook/1" and body["as_of"] == "2026-07-05"
    rules = {rule["name"]: rule for rule in body["rules"]}
    assert rules["maintenance_margin"]["grade"] == "doc" and "F-LIQPX" in rules["maintenance_margin"]["sources"][0]
    assert [r["name"] for r in body["readings"]] == [r.name for r in load("binance_usdm").readings]
    assert all(r["grade"] and r["options"] for r in body["readings"])
    assert {"symbol", "days", "age", "grade"} <= set(body["in_force"][0])
    first = body["tables"]["brackets"][0]
    assert first["from"] and Decimal(first["rows"][0]["maintenance_rate"]) > 0
    assert body["codes"]["margin_mode_position"] == "-4048"
    assert len(rules) == len(body["rules"]), "no rule is told twice"


def test_an_unknown_rulebook_is_refused():
    with pytest.raises(BadInput, match="okx_futures"):
        page("atlantis", TODAY)


# ---- the questions -------------------------------------------------------------------------------------------------------


def test_the_questions_are_printed_with_answers_grades_and_what_makes_them_weak():
    shown = printed(tell(wish(form=Form.COMPARE)), 100)
    assert max(map(len, shown.splitlines())) <= 100
    flat = " ".join(shown.split())
    assert [q.words for q in QUESTIONS if q.words not in shown] == []
    assert "close it before changing the margin" in flat and "(-4048)" in flat  # a cell may break between them
    assert "depends on close_order:" in shown and "largest_loss, the default: BTCUSDT" in shown
    assert "Why a grade is weak" in shown
    assert "grade stale" in shown, "the tables of 2 July stand in on the fifth"


def test_the_questions_as_json_hold_every_cell():
    body = as_json(tell(wish(form=Form.COMPARE, venue="okx_futures")))
    assert body["schema"] == "plimsoll.questions/1"
    assert [v["venue"] for v in body["venues"]] == ["okx_futures"]
    assert [q["key"] for q in body["questions"]] == [q.key for q in QUESTIONS]
    for asked in body["questions"]:
        assert [cell["mode"] for cell in asked["cells"]] == ["cross", "isolated"]
        assert all(cell["text"] and cell["grade"] and cell["rests_on"] for cell in asked["cells"])


def test_rulebooks_are_chosen_by_argument_or_option_and_all_without():
    assert chosen(wish()) == chosen(wish(venues="all")) == discover()
    assert chosen(wish(venue="okx_futures")) == ("okx_futures",)
    assert chosen(wish(venues="okx_futures, binance_usdm,okx_futures")) == ("okx_futures", "binance_usdm")
    for asked, said in ((wish(venues="okx_future"), "did you mean okx_futures"), (wish(venues=","), "name one or more")):
        with pytest.raises(BadInput, match=said):
            chosen(asked)
    with pytest.raises(BadInput, match="is named already"):
        chosen(wish(venue="okx_futures", venues="binance_usdm"))
    with pytest.raises(BadInput, match="belongs to --compare"):
        tell(wish(venues="binance_usdm"))


# ---- what changed --------------------------------------------------------------------------------------------------------


def test_a_diff_is_printed_with_from_dates_and_sources():
    asked = wish(form=Form.DIFF, days=("2024-04-01", "2024-04-25"), venue="okx_futures")
    flat = " ".join(printed(tell(asked), 100).split())
    assert "BTC-USDT-SWAP changed" in flat and "lot 1 -> 0.1" in flat
    assert "before: of 2022-05-13 to 2024-04-24, recorded [1]" in flat
    assert "now: of 2024-04-25, recorded [2]" in flat
    assert "[2] OKX announcement `OKX to adjust the minimum order quantities" in flat
    assert "The same on both days" in flat and "close_order largest_maintenance" in flat


def test_a_diff_of_days_that_are_alike_says_that_nothing_changed():
    asked = wish(form=Form.DIFF, days=("2024-04-02", "2024-04-03"), venue="okx_futures")
    assert "Nothing changed." in printed(tell(asked))
    body = as_json(tell(asked))
    assert body["schema"] == "plimsoll.rules-diff/1" and body["rulebooks"][0]["changes"] == []


def test_a_diff_as_json_holds_both_sides():
    body = as_json(tell(wish(form=Form.DIFF, days=("2024-04-01", "2024-04-25"))))
    changes = {tuple(c["names"]): c for venue in body["rulebooks"] for c in venue["changes"]}
    change = changes[("BTC-USDT-SWAP",)]
    assert change["was"]["since"] == "2022-05-13" and change["now"]["since"] == "2024-04-25"
    assert {"of": "", "field": "lot", "was": "1", "now": "0.1"} in change["differences"]


def test_the_readings_of_a_diff_are_the_defaults_of_the_table():
    found = diff(load("binance_usdm"), date(2024, 1, 1), date(2024, 2, 1))
    assert found.readings == {row.name: row.options[0] for row in load("binance_usdm").readings}


# ---- as a user runs it -----------------------------------------------------------------------------------------------------


def test_every_form_runs_and_is_plain_in_a_pipe():
    forms = {
        (): "plimsoll.rulebooks/1",
        ("okx_futures",): "plimsoll.rulebook/1",
        ("--compare", "--venue", "okx_futures"): "plimsoll.questions/1",
        ("okx_futures", "--diff", "2024-04-01", "2024-04-25"): "plimsoll.rules-diff/1",
    }
    for words, schema in forms.items():
        done = plimsoll("rules", *words)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() and "\x1b[" not in done.stdout
        assert json.loads(plimsoll("rules", *words, "--json").stdout)["schema"] == schema


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("mtgox",), "mtgox"),
        (("--compare", "--venue", "mtgox"), "name one of"),
        (("--diff", "2024-05-02", "2023-01-01"), "earlier day first"),
        (("--diff", "2001-01-01", "2023-01-01"), "is known before"),
        (("--diff", "2024-13-01", "2023-01-01"), "write two dates"),
        (("--diff", "2024-01-01"), "2 arguments"),
        (("--compare", "--diff", "2024-01-01", "2024-01-02"), "does not go with --compare"),
        (("--diff", "2024-01-01", "2024-01-02", "--rules-as-of", "2024-01-01"), "names its own days"),
        (("--rules-as-of", "soon"), "write a date"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(words: tuple[str, ...], said: str) -> None:
    refused(plimsoll("rules", *words), said)
