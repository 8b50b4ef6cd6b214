"""Coins that stand for a dollar, where a plan meets a venue that has another of them: one is taken for one, and a note says so.
Never at the plan's own venue, and never inside the engine."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from plimsoll.model import Instrument
from plimsoll.rulebook import DOLLARS


def in_dollars_of(
    wallet: Mapping[str, Decimal], instruments: Iterable[Instrument]
) -> tuple[dict[str, Decimal], list[str]]:
    """The wallet with its one dollar coin as the one that the contracts settle in, and a sentence on that; as it is, and
    nothing said, where it holds that coin or several, or where the contracts settle in several."""
    settles = {instrument.settle for instrument in instruments}
    held = [coin for coin in DOLLARS if coin in wallet]
    wanted = [coin for coin in DOLLARS if coin in settles]
    if len(held) != 1 or len(wanted) != 1 or held == wanted:
        return dict(wallet), []
    mine, theirs = held[0], wanted[0]
    there = {theirs if coin == mine else coin: amount for coin, amount in wallet.items()}
    return there, [f"Contracts settle in {theirs} here: each {mine} of the wallet counts as one {theirs}, and so do prices."]
