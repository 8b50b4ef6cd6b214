"""One playing as it is recorded: the state, what was told, the extremes and the samples so far, and what comes out of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from plimsoll.account.borrowing import debts
from plimsoll.account.commands import Command
from plimsoll.account.decide import decide
from plimsoll.account.events import Deposited, Event, InterestCharged, MarksSet, StageReached
from plimsoll.account.state import State, Venue, evolve
from plimsoll.account.turn import Laid
from plimsoll.errors import BadInput, Reject
from plimsoll.indexes import teller_of, tellers_of, told_by
from plimsoll.margin.apart import margins_of
from plimsoll.margin.assess import Prices, assess, mark_column
from plimsoll.margin.pools import Layout, lay_out
from plimsoll.margin.views import PoolView
from plimsoll.model import Account, Kind, Marks, Stage
from plimsoll.number import ONE, ZERO
from plimsoll.prices.paths import Quote
from plimsoll.rules.columns import Pool
from plimsoll.rules.drawing import PoolSpec
from plimsoll.runs import Least, Sample


class Told(NamedTuple):
    """An event with its time, or a refusal of something the plan wanted. `worth`: asset -> its value in the unit then."""

    time: datetime
    event: Event | None
    command: Command
    reject: Reject | None
    worth: dict[str, Decimal]


class Unit(NamedTuple):
    """What money is told in. `mixed`: the account settles in several assets, which are counted at their prices of the
    moment; else what it holds beside `name` is left out."""

    name: str
    mixed: bool


class _Coins(NamedTuple):
    """What tells the prices of an account's coins at marks of these symbols."""

    account: Account
    symbols: frozenset[str]
    tellers: dict[str, str]


class Played(msgspec.Struct, frozen=True):
    """What one playing gives: the states at both ends, everything that happened, the extremes, the samples. `passed`: frames
    on which a scout saw that nothing happens and nobody looked; of their prices `told` says nothing."""

    start: State
    final: State
    told: tuple[Told, ...]
    start_equity: Decimal
    lowest_equity: Decimal
    lowest_equity_at: datetime
    least: tuple[Least, ...]
    samples: tuple[Sample, ...]
    passed: int = 0


class Tape:
    """One playing as it runs: the state, what was told, the extremes so far. Lives for one `play`. `lent`: asset -> money in
    the account that is not its own and does not count as equity (a twin that no margin rule can touch has it); `added`: what
    has come from outside, which does not count either (None: it does); `interest`: asset -> what debts have cost so far;
    `figures`: samples are kept."""

    def __init__(self, account: Account, venue: Venue, unit: Unit, time: datetime) -> None:
        self.state = State(account, Marks({}))
        self.venue = venue
        self.unit = unit
        self.time = time
        self.told: list[Told] = []
        self.lowest: tuple[Decimal, datetime] | None = None
        self.least: dict[str, Least] = {}
        self.samples: list[Sample] = []
        self.equity = ZERO
        self.laid: Laid | None = None
        self.lent: Mapping[str, Decimal] = {}
        self.added: Decimal | None = None
        self.interest: dict[str, Decimal] = {}
        self.passed = 0
        self.figures = True
        self.known: _Coins | None = None

    def layout(self) -> Layout:
        """The account's columns, rebuilt only when the account changed."""
        if self.laid is None or self.laid.account is not self.state.account:
            self.laid = Laid(self.state.account, lay_out(self.state.account, self.venue.rulebook))
        return self.laid.layout

    def do(self, command: Command) -> Reject | None:
        decision = decide(self.state, command, self.venue, self.laid)
        self.state, self.laid = decision.state, decision.laid
        if decision.reject is not None:
            self.told.append(Told(self.time, None, command, decision.reject, {}))
        worth = self.worth() if decision.events else {}
        for event in decision.events:
            self.told.append(Told(self.time, event, command, None, worth))
            if isinstance(event, Deposited) and self.added is not None:
                self.added += event.amount * worth[event.asset]
            if isinstance(event, InterestCharged):
                self.interest[event.asset] = self.interest.get(event.asset, ZERO) + event.amount
            if isinstance(event, StageReached) and event.stage is Stage.CANCELLING:
                headroom = event.margin_balance - event.requirement
                self._near(event.pool, headroom, event.margin_balance, event.asset)
        return decision.reject

    def stand_at(self, point: Mapping[str, Quote], time: datetime | None) -> None:
        """Set prices at which, as is known, nothing happens. Without a time the clock stays."""
        self.time = self.time if time is None else time
        marks = {symbol: quote.mark for symbol, quote in point.items()}
        indexes = self.indexes({**self.state.marks.marks, **marks})
        lasts = {symbol: quote.last for symbol, quote in point.items()}
        self.state = evolve(self.state, MarksSet(marks, lasts, indexes, time))

    def obey(self, commands: Sequence[Command]) -> None:
        for command in commands:
            self.do(command)

    def look(self) -> None:
        """Equity and headroom now, kept where they are the lowest so far."""
        layout, rules = self.layout(), self.venue.rulebook.rules
        marks = mark_column(layout, self.state.marks.marks, self.state.marks.indexes)
        equity = ZERO
        margins = margins_of(layout, self.venue.rulebook, marks)
        for spec, pool, margin in zip(layout.specs, layout.pools, margins, strict=True):
            if spec.apart or pool.beside:
                equity += self._own_equity(spec, pool, marks) * self._value(spec.asset)
            elif not spec.assets:
                equity += (margin.balance + pool.reserved) * self._value(spec.asset)
            for at, asset in enumerate(spec.assets):
                equity += rules.assess_coin(pool, margin, at, marks, layout.markets).equity * self._value(asset)
            if pool.legs:
                self._near(spec.key, margin.balance - margin.requirement, margin.balance, spec.asset)
        self.equity = equity = equity - self._borrowed() - (self.added or ZERO)
        if self.lowest is None or equity < self.lowest[0]:
            self.lowest = (equity, self.time)

    def _borrowed(self) -> Decimal:
        return sum((amount * self._value(asset) for asset, amount in self.lent.items()), ZERO)

    def _own_equity(self, spec: PoolSpec, pool: Pool[Decimal], marks: Sequence[Decimal]) -> Decimal:
        """Running profit of a pool that shares its cash with others, and the cash of the one that holds it for all."""
        rules, markets = self.venue.rulebook.rules, self.layout().markets
        own = ZERO if spec.apart else pool.cash + pool.outside_pnl
        for leg in pool.legs:
            own += rules.profit(leg, marks[leg.market], markets[leg.market])
        return own

    def _near(self, pool: str, headroom: Decimal, balance: Decimal, asset: str) -> None:
        known, told = self.least.get(pool), headroom * self._value(asset)
        if known is None or told < known.headroom:
            self.least[pool] = Least(pool, told, headroom / balance if balance > 0 else None, self.time)

    def worth(self) -> dict[str, Decimal]:
        """Asset -> what a unit of it is worth now, for every asset that the account has to do with."""
        held = [position.symbol for position in self.state.account.positions]
        settles = [self.venue.rulebook.instruments[symbol].settle for symbol in held]
        pools = [spec.asset for spec in self.layout().specs]
        known = self.venue.rulebook.instruments
        traded = [known[symbol] for symbol in self.state.marks.marks if symbol in known]
        coins = [i.base for i in traded if i.kind is Kind.SPOT]  # also those of a position that is gone by now
        return {asset: self._value(asset) for asset in dict.fromkeys([*self.state.account.cash, *settles, *pools, *coins])}

    def _value(self, asset: str) -> Decimal:
        """What one unit of an asset is worth in the unit that the run is told in."""
        if asset == self.unit.name:
            return ONE
        if any(spec.assets and not spec.isolated and asset == spec.asset for spec in self.layout().specs):
            return ONE / coin_value(self.unit.name, self.state, self.venue)
        if not self.unit.mixed:
            return ZERO
        value, unit = coin_value(asset, self.state, self.venue), coin_value(self.unit.name, self.state, self.venue)
        return value if unit == ONE else value / unit

    def indexes(self, marks: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """Prices of coins at these marks, where the venue asks for any: stand-ins, since a history holds contracts only."""
        return told_by(self.tellers(marks), marks, self.venue.rulebook)

    def tellers(self, marks: Mapping[str, Decimal]) -> dict[str, str]:
        """Coin -> what tells its price where these symbols have marks."""
        account, known = self.state.account, self.known
        if known is None or known.account is not account or known.symbols != marks.keys():
            tellers = tellers_of(account, marks, self.venue.rulebook)
            self.known = known = _Coins(account, frozenset(marks), tellers)
        return known.tellers

    def sample(self) -> None:
        """Keep this instant for figures."""
        if self.figures:
            self._keep(self.state.marks, self.time)

    def preview(self, point: Mapping[str, Quote], time: datetime) -> None:
        """Keep the instant at which a pool is about to go, as it stands before the machine acts."""
        if not self.figures:
            return
        marks = {**self.state.marks.marks, **{s: q.mark for s, q in point.items()}}
        self._keep(msgspec.structs.replace(self.state.marks, marks=marks, indexes=self.indexes(marks)), time)

    def _keep(self, marks: Marks, time: datetime) -> None:
        view = assess(self.state.account, marks, self.venue.rulebook, Prices.OWN)
        equity = sum((asset.equity * self._value(asset.asset) for asset in view.assets), ZERO) - self._borrowed()
        headroom = {pool.key: pool.headroom * self._value(pool.asset) for pool in view.pools if pool.legs}
        prices = {leg.name: leg.liquidation_price for leg in view.legs}
        levels, owed = self._levels(view.pools), self._owed()
        self.samples.append(Sample(time, dict(marks.marks), equity, headroom, prices, levels, owed, dict(self.interest)))

    def _owed(self) -> dict[str, Decimal]:
        """Asset -> all that is owed of it, by the account and inside its walls."""
        owed: dict[str, Decimal] = {}
        for _, asset, lent, interest in debts(self.state.account, self.venue.rulebook):
            owed[asset] = owed.get(asset, ZERO) + lent + interest
        return owed

    def _levels(self, pools: Sequence[PoolView]) -> dict[str, Decimal]:
        """The venue's ratio of every pool with positions, and of the account's own where the account owes."""
        shared = any(leg is None for leg, *_ in debts(self.state.account, self.venue.rulebook))
        counted = (pool for pool in pools if pool.legs or (shared and not pool.isolated))
        return {pool.key: pool.venue_ratio for pool in counted if pool.venue_ratio is not None}

    def played(self, start: State, start_equity: Decimal) -> Played:
        """What the whole playing gave."""
        assert self.lowest is not None
        return Played(
            start=start,
            final=self.state,
            told=tuple(self.told),
            start_equity=start_equity,
            lowest_equity=self.lowest[0],
            lowest_equity_at=self.lowest[1],
            least=tuple(self.least.values()),
            samples=tuple(self.samples),
            passed=self.passed,
        )


def coin_value(asset: str, state: State, venue: Venue) -> Decimal:
    """Price of an asset in dollars: quotes count as one where no price of theirs is given. BadInput where no mark tells it."""
    teller = teller_of(asset, state.marks.marks, venue.rulebook)
    if teller is None:
        cure = f"no price tells what one {asset} is worth; leave it out of the account, or give a contract of it"
        raise BadInput("prices", asset, None, cure)
    return told_by({asset: teller}, state.marks.marks, venue.rulebook)[asset]
