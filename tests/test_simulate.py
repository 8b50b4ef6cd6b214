"""`plimsoll simulate` from end to end, on the compiled engine: few paths, so that the compiler's time is most of it."""

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

import plimsoll
from plimsoll.plan import PlanMode
from plimsoll.report import simulate_screen
from plimsoll.report.simulate_screen import Targets, run_simulate
from plimsoll.simulate_command import SimulateWish, parted, prepare, run_study
from plimsoll.studies import Stopped
from test_cli import plimsoll as command
from test_cli import refused

WISH = SimulateWish(horizon="5d", paths=1500, sweep=("leverage=8,20,200",), threads=1)


@pytest.fixture(scope="module")
def study():
    return run_study(prepare(WISH))


def test_every_setting_is_played_or_refused_with_the_reason(study):
    played = {(odds.setting.mode, odds.setting.leverage) for odds in study.odds}
    assert played == {(mode, Decimal(x)) for mode in (PlanMode.ISOLATED, PlanMode.CROSS) for x in (8, 20)}
    assert {setting.leverage for setting, _ in study.refused} == {Decimal(200)}
    assert all("no size may be held at 200x" in reason for _, reason in study.refused)
    assert all(odds.paths == 1500 for odds in study.odds)
    assert "script crash begins" in study.notes[0]


def test_more_leverage_is_liquidated_more_often_in_isolated_and_the_wall_bounds_the_loss(study):
    of = {odds.setting.leverage: odds for odds in study.odds if odds.setting.mode is PlanMode.ISOLATED}
    assert of[Decimal(8)].liquidated.high < of[Decimal(20)].liquidated.low
    assert of[Decimal(20)].money_at_risk == pytest.approx(200), "4,000 of value at 20x"
    assert of[Decimal(20)].expected_shortfall <= 200 + 1e-6
    assert of[Decimal(8)].money_at_risk == pytest.approx(500), "all there is"


def test_the_same_seed_gives_the_same_numbers_in_python_and_at_any_number_of_threads(study):
    again = plimsoll.simulate(horizon="5d", paths=1500, sweep=["leverage=8,20,200"], threads=2)
    assert again == study


def test_an_interrupt_keeps_what_is_done():
    def stop(done, _wanted):
        if done >= 512:
            raise KeyboardInterrupt

    broken = run_study(prepare(WISH), stop)
    assert broken.stopped is Stopped.INTERRUPTED
    assert 0 < broken.odds[0].paths < 1500


def test_the_screen_prints_and_writes_everything(study, monkeypatch, capsysbinary, tmp_path):
    monkeypatch.setattr(simulate_screen, "run_study", lambda _ready, _told: study)
    targets = Targets(str(tmp_path / "odds.html"), str(tmp_path / "odds.csv"), None)
    assert run_simulate(WISH, targets, False) == 0
    text = capsysbinary.readouterr().out.decode()
    for words in ("Textbook", "isolated", "cross", "In short", "refused", "odds.curves.csv"):
        assert words in text or words in "".join(text.split())  # a long path is folded
    assert b"figure-survival" in (tmp_path / "odds.html").read_bytes()
    assert run_simulate(WISH, Targets(), True) == 0
    assert len(json.loads(capsysbinary.readouterr().out)["odds"]) == len(study.odds)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--horizon", "90m"], "--horizon = 90m"),
        (["--paths", "0"], "--paths = 0"),
        (["--paths", "many"], "--paths"),
        (["--width", "nan"], "--width = nan"),
        (["--model", "student", "freedom=4"], "stand in quotes"),
        (["textbook", "mixed"], "one account at a time"),
        (["leverage=2:50"], "write --sweep leverage=2:50"),
        (["--sweep", "lever=2:50"], "did you mean leverage"),
        (["--html", f"no{os.sep}such{os.sep}folder.html"], "there is no folder"),
        (["--csv", "."], "is a folder"),
        (["--leverage", "200"], "no size may be held at 200x"),
    ],
)
def test_bad_words_end_in_one_line_before_anything_is_compiled(words, said):
    refused(command("simulate", *words), said)


def test_axes_may_stand_one_after_another():
    assert parted(["leverage.toml", "stop=1%:20%"], ["leverage=2:50"]) == ("leverage.toml", ("leverage=2:50", "stop=1%:20%"))


def test_the_readme_shows_a_command_that_there_is():
    assert "plimsoll simulate" in (Path(__file__).parents[1] / "README.md").read_text()
