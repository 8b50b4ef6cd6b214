"""The command line: flags and exit codes. Each command's work stands in its own module.

Exit codes: 0 done, 1 a verification failed, 2 bad input (one line on standard error), 3 something is not supported,
130 interrupted. Nothing is written half: files are replaced whole.
"""

import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from plimsoll.errors import BadInput, RulebookGap

if TYPE_CHECKING:
    from rich.console import Console

try:
    import typer
except ModuleNotFoundError:  # pragma: no cover - seen only without the extra
    sys.stderr.write("plimsoll: the command line needs the `cli` extra; install plimsoll[report]\n")
    raise SystemExit(2) from None

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Plimsoll: exact margin, cross and isolated, under each exchange's own rules.",
)

USAGE: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What every usage error is. Only its descendant has the same address in all versions of Typer."""
INTERRUPTED = 130

JSON = typer.Option("--json", help="Print JSON instead of text.")


COMPARE = (
    "Play an account in cross, in isolated and as given, under one venue's rules or several.\n\n"
    "With --fills: would this trading history or backtest have survived? The fills are replayed on --prices under each "
    "--venue; the first is the one whose symbols, contracts and fees the file has. A CSV has the columns time (date, "
    "timestamp; with a zone, or called time_utc), symbol (pair; the venue's own or BTC/USDT:USDT), side (buy, sell), size "
    "(amount, qty: coins; or contracts) and price, and where there are any fee, fee_currency, leverage, reduce_only, "
    "position_side and liquidity. ACCOUNT may then give wallet, venue, position mode and leverages instead. More in "
    "docs/fills.md."
)
"""The help of a command with two faces."""

SIMULATE = (
    "How likely is a liquidation, of what, and when? The account is played on many random paths, in cross and in isolated.\n\n"
    "Paths come from --model, or from the table \\[model] of the account file: brownian, student, jumps, garch, gjr-garch or "
    "bootstrap, fitted to --history, or stated. --sweep plays a grid of leverages, stops (distances from the entry) and "
    "splits (shares of the wallet behind isolated walls); several axes may stand one after another. Ctrl-C prints what "
    "there is. The first run under a rulebook compiles it, for about a minute. More in docs/simulation.md."
)

ADVISE = (
    "What the simulated numbers mean for choosing: cross or isolated, margin and leverage, where the stop must stand, what "
    "more money buys, how much the positions are one.\n\n"
    "Chances that the run does not tell apart are called so. --limit: the acceptable chance of a liquidation within --horizon. "
    "It recommends and never promises: what it assumes stands beside it. Takes a few minutes."
)


@app.command(help=COMPARE)
def compare(
    account: Annotated[str, typer.Argument(help="Account file (TOML) or the name of a bundled example.")] = "textbook",
    prices: Annotated[str | None, typer.Option(help="A script of the account file, or a CSV or Parquet file.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First day or time of recorded prices.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day (included) or end time of recorded prices.")] = None,
    venue: Annotated[str | None, typer.Option(help="Rulebooks, comma-separated, or `all`.")] = None,
    modes: Annotated[str, typer.Option(help="cross, isolated, as-given; comma-separated.")] = "isolated,cross,as-given",
    rules_as_of: Annotated[str, typer.Option(help="A date, `nearest` (default) or `in-force`.")] = "nearest",
    funding: Annotated[str | None, typer.Option(help="A file of funding rates, where the prices hold none.")] = None,
    table: Annotated[list[str] | None, typer.Option(help="Your own table file, laid over the bundled ones.")] = None,
    symbol: Annotated[list[str] | None, typer.Option(help="ACCOUNT_SYMBOL=PRICE_SYMBOL, where the names differ.")] = None,
    html: Annotated[str | None, typer.Option(help="Write one self-contained HTML file.")] = None,
    map_: Annotated[str | None, typer.Option("--map", help="Add the map of fall and end of this symbol (HTML).")] = None,
    fills: Annotated[str | None, typer.Option(help="Fills to replay: a CSV, ccxt trades, a freqtrade export.")] = None,
    wallet: Annotated[str | None, typer.Option(help="With --fills: the starting money, 1000 or USDT=1000,BTC=1.")] = None,
    leverage: Annotated[str | None, typer.Option(help="With --fills: of all fills that name none.")] = None,
    strategy: Annotated[str | None, typer.Option(help="With --fills: which one of a freqtrade export.")] = None,
    as_: Annotated[str, typer.Option("--as", help="Held as contract, as coins with borrowed money, or both.")] = "as-written",
    index: Annotated[list[str] | None, typer.Option(help="COIN=PRICE, standing still, of a coin without prices.")] = None,
    stale: Annotated[str, typer.Option(help="refuse: where a price stops for over a day; carry: it stands on.")] = "refuse",
    engine: Annotated[str, typer.Option(help="auto: long histories by the array engine; exact. Same numbers.")] = "auto",
    json: Annotated[bool, JSON] = False,
) -> None:
    """Play an account, or replay its fills, in cross and in isolated under one venue's rules or several."""
    from plimsoll.compare_command import Wish
    from plimsoll.fills_command import FillsWish
    from plimsoll.report.compare_screen import run_compare, run_fills_screen

    wish = Wish(
        account=account,
        prices=prices,
        start=start,
        end=end,
        venue=venue,
        modes=modes,
        rules_as_of=rules_as_of,
        funding=funding,
        tables=tuple(table or ()),
        symbols=tuple(symbol or ()),
        engine=engine,
        held=as_,
        indexes=tuple(index or ()),
        stale=stale,
    )
    if fills is None:
        for flag, value in (("--wallet", wallet), ("--leverage", leverage), ("--strategy", strategy)):
            if value is not None:
                raise BadInput("command line", flag, value, "goes with --fills; name a file of fills, or leave it out")
        raise typer.Exit(run_compare(wish, html, map_, json))
    if map_ is not None:
        raise BadInput("command line", "--map", map_, "does not go with --fills; leave it out")
    asked = FillsWish(base=wish, fills=fills, wallet=wallet, leverage=leverage, strategy=strategy)
    raise typer.Exit(run_fills_screen(asked, html, json))


@app.command(help=SIMULATE)
def simulate(
    words: Annotated[list[str] | None, typer.Argument(metavar="[ACCOUNT]", help="Account file, or an example's name.")] = None,
    model: Annotated[str | None, typer.Option(help='"student freedom=4", or a TOML file with a table \\[model].')] = None,
    history: Annotated[str | None, typer.Option(help="Prices to fit to and to start from: a file, or a script.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First day or time of the history.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day (included) or end time of the history.")] = None,
    marks: Annotated[list[str] | None, typer.Option(help="Start prices, SYMBOL=PRICE or a file; else the last ones.")] = None,
    horizon: Annotated[str, typer.Option(help="How far to look: 12h, 30d.")] = "30d",
    paths: Annotated[int | None, typer.Option(help="How many paths; 10000, of a sweep 2000.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed walks the same paths.")] = 1,
    venue: Annotated[str | None, typer.Option(help="Rulebooks, comma-separated, or `all`.")] = None,
    modes: Annotated[str, typer.Option(help="cross, isolated, as-given; comma-separated.")] = "isolated,cross,as-given",
    leverage: Annotated[str | None, typer.Option(help="Of all positions: 3,5,10 or 2:50.")] = None,
    sweep: Annotated[list[str] | None, typer.Option(help="leverage=2:50 stop=1%:20% split=20%:100%: a grid.")] = None,
    width: Annotated[str | None, typer.Option(help="Enough when every interval is narrower than this: 0.01.")] = None,
    threads: Annotated[int, typer.Option(help="0: as many as there are cores.")] = 0,
    straight: Annotated[bool, typer.Option("--straight", help="See nothing between the steps of the model.")] = False,
    rules_as_of: Annotated[str, typer.Option(help="A date, `nearest` (default) or `in-force`.")] = "nearest",
    funding: Annotated[str | None, typer.Option(help="A file of funding rates, where the history holds none.")] = None,
    table: Annotated[list[str] | None, typer.Option(help="Your own table file, laid over the bundled ones.")] = None,
    symbol: Annotated[list[str] | None, typer.Option(help="ACCOUNT_SYMBOL=PRICE_SYMBOL, where the names differ.")] = None,
    index: Annotated[list[str] | None, typer.Option(help="COIN=PRICE, standing still, of a coin without prices.")] = None,
    html: Annotated[str | None, typer.Option(help="Write one self-contained HTML file.")] = None,
    csv: Annotated[str | None, typer.Option(help="Write settings, positions and curves as CSV files.")] = None,
    parquet: Annotated[str | None, typer.Option(help="The same as Parquet files.")] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Liquidation on random paths, in cross and in isolated."""
    from plimsoll.report.simulate_screen import Targets, run_simulate
    from plimsoll.simulate_command import SimulateWish, parted

    account, axes = parted(words or (), sweep or ())
    wish = SimulateWish(
        account=account,
        model=model,
        history=history,
        start=start,
        end=end,
        marks=tuple(marks or ()),
        horizon=horizon,
        paths=paths,
        seed=seed,
        venue=venue,
        modes=modes,
        leverage=leverage,
        sweep=axes,
        width=width,
        threads=threads,
        straight=straight,
        rules_as_of=rules_as_of,
        funding=funding,
        tables=tuple(table or ()),
        symbols=tuple(symbol or ()),
        indexes=tuple(index or ()),
    )
    raise typer.Exit(run_simulate(wish, Targets(html, csv, parquet), json))


@app.command(help=ADVISE)
def advise(
    account: Annotated[str, typer.Argument(help="Account file (TOML) or the name of a bundled example.")] = "textbook",
    limit: Annotated[str, typer.Option(help="Acceptable chance of a liquidation: 5%.")] = "5%",
    horizon: Annotated[str, typer.Option(help="How far to look: 12h, 30d.")] = "30d",
    prefer: Annotated[str, typer.Option(help="preservation, efficiency or balanced.")] = "balanced",
    watched: Annotated[bool | None, typer.Option("--watched/--unwatched", help="Whether somebody can act by hand.")] = None,
    beginner: Annotated[bool, typer.Option("--beginner", help="Explain terms; the lower of two leverages.")] = False,
    conviction: Annotated[list[str] | None, typer.Option(help="SYMBOL=high (must stay open) or low (wall it off).")] = None,
    stop_first: Annotated[str, typer.Option(help="How surely a stop must come before the liquidation.")] = "95%",
    leverage: Annotated[str | None, typer.Option(help="Leverages to try: 3,5,10 or 2:50.")] = None,
    stop: Annotated[str | None, typer.Option(help="Distances of stops to try: 2%,5%,8%.")] = None,
    top_up: Annotated[str | None, typer.Option(help="Amounts of money to try: 100,200.")] = None,
    model: Annotated[str | None, typer.Option(help='"student freedom=4", or a TOML file with a table \\[model].')] = None,
    history: Annotated[str | None, typer.Option(help="Prices to fit to and to start from: a file, or a script.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First day or time of the history.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day (included) or end time of the history.")] = None,
    marks: Annotated[list[str] | None, typer.Option(help="Start prices, SYMBOL=PRICE or a file; else the last ones.")] = None,
    paths: Annotated[int | None, typer.Option(help="How many paths; 4000.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed walks the same paths.")] = 1,
    venue: Annotated[str | None, typer.Option(help="Another rulebook than the account's own.")] = None,
    threads: Annotated[int, typer.Option(help="0: as many as there are cores.")] = 0,
    rules_as_of: Annotated[str, typer.Option(help="A date, `nearest` (default) or `in-force`.")] = "nearest",
    funding: Annotated[str | None, typer.Option(help="A file of funding rates, where the history holds none.")] = None,
    table: Annotated[list[str] | None, typer.Option(help="Your own table file, laid over the bundled ones.")] = None,
    symbol: Annotated[list[str] | None, typer.Option(help="ACCOUNT_SYMBOL=PRICE_SYMBOL, where the names differ.")] = None,
    index: Annotated[list[str] | None, typer.Option(help="COIN=PRICE, standing still, of a coin without prices.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Name the setting behind each number.")] = False,
    json: Annotated[bool, JSON] = False,
) -> None:
    """What the simulated numbers mean for choosing."""
    from plimsoll.advise_command import AdviseWish
    from plimsoll.report.advise_screen import Form, run_advise
    from plimsoll.simulate_command import SimulateWish

    base = SimulateWish(
        account=account, model=model, history=history, start=start, end=end, marks=tuple(marks or ()), horizon=horizon,
        paths=paths, seed=seed, venue=venue, leverage=leverage, threads=threads, rules_as_of=rules_as_of, funding=funding,
        tables=tuple(table or ()), symbols=tuple(symbol or ()), indexes=tuple(index or ()),
    )  # fmt: skip
    watch = "unsaid" if watched is None else "watched" if watched else "unwatched"
    wish = AdviseWish(
        base=base,
        limit=limit,
        stop_first=stop_first,
        prefer=prefer,
        watch=watch,
        skill="beginner" if beginner else "experienced",
        conviction=tuple(conviction or ()),
        stops=stop,
        top_ups=top_up,
    )
    raise typer.Exit(run_advise(wish, Form.JSON if json else Form.EXPLAIN if explain else Form.TERMINAL))


@app.command()
def assess(
    account: Annotated[str, typer.Argument(help="Account file (TOML) or the name of a bundled example.")],
    marks: Annotated[
        list[str] | None, typer.Option(help="SYMBOL=PRICE, several times or comma-separated, or a CSV or JSON file.")
    ] = None,
    venue: Annotated[str | None, typer.Option(help="Another rulebook than the account's own.")] = None,
    rules_as_of: Annotated[str | None, typer.Option(help="A date, `nearest` or `in-force`.")] = None,
    explain: Annotated[str | None, typer.Option(help="QUANTITY or QUANTITY:NAME: formula, numbers, table row, source.")] = None,
    want: Annotated[str | None, typer.Option(help='For example "ETHUSDT liq 2200": what moves the line there.')] = None,
    prices: Annotated[str | None, typer.Option(help="History for distances in daily standard deviations.")] = None,
    index: Annotated[
        list[str] | None, typer.Option(help="COIN=PRICE in US dollars, of coins valued or traded; or a CSV or JSON file.")
    ] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """The account as the venue would show it, its three lines, and what is wrong with it."""
    from plimsoll.assess_command import AssessOptions, Form, run_assess

    options = AssessOptions(
        account=account,
        today=datetime.now(UTC).date(),
        marks=tuple(marks or ()),
        venue=venue,
        rules_as_of=rules_as_of,
        explain=explain,
        want=want,
        prices=prices,
        indexes=tuple(index or ()),
        form=Form.JSON if json else Form.TERMINAL,
    )
    raise typer.Exit(run_assess(options))


@app.command()
def verify(
    files: Annotated[list[str], typer.Argument(help="Case files (JSON).")],
    json: Annotated[bool, JSON] = False,
) -> None:
    """Check published and independently computed numbers. Exit 0: all pass, 1: a failure, 2: bad input, 3: unsupported."""
    from plimsoll.verify.report import run_verify

    raise typer.Exit(run_verify(files, "json" if json else None))


@app.command()
def rules(
    venue: Annotated[str | None, typer.Argument(help="A rulebook; none: list them all.")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="The questions traders ask, answered by playing.")] = False,
    diff: Annotated[tuple[str, str] | None, typer.Option(metavar="DATE DATE", help="What changed between two days.")] = None,
    venues: Annotated[str | None, typer.Option("--venue", help="With the two above: rulebooks, comma-separated.")] = None,
    rules_as_of: Annotated[str | None, typer.Option(help="A date, `nearest` (default) or `in-force`.")] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """A rulebook in words: formulas, tables with age and grade, readings with their grades; or all rulebooks compared."""
    from plimsoll.report.rules_screen import run_rules
    from plimsoll.rules_command import Form, RulesWish

    if compare and diff is not None:
        raise BadInput("command line", "--diff", " ".join(diff), "does not go with --compare; ask for one of the two")
    wish = RulesWish(
        today=datetime.now(UTC).date(),
        form=Form.COMPARE if compare else Form.WORDS if diff is None else Form.DIFF,
        venue=venue,
        venues=venues,
        days=diff,
        rules_as_of=rules_as_of,
    )
    raise typer.Exit(run_rules(wish, json))


def console() -> "Console":
    """Standard output as Rich sees it; a pipe gets plain text of the width it asks for (COLUMNS, else 120)."""
    from rich.console import Console

    if sys.stdout.isatty():
        return Console()
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if re.fullmatch("[1-9][0-9]{0,3}", columns) else 120
    return Console(width=width, no_color=True, highlight=False)


def main() -> None:
    """The entry point: what goes wrong becomes one line and exit code 2, an interrupt leaves quietly."""
    raise SystemExit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """The exit code of a command line; without words it prints the help."""
    try:
        code = app(args=[*words] or ["--help"], prog_name="plimsoll", standalone_mode=False) or 0
        sys.stdout.flush()
    except USAGE as problem:
        return _told(problem.format_message() if hasattr(problem, "format_message") else problem)
    except (BadInput, RulebookGap) as problem:
        return _told(problem)
    except ArithmeticError:
        return _told("a number is too large or too small to compute with")
    except UnicodeEncodeError as problem:
        return _told(f"standard output cannot show {problem.object[problem.start]!a}; set PYTHONIOENCODING=utf-8")
    except BrokenPipeError:
        _drop_output()
        return 0
    except OSError as problem:
        _drop_output()
        return _told(": ".join(str(part) for part in (problem.filename, problem.strerror) if part))
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        sys.stderr.write("plimsoll: interrupted; nothing was written\n")
    assert isinstance(code, int)
    return code


def _told(problem: object) -> int:
    """The problem on one line; the exit code of bad input."""
    sys.stderr.write(f"plimsoll: {' '.join(str(problem).split())}\n")
    return 2


def _drop_output() -> None:
    """What is left to print goes nowhere, so that Python's own flush at the end does not fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
