"""Rows that a lane certainly passes are passed as if they had been walked one by one: the same money, the same liquidations at
the same times, whatever the account, the model and the rulebook. The walk itself is held against the exact machine
elsewhere."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plimsoll.array import study
from plimsoll.array.compile import Column
from plimsoll.array.desk import Told, Watch
from plimsoll.array.funding import constant_funding, no_funding
from plimsoll.array.models import PathModel, StatedJumps, Subject, brownian, garch, jumps, student
from plimsoll.array.study import Case, Chunk, Exact, Job, Rows, Settled, chunks
from plimsoll.errors import BadInput
from plimsoll.kept import kept_folder
from plimsoll.model import Account, LegSide, MarginMode, Position, PositionMode, leg_key
from random_accounts import VENUES, D, accounts, on_boundaries, rulebook_of
from walks import tellers_of

STEPS, LANES_USED, HOUR = 90, 48, 3600.0
LINED = [venue for venue in VENUES if rulebook_of(venue).rules.STATES_LINES and not rulebook_of(venue).rules.PRICES_STATED]
WALKED = ("bybit_classic", "bybit_uta", "okx_multi")
KINDS = ("brownian", "student", "jumps", "garch")
MONEY = ("equity", "fees", "forced", "funding", "shortfall", "added")


def sold(account: Account, rows: Rows, waiting: tuple[int, ...], _added: float) -> Settled:
    """In place of the exact engine: all is sold where it is handed over, and what that brings is of no interest here."""
    hits = {leg_key(p): float(rows.steps[-1]) for p in account.positions}
    gone = msgspec.structs.replace(account, positions=(), orders=())
    return Settled(gone, waiting, hits, float(rows.marks[-1, 0]), 0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 5)


def models(of: Subject, volatility: float) -> dict[str, PathModel]:
    """One of each kind that can be stated."""
    m = len(of.symbols)
    each, same = [volatility] * m, np.full((m, m), 0.5) + 0.5 * np.eye(m)
    step = volatility**2 * of.step_seconds / (365 * 86400)
    row = [0.1 * step, 0.1, 0.0, 0.8, step]
    leaps = StatedJumps(50.0, [0.0] * m, [0.05] * m, same)
    return {
        "brownian": brownian(of, each, same),
        "student": student(of, each, same, 3.5),
        "jumps": jumps(of, each, same, leaps),
        "garch": garch(of, np.array([row] * m), same),
    }


def outcome(job: Job, case: Case, able: bool, monkeypatch: pytest.MonkeyPatch) -> Chunk:
    """What becomes of some paths, with or without rows being passed."""
    real = study.clearance_of
    with monkeypatch.context() as patch:
        patch.setattr(study, "clearance_of", lambda case, laid: real(case, laid)._replace(able=able))
        return next(iter(chunks(job, [case], LANES_USED, 1)))[0]


def same(one: Chunk, other: Chunk, values: float) -> None:
    """To rounding: the order in which charges of funding are added up is another. `values`: the money at stake."""
    assert np.array_equal(np.isfinite(one.hits), np.isfinite(other.hits))
    np.testing.assert_allclose(one.hits, other.hits, rtol=0, atol=1e-6)
    assert (one.closes, one.handed) == (other.closes, other.handed)
    assert np.array_equal(one.filled, other.filled)
    for name in MONEY:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-11 * values, err_msg=name)
    np.testing.assert_allclose(one.lowest[:LANES_USED], other.lowest[:LANES_USED], rtol=0, atol=2e-6 * values)


def every_coin(account: Account) -> dict[str, str]:
    """Coins whose price nothing tells count as one: which it is does not matter here."""
    held = [account.cash, account.borrowed, *((p.coins or {}) | p.borrowed for p in account.positions)]
    return {coin: "" for coins in held for coin in coins}


def at_stake(account: Account, venue: str, marks: dict[str, Any]) -> float:
    """All money and all values, each at its own price, which may double or halve."""
    instruments = rulebook_of(venue).instruments
    total = sum(abs(float(x)) for x in account.cash.values()) + sum(float(p.isolated_margin) for p in account.positions)
    for p in account.positions:
        size = abs(float(p.size * instruments[p.symbol].multiplier))
        prices = (float(marks[p.symbol]), float(p.entry_price))
        total += 4 * size * (max(prices) if instruments[p.symbol].kind != "inverse" else 1 / min(prices))
    return total


@pytest.mark.parametrize("venue", LINED)
@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_lane_that_passes_rows_ends_as_one_that_walks_them(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(st.one_of(accounts(venue), on_boundaries(venue)))
    symbols = tuple(marks.marks)
    of = Subject("test", symbols, HOUR)
    kind, volatility = data.draw(st.sampled_from(KINDS)), data.draw(st.sampled_from([0.1, 0.5, 2.0]))
    model = models(of, volatility)[kind]
    rate = data.draw(st.sampled_from([0.0, 0.0001, -0.002]))
    funding = constant_funding(of, rate, 8 * HOUR) if rate else no_funding(of)
    starts = tuple(float(x) for x in marks.marks.values())
    grid, straight = data.draw(st.sampled_from([(STEPS,), (30, 61, STEPS)])), data.draw(st.booleans())
    job = Job(starts, model, funding, data.draw(st.integers(0, 2**32)), grid, straight, kept_folder())
    watches = ()
    if account.positions and data.draw(st.booleans()):
        first = account.positions[0]
        level = (marks.marks[first.symbol] * D("0.97")).quantize(D("1e-6"))
        watches = (Watch(first.symbol, level, -1, rulebook_of(venue).instruments[first.symbol].settle, D(5), True, None),)
    told = Told(every_coin(account) | tellers_of(account, symbols, rulebook_of(venue)), "USDT", True)
    case = Case(symbols, account, rulebook_of(venue), told, Exact(sold), watches)
    with pytest.MonkeyPatch.context() as patch:
        try:
            passed = outcome(job, case, True, patch)
        except BadInput:
            assume(False)
        walked = outcome(job, case, False, patch)
    same(passed, walked, at_stake(account, venue, marks.marks))


@pytest.mark.parametrize(("cash", "away"), [("60000", True), ("6200", False)])
def test_rows_far_from_the_line_are_passed_and_those_near_it_are_not(
    cash: str, away: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = []
    real = study.clearance_of
    monkeypatch.setattr(study, "clearance_of", lambda case, laid: kept.append(real(case, laid)) or kept[-1])
    leg = Position("BTCUSDT", MarginMode.CROSS, LegSide.NET, D(1), D(60000), D(10))
    account = Account(PositionMode.ONE_WAY, {"USDT": D(cash)}, (leg,))
    of = Subject("test", ("BTCUSDT",), HOUR)
    model, funding = brownian(of, [0.5], np.eye(1)), constant_funding(of, 0.0001, 8 * HOUR)
    job = Job((60000.0,), model, funding, 1, (STEPS,), False, kept_folder())
    case = Case(("BTCUSDT",), account, rulebook_of("binance_usdm"), Told({"USDT": ""}, "USDT", True), Exact(sold))
    next(iter(chunks(job, [case], LANES_USED, 1)))
    stood: Column = kept[0].stands[:LANES_USED]
    assert (stood == STEPS % study.BLOCK).all() == away


@pytest.mark.parametrize("venue", LINED)
def test_the_law_is_tried_on_rows_that_are_passed(venue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An isolated long that is liquidated now and then: most lanes pass rows, and both tell the same. Not so where the
    account's coins are one pool, or funding hangs on what is free."""
    kept = []
    real = study.clearance_of
    monkeypatch.setattr(study, "clearance_of", lambda case, laid: kept.append(real(case, laid)) or kept[-1])
    rulebook = rulebook_of(venue)
    symbol, *_ = (i.symbol for i in rulebook.instruments.values() if i.kind in ("linear", "inverse") and not i.alone)
    contract = rulebook.instruments[symbol]
    linear = contract.kind == "linear"
    size = ((D(1) if linear else D(50000)) / contract.multiplier).quantize(D(1))
    margin = D(10000) if linear else D("0.2")
    leg = Position(symbol, MarginMode.ISOLATED, LegSide.NET, size, D(50000), D(5), margin)
    account = Account(PositionMode.ONE_WAY, {contract.settle: D(1000)}, (leg,))
    of = Subject("test", (symbol,), HOUR)
    funding = constant_funding(of, 0.0001, 8 * HOUR)
    job = Job((50000.0,), brownian(of, [1.0], np.eye(1)), funding, 3, (STEPS,), False, kept_folder())
    told = Told({contract.settle: "" if linear else symbol}, contract.settle, True)
    case = Case((symbol,), account, rulebook, told, Exact(sold))
    passed = outcome(job, case, True, monkeypatch)
    assert ((kept[0].stands[:LANES_USED] > 0).mean() > 0.5) == (venue not in WALKED)
    same(passed, outcome(job, case, False, monkeypatch), at_stake(account, venue, {symbol: D(50000)}))
