"""The handful of verbs: plain data in, plain data out. Numbers may be given as Decimal, int or text; never as float.

Each verb runs in the exact context and leaves the host program's own Decimal context alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import msgspec

from plimsoll.advise_command import AdviseWish, run_advice
from plimsoll.compare_command import Wish, run
from plimsoll.errors import BadInput
from plimsoll.evidence import Advice
from plimsoll.fills_command import FillsWish, run_fills
from plimsoll.margin.assess import Prices
from plimsoll.margin.assess import assess as _assess
from plimsoll.margin.views import Assessment
from plimsoll.model import Account, LegSide, MarginMode, Marks, OrderType, Position, PositionMode, Trigger, leg_key
from plimsoll.number import ONE, ZERO, parse, parse_positive
from plimsoll.passages import FirstPassage, first_passage
from plimsoll.report.notebook import register
from plimsoll.rulebook import Policy, Rulebook, in_force
from plimsoll.runs import Comparison
from plimsoll.simulate_command import SimulateWish, run_study
from plimsoll.simulate_command import prepare as prepare_study
from plimsoll.studies import Study
from plimsoll.table_files import load, load_file, merge

Number = Decimal | int | str

_CHOICES: dict[str, type[StrEnum]] = {
    "position_mode": PositionMode,
    "position_side": LegSide,
    "side": LegSide,
    "mode": MarginMode,
    "margin_modes": MarginMode,
    "type": OrderType,
    "trigger": Trigger,
}
"""The last part of a field's name -> what it may say."""


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
    day = _day(as_of)
    if policy not in [p.value for p in Policy]:
        raise BadInput("rulebook", "policy", policy, "choose nearest or in-force")
    table = load(name)
    for path in tables:
        own = load_file(Path(path))
        if own.name == name:
            table = merge(table, own)
    return in_force(table, day, Policy(policy), symbols)


def _day(as_of: object) -> date:
    """A date, or one as ISO text. A datetime is refused: whose midnight ends its day is not said."""
    if isinstance(as_of, date) and not isinstance(as_of, datetime):
        return as_of
    try:
        return date.fromisoformat(as_of)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        raise BadInput("rulebook", "as_of", as_of, "write a date such as 2026-07-02") from None


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
    made = Position(
        symbol,
        MarginMode.CROSS if isolated_margin is None else MarginMode.ISOLATED,
        LegSide(side),
        signed,
        parse_positive(entry_price, "entry_price", "position"),
        parse_positive(leverage, "leverage", "position"),
        margin,
    )
    _check_position(made, "position", "")
    return made


def marks_of(marks: Marks | Mapping[str, Number]) -> Marks:
    """Marks from a mapping symbol -> price. BadInput: no mapping, not a number, not positive."""
    if isinstance(marks, Marks):
        return Marks(_prices(marks.marks), _prices(marks.lasts), _prices(marks.indexes), marks.time)
    return Marks(_prices(marks))


def _prices(prices: object) -> dict[str, Decimal]:
    if not isinstance(prices, Mapping):
        raise BadInput("marks", "marks", prices, "give a mapping of symbols to prices")
    return {symbol: parse_positive(price, str(symbol), "marks") for symbol, price in prices.items()}


def checked(account: Account) -> Account:
    """The account as the engine needs it: strings for the modes are as good as the enumerations, and the margin mode of a
    symbol follows its position. BadInput names the field: a mode that is none, a number that is a float, NaN or infinite,
    a position given twice or on a side that the position mode does not have."""
    if not isinstance(account, Account):
        raise BadInput("account", "account", account, "give a plimsoll.Account")
    kept = _converted(account)
    seen = set()
    for number, held in enumerate(kept.positions):
        field = f"positions[{number}]."
        _check_position(held, "account", field)
        if (held.side is LegSide.NET) is (kept.position_mode is PositionMode.HEDGE):
            sides = "long or short" if kept.position_mode is PositionMode.HEDGE else "net"
            raise BadInput("account", f"{field}side", held.side, f"position mode {kept.position_mode} has {sides}")
        if leg_key(held) in seen:
            raise BadInput("account", f"{field}symbol", held.symbol, "is given twice; write one position with the whole size")
        seen.add(leg_key(held))
    for name, leverage in kept.leverages.items():
        _check_leverage(leverage, "account", f"leverages {name}")
    modes = {p.symbol: p.mode for p in kept.positions if p.mode is MarginMode.ISOLATED}
    return msgspec.structs.replace(kept, margin_modes={**modes, **kept.margin_modes})


def _check_position(held: Position, source: str, field: str) -> None:
    """What no venue has. `field`: what stands before the name of a field."""
    parse_positive(held.entry_price, f"{field}entry_price", source)
    _check_leverage(held.leverage, source, f"{field}leverage")
    if held.isolated_margin < 0:
        raise BadInput(source, f"{field}isolated_margin", held.isolated_margin, "give what stands inside its wall, 0 or more")
    if (held.side is LegSide.LONG and held.size < 0) or (held.side is LegSide.SHORT and held.size > 0):
        cure = "a long has a size above zero, a short one below"
        raise BadInput(source, f"{field}size", held.size, f"{cure}; this side is {held.side}")


def _check_leverage(leverage: Decimal, source: str, field: str) -> None:
    if leverage < ONE:
        raise BadInput(source, field, leverage, "give a leverage of 1 or more")


def _converted(account: Account) -> Account:
    """Every field of its own type, every number finite and never from a float."""
    try:
        plain = msgspec.to_builtins(account, builtin_types=(Decimal,))
        _check_numbers(plain)
        kept = msgspec.convert(plain, Account)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `$.")
        field = place.rstrip("`") or "account"
        choices = _CHOICES.get(field.replace("[...]", "").rpartition(".")[2])
        cure = f"{said}; choose one of {', '.join(choices)}" if choices else said
        raise BadInput("account", field, None, cure) from None
    except TypeError as error:
        raise BadInput("account", "account", None, f"{error}; give plain data") from None
    _check_numbers(msgspec.to_builtins(kept, builtin_types=(Decimal,)))
    return kept


def _check_numbers(plain: object) -> None:
    for field, value in _leaves(plain, ""):
        if isinstance(value, (Decimal, float)):
            parse(value, field, "account")


def _leaves(plain: object, field: str) -> Iterator[tuple[str, object]]:
    """Each value that is neither mapping nor list, with its place such as positions[0].size."""
    if isinstance(plain, Mapping):
        for key, value in plain.items():
            yield from _leaves(value, f"{field}.{key}" if field else str(key))
    elif isinstance(plain, (list, tuple)):
        for number, value in enumerate(plain):
            yield from _leaves(value, f"{field}[{number}]")
    else:
        yield field, plain


def assess(account: Account, marks: Marks | Mapping[str, Number], book: Rulebook) -> Assessment:
    """The account at these marks, as the venue would show it and as it truly is: one view a leg, a pool and an asset, with
    all liquidation prices. BadInput: an unknown symbol, a missing or non-positive mark.

    >>> book = load_rulebook("binance_usdm", "2026-07-02")
    >>> held = position("BTCUSDT", "0.1", entry_price="50000", leverage=10)
    >>> account = Account(PositionMode.ONE_WAY, {"USDT": Decimal(1000)}, (held,))
    >>> view = assess(account, {"BTCUSDT": "48000"}, book)
    >>> round(view.pools[0].headroom, 2)
    Decimal('780.80')
    """
    register()
    return _assess(checked(account), marks_of(marks), book, Prices.ALL)


def liquidation_prices(
    account: Account, marks: Marks | Mapping[str, Number], book: Rulebook
) -> dict[str, Decimal | None]:
    """leg name -> the mark at which its pool truly fails, all other marks standing still; None: no price does it.

    >>> book = load_rulebook("binance_usdm", "2026-07-02")
    >>> short = position("BTCUSDT", "-0.1", entry_price="50000", leverage=10, isolated_margin=500)
    >>> account = Account(PositionMode.ONE_WAY, {"USDT": Decimal(0)}, (short,))
    >>> round(liquidation_prices(account, {"BTCUSDT": 50000}, book)["BTCUSDT"], 2)
    Decimal('54780.88')
    """
    view = _assess(checked(account), marks_of(marks), book, Prices.OWN)
    return {leg.name: leg.liquidation_price for leg in view.legs}


def compare(
    account: str = "textbook",
    prices: str | None = None,
    start: str | None = None,
    end: str | None = None,
    venue: str | None = None,
    modes: str = "isolated,cross,as-given",
    rules_as_of: str = "nearest",
    engine: str = "auto",
    indexes: Mapping[str, Number] | None = None,
    stale: str = "refuse",
) -> Comparison:
    """Play an account file, or a bundled example, as `plimsoll compare` does: same words, the whole answer as data. `engine`:
    auto lets the array engine pass quiet frames of long histories, exact decides all of them; the numbers are the same.
    `indexes`: coin -> the price at which it stands throughout, where the prices have none of it; `stale`: refuse a price that
    stops for over a day, or carry it on.

    >>> answer = compare(prices="rebound")
    >>> [(r.mode.value, round(r.run.final_equity)) for r in answer.results]
    [('isolated', 359), ('cross', 579)]
    """
    register()
    return run(
        Wish(
            account=account,
            prices=prices,
            start=start,
            end=end,
            venue=venue,
            modes=modes,
            rules_as_of=rules_as_of,
            engine=engine,
            indexes=tuple(f"{coin}={price}" for coin, price in (indexes or {}).items()),
            stale=stale,
        )
    )


def survive(
    fills: Path | str,
    prices: Path | str,
    venue: str | None = None,
    wallet: Number | Mapping[str, Number] | None = None,
    leverage: Number | None = None,
    account: Path | str | None = None,
    start: str | None = None,
    end: str | None = None,
    modes: str = "isolated,cross",
    rules_as_of: str = "nearest",
    funding: Path | str | None = None,
    strategy: str | None = None,
) -> Comparison:
    """Would these fills have survived? A file of them (CSV, ccxt's trades, a freqtrade export) replayed on recorded prices, as
    `plimsoll compare --fills` does: each result has a `survival`, and a `run` like any other. BadInput says what is wrong.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "prices.csv").write_text(
    ...     "ts,symbol,mark\\n2026-06-01T00:00Z,BTCUSDT,100000\\n2026-06-01T01:00Z,BTCUSDT,90000\\n"
    ... )
    >>> _ = (folder / "fills.csv").write_text("time,symbol,side,size,price\\n2026-06-01T00:00Z,BTCUSDT,buy,0.1,100000\\n")
    >>> answer = survive(folder / "fills.csv", folder / "prices.csv", venue="binance_usdm", wallet=2000, leverage=20)
    >>> [(r.mode.value, r.survival.liquidation.value) for r in answer.results]
    [('isolated', 'certainly'), ('cross', 'not')]
    """
    register()
    base = Wish(
        account=Wish().account if account is None else str(account),
        prices=str(prices),
        start=start,
        end=end,
        venue=venue,
        modes=modes,
        rules_as_of=rules_as_of,
        funding=None if funding is None else str(funding),
    )
    money = ",".join(f"{asset}={amount}" for asset, amount in wallet.items()) if isinstance(wallet, Mapping) else wallet
    return run_fills(
        FillsWish(
            base=base,
            fills=str(fills),
            wallet=None if money is None else str(money),
            leverage=None if leverage is None else str(leverage),
            strategy=strategy,
        )
    )


def simulate(
    account: Path | str = "textbook",
    model: str | None = None,
    history: Path | str | None = None,
    marks: Mapping[str, Number] | None = None,
    horizon: str = "30d",
    paths: int | None = None,
    seed: int = 1,
    venue: str | None = None,
    modes: str = "isolated,cross,as-given",
    sweep: Sequence[str] = (),
    width: Number | None = None,
    threads: int = 0,
    straight: bool = False,
    start: str | None = None,
    end: str | None = None,
    rules_as_of: str = "nearest",
    indexes: Mapping[str, Number] | None = None,
) -> Study:
    """How likely is a liquidation, of what, and when? An account played on random paths, as `plimsoll simulate` does: same
    words, the whole answer as data. `sweep`: axes such as "leverage=2:50" or "stop=1%:20%"; `width`: of the widest interval
    that is enough; `straight`: see nothing between the model's steps; `indexes`: coin -> the price at which it stands still.
    Needs the array extra. BadInput says what is wrong.
    """
    register()
    wish = SimulateWish(
        account=str(account),
        model=model,
        history=None if history is None else str(history),
        start=start,
        end=end,
        marks=() if marks is None else tuple(f"{symbol}={price}" for symbol, price in marks.items()),
        horizon=horizon,
        paths=paths,
        seed=seed,
        venue=venue,
        modes=modes,
        sweep=tuple(sweep),
        width=None if width is None else str(width),
        threads=threads,
        straight=straight,
        rules_as_of=rules_as_of,
        indexes=tuple(f"{coin}={price}" for coin, price in (indexes or {}).items()),
    )
    return run_study(prepare_study(wish))


def advise(
    account: Path | str = "textbook",
    *,
    limit: Number = "5%",
    horizon: str = "30d",
    prefer: str = "balanced",
    watch: str = "unsaid",
    skill: str = "experienced",
    conviction: Mapping[str, str] | None = None,
    stop_first: Number = "95%",
    leverage: str | None = None,
    stops: str | None = None,
    top_ups: str | None = None,
    model: str | None = None,
    history: Path | str | None = None,
    marks: Mapping[str, Number] | None = None,
    paths: int | None = None,
    seed: int = 1,
    venue: str | None = None,
    threads: int = 0,
    start: str | None = None,
    end: str | None = None,
    rules_as_of: str = "nearest",
) -> Advice:
    """What the simulated numbers mean for choosing, as `plimsoll advise` does: same words, the whole answer as data. `limit`:
    the acceptable chance of a liquidation within `horizon`; `watch`: watched, unwatched or unsaid; `skill`: beginner or
    experienced; `conviction`: symbol -> high or low. It recommends where intervals lie apart, else a finding's verdict is
    `either`. Needs the array extra. BadInput says what is wrong."""
    register()
    base = SimulateWish(
        account=str(account),
        model=model,
        history=None if history is None else str(history),
        start=start,
        end=end,
        marks=() if marks is None else tuple(f"{symbol}={price}" for symbol, price in marks.items()),
        horizon=horizon,
        paths=paths,
        seed=seed,
        venue=venue,
        leverage=leverage,
        threads=threads,
        rules_as_of=rules_as_of,
    )
    return run_advice(
        AdviseWish(
            base=base,
            limit=str(limit),
            stop_first=str(stop_first),
            prefer=prefer,
            watch=watch,
            skill=skill,
            conviction=tuple(f"{symbol}={word}" for symbol, word in (conviction or {}).items()),
            stops=stops,
            top_ups=top_ups,
        )
    )


def passage(
    book: Rulebook,
    symbol: str,
    prices: Path | str | Mapping[str, Sequence[float]],
    *,
    leverages: Sequence[Number],
    horizon: int,
    side: str = "long",
    value: Number | None = None,
    size: Number | None = None,
    taker_rate: Number | None = None,
    threads: int = 1,
) -> FirstPassage:
    """Had an isolated position been opened at every bar's close, at each leverage: how many would have been liquidated within
    `horizon` bars, and in which bar? `prices`: a file of candles whose symbol is the rulebook's, or columns high, low, close;
    bars are read at their worst corner. `value`: money in the settle asset at the entry, or `size`: contracts. `taker_rate`:
    that of the rulebook unless given; it counts where the opening fee is taken from the position's own money. Bars hide what
    happens within them, no funding is paid and no margin added: the position's price stays where it began.

    BadInput: neither or both of value and size, a leverage that the bracket does not allow, a venue that counts in whole units.

    >>> bars = {"high": [100, 101, 96, 97], "low": [99, 97, 89, 92], "close": [100, 98, 95, 96]}
    >>> book = load_rulebook("binance_usdm", "2026-07-02")
    >>> answer = passage(book, "BTCUSDT", bars, leverages=[5, 10], horizon=2, value=1000)
    >>> answer.hits, answer.steps.tolist()
    ((0, 1), [[0, 2], [0, 0]])
    """
    if (value is None) == (size is None):
        raise BadInput("passage", "value, size", None, "give one of them: money at the entry, or contracts")
    amount = ("size", parse(size, "size", "passage")) if value is None else ("value", parse(value, "value", "passage"))
    rate = book.fees.taker_rate if taker_rate is None else parse(taker_rate, "taker_rate", "passage")
    wanted = [parse(leverage, "leverages", "passage") for leverage in leverages]
    return first_passage(book, symbol, prices, wanted, horizon, side, amount, rate, threads)
