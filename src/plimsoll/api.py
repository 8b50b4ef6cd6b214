"""The handful of verbs: plain data in, plain data out. Numbers may be given as Decimal, int or text; never as float.

Each verb runs in the exact context and leaves the host program's own Decimal context alone.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec

from plimsoll.compare_command import Wish, run
from plimsoll.errors import BadInput
from plimsoll.margin.assess import Assessment, Prices
from plimsoll.margin.assess import assess as _assess
from plimsoll.model import Account, LegSide, MarginMode, Marks, Position
from plimsoll.number import ZERO, parse, parse_positive
from plimsoll.report.notebook import register
from plimsoll.rulebook import Policy, Rulebook, in_force
from plimsoll.runs import Comparison
from plimsoll.table_files import load, load_file, merge

register()
Number = Decimal | int | str


def load_rulebook(
    name: str,
    as_of: date | str,
    policy: str = "nearest",
    symbols: Sequence[str] | None = None,
    tables: Sequence[Path | str] = (),
) -> Rulebook:
    """A venue's rules with the tables of a day. `policy`: `nearest` takes the nearest known table (its age and grade stand
    in `.ages`), `in-force` raises RulebookGap for a symbol of `symbols` without one. `tables`: files of your own.

    >>> load_rulebook("binance_usdm", "2024-06-01").instruments["BTCUSDT"].brackets[0].max_leverage
    Decimal('125')
    """
    if isinstance(as_of, str):
        try:
            as_of = date.fromisoformat(as_of)
        except ValueError:
            raise BadInput("rulebook", "as_of", as_of, "write a date such as 2026-07-02") from None
    if policy not in [p.value for p in Policy]:
        raise BadInput("rulebook", "policy", policy, "choose nearest or in-force")
    table = load(name)
    for path in tables:
        own = load_file(Path(path))
        if own.name == name:
            table = merge(table, own)
    return in_force(table, as_of, Policy(policy), symbols)


def position(
    symbol: str,
    size: Number,
    *,
    entry_price: Number,
    leverage: Number,
    isolated_margin: Number | None = None,
    side: str = "net",
) -> Position:
    """A position. `size`: signed contracts (+ long, - short); with `isolated_margin` it is isolated, without it cross;
    `side`: net, or long or short in hedge mode.

    >>> position("ETHUSDT", "-2", entry_price="3000", leverage=10, isolated_margin="600").mode
    <MarginMode.ISOLATED: 'isolated'>
    """
    if side not in [s.value for s in LegSide]:
        raise BadInput("position", "side", side, "choose net, long or short")
    signed = parse(size, "size", "position")
    if signed == 0:
        raise BadInput("position", "size", size, "give a size other than zero; its sign is the side")
    margin = ZERO if isolated_margin is None else parse(isolated_margin, "isolated_margin", "position")
    return Position(
        symbol,
        MarginMode.CROSS if isolated_margin is None else MarginMode.ISOLATED,
        LegSide(side),
        signed,
        parse_positive(entry_price, "entry_price", "position"),
        parse_positive(leverage, "leverage", "position"),
        margin,
    )


def marks_of(marks: Marks | Mapping[str, Number]) -> Marks:
    """Marks from a mapping symbol -> price. BadInput: not a number, not positive."""
    if isinstance(marks, Marks):
        return marks
    return Marks({symbol: parse_positive(price, symbol, "marks") for symbol, price in marks.items()})


def _with_modes(account: Account) -> Account:
    """Strings for the modes are as good as the enumerations; the margin mode of a symbol follows its position."""
    plain = msgspec.to_builtins(account)
    kept = msgspec.convert(plain, Account, strict=False)
    modes = {p.symbol: p.mode for p in kept.positions if p.mode is MarginMode.ISOLATED}
    return msgspec.structs.replace(kept, margin_modes={**modes, **kept.margin_modes})


def assess(account: Account, marks: Marks | Mapping[str, Number], book: Rulebook) -> Assessment:
    """The account at these marks, as the venue would show it and as it truly is: one view a leg, a pool and an asset, with
    all liquidation prices. BadInput: an unknown symbol, a missing or non-positive mark.

    >>> book = load_rulebook("binance_usdm", "2026-07-02")
    >>> held = position("BTCUSDT", "0.1", entry_price="50000", leverage=10)
    >>> view = assess(Account("one_way", {"USDT": Decimal(1000)}, (held,)), {"BTCUSDT": "48000"}, book)
    >>> round(view.pools[0].headroom, 2)
    Decimal('780.80')
    """
    return _assess(_with_modes(account), marks_of(marks), book, Prices.ALL)


def liquidation_prices(
    account: Account, marks: Marks | Mapping[str, Number], book: Rulebook
) -> dict[str, Decimal | None]:
    """leg name -> the mark at which its pool truly fails, all other marks standing still; None: no price does it.

    >>> book = load_rulebook("binance_usdm", "2026-07-02")
    >>> short = position("BTCUSDT", "-0.1", entry_price="50000", leverage=10, isolated_margin=500)
    >>> prices = liquidation_prices(Account("one_way", {"USDT": Decimal(0)}, (short,)), {"BTCUSDT": 50000}, book)
    >>> round(prices["BTCUSDT"], 2)
    Decimal('54780.88')
    """
    view = _assess(_with_modes(account), marks_of(marks), book, Prices.OWN)
    return {leg.name: leg.liquidation_price for leg in view.legs}


def compare(
    account: str = "textbook",
    prices: str | None = None,
    start: str | None = None,
    end: str | None = None,
    venue: str | None = None,
    modes: str = "isolated,cross,as-given",
    rules_as_of: str = "nearest",
) -> Comparison:
    """Play an account file, or a bundled example, as `plimsoll compare` does: same words, the whole answer as data.

    >>> answer = compare(prices="rebound")
    >>> [(r.mode.value, round(r.run.final_equity)) for r in answer.results]
    [('isolated', 359), ('cross', 579)]
    """
    return run(
        Wish(
            account=account,
            prices=prices,
            start=start,
            end=end,
            venue=venue,
            modes=modes,
            rules_as_of=rules_as_of,
        )
    )
