"""What a case leaves to be worked out: walls that the venue sizes itself, totals that are stated instead of their parts."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from plimsoll.errors import BadInput
from plimsoll.margin.pools import signed_cost, sized
from plimsoll.model import Account, MarginMode, Marks, Outside
from plimsoll.number import ZERO, exact, parse
from plimsoll.rulebook import Rulebook, rules_of
from plimsoll.verify.case_format import Case
from plimsoll.verify.cases import WHOLE, outside_of


def with_walls(account: Account, case: Case, marks: Marks, rulebook: Rulebook) -> Account:
    """The account with each isolated wall that the source leaves out filled from the cash, where the venue sizes it itself."""
    stated = {p.symbol for p in case.account.positions if p.isolated_margin is not None}
    if not rulebook.rules.MARGIN_FOLLOWS:
        return account
    cash, positions = dict(account.cash), []
    with exact():
        for p in account.positions:
            if p.mode is MarginMode.ISOLATED and p.symbol not in stated:
                wall = sized(p, marks.marks[p.symbol], rulebook, account.fees)
                settle = rulebook.instruments[p.symbol].settle
                if settle in cash:
                    cash[settle] += p.isolated_margin - wall
                p = msgspec.structs.replace(p, isolated_margin=wall)
            positions.append(p)
    return msgspec.structs.replace(account, cash=cash, positions=tuple(positions))


def with_totals(case: Case) -> dict[str, Outside]:
    """Totals of legs that the source does not list; one that it states for the whole account stands in for all of them."""
    found, known = outside_of(case), case.known
    if known.margin_balance is not None:
        found.pop(WHOLE, None)
        found[_one_asset(case)] = Outside(
            unrealised_pnl=known.margin_balance,
            initial_margin=known.account_initial_margin or ZERO,
            maintenance_margin=known.account_maintenance_margin,
        )
    return found


def _one_asset(case: Case) -> str:
    """The asset that a total stated without one is about: the only one that the case names. BadInput: none or several."""
    assets = {i.settle for i in case.instruments.values()} | set(case.account.wallets)
    assets |= {e.of.removeprefix("asset:") for e in case.expect if e.of.startswith("asset:")}
    if len(assets) != 1:
        raise BadInput(f"case {case.id}", "known", ", ".join(sorted(assets)), "a stated total needs exactly one asset")
    return assets.pop()


def with_known_balance(account: Account, case: Case, found: Mapping[str, Decimal]) -> Account:
    """The account with the cash at which its available balance is the stated one; `found`: asset -> what it has without."""
    if case.known.available_balance is None:
        return account
    asset = _one_asset(case)
    with exact():
        cash = account.cash.get(asset, ZERO) + case.known.available_balance - found.get(asset, ZERO)
    return msgspec.structs.replace(account, cash={**account.cash, asset: cash})


def with_payments(account: Account, rulebook: Rulebook) -> Account:
    """The account with what its positions were paid for, at their entry prices, where the balance that the source states is
    less that."""
    if not rulebook.rules.BALANCE_PAYS_POSITIONS:
        return account
    cash, positions = dict(account.cash), []
    with exact():
        for p in account.positions:
            cost, settle = signed_cost(p, rulebook), rulebook.instruments[p.symbol].settle
            positions.append(msgspec.structs.replace(p, cost=cost))
            if p.mode is MarginMode.CROSS:
                cash[settle] = cash.get(settle, ZERO) + cost
    return msgspec.structs.replace(account, cash=cash, positions=tuple(positions))


def terms_of(case: Case) -> dict[str, dict[str, Decimal]]:
    """Symbol -> those of the rules' TERMS that the case states, of the instrument or for the whole account."""
    names, options = rules_of(case.rulebook).TERMS, case.account.options
    common = {name: parse(options[name], name, f"options of {case.id}") for name in names if name in options}
    own = {s: {name: getattr(i, name, None) for name in names} for s, i in case.instruments.items()}
    return {s: common | {name: x for name, x in found.items() if x is not None} for s, found in own.items()}
