"""Playing a path: things happen where they happen, in order, and the search for them ends."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.compare_command import Wish, run
from plimsoll.errors import BadInput
from plimsoll.margin.liquidation_price import first_failure
from plimsoll.number import ONE, exact, floor_to
from plimsoll.plan import PlanMode
from plimsoll.runs import ModeResult

D = Decimal
points = st.decimals(min_value="0.001", max_value="0.999", places=30)


@given(points, st.decimals(min_value="1e-6", max_value="1e9", places=9), st.sampled_from([D("3.5e-34"), D(0), D("-1e-33")]))
def test_the_root_of_a_straight_line_is_found_on_its_failing_side_whatever_the_last_digit_does(root, slope, crumb):
    with exact():

        def headroom(x):
            return (root - x) * slope + (crumb if abs(x - root) < D("1e-25") else 0)

        found = first_failure(headroom, D(0), D(1))
        assert headroom(found) <= 0
        assert abs(found - root) < D("1e-24")


def test_a_root_is_found_in_few_looks():
    """Also where the last interval is wider by a hair than the least width, which was rounded, and cannot narrow."""
    most = 0
    with exact():
        for i in range(200):
            looks, good = [], ONE - D(i + 1) / 201
            root = good + (1 - good) * D(i % 7 + 1) / 97

            slope = D(i % 11 + 3) / 7

            def headroom(x, looks=looks, root=root, slope=slope):
                looks.append(x)
                return (root + D("1e-34") - x) * slope

            first_failure(headroom, good, ONE)
            most = max(most, len(looks))
    assert most < 20


@given(points, st.sampled_from([D("1e-60"), D("1e-7")]), st.sampled_from([D("12.3"), D("7919"), D("123456.7")]))
def test_where_a_stair_of_whole_units_goes_below_nothing_is_found_in_few_looks(root, none, slope):
    """A headroom in millionths that is exactly nothing on a stair (`none`: a hair, which is safe) before it is less."""
    looks = []
    with exact():
        steps = floor_to(slope * root / D("1e-6"), ONE)

        def headroom(x):
            looks.append(x)
            return floor_to(slope * (1 - x) / D("1e-6"), ONE) * D("1e-6") - steps * D("1e-6") or none

        edge = 1 - steps * D("1e-6") / slope
        found = first_failure(headroom, D(0), ONE)
        assert headroom(found) < 0
        assert abs(found - edge) < D("1e-28")
    assert len(looks) < 110


@given(points, points)
def test_the_root_of_a_concave_bend_is_found_on_its_failing_side(root, knee):
    with exact():

        def headroom(x):
            return min((root - x) * 3, (root - x) * 3 if x < knee else (root - x) * 3 - (x - knee))

        found = first_failure(headroom, D(0), D(1))
        assert headroom(found) <= 0
        assert headroom(found - D("1e-24")) > 0


def played(tmp_path: Path, text: str, mode: PlanMode, prices: dict[str, list[str]], venue: str = "binance_usdm") -> ModeResult:
    marks = "\n".join(f'"{symbol}" = {points}' for symbol, points in prices.items()).replace("'", '"')
    path = tmp_path / "account.toml"
    head = f'name = "x"\nvenue = "{venue}"\nrules_as_of = 2026-07-02\n'
    path.write_text(f'{head}{text}\n[scripts.a]\nstep = "1h"\n[scripts.a.marks]\n{marks}\n')
    return next(r for r in run(Wish(account=str(path), modes=mode.value)).results if r.mode is mode)


def held(symbol: str, size: str, entry: str | None = None, leverage: int = 10, side: str = "long", mode: str = "cross") -> str:
    price = "" if entry is None else f'entry_price = "{entry}"\n'
    return (
        f'[[positions]]\nsymbol = "{symbol}"\nside = "{side}"\nsize = "{size}"\nleverage = {leverage}\nmode = "{mode}"\n{price}'
    )


def test_a_huge_position_fails_at_its_line_and_not_at_the_end_of_the_bar(tmp_path):
    wallet = '[wallet]\nUSDT = "20000000"\n'
    result = played(tmp_path, wallet + held("ETHUSDT", "30000", "4000"), PlanMode.ISOLATED, {"ETHUSDT": ["4000", "3000"]})
    first = next(h for h in result.run.happenings if h.kind == "forced_close")
    assert D(3700) < first.price < D(3740)
    assert result.run.insurance_draw == 0
    assert result.run.final_equity == D("8000000"), "its 12 million are gone, the rest is there"


def test_a_position_cut_lot_by_lot_takes_a_bounded_number_of_looks(tmp_path):
    wallet = '[wallet]\nUSDT = "9000000"\n'
    result = played(tmp_path, wallet + held("ETHUSDT", "20000", "4000"), PlanMode.ISOLATED, {"ETHUSDT": ["4000", "3000"]})
    cuts = [h for h in result.run.happenings if h.kind == "forced_close"]
    assert 1 <= len(cuts) <= 50


def limit(price: str) -> str:
    order = f'symbol = "ETHUSDT"\nside = "buy"\nsize = "1"\ntype = "limit"\nprice = "{price}"\nleverage = 10\n'
    return f'[wallet]\nUSDT = "1000"\n[[orders]]\n{order}'


def test_a_limit_through_the_market_trades_at_the_market_and_as_taker(tmp_path):
    result = played(tmp_path, limit("4400"), PlanMode.CROSS, {"ETHUSDT": ["4000", "4000"]})
    opened = next(h for h in result.run.happenings if h.kind == "open")
    assert opened.price == 4000
    assert result.run.fees == 4000 * D("0.0005")


def test_a_limit_below_the_market_waits_and_trades_at_its_price_as_maker(tmp_path):
    result = played(tmp_path, limit("3900"), PlanMode.CROSS, {"ETHUSDT": ["4000", "3800"]})
    opened = next(h for h in result.run.happenings if h.kind == "open")
    assert opened.price == 3900
    assert result.run.fees == 3900 * D("0.0002")
    assert result.run.legs[0].notional_at_start == 3900
    assert result.run.money_at_risk == 1000


def test_what_cannot_be_opened_is_told_and_its_stop_does_not_trigger(tmp_path):
    text = '[wallet]\nUSDT = "10"\n' + held("ETHUSDT", "1") + '[[stops]]\nsymbol = "ETHUSDT"\nprice = "3900"\n'
    result = played(tmp_path, text, PlanMode.CROSS, {"ETHUSDT": ["4000", "3800"]})
    assert "no position was ever opened" in result.sentence
    assert "-2019" in result.sentence
    assert not any(h.kind == "stop" for h in result.run.happenings)


def test_a_position_that_is_under_water_at_the_first_price_is_refused(tmp_path):
    with pytest.raises(BadInput, match="beyond its liquidation price at the first prices"):
        wallet = '[wallet]\nUSDT = "500"\n'
        played(tmp_path, wallet + held("ETHUSDT", "1", "4000"), PlanMode.ISOLATED, {"ETHUSDT": ["2000", "2100"]})


def test_a_stop_before_the_line_saves_the_rest(tmp_path):
    wallet = '[wallet]\nUSDT = "500"\n'
    stop = '[[stops]]\nsymbol = "ETHUSDT"\nprice = "3800"\n'
    result = played(tmp_path, wallet + held("ETHUSDT", "1", "4000") + stop, PlanMode.ISOLATED, {"ETHUSDT": ["4000", "3000"]})
    assert [h.kind for h in result.run.happenings] == ["stop", "close"]
    assert result.run.final_equity == 500 - 200 - 3800 * D("0.0005")


def test_coins_and_quotes_in_one_account_are_told_in_one_unit(tmp_path):
    text = '[wallet]\nBTC = "0.05"\nUSDT = "2000"\n'
    text += held("BTC-USD-SWAP", "1000", "100000", 5) + held("ETH-USDT-SWAP", "1", "4000", 10, "short")
    prices = {"BTC-USD-SWAP": ["100000", "90000"], "ETH-USDT-SWAP": ["4000", "3900"]}
    result = played(tmp_path, text, PlanMode.CROSS, prices, "okx_futures")
    assert result.run.unit == "USD"
    assert result.run.start_equity == 5000 + 2000
    # 0.05 BTC at 90,000, the coin loss 1000/100000 - 1000/90000 BTC at 90,000, and 100 from the short
    with exact():
        expected = (D("0.05") + D(1000) / 100000 - D(1000) / 90000) * 90000 + 2000 + 100
    assert abs(result.run.final_equity - expected) < D("1e-9")
    assert any("told in USD" in note for note in result.run.notes)
