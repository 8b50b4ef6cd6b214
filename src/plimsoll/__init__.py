"""Plimsoll: an exact margin engine for leveraged crypto trading, cross and isolated, under each exchange's own rules.

>>> import plimsoll
>>> book = plimsoll.load_rulebook("binance_usdm", "2026-07-02")
>>> account = plimsoll.Account(
...     position_mode=plimsoll.PositionMode.ONE_WAY,
...     cash={"USDT": plimsoll.Decimal("300000")},
...     positions=(plimsoll.position("BTCUSDT", "100", entry_price="60000", leverage="20"),),
... )
>>> plimsoll.liquidation_prices(account, {"BTCUSDT": "60000"}, book)["BTCUSDT"].quantize(plimsoll.Decimal("0.01"))
Decimal('57454.55')
"""

from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any

from plimsoll.errors import BadInput, Reject, RulebookGap
from plimsoll.model import Account, Fees, Instrument, MarginMode, Marks, Order, Position, PositionMode

if TYPE_CHECKING:
    from plimsoll.api import (
        advise,
        assess,
        compare,
        liquidation_prices,
        load_rulebook,
        passage,
        position,
        simulate,
        survive,
    )

__version__ = "0.1.0"

__all__ = [
    "Account",
    "BadInput",
    "Decimal",
    "Fees",
    "Instrument",
    "MarginMode",
    "Marks",
    "Order",
    "Position",
    "PositionMode",
    "Reject",
    "RulebookGap",
    "advise",
    "assess",
    "compare",
    "liquidation_prices",
    "load_rulebook",
    "passage",
    "position",
    "simulate",
    "survive",
]

_VERBS = ("advise", "assess", "compare", "liquidation_prices", "load_rulebook", "passage", "position", "simulate", "survive")


def __getattr__(name: str) -> Any:
    """The verbs are loaded when first used: importing the package costs only the data model."""
    if name in _VERBS:
        return getattr(import_module("plimsoll.api"), name)
    raise AttributeError(f"module 'plimsoll' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_VERBS])
