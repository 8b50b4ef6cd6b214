"""The assess report for a terminal, 80 columns or more. It prints fields of the report and computes nothing but widths."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, TextIO

from plimsoll.assess_report import AssessReport, Distance, Row
from plimsoll.begin import refusal_text
from plimsoll.cautions import Code, percent
from plimsoll.explain import Explanation
from plimsoll.margin.views import LegView, PoolView
from plimsoll.number import ONE, ZERO, exact, show
from plimsoll.owing import lasting
from plimsoll.want import Want, Way

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

NONE = "[dim]none[/]"
URGENT = (
    Code.LIQUIDATABLE,
    Code.MARGIN_CALL,
    Code.NEAR_LIQUIDATION,
    Code.STOP_BEYOND_LIQUIDATION,
    Code.LEVERAGE_ABOVE_BRACKET,
)
BAR = 6
WIDE = 200
"""Digits enough to round any amount that two inputs can make to its decimals."""
WAYS = {Way.ADD_MARGIN: "add margin", Way.CUT_SIZE: "cut by", Way.SET_LEVERAGE: "leverage"}


def print_report(report: AssessReport, out: TextIO, width: int | None = None) -> None:
    """Write the report to `out`; `width` columns (None: as the terminal says, 80 where there is none)."""
    from rich.console import Console

    from plimsoll.report.markup import escaped

    console, told = Console(file=out, width=width, highlight=False), escaped(report)
    for part in _parts(told):
        console.print(part)
    _answers(told, console)


def _parts(report: AssessReport) -> "Iterable[RenderableType]":
    yield f"\n[bold]{report.name}[/]" + (f"\n[dim]{report.about}[/]" if report.about else "")
    yield f"{report.title}" + (f", rules of {report.as_of}" if report.as_of else "")
    if report.assessment.legs:
        yield _positions(report)
    if report.assessment.legs or report.coins:
        yield _lines(report)
    if report.assessment.legs:
        yield _margins(report)
    yield _pools(report)
    yield _wallets(report)
    if report.owed:
        yield _owed(report)
    yield _worries(report)


def _table(title: str, first: str, columns: Iterable[str]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(
        title=title,
        title_style="bold cyan",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        header_style="dim",
        show_edge=False,
        pad_edge=False,
        padding=(0, 1),
    )
    table.add_column(first, no_wrap=True, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    return table


def _positions(report: AssessReport) -> "Table":
    table = _table("\nPositions", "", ("size", "entry", "mark", "value", "profit"))
    for leg in report.assessment.legs:
        prices = (price(leg.entry_price), price(leg.mark))
        table.add_row(_name(leg), show(leg.size), *prices, money(leg.notional, leg.asset), _profit(leg))
    return table


def _name(leg: LegView) -> str:
    side = "long" if leg.size > 0 else "short"
    return f"{leg.symbol}\n[dim]{side} {show(leg.leverage)}x {leg.mode}[/]"


def _profit(leg: LegView) -> str:
    colour = "green" if leg.unrealised_pnl > 0 else "red" if leg.unrealised_pnl < 0 else "dim"
    sign = "+" if leg.unrealised_pnl > 0 else ""
    return f"[{colour}]{sign}{money(leg.unrealised_pnl, leg.asset)}[/]\n[dim]{leg.asset}[/]"


def _lines(report: AssessReport) -> "Table":
    table = _table("\nWhere the line is", "", ("liquidated", "away", "as printed", "whole coin", "bankrupt"))
    doubled = {caution.of for caution in report.cautions if caution.code is Code.TWO_TRIGGERS}
    for leg, away in zip(report.assessment.legs, report.distances, strict=True):
        line = f"[bold]{price(leg.liquidation_price)}[/]"
        if leg.name in doubled:
            line += f"\n[dim]and {price(leg.other_liquidation_price)}[/]"
        others = (leg.displayed_liquidation_price, leg.underlying_liquidation_price, leg.bankruptcy_price)
        table.add_row(_name(leg), line, _away(away.share) + _days(away), *(price(other) for other in others))
    for coin in report.coins:
        table.add_row(f"{coin.asset}\n[dim]its index[/]", f"[bold]{price(coin.liquidation_price)}[/]", _away(coin.share))
    table.caption = _caption(report.distances)
    table.caption_justify = "left"
    return table


def _away(share: Decimal | None) -> str:
    if share is None:
        return NONE
    colour = "red" if abs(share) < Decimal("0.05") else "yellow" if abs(share) < Decimal("0.15") else "green"
    return f"[{colour}]{signed_percent(share)}[/]"


def _days(away: Distance) -> str:
    return "" if away.deviations is None else f"\n[dim]{show(away.deviations, 1)} sd[/]"


def _caption(distances: Iterable[Distance]) -> str:
    """What sd means, or why there is none, once."""
    away = [away for away in distances if away.share is not None]
    reasons = dict.fromkeys(each.why for each in away if each.why)
    told = ["sd: standard deviations of a day's move"] if any(each.deviations is not None for each in away) else []
    return "\n".join(told + [f"no standard deviations: {reason}" for reason in reasons])


def _margins(report: AssessReport) -> "Table":
    table = _table("\nMargin", "", ("initial", "maintenance", "walled off", "bracket", "at most"))
    for leg, row in zip(report.assessment.legs, report.rows, strict=True):
        walled = money(leg.isolated_margin, leg.asset) if leg.isolated_margin else "[dim]shared[/]"
        most = "[dim]unknown[/]" if leg.max_leverage is None else f"{show(leg.max_leverage)}x"
        initial, needed = money(leg.initial_margin, leg.asset), money(leg.maintenance_margin, leg.asset)
        table.add_row(_name(leg), initial, needed, walled, _bracket(row), most)
    return table


def _bracket(row: Row) -> str:
    """The row and where it ends, as far as that is known."""
    last = "known to" if row.number == row.rows and not row.complete else "to"
    cap = "cap not known" if row.bracket.cap is None else f"{last} {row.bracket.cap:,f}"
    return f"{row.number} of {row.rows}\n[dim]{cap}[/]"


def _pools(report: AssessReport) -> "Table":
    headers = ("balance", "required", "headroom", "used", f"{report.ratio}\nat venue", "all marks\nmove by")
    table = _table("\nPools", "", headers)
    for pool in report.assessment.pools:
        if not pool.legs and not pool.margin_balance and not pool.requirement:
            continue
        colour = "red" if pool.liquidatable else "green"
        numbers = (money(pool.margin_balance, pool.asset), money(pool.requirement, pool.asset))
        headroom = f"[{colour}]{money(pool.headroom, pool.asset)}[/]"
        move = NONE if pool.portfolio_liquidation_move is None else signed_percent(pool.portfolio_liquidation_move)
        shown = "[dim]-[/]" if pool.venue_ratio is None else percent(pool.venue_ratio)
        table.add_row(_pool_name(pool), *numbers, headroom, _bar(pool), shown, move)
    return table


def _pool_name(pool: PoolView) -> str:
    name = pool.key.removesuffix("@isolated") if pool.isolated else pool.asset
    return f"{name}\n[dim]{'isolated' if pool.isolated else 'cross'}[/]"


def _bar(pool: PoolView) -> str:
    """How much of the balance the requirement takes: a gauge that is full at liquidation."""
    if not pool.legs and not pool.requirement:
        return "[dim]-[/]"
    with exact():
        share = pool.requirement / pool.margin_balance if pool.margin_balance > 0 else ONE
    filled = min(BAR, int(min(share, ONE) * BAR + Decimal("0.999")))
    colour = "red" if share > Decimal("0.66") else "yellow" if share > Decimal("0.33") else "green"
    return f"[{colour}]{'━' * filled}[/][dim]{'─' * (BAR - filled)}[/]"


def _wallets(report: AssessReport) -> "Table":
    account = report.assessment.account
    valued = () if account is None else (f"counts,\n{account.asset}", "owed")
    table = _table("\nWallet", "", ("wallet", "equity", "available", "withdrawable", *valued))
    for asset in report.assessment.assets:
        amounts = (asset.wallet_balance, asset.equity, asset.available_balance, asset.withdrawable)
        cells = [money(amount, asset.asset) for amount in amounts]
        if account is not None:
            cells += ["[dim]-[/]"] * 2 if asset.collateral_value is None else [
                money(asset.collateral_value, account.asset), money(asset.borrowed, asset.asset)
            ]
        table.add_row(asset.asset, *cells)
    if account is not None:
        totals = (account.wallet_balance, account.equity, account.available_balance)
        shown = [money(amount, account.asset) for amount in totals]
        counted = money(account.wallet_balance + account.unrealised_pnl, account.asset)
        table.add_row(f"account\n[dim]{account.asset}[/]", *shown, "", counted, "")
    return table


def _owed(report: AssessReport) -> "Table":
    """What is owed, what it costs, and how long the debts alone take to liquidate."""
    table = _table("\nOwed", "", ("lent", "interest", "rate a\nyear", "cost a\nday", "level", "alone\nliquidates in"))
    for owing in report.owed:
        name = f"{owing.asset}\n[dim]{owing.pool.removesuffix('@isolated')}[/]"
        rate = "[dim]unknown[/]" if owing.rate is None else percent(owing.rate)
        cost = "[dim]unknown[/]" if owing.a_day is None else money(owing.a_day, owing.asset)
        level = "[dim]-[/]" if owing.level is None else show(owing.level, 4)
        level += "" if owing.line is None else f"\n[dim]line {show(owing.line, 4)}[/]"
        level += "" if owing.call is None else f"\n[dim]call {show(owing.call, 4)}[/]"
        time = "[dim]unknown[/]" if owing.rate is None and owing.hours is None else lasting(owing.hours)
        table.add_row(name, money(owing.lent, owing.asset), money(owing.interest, owing.asset), rate, cost, level, time)
    return table


def _worries(report: AssessReport) -> "Table":
    """Cautions, refusals, what was rounded or left out, and the tables used: one line each."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 1))
    grid.add_row("", "")
    for caution in report.cautions:
        colour = "red" if caution.code in URGENT else "yellow"
        grid.add_row(f"[{colour}]![/]", caution.sentence)
    for refused in report.refusals:
        grid.add_row("[yellow]![/]", refusal_text(refused))
    for left in report.skipped:
        grid.add_row("[yellow]![/]", f"{left.symbol} is left out: {left.reason}")
    for note in (*report.notes, *report.tables):
        grid.add_row("[dim]·[/]", f"[dim]{note}[/]")
    return grid


def _answers(report: AssessReport, console: "Console") -> None:
    for explanation in report.explanations:
        console.print()
        console.print(_explanation(explanation))
    for want in report.wants:
        console.print(_want(want))


def _explanation(told: Explanation) -> "RenderableType":
    from rich.panel import Panel
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    grid.add_row("result", f"[bold]{_exact(told.result)}[/] {told.unit}")
    for given in told.inputs:
        grid.add_row(given.name, _exact(given.value))
    if told.bracket:
        grid.add_row("bracket", told.bracket)
    grid.add_row("rule", told.formula)
    grid.add_row("", f"[dim]{told.rule}[/]")
    for source in told.sources:
        grid.add_row("source", source)
    grid.add_row("grade", told.grade)
    for table in told.tables:
        grid.add_row("table", table)
    return Panel(grid, title=f"[bold]{told.quantity}[/] of {told.of}", title_align="left", border_style="cyan")


def _want(want: Want) -> "RenderableType":
    from rich.console import Group

    title = f"\n{want.name} liquidated at {price(want.target)}, as {want.mode}"
    table = _table(title, "", ("", "then\nliquidated at"))
    table.add_column("")
    for way in want.remedies:
        amount = "[dim]no way[/]" if way.amount is None else f"[bold]{_exact(way.amount)}[/] {way.unit}"
        lands = "" if way.amount is None else price(way.lands_at)
        table.add_row(WAYS[way.way], amount, lands, f"[dim]{way.note}[/]")
    now = f"now {price(want.now)}, mark {price(want.mark)}"
    if want.spare is not None:
        missing = "to spare at the target" if want.spare >= 0 else "missing at the target"
        now += f", {money(abs(want.spare), want.unit)} {want.unit} {missing}"
    note = f"\n{want.note[0].upper()}{want.note[1:]}." if want.note else ""
    if not want.remedies:
        return f"[bold cyan]{title}[/]\n[dim]{now}[/]{note}"
    return Group(table, f"[dim]{now}[/]")


def _exact(value: Decimal | None) -> str:
    """A number as it is, to 12 decimals at most."""
    return "none" if value is None else show(value, 12)


def price(value: Decimal | None) -> str:
    """A price for people: about six digits that matter.

    >>> price(Decimal("3614.4578")), price(Decimal("0.412345678")), price(Decimal("100000"))
    ('3,614.46', '0.412346', '100,000.00')
    """
    if value is None:
        return NONE
    places = 2 if abs(value) >= 100 else 4 if abs(value) >= 1 else 6
    return _grouped(value, places)


def money(value: Decimal, asset: str) -> str:
    """An amount for people: cents of a dollar, millionths of a coin.

    >>> money(Decimal("-1234.565"), "USDT"), money(Decimal("0.5"), "BTC")
    ('-1,234.56', '0.500000')
    """
    return _grouped(value, 2 if asset.startswith("USD") else 6)


def _grouped(value: Decimal, places: int) -> str:
    with exact(WIDE):
        rounded = round(value, places)
    return f"{rounded if rounded else ZERO:,.{places}f}"


def signed_percent(share: Decimal) -> str:
    """`-9.6 %`, `+12.0 %`."""
    with exact(WIDE):
        return f"{round(share * 100, 1):+,.1f} %"
