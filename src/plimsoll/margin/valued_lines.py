"""The headroom of a valued pool as straight lines, for Newton's method to walk along.

What counts of a coin depends on the profit of all the legs that settle in it, so that no leg has a line of its own. A rulebook
states two kinds of lines, both in units of the coin: over their price, what a leg or a resting order adds to the headroom
(`headroom_line`, `order_line`), and over the profit in a coin, what it counts less what its debt needs (`coin_line`). With P
the profit in a coin, L the lines of its legs and orders, in which that profit stands already, I the coin's index, and d what a
unit of margin counts in it (`Wallet.dearer`, mostly 1),

    headroom = what no price moves + sum over the coins of I * (coin_line(P) + d * (sum of L - P))

Prices move by a common factor x, or, where inverse contracts move alone, by 1/x. Call inside a context of enough digits.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from plimsoll.margin.lines import Lines, Reach, Straight, over_factors
from plimsoll.number import ONE, ZERO
from plimsoll.rules.columns import CoinLine, Line, Market, Pool
from plimsoll.rules.interface import Rules


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A leg or a resting order: its market and whether that is inverse, its coin, the `profit` that the coin has from it at the
    marks and the `gain` that goes with the factor on its mark (on one over it, of an inverse contract)."""

    market: int
    inverse: bool
    wallet: int
    profit: Decimal
    gain: Decimal


class Coins(msgspec.Struct, frozen=True, gc=False):
    """A valued pool among its marks. `pieces`: legs first, then orders; `at_market`: those of each market, by number; `pnl`:
    the profit in each coin; `line`: that of a piece over its factor, d times; `coin_line`: that of a coin, at a price of it,
    over the profit in it; `headroom`: of the whole pool."""

    pool: Pool[Decimal]
    marks: Sequence[Decimal]
    markets: Sequence[Market[Decimal]]
    pieces: Sequence[Piece]
    at_market: dict[int, list[int]]
    pnl: Sequence[Decimal]
    line: Callable[[int, Decimal], Reach]
    coin_line: Callable[[int, Decimal, Decimal], CoinLine[Decimal]]
    headroom: Decimal


def coins_of(rules: Rules, pool: Pool[Decimal], marks: Sequence[Decimal], markets: Sequence[Market[Decimal]]) -> Coins:
    """The pool with its lines at the marks. Legs in coins themselves have none: the coins have them."""
    pool = replace(pool, legs=tuple([leg for leg in pool.legs if not markets[leg.market].spot]))
    pieces: list[Piece] = []
    at_market: dict[int, list[int]] = {}
    pnl = [ZERO] * len(pool.wallets)
    for leg in pool.legs:
        mark, inverse = marks[leg.market], markets[leg.market].inverse
        profit = rules.unrealised_pnl(leg.amount, leg.entry, mark, inverse)
        pnl[leg.wallet] += profit
        gain = -leg.amount / mark if inverse else leg.amount * mark
        pieces.append(Piece(leg.market, inverse, leg.wallet, profit, gain))
    for rest in pool.rests:
        pieces.append(Piece(rest.market, markets[rest.market].inverse, rest.wallet, ZERO, ZERO))
    line, coin_line = _piece_lines(rules, pool, marks, markets), _coin_lines(rules, pool)
    bare = rules.assess_pool(replace(pool, legs=(), wallets=(), rests=()), marks, markets)
    headroom = bare.balance - bare.requirement
    for i, piece in enumerate(pieces):
        at_market.setdefault(piece.market, []).append(i)
        here = line(i, ONE)
        headroom += (here[3] + here[4]) * marks[pool.wallets[piece.wallet].place]
    for w, wallet in enumerate(pool.wallets):
        counts = coin_line(w, marks[wallet.place], pnl[w])
        headroom += (counts.base + (counts.slope - wallet.dearer) * pnl[w]) * marks[wallet.place] + counts.fixed
    return Coins(pool, marks, markets, pieces, at_market, pnl, line, coin_line, headroom)


def _piece_lines(
    rules: Rules, pool: Pool[Decimal], marks: Sequence[Decimal], markets: Sequence[Market[Decimal]]
) -> Callable[[int, Decimal], Reach]:
    """The line of a piece over the factor on its mark (one over it, of an inverse contract), d times."""
    legs = len(pool.legs)
    dearer = [pool.wallets[at].dearer for at in [leg.wallet for leg in pool.legs] + [rest.wallet for rest in pool.rests]]
    rows = [(marks[leg.market], markets[leg.market].inverse, leg.amount) for leg in pool.legs]
    rows += [(marks[rest.market], markets[rest.market].inverse, rest.amount) for rest in pool.rests]

    def stated(i: int, price: Decimal) -> Line[Decimal]:
        if i < legs:
            line = rules.headroom_line(pool.legs[i], price, markets[pool.legs[i].market])
        else:
            line = rules.order_line(pool, i - legs, price, markets)
        times = dearer[i]
        return line if times == ONE else Line(line.base * times, line.slope * times, line.least, line.most)

    return over_factors(stated, rows)


def _coin_lines(rules: Rules, pool: Pool[Decimal]) -> Callable[[int, Decimal, Decimal], CoinLine[Decimal]]:
    """The line of a coin over the profit in it; one that was met before serves again as far as it reaches, unless it depends
    on the coin's price."""
    found: list[list[CoinLine[Decimal]]] = [[] for _ in pool.wallets]

    def line(w: int, index: Decimal, pnl: Decimal) -> CoinLine[Decimal]:
        if pool.wallets[w].by_worth:
            return rules.coin_line(pool.wallets[w], index, pnl)
        for known in found[w]:
            if (not known.floored or known.least <= pnl) and (not known.capped or pnl <= known.most):
                return known
        new = rules.coin_line(pool.wallets[w], index, pnl)
        found[w].append(new)
        return new

    return line


class Share(msgspec.Struct, frozen=True, gc=False):
    """One coin of those that a move touches, its `price`, and its `dearer`. `turns`: that goes with x; `movers`: the pieces
    that move, each with whether it goes with x (or with 1/x); what the profit gains with x, `along`, and with 1/x, `across`;
    `pnl`: the profit without that; `flat`: what the coin adds whatever x is, but for its own line: where its price moves, the
    lines of the pieces that stand still; less the profit that stands in all these lines."""

    wallet: int
    price: Decimal
    dearer: Decimal
    turns: bool
    movers: Sequence[tuple[int, bool]]
    along: Decimal
    across: Decimal
    pnl: Decimal
    flat: Decimal


class Moved(msgspec.Struct, frozen=True, gc=False):
    """What of a pool a set of prices moves: `line` at x is the line of its headroom, that of the rest left out; `senses`: the
    signs that its slope may have; `part`: the same as a pool, with the rest of the headroom as its cash."""

    line: Lines
    senses: Sequence[Decimal]
    part: Callable[[Decimal], Pool[Decimal]]


def moved(coins: Coins, moving: Sequence[int], inverse: bool) -> Moved:
    """The prices at the places `moving` move together by x, or by 1/x (`inverse`)."""
    coin = moving[-1] >= len(coins.markets)
    if len(moving) == 1:
        movers = coins.at_market.get(moving[0], [])
        if len(movers) == 1:
            return _alone(coins, movers[0])
    else:
        movers = [i for at in moving for i in coins.at_market.get(at, ())]
    touched: dict[int, list[tuple[int, bool]]] = {}
    back = False
    for i in movers:
        piece = coins.pieces[i]
        touched.setdefault(piece.wallet, []).append((i, piece.inverse == inverse))
        back = back or piece.inverse != inverse
    if len(moving) > 1 or coin:
        for w, wallet in enumerate(coins.pool.wallets):
            if wallet.place in moving:
                touched.setdefault(w, [])
    shares = [_share(coins, w, found, moving) for w, found in touched.items()]
    lines = _together(coins, shares, back)
    return Moved(lines, _senses(coins, movers, moving), lambda rest: _part(coins, shares, rest))


def _alone(coins: Coins, i: int) -> Moved:
    """One leg or order moves: as `_together` with nothing else, written out because it is asked of every leg."""
    piece = coins.pieces[i]
    w, gain = piece.wallet, piece.gain
    reach, coin_line, price = coins.line, coins.coin_line, coins.marks[coins.pool.wallets[w].place]
    dearer = coins.pool.wallets[w].dearer
    pnl, flat = coins.pnl[w] - gain, (gain - piece.profit) * dearer

    def lines(x: Decimal) -> Straight:
        counts, own = coin_line(w, price, pnl + gain * x), reach(i, x)
        slope = counts.slope
        base = (flat + counts.base + slope * pnl + own[3]) * price + counts.fixed
        return base, ((slope - dearer) * gain + own[4]) * price

    share = Share(w, price, dearer, False, [(i, True)], gain, ZERO, pnl, flat)
    return Moved(lines, _senses(coins, [i], (0,)), lambda rest: _part(coins, [share], rest))


def _together(coins: Coins, shares: Sequence[Share], back: bool) -> Lines:
    """The line of the coins that a move touches; `back`: something in them goes with 1/x.

    A coin adds flat + up * x + down / x, and x times that where its price moves. That is straight but where a linear
    contract settles in a coin that moves, or an inverse one in a coin that stands still: there it is the tangent."""
    coin_line, reach = coins.coin_line, coins.line
    held = [(share, [(i, is_along, reach(i, ONE)) for i, is_along in share.movers]) for share in shares]

    def lines(x: Decimal) -> Straight:
        total_base = total_slope = ZERO
        beside = ONE / x if back else ONE
        for share, pieces in held:
            along, across, price = share.along, share.across, share.price
            gain = along * x + across * beside if back else along * x
            counts = coin_line(share.wallet, price * x if share.turns else price, share.pnl + gain)
            slope = counts.slope
            flat = share.flat + counts.base + slope * share.pnl
            net = slope - share.dearer
            up, down = net * along, net * across if back else ZERO
            for i, is_along, (value, least, most, base, slope) in pieces:
                at = x if is_along else beside
                if not least < value * at <= most:
                    _, _, _, base, slope = reach(i, at)
                flat += base
                if is_along:
                    up += slope
                else:
                    down += slope
            if share.turns:
                up, flat, down = flat + 2 * up * x if up else flat, down - up * x * x if up else down, ZERO
            elif down:
                up, flat = up - down * beside * beside, flat + 2 * down * beside
            total_base += flat * price + counts.fixed
            total_slope += up * price
        return total_base, total_slope

    return lines


def _share(coins: Coins, w: int, movers: Sequence[tuple[int, bool]], moving: Sequence[int]) -> Share:
    place = coins.pool.wallets[w].place
    turns = place in moving
    along = across = held = flat = ZERO
    for i, is_along in movers:
        piece = coins.pieces[i]
        held += piece.profit
        if is_along:
            along += piece.gain
        else:
            across += piece.gain
    if turns:
        held = coins.pnl[w]
        for i, piece in enumerate(coins.pieces):
            if piece.wallet == w and piece.market not in moving:
                line = coins.line(i, ONE)
                flat += line[3] + line[4]
    gains = along + across
    dearer = coins.pool.wallets[w].dearer
    flat += (gains - held) * dearer
    return Share(w, coins.marks[place], dearer, turns, movers, along, across, coins.pnl[w] - gains, flat)


def _senses(coins: Coins, movers: Sequence[int], moving: Sequence[int]) -> Sequence[Decimal]:
    """Which way the headroom may go with the factor. Where one market moves alone: one way with a leg of which every unit of
    profit counts more than it can need. Both ways otherwise, and with orders."""
    if len(moving) > 1 or not movers:
        return ONE, -ONE
    senses = []
    for i in movers:
        piece = coins.pieces[i]
        wallet = coins.pool.wallets[piece.wallet]
        if not (piece.gain and wallet.collateral and wallet.rows):
            return ONE, -ONE
        market = coins.markets[piece.market]
        if min(wallet.ratios) <= (max(market.rates) + market.taker_rate) * wallet.dearer:
            return ONE, -ONE
        senses.append(ONE if piece.gain > 0 else -ONE)
    return senses


def _part(coins: Coins, shares: Sequence[Share], rest: Decimal) -> Pool[Decimal]:
    """The coins that feel the move, and of their legs those that do; of a coin whose price stands still, the profit of the
    others is folded into its balance. A pool with resting orders is left whole."""
    pool = coins.pool
    if pool.rests:
        return pool
    wallets, legs = [], []
    for place, share in enumerate(shares):
        wallet, held = pool.wallets[share.wallet], [i for i, _ in share.movers]
        if share.turns:
            held = [i for i, piece in enumerate(coins.pieces) if piece.wallet == share.wallet]
        settled = coins.pnl[share.wallet] - sum([coins.pieces[i].profit for i in held], ZERO)
        wallets.append(wallet if not settled else replace(wallet, balance=wallet.balance + settled))
        legs += [pool.legs[i] if place == share.wallet else replace(pool.legs[i], wallet=place) for i in held]
    return Pool(rest, tuple(legs), ZERO, 0, ZERO, ZERO, ZERO, ZERO, ZERO, wallets=tuple(wallets))
