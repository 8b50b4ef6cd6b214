"""Reading case files: the format in which venues' own numbers are restated (instruments, account, marks, expectations).

Whatever a source does not tell is filled with a placeholder that nothing expected can depend on."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from plimsoll.account.state import Environment
from plimsoll.errors import BadInput
from plimsoll.margin.pools import market_of
from plimsoll.model import (
    Account,
    Coin,
    CollateralTier,
    Fees,
    Instrument,
    Kind,
    LegSide,
    MarginMode,
    Marks,
    Order,
    Outside,
    Position,
    PositionMode,
)
from plimsoll.number import ONE, ZERO, exact, parse, parse_positive
from plimsoll.rules.interface import Rules
from plimsoll.text_files import read_json, read_text
from plimsoll.verify.case_format import (
    WORDS,
    Case,
    CaseInstrument,
    CaseOrder,
    CasePosition,
    CaseWallet,
    Expectation,
)
from plimsoll.verify.walls import CaseCoins, with_coins

WHOLE = "USD"
"""The currency in which a source states the totals of a whole account."""
IN_FULL = (CollateralTier(ZERO, None, ONE),)
"""A coin counts in full where the case names no ratios."""


TEXTS = ("id", "rulebook", "source", "provenance", "why", "grade", "base", "quote", "settle", "family")
"""Fields of a case that are names and remarks."""
class RawCase(msgspec.Struct, frozen=True):
    """A case before it is known whether its rulebook is supported."""

    file: str
    number: int
    id: str
    rulebook: str
    asset_mode: str
    body: dict[str, Any]


def read_cases(path: Path) -> tuple[RawCase, ...]:
    """The cases of one file, unparsed but for their names. BadInput: no such file, not JSON, not an array of cases."""
    data = read_json(read_text(path, "file", "name a JSON case file"), str(path))
    if not isinstance(data, list):
        raise BadInput(str(path), "file", None, "a case file is a JSON array of cases")
    return tuple(_raw(str(path), i, item) for i, item in enumerate(data))


def _raw(file: str, number: int, item: object) -> RawCase:
    if not isinstance(item, dict):
        raise BadInput(file, f"case {number + 1}", None, "a case is a JSON object")
    for field in ("id", "rulebook"):
        if not isinstance(item.get(field), str):
            raise BadInput(file, f"case {number + 1}: {field}", item.get(field), "every case names its id and rulebook")
    account = item.get("account")
    options = account.get("options") if isinstance(account, dict) else None
    mode = options.get("asset_mode", "") if isinstance(options, dict) else ""
    return RawCase(file, number, item["id"], item["rulebook"], str(mode), item)


def parse_case(raw: RawCase) -> Case:
    """The case as data. BadInput names the file, the case, the field and what is wrong with it."""
    where = f"{raw.file}: case {raw.id}"
    check_values(where, "", raw.body)
    try:
        case = msgspec.convert(raw.body, Case, dec_hook=_no_hook, strict=False)
    except (ValueError, msgspec.ValidationError) as problem:
        raise BadInput(where, "case", None, str(problem)) from None
    _check(where, case)
    return case


def check_values(where: str, path: str, value: object) -> None:
    """Every number, and every text that reads as one, is finite and within `number.MAGNITUDE`. BadInput names the `path` to
    it. Names and remarks are not numbers, whatever they look like."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in TEXTS:
                check_values(where, f"{path}.{key}".lstrip("."), item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            check_values(where, f"{path}[{number}]", item)
    elif isinstance(value, Decimal) or (isinstance(value, str) and _is_number(value)):
        parse(value, path, where)


def _is_number(text: str) -> bool:
    try:
        Decimal(text)
    except InvalidOperation:
        return False
    return True


def _no_hook(kind: type, value: object) -> object:
    raise NotImplementedError(f"{kind} from {value!r}")


def _check(where: str, case: Case) -> None:
    """What types alone do not say: finite numbers, positive sizes and marks, known symbols."""
    for symbol, mark in case.marks.items():
        if not (mark.is_finite() and mark > 0):
            raise BadInput(where, f"marks.{symbol}", mark, "a mark price is greater than zero")
    sizes = [(p.symbol, p.size) for p in case.account.positions] + [(o.symbol, o.size) for o in case.account.orders]
    for symbol, size in sizes:
        if symbol not in case.instruments:
            raise BadInput(where, "symbol", symbol, f"instruments lists only {', '.join(case.instruments)}")
        if not (size.is_finite() and size > 0):
            raise BadInput(where, f"size of {symbol}", size, "a size is greater than zero; the side gives its sign")
    for symbol, instrument in case.instruments.items():
        if not (instrument.multiplier.is_finite() and instrument.multiplier > 0):
            raise BadInput(where, f"{symbol}.multiplier", instrument.multiplier, "a multiplier is greater than zero")
    for asset, wallet in case.account.wallets.items():
        if not wallet.balance.is_finite():
            raise BadInput(where, f"wallets.{asset}.balance", wallet.balance, "give a finite number")
    for symbol, text in case.market.liquidation_fill.items():
        if text not in ("mark", "none"):
            parse_positive(text, f"market.liquidation_fill.{symbol}", where)
    check_expectations(where, case.expect)


def check_expectations(where: str, expectations: Sequence[Expectation]) -> None:
    """Each value is a number, a truth, a word or null. BadInput names the quantity."""
    for e in expectations:
        if e.value is not None and not isinstance(e.value, bool) and e.quantity not in WORDS:
            parse(e.value, f"value of {e.quantity} {e.of}", where)


def instruments_of(case: Case) -> dict[str, Instrument]:
    """The case's instruments as ours."""
    return {
        symbol: Instrument(
            symbol=symbol,
            kind=i.kind,
            base=i.base,
            quote=i.quote,
            settle=i.settle,
            multiplier=i.multiplier,
            brackets=i.table,
            bracket_unit=i.bracket_unit,
            tick=i.tick,
            lot=i.lot,
            family=i.family,
            taker_rate=i.taker_rate,
            liquidation_fee_rate=i.liquidation_fee_rate or _option(case, "max_liquidation_fee"),
            funding_rate=i.funding_rate,
            alone=i.market_type == "isolated",
        )
        for symbol, i in case.instruments.items()
    }


def _option(case: Case, name: str) -> Decimal | None:
    """A number among the account's options; None: it is not there."""
    return None if name not in case.account.options else parse(case.account.options[name], name, f"options of {case.id}")


def coins_of(case: Case, known: Mapping[str, Coin]) -> dict[str, Coin]:
    """What each coin of the case counts, and what a debt in it needs: as the wallet says; loans and exchanges it does not
    mention as the rulebook knows them."""
    found = {}
    settled = (i.settle for i in case.instruments.values())
    bases = (i.base for i in case.instruments.values() if i.kind is Kind.SPOT)
    for asset in dict.fromkeys([*case.account.wallets, *settled, *bases]):
        wallet, coin = case.account.wallets.get(asset, CaseWallet(ZERO)), known.get(asset, Coin(()))
        rate = coin.repayment_rate if wallet.spot_taker_rate is None else wallet.spot_taker_rate
        one = () if wallet.collateral_ratio is None else (CollateralTier(ZERO, None, wallet.collateral_ratio),)
        if wallet.bid_buffer is not None:
            with exact():
                one = (CollateralTier(ZERO, None, ONE - wallet.bid_buffer),)
        found[asset] = Coin(
            collateral_tiers=wallet.collateral_tiers or one or IN_FULL,
            loan_tiers=wallet.loans or wallet.borrow_tiers or coin.loan_tiers,
            by_worth=wallet.collateral_unit == "usd",
            repayment_rate=rate,
            ask_buffer=wallet.ask_buffer or ZERO,
            sell_buffer=coin.sell_buffer,
            buy_buffer=coin.buy_buffer,
            exchange_below=coin.exchange_below,
        )
    return found


def account_of(case: Case, rules: Rules) -> Account:
    """The case's account as ours: cash outside every isolated wall, signed sizes, leverage settings from its rows."""
    stated = case.account
    hedge = stated.position_mode is PositionMode.HEDGE
    words = {"True": "on", "False": "off"}
    options = {n: words.get(str(v), str(v)) for n, v in stated.options.items() if isinstance(v, (str, bool))}
    fees = stated.fees or Fees(ZERO, ZERO)
    positions = tuple(_position(p, hedge, case, rules, fees) for p in stated.positions)
    modes = {p.symbol: p.mode for p in positions}
    orders, leverages = [], {}
    bare = Account(stated.position_mode, {}, options=options)
    for n, o in enumerate(stated.orders):
        chosen = None if o.leverage is None else rules.mode_on_leverage(bare, o.symbol, o.leverage, None)
        mode = o.mode or modes.get(o.symbol) or chosen or rules.fill_mode(bare, o.symbol, None)
        order = order_of(_priced(o, case), hedge, mode, str(n + 1))
        orders.append(order)
        if o.leverage is not None:
            leverages[rules.leverage_key(o.symbol, order.mode, order.position_side)] = o.leverage
        modes.setdefault(o.symbol, order.mode)
    for p in positions:
        leverages[rules.leverage_key(p.symbol, p.mode, p.side)] = p.leverage
    cash = {asset: wallet.balance for asset, wallet in stated.wallets.items()}
    if rules.WALLET_HOLDS_ISOLATED:
        for p in positions:
            settle = case.instruments[p.symbol].settle
            if settle in cash:
                with exact():
                    cash[settle] -= p.isolated_margin
    account = Account(
        position_mode=stated.position_mode,
        cash=cash,
        positions=positions,
        orders=tuple(orders),
        leverages=leverages,
        margin_modes={symbol: mode for symbol, mode in modes.items() if mode is MarginMode.ISOLATED},
        fees=fees,
        options=options,
        borrowed={asset: wallet.borrowed for asset, wallet in stated.wallets.items() if wallet.borrowed},
        not_collateral=tuple(asset for asset, wallet in stated.wallets.items() if not wallet.collateral),
        interest={asset: wallet.interest for asset, wallet in stated.wallets.items() if wallet.interest},
        interest_rates=stated.interest_rates,
        restricted=tuple(asset for asset, wallet in stated.wallets.items() if wallet.restricted),
    )
    return _in_wall(account, case) if stated.options.get("margin_account") == "isolated_pair" else account


def _in_wall(account: Account, case: Case) -> Account:
    """The account of an isolated pair: what the case states of its two coins is inside the wall of one position, which is long
    where the quote asset is owed."""
    (symbol, pair), *_ = case.instruments.items()
    long = not account.borrowed.get(pair.base)
    owed = ZERO if long else account.borrowed[pair.base]
    size = account.cash.get(pair.base, ZERO) if long else -owed
    position = Position(
        symbol, MarginMode.ISOLATED, LegSide.NET, size, case.marks[symbol], ONE,
        coins=account.cash, borrowed=account.borrowed, interest=account.interest,
    )  # fmt: skip
    return msgspec.structs.replace(account, cash={}, borrowed={}, interest={}, positions=(position,))


def _priced(o: CaseOrder, case: Case) -> CaseOrder:
    """The order at the price that its cost implies, where the source gives cost instead."""
    price = o.price or _implied_price(case.instruments[o.symbol], o.size, o.cost)
    return o if price is o.price else msgspec.structs.replace(o, price=price)


def _implied_price(instrument: CaseInstrument, size: Decimal, cost: Decimal | None) -> Decimal | None:
    """The price at which a stated cost was paid."""
    if cost is None:
        return None
    with exact():
        amount = size * instrument.multiplier
        return amount / abs(cost) if instrument.kind is Kind.INVERSE else abs(cost) / amount


def _position(p: CasePosition, hedge: bool, case: Case, rules: Rules, fees: Fees) -> Position:
    """Isolated money that the source does not state is what the venue locks at a fill, and what was added to it."""
    implied = _implied_price(case.instruments[p.symbol], p.size, p.signed_cost)
    entry = p.entry or implied or case.marks.get(p.symbol) or ONE
    size = p.size if p.side == "long" else -p.size
    leverage = p.leverage or (ONE if rules.DEFAULT_LEVERAGE > 0 and not rules.MARGIN_FOLLOWS else rules.DEFAULT_LEVERAGE)
    margin = ZERO
    if p.mode is MarginMode.ISOLATED and p.isolated_margin is not None:
        margin = p.isolated_margin
    elif p.mode is MarginMode.ISOLATED and p.leverage is not None:
        with exact():
            market = market_of(instruments_of(case)[p.symbol], fees)
            rate = rules.initial_rate(leverage)
            margin = rules.margin_at_fill(size * market.multiplier, entry, leverage, rate, market) + p.added_margin
    position = Position(
        symbol=p.symbol,
        mode=p.mode,
        side=LegSide(p.side) if hedge else LegSide.NET,
        size=size,
        entry_price=entry,
        leverage=leverage,
        isolated_margin=margin,
        added_margin=p.pos_cross or p.added_margin,
        lost_margin=p.pos_loss or ZERO,
        cost=p.signed_cost,
        realised_pnl=p.realised_pnl,
        auto_add_margin=p.auto_add_margin,
    )
    if not p.variant:
        return position
    told = msgspec.convert(p, CaseCoins, from_attributes=True)
    pair = case.instruments[p.symbol]
    return with_coins(position, told, pair.base, pair.quote)


def order_of(o: CaseOrder, hedge: bool, mode: MarginMode, fallback_id: str) -> Order:
    """A case's order as ours; in hedge mode a missing position side is the one that the order would open."""
    side = o.position_side or (LegSide.LONG if o.side == "buy" else LegSide.SHORT) if hedge else LegSide.NET
    return Order(
        o.id or fallback_id,
        o.symbol,
        o.side,
        o.size,
        o.type,
        o.price,
        o.stop_price,
        o.trigger,
        o.reduce_only,
        mode,
        side,
    )


def marks_of(case: Case) -> Marks:
    """The case's marks; a position whose mark the source leaves out stands at its entry, a coin without an index at 1."""
    marks = {p.symbol: p.entry or ONE for p in case.account.positions}
    marks |= {o.symbol: o.price or ONE for o in case.account.orders if o.symbol not in marks}
    coins = dict.fromkeys([*case.account.wallets, *(i.settle for i in case.instruments.values())], ONE)
    coins |= {i.base: case.marks[s] for s, i in case.instruments.items() if i.kind is Kind.SPOT and s in case.marks}
    return Marks(marks | case.marks, {}, coins | case.indexes)


def outside_of(case: Case) -> dict[str, Outside]:
    """`known`: totals of legs that the source does not list, per asset; those of a whole account under its currency."""
    found = dict(case.known.unlisted)
    known = case.known
    total = Outside(
        unrealised_pnl=known.unrealised_pnl,
        initial_margin=known.account_initial_margin or ZERO,
        maintenance_margin=known.account_maintenance_margin,
        wallet_balance=known.wallet_balance,
    )
    if total != Outside() and known.equity is None:
        found[WHOLE] = total
    elsewhere = dict(case.known.isolated_equity)
    for asset, wallet in case.account.wallets.items():
        with exact():
            elsewhere[asset] = elsewhere.get(asset, ZERO) + wallet.strategy_equity
    for asset, equity in ((asset, equity) for asset, equity in elsewhere.items() if equity):
        found[asset] = msgspec.structs.replace(found.get(asset, Outside()), isolated_equity=equity)
    return found


def environment_of(case: Case) -> Environment:
    """What the case's `market` says of forced sales."""
    fills = {
        symbol: None if text == "none" else Decimal(text)
        for symbol, text in case.market.liquidation_fill.items()
        if text != "mark"
    }
    return Environment(fills, case.market.insurance_fund, case.market.counterparties)
