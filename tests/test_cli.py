"""The commands as a user runs them: what they print, what they write, and how they refuse."""

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

ONE = """
name = "x"
venue = "binance_usdm"
wallet = {USDT = "1000"}
[[positions]]
symbol = "BTCUSDT"
side = "long"
size = "1"
leverage = 10
mode = "cross"
[scripts.up]
step = "1h"
[scripts.up.marks]
BTCUSDT = ["100", "101"]
"""

GOLDEN = Path(__file__).parent / "golden"


def plimsoll(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "plimsoll.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, check=False)


def refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for words in said:
        assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_compare_without_arguments_runs_the_example_and_its_regimes():
    done = plimsoll("compare")
    assert done.returncode == 0, done.stderr
    for words in ("Textbook", "isolated", "cross", "In short", "rebound", "slow-bleed", "richer"):
        assert words in done.stdout
    assert "\x1b[" not in done.stdout, "a pipe gets plain text"


def test_compare_as_json_is_json_with_exact_numbers():
    done = plimsoll("compare", "--prices", "rebound", "--json")
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    text = json.dumps(body)
    assert "rebound" in text
    runs = [r["run"] for r in body["results"]]
    assert all(isinstance(r["final_equity"], str) and Decimal(r["final_equity"]) > 0 for r in runs)


def test_compare_writes_one_html_file_that_asks_for_nothing(tmp_path):
    target = tmp_path / "out.html"
    done = plimsoll("compare", "--prices", "crash", "--html", str(target), "--map", "ETHUSDT")
    assert done.returncode == 0, done.stderr
    page = target.read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "src=\"http" not in page
    assert "In short" in page or "ETHUSDT" in page
    assert list(tmp_path.iterdir()) == [target]


def test_compare_refuses_in_one_line():
    refused(plimsoll("compare", "nothing.toml"), "nothing.toml")
    refused(plimsoll("compare", "--prices", "nothing"), "--prices", "crash")
    refused(plimsoll("compare", "--venue", "okex"), "--venue")
    refused(plimsoll("compare", "--html", "/no/such/folder/x.html"), "--html")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ONE.replace('name = "x"', "name = 3"), "name = 3"),
        ("colour = 1" + ONE, "colour"),
        (ONE.replace("binance_usdm", "nasdaq"), "nasdaq"),
        (ONE.replace('USDT = "1000"', 'USDT = "nan"'), "USDT = nan"),
        (ONE.replace('size = "1"', 'size = "0"'), "size = 0"),
        (ONE.replace("leverage = 10", "leverage = 1e99999"), "leverage"),
        (ONE.replace("BTCUSDT", "BTCUSTD"), "BTCUSDT"),
        ("[[[", "TOML"),
        ("", "name"),
    ],
)
def test_bad_account_files_are_named_with_field_and_cure(tmp_path, text, said):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    refused(plimsoll("compare", str(path)), "bad.toml", said)


def case(**changes: object) -> dict[str, object]:
    first: dict[str, object] = json.loads((GOLDEN / "binance_usdm.json").read_text())[0]
    return {**first, **changes}


def written(tmp_path: Path, *cases: dict[str, object]) -> str:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(cases))
    return str(path)


def test_verify_passes_and_counts_per_rulebook():
    done = plimsoll("verify", str(GOLDEN / "binance_usdm.json"), str(GOLDEN / "okx_futures.json"))
    assert done.returncode == 0, done.stdout[-500:]
    assert "binance_usdm: " in done.stdout
    assert "0 failed" in done.stdout


def test_verify_exit_code_1_when_a_number_is_off(tmp_path):
    good = case()
    expect = [dict(e) for e in good["expect"]]
    expect[0] |= {"value": str(Decimal(expect[0]["value"]) + 1)}
    done = plimsoll("verify", written(tmp_path, case(expect=expect)))
    assert done.returncode == 1
    assert "fail" in done.stdout
    assert "1 failed" in done.stdout


def test_verify_exit_code_3_when_a_rulebook_is_missing(tmp_path):
    done = plimsoll("verify", written(tmp_path, case(), case(id="other", rulebook="some_venue")))
    assert done.returncode == 3
    assert "some_venue: not supported" in done.stdout


def test_verify_leaves_an_asset_mode_that_a_rulebook_does_not_have_out_and_says_so(tmp_path):
    account = {**case()["account"], "options": {"asset_mode": "multi"}}
    done = plimsoll("verify", written(tmp_path, case(account=account, rulebook="binance_coinm")))
    assert done.returncode == 3
    assert "binance_coinm (asset mode multi): not supported, 1 cases left out" in done.stdout


def test_verify_json_holds_every_row(tmp_path):
    done = plimsoll("verify", written(tmp_path, case()), "--json")
    body = json.loads(done.stdout)
    assert body["exit_code"] == 0
    assert len(body["rows"]) == len(case()["expect"])
    assert {"case", "quantity", "expected", "got", "difference", "verdict"} <= set(body["rows"][0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "JSON"),
        ("{}", "array"),
        ("[1]", "case 1"),
        ('[{"id": "x"}]', "rulebook"),
        ('[{"id": "x", "rulebook": "binance_usdm"}]', "instruments"),
        (json.dumps([{**case(), "marks": {"BTCUSDT": "-1"}}]), "marks.BTCUSDT"),
        (json.dumps([{**case(), "marks": {"BTCUSDT": "NaN"}}]), "marks.BTCUSDT"),
        (json.dumps([{**case(), "steps": [{"do": "dance"}]}]), "dance"),
        (json.dumps([{**case(), "expect": [{"quantity": "notional", "of": "BTCUSDT:long", "value": "x"}]}]), "value"),
        (json.dumps([{**case(), "known": {"unlisted": {"USDT": {"unrealised_pnl": "x"}}}}]), "known"),
        (json.dumps([{**case(), "market": {"liquidation_fill": {"BTCUSDT": "soon"}}}]), "liquidation_fill"),
        (json.dumps([{**case(), "steps": [{"do": "fill", "symbol": "BTCUSDT", "side": "up", "size": "1"}]}]), "side"),
    ],
)
def test_bad_case_files_are_refused_in_one_line(tmp_path, text, said):
    path = tmp_path / "cases.json"
    path.write_text(text)
    refused(plimsoll("verify", str(path)), "cases.json", said)


def test_a_missing_case_file_is_named():
    refused(plimsoll("verify", "nowhere.json"), "nowhere.json")


def test_unknown_quantities_fail_and_do_not_crash(tmp_path):
    expect = [{"quantity": "happiness", "of": "BTCUSDT:long", "value": "1", "tolerance": "0"}]
    done = plimsoll("verify", written(tmp_path, case(expect=expect)))
    assert done.returncode == 1
    assert "unknown quantity" in done.stdout


def test_rules_lists_the_rulebooks_and_shows_one():
    every = plimsoll("rules")
    assert every.returncode == 0, every.stderr
    assert "binance_usdm" in every.stdout
    assert "okx_futures" in every.stdout
    one = plimsoll("rules", "okx_futures")
    assert "maintenance" in one.stdout
    assert "two_tiers" in one.stdout
    refused(plimsoll("rules", "mtgox"), "mtgox")
