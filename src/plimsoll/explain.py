"""Where a number comes from: the rule in its own words, the numbers put in, the bracket row, the source and its grade.

Nothing of a rule is restated here: words are the rule function's docstring, numbers come from calling the rules.
"""

import inspect
import re
from collections.abc import Callable
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, NamedTuple

import msgspec

from plimsoll.errors import BadInput
from plimsoll.indexes import following
from plimsoll.margin import liquidation_price
from plimsoll.margin.assess import assess, mark_column
from plimsoll.margin.pools import Layout, lay_out, locked_beside
from plimsoll.margin.views import Assessment, AssetView, LegView, PoolView
from plimsoll.model import Account, Marks
from plimsoll.number import exact, show
from plimsoll.owing import levels
from plimsoll.rulebook import Rulebook
from plimsoll.rules.columns import Leg, Market, PoolMargin
from plimsoll.venue_table import Grade

WORKED_OUT = "derived"


class Input(msgspec.Struct, frozen=True):
    """A number put in."""

    name: str
    value: Decimal


class Explanation(msgspec.Struct, frozen=True):
    """`rule`: the function, dotted. `formula`: its own words. `bracket`: the row used, '' where none is. `grade`: of the
    rule, weakest word first where its text names several; the table's own grade stands in `tables`."""

    quantity: str
    of: str
    result: Decimal | None
    unit: str
    rule: str
    formula: str
    inputs: tuple[Input, ...]
    bracket: str
    sources: tuple[str, ...]
    grade: str
    tables: tuple[str, ...]


class Look(NamedTuple):
    """Everything an explanation draws on."""

    view: Assessment
    layout: Layout
    column: tuple[Decimal, ...]
    account: Account
    rulebook: Rulebook


class Legwise(NamedTuple):
    """One leg as the rules see it and as the assessment shows it."""

    view: LegView
    leg: Leg[Decimal]
    market: Market[Decimal]


LEG: dict[str, tuple[str, ...]] = {
    "notional": ("amount", "mark"),
    "unrealised_pnl": ("amount", "entry", "mark"),
    "initial_margin": ("amount", "entry", "mark", "initial_rate"),
    "maintenance_margin": ("amount", "mark", "notional"),
    "liquidation_price": (),
    "displayed_liquidation_price": (),
    "bankruptcy_price": ("amount", "entry", "margin", "taker_rate"),
    "liquidation_fee": ("amount", "mark", "notional", "liquidation_fee_rate"),
}
"""Quantities of one leg, and the numbers their rules take."""
POOL: dict[str, str] = {
    "margin_balance": "assess_pool",
    "requirement": "assess_pool",
    "headroom": "is_liquidatable",
    "venue_ratio": "venue_ratio",
}
"""Quantities of a pool, and the rule that speaks of them."""
ASSET = ("available_balance", "withdrawable")
BRACKETED = ("maintenance_margin", "liquidation_price", "displayed_liquidation_price", "liquidation_fee")
AT_THE_LINE = ("liquidation_price", "displayed_liquidation_price")
QUANTITIES = (*LEG, *POOL, *ASSET)


def explain(ask: str, account: Account, marks: Marks, rulebook: Rulebook) -> tuple[Explanation, ...]:
    """`QUANTITY` or `QUANTITY:NAME`, NAME a symbol, a leg, a pool or an asset; without it every one there is.

    BadInput: an unknown quantity or a name that nothing in the account has."""
    quantity, _, name = ask.strip().partition(":")
    if quantity not in QUANTITIES:
        near = get_close_matches(quantity, QUANTITIES, 1, 0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise BadInput("--explain", "quantity", quantity, f"{hint}choose one of {', '.join(QUANTITIES)}")
    with exact():
        layout = lay_out(account, rulebook)
        column = mark_column(layout, marks.marks, marks.indexes)
        look = Look(assess(account, marks, rulebook), layout, column, account, rulebook)
        if quantity in LEG:
            legs = _named(name, [v for v in look.view.legs if name in ("", v.name, v.symbol)], [v.name for v in look.view.legs])
            return tuple(_leg(quantity, view, look) for view in legs)
        if quantity in POOL:
            return tuple(_pool(quantity, pool, look) for pool in _pools(name, look))
        assets = [a for a in look.view.assets if name in ("", a.asset, f"asset:{a.asset}")]
        return tuple(_asset(quantity, a, look) for a in _named(name, assets, [a.asset for a in look.view.assets]))


def _named(name: str, found: list[Any], known: list[str]) -> list[Any]:
    if not found:
        raise BadInput("--explain", "name", name or None, f"nothing here has it; there are {', '.join(known) or 'none'}")
    return found


def _pools(name: str, look: Look) -> list[PoolView]:
    """The pools of that key, asset or leg; without a name those that hold something."""
    homes = {leg.pool for leg in look.view.legs if name in (leg.name, leg.symbol)}
    pools = look.view.pools
    found = [p for p in pools if (name == "" and p.legs) or name in (p.key, p.key.removeprefix("asset:")) or p.key in homes]
    return _named(name, found or ([] if name else list(pools)), [p.key for p in pools])


def _legwise(view: LegView, look: Look) -> Legwise:
    """The rules' columns of a leg, found where the layout put it."""
    wanted = (view.symbol, view.mode, view.side)
    for spec, pool in zip(look.layout.specs, look.layout.pools, strict=True):
        for key, leg in zip(spec.legs, pool.legs, strict=True):
            if key == wanted:
                return Legwise(view, leg, look.layout.markets[leg.market])
    raise AssertionError(f"{view.name} is not in the layout")


def _leg(quantity: str, view: LegView, look: Look) -> Explanation:
    legwise = _legwise(view, look)
    numbers = {
        "amount": legwise.leg.amount,
        "entry": legwise.leg.entry,
        "mark": view.mark,
        "notional": view.notional,
        "initial_rate": legwise.leg.initial_rate,
        "margin": legwise.leg.margin,
        "taker_rate": legwise.market.taker_rate,
        "liquidation_fee_rate": legwise.market.liquidation_fee_rate,
    }
    inputs = [Input(name, numbers[name]) for name in LEG[quantity]]
    price = view.mark
    if quantity in AT_THE_LINE and view.liquidation_price is not None:
        price = view.liquidation_price
        inputs = _at_the_line(view, price, look)
    rules = look.rulebook.rules
    level = levels(look.layout, look.column, look.account, look.rulebook)[view.pool].line
    if level is not None and quantity in AT_THE_LINE:
        inputs.append(Input("liquidation_level", level))
    function: Any = getattr(rules, quantity, rules.stated_liquidation_price if rules.PRICES_STATED else liquidation_price)
    is_price = quantity.endswith("_price")
    unit = look.rulebook.instruments[view.symbol].quote if is_price else view.asset
    told = _explanation(
        quantity, view.name, getattr(view, quantity), unit, function, inputs, look, (view.symbol,),
        _row(legwise, price, look, level) if quantity in BRACKETED else "",
    )
    return told if level is None or quantity not in BRACKETED else _with_level_sources(told, look.rulebook)


def _with_level_sources(told: Explanation, rulebook: Rulebook) -> Explanation:
    """With the sources of the rule that says what a debt needs in its pool: the level is read off that."""
    found = sources_in(" ".join((inspect.getdoc(rulebook.rules.coin_in_rules) or "").split()), rulebook)
    return msgspec.structs.replace(told, sources=tuple(dict.fromkeys((*told.sources, *found))))


def _at_the_line(view: LegView, price: Decimal, look: Look) -> list[Input]:
    """What the leg's pool has and needs when this mark alone stands at its liquidation price."""
    layout = look.layout
    marks = dict(zip(layout.symbols, look.column, strict=False)) | {view.symbol: price}
    indexes = dict(zip(layout.assets, look.column[len(layout.symbols) :], strict=True))
    column = mark_column(layout, marks, following(indexes, view.symbol, price, look.rulebook))
    margin = _margin(view.pool, look, column)
    return [
        Input(f"{view.symbol} mark", price),
        *(Input(f"{s} mark, frozen", look.column[i]) for i, s in enumerate(look.layout.symbols) if _shares(s, view, look)),
        Input("margin_balance there", margin.balance),
        Input("requirement there", margin.requirement),
    ]


def _shares(symbol: str, view: LegView, look: Look) -> bool:
    return symbol != view.symbol and any(leg.symbol == symbol and leg.pool == view.pool for leg in look.view.legs)


def _margin(key: str, look: Look, column: tuple[Decimal, ...]) -> PoolMargin[Decimal]:
    at = next(i for i, spec in enumerate(look.layout.specs) if spec.key == key)
    return look.rulebook.rules.assess_pool(look.layout.pools[at], column, look.layout.markets)


def _row(legwise: Legwise, price: Decimal, look: Look, level: Decimal | None) -> str:
    """The bracket row of the leg at a price, in words. `level`: where the venue liquidates at a level of the pool, and not by
    the rate of the row."""
    instrument = look.rulebook.instruments[legwise.view.symbol]
    value = look.rulebook.rules.value(legwise.leg.amount, price, legwise.market)
    number = look.rulebook.rules.bracket(value, legwise.leg.tier, legwise.market)
    row = instrument.brackets[number]
    top = "" if row.max_leverage is None else f", up to {show(row.max_leverage)}x"
    cap = "a cap that is not known" if row.cap is None else show(row.cap)
    if row.quote_floor is not None:
        most = "a sum that is not known" if row.quote_cap is None else show(row.quote_cap)
        cap += f" {instrument.base} or {show(row.quote_floor)} to {most} {instrument.quote} borrowed"
    unit = f" ({instrument.bracket_unit})" if row.quote_floor is None else ""
    rate = f", rate {show(row.maintenance_rate)}, deduction {show(row.deduction)}"
    if level is not None:
        rate = f", liquidated at level {show(level)} of the pool"
    return f"row {number + 1} of {len(instrument.brackets)}: {show(row.floor)} to {cap}{unit}{rate}{top}"


def _pool(quantity: str, view: PoolView, look: Look) -> Explanation:
    legs = [leg for leg in look.view.legs if leg.pool == view.key]
    at = next(i for i, spec in enumerate(look.layout.specs) if spec.key == view.key)
    pool = look.layout.pools[at]
    coins = [a for a in look.view.assets if a.collateral_value is not None and pool.wallets]
    has = [Input(f"{a.asset} counts", a.collateral_value) for a in coins if a.collateral_value is not None]
    if not coins:
        has = [Input("cash", pool.cash), *(Input(f"unrealised_pnl {leg.name}", leg.unrealised_pnl) for leg in legs)]
    if pool.beside:
        has.append(Input("locked by positions beside", locked_beside(pool, look.layout, look.rulebook, look.column)))
    if pool.reserved:
        has.append(Input("reserved for orders", pool.reserved))
    needs = [Input(f"maintenance_margin {leg.name}", leg.maintenance_margin) for leg in legs]
    if view.requirement != view.maintenance_margin:
        needs += [Input(f"closing_fee {leg.name}", leg.closing_fee) for leg in legs if leg.closing_fee]
    needs += [Input(f"{a.asset} owed", a.borrowed) for a in coins if a.borrowed]
    spec = look.layout.specs[at]
    needs += [Input(f"{a} as margin", look.column[w.place] * w.dearer) for a, w in zip(spec.assets, pool.wallets, strict=False)
              if w.dearer != 1 and any(leg.asset == a for leg in legs)]
    both = [Input("margin_balance", view.margin_balance), Input("requirement", view.requirement)]
    inputs = {"margin_balance": has, "requirement": needs}.get(quantity, both)
    symbols = tuple(dict.fromkeys(leg.symbol for leg in legs))
    unit = "" if quantity == "venue_ratio" else view.asset
    rule = getattr(look.rulebook.rules, POOL[quantity])
    return _explanation(quantity, view.key, getattr(view, quantity), unit, rule, inputs, look, symbols)


def _asset(quantity: str, view: AssetView, look: Look) -> Explanation:
    home = next((spec.key for spec in look.layout.specs if view.asset in spec.assets), None)
    if home is not None:
        return _coin(quantity, view, home, look)
    key = f"asset:{view.asset}"
    pool = next(p for p in look.view.pools if p.key == key)
    asks = {walled: [a for a in look.view.orders if a.asset == view.asset and a.isolated is walled] for walled in (False, True)}
    inputs = [
        Input("cash", view.cash),
        Input("margin_balance", pool.margin_balance),
        Input("initial_margin", pool.initial_margin),
        Input("maintenance_margin", pool.maintenance_margin),
        *(Input(f"order margin {a.name}", a.order_initial_margin) for walled in asks for a in asks[walled]),
    ]
    rule = getattr(look.rulebook.rules, quantity)
    symbols = tuple(dict.fromkeys(leg.symbol for leg in look.view.legs if leg.pool == key))
    return _explanation(quantity, key, getattr(view, quantity), view.asset, rule, inputs, look, symbols)


def _coin(quantity: str, view: AssetView, home: str, look: Look) -> Explanation:
    """One coin of a pool that values several: what it holds, owes and counts, and what the pool has and needs."""
    at = next(i for i, spec in enumerate(look.layout.specs) if spec.key == home)
    wallet = look.layout.pools[at].wallets[look.layout.specs[at].assets.index(view.asset)]
    pool = next(p for p in look.view.pools if p.key == home)
    assert view.collateral_value is not None
    inputs = [
        Input("wallet balance", wallet.balance),
        Input("equity", view.equity),
        Input("borrowed", view.borrowed),
        Input("index price", look.column[wallet.place]),
        *([Input("a unit as margin", look.column[wallet.place] * wallet.dearer)] if wallet.dearer != 1 else []),
        Input("collateral_value", view.collateral_value),
        Input(f"margin_balance {home}", pool.margin_balance),
        Input(f"initial_margin {home}", pool.initial_margin),
    ]
    symbols = tuple(dict.fromkeys(leg.symbol for leg in look.view.legs if leg.pool == home))
    rule = look.rulebook.rules.assess_coin
    return _explanation(quantity, view.asset, getattr(view, quantity), view.asset, rule, inputs, look, symbols)


def _explanation(
    quantity: str,
    of: str,
    result: Decimal | None,
    unit: str,
    rule: Callable[..., object] | Any,
    inputs: list[Input],
    look: Look,
    symbols: tuple[str, ...],
    bracket: str = "",
) -> Explanation:
    words = " ".join((inspect.getdoc(rule) or "").split())
    venue = look.rulebook
    own = inspect.ismodule(rule)
    return Explanation(
        quantity=quantity,
        of=of,
        result=result,
        unit=unit,
        rule=rule.__name__ if own else f"{rule.__module__}.{rule.__name__}",
        formula=words,
        inputs=tuple(inputs),
        bracket=bracket,
        sources=sources_in(words, venue),
        grade=WORKED_OUT if own else grade_in(words),
        tables=tuple(table_line(symbol, venue) for symbol in symbols),
    )


def sources_in(words: str, rulebook: Rulebook) -> tuple[str, ...]:
    """The source keys a rule's text names, spelled out."""
    out = []
    for key, where in rulebook.rules.SOURCES.items():
        pattern = re.escape(key).replace("NNN", r"\d{3}")
        if re.search(rf"(?<![\w-]){pattern}(?![\w-])", words):
            out.append(f"{key}: {where}")
    return tuple(out)


def grade_in(words: str) -> str:
    """The grades a rule's text names; `doc`, the venue's own word, where it names none.

    >>> grade_in("N * f. Grade recorded."), grade_in("a * (p - e). F-LIQ."), grade_in("S3; the second half rewrite.")
    ('recorded', 'doc', 'rewrite')
    """
    known = "|".join(grade.value for grade in Grade)
    found = re.findall(rf"[Gg]rade\W+({known})|\b([Rr]ecorded|rewrite)\b", words)
    names = dict.fromkeys((given or word).lower() for given, word in found)
    return ", ".join(names) or Grade.DOC.value


def table_line(symbol: str, rulebook: Rulebook) -> str:
    """Which table a symbol's numbers come from, of what days, how far from the day asked, and its grade."""
    age = rulebook.ages.get(symbol)
    if age is None:
        return f"{symbol}: numbers given with the account"
    table = age.brackets
    span = f"from {table.since}" if table.until is None else f"of {table.since}"
    if table.until is not None and table.until != table.since:
        span = f"of {table.since} to {table.until}"
    away = f", {age.days} days from {rulebook.as_of}" if age.days else ""
    return f"{symbol}: brackets {span}{away}, grade {age.grade}; {table.source}"
