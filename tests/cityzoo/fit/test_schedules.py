"""Rates at given steps, worked out by hand; what is saved with an optimizer comes back."""

import math

import keras
import pytest

from cityzoo.errors import InputError
from cityzoo.fit.schedules import schedule
from cityzoo.spec import SCHEDULES


def rates(made, *steps):
    return [float(made(step)) for step in steps]


def test_cosine_rises_in_a_line_and_falls_in_half_a_cosine():
    """100 steps warm up for 10: from 5 % to the peak, half way down (55) at half the height between 1 and .01."""
    made = schedule("cosine", 0.2, 100)
    assert rates(made, 0, 5, 10, 55, 100) == pytest.approx([0.01, 0.105, 0.2, 0.2 * 0.505, 0.002], rel=1e-5)


def test_onecycle_rises_for_three_tenths_and_ends_at_nearly_nothing():
    """Of 100 steps 30 rise from peak / 25; half way up is half way between."""
    made = schedule("onecycle", 0.5, 100)
    half_up, half_down = (0.5 + 0.02) / 2, (0.5 + 2e-6) / 2
    assert rates(made, 0, 15, 30, 65) == pytest.approx([0.02, half_up, 0.5, half_down], rel=1e-5)
    quarter = 2e-6 + (0.5 - 2e-6) * (1 + math.cos(math.pi / 4)) / 2
    assert rates(made, 30 + 70 // 4 + 0.5)[0] == pytest.approx(quarter, rel=1e-5)
    assert rates(made, 100)[0] == pytest.approx(2e-6, abs=1e-7)


def test_step_falls_by_ten_after_two_thirds_and_eight_ninths():
    """Of 900 steps 90 warm up, half way at 52.5 %; drops at 600 and 800."""
    made = schedule("step", 1.0, 900)
    assert rates(made, 0, 45, 90, 599, 600, 799, 800, 5000) == pytest.approx(
        [0.05, 0.525, 1, 1, 0.1, 0.1, 0.01, 0.01], rel=1e-5
    )


def test_constant_is_at_its_peak_from_the_second_step_however_long_it_lasts():
    """So that a run that is made longer is what it would have been."""
    for steps in (50, 5000):
        assert rates(schedule("constant", 0.3, steps), 0, 1, 49, 4999) == pytest.approx(
            [0.015, 0.3, 0.3, 0.3], rel=1e-5
        )


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_given_warm_up_is_kept(name):
    """The peak is reached at that step and not before; after the last step nothing moves."""
    made = schedule(name, 0.1, 40, warm_up=20)
    assert rates(made, 20)[0] == pytest.approx(0.1, rel=1e-5)
    assert rates(made, 19)[0] < 0.0999
    assert rates(made, 40) == rates(made, 41) == rates(made, 4000)


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_warm_up_starts_at_the_peak(name):
    """With 0 steps of it."""
    assert rates(schedule(name, 0.1, 40, warm_up=0), 0)[0] == pytest.approx(0.1, rel=1e-5)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_phase_of_one_step_has_a_rate(name):
    """Eight images and a batch of eight."""
    assert all(0 < rate < 0.10001 for rate in rates(schedule(name, 0.1, 1), 0, 1))


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_saved_with_its_optimizer(name):
    """And read back it says the same."""
    made = schedule(name, 0.1, 70)
    config = keras.optimizers.serialize(keras.optimizers.SGD(made))
    again = keras.optimizers.deserialize(config)._learning_rate
    assert type(again) is type(made)
    assert rates(again, 0, 3, 20, 50, 69) == rates(made, 0, 3, 20, 50, 69)


def test_what_is_no_schedule_is_refused_in_one_line():
    """With the nearest name, or with what was wrong."""
    with pytest.raises(InputError, match="did you mean 'cosine'"):
        schedule("cosin", 0.1, 10)
    for peak, steps in ((0.0, 10), (-1.0, 10), (math.nan, 10), (0.1, 0)):
        with pytest.raises(InputError, match="above 0, 1 step or more"):
            schedule("cosine", peak, steps)
