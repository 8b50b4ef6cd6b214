"""Account files: TOML in, a checked `Plan` out. Bundled examples are read by their bare name (`textbook`).

Strict: an unknown or missing key, a wrong type, a number that cannot be, or a script that cannot be played is refused
in one line (BadInput), with the nearest known word. Nothing is repaired. Symbols are checked against tables in `plan`.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple, TypeVar

from plimsoll.errors import BadInput
from plimsoll.model import Fees, LegSide, MarginMode, OrderType, PositionMode, Trigger
from plimsoll.model_choice import read_model_table
from plimsoll.number import ONE, parse, parse_positive
from plimsoll.plan import Payer, Plan, PlannedOrder, PlannedPosition, PlannedTopUp, Side
from plimsoll.prices.script import read_script, script_names
from plimsoll.prices.times import parse_time
from plimsoll.rulebook import discover, rules_of
from plimsoll.text_files import read_text, read_toml

TOP = (
    "name", "about", "venue", "position_mode", "rules_as_of", "wallet", "borrowed", "interest", "not_collateral",
    "restricted", "auto_borrow", "fees", "readings", "leverages", "options",
)  # fmt: skip
LISTS = ("positions", "orders", "stops", "top_ups")
POSITION = ("symbol", "side", "size", "leverage", "mode")
ORDER_ALSO = ("price", "stop_price", "trigger", "reduce_only", "position_side", "mode", "leverage", "id")
E = TypeVar("E", bound=StrEnum)


class Place(NamedTuple):
    """Where something stands: the file and the entry's printed name ('' at the top)."""

    source: str
    entry: str

    def field(self, key: str) -> str:
        return f"{self.entry} {key}".strip()

    def bad(self, key: str, value: object, cure: str) -> BadInput:
        return BadInput(self.source, self.field(key), value, cure)


def example_names() -> tuple[str, ...]:
    """The bundled examples, by name."""
    found = (entry.name for entry in files("plimsoll").joinpath("examples").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml")))


def read_account(account: str) -> Plan:
    """The plan in a file, or the bundled example of that name. BadInput names the file, the field, the value, the cure."""
    return parse_account(*_text_of(account))


def read_debtor(account: str) -> Plan:
    """As `read_account`, of an account that may hold nothing but coins where it owes some."""
    plan = read_holdings(account)
    return plan if plan.borrowed else _holding(plan)


def read_holdings(account: str) -> Plan:
    """As `read_account`, of an account that may hold nothing yet: what is traded stands in a file of fills."""
    return _plan(*_text_of(account))


def _text_of(account: str) -> tuple[str, str]:
    """(the text, its name in messages)."""
    path = Path(account)
    if account in example_names() and not path.exists():
        text = files("plimsoll").joinpath("examples", f"{account}.toml").read_text(encoding="utf-8")
        return text, f"{account}.toml"
    return read_text(path, "account", f"give an account file, or an example: {', '.join(example_names())}"), str(path)


def parse_account(text: str, source: str) -> Plan:
    """An account file's text, parsed and checked. `source`: its name in messages."""
    return _holding(_plan(text, source))


def _holding(plan: Plan) -> Plan:
    if not plan.positions and not plan.orders:
        nothing = "coins and debts alone can be assessed, not played" if plan.borrowed else "there is nothing to hold"
        raise Place(plan.source, "").bad("positions", None, f"{nothing}; add [[positions]] or [[orders]]")
    return plan


def _plan(text: str, source: str) -> Plan:
    raw = read_toml(text, source)
    place = Place(source, "")
    _keys(raw, place, ("name", "venue", "wallet"), (*TOP, *LISTS, "scripts", "model"))
    hedge = _choice(raw, "position_mode", PositionMode, place, PositionMode.ONE_WAY)
    positions = tuple(_position(entry, at) for entry, at in _entries(raw, "positions", source))
    _distinct(positions, hedge, source)
    orders = [_order(entry, at, n, hedge, positions) for n, (entry, at) in enumerate(_entries(raw, "orders", source), 1)]
    for entry, at in _entries(raw, "stops", source):
        orders += _stops(entry, at, hedge, positions)
    _distinct_ids(orders, source)
    return Plan(
        source=source,
        name=_text(raw, "name", place),
        about=_text(raw, "about", place) if "about" in raw else "",
        venue=_word(raw, "venue", discover(), place),
        position_mode=hedge,
        wallet=_wallet(raw["wallet"], source),
        positions=positions,
        orders=tuple(orders),
        top_ups=tuple(_top_up(entry, at, hedge, positions) for entry, at in _entries(raw, "top_ups", source)),
        fees=_fees(raw["fees"], source) if "fees" in raw else None,
        readings=_readings(raw.get("readings", {}), source),
        borrowed=_borrowed(raw.get("borrowed", {}), source),
        interest=_interest(raw.get("interest", {}), source),
        not_collateral=_coins(raw, "not_collateral", source),
        restricted=_coins(raw, "restricted", source),
        auto_borrow=_auto_borrow(raw, place),
        leverages=_leverages(raw.get("leverages", {}), source),
        rules_as_of=_day(raw, place),
        scripts=_scripts(raw, source),
        model=_model(raw, source),
        options=_options(raw.get("options", {}), str(raw["venue"]), source),
    )


def _keys(raw: Mapping[str, object], place: Place, needed: Sequence[str], known: Sequence[str]) -> None:
    """Refuses unknown keys, with the nearest known one, and missing ones."""
    for key in raw:
        if key not in known:
            near = get_close_matches(key, known, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
            raise place.bad(key, None, f"unknown key; {hint}")
    for key in needed:
        if key not in raw:
            raise place.bad(key, None, "is missing; add it")


def _entries(raw: Mapping[str, object], section: str, source: str) -> list[tuple[Mapping[str, object], Place]]:
    entries = raw.get(section, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadInput(source, section, None, f"write [[{section}]] entries")
    named = [f"{section} {n} ({e['symbol']})" if "symbol" in e else f"{section} {n}" for n, e in enumerate(entries, 1)]
    return [(entry, Place(source, name)) for entry, name in zip(entries, named, strict=True)]


def _table(raw: object, section: str, source: str) -> Mapping[str, object]:
    if not isinstance(raw, dict):
        raise BadInput(source, section, raw, f"write a table: [{section}]")
    return raw


def _text(raw: Mapping[str, object], key: str, place: Place) -> str:
    value = raw[key]
    if not isinstance(value, str) or not value.strip():
        raise place.bad(key, value, "write a word in quotes")
    return " ".join(value.split())


def _word(raw: Mapping[str, object], key: str, words: Sequence[str], place: Place) -> str:
    if key not in raw:
        raise place.bad(key, None, f"is missing; choose one of {', '.join(words)}")
    value = raw[key]
    if not isinstance(value, str) or value not in words:
        raise place.bad(key, value, f"choose one of {', '.join(words)}")
    return value


def _choice(raw: Mapping[str, object], key: str, options: type[E], place: Place, default: E | None = None) -> E:
    """One of an enum's words; a key that is needed has no default and has been checked to be there."""
    if key not in raw and default is not None:
        return default
    return options(_word(raw, key, [option.value for option in options], place))


def _amount(raw: Mapping[str, object], key: str, place: Place) -> Decimal:
    return parse_positive(raw[key], place.field(key), place.source)


def _optional(raw: Mapping[str, object], key: str, place: Place) -> Decimal | None:
    return _amount(raw, key, place) if key in raw else None


def _position(raw: Mapping[str, object], place: Place) -> PlannedPosition:
    _keys(raw, place, POSITION, (*POSITION, "entry_price", "margin"))
    mode = _choice(raw, "mode", MarginMode, place)
    entry, margin = _optional(raw, "entry_price", place), _optional(raw, "margin", place)
    if margin is not None and mode is MarginMode.CROSS:
        raise place.bad("margin", margin, "only an isolated position has money of its own; leave it out")
    if margin is not None and entry is None:
        cure = "a position opened by the run gets value / leverage; leave margin out, add more with [[top_ups]]"
        raise place.bad("margin", margin, cure)
    side, size = _choice(raw, "side", Side, place), _amount(raw, "size", place)
    leverage = _leverage(_amount(raw, "leverage", place), place)
    return PlannedPosition(_text(raw, "symbol", place), side, size, leverage, mode, entry, margin)


def _leverage(value: Decimal, place: Place) -> Decimal:
    if value < ONE:
        raise place.bad("leverage", value, "leverage is at least 1")
    return value


def _distinct(positions: Sequence[PlannedPosition], mode: PositionMode, source: str) -> None:
    seen: set[tuple[str, str, str]] = set()
    for number, position in enumerate(positions, 1):
        leg = (position.symbol, position.mode.value, position.side.value if mode is PositionMode.HEDGE else "")
        if leg in seen:
            cure = "this position stands here twice; write one entry (two legs need position_mode = \"hedge\")"
            raise BadInput(source, f"positions {number} symbol", position.symbol, cure)
        seen.add(leg)


def _distinct_ids(orders: Sequence[PlannedOrder], source: str) -> None:
    seen: set[str] = set()
    for order in orders:
        if order.id in seen:
            raise BadInput(source, f"order of {order.symbol} id", order.id, "two orders have this id; give each its own")
        seen.add(order.id)


def _order(
    raw: Mapping[str, object], place: Place, number: int, hedge: PositionMode, positions: Sequence[PlannedPosition]
) -> PlannedOrder:
    _keys(raw, place, ("symbol", "side", "size", "type"), ("symbol", "side", "size", "type", *ORDER_ALSO))
    kind = _choice(raw, "type", OrderType, place)
    conditional = kind in (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)
    for key, wanted in (("price", kind is OrderType.LIMIT), ("stop_price", conditional), ("trigger", conditional)):
        if key in raw and not wanted:
            raise place.bad(key, raw[key], f"a {kind} order has none; leave it out")
        if key not in raw and wanted and key != "trigger":
            raise place.bad(key, None, f"is missing; a {kind} order needs it")
    reduce_only = raw.get("reduce_only", False)
    if not isinstance(reduce_only, bool):
        raise place.bad("reduce_only", reduce_only, "write true or false, without quotes")
    symbol, whole = _text(raw, "symbol", place), raw["size"] == "position"
    side, leg = _word(raw, "side", ("buy", "sell"), place), _leg(raw, "position_side", place, hedge)
    if whole:
        _held(symbol, leg, positions, place, "size")
    leverage = _optional(raw, "leverage", place)
    return PlannedOrder(
        id=_text(raw, "id", place) if "id" in raw else f"order-{number}",
        symbol=symbol,
        side=side,
        type=kind,
        size=None if whole else _amount(raw, "size", place),
        price=_optional(raw, "price", place),
        stop_price=_optional(raw, "stop_price", place),
        trigger=_choice(raw, "trigger", Trigger, place, Trigger.MARK),
        reduce_only=reduce_only,
        position_side=leg,
        mode=_choice(raw, "mode", MarginMode, place) if "mode" in raw else None,
        leverage=None if leverage is None else _leverage(leverage, place),
    )


def _leg(raw: Mapping[str, object], key: str, place: Place, mode: PositionMode) -> LegSide:
    """The leg that an entry names: needed in hedge mode, out of place in one-way mode."""
    if mode is PositionMode.ONE_WAY:
        if key in raw and raw[key] != LegSide.NET:
            raise place.bad(key, raw[key], 'only hedge mode has legs; leave it out, or set position_mode = "hedge"')
        return LegSide.NET
    if key not in raw:
        raise place.bad(key, None, "is missing; in hedge mode say long or short")
    return LegSide(_word(raw, key, (LegSide.LONG.value, LegSide.SHORT.value), place))


def _held(
    symbol: str, leg: LegSide, positions: Sequence[PlannedPosition], place: Place, key: str
) -> PlannedPosition:
    """The position that an entry is about."""
    for position in positions:
        if position.symbol == symbol and (leg is LegSide.NET or leg.value == position.side.value):
            return position
    held = ", ".join(dict.fromkeys(position.symbol for position in positions)) or "none"
    raise place.bad(key, symbol if leg is LegSide.NET else f"{symbol}:{leg}", f"no such position; there are {held}")


def _stops(
    raw: Mapping[str, object], place: Place, hedge: PositionMode, positions: Sequence[PlannedPosition]
) -> list[PlannedOrder]:
    """Reduce-only orders for a whole position: a stop at `price`, a take-profit at `take_profit`, or both."""
    _keys(raw, place, ("symbol",), ("symbol", "price", "take_profit", "side", "trigger"))
    if "price" not in raw and "take_profit" not in raw:
        raise place.bad("price", None, "is missing; give a price, a take_profit, or both")
    symbol = _text(raw, "symbol", place)
    several = hedge is PositionMode.HEDGE and sum(p.symbol == symbol for p in positions) > 1
    wanted = _choice(raw, "side", Side, place) if several or "side" in raw else None
    position = _held(symbol, LegSide.NET if wanted is None else LegSide(wanted.value), positions, place, "symbol")
    leg = LegSide(position.side.value) if hedge is PositionMode.HEDGE else LegSide.NET
    name = symbol if leg is LegSide.NET else f"{symbol}:{leg}"
    levels = (("price", "stop", OrderType.STOP_MARKET), ("take_profit", "take-profit", OrderType.TAKE_PROFIT_MARKET))
    return [
        PlannedOrder(
            id=f"{word}-{name}",
            symbol=symbol,
            side="sell" if position.side is Side.LONG else "buy",
            type=kind,
            stop_price=_amount(raw, key, place),
            trigger=_choice(raw, "trigger", Trigger, place, Trigger.MARK),
            reduce_only=True,
            position_side=leg,
        )
        for key, word, kind in levels
        if key in raw
    ]


def _top_up(
    raw: Mapping[str, object], place: Place, hedge: PositionMode, positions: Sequence[PlannedPosition]
) -> PlannedTopUp:
    _keys(raw, place, ("symbol", "amount"), ("symbol", "amount", "at_price", "at", "from", "position_side"))
    if ("at_price" in raw) == ("at" in raw):
        raise place.bad("at_price", None, "say when: either at_price or at, not both")
    symbol, leg = _text(raw, "symbol", place), _leg(raw, "position_side", place, hedge)
    _held(symbol, leg, positions, place, "symbol")
    return PlannedTopUp(
        symbol=symbol,
        amount=_amount(raw, "amount", place),
        payer=_choice(raw, "from", Payer, place, Payer.CASH),
        position_side=leg,
        at_price=_optional(raw, "at_price", place),
        at=parse_time(raw["at"], place.field("at"), place.source) if "at" in raw else None,
    )


def _wallet(raw: object, source: str) -> dict[str, Decimal]:
    wallet = _table(raw, "wallet", source)
    if not wallet:
        raise BadInput(source, "wallet", None, 'is empty; say what was put in, such as USDT = "500"')
    there = {asset: parse(amount, f"wallet.{asset}", source) for asset, amount in wallet.items()}
    poor = next((asset for asset, amount in there.items() if amount < 0 or not any(there.values())), None)
    if poor is not None:
        cure = "must be greater than zero, or zero beside other coins"
        raise BadInput(source, f"wallet.{poor}", there[poor], cure)
    return there


def _leverages(raw: object, source: str) -> dict[str, Decimal]:
    """Symbol -> the leverage at which fills in it open (`compare --fills`)."""
    place = Place(source, "leverages")
    chosen = _table(raw, "leverages", source)
    return {symbol: _leverage(_amount(chosen, symbol, place), place) for symbol in chosen}


def _borrowed(raw: object, source: str) -> dict[str, Decimal]:
    owed = _table(raw, "borrowed", source)
    return {asset: parse_positive(amount, f"borrowed.{asset}", source) for asset, amount in owed.items()}


def _auto_borrow(raw: Mapping[str, object], place: Place) -> bool:
    """Whether orders may lean on other coins, where the venue leaves that to the user."""
    value = raw.get("auto_borrow", True)
    if not isinstance(value, bool):
        raise place.bad("auto_borrow", value, "write true or false")
    return value


def _interest(raw: object, source: str) -> dict[str, Decimal]:
    """Asset -> what borrowing it costs a year."""
    rates = _table(raw, "interest", source)
    out = {}
    for asset, text in rates.items():
        rate = out[asset] = parse(text, f"interest.{asset}", source)
        if not 0 <= rate < 100:
            raise BadInput(source, f"interest.{asset}", rate, "give a fraction a year, such as 0.08 for 8 %")
    return out


def _coins(raw: Mapping[str, object], key: str, source: str) -> tuple[str, ...]:
    """Coins that are not to count, or to give no room; one that the account neither has nor owes is a slip of the pen."""
    coins = raw.get(key, [])
    if not isinstance(coins, list) or not all(isinstance(asset, str) for asset in coins):
        raise BadInput(source, key, None, 'write a list of coins, such as ["ETH"]')
    held = [*_table(raw["wallet"], "wallet", source), *_table(raw.get("borrowed", {}), "borrowed", source)]
    for asset in coins:
        if asset not in held:
            raise BadInput(source, key, asset, f"the account has no such coin; it has {', '.join(held)}")
    return tuple(coins)


def _fees(raw: object, source: str) -> Fees:
    """Rates below 1; only a maker's may be negative (a rebate)."""
    table, place = _table(raw, "fees", source), Place(source, "fees")
    _keys(table, place, ("maker_rate", "taker_rate"), ("maker_rate", "taker_rate"))
    rates = {key: parse(table[key], place.field(key), source) for key in ("maker_rate", "taker_rate")}
    for key, least in (("maker_rate", -ONE), ("taker_rate", ONE - ONE)):
        if not least <= rates[key] < ONE:
            raise place.bad(key, rates[key], "give a fraction such as 0.0005 (only the maker's may be negative)")
    maker, taker = rates["maker_rate"], rates["taker_rate"]
    return Fees(maker, taker, coin_maker_rate=maker, coin_taker_rate=taker)


def _options(raw: object, venue: str, source: str) -> dict[str, str]:
    """Settings of the whole account that its venue has besides its modes."""
    table, place, known = _table(raw, "options", source), Place(source, "options"), rules_of(venue).OPTIONS
    if table and not known:
        raise place.bad(next(iter(table)), None, f"{venue} has no such settings; leave the table out")
    _keys(table, place, (), tuple(known))
    return {key: _word(table, key, known[key], place) for key in table}


def _readings(raw: object, source: str) -> dict[str, str]:
    table, place = _table(raw, "readings", source), Place(source, "readings")
    return {key: _text(table, key, place) for key in table}


def _day(raw: Mapping[str, object], place: Place) -> date | None:
    value = raw.get("rules_as_of")
    if value is None:
        return None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise place.bad("rules_as_of", value, "write a date without quotes, such as 2026-07-02")
    return value


def _scripts(raw: Mapping[str, object], source: str) -> dict[str, object]:
    """The scripts as they stand, each read once so that a bad one is refused here."""
    for name in script_names(raw, source):
        read_script(raw, source, name)
    return dict(_table(raw.get("scripts", {}), "scripts", source))


def _model(raw: Mapping[str, object], source: str) -> dict[str, object]:
    """The model as it stands (`simulate`), read once so that a bad one is refused here."""
    if "model" not in raw:
        return {}
    table = dict(_table(raw["model"], "model", source))
    read_model_table(table, source)
    return table
