"""The probability that raises an alarm: foreseen peaks of known probability, and one that never comes."""

import numpy as np
import pytest

from cityzoo.alarms.alarm_threshold import choose_probability
from cityzoo.alarms.forecast_alarms import raise_from_forecasts
from cityzoo.alarms.forecasts import Forecasts
from cityzoo.alarms.metrics import alarm_metrics
from cityzoo.alarms.rules import parse_rule
from cityzoo.data.series.series import Series

TIMES = np.datetime64("2026-01-05T00:00:00", "s") + np.arange(24) * np.timedelta64(3600, "s")
RUNS, AHEAD = np.arange(4, 20), np.arange(1, 5)
EVENT = range(10, 12)  # rows beyond the limit
# The 80 % interval is 5 wide on each side: a forecast of 72 is above 75 with probability .22, 71 .15, 70.5 .12.
EXPECTED = {"kerb": 72.0, "park": 70.5, "yard": 71.0}
COMES = {"kerb": True, "park": True, "yard": False}


@pytest.fixture
def truth():
    values = np.full((24, 3, 1), 50.0)
    for place, comes in enumerate(COMES.values()):
        values[EVENT, place] = 80.0 if comes else 60.0
    return Series(values, TIMES, tuple(COMES), ("pm25",), ("µg/m3",), "UTC")


@pytest.fixture
def forecast():
    middle = np.full((24, 3), 50.0)
    middle[EVENT] = list(EXPECTED.values())
    ahead = middle[np.minimum(RUNS[:, None] + AHEAD, 23)]
    return Forecasts(ahead[..., None] + np.array([-5.0, 0, 5]), (0.1, 0.5, 0.9), TIMES[RUNS])


@pytest.mark.parametrize(
    ("wanted", "probability", "in_time", "false"),
    [(0.1, 0.22, 1, 0), (10, 0.12, 2, 1)],  # one false alarm in 16 hours of 3 sensors is 3.5 a week of each
)
def test_more_false_alarms_buy_more_warnings(truth, forecast, wanted, probability, in_time, false):
    rule = parse_rule(f"pm25 > 75 within 3h with at most {wanted} false alarms a week")
    chosen = choose_probability(rule, forecast, truth)
    metrics = alarm_metrics(raise_from_forecasts(chosen, forecast, truth), 3)
    assert chosen.probability == probability and chosen.is_chosen and not rule.is_chosen
    assert (metrics["events_in_time"], metrics["alarms_false"]) == (in_time, false)
    assert parse_rule(str(chosen)) == chosen and f"at most {wanted}" in str(chosen)


def test_what_cannot_be_had_is_told(truth, forecast, caplog):
    """Forecasts that are certain of a peak that never comes: each probability raises a false alarm."""
    sure = Forecasts(forecast.values + 30, forecast.levels, forecast.times)
    rule = parse_rule("pm25 > 75 within 3h with at most 0.1 false alarms a week")
    assert choose_probability(rule, sure, truth).probability == 0.96
    assert "more false alarms" in caplog.text


def test_a_given_probability_stays(truth, forecast):
    rule = parse_rule("pm25 > 75 within 3h with 0.5 probability")
    assert choose_probability(rule, forecast, truth) is rule
