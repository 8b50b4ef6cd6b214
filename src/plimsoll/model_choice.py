"""A random model of prices as a user asks for it: a TOML table `[model]`, or words on a command line, checked here and then
made into the arrays of `array/`, fitted to a history where the numbers are not stated. NumPy is imported only then.

    [model]
    kind = "student"              # brownian, student, jumps, garch, gjr-garch or bootstrap
    drift = "zero"                # recorded, or a number a year
    funding = "fitted"            # recorded, none, or a rate a charge (with funding_every, 8h)

The same as words: `student drift=zero funding=fitted`; maps as `volatility=BTCUSDT:0.6,ETHUSDT:0.8`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from importlib.util import find_spec
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from plimsoll.errors import BadInput
from plimsoll.number import parse, parse_positive, show
from plimsoll.prices.history import Bar, History
from plimsoll.prices.times import milliseconds, parse_step, show_moment
from plimsoll.text_files import read_text, read_toml

if TYPE_CHECKING:
    from plimsoll.array.funding import FundingModel
    from plimsoll.array.models import Drift, PathModel, Subject
    from plimsoll.array.recorded import Recorded

KINDS = ("brownian", "student", "jumps", "garch", "gjr-garch", "bootstrap")
DRIFTS = ("zero", "recorded")
FUNDINGS = ("recorded", "fitted", "none")
GAPS = ("refuse", "skip")
WAYS = ("threshold", "likelihood")
MAPS = ("volatility", "jump_mean", "jump_volatility", "correlation", "jump_correlation")
STATED_JUMPS = ("jumps_a_year", "jump_mean", "jump_volatility", "jump_correlation")
BELONGS: dict[str, tuple[str, ...]] = {
    "freedom": ("student",),
    "block": ("bootstrap",),
    "jump_way": ("jumps",),
    "volatility": ("brownian", "student", "jumps"),
    "correlation": ("brownian", "student", "jumps"),
    **dict.fromkeys(STATED_JUMPS, ("jumps",)),
}
"""Keys that only some kinds have."""
WORDS = "command line"
EVERY = 8 * 3600
"""Seconds between charges of a stated funding rate, unless said."""


class ModelChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, in checked words and numbers. `volatility` stated (a year, by symbol): nothing is fitted. `step`,
    `funding_every`: seconds. `correlation`, `jump_correlation`: one number for all pairs, or by pair ("A B")."""

    source: str
    kind: str
    drift: str | Decimal = "zero"
    funding: str | Decimal | None = None
    funding_every: int = EVERY
    gaps: str = "refuse"
    step: int | None = None
    freedom: Decimal | None = None
    block: Decimal | None = None
    jump_way: str = "threshold"
    jumps_a_year: Decimal | None = None
    jump_mean: dict[str, Decimal] = {}
    jump_volatility: dict[str, Decimal] = {}
    jump_correlation: dict[str, Decimal] | Decimal | None = None
    volatility: dict[str, Decimal] = {}
    correlation: dict[str, Decimal] | Decimal | None = None


class Modelled(NamedTuple):
    """A model ready to run: symbols in the order of its columns, and sentences on what it was made of. `begins`: when its paths
    do, at the end of the history (None: there is none, and they have no calendar). `still`: coins whose price stands still, as
    given."""

    symbols: tuple[str, ...]
    path: "PathModel"
    funding: "FundingModel"
    notes: tuple[str, ...]
    begins: datetime | None = None
    still: tuple[str, ...] = ()


def read_model_file(path: Path) -> ModelChoice:
    """The choice in the table `[model]` of a TOML file, whatever else is in it. BadInput: no such file, no such table."""
    table = read_toml(read_text(path, "model", "give the path of a TOML file with a table [model]"), str(path)).get("model")
    if not isinstance(table, dict):
        raise BadInput(str(path), "model", table, 'write a table [model] with kind = "brownian" or another')
    return read_model_table(table, str(path))


def read_model_words(words: Sequence[str]) -> ModelChoice:
    """A choice from words: the kind first, then `key=value`; or one word, the path of a TOML file. BadInput names the word."""
    if len(words) == 1 and words[0].strip().endswith(".toml"):
        return read_model_file(Path(words[0].strip()))
    if not words or not words[0].strip() or "=" in words[0]:
        raise BadInput(WORDS, "model", words[0] if words else None, f"begin with one of {', '.join(KINDS)}")
    table: dict[str, object] = {"kind": words[0].strip()}
    for word in words[1:]:
        key, equals, value = (part.strip() for part in word.partition("="))
        if not equals or not value:
            raise BadInput(WORDS, "model", word, "write key=value, such as drift=zero")
        if key in table:
            raise BadInput(WORDS, key, value, "is given twice; keep one")
        table[key] = _map_of_words(key, value) if key in MAPS and ":" in value else value
    return read_model_table(table, WORDS)


def _map_of_words(key: str, text: str) -> dict[str, object]:
    """`A:0.6,B:0.8`, pairs of symbols as `A-B:0.8` or `A B:0.8`."""
    found: dict[str, object] = {}
    for pair in text.split(","):
        name, colon, value = (part.strip() for part in pair.rpartition(":"))
        if not colon or not name or name in found:
            raise BadInput(WORDS, key, pair, "write SYMBOL:NUMBER once for each, with commas between")
        found[name] = value
    return found


def read_model_table(table: Mapping[str, object], source: str) -> ModelChoice:
    """A choice from a TOML table. BadInput names the key."""
    known = tuple(field for field in ModelChoice.__struct_fields__ if field != "source")
    for key in table:
        if key not in known:
            near = get_close_matches(str(key), known, 1)
            cure = f"did you mean {near[0]}?" if near else f"the table has {', '.join(known)}"
            raise BadInput(source, "model", key, f"there is no such key; {cure}")
    kind = _word(table.get("kind"), KINDS, "kind", source)
    for key in table:
        if kind not in BELONGS.get(key, KINDS):
            raise BadInput(source, key, table[key], f"belongs to {', '.join(BELONGS[key])}, not to {kind}; leave it out")
    numbers = {key: parse_positive(table[key], key, source) for key in ("freedom", "block", "jumps_a_year") if key in table}
    words = {
        key: _word(table[key], allowed, key, source) for key, allowed in (("gaps", GAPS), ("jump_way", WAYS)) if key in table
    }
    seconds = {key: parse_step(table[key], key, source) for key in ("step", "funding_every") if key in table}
    choice = ModelChoice(
        source=source,
        kind=kind,
        drift=_word_or_number(table.get("drift", "zero"), DRIFTS, "drift", source),
        funding=_word_or_number(table["funding"], FUNDINGS, "funding", source) if "funding" in table else None,
        volatility=_numbers(table.get("volatility", {}), "volatility", source),
        jump_mean=_numbers(table.get("jump_mean", {}), "jump_mean", source),
        jump_volatility=_numbers(table.get("jump_volatility", {}), "jump_volatility", source),
        correlation=_number_or_numbers(table.get("correlation"), "correlation", source),
        jump_correlation=_number_or_numbers(table.get("jump_correlation"), "jump_correlation", source),
    )
    return _fitting(msgspec.structs.replace(choice, **numbers, **words, **seconds), table)


def _fitting(choice: ModelChoice, table: Mapping[str, object]) -> ModelChoice:
    """The choice, if what is stated and what is to be fitted do not get in each other's way."""
    stated = bool(choice.volatility)
    for key in ("correlation", *STATED_JUMPS):
        if key in table and not stated:
            raise BadInput(choice.source, key, table[key], "is fitted unless volatility is stated; state it, or leave this out")
    for key in ("gaps", "jump_way"):
        if key in table and stated and not (key == "gaps" and choice.funding in ("recorded", "fitted")):
            raise BadInput(choice.source, key, table[key], "belongs to a fit, and volatility is stated; leave one of them out")
    if stated and choice.kind == "jumps":
        for key in STATED_JUMPS:
            if key not in table and not (key == "jump_correlation" and len(choice.volatility) == 1):
                raise BadInput(choice.source, key, None, "jumps whose volatility is stated need it; give it")
    if stated and choice.kind == "student" and choice.freedom is None:
        raise BadInput(choice.source, "freedom", None, "a student whose volatility is stated needs its degrees of freedom")
    if "funding_every" in table and not isinstance(choice.funding, Decimal):
        raise BadInput(choice.source, "funding_every", table["funding_every"], "belongs to a stated rate; give funding a rate")
    return choice


def choice_words(choice: ModelChoice) -> str:
    """The choice as a sentence, and where it was made.

    >>> choice_words(read_model_words(["student", "freedom=4", "drift=zero"]))
    'Prices: student, freedom 4, drift zero (command line).'
    """
    table = {name: getattr(choice, name) for name in ModelChoice.__struct_fields__ if name not in ("source", "kind", "drift")}
    usual = {field.name: field.default for field in msgspec.structs.fields(ModelChoice)}
    unit = {"step": " s", "funding_every": " s"}
    said = {key: value for key, value in table.items() if value and value != usual[key]}
    parts = [f"{key.replace('_', ' ')} {_told(value)}{unit.get(key, '')}" for key, value in said.items()]
    told = ", ".join([choice.kind, *parts, f"drift {_told(choice.drift)}"])
    return f"Prices: {told} ({choice.source})."


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return " and ".join(f"{_told(number)} of {name}" for name, number in value.items())
    return show(value) if isinstance(value, Decimal) else str(value)


def build(
    choice: ModelChoice, symbols: Sequence[str], history: History | None, horizon_seconds: float, coins: Sequence[str] = ()
) -> Modelled:
    """The model of `symbols`, and the funding of its paths, good for paths as long as the horizon. `history`: what to fit to;
    None is enough where all numbers are stated. `coins`: what moves with the symbols and pays no funding. BadInput: what is
    missing, contradictory or cannot be fitted."""
    if find_spec("numpy") is None or find_spec("numba") is None:
        cure = "models need the array extra: uv run --extra all, or pip install 'plimsoll[array]'"
        raise BadInput(choice.source, "model", choice.kind, cure)
    if not horizon_seconds > 0:
        raise BadInput(choice.source, "horizon", horizon_seconds, "give a time above zero")
    if not symbols:
        raise BadInput(choice.source, "symbols", "none", "a model needs at least one symbol")
    from plimsoll.array.funding import need_horizon, with_uncharged

    traded, symbols = tuple(symbols), (*symbols, *coins)
    past, notes = (None, []) if history is None else _past(choice, symbols, history)
    step = choice.step if choice.step is not None else None if history is None else _step_of(history)
    path = _stated(choice, symbols, step) if choice.volatility else _fitted(choice, past, notes)
    funding = with_uncharged(_funding(choice, traded, path, past), len(coins))
    need_horizon(funding, horizon_seconds, choice.source)
    last = None if history is None else history.frames[-1]
    begins = None if last is None else last.time + timedelta(seconds=last.seconds)
    return Modelled(symbols, path, funding, tuple(notes), begins)


def with_still(modelled: Modelled, prices: Mapping[str, Decimal]) -> Modelled:
    """The model with coins whose prices stand still, as given, and a sentence on them."""
    if not prices:
        return modelled
    from plimsoll.array.funding import with_uncharged
    from plimsoll.array.models import with_still as pad

    said = ", ".join(f"{coin} at {show(price)}" for coin, price in prices.items())
    return Modelled(
        (*modelled.symbols, *prices),
        pad(modelled.path, len(prices)),
        with_uncharged(modelled.funding, len(prices)),
        (*modelled.notes, f"Stands still, as given: {said}."),
        modelled.begins,
        tuple(prices),
    )


def arrays_of(history: History, symbols: Sequence[str], gaps: str = "refuse") -> "Recorded":
    """Log returns and funding of a history, from close to close. Marks where every bar of a symbol has one, else trades.
    BadInput: a symbol that is not there, and what `array/recorded.py` refuses."""
    from plimsoll.array.models import Subject
    from plimsoll.array.recorded import Gaps, recorded

    for symbol in symbols:
        if symbol not in history.symbols:
            near = get_close_matches(symbol, history.symbols, 1)
            cure = f"did you mean {near[0]}?" if near else f"it has {', '.join(history.symbols)}"
            raise BadInput(history.source, "symbol", symbol, f"the history has no such symbol; {cure}")
    frames, marked, step = history.frames, _marked(history), _step_of(history)
    times = [milliseconds(frame.time) + 1000 * frame.seconds for frame in frames]
    prices = [[_close(frame.bars.get(symbol), symbol in marked) for symbol in symbols] for frame in frames]
    rates = [[frame.funding.get(symbol) for symbol in symbols] for frame in frames]
    if frames and not frames[0].seconds:  # an instant is charged before the step that begins there
        rates = [[None] * len(symbols), *rates[:-1]]
    return recorded(Subject(history.source, tuple(symbols), step), times, prices, rates, Gaps(gaps))


def _step_of(history: History) -> float:
    """Seconds of a bar, or the shortest time between two instants (0: there are none)."""
    if history.frames and history.frames[0].seconds:
        return float(history.frames[0].seconds)
    return min((b.time - a.time).total_seconds() for a, b in pairwise(history.frames)) if history.frames[1:] else 0.0


def _marked(history: History) -> set[str]:
    """Symbols that have a mark in each of their bars."""
    bars = [(symbol, bar) for frame in history.frames for symbol, bar in frame.bars.items()]
    return set(history.symbols) - {symbol for symbol, bar in bars if bar.mark_close is None}


def _close(bar: Bar | None, marked: bool) -> Decimal | None:
    return None if bar is None else bar.mark_close if marked else bar.close


def _past(choice: ModelChoice, symbols: tuple[str, ...], history: History) -> "tuple[Recorded | None, list[str]]":
    """The history as arrays, where the choice looks at it, and sentences on it."""
    if choice.volatility and choice.funding not in ("recorded", "fitted"):
        return None, []
    past, marked = arrays_of(history, symbols, choice.gaps), _marked(history)
    trades = [symbol for symbol in symbols if symbol not in marked]
    prices = "mark prices" if not trades else f"trade prices of {', '.join(trades)}" if marked else "trade prices"
    span = f"{show_moment(int(past.times[0]))} to {show_moment(int(past.times[-1]))}"
    use = "Funding from" if choice.volatility else "Fitted to"
    notes = [f"{use} {len(past.returns)} steps of {past.of.step_seconds:g} seconds, {span}, {prices} of {history.source}."]
    if past.skipped:
        notes.append(f"{past.skipped} returns across gaps are left out; what lies on both sides follows each other.")
    notes += [f"{symbol}: prices are the {history.stand_in[symbol]}." for symbol in symbols if symbol in history.stand_in]
    return past, notes


def _fitted(choice: ModelChoice, past: "Recorded | None", notes: list[str]) -> "PathModel":
    if past is None:
        cure = "there is no history to fit it to; name prices, or state volatility (brownian, student, jumps)"
        raise BadInput(choice.source, "model", choice.kind, cure)
    from plimsoll.array import fits
    from plimsoll.array.jump_fit import JumpWay, fit_jumps
    from plimsoll.array.models import with_step

    drift = _drift(choice)
    if choice.kind == "brownian":
        model = fits.fit_brownian(past, drift)
    elif choice.kind == "student":
        free = choice.freedom
        model = fits.fit_student(past, drift) if free is None else fits.fit_student_with(past, float(free), drift)
    elif choice.kind == "jumps":
        model = fit_jumps(past, drift, JumpWay(choice.jump_way))
        notes.append(f"Jumps are {model.jump_rate:.2%} of the steps, told by {choice.jump_way}.")
    elif choice.kind == "bootstrap":
        model = fits.fit_bootstrap(past, drift, None if choice.block is None else float(choice.block))
        notes.append(f"Blocks are {1 / model.restart:.1f} steps long on average.")
    else:
        model = fits.fit_garch(past, drift, choice.kind == "gjr-garch")
        notes += fits.beyond_recorded(past, model)
    if choice.step is None or choice.step == past.of.step_seconds:
        return model
    notes.append(f"Rescaled from steps of {past.of.step_seconds:g} to {choice.step} seconds: variance scales with time.")
    return with_step(model, float(choice.step), choice.source)


def _stated(choice: ModelChoice, symbols: tuple[str, ...], step: float | None) -> "PathModel":
    from plimsoll.array.models import StatedJumps, brownian, jumps, student

    if step is None:
        raise BadInput(choice.source, "step", None, "a model whose volatility is stated needs a step; write one such as 1h")
    of, drift = _subject(choice, symbols, step), _drift(choice)
    sizes = _by_symbol(choice, "volatility", choice.volatility, symbols)
    correlation = _matrix(choice, "correlation", choice.correlation, symbols)
    if choice.kind == "student":
        assert choice.freedom is not None, "checked when it was read"
        return student(of, sizes, correlation, float(choice.freedom), drift)
    if choice.kind == "brownian":
        return brownian(of, sizes, correlation, drift)
    assert choice.jumps_a_year is not None, "checked when it was read"
    stated = StatedJumps(
        float(choice.jumps_a_year),
        _by_symbol(choice, "jump_mean", choice.jump_mean, symbols),
        _by_symbol(choice, "jump_volatility", choice.jump_volatility, symbols),
        _matrix(choice, "jump_correlation", choice.jump_correlation, symbols),
    )
    return jumps(of, sizes, correlation, stated, drift)


def _funding(choice: ModelChoice, symbols: tuple[str, ...], path: "PathModel", past: "Recorded | None") -> "FundingModel":
    """The funding of `symbols`, the first of the record's, as it was chosen; recorded where nothing was and there is a
    record."""
    from plimsoll.array import funding

    of = _subject(choice, symbols, path.step_seconds)
    if choice.funding == "none":
        return funding.no_funding(of)
    if isinstance(choice.funding, Decimal):
        return funding.constant_funding(of, float(choice.funding), float(choice.funding_every))
    if past is None:
        cure = "there is no record to take it from; choose a rate a charge such as 0.0001, or none"
        raise BadInput(choice.source, "funding", choice.funding, cure)
    if past.of.step_seconds != path.step_seconds:
        cure = (
            f"the record has steps of {past.of.step_seconds:g} seconds, the model {path.step_seconds:g}; choose a rate, or none"
        )
        raise BadInput(choice.source, "funding", choice.funding or "recorded", cure)
    begins, count = int(past.times[-1]), len(symbols)
    past = past._replace(of=past.of._replace(symbols=symbols), funding=past.funding[:, :count])
    if choice.funding == "fitted":
        return funding.fitted_funding(past, begins)
    return funding.recorded_funding(past, path, begins)


def _drift(choice: ModelChoice) -> "Drift":
    from plimsoll.array.models import Drift, DriftKind

    if isinstance(choice.drift, Decimal):
        return Drift(DriftKind.RATE, float(choice.drift))
    return Drift(DriftKind(choice.drift))


def _subject(choice: ModelChoice, symbols: tuple[str, ...], step: float) -> "Subject":
    from plimsoll.array.models import Subject

    return Subject(choice.source, symbols, float(step))


def _by_symbol(choice: ModelChoice, key: str, given: Mapping[str, Decimal], symbols: Sequence[str]) -> list[float]:
    for name in given:
        if name not in symbols:
            raise BadInput(choice.source, key, name, f"the account has no such symbol; it has {', '.join(symbols)}")
    for symbol in symbols:
        if symbol not in given:
            raise BadInput(choice.source, key, symbol, "is missing; give a number for it")
    return [float(given[symbol]) for symbol in symbols]


def _matrix(
    choice: ModelChoice, key: str, given: Mapping[str, Decimal] | Decimal | None, symbols: Sequence[str]
) -> list[list[float]]:
    """The full matrix; every pair must be stated."""
    count = len(symbols)
    matrix = [[1.0 if i == j else 0.0 for j in range(count)] for i in range(count)]
    if given is None and count == 1:
        return matrix
    stated: dict[frozenset[str], Decimal] = {}
    for name, value in given.items() if isinstance(given, Mapping) else ():
        pair = frozenset(name.split() if " " in name.strip() else _split_pair(name, symbols))
        if len(pair) != 2 or not pair <= set(symbols):
            raise BadInput(choice.source, key, name, f'write two symbols of {", ".join(symbols)}, as in "A B"')
        if pair in stated:
            raise BadInput(choice.source, key, name, "this pair stands here twice; keep one")
        stated[pair] = value
    for i, j in combinations(range(count), 2):
        found = given if isinstance(given, Decimal) else stated.get(frozenset((symbols[i], symbols[j])))
        if found is None:
            cure = "is missing; give it a number, 0 for none"
            raise BadInput(choice.source, key, f"{symbols[i]} {symbols[j]}", cure)
        matrix[i][j] = matrix[j][i] = float(found)
    return matrix


def _split_pair(name: str, symbols: Sequence[str]) -> tuple[str, ...]:
    """Two symbols joined by a hyphen, which may stand in a symbol as well."""
    for symbol in symbols:
        if name.startswith(f"{symbol}-") and name.removeprefix(f"{symbol}-") in symbols:
            return symbol, name.removeprefix(f"{symbol}-")
    return (name,)


def _word(value: object, allowed: Sequence[str], key: str, source: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        near = get_close_matches(str(value), allowed, 1)
        raise BadInput(source, key, value, f"did you mean {near[0]}?" if near else f"choose one of {', '.join(allowed)}")
    return value


def _word_or_number(value: object, allowed: Sequence[str], key: str, source: str) -> str | Decimal:
    if isinstance(value, str) and (value in allowed or any(letter.isalpha() and letter not in "eE" for letter in value)):
        return _word(value, (*allowed, "a number"), key, source)
    return parse(value, key, source)


def _numbers(value: object, key: str, source: str) -> dict[str, Decimal]:
    if not isinstance(value, Mapping):
        cure = "as in {BTCUSDT = 0.6} in a file, " + f"{key}=BTCUSDT:0.6,ETHUSDT:0.8 in words"
        raise BadInput(source, key, value, f"give a number for each symbol, {cure}")
    return {str(name): parse(number, f"{key} of {name}", source) for name, number in value.items()}


def _number_or_numbers(value: object, key: str, source: str) -> dict[str, Decimal] | Decimal | None:
    if value is None or isinstance(value, Mapping):
        return None if value is None else _numbers(value, key, source)
    return parse(value, key, source)
