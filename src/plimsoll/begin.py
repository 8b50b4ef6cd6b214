"""The first instant of a plan: the opened account among its first marks, with its opening commands given."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from plimsoll.account.commands import Command, PlaceOrder
from plimsoll.account.decide import decide
from plimsoll.account.state import State, Venue
from plimsoll.errors import Reject
from plimsoll.indexes import given_indexes, given_note, stand_in_indexes, stand_in_note
from plimsoll.margin.assess import Prices, assess
from plimsoll.model import Marks
from plimsoll.number import show
from plimsoll.plan import Opening
from plimsoll.rulebook import Rulebook


class Refusal(msgspec.Struct, frozen=True):
    """An opening command that the venue refuses. `code`: the venue's own, '' where it has none."""

    command: str
    code: str
    reason: str
    message: str
    wanted: Decimal | None
    limit: Decimal | None


class Begun(NamedTuple):
    """The state to look at, and what was refused on the way there."""

    state: State
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...]


def begin(
    opening: Opening,
    rulebook: Rulebook,
    marks: Mapping[str, Decimal],
    indexes: Mapping[str, Decimal] | None = None,
    own: Collection[str] = (),
    still: Collection[str] = (),
) -> Begun:
    """The account as it stands at `marks` (venue symbols) and `indexes` (a coin without one: a stand-in, which is told; `own`:
    coins whose marks are their own prices, `still` those of them that do not move). Nothing is liquidated: an account that
    would be is left as it is, with its opening commands not given. BadInput: a held symbol without a mark, a coin without
    an index."""
    account = opening.account
    if indexes is None:
        priced, told = stand_in_indexes(account, marks, rulebook), stand_in_note(account, marks, rulebook, own, still)
    else:
        priced = given_indexes(account, indexes, marks, rulebook)
        told = given_note(account, indexes, marks, rulebook)
    state = State(account, Marks(dict(marks), {}, priced))
    if any(pool.liquidatable for pool in assess(opening.account, state.marks, rulebook, Prices.NONE).pools):
        waiting = ("No order was placed: the account is due for liquidation at these marks.",) if opening.commands else ()
        return Begun(state, (), (*told, *waiting))
    refusals: list[Refusal] = []
    for command in opening.commands:
        state, _, reject, _ = decide(state, command, Venue(rulebook))
        if reject is not None:
            refusals.append(refusal(command, reject, rulebook))
    return Begun(state, tuple(refusals), told)


def refusal(command: Command, reject: Reject, rulebook: Rulebook) -> Refusal:
    """A reject as a record for people."""
    name = command.order.id if isinstance(command, PlaceOrder) else type(command).__name__
    code = rulebook.rules.venue_code(reject)
    return Refusal(name, code, str(reject.reason), reject.message, reject.wanted, reject.limit)


def refusal_text(refused: Refusal) -> str:
    """One line: what was refused, why, the two numbers, the venue's code.

    >>> refusal_text(Refusal("stop-X", "-2021", "would_trigger", "the trigger price is passed", Decimal(9), Decimal(8)))
    'stop-X is refused: the trigger price is passed (9 against 8; code -2021)'
    """
    facts = []
    if refused.wanted is not None and refused.limit is not None:
        facts.append(f"{show(refused.wanted, 8)} against {show(refused.limit, 8)}")
    if refused.code:
        facts.append(f"code {refused.code}")
    return f"{refused.command} is refused: {refused.message}" + (f" ({'; '.join(facts)})" if facts else "")
