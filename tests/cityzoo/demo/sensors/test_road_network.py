"""A made-up town's roads: driven one way, and as far apart as they say."""

import numpy as np
import pytest

from cityzoo.demo.sensors.road_network import CELLS, CROSSING, adjacency, distances, draw_network


@pytest.fixture(scope="module")
def network():
    return draw_network(5)


def test_roads_lead_in_driving_direction_only(network):
    far = distances(network)
    lengths = network.lengths_km
    assert far[0, 1] == pytest.approx((lengths[0] + lengths[1]) / 2)
    assert far[0, 9] == pytest.approx(lengths[:10].sum() - (lengths[0] + lengths[9]) / 2)
    assert np.isinf(far[1, 0]) and np.isinf(far[0, 10:20]).all()  # not back, and no U-turn
    assert np.isfinite(far[0, 2 * CELLS + CROSSING + 1])  # but off to the right and left at the crossing
    assert np.isinf(far[CROSSING + 1, 20:]).all()  # whoever has passed it stays on the road


def test_weights_fall_with_the_distance(network):
    weights, far = adjacency(network), distances(network)
    assert weights.shape == (40, 40) and weights.dtype == np.float32 and (np.diag(weights) == 1).all()
    assert (weights[np.isinf(far)] == 0).all() and weights[0, 1] > weights[0, 2] > 0 == weights[0, 9]


def test_all_that_leaves_a_cell_goes_somewhere_or_off_the_road(network):
    onward = network.moves.sum(1)
    assert (onward <= 1 + 1e-9).all() and (onward[CELLS - 1 :: CELLS] == 0).all()
    np.testing.assert_allclose(onward[CROSSING::CELLS], 1)  # at the crossing everybody drives on


def test_places_are_a_cell_apart(network):
    north, east = network.places[0], network.places[1]
    km = np.hypot((east[0] - north[0]) * 111.2, (east[1] - north[1]) * 111.2 * np.cos(np.radians(50)))
    assert km == pytest.approx(distances(network)[0, 1], rel=0.03)
