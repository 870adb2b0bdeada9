"""Delay formulas, against numbers by hand and a queue that is counted through."""

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.traffic_signals.delay import hcm_delay, queue_delay, webster_delay


def test_webster_by_hand():
    """x .8, half green of 90 s, .2 veh/s: 18.75 uniform + 8 random - .65 x 2250^(1/3) x .8^4.5."""
    correction = 0.65 * 2250 ** (1 / 3) * 0.8**4.5
    assert correction == pytest.approx(3.12, abs=0.01)
    assert webster_delay(720, 1800, 45, 90) == pytest.approx(18.75 + 8 - correction)


def test_webster_is_about_a_tenth_below_his_first_two_terms():
    """As his paper says of the correction: 5 to 15 % at usual flows."""
    flow, share = np.array([540.0, 630, 720]), 0.5
    x, q = flow / 900, flow / 3600
    two = 90 * (1 - share) ** 2 / (2 * (1 - share * x)) + x**2 / (2 * q * (1 - x))
    assert np.all(np.abs(webster_delay(flow, 1800, 45, 90) / two - 0.9) < 0.06)


def test_above_capacity_only_the_manual_has_a_value():
    """And it grows by 3600 s x T / 2 for each capacity's worth too much."""
    with pytest.raises(InputError, match="v/c 1.20"):
        webster_delay(1080, 1800, 45, 90)
    assert hcm_delay(1800, 1800, 45, 90) == pytest.approx(22.5 + 450, rel=0.02)


def test_the_manual_by_hand():
    """x .8: 18.75 + 225 (-.2 + sqrt(.04 + 3.2 / 225)); an empty road: half of the red squared over the cycle."""
    assert hcm_delay(720, 1800, 45, 90) == pytest.approx(18.75 + 225 * (-0.2 + np.sqrt(0.04 + 3.2 / 225)))
    assert hcm_delay(0, 1800, 45, 90) == pytest.approx(45**2 / (2 * 90))


@pytest.mark.parametrize(("flow", "left"), [(300, 0), (540, 15), (600, 30), (720, 60)])
def test_a_queue_from_before_counted_through(flow, left):
    """30 vehicles before a stop line that lets 600 an hour through: each step, who comes last waits for all."""
    steps = np.linspace(0, 0.25, 20001)
    queue = np.maximum(30 + (min(flow, 600) - 600) * steps, 0)  # what stands because of the 30
    delay, kept = queue_delay(30, flow, 600, 0.25)
    assert kept == pytest.approx(left)
    assert delay == pytest.approx(3600 * queue.mean() / 600, rel=0.01)
