"""Draw the README's picture of one idea in every form, from recorded prices, as the HTML report draws it:
`uv run --extra report python docs/pictures.py ../shared/data/binance_usdm_1h_mark_funding_12sym_2024-12_2026-02.parquet`.

Chromium takes the picture; name another browser of its kind with `--browser`. Look at the picture before it is committed."""

import argparse
import subprocess
import tempfile
from pathlib import Path

from plotly.offline import get_plotlyjs

from plimsoll.compare_command import Wish, run
from plimsoll.report.page import document
from plimsoll.report.side_by_side import venues_figure
from plimsoll.runs import Comparison

PICTURES = Path(__file__).parent / "pictures"
FIRST, LAST = "2025-10-01", "2025-12-31"
WIDTH, HEADING = 1060, 84
"""Pixels: the picture, and its heading."""
TIGHT = "<style>body { max-width: none; padding: 10px } h2 { margin: 0 0 14px }</style>"


def one_idea(prices: str) -> Comparison:
    """The bundled account as contracts and as coins, on every venue that has them."""
    return run(Wish(account="long_eth", venue="all", held="contract,coins", prices=prices, start=FIRST, end=LAST))


def shoot(comparison: Comparison, path: Path, browser: str) -> None:
    """The report's section that sets venues side by side, without its table, as a PNG."""
    figure = venues_figure(comparison.standings)
    body = [TIGHT, '<section><h2>One idea in every form</h2><div class="figure" data-figure="figure-venues"></div></section>']
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(document(comparison.name, body, {"figure-venues": figure}, str(get_plotlyjs())), encoding="utf-8")
        size = f"--window-size={WIDTH},{HEADING + figure['layout']['height']}"
        quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=10000"]
        profile = f"--user-data-dir={folder}/profile"
        subprocess.run([browser, *quiet, profile, size, f"--screenshot={path.resolve()}", page.as_uri()], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prices", help="hourly candles of ETHUSDT with marks and funding, October to December 2025")
    parser.add_argument("--browser", default="chromium")
    asked = parser.parse_args()
    shoot(one_idea(asked.prices), PICTURES / "one_idea.png", asked.browser)


if __name__ == "__main__":
    main()
