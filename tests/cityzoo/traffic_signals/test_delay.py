"""Delay formulas, compared with numbers by hand and a simulated queue."""

import numpy as np
import pytest

from cityzoo.traffic_signals.junction import hcm_delay, queue_delay


def test_above_capacity_the_delay_grows_by_half_the_period_for_each_capacity_too_much():
    """3600 s x T / 2."""
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
