"""The steps of a case that moves: each read as a command of the account machine, with what is expected after it."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec

from plimsoll.account.commands import (
    AccrueInterest,
    AddMargin,
    Borrow,
    CancelOrder,
    ChargeInterest,
    Command,
    Deposit,
    Fill,
    PlaceOrder,
    RemoveMargin,
    Repay,
    SetLeverage,
    SetMarginMode,
    SetMarks,
    SetOption,
    SetPositionMode,
    SettleFunding,
    Withdraw,
)
from plimsoll.errors import BadInput
from plimsoll.model import LegKey, LegSide, MarginMode, Order, OrderType, PositionMode, Trigger
from plimsoll.number import ONE, ZERO
from plimsoll.verify.case_format import Expectation
from plimsoll.verify.cases import check_expectations


class CaseStep(msgspec.Struct, frozen=True):
    do: str
    fields: dict[str, Any]
    expect: tuple[Expectation, ...] = ()
    reject: dict[str, str] | None = None
    events: tuple[str, ...] | None = None


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
    hours: Decimal = ZERO
    leverage: Decimal = ONE
    marks: dict[str, Decimal] = {}
    lasts: dict[str, Decimal] = {}
    indexes: dict[str, Decimal] = {}
    time: datetime | None = None
    name: str = ""
    value: str = ""


def _wall(f: StepFields) -> LegKey | None:
    """The isolated position whose coins and debts a step names by its symbol; None: the account's own."""
    return LegKey(f.symbol, MarginMode.ISOLATED, f.position_side or LegSide.NET) if f.symbol else None


def _order(f: StepFields, side: LegSide) -> Order:
    place = (f.id, f.symbol, f.side, f.size, f.type, f.price, f.stop_price, f.trigger, f.reduce_only)
    return Order(*place, position_side=side)


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
                return PlaceOrder(_order(f, side), mode)
            case "cancel":
                return CancelOrder(f.id)
            case "funding":
                return SettleFunding(f.symbol, f.rate, f.mark)
            case "interest":
                return ChargeInterest(f.asset, f.amount, _wall(f))
            case "accrue":
                return AccrueInterest(f.hours)
            case "borrow":
                return Borrow(f.asset, f.amount, _wall(f))
            case "repay":
                return Repay(f.asset, f.amount, _wall(f))
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
            case "set_option":
                return SetOption(f.name, f.value)
    except (ValueError, msgspec.ValidationError) as problem:
        raise BadInput(where, f"step {step.do}", None, str(problem)) from None
    raise BadInput(where, "step", step.do, f"is not a known step in {position_mode} mode")
