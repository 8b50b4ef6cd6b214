"""What a setting makes of an account file, and which settings words on a command line make."""

from decimal import Decimal
from fractions import Fraction

import pytest

from plimsoll.account_file import parse_account
from plimsoll.errors import BadInput
from plimsoll.model import LegSide, MarginMode, OrderType
from plimsoll.plan import PlanMode, open_plan
from plimsoll.studies import Setting
from plimsoll.sweeps import read_axis, read_sweep, settings_of
from plimsoll.variations import varied
from random_accounts import rulebook_of

TWO = """
name = "x"
venue = "binance_usdm"
wallet = {USDT = "1000"}
[[positions]]
symbol = "BTCUSDT"
side = "long"
size = "0.02"
entry_price = "100000"
leverage = 10
mode = "isolated"
margin = "300"
[[positions]]
symbol = "ETHUSDT"
side = "short"
size = "0.5"
entry_price = "4000"
leverage = 5
mode = "isolated"
margin = "100"
[[stops]]
symbol = "BTCUSDT"
price = "95000"
take_profit = "120000"
[[orders]]
symbol = "ETHUSDT"
side = "sell"
size = "0.1"
type = "limit"
price = "4100"
leverage = 5
"""
UNOPENED = TWO.replace('entry_price = "4000"\n', "").replace('margin = "100"\n', "")
D = Decimal


def setting(leverage=None, stop=None, split=None, mode=PlanMode.ISOLATED):
    return Setting("binance_usdm", mode, *(None if x is None else D(x) for x in (leverage, stop, split)))


def by_symbol(plan):
    return {p.symbol: p for p in plan.positions}


def test_a_setting_that_varies_nothing_leaves_the_plan_as_it_is():
    plan = parse_account(TWO, "x.toml")
    assert varied(plan, setting()) == plan


def test_isolated_money_follows_the_leverage_and_sizes_stay():
    plan = varied(parse_account(TWO, "x.toml"), setting("20"))
    assert {(p.leverage, p.margin) for p in plan.positions} == {(D(20), None)}
    assert [p.size for p in plan.positions] == [D("0.02"), D("0.5")]
    assert {o.leverage for o in plan.orders} == {None, D(20)}, "an order in a symbol shares its leverage setting"
    book = rulebook_of("binance_usdm")
    opened = open_plan(plan, book, book, PlanMode.ISOLATED).account
    assert [p.isolated_margin for p in opened.positions] == [D(100), D(100)], "2,000 of value at 20x, twice"


def test_a_stop_takes_the_place_of_own_stops_only():
    plan = varied(parse_account(TWO, "x.toml"), setting(stop="0.05"))
    stops = {o.symbol: o for o in plan.orders if o.type is OrderType.STOP_MARKET}
    assert len(plan.orders) == 4, "a take-profit, a limit order and two stops"
    assert (stops["BTCUSDT"].stop_price, stops["BTCUSDT"].side, stops["BTCUSDT"].size) == (D(95000), "sell", D("0.02"))
    assert (stops["ETHUSDT"].stop_price, stops["ETHUSDT"].side, stops["ETHUSDT"].size) == (D(4200), "buy", D("0.5"))
    assert all(o.reduce_only for o in stops.values())
    assert "take-profit-BTCUSDT" in {o.id for o in plan.orders}
    assert "stop-BTCUSDT" not in {o.id for o in plan.orders}


def test_a_stop_of_a_position_that_is_yet_to_be_opened_is_measured_from_the_start():
    plan = parse_account(UNOPENED, "x.toml")
    with pytest.raises(BadInput, match="entry_price of ETHUSDT"):
        varied(plan, setting(stop="0.1"))
    found = varied(plan, setting(stop="0.1"), {"ETHUSDT": D(5000)})
    assert {o.stop_price for o in found.orders if o.type is OrderType.STOP_MARKET} == {D(90000), D(5500)}


def test_in_hedge_mode_a_stop_names_its_leg():
    hedged = TWO.replace('venue =', 'position_mode = "hedge"\nvenue =').split("[[stops]]")[0]
    stops = varied(parse_account(hedged, "x.toml"), setting(stop="0.1")).orders
    assert [(o.id, o.position_side) for o in stops] == [
        ("varied-stop-BTCUSDT:long", LegSide.LONG),
        ("varied-stop-ETHUSDT:short", LegSide.SHORT),
    ]


def test_a_symbol_held_in_both_modes_gets_a_stop_for_each():
    both = TWO.split("[[stops]]")[0].replace('symbol = "ETHUSDT"\nside = "short"', 'symbol = "BTCUSDT"\nside = "long"')
    both = both.replace('mode = "isolated"\nmargin = "100"', 'mode = "cross"')
    stops = varied(parse_account(both, "x.toml"), setting(stop="0.1", mode=PlanMode.AS_GIVEN)).orders
    assert [(o.mode, o.size) for o in stops] == [(MarginMode.ISOLATED, D("0.02")), (MarginMode.CROSS, D("0.5"))]
    assert len({o.id for o in stops}) == 2


def test_a_split_divides_the_walls_as_the_margins_stood():
    plan = varied(parse_account(TWO, "x.toml"), setting(split="0.8"))
    assert [p.margin for p in plan.positions] == [D(600), D(200)], "800 of 1,000, three to one"


def test_a_split_without_margins_goes_by_value_over_leverage():
    plan = parse_account(TWO.replace('margin = "300"\n', "").replace('margin = "100"\n', ""), "x.toml")
    shares = [Fraction(2000, 10), Fraction(2000, 5)]
    wanted = [500 * share / sum(shares) for share in shares]
    found = varied(plan, setting(split="0.5")).positions
    assert sum(p.margin for p in found) == 500, "to the last digit: the whole wallet may be split"
    for position, money in zip(found, wanted, strict=True):
        assert abs(Fraction(position.margin) - money) < Fraction(1, 10**8)
    alike = varied(plan, setting(leverage="7", split="0.5"))
    assert [p.margin for p in alike.positions] == [D(250), D(250)], "one leverage: by value alone"


def test_only_the_positions_that_the_mode_isolates_have_walls():
    mixed = TWO.replace('mode = "isolated"\nmargin = "100"', 'mode = "cross"')
    plan = varied(parse_account(mixed, "x.toml"), setting(split="0.8", mode=PlanMode.AS_GIVEN))
    assert [by_symbol(plan)[s].margin for s in ("BTCUSDT", "ETHUSDT")] == [D(800), None]


@pytest.mark.parametrize(
    ("text", "given", "said"),
    [
        (TWO, setting("0.5"), "leverage"),
        (TWO, setting(stop="1"), "stop"),
        (TWO, setting(split="1.2"), "split"),
        (TWO, setting(split="0.5", mode=PlanMode.CROSS), "no position is isolated"),
        (TWO.replace('"1000"}', '"1000", BTC = "1"}'), setting(split="0.5"), "one coin"),
        (UNOPENED, setting(split="0.5"), "entry_price of ETHUSDT"),
        (TWO.replace("USDT =", "BTC =").replace('margin = "300"\n', ""), setting(split="0.5"), "state each"),
    ],
)
def test_what_cannot_be_varied_so_is_refused(text, given, said):
    with pytest.raises(BadInput, match=said):
        varied(parse_account(text, "x.toml"), given)


def test_axes_are_read_as_people_write_them():
    assert read_axis("leverage", "3, 5x,10", "--leverage") == (D(3), D(5), D(10))
    assert read_axis("leverage", "2:50", "--leverage") == (D(2), D(3), D(4), D(7), D(10), D(15), D(22), D(33), D(50))
    assert read_axis("leverage", "2:4", "--leverage") == (D(2), D(3), D(4))
    assert read_axis("stop", "1%:16%:5", "--sweep") == (D("0.01"), D("0.02"), D("0.04"), D("0.08"), D("0.16"))
    assert read_axis("stop", "as-given,0.05,5%", "--sweep") == (None, D("0.05"))
    assert read_axis("split", "20%:100%:5", "--sweep") == (D("0.2"), D("0.4"), D("0.6"), D("0.8"), D(1))


def test_the_grid_has_every_point_once_and_cross_no_split():
    axes = read_sweep(["leverage=2,4", "split=50%,100%"])
    grid = settings_of(["binance_usdm"], [PlanMode.CROSS, PlanMode.ISOLATED], axes)
    cross = [s for s in grid if s.mode is PlanMode.CROSS]
    assert [(s.leverage, s.split) for s in cross] == [(D(2), None), (D(4), None)]
    assert len(grid) == 2 + 4 == len(set(grid))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["leverag=2:5"], "did you mean leverage"),
        (["leverage"], "LOW:HIGH"),
        (["leverage=2 leverage=3"], "twice"),
        (["leverage=5:2"], "below"),
        (["leverage=2:5:1"], "how many"),
        (["leverage=2:5:x"], "how many"),
        (["leverage=2:5:6:7"], "LOW:HIGH"),
        (["leverage=0.5"], "at least 1"),
        (["leverage=nan"], "finite"),
        (["stop=100%"], "below 100%"),
        (["stop=-1%"], "above 0"),
        (["split=2"], "above 0, at most 100%"),
        (["split="], "LOW:HIGH"),
        (["leverage=1:2000:200 stop=1%:90%:200"], "settings"),
    ],
)
def test_a_sweep_that_says_nothing_is_refused_in_one_line(words, said):
    with pytest.raises(BadInput, match=said) as caught:
        settings_of(["binance_usdm"], [PlanMode.CROSS], read_sweep(words))
    assert "\n" not in str(caught.value)
