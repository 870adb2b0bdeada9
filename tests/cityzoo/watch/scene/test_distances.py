"""Distances from a line are those of its nearest segment."""

import numpy as np

from cityzoo.watch.scene.line import measure_side, measure_sides


def test_distances_of_many_points_are_those_of_each():
    points = np.array([[0.0, 10.0], [50.0, 10.0], [80.0, 60.0]])
    random = np.random.default_rng(0)
    centers = random.uniform(-20, 100, (50, 2))
    together = measure_sides(centers, points)
    assert together.tolist() == [measure_side(center, points) for center in centers]
    steps = np.linspace(0, 1, 2001)[:, None]
    segments = np.concatenate([a + steps * (b - a) for a, b in zip(points[:-1], points[1:], strict=True)])
    nearest = np.linalg.norm(centers[:, None] - segments[None], axis=2).argmin(axis=1)
    for center, distance, at in zip(centers, together, nearest, strict=True):
        along = np.diff(points, axis=0)[at // 2001]
        across = along[0] * (center - segments[at])[1] - along[1] * (center - segments[at])[0]
        assert np.sign(distance) == np.sign(across)
