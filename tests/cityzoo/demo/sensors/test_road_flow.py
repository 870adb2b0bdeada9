"""Traffic as a fluid: vehicles are neither lost nor made, and jams let through what they should."""

import numpy as np
import pytest

from cityzoo.demo.sensors.road_flow import CAPACITY_DROP, LANE_CAPACITY, capacities, simulate_flow
from cityzoo.demo.sensors.road_network import draw_network


@pytest.fixture(scope="module")
def network():
    return draw_network(0)


def drive(network, entering, periods=36, blocked=None):
    """Speed and flow of the last period on dry roads with constant demand."""
    shape = (1, periods, 40)
    ones = np.ones(shape)
    speed, flow = simulate_flow(
        network, np.broadcast_to(entering, shape), ones, ones if blocked is None else blocked, ones, 300
    )
    return speed[0], flow[0]


def test_what_enters_passes_every_cell_on_its_way(network):
    entering = 1500.0 * network.entering
    _, flow = drive(network, entering)
    steady = np.linalg.solve(np.eye(40) - network.moves.T, entering)
    np.testing.assert_allclose(flow[-1], steady, rtol=1e-3)


def test_an_empty_road_is_driven_at_its_free_speed(network):
    speed, _ = drive(network, 10.0 * network.entering)
    np.testing.assert_allclose(speed[-1], network.free_speeds, rtol=0.01)


def test_a_queue_leaves_a_bottleneck_with_less_than_its_capacity(network):
    entering = np.where(np.arange(40) == 0, 3 * LANE_CAPACITY, 0.0)  # three lanes full, into two
    speed, flow = drive(network, entering, periods=60)
    narrow = int(np.flatnonzero(network.lanes[:10] == 2)[0])
    most = capacities(network)[narrow]
    assert most * (1 - 2 * CAPACITY_DROP) < flow[-1, narrow] <= most * 1.001
    assert speed[-1, narrow - 1] < 45 and (speed[-1, narrow + 1 : 10] > 70).all()


def test_a_closed_road_stops_and_keeps_its_vehicles(network):
    entering = np.where(np.arange(40) == 0, 2000.0, 0.0)
    blocked = np.ones((1, 36, 40))
    blocked[:, 12:, 3] = 0.0
    speed, flow = drive(network, entering, blocked=blocked)
    assert flow[-1, 4:10].max() < 5 and speed[-1, 3] < 5
    assert flow[11, 4] > 500
