"""How far the player may go without looking: the array engine as `play` uses it on long histories.

The compiled scan (`array.quiet`) reads ahead from where an account stands and says which frame is the first on which anything
may happen to it, and on which frames before that it may have stood lowest. Nothing is decided here and no number comes from
here: the player sets the exact marks of the frames that it looks at, and the exact machine decides all others.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise

from plimsoll.account.borrowing import owes
from plimsoll.account.state import Venue
from plimsoll.array import quiet
from plimsoll.array.charts import Chart, Rows, chart_of, rows_of
from plimsoll.indexes import coins_of_account, teller_of
from plimsoll.kept import kept_folder
from plimsoll.model import Account, MarginMode
from plimsoll.plan import TopUp
from plimsoll.play import NOWHERE, Stretch, adverse_sides, watch_of
from plimsoll.prices.history import History
from plimsoll.prices.paths import BarPath
from plimsoll.rulebook import regime_of
from plimsoll.rules import common
from plimsoll.tape import Tape, Unit


class Charted:
    """A history as the scan reads it, once for all playings of it."""

    def __init__(self, history: History) -> None:
        frames = history.frames
        self.history = history
        self.chart: Chart = chart_of(history.symbols, [frame.bars for frame in frames])
        self.charged = [n for n, frame in enumerate(frames) if frame.funding]
        self.overlaps = any((b.time - a.time).total_seconds() < a.seconds for a, b in pairwise(frames))
        self._rows: tuple[tuple[BarPath, tuple[tuple[str, int], ...]], Rows] | None = None

    def rows(self, path: BarPath, sides: Mapping[str, int]) -> Rows:
        """The points of a path; those asked for last are kept."""
        key = (path, tuple(sorted(sides.items())) if path is not BarPath.SYNCHRONISED else ())
        if self._rows is None or self._rows[0] != key:
            self._rows = (key, rows_of(self.chart, path.value, sides))
        return self._rows[1]


class Ahead:
    """The scan for one playing: under a venue, along a path, told in a unit."""

    def __init__(self, charted: Charted, venue: Venue, path: BarPath, unit: Unit) -> None:
        self.charted = charted
        self.venue = venue
        self.path = path
        self.unit = unit
        self.kernels = quiet.kernels_of(venue.rulebook.name, kept_folder())
        self.account: Account | None = None
        self.known: Account | None = None
        self.laid: quiet.Laid | None = None
        self.steady = False

    def stretch(self, tape: Tape, waiting: Sequence[TopUp], n: int, inside: bool) -> Stretch:
        """From frame `n` on (`inside`: from behind its opening), as in `play.Scout`."""
        charted, history = self.charted, self.charted.history
        laid = self._laid(tape)
        if laid is None or tape.lowest is None or n < charted.chart.whole:
            return NOWHERE
        account = tape.state.account
        rows = charted.rows(self.path, adverse_sides(tape))
        stop = self._stop(rows, waiting, n + inside)
        watches = self._watches(account, waiting)
        if watches is None or (inside and n in rows.unsure):
            return NOWHERE
        first = n * rows.points + inside
        end = min(stop * rows.points + 1, len(rows.marks))
        low = quiet.Extremes(
            float(tape.lowest[0]),
            tuple(float(tape.least[key].headroom) if key in tape.least else float("inf") for key in laid.keys),
        )
        found = quiet.quiet_rows(
            self.kernels, laid, watches, self.venue.rulebook.reading, rows, first, end, stop * rows.points, low
        )
        until, over = divmod(first + found.free, rows.points)
        until = min(until, len(history.frames))
        named = {int(row) // rows.points for row in found.rows}
        return Stretch(until, frozenset(frame for frame in named if frame < until), over > 0)

    def _stop(self, rows: Rows, waiting: Sequence[TopUp], n: int) -> int:
        """The first frame from `n` on whose opening the machine must see whatever the prices."""
        frames = self.charted.history.frames
        stops = [len(frames)]
        for known in (self.charted.charged, rows.unsure):
            at = bisect_left(known, n)
            stops += known[at : at + 1]
        for top_up in waiting:
            if top_up.at is not None:
                stops.append(bisect_left(frames, top_up.at, lo=n, key=lambda frame: frame.time))
        return min(stops)

    def _watches(self, account: Account, waiting: Sequence[TopUp]) -> list[quiet.Watch] | None:
        """The levels at which an order or a top-up comes in; None where one is of a symbol without prices."""
        place = {symbol: i for i, symbol in enumerate(self.charted.chart.symbols)}
        found: list[quiet.Watch] = []
        for order in account.orders:
            watch = watch_of(order)
            if order.symbol not in place:
                return None
            if watch is not None:
                on_mark, level, falling = watch
                found.append(quiet.Watch(place[order.symbol], float(level), on_mark, -1 if falling else 1))
        for top_up in waiting:
            if top_up.at_price is not None and top_up.symbol in place:
                found.append(quiet.Watch(place[top_up.symbol], float(top_up.at_price), True, 0))
        return found

    def _laid(self, tape: Tape) -> quiet.Laid | None:
        """The account's columns, made anew when it has changed; None where it cannot be led by them."""
        account = tape.state.account
        if self.known is not account:
            self.known = account
            symbols = self.charted.chart.symbols
            layout = tape.layout()
            self.steady = self._is_steady(account, tape) and set(layout.symbols) <= set(symbols)
            if self.steady:
                place = {symbol: i for i, symbol in enumerate(symbols)}
                same = self.laid is not None and self.laid.symbols == layout.symbols
                self.laid = quiet.lay(layout, place, *self._tellings(tape), self.laid if same else None)
        return self.laid if self.steady else None

    def _is_steady(self, account: Account, tape: Tape) -> bool:
        """Whether prices at which nothing fails leave the account as it is, and the columns can say so: not where a coin
        that contracts are quoted in has a price of its own."""
        known = self.venue.rulebook.priced
        if any(symbol not in known for symbol in tape.state.marks.marks):
            return False
        rules, frames = self.venue.rulebook.rules, self.charted.history.frames
        if any(market.spot for market in tape.layout().markets) or owes(account, self.venue.rulebook):
            return False
        regime = regime_of(self.venue.rulebook, account)
        if any(p.mode is MarginMode.CROSS for p in account.positions):
            if rules.cross_apart(regime) and rules.topped_up is not common.topped_up:
                return False
            if rules.pays_profit_out(regime, frames[0].time, frames[-1].time):
                return False
        if any(p.part_sold is not None for p in account.positions):
            return False
        draws = any(pool.orders and leg.spare for pool in tape.layout().pools for leg in pool.legs)
        stated = bool(account.orders and self.venue.environment.liquidation_fill)
        return not (draws or stated or tape.lent or self.charted.overlaps)

    def _tellings(self, tape: Tape) -> tuple[dict[str, int], dict[str, quiet.Telling]]:
        """Coin -> the column of its price, and asset -> how its money is told: as `Tape` tells it."""
        symbols = self.charted.chart.symbols
        marks, rulebook = tape.state.marks.marks, self.venue.rulebook

        def column(asset: str) -> int:
            teller = teller_of(asset, marks, rulebook)
            return symbols.index(teller) if teller else len(symbols)

        layout = tape.layout()
        coins = {asset: column(asset) for asset in coins_of_account(tape.state.account, rulebook)}
        told = {}
        for spec in layout.specs:
            for asset in (spec.asset, *spec.assets):
                if asset == self.unit.name:
                    told[asset] = quiet.Telling(len(symbols), False)
                elif any(other.assets and asset == other.asset for other in layout.specs):
                    told[asset] = quiet.Telling(column(self.unit.name), True)
                else:
                    told[asset] = quiet.Telling(column(asset) if self.unit.mixed else -1, False)
        return coins, told
