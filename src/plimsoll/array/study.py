"""Very many paths under several settings: chunks of LANES paths, walked by the compiled kernel, on as many threads as there are
cores. Every setting sees the same paths, and the result does not depend on threads or on how many paths are walked at once.

What the kernel hands over is decided by the exact engine, through two functions that the caller gives (`Exact`): one segment of
a path where the columns cannot carry a venue's ladder, or a whole path on which something was too close to call.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from plimsoll.array import (
    between,
    clearance,
    curves,
    debts,
    glide,
    ladder,
    lanes,
    models,
    paths,
    payments,
    randoms,
    sight,
    walk,
    wander,
    watches,
)
from plimsoll.array.between import Road, Survey, lay_road, look_over, open_survey, road_of
from plimsoll.array.clearance import Clearance, open_clearance
from plimsoll.array.compile import Column, bound, build_digest, keep
from plimsoll.array.desk import EVENT_RECORD, TALLY_RECORD, Held, Laid, Told, Watch, copied, lay_desk
from plimsoll.array.funding import BESIDE, NONE, PROFILE, FundingModel
from plimsoll.array.ladder import CLOSE, DONE, GONE, HAND
from plimsoll.array.models import JUMPS, PathModel
from plimsoll.array.paths import LANES, begin_paths, next_rows, open_paths
from plimsoll.array.readback import account_of
from plimsoll.array.sight import Sight
from plimsoll.model import Account, LegKey
from plimsoll.rulebook import Rulebook

BLOCK = 64
"""Steps that are drawn and walked together: what they need fits into a core's cache."""
MONEY = ("fees", "forced", "funding", "shortfall", "added")
"""What a tally adds up, in the study's unit."""
EVENTS = 8
"""Events that a lane keeps; only when and what was hit is counted."""
KERNELS = (ladder, payments, watches, debts, glide, walk, wander, sight, clearance, lanes)
DRAWING = (curves, randoms, models, paths, between)


class Settled(NamedTuple):
    """What the exact engine made of prices: the account after them; when each leg was first closed by force, in steps of the
    path; money as in a tally; which top-ups are still to come."""

    account: Account
    waiting: tuple[int, ...]
    hits: dict[LegKey, float]
    equity: float
    lowest: float
    fees: float
    forced: float
    funding: float
    shortfall: float
    added: float
    filled: int


class Exact(NamedTuple):
    """The exact engine, as a study needs it: `settle` plays an account from the first of rows of prices, where all is done, to
    the last; which of the case's top-ups are to come, and what has come from outside so far, it is told."""

    settle: Callable[[Account, "Rows", tuple[int, ...], float], Settled]


class Rows(NamedTuple):
    """Instants of a path. `marks` [rows, m]; `rates` [rows, m]: funding charged there; `steps` [rows]: when, in steps of the
    path; `leaps` [rows]: whether the prices are there at once, not by and by."""

    marks: Column
    rates: Column
    steps: Column
    leaps: Column


class Case(NamedTuple):
    """One setting: an account at the start prices under a rulebook. `symbols`: what the paths' columns are called there;
    `told`, `watches`: as in `lay_desk`."""

    symbols: tuple[str, ...]
    account: Account
    rulebook: Rulebook
    told: Told
    exact: Exact
    watches: tuple[Watch, ...] = ()


class Job(NamedTuple):
    """What all settings share. `starts`: the prices that paths begin at; `grid`: the steps at which equity is kept, the last of
    them the end; `straight`: paths are watched at their steps only, and straight in between; `folder`: where machine code is
    kept ('': nowhere)."""

    starts: tuple[float, ...]
    model: PathModel
    funding: FundingModel
    seed: int
    grid: tuple[int, ...]
    straight: bool = False
    folder: str = ""


class Chunk(NamedTuple):
    """What became of LANES paths under one setting. `hits` [lanes, legs]: in steps (inf: never); `equity` [grid, lanes];
    `closes`, `handed`: lanes replayed, and lanes on which the exact engine decided something."""

    hits: Column
    equity: Column
    lowest: Column
    fees: Column
    forced: Column
    funding: Column
    shortfall: Column
    added: Column
    filled: Column
    closes: int
    handed: int


class Lane(NamedTuple):
    """A path with an account of its own, after the exact engine has changed it. `legs`: which leg of the case each of its legs
    is."""

    laid: Laid
    held: Held
    legs: tuple[int, ...]


def kernel_of(name: str, folder: str = "") -> Callable[..., Any]:
    """`walk_lanes` with the rules of one venue; machine code is made at the first call, once a process."""
    return bound(name, KERNELS, "walk_lanes", folder)


def walker_of(name: str, folder: str = "") -> Callable[..., Any]:
    """`walk` with the rules of one venue, for lanes that have an account of their own."""
    return bound(name, KERNELS, "walk", folder)


def chunks(job: Job, cases: Sequence[Case], wanted: int, threads: int) -> Iterator[tuple[Chunk, ...]]:
    """For each LANES paths in order, what became of them under each case; the last lanes of the last chunk may stand idle."""
    for made in (randoms.begin_stream, begin_paths, next_rows, look_over, lay_road, between.jump_at):
        keep(made, build_digest(None, DRAWING), job.folder)
    for name in dict.fromkeys(case.rulebook.name for case in cases):  # bound here: threads would each bind their own
        kernel_of(name, job.folder), walker_of(name, job.folder)
    _tables(job.folder)
    hours = hours_of(job.model)
    laids = [lay_desk(case.account, case.rulebook, case.symbols, case.told, case.watches, None, hours) for case in cases]
    waiting: list[Future[tuple[Chunk, ...]]] = []
    firsts = iter(range(0, wanted, LANES))
    with ThreadPoolExecutor(threads) as pool:
        try:
            for first in firsts:
                waiting.append(pool.submit(_chunk, job, cases, laids, first, min(LANES, wanted - first)))
                if len(waiting) > 2 * threads:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()


def _chunk(job: Job, cases: Sequence[Case], laids: Sequence[Laid], first: int, count: int) -> tuple[Chunk, ...]:
    """One block after the other, every case on it."""
    runs = [_Run(job, case, laid, first, count) for case, laid in zip(cases, laids, strict=True)]
    for block in _blocks(job, first):
        for run in runs:
            run.through(block)
    return tuple(run.result() for run in runs)


def hours_of(model: PathModel) -> Decimal:
    """Hours in a step of a model."""
    return Decimal.from_float(float(model.step_seconds)) / 3600


class _Block(NamedTuple):
    """Steps `step` + 1 ... of LANES paths; see `walk_lanes`. `jumps` [steps, LANES]: as `next_rows` gives them."""

    step: int
    before: Column
    origin: Column
    logs: Column
    jumps: Column
    survey: Survey
    paid: Column
    due: Column
    grid: int


def _blocks(job: Job, first: int) -> Iterator[_Block]:
    """The paths of a chunk from start to end, in blocks that stop at the grid's steps. `grid`: its index there, -1: none."""
    state, m = open_paths(job.model, job.seed, first), len(job.starts)
    charging = _Charging(job, first)
    starts = np.array(job.starts)[:, None]
    before, origin = np.repeat(starts, LANES, axis=1), np.zeros((m, LANES), np.float32)
    survey = open_survey(job.model, job.seed, first, BLOCK)
    step = 0
    for index, stop in enumerate(job.grid):
        while step < stop:
            steps = min(BLOCK, stop - step)
            logs = np.empty((steps, m, LANES), np.float32)
            rows = np.empty((steps, LANES), np.int32)
            next_rows(job.model, state, logs, rows)
            if not job.straight:
                look_over(job.model, survey, logs, rows, step + 1)
            paid, due = charging.block(step, steps, rows)
            yield _Block(step, before, origin, logs, rows, survey, paid, due, index if step + steps == stop else -1)
            before, origin = starts * np.exp(logs[-1].astype(np.float64)), logs[-1]
            step += steps


class _Charging:
    """The funding of a chunk as its steps go by: a reverting rate has a state. Lives for one chunk."""

    def __init__(self, job: Job, first: int) -> None:
        self.model = job.funding
        self.m = len(job.starts)
        self.rate = np.repeat(job.funding.reverting[:, 3:4], LANES, axis=1)
        self.draw = np.random.Generator(np.random.Philox(key=[job.seed & (2**64 - 1), first + 1]))

    def block(self, step: int, steps: int, rows: Column) -> tuple[Column, Column]:
        """Rates [steps, m, LANES or 1] charged at the end of each step, and in which there are any."""
        model, at = self.model, np.arange(step + 1, step + steps + 1)
        if model.kind == NONE:
            return np.zeros((steps, self.m, 1)), np.zeros(steps, np.bool_)
        if model.kind == PROFILE:
            paid = model.rates[(model.first + at) % len(model.rates)][:, :, None]
        elif model.kind == BESIDE:
            paid = np.ascontiguousarray(model.rates[rows].transpose(0, 2, 1))
        else:
            paid = np.zeros((steps, self.m, LANES))
            for i in range(self.m):
                mean, persistence, noise, _ = model.reverting[i]
                for k in np.flatnonzero((at >= model.due[i]) & ((at - model.due[i]) % model.every[i] == 0)):
                    self.rate[i] = mean + persistence * (self.rate[i] - mean) + noise * self.draw.standard_normal(LANES)
                    paid[k, i] = self.rate[i]
        return np.ascontiguousarray(paid), np.any(paid != 0, axis=(1, 2))


class _Run:
    """LANES paths under one case, as they go; those from `count` on are not walked. Lives for one chunk."""

    def __init__(self, job: Job, case: Case, laid: Laid, first: int, count: int) -> None:
        self.job, self.case, self.laid, self.first = job, case, laid, first
        self.lanes = Held(*(np.repeat(column[None], LANES, axis=0) for column in laid.held))
        self.status = np.full(LANES, DONE if laid.steady else CLOSE, np.int64)
        self.status[count:] = GONE
        self.tallies = np.zeros(LANES, TALLY_RECORD)
        self.tallies["lowest"] = self.tallies["closest"] = np.inf
        self.tallies["span"] = 1.0
        self.events = np.zeros((LANES, EVENTS), EVENT_RECORD)
        self.own: dict[int, Lane] = {}
        self.handed: set[int] = set()
        self.tellers = np.array([_place(laid, case, coin) for coin in laid.coins], np.int64)
        self.starts = np.array(job.starts)
        self.road = road_of(job.model, job.seed, self.starts, self.tellers, BLOCK + 1, job.straight)
        self.ways = np.zeros((LANES, *self.road.ways.shape))
        self.clearance = clearance_of(case, laid)
        self.equity = np.zeros((len(job.grid), LANES))

    def through(self, block: _Block) -> None:
        """Walk every lane through a block; those that stop for the exact engine go on after it has decided."""
        seen = self._sight(block)
        self.tallies["base"] = block.step
        asleep = self.status == _OWN
        kernel_of(self.case.rulebook.name, self.job.folder)(
            self.laid.desk, self.lanes, self.road, block.survey, seen, self.clearance, self.first,
            self.status, self.tallies, self.events, self.ways,
        )  # fmt: skip
        for lane in np.flatnonzero((self.status == HAND) | asleep):
            self._by_itself(int(lane), block, seen)
        if block.grid >= 0:
            self.equity[block.grid] = self.tallies["equity"]

    def _sight(self, block: _Block) -> Sight:
        """A block as the kernel takes it, with room for one lane's prices."""
        m, steps = len(self.job.starts), len(block.logs)
        due, table = np.concatenate([[False], block.due]), np.empty((steps + 1, m + len(self.tellers)))
        rates = np.empty((steps + 1, m))
        return Sight(
            self.starts, self.tellers, block.before, block.origin, block.logs, block.paid, due, block.jumps, table, rates
        )

    def _by_itself(self, lane: int, block: _Block, seen: Sight) -> None:
        """A lane through the block (or the rest of it) on an account of its own."""
        table, rates, due = *self._rows(lane, block, seen), seen.due
        tally = self.tallies[lane : lane + 1]
        at = 0
        code = HAND if self.status[lane] == HAND else DONE
        if code == HAND:
            self.own[lane] = Lane(self.laid, _lane(self.lanes, lane), tuple(range(len(self.laid.keys))))
            at = int(tally["step"][0])
            self.road.ways[:] = self.ways[lane]
        while True:
            own = self.own[lane]
            if code == DONE:
                at -= int(tally["behind"][0] > 0)
                tally["base"] = block.step + at
                part = np.ascontiguousarray(table[at:])
                walker = walker_of(self.case.rulebook.name, self.job.folder)
                road = _from_row(self.road, at)
                code = walker(own.laid.desk, own.held, road, part, part, rates[at:], due[at:], 0, tally, self.events[lane])
                self._keep_hits(lane, own)
                if code != HAND:
                    break
                at += int(tally["step"][0])
            self._decide(lane, own, self._left(table, rates, at, block.step, self.tallies[lane]))
            code = DONE
        self.status[lane] = _OWN if code == DONE else code

    def _left(self, table: Column, rates: Column, at: int, base: int, tally: Any) -> Rows:
        """What the exact engine is to play on the way to row `at`: what the walk has given it of that, or all of it. What the
        row brings belongs to the step's last stretch."""
        m, count = len(self.job.starts), int(tally["ways"])
        tally["ways"] = 0
        ways = self.road.ways[:count]
        marks = ways[:, 2 : 2 + m] if count else table[at - 1 : at + 1, :m]
        steps = base + at - 1 + (ways[:, 0] if count else np.array([0.0, 1.0]))
        leaps = ways[:, 1] > 0 if count else np.zeros(2, np.bool_)
        paid = np.zeros((len(marks), m))
        if tally["behind"] == 0:
            paid[-1] = rates[at]
        return Rows(marks, paid, steps, leaps)

    def _decide(self, lane: int, own: Lane, rows: Rows) -> None:
        """The exact engine takes the lane over some rows."""
        tally = self.tallies[lane]
        self.handed.add(lane)
        waiting = tuple(int(i) for i in np.flatnonzero(own.held.watches["live"]))
        settled = self.case.exact.settle(account_of(own.laid, own.held), rows, waiting, float(tally["added"]))
        for key, step in settled.hits.items():
            leg = self.laid.keys.index(key)
            self.lanes.hits[lane, leg] = min(self.lanes.hits[lane, leg], step)
        for name in MONEY:
            tally[name] += getattr(settled, name)
        tally["filled"] += settled.filled
        tally["equity"], tally["lowest"] = settled.equity, min(tally["lowest"], settled.lowest)
        case = self.case
        hours = hours_of(self.job.model)
        laid = lay_desk(settled.account, case.rulebook, case.symbols, case.told, case.watches, settled.waiting, hours)
        self.own[lane] = Lane(laid, copied(laid.held), tuple(self.laid.keys.index(key) for key in laid.keys))

    def _keep_hits(self, lane: int, own: Lane) -> None:
        for mine, theirs in zip(own.legs, own.held.hits, strict=True):
            self.lanes.hits[lane, mine] = min(self.lanes.hits[lane, mine], theirs)

    def _rows(self, lane: int, block: _Block, seen: Sight) -> tuple[Column, Column]:
        """A lane's own prices and rates in a block, as the kernel has them, and the road between."""
        tabulate, charge_table = _tables(self.job.folder)
        tabulate(seen, lane, 0, len(block.logs))
        charge_table(seen, lane, 0, len(block.logs))
        lay_road(self.road, block.survey, block.origin, block.logs, block.jumps, self.first + lane, lane)
        return seen.table, seen.rates

    def result(self) -> Chunk:
        """The outcome; lanes on which something was too close to call are replayed from their start."""
        closes = [int(lane) for lane in np.flatnonzero(self.status == CLOSE)]
        for lane, rows in zip(closes, self._paths(closes), strict=True):
            self._replay(lane, rows)
        t = self.tallies
        hits, equity = self.lanes.hits, self.equity
        return Chunk(
            hits, equity, t["lowest"], t["fees"], t["forced"], t["funding"], t["shortfall"], t["added"], t["filled"],
            len(closes), len(self.handed),
        )  # fmt: skip

    def _paths(self, wanted: Sequence[int]) -> list[Rows]:
        """The whole paths of some lanes: their steps, and what the prices were before a jump."""
        m = len(self.job.starts)
        begun = Rows(self.starts[None], np.zeros((1, m)), np.zeros(1), np.zeros(1, np.bool_))
        parts: dict[int, list[Rows]] = {lane: [begun] for lane in wanted}
        for block in _blocks(self.job, self.first) if wanted else ():
            seen = self._sight(block)
            for lane in wanted:
                table, rates = self._rows(lane, block, seen)
                parts[lane].append(self._points(table[:, :m], rates, block.step))
        return [Rows(*(np.concatenate(columns) for columns in zip(*found, strict=True))) for found in parts.values()]

    def _points(self, table: Column, rates: Column, base: int) -> Rows:
        """The rows of a block after its first, those before a jump among them."""
        m, jump = table.shape[1], np.zeros(table.shape[1] + 8)
        rows: list[tuple[Column, Column, int, bool]] = []
        for k in range(1, len(table)):
            leaps = bool(self.road.kind == JUMPS and between.jump_at(self.road, k, jump))
            if leaps:
                rows.append((np.exp(np.log(table[k]) - jump[:m]), np.zeros(m), base + k, False))
            rows.append((table[k], rates[k], base + k, leaps))
        return Rows(*(np.array(column) for column in zip(*rows, strict=True)))

    def _replay(self, lane: int, rows: Rows) -> None:
        """A whole path by the exact engine, from one step of the grid to the next."""
        account, at, tally = self.case.account, 0, self.tallies[lane]
        waiting = tuple(range(len(self.case.watches)))
        for name in (*MONEY, "filled"):
            tally[name] = 0
        tally["lowest"] = np.inf
        self.lanes.hits[lane] = np.inf
        for index, stop in enumerate(self.job.grid):
            end = int(np.searchsorted(rows.steps, stop, side="right"))
            part = Rows(*(column[at:end] for column in rows))
            settled = self.case.exact.settle(account, part, waiting, float(tally["added"]))
            for key, step in settled.hits.items():
                leg = self.laid.keys.index(key)
                self.lanes.hits[lane, leg] = min(self.lanes.hits[lane, leg], step)
            for name in (*MONEY, "filled"):
                tally[name] += getattr(settled, name)
            tally["lowest"] = min(tally["lowest"], settled.lowest)
            self.equity[index, lane] = settled.equity
            account, waiting, at = settled.account, settled.waiting, end - 1


_OWN = 100
"""Status of a lane that has an account of its own."""


@cache
def _tables(folder: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """How lanes read prices and rates, compiled: to the last bit as in the kernel."""
    return bound(None, (sight,), "tabulate", folder), bound(None, (sight,), "charge_table", folder)


def _place(laid: Laid, case: Case, coin: str) -> int:
    """The market whose mark is a coin's price, -1: it counts as one. Whose price nothing tells is no case of a study."""
    symbol = case.told.tellers[coin]
    return laid.symbols.index(symbol) if symbol else -1


def clearance_of(case: Case, laid: Laid) -> Clearance:
    """Room for the bounds of LANES lanes; lines count where the venue states them and rounds no money to whole units."""
    rules = case.rulebook.rules
    able = rules.STATES_LINES and not rules.PRICES_STATED
    return open_clearance(able, len(laid.pool_keys), laid.desk.markets["inverse"])


def _from_row(road: Road, at: int) -> Road:
    """The road from a row on."""
    return road._replace(logs=road.logs[at:], reach=road.reach[at:], sizes=road.sizes[at:], jumps=road.jumps[at:])


def _lane(held: Held, lane: int) -> Held:
    return Held(*(column[lane].copy() for column in held))
