"""A journal gives back the account it came from, to the last digit; a journal that was touched is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.account.events import Deposited, Event
from plimsoll.account.journal import decode, digest, encode, replay
from plimsoll.account.state import State
from plimsoll.errors import JournalCorrupt
from plimsoll.margin.ledger import Ledger, Posting
from plimsoll.model import Account, LegKey, LegSide, MarginMode, Marks, PositionMode
from random_accounts import VENUES, D
from random_commands import live

LEG = LegKey("BTCUSDT", MarginMode.ISOLATED, LegSide.LONG)


def deposit(amount: Decimal) -> Event:
    return Deposited(
        "USDT", amount, (Posting(Ledger.OUTSIDE, "USDT", -amount), Posting(Ledger.CASH, "USDT", amount, None))
    )


def empty() -> State:
    return State(Account(PositionMode.ONE_WAY, {}), Marks({}))


@pytest.mark.parametrize("venue", VENUES)
@given(st.data())
def test_a_journal_replays_to_the_same_state_and_each_prefix_to_the_state_of_its_time(
    venue: str, data: st.DataObject
) -> None:
    life = live(data, venue)
    lines = [encode(group) for group in life.events]
    assert replay(life.states[0], decode(b"".join(lines))) == life.states[-1]
    for n, state in enumerate(life.states):
        again = replay(life.states[0], decode(b"".join(lines[:n])))
        assert again == state and digest(again) == digest(state)


@pytest.mark.parametrize("venue", VENUES)
@given(st.data())
def test_encoding_keeps_every_event_and_every_digit(venue: str, data: st.DataObject) -> None:
    journal = live(data, venue).journal
    assert decode(encode(journal)) == tuple(journal)
    assert encode(decode(encode(journal))) == encode(journal)


@pytest.mark.parametrize("text", ["1.00", "1E-18", "123456789012345678.123456789012345678", "-0.10", "1E+3"])
def test_a_decimal_keeps_its_digits_and_its_exponent(text: str) -> None:
    (event,) = decode(encode([deposit(D(text))]))
    assert isinstance(event, Deposited) and str(event.amount) == text


def test_a_leg_key_comes_back_as_one() -> None:
    posting = Posting(Ledger.LEG, "USDT", D(0), LEG)
    (event,) = decode(encode([Deposited("USDT", D(0), (posting,))]))
    assert event.postings[0].leg == LEG and isinstance(event.postings[0].leg, LegKey)


def test_no_events_are_an_empty_journal() -> None:
    assert encode([]) == b"" and decode(b"") == ()


GOOD = encode([deposit(D(1)), deposit(D("2.50"))])
DAMAGE = {
    "cut off": (GOOD[:-1], "line 2 is cut off"),
    "cut in the middle": (GOOD[:-20], "line 2 is cut off"),
    "empty line": (b"\n" + GOOD, "line 1 is no event"),
    "not JSON": (GOOD + b"hello\n", "line 3 is no event"),
    "unknown event": (GOOD.replace(b"Deposited", b"Donated", 1), "line 1 is no event"),
    "field missing": (GOOD.replace(b'"asset":"USDT",', b"", 1), "line 1 is no event"),
    "field added": (GOOD.replace(b'{"type"', b'{"extra":1,"type"', 1), "line 1 is not as an event is written"),
    "space added": (GOOD.replace(b":", b": ", 1), "line 1 is not as an event is written"),
    "number instead of text": (GOOD.replace(b'"2.50"', b"2.50"), "line 2 is not as an event is written"),
    "not a number": (GOOD.replace(b"2.50", b"NaN"), "line 2 is no event"),
    "infinite": (GOOD.replace(b"2.50", b"Infinity"), "line 2 is no event"),
    "not UTF-8": (GOOD.replace(b"USDT", b"\xff\xfe", 1), "line 1 is no event"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_journal_is_refused_and_the_line_named(damage: str) -> None:
    journal, message = DAMAGE[damage]
    with pytest.raises(JournalCorrupt, match=message):
        decode(journal)


def test_an_event_that_does_not_balance_is_refused_on_replay() -> None:
    crooked = Deposited("USDT", D(5), (Posting(Ledger.CASH, "USDT", D(5)),))
    with pytest.raises(JournalCorrupt, match=r"event 2: .*does not balance"):
        replay(empty(), [deposit(D(1)), crooked])


def test_money_for_a_leg_that_does_not_exist_is_refused_on_replay() -> None:
    stray = Deposited("USDT", D(5), (Posting(Ledger.LEG, "USDT", D(5), LEG), Posting(Ledger.OUTSIDE, "USDT", D(-5))))
    with pytest.raises(JournalCorrupt, match="event 1: money for a leg that does not exist"):
        replay(empty(), [stray])


def test_the_digest_sees_values_and_not_how_they_are_written() -> None:
    one = State(Account(PositionMode.ONE_WAY, {"USDT": D("1.00"), "BTC": D("1E+1")}), Marks({}))
    same = State(Account(PositionMode.ONE_WAY, {"BTC": D("10"), "USDT": D(1)}), Marks({}))
    other = State(Account(PositionMode.ONE_WAY, {"BTC": D("10"), "USDT": D("1.0000000001")}), Marks({}))
    assert digest(one) == digest(same) != digest(other)
