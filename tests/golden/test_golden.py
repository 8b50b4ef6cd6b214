"""The venues' own numbers come out: recorded responses and worked examples, restated beside this file. And a case that is
wrong in any one number fails, so that a pass means something."""

import copy
from decimal import Decimal
from pathlib import Path

import pytest

from plimsoll.table_files import load
from plimsoll.verify.cases import RawCase, read_cases
from plimsoll.verify.evaluate import Row, evaluate
from random_accounts import VENUES

HERE = Path(__file__).parent
SHARED = HERE.parents[2] / "shared" / "cases"
TRUE_ANSWERS = ("exchange-doc", "exchange-response")


def cases(*paths: Path) -> list[object]:
    found = [raw for path in paths if path.exists() for raw in read_cases(path)]
    return [pytest.param(raw, id=f"{raw.file.rpartition('/')[2]}:{raw.id}") for raw in found]


def rows_of(raw: RawCase) -> list[Row]:
    return evaluate(raw, load(raw.rulebook))


def failures(rows: list[Row]) -> list[str]:
    return [f"step {r.step} {r.quantity} of {r.of}: expected {r.expected}, got {r.got}" for r in rows if r.verdict != "pass"]


def wrong_by_one_part_in_ten(value: object, tolerance: Decimal) -> object:
    """Another value than the one expected, outside its tolerance however small it is."""
    if isinstance(value, bool):
        return not value
    if value is None:
        return "1"
    number = Decimal(str(value))
    return str(number * Decimal("1.1") + 2 * tolerance.copy_sign(number) if number != 0 else Decimal(1))


GOLDEN = [HERE / f"{venue}.json" for venue in VENUES]


@pytest.mark.parametrize("venue", VENUES)
def test_every_rulebook_has_numbers_that_its_venue_printed(venue: str) -> None:
    found = read_cases(HERE / f"{venue}.json")
    assert len(found) >= 5
    assert sum(len(raw.body["expect"]) for raw in found) >= 10
    assert all(raw.rulebook == venue and raw.body["source"] for raw in found)
    assert all(raw.body["provenance"] in TRUE_ANSWERS for raw in found)


@pytest.mark.parametrize("raw", cases(HERE / "steps_by_hand.json"))
def test_what_was_worked_out_by_hand_from_the_rule_sheets_comes_out_step_by_step(raw: RawCase) -> None:
    rows = rows_of(raw)
    assert rows and not failures(rows)


@pytest.mark.parametrize("raw", cases(*GOLDEN))
def test_the_venues_own_numbers_come_out(raw: RawCase) -> None:
    rows = rows_of(raw)
    assert rows and not failures(rows)


@pytest.mark.parametrize("raw", cases(*GOLDEN))
def test_a_wrong_number_in_a_case_fails_in_its_row_alone(raw: RawCase) -> None:
    for step in (raw.body, *raw.body.get("steps", ())):
        for expectation in step.get("expect", ()):
            if expectation["quantity"] == "stage":
                continue
            right = expectation["value"]
            expectation["value"] = wrong_by_one_part_in_ten(right, Decimal(expectation.get("tolerance", 0)))
            broken = [row for row in rows_of(raw) if row.verdict == "fail"]
            expectation["value"] = right
            assert [(row.quantity, row.of) for row in broken] == [(expectation["quantity"], expectation["of"])]


def test_a_wrong_input_fails_where_it_matters() -> None:
    """One bracket rate, one wallet, one mark: each changed by a tenth must be noticed by some row of its case."""
    raw = next(raw for raw in read_cases(HERE / "binance_usdm.json") if raw.id == "usdm-cross-two-longs-faq")
    assert not failures(rows_of(raw))
    for change in (
        lambda body: body["marks"].update(ETHUSDT="1400"),
        lambda body: body["account"]["wallets"]["USDT"].update(balance="1600000"),
        lambda body: [row.update(maintenance_rate="0.2") for row in body["instruments"]["ETHUSDT"]["brackets"]],
        lambda body: body["account"]["positions"][0].update(size="100"),
    ):
        body = copy.deepcopy(raw.body)
        change(body)
        assert failures(rows_of(RawCase(raw.file, raw.number, raw.id, raw.rulebook, raw.asset_mode, body)))


def test_an_accepted_step_that_should_be_refused_fails() -> None:
    raw = next(raw for raw in read_cases(HERE / "binance_usdm.json") if raw.id == "usdm-iso-short-btc-2024")
    symbol = next(iter(raw.body["instruments"]))
    body = {**raw.body, "expect": [], "steps": [{"do": "deposit", "asset": "USDT", "amount": "1", "reject": {}}]}
    assert failures(rows_of(RawCase(raw.file, 0, raw.id, raw.rulebook, "single", body)))
    body["steps"] = [{"do": "set_margin_mode", "symbol": symbol, "mode": "isolated", "reject": {"venue_code": "-4046"}}]
    assert not failures(rows_of(RawCase(raw.file, 0, raw.id, raw.rulebook, "single", body)))
    body["steps"][0]["reject"] = {"venue_code": "-4047"}
    assert failures(rows_of(RawCase(raw.file, 0, raw.id, raw.rulebook, "single", body)))


@pytest.mark.real
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared cases at {SHARED}")
@pytest.mark.parametrize("raw", cases(*(SHARED / f"{kind}{v}.json" for v in VENUES for kind in ("", "random_", "steps_"))))
def test_the_shared_cases_come_out(raw: RawCase) -> None:
    rows = rows_of(raw)
    assert rows and not failures(rows)
