"""Plans by Webster's method, against worked examples of textbooks and by hand."""

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.traffic_signals.webster import Limits, Plan, make_plan, optimal_cycle, pedestrian_green

WIDE = Limits((5, 5), 10, 200)


def test_textbook_two_phases():
    """Khanna & Justo, Highway Engineering: 400 and 250 veh/h over 1250 and 1000; L 16 s; 67.4 s, 29 and 22.5 s."""
    assert optimal_cycle(400 / 1250 + 250 / 1000, 16) == pytest.approx(67.44, abs=0.01)
    assert make_plan([400 / 1250, 250 / 1000], 8, WIDE).greens == (29, 22)


def test_four_phases_by_hand():
    """Y .6, L 20: 35 / .4 = 87.5 s; 67.5 s of green in shares of 3, 1, 1.5, .5 sixths."""
    plan = make_plan([0.3, 0.1, 0.15, 0.05], 5, Limits((5, 5, 5, 5)))
    assert plan.greens == (34, 11, 17, 5)  # 33.75, 11.25, 16.875, 5.625: whole, sum 67
    assert plan.cycle == 87 and plan.lost_time == 20 and not plan.oversaturated


def test_a_start_lag_is_lost_but_shown():
    """Lost 8 s a phase, 7 of them amber and all-red: lamps show a second more than is used."""
    plan = make_plan([0.32, 0.25], 7, WIDE, start_lag=1)
    assert plan == Plan((30, 23), 7, 1) and plan.effective_greens == (29, 22) and plan.cycle == 67


def test_people_who_cross_get_their_green_and_the_others_keep_capacity():
    """Pinned at 20 s: 40 s of others' idle time; .9 x 40 / (.9 - .4) = 72 s, so .4 x 72 / 32 = .9 of capacity."""
    plan = make_plan([0.4, 0.02], 10, Limits((5, 20), 30, 120))
    assert plan.greens == (32, 20) and plan.cycle == 72
    assert 0.4 * plan.cycle / plan.greens[0] == pytest.approx(0.9)


def test_bounds_hold():
    """Short cycles are lengthened, long ones cut, an empty road shares evenly."""
    assert make_plan([0.01, 0.01], 5, Limits((5, 5), 40, 120)).greens == (15, 15)
    assert make_plan([0.0, 0.0], 5, Limits((5, 5), 40, 120)).greens == (15, 15)
    assert make_plan([0.45, 0.45], 5, Limits((5, 5), 40, 120)).cycle == 120


@pytest.mark.parametrize("ratios", [[0.6, 0.36], [0.7, 0.5], [3.0, 1.0]])
def test_more_than_the_junction_carries_is_capped_and_said(ratios):
    """From Y = .95 on: the longest cycle, greens still by need."""
    plan = make_plan(ratios, 5, Limits((5, 5), 40, 120))
    assert plan.oversaturated and plan.cycle == 120
    assert plan.greens[0] / plan.greens[1] == pytest.approx(ratios[0] / ratios[1], rel=0.04)


def test_every_plan_keeps_its_bounds():
    """Hundreds of drawn flows: minimum greens, shortest and longest cycle."""
    rng, limits = np.random.default_rng(0), Limits((11, 5, 11, 5), 40, 120)
    for ratios in rng.uniform(0, 0.4, (300, 4)):
        plan = make_plan(list(ratios), 5, limits, 1)
        assert all(green >= least for green, least in zip(plan.greens, limits.min_green, strict=True))
        assert 51 <= plan.cycle <= 120 and plan.oversaturated == (ratios.sum() >= 0.95)


@pytest.mark.parametrize(
    ("ratios", "limits", "said"),
    [
        ([0.3, float("nan")], WIDE, "flow ratios"),
        ([0.3, -0.1], WIDE, "0 or more"),
        ([], Limits(()), "flow ratios"),
        ([0.3], WIDE, "one per phase"),
        ([0.3, 0.3], Limits((40, 60), 40, 100), "take 110 s"),
        ([0.3, 0.3], Limits((5, 5), 130, 120), "shortest cycle is 130 s"),
    ],
)
def test_what_cannot_be_planned_is_said(ratios, limits, said):
    """In one line, with the numbers."""
    with pytest.raises(InputError, match=said):
        make_plan(ratios, 5, limits)


def test_pedestrians():
    """7 s to start, 9.6 m at 1.07 m/s, of which 5 s fall into amber and all-red."""
    assert pedestrian_green(9.6, 5) == 11 and pedestrian_green(16, 5) == 17
