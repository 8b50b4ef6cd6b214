"""Leverage and isolated money: what moves when the user turns a knob, and what refuses it."""

from decimal import Decimal

import msgspec

from plimsoll.account.commands import SetLeverage, SetMarginMode, SetOption
from plimsoll.account.events import LeverageSet, MarginLocked, MarginModeSet, MarginMoved, OptionSet
from plimsoll.account.trade import wall
from plimsoll.account.turn import Turn
from plimsoll.errors import Reason, Reject
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.ledger import Ledger, Posting, money, transfer
from plimsoll.margin.pools import lay_out, legs_by_key, leverage_of, sized
from plimsoll.margin.views import AssetView
from plimsoll.model import Kind, LegKey, LegSide, MarginMode, Position, leg_key
from plimsoll.number import ONE, ZERO
from plimsoll.rules.asks import LeverageAsk
from plimsoll.rules.columns import Leg, Pool, PoolMargin

_CASH = Posting(Ledger.CASH, "", ZERO)


def asset_view(turn: Turn, asset: str) -> AssetView | None:
    """The asset's totals now; None where the account has nothing in it."""
    view = assess(turn.account, turn.state.marks, turn.rulebook, Prices.NONE)
    return next((a for a in view.assets if a.asset == asset), None)


def funds_for(turn: Turn, asset: str, mode: MarginMode) -> Decimal:
    """What an order, or a lower leverage, may draw on now."""
    view = asset_view(turn, asset)
    return ZERO if view is None else turn.rulebook.rules.order_funds(mode, view.orderable, view.withdrawable)


def move_margin(turn: Turn, symbol: str, side: LegSide, amount: Decimal, direction: int) -> Reject | None:
    """Cash into (+1) or out of (-1) an isolated leg, within the venue's bounds, equality included."""
    instrument = turn.instrument(symbol)
    if not (amount.is_finite() and amount > 0):
        return Reject(Reason.MARGIN_AMOUNT, "the amount must be greater than zero", amount, ZERO)
    key = LegKey(symbol, MarginMode.ISOLATED, side)
    position = turn.held(key)
    if position is None:
        if turn.held(LegKey(symbol, MarginMode.CROSS, side)) is not None:
            return Reject(Reason.MARGIN_ONLY_ISOLATED, f"{symbol} is held in cross margin")
        return Reject(Reason.MARGIN_NO_POSITION, f"no isolated position in {symbol}")
    asset = position.margin_asset or instrument.settle
    add, remove = _bounds(turn, position, asset)
    bound, reason = (add, Reason.MARGIN_ADD_TOO_MUCH) if direction > 0 else (remove, Reason.MARGIN_REMOVE_TOO_MUCH)
    if amount > bound:
        return Reject(reason, "more than the venue allows", amount, bound)
    signed = money(amount) * direction
    if _sinks(turn, key, position.leverage, signed) is not None:
        return Reject(Reason.MARGIN_WOULD_LIQUIDATE, "the position would be liquidated at once", amount, ZERO)
    turn.emit(MarginMoved(key, signed, transfer(asset, signed, _CASH, wall(key))))
    return None


def _bounds(turn: Turn, position: Position, asset: str) -> tuple[Decimal, Decimal]:
    """What can be put in and taken out. Of a valued pool the rules see a pool of the one coin, with what may leave it."""
    layout = turn.layout()
    column = turn.column(layout)
    rules = turn.rulebook.rules
    at = next(i for i, spec in enumerate(layout.specs) if not spec.isolated and asset in (spec.asset, *spec.assets))
    if position.coins is not None:
        own = next(i for i, spec in enumerate(layout.specs) if spec.isolated and spec.legs == (leg_key(position),))
        inside, coin = layout.pools[own], layout.specs[own].assets.index(asset)
        now = rules.assess_pool(inside, column, layout.markets)
        free = ZERO if (view := asset_view(turn, asset)) is None else view.withdrawable
        return rules.wall_bounds(inside, now, free, coin, column, layout.markets)
    pool, margin = layout.pools[at], rules.assess_pool(layout.pools[at], column, layout.markets)
    asks = {True: ZERO, False: ZERO}
    for spec in layout.resting:
        if spec.asset == asset:
            asks[spec.isolated] += rules.order_margin(spec.row, column[spec.row.market], layout.markets[spec.row.market])
    leg = _leg_of(turn, position)
    market = layout.markets[leg.market]
    if pool.wallets:
        free = rules.assess_coin(pool, margin, layout.specs[at].assets.index(asset), column, layout.markets).withdrawable
        asks, pool = {True: ZERO, False: ZERO}, Pool(free, (), ZERO, 0, ZERO, ZERO, ZERO, ZERO, ZERO)
        margin = PoolMargin(free, ZERO, ZERO, ZERO, abs(free))
    return rules.margin_bounds(leg, column[leg.market], market, pool, margin, asks[False], asks[True])


def _leg_of(turn: Turn, position: Position) -> Leg[Decimal]:
    return legs_by_key(turn.layout())[leg_key(position)]


def set_leverage(turn: Turn, command: SetLeverage) -> Reject | None:
    """The setting, and the positions under it. Isolated money moves where the venue's rule or reading says so."""
    instrument = turn.instrument(command.symbol)
    rules = turn.rulebook.rules
    chosen = rules.mode_on_leverage(turn.account, command.symbol, command.leverage, command.mode)
    if not command.leverage.is_finite() or command.leverage < 0 or (command.leverage == 0 and chosen is None):
        return Reject(Reason.LEVERAGE_INVALID, "leverage must be greater than zero", command.leverage, ZERO)
    if chosen is not None:
        return _choose(turn, command.symbol, command.leverage, chosen)
    if rules.LEVERAGE_SETS_MODE and command.mode is not None:
        refused = _mode_with_leverage(turn, command.symbol, command.mode)
        if refused is not None:
            return refused
    mode = rules.fill_mode(turn.account, command.symbol, command.mode)
    setting = rules.leverage_key(command.symbol, mode, command.position_side)
    under = [p for p in turn.account.positions if rules.leverage_key(p.symbol, p.mode, p.side) == setting]
    old = under[0].leverage if under else leverage_of(turn.account, turn.rulebook, command.symbol, mode, command.position_side)
    moves = {leg_key(p): _leverage_move(turn, p, command.leverage) for p in under if p.mode is MarginMode.ISOLATED}
    sinks = (_would_sink(turn, key, command.leverage, moved) for key, moved in moves.items())
    sunk = next((found for found in sinks if found is not None), None)
    if sunk is not None:
        return sunk
    free = funds_for(turn, instrument.settle, mode)
    values = [_value(turn, p) for p in under]
    ask = LeverageAsk(
        instrument=instrument,
        mode=mode,
        old=old,
        new=command.leverage,
        positions=tuple(under),
        orders=tuple(
            o
            for o in turn.account.orders
            if o.symbol == command.symbol or rules.leverage_key(o.symbol, o.mode, o.position_side) == setting
        ),
        value=max(values, default=ZERO),
        size=max((abs(p.size) for p in under), default=ZERO),
        wanted=_wanted(turn, under, command, instrument.settle) + sum(moves.values(), ZERO),
        free=free,
    )
    reject = rules.may_set_leverage(ask)
    if reject is not None:
        return reject
    postings = tuple(
        posting
        for position in under
        for posting in transfer(
            position.margin_asset or instrument.settle, moves.get(leg_key(position), ZERO), _CASH, wall(leg_key(position))
        )
    )
    turn.emit(LeverageSet(setting, command.symbol, command.leverage, tuple(leg_key(p) for p in under), postings))
    return None


def _mode_with_leverage(turn: Turn, symbol: str, mode: MarginMode) -> Reject | None:
    """The margin mode that comes with a leverage, as if it had been set by itself."""
    if turn.rulebook.rules.fill_mode(turn.account, symbol, None) is mode:
        return None
    return set_margin_mode(turn, SetMarginMode(symbol, mode))


def _would_sink(turn: Turn, key: LegKey, leverage: Decimal, moved: Decimal) -> Reject | None:
    """Margin that a higher leverage releases must leave the position above its line (grade derived: no venue lets a
    setting liquidate)."""
    headroom = _sinks(turn, key, leverage, moved)
    if headroom is None:
        return None
    return Reject(Reason.LEVERAGE_NEEDS_MARGIN, "releasing that much margin would liquidate the position", -moved, headroom)


def _sinks(turn: Turn, key: LegKey, leverage: Decimal, moved: Decimal) -> Decimal | None:
    """The headroom that an isolated leg has now, where moving that much of its money would liquidate it; else None."""
    if moved >= 0:
        return None
    settle = turn.instrument(key.symbol).settle
    positions = tuple(
        _with_less(p, leverage, moved, p.margin_asset or settle) if leg_key(p) == key else p for p in turn.account.positions
    )
    layout, rules = lay_out(msgspec.structs.replace(turn.account, positions=positions), turn.rulebook), turn.rulebook.rules
    at = next(i for i, spec in enumerate(layout.specs) if spec.isolated and spec.legs == (key,))
    after = rules.assess_pool(layout.pools[at], turn.column(layout), layout.markets)
    if not rules.is_liquidatable(after.balance, after.requirement):
        return None
    return after.balance - after.requirement - moved


def _with_less(position: Position, leverage: Decimal, moved: Decimal, asset: str) -> Position:
    """The position at a leverage, with less of an asset inside its wall."""
    if position.coins is None:
        return msgspec.structs.replace(position, leverage=leverage, isolated_margin=position.isolated_margin + moved)
    coins = {**position.coins, asset: position.coins.get(asset, ZERO) + moved}
    return msgspec.structs.replace(position, leverage=leverage, coins=coins)


def _leverage_move(turn: Turn, position: Position, leverage: Decimal) -> Decimal:
    reading = turn.rulebook.reading
    leg = _leg_of(turn, position)
    moved = turn.rulebook.rules.margin_on_leverage(leg, leverage, turn.market(position.symbol), reading)
    told_in_base = position.margin_asset == turn.instrument(position.symbol).base
    return money(moved / position.entry_price if told_in_base else moved)


def _value(turn: Turn, position: Position) -> Decimal:
    market = turn.market(position.symbol)
    return turn.rulebook.rules.value(position.size * market.multiplier, turn.mark(position.symbol), market)


def _wanted(turn: Turn, under: list[Position], command: SetLeverage, asset: str) -> Decimal:
    """Extra initial margin of cross legs and resting orders at the new leverage."""
    rules, layout = turn.rulebook.rules, turn.layout()
    column, rate = turn.column(layout), rules.initial_rate(command.leverage)
    more = ZERO
    for leg in [_leg_of(turn, p) for p in under if p.mode is MarginMode.CROSS]:
        market, after = layout.markets[leg.market], msgspec.structs.replace(leg, leverage=command.leverage, initial_rate=rate)
        mark = column[leg.market]
        more += rules.initial_margin(after, mark, market) - rules.initial_margin(leg, mark, market)
    for spec in layout.resting:
        at = spec.row.market
        if layout.symbols[at] == command.symbol and spec.asset == asset:
            market, mark = layout.markets[at], column[at]
            wished = msgspec.structs.replace(spec.row, initial_rate=rate, leverage=command.leverage)
            more += rules.order_margin(wished, mark, market) - rules.order_margin(spec.row, mark, market)
    return more


def set_margin_mode(turn: Turn, command: SetMarginMode) -> Reject | None:
    """The setting, and where the venue lets open positions follow it, these: a leg that becomes isolated takes the margin of
    a fresh fill at its entry with it, one that becomes cross brings its money back. Refused if an account so divided would
    be short of initial margin or under water."""
    rules = turn.rulebook.rules
    account_wide = rules.MODE_SCOPE == "account"
    if command.symbol:
        turn.instrument(command.symbol)
    if account_wide == bool(command.symbol):
        message = "the margin mode is one setting for the whole account" if account_wide else "name the symbol to switch"
        return Reject(Reason.MARGIN_MODE_SCOPE, message)
    reject = rules.may_switch_mode(turn.account, command.symbol, command.mode)
    if reject is not None:
        return reject
    concerned = [p for p in turn.account.positions if command.symbol in ("", p.symbol)]
    if any(turn.instrument(p.symbol).kind is Kind.SPOT for p in concerned):
        return Reject(Reason.MARGIN_MODE_POSITION, "coins and debts do not change their wall; close and repay first")
    if rules.MARGIN_FOLLOWS:
        return _choose(turn, command.symbol, _leverage_for(turn, command.symbol, command.mode), command.mode)
    moving = [p for p in turn.account.positions if p.mode is not command.mode and command.symbol in ("", p.symbol)]
    for position in moving:
        if position.isolated_margin != 0:
            _wall_money(turn, leg_key(position), -position.isolated_margin)
    turn.emit(MarginModeSet(command.symbol, command.mode, tuple(leg_key(p) for p in moving)))
    for position in moving:
        if command.mode is MarginMode.ISOLATED:
            market = turn.market(position.symbol)
            amount, rate = position.size * market.multiplier, rules.initial_rate(position.leverage)
            margin = money(rules.margin_at_fill(amount, position.entry_price, position.leverage, rate, market))
            _wall_money(turn, LegKey(position.symbol, command.mode, position.side), margin)
    return _short(turn, Reason.MARGIN_MODE_SHORT) if moving else None


def set_option(turn: Turn, command: SetOption) -> Reject | None:
    """A setting of the account. Refused as the venue says, and if an account so set would be short of initial margin or under
    water."""
    rules = turn.rulebook.rules
    known = rules.OPTIONS.get(command.name)
    if known is None or command.value not in known:
        there = "; ".join(f"{name}: {', '.join(values)}" for name, values in rules.OPTIONS.items()) or "none"
        return Reject(Reason.OPTION_UNKNOWN, f"{command.name} = {command.value} is no setting of this venue; it has {there}")
    reject = rules.may_set_option(turn.account, command.name, command.value)
    if reject is not None:
        return reject
    turn.emit(OptionSet(command.name, command.value))
    return _short(turn, Reason.OPTION_SHORT)


def _wall_money(turn: Turn, key: LegKey, amount: Decimal) -> None:
    postings = transfer(turn.instrument(key.symbol).settle, amount, _CASH, wall(key))
    turn.emit(MarginMoved(key, amount, postings, "mode"))


def _short(turn: Turn, reason: Reason) -> Reject | None:
    """The first pool, as the account now stands, that would be liquidated or could not carry its initial margin."""
    layout, rules = turn.layout(), turn.rulebook.rules
    column = turn.column(layout)
    for spec, pool in zip(layout.specs, layout.pools, strict=True):
        margin = rules.assess_pool(pool, column, layout.markets)
        asked = margin.initial
        shared = not spec.isolated and not spec.apart
        if shared and not spec.less_orders:
            resting = (r.row for r in layout.resting if r.asset == spec.asset)
            asked += sum((rules.order_margin(row, column[row.market], layout.markets[row.market]) for row in resting), ZERO)
        under = bool(pool.legs) and rules.is_liquidatable(margin.balance, margin.requirement)
        if under or (shared and margin.balance < asked):
            limit = margin.requirement if under else asked
            return Reject(reason, f"{spec.key} would be short of margin", margin.balance, limit)
    return None


def _choose(turn: Turn, symbol: str, leverage: Decimal, mode: MarginMode) -> Reject | None:
    """A leverage that is a margin mode as well: the position held changes its mode on the spot and its margin is sized anew,
    with the loss of this moment inside. Refused where the tier does not allow it, the free margin does not suffice, or the
    position would be liquidated by it."""
    rules, instrument = turn.rulebook.rules, turn.instrument(symbol)
    held = [p for p in turn.account.positions if p.symbol == symbol]
    before = asset_view(turn, instrument.settle)
    reject = rules.may_set_leverage(
        LeverageAsk(
            instrument=instrument,
            mode=mode,
            old=leverage_of(turn.account, turn.rulebook, symbol, mode, LegSide.NET),
            new=leverage,
            positions=tuple(held),
            orders=tuple(o for o in turn.account.orders if o.symbol == symbol),
            value=max((_risk_value(turn, p) for p in held), default=ZERO),
            size=max((abs(p.size) for p in held), default=ZERO),
            wanted=ZERO,
            free=ZERO,
        )
    )
    if reject is not None:
        return reject
    for position in held:
        if position.mode is MarginMode.ISOLATED and mode is MarginMode.CROSS:
            _wall_money(turn, leg_key(position), -position.isolated_margin)
    if turn.account.margin_modes.get(symbol, MarginMode.CROSS) is not mode or any(p.mode is not mode for p in held):
        turn.emit(MarginModeSet(symbol, mode, tuple(leg_key(p) for p in held if p.mode is not mode)))
    keys = tuple(LegKey(symbol, mode, p.side) for p in held)
    turn.emit(LeverageSet(rules.leverage_key(symbol, mode, LegSide.NET), symbol, leverage, keys, ()))
    if mode is MarginMode.ISOLATED:
        for key in keys:
            _size_anew(turn, key)
    return _strained(turn, instrument.settle, keys, ZERO if before is None else before.available_balance)


def _size_anew(turn: Turn, key: LegKey) -> None:
    """The wall takes what the venue sizes it to: the initial margin of the leverage and the loss of this moment."""
    position = turn.held(key)
    assert position is not None
    market, mark = turn.market(key.symbol), turn.mark(key.symbol)
    due = turn.rulebook.rules.topped_up(_leg_of(turn, position), mark, market)
    if turn.rulebook.readings.get("relevered") == "keeps_added":
        due += max(position.added_margin - position.lost_margin, ZERO)
    locked = msgspec.structs.replace(position, added_margin=due)
    needed = sized(locked, mark, turn.rulebook, turn.account.fees) - position.isolated_margin
    postings = transfer(turn.instrument(key.symbol).settle, needed, _CASH, wall(key))
    turn.emit(MarginLocked(key, due, position.lost_margin, postings))


def _strained(turn: Turn, asset: str, keys: tuple[LegKey, ...], before: Decimal) -> Reject | None:
    """What a change may not do: take more than was free, or put a pool of the legs under water (grade derived: no venue lets
    a setting liquidate)."""
    view = asset_view(turn, asset)
    after = ZERO if view is None else view.available_balance
    if after < min(before, ZERO):
        return Reject(Reason.LEVERAGE_NEEDS_MARGIN, "not enough free margin for that", before - after, before)
    layout, rules = turn.layout(), turn.rulebook.rules
    column = turn.column(layout)
    for spec, pool in zip(layout.specs, layout.pools, strict=True):
        if any(key in spec.legs for key in keys):
            margin = rules.assess_pool(pool, column, layout.markets)
            if rules.is_liquidatable(margin.balance, margin.requirement):
                return Reject(Reason.MARGIN_MODE_SHORT, f"{spec.key} would be liquidated", margin.balance, margin.requirement)
    return None


def _risk_value(turn: Turn, position: Position) -> Decimal:
    return _value(turn, position) + turn.rulebook.rules.tier_of(position, turn.account, turn.rulebook.instruments)


def _leverage_for(turn: Turn, symbol: str, mode: MarginMode) -> Decimal:
    """The leverage that a bare switch to a mode implies: none in cross, in isolated the one chosen before, else the highest
    of the tier."""
    if mode is MarginMode.CROSS:
        return ZERO
    known = leverage_of(turn.account, turn.rulebook, symbol, mode, LegSide.NET)
    if known > 0:
        return known
    rules, instrument, market = turn.rulebook.rules, turn.instrument(symbol), turn.market(symbol)
    held = [_risk_value(turn, p) for p in turn.account.positions if p.symbol == symbol]
    row = instrument.brackets[rules.bracket(max(held, default=ZERO), ZERO, market)]
    return row.max_leverage or (ONE / row.initial_rate if row.initial_rate else ONE)
