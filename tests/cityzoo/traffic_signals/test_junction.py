"""The junction: its phases cannot collide, its ratios and delays by hand."""

from itertools import combinations

import numpy as np
import pytest

from cityzoo.traffic_signals.junction import ARMS, TURNS, Junction, exit_arm, hcm_delay
from cityzoo.traffic_signals.webster import Plan

JUNCTION = Junction()
MOVEMENTS = [(arm, turn) for arm in ARMS for turn in TURNS]


def way(arm, turn):
    """Where a movement enters and leaves the square of 8 x 8: right lanes in, left of them out."""
    turned = {"north": 0, "east": 1, "south": 2, "west": 3}
    beside = {"left": -0.5, "straight": -1.5, "right": -1.5}[turn]
    place = {True: (beside, 4.0), False: (1.0, 4.0)}

    def rotate(point, quarters):
        x, y = point
        return [(x, y), (y, -x), (-x, -y), (-y, x)][quarters]

    return rotate(place[True], turned[arm]), rotate(place[False], turned[exit_arm(arm, turn)])


def cross(first, second):
    """Whether two ways cross or end in the same place."""
    (a, b), (c, d) = way(*first), way(*second)
    if b == d:
        return True

    def side(p, q, r):
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def test_nobody_meets_on_green():
    """In no phase do two movements of different arms cross or leave by the same lane."""
    for phase in range(4):
        green = [
            movement
            for movement, light in zip(MOVEMENTS, JUNCTION.states(phase)[0], strict=True)
            if light == "G"
        ]
        assert not [pair for pair in combinations(green, 2) if pair[0][0] != pair[1][0] and cross(*pair)]
    assert cross(("north", "left"), ("south", "straight")) and cross(
        ("north", "straight"), ("east", "straight")
    )


def test_every_movement_has_its_phase_and_clears():
    """Once green, then amber at the same places, then all red."""
    shown = [JUNCTION.states(phase) for phase in range(4)]
    assert [sum(green[i] == "G" for green, _, _ in shown) for i in range(12)] == [1] * 12
    assert all(amber == green.replace("G", "y") and set(red) == {"r"} for green, amber, red in shown)


def test_critical_ratios_by_hand():
    """Straight and right share a lane of 1680, left has 1600; the larger arm of a phase counts."""
    flows = np.array([[80, 300, 36], [32, 400, 20], [160, 200, 10], [16, 100, 4]], float)
    assert JUNCTION.flow_ratios(flows) == pytest.approx([336 / 1680, 160 / 1600, 420 / 1680, 32 / 1600])


def test_delay_weighs_lanes_by_their_flow():
    """Two lanes with traffic, 300 and 100 veh/h; the others are empty. The start lag is no green."""
    flows = np.zeros((4, 3))
    flows[0, 1], flows[1, 0] = 300, 100
    plan = Plan((26, 6, 11, 11), 5, 1)
    by_hand = 0.75 * hcm_delay(300, 1680, 25, 74) + 0.25 * hcm_delay(100, 1600, 10, 74)
    assert JUNCTION.delay(plan, flows, 0.25) == pytest.approx(by_hand)
    stacked = JUNCTION.delay(plan, np.stack([flows, 2 * flows]), 0.25)
    assert stacked.shape == (2,) and stacked[0] == pytest.approx(by_hand) and stacked[1] > by_hand


def test_queues_are_handed_on():
    """1000 veh/h where 1680 x 25 / 74 = 568 get through: 108 are left of a quarter of an hour."""
    flows = np.zeros((4, 3))
    flows[0, 1] = 1000
    plan = Plan((26, 6, 11, 11), 5, 1)
    left = JUNCTION.queue_left(plan, flows, 0.25)
    assert left[0] == pytest.approx(0.25 * (1000 - 1680 * 25 / 74)) and left[1:].sum() == 0
    assert JUNCTION.delay(plan, flows, 0.25, left) > JUNCTION.delay(plan, flows, 0.25) + 600
