"""Stains lie on the ground: where a pixel's ray meets it, and nowhere else."""

import numpy as np

from cityzoo.demo.scenes.camera import Camera
from cityzoo.demo.scenes.road_damage import EDGE, KINDS, Stain, ground_xy, stain_alpha

CAMERA = Camera(6.0, 0.35, 0.2, 0.02, 300.0, (200, 160))


def test_ground_places_project_back_to_their_pixels():
    x, y = ground_xy(CAMERA)
    rows, columns = np.nonzero(np.isfinite(x))
    points = np.column_stack([x[rows, columns], y[rows, columns], np.zeros(len(rows))])
    pixels, _ = CAMERA.project(points)
    assert len(rows) > 10_000
    near = np.hypot(points[:, 0], points[:, 1]) < 200
    assert np.abs(pixels - np.column_stack([columns, rows]) - 0.5)[near].max() < 0.05


def test_a_stain_covers_its_middle_and_nothing_far_from_it():
    x, y = ground_xy(CAMERA)
    for kind in KINDS:
        alpha, _ = stain_alpha(Stain(kind, 2.0, 14.0, (0.8, 1.6), 5), CAMERA)
        away = np.hypot(np.where(np.isfinite(x), x, 1e3) - 2.0, np.where(np.isfinite(y), y, 1e3) - 14.0)
        assert alpha[away < 0.3].min() >= EDGE and alpha[away > 3.3].max() == 0
