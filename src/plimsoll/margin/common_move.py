"""How far all marks may move together before a pool fails, where no line is followed: contracts of both kinds in one pool, or
marks that move by different shares. Found by secants over whole assessments. Exact numbers; call inside `exact()`."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from plimsoll.margin.apart import margin_of
from plimsoll.margin.liquidation_price import first_failure
from plimsoll.margin.pools import Layout
from plimsoll.number import ONE, ZERO
from plimsoll.rulebook import Rulebook
from plimsoll.rules.columns import Pool


def moving_coins(layout: Layout, rulebook: Rulebook, pool: Pool[Decimal]) -> tuple[int, ...]:
    """Where the marks column holds the indexes that move with the market: those of all coins of a valued pool but the ones
    that contracts are quoted in, which are the measure."""
    if not pool.wallets:
        return ()
    quotes = {instrument.quote for instrument in rulebook.instruments.values()}
    first = len(layout.symbols)
    return tuple(first + i for i, asset in enumerate(layout.assets) if asset not in quotes)


def portfolio_move(
    pool: Pool[Decimal], column: Sequence[Decimal], layout: Layout, rulebook: Rulebook, betas: Mapping[str, Decimal]
) -> Decimal | None:
    """The smallest common move y (each mark becomes mark * (1 + beta*y), beta 1 unless given; `betas` by symbol or coin) at
    which the pool fails; 0 where it already does; None if neither a fall to nothing nor a thousandfold rise does it."""
    if not pool.legs:
        return None
    factors = [betas.get(symbol, ONE) for symbol in layout.symbols]
    moving = moving_coins(layout, rulebook, pool)
    first = len(layout.symbols)
    factors += [betas.get(a, ONE) if first + i in moving else ZERO for i, a in enumerate(layout.assets)]

    fresh, i = replace(layout, standings={}), next(i for i, other in enumerate(layout.pools) if other is pool)

    def headroom(y: Decimal) -> Decimal:
        moved = [mark * (1 + beta * y) for mark, beta in zip(column, factors, strict=True)]
        at = margin_of(fresh, rulebook, moved, i)
        return at.balance - at.requirement

    if headroom(ZERO) <= 0:
        return ZERO
    steepest = max(abs(beta) for beta in factors) or ONE
    down = -(1 - Decimal("1e-12")) / steepest
    ends = [end for end in (down, Decimal(1000) / steepest) if headroom(end) <= 0]
    moves = [first_failure(headroom, ZERO, end) for end in ends]
    return min(moves, key=abs) if moves else None
