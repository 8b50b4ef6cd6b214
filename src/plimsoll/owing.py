"""What an account owes, for people: each debt with its interest, what it costs a day, how near the venue's own level is to that
of liquidation, and after how long the debt alone takes the pool there while no price moves."""

from decimal import Decimal
from typing import NamedTuple

import msgspec

from plimsoll.account.borrowing import debts
from plimsoll.account.commands import AccrueInterest
from plimsoll.account.decide import decide
from plimsoll.account.events import StageReached
from plimsoll.account.state import State, Venue
from plimsoll.margin.assess import mark_column
from plimsoll.margin.pools import Layout, lay_out
from plimsoll.model import Account, LegKey, Stage
from plimsoll.number import exact
from plimsoll.rulebook import Rulebook
from plimsoll.rules.asks import PoolAsk

DAY = Decimal(24)
FOREVER = 100 * 365 * 24
"""Hours after which a debt is said to liquidate nothing by itself."""


class Owing(msgspec.Struct, frozen=True):
    """One debt. `pool`: whose (`account`, or a walled position's printed name); `lent` and `interest` in the coin; `rate` a
    year and `a_day` None: the account states no rate. `level`: the venue's ratio now, `line`: the one at which it liquidates
    (None: the venue states none), `call`: the one at or below which it calls for more margin. `hours`: until debts alone
    liquidate the pool, 0: it is due already, None: never, or not known."""

    pool: str
    asset: str
    lent: Decimal
    interest: Decimal
    rate: Decimal | None
    a_day: Decimal | None
    level: Decimal | None
    line: Decimal | None
    call: Decimal | None
    hours: int | None


def owings(state: State, rulebook: Rulebook) -> tuple[Owing, ...]:
    """Every debt of the account and of its walls, in the order of the pools."""
    with exact():
        found = tuple(debts(state.account, rulebook))
        rates = state.account.interest_rates
        known = all(asset in rates for _, asset, _, _ in found)
        layout = lay_out(state.account, rulebook)
        column = mark_column(layout, state.marks.marks, state.marks.indexes)
        known_levels = levels(layout, column, state.account, rulebook)
        out = []
        for leg, asset, lent, interest in found:
            pool = _pool_of(state, rulebook, leg, asset)
            rate = rates.get(asset)
            a_day = None if rate is None else rulebook.rules.interest(lent, interest, rate, DAY)
            level = known_levels[pool]
            hours = 0 if level.due else _hours(state, rulebook, pool) if known else None
            out.append(Owing(pool, asset, lent, interest, rate, a_day, level.now, level.line, level.call, hours))
        return tuple(out)


def _pool_of(state: State, rulebook: Rulebook, leg: LegKey | None, asset: str) -> str:
    """The printed name of the pool that a debt is part of."""
    specs = rulebook.rules.pools_of(state.account, rulebook.instruments)
    own = (s for s in specs if (s.legs == (leg,) if leg is not None else not s.isolated and asset in s.coins))
    return next(own).key


class Levels(NamedTuple):
    """Whether a pool is due for liquidation, the venue's ratio of it now, the one at which it liquidates and the one at which
    it calls; None: the venue states none."""

    due: bool
    now: Decimal | None
    line: Decimal | None
    call: Decimal | None


def levels(layout: Layout, column: tuple[Decimal, ...], account: Account, rulebook: Rulebook) -> dict[str, Levels]:
    """Those of each pool, by its printed name."""
    rules, found = rulebook.rules, {}
    for spec, pool in zip(layout.specs, layout.pools, strict=True):
        margin = rules.assess_pool(pool, column, layout.markets)
        due = rules.is_liquidatable(margin.balance, margin.requirement)
        ask = PoolAsk(spec, pool, margin, column, layout.markets, account, -1)
        names = ("liquidation_level", "margin_call_level")
        line, call = [rules.printed_of_pool(name, ask) if spec.assets else None for name in names]
        found[spec.key] = Levels(due, rules.venue_ratio(margin, spec, account), line, call)
    return found


def _hours(state: State, rulebook: Rulebook, pool: str) -> int | None:
    """The first full hour at which interest alone liquidates the pool, by bisection over what the machine does."""

    def gone(hours: int) -> bool:
        events = decide(state, AccrueInterest(Decimal(hours)), Venue(rulebook)).events
        return any(isinstance(e, StageReached) and e.pool == pool and e.stage >= Stage.CANCELLING for e in events)

    low, high = 0, 24
    while not gone(high):
        low, high = high, high * 4
        if low > FOREVER:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if gone(middle) else (middle, high)
    return high


def lasting(hours: int | None) -> str:
    """A time for a sentence.

    >>> lasting(7), lasting(100), lasting(24 * 900), lasting(None)
    ('7 hours', '4.2 days', '2.5 years', 'never')
    >>> lasting(1), lasting(0)
    ('1 hour', 'due now')
    """
    if hours is None:
        return "never"
    if hours == 0:
        return "due now"
    if hours < 48:
        return f"{hours} hour{'' if hours == 1 else 's'}"
    days = Decimal(hours) / DAY
    return f"{days:.1f} days" if days < 730 else f"{days / 365:.1f} years"

