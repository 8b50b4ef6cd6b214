"""What funding a path pays: recorded, fitted, stated or none; and what the record cannot answer."""

from typing import Any

import numpy as np
import pytest

from plimsoll.array.fits import fit_brownian
from plimsoll.array.funding import (
    BESIDE,
    REVERTING,
    charges,
    constant_funding,
    fitted_funding,
    need_horizon,
    no_funding,
    recorded_funding,
)
from plimsoll.array.models import Subject, bootstrap
from plimsoll.array.recorded import Recorded
from plimsoll.errors import BadInput

HOUR = 3_600_000
DAY = 24 * HOUR
OF = Subject("recorded.csv", ("BTCUSDT", "ETHUSDT"), 3600.0)
NO_ROWS = np.zeros(0)


def history(days: int, rates: Any = None) -> Recorded:
    """Hours from midnight, charged at 0, 8 and 16 o'clock: `rates` [charges, 2], else 1, 2 and 3 (BTC) and half of it (ETH)
    in ten thousandths."""
    count = days * 24
    funding = np.full((count, 2), np.nan)
    plain = np.tile(np.array([1e-4, 2e-4, 3e-4]), days)
    funding[::8] = np.column_stack([plain, plain / 2]) if rates is None else rates
    returns = np.random.default_rng(7).standard_normal((count, 2)) * 0.01
    return Recorded(OF, (1 + np.arange(count)) * HOUR, returns, funding, 0)


def paid(model: Any, steps: int, rows: Any = NO_ROWS, normals: Any = NO_ROWS) -> Any:
    return charges(model, steps, rows, normals)


def test_no_funding_charges_nothing() -> None:
    assert not paid(no_funding(OF), 50).any()


def test_a_stated_rate_is_charged_each_eight_hours() -> None:
    found = paid(constant_funding(OF, 1e-4, 8 * 3600), 24)
    assert np.flatnonzero(found[:, 0]).tolist() == [0, 8, 16] and found.sum() == pytest.approx(6e-4)


def test_a_step_longer_than_the_time_between_charges_pays_them_all() -> None:
    assert paid(constant_funding(OF._replace(step_seconds=86400.0), 1e-4, 8 * 3600), 3) == pytest.approx(np.full((3, 2), 3e-4))


def test_the_profile_of_the_record_goes_on_from_where_the_path_begins() -> None:
    past = history(10)
    model = recorded_funding(past, fit_brownian(past), 10 * DAY + 6 * HOUR)
    found = paid(model, 20)
    assert {int(k): round(float(found[k, 0]), 8) for k in np.flatnonzero(found[:, 0])} == {2: 2e-4, 10: 3e-4, 18: 1e-4}
    assert found[:, 1] == pytest.approx(found[:, 0] / 2)


def test_the_profile_is_the_mean_of_each_time_of_day() -> None:
    rates = np.random.default_rng(3).standard_normal((30, 2)) * 1e-4
    past = history(10, rates)
    found = paid(recorded_funding(past, fit_brownian(past), 0), 24)
    assert found[::8] == pytest.approx(rates.reshape(10, 3, 2).mean(axis=0))


def test_a_bootstrap_carries_the_funding_beside_its_rows() -> None:
    past = history(10)
    model = recorded_funding(past, bootstrap(OF, past.returns, 12), 0)
    assert model.kind == BESIDE
    assert paid(model, 4, np.array([7, 8, 9, 16]))[:, 0] == pytest.approx([0, 2e-4, 0, 3e-4])


def test_an_autoregression_is_recovered_and_goes_on() -> None:
    draw, rate, rates = np.random.default_rng(5), np.zeros(2), []
    mean, persistence, noise = np.array([1e-4, -2e-5]), np.array([0.9, 0.6]), np.array([5e-5, 2e-5])
    for normal in draw.standard_normal((12_000, 2)):
        rate = mean + persistence * (rate - mean) + noise * normal
        rates.append(rate)
    past = history(4_000, np.array(rates))
    model = fitted_funding(past, 4_000 * DAY + 3 * HOUR)
    assert model.kind == REVERTING and model.every.tolist() == [8, 8] and model.due.tolist() == [5, 5]
    assert model.reverting[:, 1] == pytest.approx(persistence, abs=4 * 0.008)
    assert model.reverting[:, 2] == pytest.approx(noise, rel=0.03)
    assert model.reverting[:, 0] == pytest.approx(mean, abs=4 * 5e-5 / 0.1 / 12_000**0.5)
    still = paid(model, 14, normals=np.zeros((14, 2)))
    after = model.reverting[:, 0] + model.reverting[:, 1] * (rates[-1] - model.reverting[:, 0])
    assert still[5] == pytest.approx(after)
    assert still[13] == pytest.approx(model.reverting[:, 0] + model.reverting[:, 1] * (after - model.reverting[:, 0]))
    assert np.flatnonzero(still[:, 0]).tolist() == [5, 13]


def test_the_fitted_schedule_goes_on_from_the_last_charge() -> None:
    past = history(40, np.random.default_rng(9).standard_normal((120, 2)) * 1e-4)
    for hours, due in ((0, 0), (1, 7), (7, 1), (8, 0)):
        assert fitted_funding(past, 40 * DAY + hours * HOUR).due.tolist() == [due, due]


def without(past: Recorded, symbol: int, first: int, last: int) -> Recorded:
    funding = past.funding.copy()
    funding[first:last, symbol] = np.nan
    return past._replace(funding=funding)


def test_a_path_longer_than_the_record_must_say_what_funding_it_pays() -> None:
    past = history(10)
    found = recorded_funding(past, fit_brownian(past), 0)
    need_horizon(found, 10 * 86400, "plan.toml")
    with pytest.raises(BadInput) as caught:
        need_horizon(found, 10.5 * 86400, "plan.toml")
    assert "horizon = 10.5 days, funding is recorded for 10" in str(caught.value)
    assert "choose funding fitted, a rate, or none" in str(caught.value)
    need_horizon(constant_funding(OF, 1e-4, 8 * 3600), 1e9, "plan.toml")
    need_horizon(no_funding(OF), 1e9, "plan.toml")


def recorded_of(past: Recorded) -> object:
    return recorded_funding(past, fit_brownian(past), 0)


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: recorded_of(without(history(10), 1, 0, 240)), "funding of ETHUSDT = 0 charges: funding is recorded at two"),
        (
            lambda: recorded_of(without(history(10), 1, 49, 81)),
            "funding of ETHUSDT = none from 1970-01-03 00:00:00 to 1970-01-04",
        ),
        (lambda: recorded_of(without(history(10), 1, 0, 100)), "funding of ETHUSDT = none from 1970-01-01 00:00:00"),
        (lambda: recorded_of(without(history(10), 1, 100, 240)), "to 1970-01-11 00:00:00: the prices go on meanwhile"),
        (lambda: fitted_funding(history(5), 0), "funding of BTCUSDT = 14 pairs of charges: 30 charges in a row are needed"),
        (lambda: constant_funding(OF, 1e-4, 5400), "funding every = 5400 seconds: the time between charges and the step"),
        (lambda: constant_funding(OF, 1e-4, 0), "funding every = 0 seconds"),
        (lambda: constant_funding(OF, float("nan"), 3600), "funding = nan: give a rate a charge"),
        (lambda: constant_funding(OF, 1.0, 3600), "funding = 1.0: give a rate a charge"),
        (
            lambda: fitted_funding(history(40, np.arange(240).reshape(120, 2) ** 2 * 1e-7), 0),
            "the recorded rate does not return to a mean",
        ),
    ],
)
def test_what_the_record_cannot_answer_is_refused(build: Any, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        build()
    assert says in str(caught.value) and str(caught.value).startswith("recorded.csv: ")
