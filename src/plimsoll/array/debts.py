"""What debts grow by from step to step, inside a walk: interest on the coins that a pool owes. Compiled with `walk` and the
rules of one venue; what an hour costs is the rule `interest`, asked once, exactly, when an account is laid out."""

from decimal import Decimal
from typing import Any, Final

import numpy as np

from plimsoll.array.compile import Column
from plimsoll.errors import BadInput
from plimsoll.margin.pools import Layout
from plimsoll.model import Account, Kind, LegKey, leg_key
from plimsoll.number import ONE, ZERO
from plimsoll.rulebook import Rulebook
from plimsoll.rules.drawing import PoolSpec

GROWTH_RECORD: Final = np.dtype(
    [
        ("lent", np.float64),
        ("unit", np.float64),
        ("share", np.float64),
        ("overdrawn", np.bool_),
        ("balance", np.float64),
        ("borrowed", np.float64),
    ],
    align=True,
)
"""How the debt of a wallet grows in a step of the path: by `unit` of what was `lent`, and by `share` of the interest that is
owed already. `overdrawn`: it is paid from the balance, what that is below zero being a debt too. `balance`, `borrowed`: room
for what the wallet had, while steps are tried."""


def growth_of(layout: Layout, account: Account, rulebook: Rulebook, hours: Decimal) -> Column:
    """A row for each wallet of the layout, in its order; `hours`: those of a step. BadInput: a debt that a position in coins
    stands on has no rate."""
    rows = []
    for spec, pool in zip(layout.specs, layout.pools, strict=True):
        coins = zip(spec.assets or spec.kept, pool.wallets, strict=True)
        rows += [_growth(_owner(spec, w), asset, account, rulebook, hours) for w, (asset, _) in enumerate(coins)]
    return np.array(rows, GROWTH_RECORD) if rows else np.zeros(0, GROWTH_RECORD)


def _owner(spec: PoolSpec, wallet: int) -> LegKey | None:
    """Whose coin a wallet of a pool is: a leg's that keeps its own, or (None) the account's."""
    if spec.isolated:
        return spec.legs[0]
    return spec.legs[wallet // 2] if spec.kept else None


def _growth(
    inside: LegKey | None, asset: str, account: Account, rulebook: Rulebook, hours: Decimal
) -> tuple[Any, ...]:
    rules = rulebook.rules
    rate, lent = account.interest_rates.get(asset), lent_of(account, inside, asset)
    overdrawn = inside is None and rules.DEBTS == "overdrawn"
    owes = lent > 0 or (overdrawn and account.cash.get(asset, ZERO) < 0)
    if rate is None:
        if owes and any(rulebook.instruments[p.symbol].kind is Kind.SPOT for p in account.positions):
            cure = f"{asset} is owed and nobody says what that costs; give the rate a year under [interest]"
            raise BadInput("account", f"interest.{asset}", None, cure)
        return 0.0, 0.0, 0.0, overdrawn, 0.0, 0.0
    unit, share = rules.interest(ONE, ZERO, rate, hours), rules.interest(ZERO, ONE, rate, hours)
    return float(lent), float(unit), float(share), overdrawn, 0.0, 0.0


def lent_of(account: Account, inside: LegKey | None, asset: str) -> Decimal:
    """What was lent of an asset, to the account or into a wall."""
    owed = account.borrowed if inside is None else next(p.borrowed for p in account.positions if leg_key(p) == inside)
    return owed.get(asset, ZERO)


def grows(held: Any) -> bool:
    """Whether any debt grows."""
    found = False
    for w in range(len(held.growth)):
        found = found or held.growth[w].unit != 0
    return found


def grow(desk: Any, held: Any, p: int, marks: Column) -> float:
    """One step's interest on what a pool owes; what it comes to in the unit of the walk."""
    row = held.pools[p]
    told = 0.0
    for w in range(row.wallet_from, row.wallet_to):
        wallet, growth = held.wallets[w], held.growth[w]
        if growth.unit == 0:
            continue
        if growth.overdrawn:
            amount = growth.unit * (growth.lent + max(0.0, -wallet.balance))
            wallet.balance -= amount
        else:
            amount = growth.unit * growth.lent + growth.share * (wallet.borrowed - growth.lent)
            wallet.borrowed += amount
        told += amount * marks[wallet.place]
    return told if desk.unit < 0 else told / marks[desk.unit]


def grow_by(held: Any, p: int, steps: int) -> None:
    """The interest of some steps on what a pool owes, as `grow` has it one by one."""
    row = held.pools[p]
    for w in range(row.wallet_from, row.wallet_to):
        wallet, growth = held.wallets[w], held.growth[w]
        for _ in range(steps if growth.unit != 0 else 0):
            if growth.overdrawn:
                wallet.balance -= growth.unit * (growth.lent + max(0.0, -wallet.balance))
            else:
                wallet.borrowed += growth.unit * growth.lent + growth.share * (wallet.borrowed - growth.lent)


def remember_debts(held: Any, p: int) -> None:
    """Before steps are tried: what the wallets have."""
    row = held.pools[p]
    for w in range(row.wallet_from, row.wallet_to):
        held.growth[w].balance, held.growth[w].borrowed = held.wallets[w].balance, held.wallets[w].borrowed


def recall_debts(held: Any, p: int) -> None:
    """After steps were tried: the wallets as they were."""
    row = held.pools[p]
    for w in range(row.wallet_from, row.wallet_to):
        held.wallets[w].balance, held.wallets[w].borrowed = held.growth[w].balance, held.growth[w].borrowed


def owes_too_much(held: Any, p: int) -> bool:
    """Whether the venue exchanges coins by itself although the pool holds."""
    for w in range(held.pools[p].wallet_from, held.pools[p].wallet_to):
        wallet = held.wallets[w]
        if wallet.exchanged_below > 0 and wallet.borrowed - wallet.balance > wallet.exchanged_below:
            return True
    return False
