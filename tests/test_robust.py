"""Input that no careful person writes: each is refused in one line with exit code 2, and nothing is harmed."""

import json
import os
import stat
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from plimsoll.cli import console
from plimsoll.command_options import read_marks, read_rules_day
from plimsoll.compare_command import Wish, map_of, prepare
from plimsoll.errors import BadInput
from plimsoll.explain import QUANTITIES
from plimsoll.number import parse
from plimsoll.prices.script import need_columns
from plimsoll.report.terminal_assess import money, signed_percent

ACCOUNT = """
name = "x"
venue = "okx_futures"
rules_as_of = 2026-08-15
wallet = {USDT = "522000"}
[[positions]]
symbol = "BTC-USDT-SWAP"
side = "long"
size = "20"
leverage = 5
mode = "cross"
[scripts.p]
start = 2026-08-15T00:00:00Z
step = "1h"
[scripts.p.marks]
"BTC-USDT-SWAP" = ["100000", "101000"]
"SOL-USDT-SWAP" = ["180", "181"]
"""
WITHOUT_TABLE = ACCOUNT.replace(
    "[scripts.p]",
    '[[positions]]\nsymbol = "SOL-USDT-SWAP"\nside = "short"\nsize = "10"\nleverage = 5\nmode = "cross"\n[scripts.p]',
)
CASE = json.loads((Path(__file__).parent / "golden" / "binance_usdm.json").read_text())[0]
MARK = ("--marks", "BTC-USDT-SWAP=100000")
LONG = "x" * 300


def plimsoll(*words: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "plimsoll.cli", *words]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False, env={**os.environ, **variables}
    )


def refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("plimsoll")
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for words in said:
        assert words in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--foo"], "--foo"),
        (["dance"], "dance"),
        (["compare", "textbook", "crash"], "crash"),
        (["compare", "--prices"], "--prices"),
        (["verify"], "files"),
        (["compare", "--html", ""], "name a file"),
        (["compare", "--html", LONG], "--html"),
        (["compare", LONG], "cannot be read"),
        (["compare", "--prices", LONG], "too long"),
        (["compare", "--table", LONG], "cannot be read"),
        (["compare", "--symbol", "BTCUSDT=A", "--symbol", "BTCUSDT=B"], "twice"),
        (["compare", "--rules-as-of", "yesterday"], "--rules-as-of"),
        (["assess", LONG], "cannot be read"),
        (["assess", "textbook", "--marks", LONG], "cannot be read"),
        (["assess", "textbook", "--venue", ""], "rulebook"),
        (["assess", "textbook", "--marks", "BTCUSDT=1_000"], "BTCUSDT = 1_000"),
        (["verify", LONG], "cannot be read"),
    ],
)
def test_a_slip_on_the_command_line_is_one_line(words, said):
    refused(plimsoll(*words), said)


@pytest.mark.parametrize("words", [[], ["--help"], ["verify", "--help"]])
def test_help_is_not_an_error(words):
    done = plimsoll(*words)
    assert done.returncode == 0
    assert "Usage: plimsoll" in done.stdout
    assert done.stderr == ""


def test_a_page_never_takes_the_place_of_something_that_is_not_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to(pipe)
    for target in (pipe, link):
        refused(plimsoll("compare", "--prices", "crash", "--html", str(target)), "is not an ordinary file; name another")
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert link.is_symlink()


@pytest.mark.parametrize(
    ("text", "command", "said"),
    [
        ("x = 1e999999999999999999999", "compare", "TOML"),
        ("x = " + "1" * 5000, "compare", "TOML"),
        ("x = 0x" + "f" * 5000, "compare", "TOML"),
        ("x = " + "[" * 5000 + "]" * 5000, "assess", "TOML"),
        (".".join("a" * 5000) + " = 1", "assess", "TOML"),
        (ACCOUNT.replace("2026-08-15T00:00:00Z", "9999-12-31T23:30:00Z"), "compare", "scripts.p.start"),
    ],
)
def test_an_account_file_beyond_measure_is_refused(tmp_path, text, command, said):
    path = tmp_path / "account.toml"
    path.write_text(text)
    refused(plimsoll(command, str(path)), "account.toml", said)


@pytest.mark.parametrize("text", ["x = 1e999999999999999999999", "x = " + "1" * 5000, "x = " + "[" * 5000])
def test_a_table_file_beyond_measure_is_refused(tmp_path, text):
    path = tmp_path / "table.toml"
    path.write_text(text)
    refused(plimsoll("compare", "--prices", "crash", "--table", str(path)), "table.toml: TOML")


@pytest.mark.parametrize(
    "change",
    [
        ('USDT = "522000"', 'USDT = "1e29"'),
        ('size = "20"', 'size = "1e29"'),
        ('size = "20"', 'size = "1e29"\nentry_price = "1e29"'),
        ('size = "20"', 'size = "1e29"\nentry_price = "1e-29"'),
    ],
)
def test_huge_amounts_are_shown_or_refused(tmp_path, change):
    path = tmp_path / "account.toml"
    path.write_text(ACCOUNT.replace(*change))
    for words in (("assess", str(path), *MARK), ("compare", str(path))):
        done = plimsoll(*words)
        assert "Traceback" not in done.stderr
        assert done.returncode == 0 or len(done.stderr.strip().splitlines()) == 1


def test_amounts_wider_than_the_arithmetic_are_still_printed():
    assert money(Decimal("1e60"), "USDT") == f"{10**60:,}.00"
    assert signed_percent(Decimal("-1e40")) == f"-{10**42:,}.0 %"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("m.json", "[" * 100_000, "JSON"),
        ("m.json", '{"BTCUSDT": ' + "1" * 5000 + "}", "BTCUSDT"),
        ("m.json", '{"BTCUSDT": 1e99999999999999999999}', "JSON"),
        ("m.csv", "symbol,mark\nBTCUSDT," + "1" * 200_000, "CSV"),
        ("m.csv", "s" * 200_000, "CSV"),
        ("m.csv", "", "the file is empty"),
        ("m.csv", "symbol,price\n", "the file has symbol, price"),
        ("m\0.csv", None, "null byte"),
    ],
)
def test_marks_beyond_measure_are_refused(tmp_path, name, text, said):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadInput, match=said):
        read_marks([str(path)], {"BTCUSDT": "BTCUSDT"})


def test_a_file_of_prices_without_a_header_is_said_to_be_empty():
    with pytest.raises(BadInput, match="the file is empty"):
        need_columns(None, ("ts",), "x.csv")


@pytest.mark.parametrize("text", ["1_000", "１２", "٣", "1\u00a0000", "0x10", ""])
def test_only_plain_digits_are_a_number(text):
    with pytest.raises(BadInput, match="plain decimal number"):
        parse(text, "size")


@pytest.mark.parametrize(("text", "value"), [(" 1.5 ", "1.5"), ("+2E-3", "0.002"), (7, "7"), ("-.5", "-0.5")])
def test_plain_numbers_are_read(text, value):
    assert parse(text, "size") == Decimal(value)


@pytest.mark.parametrize("text", [None, "nearest", "in-force"])
def test_without_a_known_day_one_is_asked_for(text):
    with pytest.raises(BadInput, match="no date is known"):
        read_rules_day(text, None)


def changed(path: str, value: object) -> dict[str, object]:
    """The case with the value at a path such as `expect.0.value` replaced."""
    case = json.loads(json.dumps(CASE))
    *outer, last = (int(part) if part.isdigit() else part for part in path.split("."))
    place = case
    for part in outer:
        place = place[part]
    place[last] = value
    return case


STEP = {"do": "deposit", "asset": "USDT", "amount": "1"}


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (changed("expect.0.value", "inf"), "expect[0].value = inf"),
        (changed("expect.0.tolerance", "1e400"), "expect[0].tolerance = 1e400"),
        (changed("account.wallets", {"USDT": {"balance": "1e99"}}), "account.wallets.USDT.balance"),
        (changed("steps", [{**STEP, "amount": "-inf"}]), "steps[0].amount"),
        (changed("steps", [{**STEP, "reject": "no"}]), "not a step"),
        (changed("steps", [{**STEP, "reject": {"venue_code": 5}}]), "not a step"),
        (changed("steps", [{**STEP, "events": [1]}]), "not a step"),
        (changed("known", []), "known"),
        (changed("known", {"unlisted": "x"}), "known.unlisted"),
        (changed("known", {"isolated_equity": {"USDT": {}}}), "known.isolated_equity"),
        (changed("account.position_mode", "\ud800"), "case"),
    ],
)
def test_a_case_that_cannot_be_computed_is_named_and_the_others_still_count(tmp_path, case, said):
    path = tmp_path / "cases.json"
    path.write_text(json.dumps([{**case, "id": "odd"}, CASE]))
    done = plimsoll("verify", str(path))
    assert done.returncode == 2
    assert "0 failed, in 1 cases" in done.stdout
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "case odd" in done.stderr
    assert said in done.stderr


@pytest.mark.parametrize("text", ["[" * 100_000, '[{"id": 1e99999999999999999999}]'])
def test_case_files_beyond_measure_are_refused(tmp_path, text):
    path = tmp_path / "cases.json"
    path.write_text(text)
    refused(plimsoll("verify", str(path)), "cases.json: JSON")


def test_a_name_that_looks_like_a_number_is_a_name(tmp_path):
    path = tmp_path / "cases.json"
    path.write_text(json.dumps([{**CASE, "id": "1" * 40, "why": "inf"}]))
    assert plimsoll("verify", str(path)).returncode == 0


def test_the_map_is_of_a_symbol_that_the_venue_can_play(tmp_path):
    path = tmp_path / "account.toml"
    path.write_text(WITHOUT_TABLE)
    words = ("compare", str(path), "--venue", "all", "--map")
    refused(plimsoll(*words, "SOL-USDT-SWAP"), "--map = SOL-USDT-SWAP", "there are BTC-USDT-SWAP")
    assert plimsoll(*words, "BTC-USDT-SWAP").returncode == 0


def test_the_map_of_another_venue_is_in_that_venue_s_words(tmp_path):
    path = tmp_path / "account.toml"
    path.write_text(ACCOUNT)
    drawn = map_of(prepare(Wish(account=str(path), venue="binance_usdm", rules_as_of="2026-07-02")), "BTC-USDT-SWAP")
    assert drawn.symbol == "BTCUSDT"
    start = drawn.cross[0][drawn.finals.index(Decimal(1))]
    higher = drawn.cross[0][drawn.finals.index(Decimal("1.2"))]
    assert start is not None
    assert higher is not None
    assert higher - start == 20 * 20_000, "20 coins gain a fifth of 100000 each"


@pytest.mark.parametrize(("columns", "width"), [("x", 120), ("", 120), ("0", 120), ("-5", 120), ("90", 90)])
def test_columns_that_are_no_number_are_passed_over(monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert console().width == width


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
@pytest.mark.parametrize("words", [["rules"], ["compare", "--prices", "crash", "--json"], ["--help"]])
def test_output_that_cannot_be_written_is_one_line(words):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "plimsoll.cli", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stderr == "plimsoll: No space left on device\n"


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "plimsoll: interrupted; nothing was written\n"),
        (ArithmeticError(), 2, "plimsoll: a number is too large or too small to compute with\n"),
        (OverflowError("date value"), 2, "plimsoll: a number is too large or too small to compute with\n"),
        (BadInput("a", "b", None, "c"), 2, "plimsoll: a: b: c\n"),
    ],
)
def test_what_a_command_raises_becomes_one_line(monkeypatch, capsys, problem, code, said):
    from plimsoll import cli, rules_command

    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr(rules_command, "listing", fail)
    assert cli.run(["rules"]) == code
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_exit_code_of_a_command_is_kept(monkeypatch, code):
    from plimsoll import cli
    from plimsoll.verify import report

    monkeypatch.setattr(report, "run_verify", lambda *_: code)
    assert cli.run(["verify", "x.json"]) == code


COLLATERAL = """
rulebook = "bybit_uta"
bracket_unit = "notional"
deductions = "marginal"
[sources.mine]
text = "notes"
[[collateral]]
asset = "SOL"
from = 2025-01-01
source = "mine"
grade = "memory"
rows = [["0", "-", "0.9"]]
[[loans]]
asset = "SOL"
from = 2025-01-01
source = "mine"
grade = "memory"
rows = [["0", "-", "0.2", "0.04"]]
[[regimes]]
name = "margin_basis"
option = "mark"
from = 2025-09-02
source = "mine"
grade = "memory"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"0.9"', '"1.9"', "row 1 ratio = 1.9"),
        ('["0", "-", "0.9"]', '["0", "10", "0.9"], ["20", "-", "0.8"]', "row 2 floor = 20"),
        ('"0.2", "0.04"', '"3", "0.04"', "row 1 initial rate = 3: give a fraction"),
        ('"0.2", "0.04"', '"-0.2", "0.04"', "row 1 initial rate = -0.2"),
        ('"0.2", "0.04"', '"0.2", "0.5"', "row 1 maintenance rate = 0.5"),
        ('"mark"', '"marks"', "margin_basis = marks: the rules know margin_basis: entry, mark"),
        ('"margin_basis"', '"margin_base"', "margin_base = mark: the rules know margin_basis"),
        ('"bybit_uta"', '"bybit_classic"', "collateral = SOL: bybit_classic values no coins together"),
    ],
)
def test_own_rows_of_collateral_loans_and_regimes_are_checked(tmp_path, old, new, said):
    table = tmp_path / "own.toml"
    table.write_text(COLLATERAL)
    words = ("compare", "several_coins", "--modes", "isolated", "--venue", "bybit_uta,bybit_classic", "--table", str(table))
    assert plimsoll(*words).returncode == 0
    assert old in COLLATERAL
    table.write_text(COLLATERAL.replace(old, new, 1))
    refused(plimsoll(*words), "own.toml", said)


SEVERAL = """
name = "x"
venue = "bybit_uta"
rules_as_of = 2026-08-05
wallet = {USDT = "1500", BTC = "0.02"}
[[positions]]
symbol = "BTCUSDT"
side = "long"
size = "0.1"
entry_price = "60000"
leverage = 10
mode = "cross"
[[positions]]
symbol = "ETHUSDT"
side = "long"
size = "1"
entry_price = "2500"
leverage = 10
mode = "cross"
"""
TWO_MARKS = ("--marks", "BTCUSDT=60000,ETHUSDT=2500")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('BTC = "0.02"', 'DOGGO = "5"', "coin = DOGGO"),
        ('BTC = "0.02"', 'BTC = "-0.02"', "wallet.BTC = -0.02"),
        ('BTC = "0.02"', 'BTC = "nan"', "wallet.BTC = nan"),
        ("[[positions]]", '[borrowed]\nUSDT = "abc"\n[[positions]]', "borrowed.USDT = abc"),
        ("[[positions]]", "borrowed = 5\n[[positions]]", "borrowed = 5: write a table"),
        ("[[positions]]", 'not_collateral = "BTC"\n[[positions]]', "not_collateral: write a list"),
        ("[[positions]]", 'not_collateral = ["BTCC"]\n[[positions]]', "not_collateral = BTCC: the account has no such coin"),
        ('mode = "cross"', 'mode = "isolated"', "bybit_uta keeps one margin mode for the whole account"),
        ('mode = "cross"', 'mode = "cross"\nmargin = "50"', "margin = 50: only an isolated position"),
    ],
)
def test_an_account_of_several_coins_with_a_slip_is_refused(tmp_path, old, new, said):
    path = tmp_path / "account.toml"
    assert old in SEVERAL
    path.write_text(SEVERAL.replace(old, new, 1))
    refused(plimsoll("assess", str(path), *TWO_MARKS), said)


def test_every_quantity_of_a_coin_that_stands_with_others_is_explained(tmp_path):
    path = tmp_path / "account.toml"
    path.write_text(SEVERAL)
    for quantity in QUANTITIES:
        done = plimsoll("assess", str(path), *TWO_MARKS, "--explain", quantity)
        assert done.returncode == 0, done.stderr
        assert f"{quantity} of" in done.stdout
    done = plimsoll("assess", str(path), *TWO_MARKS, "--explain", "available_balance:BTC", "--json")
    (told,) = json.loads(done.stdout)["explanations"]
    named = {given["name"]: Decimal(given["value"]) for given in told["inputs"]}
    spare = named["margin_balance account"] - named["initial_margin account"]
    assert abs(Decimal(told["result"]) - spare / named["index price"]) < Decimal("1e-20")


def test_a_wish_moves_the_whole_account_where_it_has_one_mode(tmp_path):
    path = tmp_path / "account.toml"
    path.write_text(SEVERAL)
    done = plimsoll("assess", str(path), *TWO_MARKS, "--want", "ETHUSDT liq 1000", "--json")
    assert done.returncode == 0, done.stderr
    assert [want["mode"] for want in json.loads(done.stdout)["wants"]] == ["cross", "isolated"]


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_no_amount_of_a_wallet_is_cut_at_the_edge(tmp_path, columns):
    """A number whose end is missing is another number: it may go on in the next line, but never stop."""
    path = tmp_path / "account.toml"
    path.write_text(SEVERAL.replace('"1500"', '"12345678"'))
    shown = plimsoll("assess", str(path), *TWO_MARKS, COLUMNS=str(columns)).stdout
    wallet = shown[shown.index("\nWallet") :].splitlines()
    at = next(n for n, line in enumerate(wallet) if line.startswith("USDT"))
    rows = [line[5:].split() for line in wallet[at : at + 2]]
    assert "".join(cell for row in rows for cell in row[:1]).startswith("12,345,678.00")
    if columns > 80:
        assert "12,345,678.00" in wallet[at]
    own_marks = ("--marks", "BTCUSDT=100000,ETHUSDT=4000")
    plain = plimsoll("assess", "several_coins", *own_marks, COLUMNS=str(columns)).stdout
    # counted: 2,500 + 0.02 * 100,000 * 0.98 + 0.2 * 4,000 * 0.95 = 5,220, less 1,004.95 and 803.96 of initial margin
    for word in ("available", "withdrawable", "2,500.00", "3,411.09", "1,960.00", "0.034111"):
        assert word in plain
