"""What debts cost as time passes: a playing comes by every full hour at which something is owed, whatever the length of its
bars, and so finds the first hour at which a debt alone takes a pool to its line."""

from datetime import datetime, timedelta

from plimsoll.account.borrowing import need_rates, owes
from plimsoll.account.commands import AccrueInterest
from plimsoll.account.events import InterestCharged
from plimsoll.model import Kind
from plimsoll.number import ONE
from plimsoll.tape import Tape

HOUR = timedelta(hours=1)
"""Interest is charged by the hour."""


class Meter:
    """The full hours since a playing began. `passed`: the last one that needs no charge any more. Lives for one `play`."""

    def __init__(self, began: datetime) -> None:
        self.passed = began

    def stop(self, tape: Tape, until: datetime) -> datetime | None:
        """The next full hour up to `until` at which the account must be looked at: it owes, or an order may make it owe."""
        self.passed += max((tape.time - self.passed) // HOUR, 0) * HOUR
        account, rulebook = tape.state.account, tape.venue.rulebook
        coming = any(not o.reduce_only and rulebook.instruments[o.symbol].kind is Kind.SPOT for o in account.orders)
        if not (coming or owes(account, rulebook)):
            return None
        return self.passed + HOUR if self.passed + HOUR <= until else None

    def charge(self, tape: Tape, now: datetime) -> None:
        """Where the account stands `now`: an hour's interest on all that is owed, if that is a full hour not charged yet."""
        hours = (now - self.passed) // HOUR
        self.passed += hours * HOUR
        on = tape.state.account, tape.venue.rulebook
        if hours <= 0 or self.passed != now or not owes(*on):
            return
        need_rates(*on)
        told = len(tape.told)
        tape.do(AccrueInterest(ONE))
        if any(not isinstance(t.event, InterestCharged) for t in tape.told[told:]):
            tape.look()
            tape.sample()
