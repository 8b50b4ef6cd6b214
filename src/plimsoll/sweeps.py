"""What is varied in a simulation, from words: leverages, distances of stops, shares of the wallet, and the grid they make.

    leverage=3,5,10    leverage=2:50    leverage=2:50:12    stop=1%:20%    stop=as-given,0.05    split=20%:100%

A span is cut into nine values unless a third number says how many: whole leverages and stops in equal ratios, shares in
equal steps. `as-given` leaves an axis as the account file has it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from itertools import product

from plimsoll.errors import BadInput
from plimsoll.number import ONE, ZERO, exact, parse, parse_positive
from plimsoll.plan import PlanMode
from plimsoll.studies import Setting

AXES = ("leverage", "stop", "split")
AS_GIVEN = "as-given"
VALUES = 9
"""Values of a span."""
MOST = 200
"""Values of an axis."""
MOST_SETTINGS = 4000

Axis = tuple[Decimal | None, ...]


def read_sweep(words: Sequence[str], leverage: str | None = None) -> dict[str, Axis]:
    """The axes of `--sweep` and `--leverage`, in the order of AXES. BadInput names the word.

    >>> read_sweep(["stop=5%,10% split=50%"], "3,5")
    {'leverage': (Decimal('3'), Decimal('5')), 'stop': (Decimal('0.05'), Decimal('0.1')), 'split': (Decimal('0.5'),)}
    """
    axes: dict[str, Axis] = {} if leverage is None else {"leverage": read_axis("leverage", leverage, "--leverage")}
    for word in (part for item in words for part in item.split()):
        name, equals, text = (part.strip() for part in word.partition("="))
        if name not in AXES:
            near = get_close_matches(name, AXES, 1)
            cure = f"did you mean {near[0]}?" if near else f"vary {', '.join(AXES)}, as in leverage=2:50"
            raise BadInput("command line", "--sweep", word, cure)
        if not equals or not text:
            raise BadInput("command line", "--sweep", word, f"write {name}=LOW:HIGH, or values with commas between")
        if name in axes:
            raise BadInput("command line", "--sweep", word, f"{name} is given twice; keep one")
        axes[name] = read_axis(name, text, "--sweep")
    return {name: axes[name] for name in AXES if name in axes}


def read_axis(name: str, text: str, flag: str) -> Axis:
    """The values of one axis, without repeats, in the order they are written."""
    with exact():
        if ":" in text:
            return _span(name, text, flag)
        values = [None if part.strip() == AS_GIVEN else _value(name, part.strip(), flag) for part in text.split(",")]
    if len(values) > MOST:
        raise BadInput("command line", flag, f"{len(values)} values", f"give at most {MOST}")
    return tuple(dict.fromkeys(values))


def settings_of(venues: Sequence[str], modes: Sequence[PlanMode], axes: Mapping[str, Axis]) -> tuple[Setting, ...]:
    """Every venue, mode and point of the grid. Cross has no walls: the split is not varied in it.

    >>> [str(s.leverage) for s in settings_of(["okx_futures"], [PlanMode.CROSS], read_sweep(["leverage=2:5"]))]
    ['2', '3', '4', '5']
    """
    leverages, stops, splits = (axes.get(name, (None,)) for name in AXES)
    grid = list(product(leverages, stops, splits))
    found = [
        Setting(venue, mode, leverage, stop, None if mode is PlanMode.CROSS else split)
        for venue, mode in product(venues, modes)
        for leverage, stop, split in grid
    ]
    settings = tuple(dict.fromkeys(found))
    if len(settings) > MOST_SETTINGS:
        raise BadInput("command line", "--sweep", f"{len(settings)} settings", f"vary less: at most {MOST_SETTINGS} at once")
    return settings


def _span(name: str, text: str, flag: str) -> Axis:
    parts = [part.strip() for part in text.split(":")]
    if len(parts) not in (2, 3) or not all(parts):
        raise BadInput("command line", flag, f"{name}={text}", "write LOW:HIGH, or LOW:HIGH:HOW MANY")
    low, high = _value(name, parts[0], flag), _value(name, parts[1], flag)
    if not low < high:
        raise BadInput("command line", flag, f"{name}={text}", "the first number must be below the second")
    count = VALUES
    if len(parts) == 3:
        if not parts[2].isascii() or not parts[2].isdigit() or not 2 <= int(parts[2][:4]) <= MOST or len(parts[2]) > 3:
            raise BadInput("command line", flag, f"{name}={text}", f"write how many as a whole number from 2 to {MOST}")
        count = int(parts[2])
    if name == "leverage" and low % 1 == high % 1 == 0 and high - low < count:
        return tuple(low + n for n in range(int(high - low) + 1))
    inner = [_between(name, low, high, Decimal(n) / (count - 1)) for n in range(1, count - 1)]
    return tuple(dict.fromkeys((low, *(value for value in inner if low < value < high), high)))


def _between(name: str, low: Decimal, high: Decimal, at: Decimal) -> Decimal:
    """A value of a span, rounded to what a person would write."""
    if name == "split":
        return round(low + (high - low) * at, 3)
    value = low * (high / low) ** at
    places = 0 if name == "leverage" and value >= 2 else 1 if name == "leverage" else 1 - value.adjusted()
    return round(value, places)


def _value(name: str, text: str, flag: str) -> Decimal:
    """A leverage from 1 on, a distance between 0 and 1, a share above 0; the last two also as per cent."""
    if name == "leverage":
        leverage = parse_positive(text.removesuffix("x"), name, f"command line {flag}")
        if leverage < ONE:
            raise BadInput("command line", flag, f"{name}={text}", "leverage is at least 1")
        return leverage
    value = parse(text.removesuffix("%").strip(), name, f"command line {flag}")
    value = value / 100 if text.endswith("%") else value
    if not ZERO < value <= ONE or (name == "stop" and value == ONE):
        cure = "give a distance above 0 and below 100%" if name == "stop" else "give a share above 0, at most 100%"
        raise BadInput("command line", flag, f"{name}={text}", cure)
    return value.normalize()
