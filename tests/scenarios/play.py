"""Scenarios as text tables, in the words of the domain. One line, one act or one expectation; `#` begins a remark.

    venue binance_usdm on 2026-07-02         the rulebook and its day; must come first
    fees 0.0002 0.0005                       maker and taker rate of the account (default: none)
    brackets ETHUSDT 0 50000 0.01 0 50 / 50000 - 0.02 500 20     a table of one's own: floor cap rate deduction leverage
    clearance BTCUSDT 0.002                  the liquidation fee rate of a symbol
    hedge                                    hedge mode (default: one-way)
    cash USDT 500                            money at the start
    fund USDT 10                             what the insurance fund holds (default: enough)
    fills ETHUSDT nobody                     who takes forced orders: a price, or nobody (default: the mark)
    counterparty eve ETHUSDT short 5 rank 1
    ratio BTC 0.95 0.04                      what a coin counts as collateral, and the maintenance rate of a debt in it
    indexes USDT 1 BTC 60000                 prices of coins, in force from the next marks on
    marks BTCUSDT 60000 ETHUSDT 3520         all prices of one instant
    clock 2023-06-01T00:10                   the time (UTC) of the marks that follow
    leverage ETHUSDT isolated 10 [long|short]
    mode ETHUSDT isolated                    margin mode of the symbol, or `mode isolated`: of the account
    buy ETHUSDT 0.5 isolated [at 3500] [long|short]      a trade, by default at the mark; likewise `sell`
    stop sell ETHUSDT 0.5 at 3400 isolated   a reduce-only stop on the mark
    funding ETHUSDT 0.0001 | deposit USDT 5 | withdraw USDT 5 | margin ETHUSDT +20 [long|short]
    settle BTC-USD-220624 at 40000           the daily settlement of an expiry
    refused CODE ...                         the act that follows must be refused with the venue's code (`any`: with some)
    expect cash USDT 100 [+- 0.5]            cash outside the walls; `expect position NAME SIZE|gone`,
    expect available USDT 460                what new orders may use
    expect headroom POOL above 0             `expect margin NAME 200`, `expect stage POOL HEALTHY`, `expect orders 0`
    expect world insurance_fund USDT -12     what the world has gained since the start
    expect events TakenOver ETHUSDT, ...     the forced events of the last act, in order; `expect events none`
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from plimsoll.account.commands import (
    AddMargin,
    Command,
    Deposit,
    Fill,
    PlaceOrder,
    RemoveMargin,
    SetLeverage,
    SetMarginMode,
    SetMarks,
    SettleExpiry,
    SettleFunding,
    Withdraw,
)
from plimsoll.account.decide import decide
from plimsoll.account.events import Converted, Deleveraged, Event, Reduced, ShortfallCovered, TakenOver
from plimsoll.account.state import State, Venue
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.views import Assessment
from plimsoll.margin.waterfall import Counterparty
from plimsoll.model import (
    Account,
    Bracket,
    Coin,
    CollateralTier,
    Fees,
    LegSide,
    LoanTier,
    MarginMode,
    Marks,
    Order,
    OrderType,
    PositionMode,
)
from plimsoll.rulebook import in_force
from plimsoll.table_files import load

D = Decimal
MODES = {"cross", "isolated"}
SIDES = {"long", "short"}


class Play:
    """One scenario on the stage: the state as it goes, and what the last act set off."""

    def __init__(self) -> None:
        self.venue = Venue(in_force(load("binance_usdm"), date(2026, 7, 2)))
        self.state = State(Account(PositionMode.ONE_WAY, {}), Marks({}))
        self.events: tuple[Event, ...] = ()
        self.wanted_refusal: str | None = None
        self.indexes: dict[str, Decimal] = {}
        self.orders = 0
        self.clock: datetime | None = None

    def line(self, text: str) -> None:
        verb, *words = text.split("#")[0].split()
        if verb == "refused":
            self.wanted_refusal, verb, words = words[0], words[1], words[2:]
        if verb == "expect":
            self.expect(words)
        elif verb in SETTINGS:
            SETTINGS[verb](self, words)
        else:
            self.act(self.command(verb, words))

    def act(self, command: Command) -> None:
        decision = decide(self.state, command, self.venue)
        wanted, self.wanted_refusal = self.wanted_refusal, None
        if wanted is None:
            assert decision.reject is None, decision.reject
        else:
            assert decision.reject is not None, f"{command} was accepted"
            code = self.venue.rulebook.rules.venue_code(decision.reject)
            assert wanted in (code, "any"), f"refused with {code}: {decision.reject.message}"
        self.state, self.events = decision.state, decision.events

    def command(self, verb: str, words: list[str]) -> Command:
        mode = next((MarginMode(w) for w in words if w in MODES), None)
        side = next((LegSide(w) for w in words if w in SIDES), LegSide.NET)
        price = D(words[words.index("at") + 1]) if "at" in words else None
        match verb:
            case "marks":
                moved = {s: D(p) for s, p in zip(words[::2], words[1::2], strict=True)}
                return SetMarks(moved, {}, self.indexes, self.clock)
            case "buy" | "sell":
                at = price if price is not None else self.state.marks.marks[words[0]]
                return Fill(words[0], verb, D(words[1]), at, "taker", mode, side)
            case "stop":
                self.orders += 1
                order = Order(
                    str(self.orders), words[1], words[0], D(words[2]), OrderType.STOP_MARKET,
                    stop_price=price, reduce_only=True, position_side=side,
                )  # fmt: skip
                return PlaceOrder(order, mode)
            case "leverage":
                number = next(D(w) for w in words[1:] if w not in MODES | SIDES)
                return SetLeverage(words[0], number, mode, side)
            case "mode":
                return SetMarginMode("" if words[0] in MODES else words[0], mode or MarginMode.CROSS)
            case "funding":
                return SettleFunding(words[0], D(words[1]))
            case "settle" if price is not None:
                return SettleExpiry(words[0], price)
            case "deposit":
                return Deposit(words[0], D(words[1]))
            case "withdraw":
                return Withdraw(words[0], D(words[1]))
            case "margin":
                amount = D(words[1])
                return (AddMargin if amount > 0 else RemoveMargin)(words[0], abs(amount), side)
        raise AssertionError(f"no such act: {verb}")

    def expect(self, words: list[str]) -> None:
        what, *rest = words
        found = EXPECTATIONS[what](self, rest)
        assert found is True, f"{' '.join(words)}: {found}"

    def view(self) -> Assessment:
        return assess(self.state.account, self.state.marks, self.venue.rulebook, Prices.NONE)

    def leg(self, name: str) -> Any:
        return next((leg for leg in self.view().legs if leg.name == name), None)


def number(found: Decimal, words: list[str]) -> bool | str:
    """`100`, `100 +- 0.5`, `above 0`, `below 25`."""
    if words[0] == "above":
        return found > D(words[1]) or f"is {found}"
    if words[0] == "below":
        return found < D(words[1]) or f"is {found}"
    room = D(words[2]) if words[1:2] == ["+-"] else D(0)
    return abs(found - D(words[0])) <= room or f"is {found}"


def _position(play: Play, words: list[str]) -> bool | str:
    leg = play.leg(words[0])
    if words[1] == "gone":
        return leg is None or f"holds {leg.size}"
    return number(leg.size if leg is not None else D(0), words[1:])


def _headroom(play: Play, words: list[str]) -> bool | str:
    pool = next((p for p in play.view().pools if p.key == words[0]), None)
    return "there is no such pool" if pool is None else number(pool.headroom, words[1:])


def _events(play: Play, words: list[str]) -> bool | str:
    forced = [e for e in play.events if isinstance(e, (Converted, Reduced, TakenOver, Deleveraged, ShortfallCovered))]
    told = []
    for e in forced:
        if isinstance(e, Converted):
            told.append(f"Converted {e.source}")
            continue
        who = e.counterparty if isinstance(e, Deleveraged) else e.pool if isinstance(e, ShortfallCovered) else e.leg.symbol
        told.append(f"{type(e).__name__} {who}")
    text = ", ".join(told) or "none"
    return text == " ".join(words) or f"are {text}"


EXPECTATIONS: dict[str, Any] = {
    "cash": lambda play, words: number(play.state.account.cash.get(words[0], D(0)), words[1:]),
    "available": lambda play, words: number(
        next((a.available_balance for a in play.view().assets if a.asset == words[0]), D(0)), words[1:]
    ),
    "position": _position,
    "margin": lambda play, words: number(play.leg(words[0]).isolated_margin, words[1:]),
    "headroom": _headroom,
    "stage": lambda play, words: (play.state.stages.get(words[0]) is not None
    and play.state.stages[words[0]].name == words[1])
    or (words[1] == "HEALTHY" and words[0] not in play.state.stages),
    "orders": lambda play, words: number(D(len(play.state.account.orders)), words),
    "world": lambda play, words: number(play.state.world.get(f"{words[0]}|{words[1]}", D(0)), words[2:]),
    "events": _events,
}


def _venue(play: Play, words: list[str]) -> None:
    play.venue = Venue(in_force(load(words[0]), date.fromisoformat(words[2])))


def _account(play: Play, **changes: Any) -> None:
    play.state = msgspec.structs.replace(play.state, account=msgspec.structs.replace(play.state.account, **changes))


def _world(play: Play, **changes: Any) -> None:
    play.venue = Venue(play.venue.rulebook, msgspec.structs.replace(play.venue.environment, **changes))


def _instrument(play: Play, symbol: str, **changes: Any) -> None:
    book = play.venue.rulebook
    changed = msgspec.structs.replace(book.instruments[symbol], **changes)
    book = msgspec.structs.replace(book, instruments={**book.instruments, symbol: changed})
    play.venue = Venue(book, play.venue.environment)


def _brackets(play: Play, words: list[str]) -> None:
    cells = [row.split() for row in " ".join(words[1:]).split("/")]
    rows = [Bracket(D(f), None if c == "-" else D(c), D(r), D(d), D(lev)) for f, c, r, d, lev in cells]
    _instrument(play, words[0], brackets=tuple(rows))


def _ratio(play: Play, words: list[str]) -> None:
    """`ratio BTC 0.95 0.04`: what the coin counts, and the maintenance rate of a debt in it."""
    coin = Coin((CollateralTier(D(0), None, D(words[1])),), (LoanTier(D(0), None, D("0.2"), D(words[2])),))
    book = play.venue.rulebook
    play.venue = Venue(msgspec.structs.replace(book, coins={**book.coins, words[0]: coin}), play.venue.environment)


def _indexes(play: Play, words: list[str]) -> None:
    """Prices of coins, which come in force with the next marks."""
    play.indexes = {asset: D(price) for asset, price in zip(words[::2], words[1::2], strict=True)}


def _fills(play: Play, words: list[str]) -> None:
    price = None if words[1] == "nobody" else D(words[1])
    _world(play, liquidation_fill={**play.venue.environment.liquidation_fill, words[0]: price})


def _counterparty(play: Play, words: list[str]) -> None:
    name, symbol, side, size, _, rank = words
    party = Counterparty(name, symbol, side, D(size), D(rank))
    _world(play, counterparties=(*play.venue.environment.counterparties, party))


def _clock(play: Play, words: list[str]) -> None:
    play.clock = datetime.fromisoformat(words[0]).replace(tzinfo=UTC)


SETTINGS: dict[str, Any] = {
    "venue": _venue,
    "clock": _clock,
    "fees": lambda play, words: _account(play, fees=Fees(D(words[0]), D(words[1]))),
    "brackets": _brackets,
    "clearance": lambda play, words: _instrument(play, words[0], liquidation_fee_rate=D(words[1])),
    "hedge": lambda play, _: _account(play, position_mode=PositionMode.HEDGE),
    "cash": lambda play, words: _account(play, cash={**play.state.account.cash, words[0]: D(words[1])}),
    "fund": lambda play, words: _world(
        play, insurance_fund={**play.venue.environment.insurance_fund, words[0]: D(words[1])}
    ),
    "ratio": _ratio,
    "indexes": _indexes,
    "fills": _fills,
    "counterparty": _counterparty,
}
