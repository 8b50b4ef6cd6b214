"""From what was played to what is told: events become sentences, postings become totals. Nothing is decided here."""

from collections.abc import Sequence
from decimal import Decimal

from plimsoll.account.events import (
    Deleveraged,
    Deposited,
    Event,
    ExpirySettled,
    FundingPaid,
    MarginMoved,
    OrderCancelled,
    OrderTriggered,
    Reduced,
    ShortfallCovered,
    StageReached,
    TakenOver,
    Traded,
)
from plimsoll.account.state import State, Venue
from plimsoll.margin.assess import LegView, Prices, assess
from plimsoll.model import LegKey, MarginMode, OrderType, Stage
from plimsoll.number import ZERO, exact, show
from plimsoll.plan import PlanMode
from plimsoll.play import Played, Told
from plimsoll.prices.paths import BarPath
from plimsoll.runs import Happening, LegResult, Run
from plimsoll.sentences import pool_words

FORCED = (Reduced, TakenOver)
DUST = Decimal("0.00000001")
"""Below the money unit of every venue: not worth a line."""


def run_of(played: Played, venue: Venue, mode: PlanMode, path: BarPath, unit: str, notes: tuple[str, ...]) -> Run:
    """One playing as a Run. Money in `unit`."""
    with exact():
        events = [t.event for t in played.told if t.event is not None]
        legs = _legs(played, venue)
        risk = _money_at_risk(played.start, venue, unit)
        carried = sum((leg.notional_at_start for leg in legs), ZERO)
        return Run(
            venue=venue.rulebook.name,
            mode=mode,
            path=path.value,
            readings=dict(venue.rulebook.readings),
            unit=unit,
            start_equity=played.start_equity,
            final_equity=played.samples[-1].equity,
            lowest_equity=played.lowest_equity,
            lowest_equity_at=played.lowest_equity_at,
            fees=sum((e.fee for e in events if isinstance(e, Traded)), ZERO),
            funding=sum((e.amount for e in events if isinstance(e, FundingPaid)), ZERO),
            liquidation_cost=_liquidation_cost(events),
            insurance_draw=_insurance_draw(events),
            counterparties_draw=sum((e.from_counterparties for e in events if isinstance(e, ShortfallCovered)), ZERO),
            deposits=sum((e.amount for e in events if isinstance(e, Deposited)), ZERO),
            money_at_risk=risk,
            capital_efficiency=carried / risk if risk > 0 else None,
            legs=legs,
            least=played.least,
            happenings=_happenings(played, venue, unit),
            samples=played.samples,
            notes=notes,
        )


def _liquidation_cost(events: Sequence[Event]) -> Decimal:
    """Fees and penalties of forced closes, and what a takeover took beyond the market value it left behind."""
    forced = sum((e.fee + e.penalty for e in events if isinstance(e, Reduced)), ZERO)
    return forced + sum((max(e.fund_result, ZERO) for e in events if isinstance(e, TakenOver)), ZERO)


def _insurance_draw(events: Sequence[Event]) -> Decimal:
    """What the insurance fund lost by this account: shortfalls it covered, takeovers it closed at a loss."""
    covered = sum((e.from_fund for e in events if isinstance(e, ShortfallCovered)), ZERO)
    return covered + sum((max(-e.fund_result, ZERO) for e in events if isinstance(e, TakenOver)), ZERO)


def _views(state: State, venue: Venue) -> dict[LegKey, LegView]:
    view = assess(state.account, state.marks, venue.rulebook, Prices.OWN)
    return {LegKey(leg.symbol, leg.mode, leg.side): leg for leg in view.legs}


def _money_at_risk(state: State, venue: Venue, unit: str) -> Decimal:
    """Isolated money plus, where any leg is cross, all the cash that stands behind it."""
    positions = [p for p in state.account.positions if venue.rulebook.instruments[p.symbol].settle == unit]
    walled = sum((p.isolated_margin for p in positions), ZERO)
    crossed = any(p.mode is MarginMode.CROSS for p in positions)
    return walled + (state.account.cash.get(unit, ZERO) if crossed else ZERO)


def _legs(played: Played, venue: Venue) -> tuple[LegResult, ...]:
    before, after = _views(played.start, venue), _views(played.final, venue)
    results = []
    for key, view in before.items():
        mine = [t for t in played.told if t.event is not None and getattr(t.event, "leg", None) == key]
        forced = next((t for t in mine if isinstance(t.event, FORCED) and t.event.position.size == 0), None)
        now = after.get(key)
        realised = sum(
            (t.event.realised_pnl for t in mine if isinstance(t.event, (Traded, Reduced, TakenOver, ExpirySettled))), ZERO
        )
        cash = played.start.account.cash.get(view.asset, ZERO)
        results.append(
            LegResult(
                name=view.name,
                symbol=view.symbol,
                mode=view.mode.value,
                at_risk=view.isolated_margin if view.mode is MarginMode.ISOLATED else cash,
                notional_at_start=view.notional,
                liquidation_price_at_start=view.liquidation_price,
                liquidated_at=None if forced is None else forced.time,
                liquidated_price=None if forced is None else _mark_then(forced),
                open_size=ZERO if now is None else now.size,
                pnl=realised + (ZERO if now is None else now.unrealised_pnl),
            )
        )
    return tuple(results)


def _mark_then(told: Told) -> Decimal:
    """The price at which a forced close happened: the fill in the market where there was one."""
    assert isinstance(told.event, FORCED)
    if isinstance(told.event, TakenOver) and told.event.fill is not None:
        return told.event.fill
    return told.event.price


def _happenings(played: Played, venue: Venue, unit: str) -> tuple[Happening, ...]:
    out = []
    mode = played.start.account.position_mode
    for told in played.told:
        if told.reject is not None:
            what = type(told.command).__name__
            both = "" if told.reject.wanted is None else f" (wanted {_n(told.reject.wanted)}, allowed {_n(told.reject.limit)})"
            code = venue.rulebook.rules.venue_code(told.reject)
            text = f"{what} refused: {told.reject.message}{both}{f' [{code}]' if code else ''}"
            out.append(Happening(told.time, "refuse", "", text))
            continue
        assert told.event is not None
        leg = getattr(told.event, "leg", None)
        name = venue.rulebook.rules.leg_name(leg, mode) if isinstance(leg, LegKey) else ""
        happening = _tell(told, told.event, name, unit)
        if happening is not None:
            out.append(happening)
    return tuple(out)


def _n(value: Decimal | None) -> str:
    """A number for a sentence: at most 2 decimals above 100, up to 8 significant places below."""
    if value is None:
        return "none"
    size = abs(value)
    places = 2 if size >= 10 else 4 if size >= Decimal("0.01") else 8
    text = show(value, places)
    head, _, tail = text.partition(".")
    sign, digits = ("-", head[1:]) if head.startswith("-") else ("", head)
    grouped = f"{int(digits):,}"
    return f"{sign}{grouped}.{tail}" if tail else f"{sign}{grouped}"


def _tell(told: Told, e: Event, name: str, unit: str) -> Happening | None:
    """One event in one sentence; None for what no reader needs (marks, settings)."""
    t = told.time
    match e:
        case Traded():
            verb = "bought" if e.side == "buy" else "sold"
            gain = f", realising {_n(e.realised_pnl)} {unit}" if e.realised_pnl != 0 else ""
            kind = "open" if e.realised_pnl == 0 and e.position.size != 0 else "close"
            text = f"{name}: {verb} {_n(e.size)} at {_n(e.price)}{gain}, fee {_n(e.fee)}"
            return Happening(t, kind, name, text, e.price, e.size, e.realised_pnl)
        case OrderTriggered():
            kind = "stop" if e.order.type is OrderType.STOP_MARKET else "take_profit"
            word = "stop" if kind == "stop" else "take-profit"
            text = f"{e.order.symbol}: {word} at {_n(e.order.stop_price)} triggered on the {e.order.trigger.value} price"
            return Happening(t, kind, e.order.symbol, text, e.order.stop_price)
        case OrderCancelled():
            text = f"{e.order.symbol}: order {e.order.id} cancelled ({e.why.replace('_', ' ')})"
            return Happening(t, "cancel", e.order.symbol, text)
        case StageReached() if e.stage is Stage.CANCELLING:
            both = f"balance {_n(e.margin_balance)}, requirement {_n(e.requirement)} {unit}"
            text = f"{pool_words(e.pool)} reached its line: {both}"
            return Happening(t, "liquidation", e.pool, text, None, None, e.margin_balance)
        case StageReached() if e.stage is Stage.HEALTHY:
            text = f"{pool_words(e.pool)} holds again: balance {_n(e.margin_balance)} against {_n(e.requirement)} {unit}"
            return Happening(t, "end", e.pool, text)
        case Reduced():
            text = (
                f"{name}: {_n(e.size)} force-closed at {_n(e.price)}, result {_n(e.realised_pnl)} {unit}, "
                f"fee {_n(e.fee)}, penalty {_n(e.penalty)}"
            )
            return Happening(t, "forced_close", name, text, e.price, e.size, e.realised_pnl)
        case TakenOver():
            text = f"{name}: {_n(e.size)} taken over at {_n(e.price)}, result {_n(e.realised_pnl)} {unit}"
            if e.fill is not None:
                text += f"; the insurance fund closed it at {_n(e.fill)} and {_gained(e.fund_result)} {unit}"
            return Happening(t, "take_over", name, text, e.price, e.size, e.realised_pnl)
        case Deleveraged():
            text = f"{name}: {_n(e.size)} passed to {e.counterparty} at {_n(e.price)} (auto-deleveraging)"
            return Happening(t, "deleverage", name, text, e.price, e.size)
        case ShortfallCovered():
            paid = f"insurance fund paid {_n(e.from_fund)}, counterparties {_n(e.from_counterparties)}"
            text = f"{pool_words(e.pool)} ended below zero: {paid}"
            return Happening(t, "shortfall", e.pool, text, None, None, e.from_fund + e.from_counterparties)
        case MarginMoved() if abs(e.amount) >= DUST:
            way = "into" if e.amount > 0 else "out of"
            return Happening(t, "top_up", name, f"{name}: {_n(abs(e.amount))} {unit} {way} its margin", None, None, e.amount)
        case Deposited():
            return Happening(t, "fund", "", f"{_n(e.amount)} {e.asset} deposited", None, None, e.amount)
        case FundingPaid():
            word = "paid" if e.amount > 0 else "received"
            text = f"{name}: funding {word} {_n(abs(e.amount))} {unit} (rate {show(e.rate * 100)} %)"
            return Happening(t, "funding", name, text, e.mark, None, e.amount)
    return None


def _gained(result: Decimal) -> str:
    return f"kept {_n(result)}" if result >= 0 else f"lost {_n(-result)}"


