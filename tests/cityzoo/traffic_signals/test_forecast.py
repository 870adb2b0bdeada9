"""The simple forecast: honest about time, better than the mean, its upper quantile where it says."""

import numpy as np
import pytest

from cityzoo.traffic_signals.demand import draw_days
from cityzoo.traffic_signals.forecast_file import simple_forecast


@pytest.fixture(scope="module")
def days():
    return draw_days(5).flows(15).sum(axis=-1)[[0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 14, 15, 16, 17]]


def test_a_period_knows_nothing_of_itself_nor_of_later_ones(days):
    """Whatever comes from 8:00 on, the forecasts up to 8:00 stay; the one after moves."""
    other = days[-1].copy()
    other[32:] *= 3
    first, second = simple_forecast(days[:-1], days[-1]), simple_forecast(days[:-1], other)
    assert np.array_equal(first.flows[:33], second.flows[:33]) and np.array_equal(
        first.upper[:33], second.upper[:33]
    )
    assert not np.array_equal(first.flows[33], second.flows[33])


def test_by_hand():
    """Means 110, 210, 310; errors follow each other fully, so the whole surprise of +20 is passed on."""
    past = np.array([[[100.0], [200], [300]], [[120], [220], [320]]])
    forecast = simple_forecast(past, np.array([[130.0], [210], [0]]))
    assert forecast.flows.ravel() == pytest.approx([110, 230, 310])
    assert np.all(forecast.upper >= forecast.flows)


def test_it_beats_both_that_it_is_made_of(days):
    """On days it has not seen: the mean of the time of day, and the last period."""
    forecast, mean = simple_forecast(days[:-1], days[-1]).flows, days[:-1].mean(axis=0)
    errors = [
        np.abs(guess[1:] - days[-1][1:]).mean()
        for guess in (forecast, mean, np.vstack([mean[:1], days[-1][:-1]]))
    ]
    assert errors[0] < min(errors[1:])


def test_about_nine_of_ten_lie_below_the_upper_quantile(days):
    """On days it has not seen."""
    below = [(days[i] <= simple_forecast(days[:i], days[i]).upper).mean() for i in range(8, 14)]
    assert np.mean(below) == pytest.approx(0.9, abs=0.05)
