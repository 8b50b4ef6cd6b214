"""How answers show themselves in a notebook: small HTML tables, registered with IPython where one is running."""

import sys
from collections.abc import Sequence
from decimal import Decimal
from html import escape

from plimsoll.margin.views import Assessment
from plimsoll.number import show
from plimsoll.report import odds
from plimsoll.runs import Comparison
from plimsoll.sentences import amount, percent, price
from plimsoll.studies import Study


def register() -> None:
    """Teach a running IPython to show our answers, unless it was taught otherwise; without one, nothing happens. Cheap
    enough for every call, so that it does not matter which of the two was imported first."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if get_ipython is not None else None
    if shell is None or shell.display_formatter is None:
        return
    html = shell.display_formatter.formatters["text/html"]
    for answer, shown in ((Assessment, assessment_html), (Comparison, comparison_html), (Study, study_html)):
        if html.for_type(answer) is None:
            html.for_type(answer, shown)


def assessment_html(view: Assessment) -> str:
    """Legs and pools as two tables."""
    legs = [
        (
            leg.name,
            leg.mode.value,
            show(leg.size),
            price(leg.entry_price),
            price(leg.mark),
            amount(leg.unrealised_pnl, leg.asset),
            "none" if leg.liquidation_price is None else price(leg.liquidation_price),
            _distance(leg.liquidation_price, leg.mark),
        )
        for leg in view.legs
    ]
    pools = [
        (
            pool.key,
            amount(pool.margin_balance, pool.asset),
            amount(pool.requirement, pool.asset),
            amount(pool.headroom, pool.asset),
            "none" if pool.portfolio_liquidation_move is None else percent(pool.portfolio_liquidation_move),
        )
        for pool in view.pools
    ]
    return _table(("leg", "mode", "size", "entry", "mark", "profit", "liquidation", "away"), legs) + _table(
        ("pool", "margin balance", "requirement", "headroom", "all marks move by"), pools
    )


def _distance(line: Decimal | None, mark: Decimal) -> str:
    return "" if line is None else percent(line / mark - 1)


def comparison_html(answer: Comparison) -> str:
    """One row a venue and mode, then the sentences."""
    rows = [
        (
            r.venue,
            r.mode.value,
            amount(r.run.final_equity, r.run.unit),
            amount(r.run.lowest_equity, r.run.unit),
            ", ".join(f"{name}: {verdict.value}" for name, verdict in r.verdicts.items()),
        )
        for r in answer.results
    ]
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in answer.sentences)
    return _table(("venue", "mode", "left", "lowest", "liquidated"), rows) + said


def study_html(answer: Study) -> str:
    """One row a setting, then the sentences."""
    rows = [odds.row(one, answer) for one in answer.odds]
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in odds.sentences(answer))
    return _table(tuple(odds.TABLE), rows) + said


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(word)}</th>" for word in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
