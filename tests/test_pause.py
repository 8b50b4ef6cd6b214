"""A venue that sells a fifth and waits, played along a path: what happens when, worked out by hand.

Long 1,000 ETH from 4,000 at 10x on 400,000 USDC, maintenance 2 %, falling in a straight line. Its liquidation price: 400,000
+ 1,000 (p - 4,000) = 20 p, so p = 3,600,000 / 980 = 3,673.469. There 200 are sold, 800 stay; all forced orders pay 0.045 %."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from plimsoll.compare_command import Wish, run
from plimsoll.engines import Engine
from plimsoll.plan import PlanMode
from plimsoll.runs import Happening, ModeResult

LINE = Fraction(3_600_000, 980)
FEE = Fraction("0.00045")
ACCOUNT = """
name = "pause"
venue = "hyperliquid"
rules_as_of = 2026-07-02
[wallet]
USDC = "400000"
[[positions]]
symbol = "ETH"
side = "long"
size = "1000"
entry_price = "4000"
leverage = 10
mode = "MODE"
"""


def falling(
    tmp_path: Path, step: str, *points: str, mode: str = "cross", readings: str = "", engine: Engine = Engine.EXACT
) -> ModeResult:
    path = tmp_path / "pause.toml"
    marks = ", ".join(f'"{point}"' for point in points)
    account = ACCOUNT.replace("MODE", mode)
    path.write_text(f'{account}{readings}\n[scripts.a]\nstep = "{step}"\n[scripts.a.marks]\nETH = [{marks}]\n')
    return run(Wish(account=str(path), modes=mode, engine=engine)).results[0]


def forced(result: ModeResult) -> list[Happening]:
    return [h for h in result.run.happenings if h.kind == "forced_close"]


def close(got: Decimal | None, truth: Fraction, room: str = "1e-9") -> bool:
    return got is not None and abs(Fraction(got) - truth) <= Fraction(room)


@pytest.mark.parametrize("mode", ["cross", "isolated"])
def test_what_still_fails_when_the_pause_is_over_is_sold_whole_at_that_second(tmp_path: Path, mode: str) -> None:
    """One dollar a second: 30 dollars lower it fails (18.3 lower already), and is above two thirds (43.0 lower)."""
    first, second = forced(falling(tmp_path, "6m", "4000", "3640", mode=mode))
    assert (first.size, second.size) == (200, 800)
    assert close(first.price, LINE) and close(second.price, LINE - 30, "1e-5")
    assert second.time - first.time == timedelta(seconds=30)


def test_what_holds_when_the_pause_is_over_begins_anew_with_a_fifth(tmp_path: Path) -> None:
    """390 dollars an hour: 3.25 dollars in 30 seconds. Each line follows from the money and the size that are left."""
    sales = forced(falling(tmp_path, "1h", "4000", "3610"))
    money, size, entry = Fraction(400_000), Fraction(1000), Fraction(4000)
    for sale in sales:
        line = (size * entry - money) / (size * Fraction("0.98"))
        part = size / 5 // Fraction("0.0001") * Fraction("0.0001")
        assert close(sale.price, line, "1e-6") and Fraction(sale.size or 0) == part
        money += part * (Fraction(sale.price or 0) - entry) - part * Fraction(sale.price or 0) * FEE
        size -= part
    assert [sale.size for sale in sales] == [200, 160, 128, Decimal("102.4")]


def test_the_vault_does_not_wait(tmp_path: Path) -> None:
    """1,000 dollars a minute: 43.0 below the line, 2.6 seconds later, two thirds of the requirement are left."""
    result = falling(tmp_path, "1m", "4000", "3000")
    taken = [h for h in result.run.happenings if h.kind == "take_over"]
    (sold,) = forced(result)
    assert len(taken) == 1 and taken[0].size == 800
    # two thirds are passed 2.6 seconds after the sale; the venue is asked at the latest a fiftieth of the minute later
    assert timedelta(seconds=2.58) <= taken[0].time - sold.time <= timedelta(seconds=2.59 + 1.2)
    assert result.run.final_equity == 0


def test_the_other_reading_sells_the_rest_within_the_pause_and_parts_after_it(tmp_path: Path) -> None:
    """18.3 dollars lower the rest fails again: whole when that is 18.3 seconds later, a fifth when it is minutes later."""
    readings = '[readings]\npause = "whole_within"\n'
    quick = forced(falling(tmp_path, "6m", "4000", "3640", readings=readings))
    slow = forced(falling(tmp_path, "1h", "4000", "3650", readings=readings))
    assert [h.size for h in quick] == [200, 800] and quick[1].time - quick[0].time < timedelta(seconds=30)
    assert [h.size for h in slow] == [200, 160]


def test_small_positions_are_sold_whole_at_once(tmp_path: Path) -> None:
    text = ACCOUNT.replace('size = "1000"', 'size = "20"').replace("400000", "8000")
    path = tmp_path / "small.toml"
    path.write_text(f'{text.replace("MODE", "cross")}\n[scripts.a]\nstep = "6m"\n[scripts.a.marks]\nETH = ["4000", "3640"]\n')
    result = run(Wish(account=str(path), modes=PlanMode.CROSS.value)).results[0]
    (sale,) = forced(result)
    assert sale.size == 20 and close(sale.price, LINE)
    left = 8000 + 20 * (LINE - 4000) - 20 * LINE * FEE
    assert close(result.run.final_equity, left)


def test_the_scout_leaves_no_pause_out(tmp_path: Path) -> None:
    """On a long history the array engine goes ahead; what happens is the same, to the last digit."""
    points = [str(4000 - (n % 7) - n * 327 // 5200) for n in range(5200)] + ["3672", "3671", "3660", "3672", "3650", "3655"]
    alone, led = (falling(tmp_path, "10s", *points, engine=engine) for engine in (Engine.EXACT, Engine.AUTO))
    assert alone.run.happenings == led.run.happenings and len(forced(alone)) >= 2
    assert alone.run.final_equity == led.run.final_equity
