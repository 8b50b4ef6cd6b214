"""One command's turn: the state as it moves, and the events so far. Lives for one `decide` and is thrown away."""

from decimal import Decimal
from typing import NamedTuple

from plimsoll.account.events import Event
from plimsoll.account.state import State, Venue, evolve
from plimsoll.errors import BadInput
from plimsoll.margin.assess import mark_column
from plimsoll.margin.pools import Layout, lay_out, market_of
from plimsoll.model import Account, Instrument, LegKey, Position, leg_key, maker_of, taker_of
from plimsoll.rulebook import Rulebook, regime_of
from plimsoll.rules.columns import Market


class Laid(NamedTuple):
    """An account with its columns, so that a run of new marks on one account lays it out once."""

    account: Account
    layout: Layout


class Turn:
    """Collects events and keeps the state after them."""

    def __init__(self, state: State, venue: Venue, laid: Laid | None = None) -> None:
        self.state = state
        self.venue = venue
        self.events: list[Event] = []
        self.laid = laid

    def emit(self, event: Event) -> None:
        self.state = evolve(self.state, event)
        self.events.append(event)

    @property
    def account(self) -> Account:
        return self.state.account

    @property
    def rulebook(self) -> Rulebook:
        return self.venue.rulebook

    def instrument(self, symbol: str) -> Instrument:
        found = self.rulebook.instruments.get(symbol)
        if found is None:
            raise BadInput(self.rulebook.name, "symbol", symbol, self.rulebook.gaps.get(symbol, "no such instrument"))
        return found

    def market(self, symbol: str) -> Market[Decimal]:
        return market_of(self.instrument(symbol), self.account.fees, regime_of(self.rulebook, self.account))

    def rate(self, symbol: str, liquidity: str = "taker") -> Decimal:
        """The fee rate of a trade."""
        return (maker_of if liquidity == "maker" else taker_of)(self.account.fees, self.instrument(symbol))

    def held(self, key: LegKey) -> Position | None:
        return next((p for p in self.account.positions if leg_key(p) == key), None)

    def mark(self, symbol: str) -> Decimal:
        found = self.state.marks.marks.get(symbol)
        if found is None:
            raise BadInput("marks", symbol, None, "no mark price is known yet; set one before this")
        return found

    def price(self, symbol: str) -> Decimal:
        """Where a market order trades: the last price where a feed has one, else the mark."""
        return self.state.marks.lasts.get(symbol) or self.mark(symbol)

    def column(self, layout: Layout) -> tuple[Decimal, ...]:
        """The marks column of a layout. BadInput: a mark or an index that is needed is missing."""
        return mark_column(layout, self.state.marks.marks, self.state.marks.indexes)

    def layout(self) -> Layout:
        """The account's columns; built again only when the account has changed."""
        if self.laid is None or self.laid.account is not self.account:
            self.laid = Laid(self.account, lay_out(self.account, self.rulebook))
        return self.laid.layout
