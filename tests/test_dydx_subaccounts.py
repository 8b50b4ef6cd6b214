"""What dYdX's subaccounts ask of the account machine: markets that stand alone, orders for which nothing is set aside,
positions that nobody takes, further numbers of tables."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from plimsoll.account.commands import PlaceOrder, SetMarks
from plimsoll.account.decide import Decision, decide
from plimsoll.account.events import OrderCancelled, TakenOver, Traded
from plimsoll.account.state import Environment, State, Venue
from plimsoll.cautions import Code, cautions
from plimsoll.compare_command import Wish, run
from plimsoll.errors import BadInput, Reason
from plimsoll.margin.assess import assess
from plimsoll.model import Account, LegSide, MarginMode, Marks, Order, OrderType, Position, PositionMode, Stage
from plimsoll.rulebook import Rulebook, in_force
from plimsoll.rulebook_words import of
from plimsoll.table_files import load, merge, read

D = Decimal
BOOK = in_force(load("dydx"), date(2026, 7, 2))
PRICES = {"BTC-USD": D(100000), "ETH-USD": D(4000), "EIGEN-USD": D(4)}


def holding(symbol: str, size: str, mode: MarginMode = MarginMode.CROSS, cash: str = "10000") -> State:
    held = Position(symbol, mode, LegSide.NET, D(size), PRICES[symbol], D(0))
    return State(Account(PositionMode.ONE_WAY, {"USDC": D(cash)}, (held,)), Marks(PRICES, dict(PRICES)))


def buy(state: State, symbol: str, size: str, mode: MarginMode, price: str | None = None) -> Decision:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    order = Order(f"buy-{symbol}", symbol, "buy", D(size), kind, None if price is None else D(price))
    return decide(state, PlaceOrder(order, mode), Venue(BOOK))


@pytest.mark.parametrize(("held", "wanted"), [("BTC-USD", "EIGEN-USD"), ("EIGEN-USD", "ETH-USD")])
def test_an_isolated_market_shares_a_subaccount_with_nothing(held: str, wanted: str) -> None:
    refused = buy(holding(held, "1", cash="1000000"), wanted, "1", MarginMode.CROSS).reject
    assert refused is not None and refused.reason is Reason.NOT_OFFERED and "isolated market" in refused.message
    assert buy(holding(held, "1", cash="1000000"), wanted, "1", MarginMode.ISOLATED).reject is None


def test_more_of_an_isolated_market_goes_into_its_own_subaccount() -> None:
    assert buy(holding("EIGEN-USD", "1"), "EIGEN-USD", "1", MarginMode.CROSS).reject is None


@pytest.mark.parametrize(("eth", "filled"), [("3900", True), ("1", False)])
def test_a_resting_order_is_looked_at_again_when_it_fills(eth: str, filled: bool) -> None:
    """Placed while it could be paid for; by the time it fills, the short beside it has eaten the collateral or not."""
    state = buy(holding("ETH-USD", "-1", cash="1000"), "BTC-USD", "0.02", MarginMode.CROSS, "90000").state
    assert [o.symbol for o in state.account.orders] == ["BTC-USD"]
    prices = {"BTC-USD": D(90000), "ETH-USD": D(eth) if filled else D(4930)}
    done = decide(state, SetMarks(prices, prices), Venue(BOOK))
    assert any(isinstance(e, Traded) for e in done.events) is filled
    assert any(isinstance(e, OrderCancelled) and e.why == "not_enough_margin" for e in done.events) is not filled


def test_a_position_that_nobody_takes_stays_and_is_not_called_healthy() -> None:
    """Until it has less than nothing; then the opposite side takes it, and no fund does."""
    nobody = Venue(BOOK, Environment({"BTC-USD": None}, {"USDC": D(10**6)}))
    state = holding("BTC-USD", "1", cash="2000")
    low = decide(state, SetMarks({"BTC-USD": D(98500)}), nobody)
    assert low.state.account.positions and not any(isinstance(e, TakenOver) for e in low.events)
    gone = decide(low.state, SetMarks({"BTC-USD": D(97000)}), nobody)
    (taken,) = [e for e in gone.events if isinstance(e, TakenOver)]
    assert (taken.price, taken.fund_result) == (D(98000), D(0))
    assert gone.state.account.cash == {"USDC": D(0)} and gone.state.account.positions == ()


def test_a_loss_that_the_fund_pays_ends_bankrupt_and_at_zero() -> None:
    done = decide(holding("BTC-USD", "1", cash="2000"), SetMarks({"BTC-USD": D(97000)}), Venue(BOOK)).state
    assert done.account.cash == {"USDC": D(0)} and done.stages == {"asset:USDC": Stage.BANKRUPT}


def test_terms_are_dated_by_symbol_and_by_name() -> None:
    names = BOOK.rules.TERMS
    terms = {s: dict(zip(names, i.terms, strict=True)) for s, i in BOOK.instruments.items()}
    assert terms["SOL-USD"]["open_interest_upper_cap"] == D(50000000) and terms["BTC-USD"]["open_interest_upper_cap"] == 0
    assert {t["spread_to_maintenance_ratio"] for t in terms.values()} == {D("1.5")}
    assert in_force(load("okx_futures"), date(2026, 7, 2)).instruments["BTC-USDT-SWAP"].terms == ()


OWN = """rulebook = "dydx"
bracket_unit = "notional"
deductions = "none"
terms = [ {{ name = "{name}", symbol = "SOL-USD", value = "{value}", from = 2025-01-01, source = "mine", grade = "own" }} ]
[sources.mine]
text = "looked up"
"""


def test_a_users_own_open_interest_raises_the_initial_margin() -> None:
    """SOL at 100: 350,000 coins are half way between 20 and 50 million USDC, so that the rate is half way from 10 % to 1."""
    table = merge(load("dydx"), read(OWN.format(name="open_interest", value="350000"), "own.toml"))
    book = in_force(table, date(2026, 7, 2))
    account = Account(PositionMode.ONE_WAY, {"USDC": D(1000)}, leverages={})
    order = Order("a", "SOL-USD", "buy", D(100), OrderType.LIMIT, D(100))
    marks = Marks({"SOL-USD": D(100)})
    refused = decide(State(account, marks), PlaceOrder(order), Venue(book)).reject
    assert refused is not None and (refused.wanted, refused.limit) == (D(5500), D(1000))
    assert decide(State(account, marks), PlaceOrder(order), Venue(BOOK)).reject is None


@pytest.mark.parametrize(
    ("name", "value", "said"), [("open_intrest", "1", "open_interest"), ("open_interest", "-1", "0 or above")]
)
def test_a_term_that_is_none_is_refused_in_one_line(name: str, value: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read(OWN.format(name=name, value=value), "own.toml")


def seen(symbol: str, size: str, book: Rulebook = BOOK) -> list[str]:
    state = holding(symbol, size)
    view = assess(state.account, state.marks, book)
    return [caution.sentence for caution in cautions(view, state.account, book) if caution.code is Code.UNSTATED]


def test_a_reader_is_told_that_open_interest_is_not_in_the_table() -> None:
    """EIGEN has its caps at half a million and a million of USDC; the largest markets have none, so that nothing is missing."""
    (told,) = seen("EIGEN-USD", "10")
    assert told.startswith("EIGEN-USD: open interest is not in the table") and "500,000 USDC" in told and "at 1,000,000" in told
    assert seen("BTC-USD", "0.1") == []
    own = OWN.replace("SOL-USD", "EIGEN-USD").format(name="open_interest", value="1000")
    assert seen("EIGEN-USD", "10", in_force(merge(load("dydx"), read(own, "own.toml")), date(2026, 7, 2))) == []


def test_the_page_of_the_rulebook_and_a_comparison_say_so_too(tmp_path: Path) -> None:
    page = " ".join(of("dydx").split())
    assert page.count("open interest is not in the table") == 3 and "EIGEN-USD" in page.split("Not stated:")[1].split("##")[0]
    path = tmp_path / "eigen.toml"
    path.write_text(
        'name = "EIGEN"\nvenue = "dydx"\n[wallet]\nUSDC = "1000"\n[[positions]]\nsymbol = "EIGEN-USD"\n'
        'side = "long"\nsize = "100"\nmode = "cross"\nleverage = 2\n[scripts.s]\nstart = 2026-07-02T00:00:00Z\nstep = "1h"\n'
        '[scripts.s.marks]\nEIGEN-USD = ["4", "3"]\n'
    )
    (note,) = run(Wish(account=str(path), modes="cross")).venues
    assert any(line.startswith("EIGEN-USD: open interest is not in the table") for line in note.notes)
