"""Account files and how they open: what stands in the file is what the account holds, what cannot be is refused in one line
that names file, field, value and cure. Expected amounts are worked out by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest

from plimsoll.account.commands import AddMargin, Deposit, PlaceOrder
from plimsoll.account_file import example_names, parse_account, read_account
from plimsoll.errors import BadInput
from plimsoll.model import Fees, LegKey, LegSide, MarginMode, OrderType, PositionMode, leg_key
from plimsoll.plan import Opening, Plan, PlanMode, open_plan
from plimsoll.prices.script import read_script
from plimsoll.rulebook import Rulebook, discover, in_force
from plimsoll.table_files import load

D = Decimal
DAY = date(2026, 7, 2)

GOOD = """
name = "Test"
venue = "binance_usdm"
rules_as_of = 2026-07-02
[wallet]
USDT = "1000"
[[positions]]
symbol = "BTCUSDT"
side = "long"
size = "0.02"
entry_price = "100000"
leverage = 10
mode = "isolated"
[[positions]]
symbol = "ETHUSDT"
side = "short"
size = "0.5"
leverage = 5
mode = "cross"
[[stops]]
symbol = "BTCUSDT"
price = "92000"
take_profit = "120000"
[[top_ups]]
symbol = "BTCUSDT"
amount = "50"
at_price = "93000"
"""


def rulebook(name: str = "binance_usdm") -> Rulebook:
    return in_force(load(name), DAY)


def opened(text: str = GOOD, venue: str = "binance_usdm", mode: PlanMode = PlanMode.AS_GIVEN) -> Opening:
    return open_plan(parse_account(text, "test.toml"), rulebook(venue), rulebook(), mode)


def example(name: str) -> Plan:
    return read_account(name)


def test_a_file_becomes_the_plan_it_states() -> None:
    plan = parse_account(GOOD, "test.toml")
    btc, eth = plan.positions
    assert (plan.name, plan.venue, plan.position_mode, plan.rules_as_of) == (
        "Test",
        "binance_usdm",
        PositionMode.ONE_WAY,
        DAY,
    )
    assert plan.wallet == {"USDT": D(1000)}
    assert (btc.symbol, btc.side, btc.size, btc.entry_price, btc.leverage, btc.mode) == (
        "BTCUSDT",
        "long",
        D("0.02"),
        D(100000),
        D(10),
        MarginMode.ISOLATED,
    )
    assert eth.entry_price is None and btc.margin is None
    stop, profit = plan.orders
    assert (stop.id, stop.type, stop.side, stop.stop_price, stop.reduce_only, stop.size) == (
        "stop-BTCUSDT",
        OrderType.STOP_MARKET,
        "sell",
        D(92000),
        True,
        None,
    )
    assert (profit.id, profit.type) == ("take-profit-BTCUSDT", OrderType.TAKE_PROFIT_MARKET)


FIRST_POSITION = 'symbol = "BTCUSDT"\nside = "long"'
BAD = [
    # what is replaced, by what, and words that the one line has to hold
    ('size = "0.02"', 'size = "-0.02"', ["positions 1 (BTCUSDT) size", "-0.02", "greater than zero"]),
    ('size = "0.02"', "size = 0", ["positions 1 (BTCUSDT) size", "greater than zero"]),
    ('size = "0.02"', "size = nan", ["positions 1 (BTCUSDT) size", "finite"]),
    ('size = "0.02"', "size = inf", ["positions 1 (BTCUSDT) size", "finite"]),
    ('size = "0.02"', 'size = "many"', ["positions 1 (BTCUSDT) size", "many", "decimal"]),
    ('size = "0.02"', "size = true", ["positions 1 (BTCUSDT) size", "decimal"]),
    ('size = "0.02"\n', "", ["positions 1 (BTCUSDT) size", "missing"]),
    ('side = "long"', 'side = "up"', ["positions 1 (BTCUSDT) side", "up", "long, short"]),
    ('mode = "isolated"', 'mod = "isolated"', ["positions 1 (BTCUSDT) mod", "did you mean mode?"]),
    ('mode = "isolated"', 'mode = "isolatd"', ["mode", "isolatd", "cross, isolated"]),
    ("leverage = 10", "leverage = 0.5", ["positions 1 (BTCUSDT) leverage", "at least 1"]),
    ('entry_price = "100000"', 'entry_price = "0"', ["positions 1 (BTCUSDT) entry_price", "greater than zero"]),
    ('mode = "cross"', 'mode = "cross"\nmargin = "3"', ["positions 2 (ETHUSDT) margin", "only an isolated position"]),
    ('mode = "cross"', 'mode = "isolated"\nmargin = "3"', ["positions 2 (ETHUSDT) margin", "[[top_ups]]"]),
    ('venue = "binance_usdm"', 'venue = "binance"', ["venue", "binance", ", ".join(discover())]),
    ('venue = "binance_usdm"\n', "", ["venue", "missing"]),
    ('name = "Test"', "name = 3", ["name", "3", "quotes"]),
    ("rules_as_of = 2026-07-02", 'rules_as_of = "2026-07-02"', ["rules_as_of", "without quotes"]),
    ("rules_as_of = 2026-07-02", "rules_as_of = 2026-07-02T00:00:00Z", ["rules_as_of", "date"]),
    ("rules_as_of", "rules_asof", ["rules_asof", "did you mean rules_as_of?"]),
    ('USDT = "1000"', 'USDT = "0"', ["wallet.USDT", "greater than zero"]),
    ('USDT = "1000"', "", ["wallet", "empty"]),
    ('[wallet]\nUSDT = "1000"', "wallet = 3", ["wallet", "[wallet]"]),
    ("[wallet]", '[fees]\nmaker_rate = "0"\n[wallet]', ["fees taker_rate", "missing"]),
    ("[wallet]", '[fees]\nmaker_rate = "0"\ntaker_rate = "1"\n[wallet]', ["fees taker_rate", "0.0005"]),
    ("[wallet]", '[fees]\nmaker_rate = "0"\ntaker_rate = "-0.1"\n[wallet]', ["fees taker_rate", "-0.1"]),
    ('price = "92000"\ntake_profit = "120000"', "", ["stops 1 (BTCUSDT) price", "take_profit"]),
    ('[[stops]]\nsymbol = "BTCUSDT"', '[[stops]]\nsymbol = "SOLUSDT"', ["stops 1 (SOLUSDT) symbol", "no such position"]),
    ('[[stops]]\nsymbol = "BTCUSDT"', '[[stops]]\nsymbol = "BTCUSDT"\nside = "short"', ["stops 1", "BTCUSDT:short"]),
    ('at_price = "93000"', "", ["top_ups 1 (BTCUSDT) at_price", "either at_price or at"]),
    ('at_price = "93000"', "at = 2026-01-01T00:00:00", ["top_ups 1 (BTCUSDT) at", "zone"]),
    ('at_price = "93000"', 'at_price = "93000"\nfrom = "heaven"', ["top_ups 1 (BTCUSDT) from", "cash, outside"]),
    ('at_price = "93000"', 'at_price = "93000"\nposition_side = "long"', ["position_side", "hedge"]),
    ("[wallet]", 'position_mode = "hedge"\n[wallet]', ["top_ups 1 (BTCUSDT) position_side", "missing"]),
    ("[[positions]]", "[positions]", ["TOML"]),
    ("[wallet]", "[walet]", ["walet", "did you mean wallet?"]),
]


@pytest.mark.parametrize(("old", "new", "words"), BAD, ids=[f"{n}-{words[0]}" for n, (_, _, words) in enumerate(BAD)])
def test_bad_input_is_one_line_with_file_field_value_and_cure(old: str, new: str, words: list[str]) -> None:
    assert old in GOOD
    with pytest.raises(BadInput) as caught:
        parse_account(GOOD.replace(old, new, 1), "test.toml")
    line = str(caught.value)
    assert line.startswith("test.toml: ") and "\n" not in line
    assert [word for word in words if word not in line] == [], line


def test_one_position_twice_is_refused_and_both_modes_of_a_symbol_are_two_positions() -> None:
    both = GOOD.replace("ETHUSDT", "BTCUSDT")
    assert [p.mode for p in parse_account(both, "test.toml").positions] == [MarginMode.ISOLATED, MarginMode.CROSS]
    with pytest.raises(BadInput, match="stands here twice"):
        parse_account(both.replace('mode = "cross"', 'mode = "isolated"'), "test.toml")


ORDER = '[[orders]]\nsymbol = "BTCUSDT"\nside = "buy"\nsize = "0.01"\ntype = "limit"\nprice = "90000"\n'
BAD_ORDERS = [
    ('price = "90000"\n', "", ["orders 1 (BTCUSDT) price", "missing"]),
    ('type = "limit"', 'type = "market"', ["orders 1 (BTCUSDT) price", "a market order has none"]),
    ('type = "limit"', 'type = "stop_market"', ["orders 1 (BTCUSDT) price", "a stop_market order has none"]),
    ('price = "90000"', 'price = "90000"\nreduce_only = "yes"', ["reduce_only", "true or false"]),
    ('size = "0.01"', 'size = "all"', ["orders 1 (BTCUSDT) size", "all"]),
    ('symbol = "BTCUSDT"\nside = "buy"\nsize = "0.01"', 'symbol = "X"\nside = "buy"\nsize = "position"', ["no such"]),
    ('price = "90000"', 'price = "90000"\nid = "stop-BTCUSDT"', ["stop-BTCUSDT", "two orders"]),
    ('price = "90000"', 'price = "90000"\nleverage = 0', ["orders 1 (BTCUSDT) leverage", "greater than zero"]),
]


@pytest.mark.parametrize(("old", "new", "words"), BAD_ORDERS)
def test_a_bad_order_is_refused_in_one_line(old: str, new: str, words: list[str]) -> None:
    assert old in ORDER
    with pytest.raises(BadInput) as caught:
        parse_account(GOOD + ORDER.replace(old, new, 1), "test.toml")
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)


def test_a_script_that_cannot_be_played_is_refused_with_the_file() -> None:
    script = '[scripts.x]\nstep = "1h"\n[scripts.x.marks]\nBTCUSDT = ["1", "-2"]\n'
    with pytest.raises(BadInput, match=r"test\.toml: scripts\.x\.marks\.BTCUSDT\[1\] = -2: "):
        parse_account(GOOD + script, "test.toml")


def test_a_file_that_is_not_there_names_the_examples() -> None:
    with pytest.raises(BadInput, match=r"nowhere\.toml: account: cannot be read .*textbook"):
        read_account("nowhere.toml")


def test_the_examples_are_bundled_and_each_script_plays() -> None:
    assert example_names() == (
        "borrowed_eth", "btc_collateral", "hedge_mode", "hedged_pair", "interest_only", "inverse", "isolated_only", "long_eth",
        "mixed", "several_coins", "textbook",
    )  # fmt: skip
    for name in example_names():
        plan = example(name)
        assert plan.scripts and plan.about, name
        for script in plan.scripts:
            history = read_script({"scripts": plan.scripts}, plan.source, script)
            assert 24 <= len(history.frames) <= 100, (name, script)
            assert set(history.symbols) == {position.symbol for position in plan.positions}


def test_the_textbook_has_its_three_regimes() -> None:
    plan = example("textbook")
    found = {name: read_script({"scripts": plan.scripts}, plan.source, name).frames for name in plan.scripts}
    assert list(found) == ["crash", "rebound", "slow-bleed"]
    for name, lowest, final in [("crash", "-46", "-45"), ("rebound", "-12", "1"), ("slow-bleed", "-25", "-24")]:
        marks = [frame.bars["ETHUSDT"].mark_close or D(0) for frame in found[name]]
        low, last = (round((mark / marks[0] - 1) * 100) for mark in (min(marks), marks[-1]))
        assert (low, last) == (int(lowest), int(final)), name
        assert found[name][0].bars["BTCUSDT"].mark_close == D(100000)


def test_isolated_money_is_taken_out_of_the_wallet() -> None:
    """0.02 * 100000 / 10 = 200 into the wall of BTC; ETH is opened later, by an order."""
    account = opened().account
    assert account.cash == {"USDT": D(800)}
    assert [(leg_key(p), p.size, p.isolated_margin) for p in account.positions] == [
        (LegKey("BTCUSDT", MarginMode.ISOLATED, LegSide.NET), D("0.02"), D(200))
    ]
    assert account.margin_modes == {"BTCUSDT": MarginMode.ISOLATED}
    assert account.leverages == {"BTCUSDT": D(10), "ETHUSDT": D(5)}


@pytest.mark.parametrize(
    ("mode", "cash", "modes"),
    [
        (PlanMode.CROSS, "500", ["cross", "cross"]),
        (PlanMode.ISOLATED, "100", ["isolated", "isolated"]),
        (PlanMode.AS_GIVEN, "100", ["isolated", "isolated"]),
    ],
)
def test_the_textbook_divides_its_500_as_the_mode_says(mode: PlanMode, cash: str, modes: list[str]) -> None:
    opening = open_plan(example("textbook"), rulebook(), rulebook(), mode)
    assert opening.account.cash == {"USDT": D(cash)}
    assert [position.mode for position in opening.account.positions] == modes


def test_a_position_without_an_entry_is_opened_by_a_market_order_and_orders_follow() -> None:
    placed = [command.order for command in opened().commands if isinstance(command, PlaceOrder)]
    assert [(order.id, order.type, order.side, order.size, order.mode) for order in placed] == [
        ("open-ETHUSDT-cross", OrderType.MARKET, "sell", D("0.5"), MarginMode.CROSS),
        ("stop-BTCUSDT", OrderType.STOP_MARKET, "sell", D("0.02"), MarginMode.ISOLATED),
        ("take-profit-BTCUSDT", OrderType.TAKE_PROFIT_MARKET, "sell", D("0.02"), MarginMode.ISOLATED),
    ]


TOP_UPS = [
    (PlanMode.ISOLATED, "", (AddMargin("BTCUSDT", D(50)),)),
    (PlanMode.CROSS, "", ()),
    (PlanMode.CROSS, '\nfrom = "outside"', (Deposit("USDT", D(50)),)),
    (PlanMode.ISOLATED, '\nfrom = "outside"', (Deposit("USDT", D(50)), AddMargin("BTCUSDT", D(50)))),
]


@pytest.mark.parametrize(("mode", "payer", "commands"), TOP_UPS)
def test_a_top_up_moves_only_what_the_mode_needs(mode: PlanMode, payer: str, commands: tuple[object, ...]) -> None:
    top_up = opened(GOOD.replace('at_price = "93000"', f'at_price = "93000"{payer}'), mode=mode).top_ups[0]
    assert (top_up.at_price, top_up.commands) == (D(93000), commands)


def test_a_top_up_at_a_time_keeps_it_in_utc() -> None:
    top_up = opened(GOOD.replace('at_price = "93000"', "at = 2026-01-02T01:00:00+01:00")).top_ups[0]
    assert (top_up.at, top_up.at_price) == (datetime(2026, 1, 2, tzinfo=UTC), None)


def test_another_venue_counts_its_own_contracts_and_rounds_down_with_a_note() -> None:
    """OKX: 0.01 BTC a contract in lots of 0.01, so 0.02 BTC are 2 contracts; 0.1 ETH in lots of 0.1, so 0.57 ETH are 5.7."""
    text = GOOD.replace('size = "0.5"', 'size = "0.579"').replace('size = "0.02"', 'size = "0.02"')
    opening = opened(text, "okx_futures")
    assert opening.symbols == {"BTCUSDT": "BTC-USDT-SWAP", "ETHUSDT": "ETH-USDT-SWAP"}
    assert opening.account.positions[0].size == D(2)
    first, stop, _ = [command.order for command in opening.commands if isinstance(command, PlaceOrder)]
    assert (first.symbol, first.size) == ("ETH-USDT-SWAP", D("5.7"))
    assert (stop.id, stop.size) == ("stop-BTC-USDT-SWAP", D(2))
    assert opening.notes == ("ETH-USDT-SWAP trades in steps of 0.01 ETH: 0.579 became 0.57.",)


def test_what_the_venue_lacks_is_skipped_with_the_reason_and_the_rest_runs() -> None:
    opening = opened(GOOD.replace("ETHUSDT", "SOLUSDT"), "okx_futures")
    assert [left.symbol for left in opening.skipped] == ["SOLUSDT"]
    assert "SOL-USDT-SWAP" in opening.skipped[0].reason and "bracket table" in opening.skipped[0].reason
    assert list(opening.symbols) == ["BTCUSDT"]


def test_less_than_one_lot_is_skipped() -> None:
    opening = opened(GOOD.replace('size = "0.5"', 'size = "0.0005"'))
    assert [left.symbol for left in opening.skipped] == ["ETHUSDT"]
    assert all(command.order.symbol == "BTCUSDT" for command in opening.commands if isinstance(command, PlaceOrder))


def test_own_fees_hold_at_home_and_list_rates_elsewhere() -> None:
    text = GOOD.replace("[wallet]", '[fees]\nmaker_rate = "-0.0001"\ntaker_rate = "0.0003"\n[wallet]')
    own = (D("-0.0001"), D("0.0003"))
    assert opened(text).account.fees == Fees(*own, *own)
    away = opened(text, "okx_futures")
    assert away.account.fees == Fees(D("0.0002"), D("0.0005"), D("0.0008"), D("0.001"))
    assert any("list rates" in note for note in away.notes)


def test_hedge_legs_are_kept_apart() -> None:
    account = open_plan(example("hedge_mode"), rulebook(), rulebook(), PlanMode.ISOLATED).account
    assert [(p.side, p.size, p.isolated_margin) for p in account.positions] == [
        (LegSide.LONG, D("0.05"), D(500)),
        (LegSide.SHORT, D("-0.03"), D(300)),
    ]
    assert account.cash == {"USDT": D(200)}


def test_an_inverse_position_counts_face_and_pays_in_its_coin() -> None:
    """50000 USD of face are 500 contracts of 100; at 25000 and 10x that is 0.2 BTC."""
    plan = example("inverse")
    home = in_force(load("okx_futures"), date(2023, 6, 15))
    account = open_plan(plan, home, home, PlanMode.ISOLATED).account
    assert [(p.size, p.isolated_margin) for p in account.positions] == [(D(500), D("0.2"))]
    assert account.cash == {"BTC": D("0.3")}


REFUSED = [
    ('USDT = "1000"', 'USDT = "150"', ["wallet.USDT = 150", "need 200 USDT"]),
    ('USDT = "1000"', 'BTC = "1"', ["wallet.USDT", "settles in USDT"]),
    ("BTCUSDT", "BTCUSD", ["symbol = BTCUSD", "did you mean BTCUSDT?"]),
]


@pytest.mark.parametrize(("old", "new", "words"), REFUSED)
def test_a_plan_that_cannot_open_is_refused_with_the_numbers(old: str, new: str, words: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        opened(GOOD.replace(old, new))
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)


HEDGE = """
name = "Legs"
venue = "binance_usdm"
position_mode = "hedge"
[wallet]
USDT = "5000"
[[positions]]
symbol = "BTCUSDT"
side = "long"
size = "0.02"
entry_price = "100000"
leverage = 10
mode = "cross"
[[positions]]
symbol = "BTCUSDT"
side = "short"
size = "0.01"
entry_price = "100000"
leverage = 10
mode = "cross"
"""


def test_a_venue_that_keeps_one_setting_per_symbol_refuses_two() -> None:
    plan = parse_account(HEDGE, "legs.toml")
    long, short = plan.positions
    cases = [
        (msgspec.structs.replace(short, leverage=D(5)), "one leverage for BTCUSDT"),
        (msgspec.structs.replace(short, mode=MarginMode.ISOLATED), "one margin mode per symbol"),
    ]
    for changed, words in cases:
        with pytest.raises(BadInput, match=words):
            open_plan(msgspec.structs.replace(plan, positions=(long, changed)), rulebook(), rulebook(), PlanMode.AS_GIVEN)


def test_a_stop_in_hedge_mode_says_which_leg() -> None:
    with pytest.raises(BadInput, match=r"stops 1 \(BTCUSDT\) side: is missing"):
        parse_account(HEDGE + '[[stops]]\nsymbol = "BTCUSDT"\nprice = "110000"\n', "legs.toml")
    plan = parse_account(HEDGE + '[[stops]]\nsymbol = "BTCUSDT"\nside = "short"\nprice = "110000"\n', "legs.toml")
    assert [(o.id, o.side, o.position_side) for o in plan.orders] == [("stop-BTCUSDT:short", "buy", LegSide.SHORT)]


def test_settings_of_the_account_are_those_of_its_venue() -> None:
    assert read_account("btc_collateral").options == {"asset_mode": "multi"}
    for text, said in (
        ('[options]\nasset_mode = "both"\n', "options asset_mode = both: choose one of single, multi"),
        ('[options]\nasset_mod = "multi"\n', "options asset_mod: unknown key; did you mean asset_mode"),
        ("[options]\nasset_mode = 2\n", "options asset_mode = 2: choose one of single, multi"),
        ('options = "multi"\n', r"options = multi: write a table: \[options\]"),
    ):
        with pytest.raises(BadInput, match=said):
            parse_account(text + GOOD if text.startswith("options") else GOOD + text, "test.toml")
    with pytest.raises(BadInput, match="options asset_mode: okx_futures has no such settings"):
        parse_account(GOOD.replace("binance_usdm", "okx_futures") + '[options]\nasset_mode = "multi"\n', "test.toml")
