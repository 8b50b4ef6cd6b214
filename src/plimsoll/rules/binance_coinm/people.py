"""Binance COIN-M for people, in plain Python: what differs from the dollar-margined contracts in names, codes and refusals.

Nothing here enters a margin decision's arithmetic. Callers are inside `exact()`."""

from collections.abc import Mapping
from decimal import Decimal

from plimsoll.errors import Reason, Reject
from plimsoll.model import Account, Instrument, Position, PositionMode
from plimsoll.rules.binance_usdm import people
from plimsoll.rules.drawing import PoolSpec, pools_per_settle_asset

TITLE = "Binance COIN-M futures"

OF_BOTH_PRODUCTS = ("F-LIQ", "F-LIQ20", "F-COST", "F-WALLET", "F-ADJ", "F-MODE", "F-INS", "F-ADL", "A-UDS")
"""Pages of the venue that speak of both products, or of futures at large."""

SOURCES = {key: people.SOURCES[key] for key in OF_BOTH_PRODUCTS} | {
    "F-COINLIQ": "binance.com/en/support/faq/ceccfcfb4e3a45e3b48b0b1bb1a8ae46 (liquidation price of COIN-M futures)",
    "F-COINLEV": "binance.com/en/support/faq/be2c7d9d95b04a7e8044ed02dd7dfe5c (leverage and margin of COIN-M futures)",
    "F-CALC": "binance.com/en/support/faq/360036498511 (futures calculator)",
    "A-CM": "binance/binance-connector-python, COIN-M client docstrings and samples (August 2026)",
    "E-CODES": "developers.binance.com, COIN-M error codes (read in a copy: rosssaunders/coincise:docs/binance/coinm)",
}

CODES = {**people.CODES, Reason.LEVERAGE_LOWER_ISOLATED: "-4150", Reason.BELOW_MINIMUM: "-4004"}
"""Reason -> the venue's code, as in the dollar-margined product but for two: its -4161 and -4164 are not in the list of
this one, and the least order is one contract, not a value. E-CODES."""


def venue_code(reject: Reject) -> str:
    """The venue's code for a refusal, '' where it has none. E-CODES."""
    return CODES.get(reject.reason, "")


def pools_of(account: Account, instruments: Mapping[str, Instrument]) -> tuple[PoolSpec, ...]:
    """One cross pool per coin, which all its contracts share, perpetual and delivery; one pool per isolated leg (hedge legs
    apart). F-MODE, F-COINLEV."""
    return pools_per_settle_asset(account, instruments, people.leg_name)


def break_even_price(position: Position, taker_rate: Decimal) -> Decimal:
    """entry / (1 - s*rate): where the profit in coin pays the opening fee in coin. Grade derived.

    The one recorded row that could tell it from entry * (1 + s*rate) lies between the two (BTCUSD_PERP of 2025-05-05, with
    fees that are not known): 94138.28755126, against 94138.29625 and 94138.28471 at 0.035 %."""
    side = 1 if position.size > 0 else -1
    return position.entry_price / (1 - side * taker_rate)


def may_switch_position_mode(account: Account, mode: PositionMode) -> Reject | None:
    """Account-wide: refused when unchanged, with any open order, with any position. Since the two products were joined in
    2026 they share the setting, and exposure in the other one blocks it too: an account here knows only its own. A-CM."""
    return people.may_switch_position_mode(account, mode)
