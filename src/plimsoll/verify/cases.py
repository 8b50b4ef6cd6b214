"""Reading case files: the format in which venues' own numbers are restated (instruments, account, marks, expectations, steps).

Whatever a source does not tell is filled with a placeholder that nothing expected can depend on."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

import msgspec

from plimsoll.account.commands import (
    AddMargin,
    CancelOrder,
    ChargeInterest,
    Command,
    Deposit,
    Fill,
    PlaceOrder,
    RemoveMargin,
    SetLeverage,
    SetMarginMode,
    SetMarks,
    SetPositionMode,
    SettleFunding,
    Withdraw,
)
from plimsoll.errors import BadInput
from plimsoll.margin.waterfall import Counterparty
from plimsoll.model import (
    Account,
    Bracket,
    Fees,
    Instrument,
    Kind,
    LegSide,
    MarginMode,
    Marks,
    Order,
    OrderType,
    Outside,
    Position,
    PositionMode,
    Trigger,
)
from plimsoll.number import ONE, ZERO, exact, parse, parse_positive
from plimsoll.rules.interface import Rules
from plimsoll.text_files import read_json, read_text

NO_TABLE = (Bracket(ZERO, None, ZERO, ZERO, None),)
"""Stands in for brackets that a source leaves out."""


Value = Decimal | bool | str | None


class Expectation(msgspec.Struct, frozen=True):
    """`value`: a number (written as text), a truth, a word (stage), or null."""

    quantity: str
    of: str
    value: Any
    tolerance: Decimal = ZERO

    @property
    def wanted(self) -> Value:
        """The value as it is compared: text that reads as a number is one."""
        if isinstance(self.value, str) and self.quantity not in WORDS:
            return Decimal(self.value)
        return None if self.value is None else self.value


TEXTS = ("id", "rulebook", "source", "provenance", "why", "grade", "base", "quote", "settle", "family")
"""Fields of a case that are names and remarks."""
WORDS = ("stage", "reject", "accepted", "events")
"""Quantities whose value is a word."""


class CaseInstrument(msgspec.Struct, frozen=True):
    kind: Kind
    base: str
    quote: str
    settle: str
    multiplier: Decimal
    brackets: tuple[Bracket, ...] = NO_TABLE
    bracket_unit: str = "notional"
    tick: Decimal | None = None
    lot: Decimal | None = None
    family: str = ""
    taker_rate: Decimal | None = None
    liquidation_fee_rate: Decimal | None = None
    funding_rate: Decimal | None = None


class CaseWallet(msgspec.Struct, frozen=True):
    balance: Decimal


class CasePosition(msgspec.Struct, frozen=True):
    symbol: str
    side: Literal["long", "short"]
    size: Decimal
    mode: MarginMode
    entry_price: Decimal | None = None
    leverage: Decimal | None = None
    isolated_margin: Decimal | None = None
    added_margin: Decimal | None = None
    pos_cross: Decimal | None = None
    pos_loss: Decimal | None = None
    signed_cost: Decimal | None = None


class CaseOrder(msgspec.Struct, frozen=True):
    symbol: str
    side: Literal["buy", "sell"]
    size: Decimal
    id: str = ""
    type: OrderType = OrderType.LIMIT
    price: Decimal | None = None
    cost: Decimal | None = None
    stop_price: Decimal | None = None
    trigger: Trigger = Trigger.MARK
    reduce_only: bool = False
    leverage: Decimal | None = None
    mode: MarginMode | None = None
    position_side: LegSide | None = None


class CaseAccount(msgspec.Struct, frozen=True):
    position_mode: PositionMode
    wallets: dict[str, CaseWallet] = {}
    positions: tuple[CasePosition, ...] = ()
    orders: tuple[CaseOrder, ...] = ()
    fees: Fees | None = None
    options: dict[str, Any] = {}


class CaseMarket(msgspec.Struct, frozen=True):
    liquidation_fill: dict[str, str] = {}
    insurance_fund: dict[str, Decimal] = {}
    counterparties: tuple[Counterparty, ...] = ()


class CaseStep(msgspec.Struct, frozen=True):
    do: str
    fields: dict[str, Any]
    expect: tuple[Expectation, ...] = ()
    reject: dict[str, str] | None = None
    events: tuple[str, ...] | None = None


class CaseKnown(msgspec.Struct, frozen=True):
    """Totals that a source states: of legs that it does not list, per asset, or of the account's one asset in place of what
    they are made of."""

    unlisted: dict[str, Outside] = {}
    isolated_equity: dict[str, Decimal] = {}
    available_balance: Decimal | None = None
    margin_balance: Decimal | None = None
    account_initial_margin: Decimal | None = None
    account_maintenance_margin: Decimal | None = None


class Case(msgspec.Struct, frozen=True):
    id: str
    rulebook: str
    instruments: dict[str, CaseInstrument]
    account: CaseAccount
    marks: dict[str, Decimal]
    expect: tuple[Expectation, ...] = ()
    steps: tuple[dict[str, Any], ...] = ()
    indexes: dict[str, Decimal] = {}
    known: CaseKnown = CaseKnown()
    market: CaseMarket = CaseMarket()
    reading: dict[str, str] = {}
    grade: str = ""
    as_of: date = date.max


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
            brackets=i.brackets or NO_TABLE,
            bracket_unit=i.bracket_unit,
            tick=i.tick,
            lot=i.lot,
            family=i.family,
            taker_rate=i.taker_rate,
            liquidation_fee_rate=i.liquidation_fee_rate,
            funding_rate=i.funding_rate,
        )
        for symbol, i in case.instruments.items()
    }


def account_of(case: Case, rules: Rules) -> Account:
    """The case's account as ours: cash outside every isolated wall, signed sizes, leverage settings from its rows."""
    hedge = case.account.position_mode is PositionMode.HEDGE
    positions = tuple(_position(p, hedge, case, rules) for p in case.account.positions)
    modes = {p.symbol: p.mode for p in positions}
    orders, leverages = [], {}
    for n, o in enumerate(case.account.orders):
        chosen = MarginMode.CROSS if o.leverage is None else rules.mode_on_leverage(NOBODY, o.symbol, o.leverage, None)
        mode = o.mode or modes.get(o.symbol) or chosen or MarginMode.CROSS
        order = order_of(_priced(o, case), hedge, mode, str(n + 1))
        orders.append(order)
        if o.leverage is not None:
            leverages[rules.leverage_key(o.symbol, order.mode, order.position_side)] = o.leverage
        modes.setdefault(o.symbol, order.mode)
    for p in positions:
        leverages[rules.leverage_key(p.symbol, p.mode, p.side)] = p.leverage
    cash = {asset: wallet.balance for asset, wallet in case.account.wallets.items()}
    if rules.WALLET_HOLDS_ISOLATED:
        for p in positions:
            settle = case.instruments[p.symbol].settle
            if settle in cash:
                with exact():
                    cash[settle] -= p.isolated_margin
    return Account(
        position_mode=case.account.position_mode,
        cash=cash,
        positions=positions,
        orders=tuple(orders),
        leverages=leverages,
        margin_modes={symbol: mode for symbol, mode in modes.items() if mode is MarginMode.ISOLATED},
        fees=case.account.fees or Fees(ZERO, ZERO),
    )


NOBODY = Account(PositionMode.ONE_WAY, {})


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


def _position(p: CasePosition, hedge: bool, case: Case, rules: Rules) -> Position:
    side = LegSide(p.side) if hedge else LegSide.NET
    implied = _implied_price(case.instruments[p.symbol], p.size, p.signed_cost)
    entry = p.entry_price or implied or case.marks.get(p.symbol) or ONE
    return Position(
        symbol=p.symbol,
        mode=p.mode,
        side=side,
        size=p.size if p.side == "long" else -p.size,
        entry_price=entry,
        leverage=p.leverage or (rules.DEFAULT_LEVERAGE if rules.MARGIN_FOLLOWS else ONE),
        isolated_margin=(p.isolated_margin or ZERO) if p.mode is MarginMode.ISOLATED else ZERO,
        added_margin=p.pos_cross or p.added_margin or ZERO,
        lost_margin=p.pos_loss or ZERO,
        cost=p.signed_cost,
    )


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
    """The case's marks; a position whose mark the source leaves out stands at its entry."""
    marks = {p.symbol: p.entry_price or ONE for p in case.account.positions}
    marks |= {o.symbol: o.price or ONE for o in case.account.orders if o.symbol not in marks}
    return Marks(marks | case.marks, {}, case.indexes)


def step_of(where: str, body: Mapping[str, Any]) -> CaseStep:
    """One step; its expectations are parsed here, its own fields when the command is built."""
    try:
        step = CaseStep(
            do=str(body["do"]),
            fields={k: v for k, v in body.items() if k not in ("do", "expect", "reject", "events")},
            expect=msgspec.convert(body.get("expect", ()), tuple[Expectation, ...], strict=False),
            reject=msgspec.convert(body.get("reject"), dict[str, str] | None),
            events=msgspec.convert(body.get("events"), tuple[str, ...] | None),
        )
        check_expectations(where, step.expect)
        return step
    except (KeyError, TypeError, ValueError, msgspec.ValidationError) as problem:
        raise BadInput(where, "step", body.get("do"), f"is not a step ({problem})") from None


ORDER_WORDS = {"stop": "stop_market", "take_profit": "take_profit_market"}
"""Short names of order types."""


class StepFields(msgspec.Struct, frozen=True):
    """Every field that a step may carry."""

    symbol: str = ""
    side: Literal["buy", "sell", ""] = ""
    size: Decimal = ZERO
    price: Decimal | None = None
    stop_price: Decimal | None = None
    liquidity: str = "taker"
    mode: str | None = None
    position_side: LegSide | None = None
    reduce_only: bool = False
    fee_rate: Decimal | None = None
    id: str = ""
    type: OrderType = OrderType.LIMIT
    trigger: Trigger = Trigger.MARK
    rate: Decimal = ZERO
    mark: Decimal | None = None
    asset: str = ""
    amount: Decimal = ZERO
    leverage: Decimal = ONE
    marks: dict[str, Decimal] = {}
    lasts: dict[str, Decimal] = {}
    indexes: dict[str, Decimal] = {}
    time: datetime | None = None


def command_of(where: str, step: CaseStep, position_mode: PositionMode) -> Command:
    """The step as a command. BadInput: a field that does not fit, a verb that is not known."""
    try:
        fields = dict(step.fields)
        if isinstance(fields.get("type"), str):
            word = fields["type"].lower().replace("-", "_")
            fields["type"] = ORDER_WORDS.get(word, word)
        f = msgspec.convert(fields, StepFields, strict=False)
        if step.do in ("fill", "order") and not f.side:
            raise BadInput(where, f"step {step.do}: side", None, "say buy or sell")
        mode = None if f.mode is None or step.do == "set_position_mode" else MarginMode(f.mode)
        side = f.position_side or LegSide.NET
        match step.do:
            case "marks":
                return SetMarks(f.marks, f.lasts, f.indexes, f.time)
            case "fill":
                return Fill(f.symbol, f.side, f.size, f.price or ZERO, f.liquidity, mode, side, f.reduce_only, f.fee_rate)
            case "order":
                order = Order(
                    f.id,
                    f.symbol,
                    f.side,
                    f.size,
                    f.type,
                    f.price,
                    f.stop_price,
                    f.trigger,
                    f.reduce_only,
                    position_side=side,
                )
                return PlaceOrder(order, mode)
            case "cancel":
                return CancelOrder(f.id)
            case "funding":
                return SettleFunding(f.symbol, f.rate, f.mark)
            case "interest":
                return ChargeInterest(f.asset, f.amount)
            case "deposit":
                return Deposit(f.asset, f.amount)
            case "withdraw":
                return Withdraw(f.asset, f.amount)
            case "add_margin":
                return AddMargin(f.symbol, f.amount, side)
            case "remove_margin":
                return RemoveMargin(f.symbol, f.amount, side)
            case "set_leverage":
                return SetLeverage(f.symbol, f.leverage, mode, side)
            case "set_margin_mode":
                return SetMarginMode(f.symbol, mode or MarginMode.CROSS)
            case "set_position_mode":
                return SetPositionMode(PositionMode(f.mode or ""))
    except (ValueError, msgspec.ValidationError) as problem:
        raise BadInput(where, f"step {step.do}", None, str(problem)) from None
    raise BadInput(where, "step", step.do, f"is not a known step in {position_mode} mode")
