"""Matrices and boxes against numbers worked out by hand and outlines turned point by point."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from augment import affine

ANGLE = np.linspace(0, 2 * np.pi, 200)
WHEEL = 0.2 * np.stack([np.cos(ANGLE), np.sin(ANGLE)], 1)
# Outlines that touch all four sides of the unit box, and the width / height of their box.
RECTANGLE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
ELLIPSE = 0.5 + 2.5 * WHEEL
CAR_SIDE = np.concatenate(
    [[[0, 0.45], [0, 0.8], [1, 0.85], [1, 0.55], [0.75, 0.4], [0.5, 0], [0.25, 0], [0.12, 0.38]]]
    + [WHEEL * [0.45, 1] + [x, 0.8] for x in (0.2, 0.8)]
)
CAR_FRONT = np.array([[0.15, 0], [0.85, 0], [1, 0.42], [1, 0.9], [0.95, 1], [0.05, 1], [0, 0.9], [0, 0.42]])
CAR_OBLIQUE = np.array(
    [
        [0, 0.4],
        [0.05, 0.8],
        [0.35, 1],
        [0.45, 0.98],
        [0.9, 0.75],
        [1, 0.6],
        [0.98, 0.4],
        [0.78, 0.05],
        [0.65, 0],
    ]
    + [[0.4, 0.02], [0.18, 0.35]]
)
MOTORBIKE = np.concatenate([WHEEL + [0.2, 0.8], WHEEL + [0.8, 0.8], [[0.3, 0.45], [0.5, 0], [0.65, 0.4]]])
VEHICLES = [(CAR_SIDE, 2.6), (CAR_FRONT, 1.15), (CAR_OBLIQUE, 1.5), (MOTORBIKE, 1.3)]


def random_matrix(rng: np.random.Generator) -> np.ndarray:
    turn = affine.rotation(rng.uniform(-40, 40)) @ affine.shearing(*rng.uniform(-10, 10, 2))
    scaled = affine.scaling(rng.uniform(0.2, 3), rng.uniform(0.2, 3)) @ turn
    return affine.about(scaled, *rng.uniform(0, 800, 2))


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    return shared / (affine.box_areas(a) + affine.box_areas(b) - shared)


def mean_iou(outline: np.ndarray, aspect: float, rule: str) -> float:
    matrices = np.stack([affine.rotation(degrees) for degrees in np.linspace(-15, 15, 31)])
    sides = np.array([100 * aspect, 100])
    turned = np.einsum("mij,nj->mni", matrices[:, :2, :2], outline * sides)
    truth = np.concatenate([turned.min(1), turned.max(1)], 1)
    box = np.tile(np.array([0, 0, *sides], np.float32), (31, 1, 1))
    return float(iou(truth, affine.move_boxes(box, matrices, rule)[:, 0]).mean())


def test_the_matching_rule_is_exact_and_the_default_is_best_on_vehicles():
    assert mean_iou(RECTANGLE, 1.5, "corners") > 0.999
    assert mean_iou(ELLIPSE, 1.5, "ellipse") > 0.999
    scores = {rule: np.mean([mean_iou(*each, rule) for each in VEHICLES]) for rule in affine.BOX_RULES}
    assert scores["rounded"] == max(scores.values()) and scores["rounded"] >= 0.9


def test_boxes_without_rotation_agree_in_every_rule_and_with_the_arithmetic():
    box, matrix = (
        np.array([[10.0, 20.0, 30.0, 60.0]]),
        affine.translation(5, -3) @ affine.scaling(-2, 0.5),
    )
    for rule in affine.BOX_RULES:
        np.testing.assert_allclose(affine.move_boxes(box, matrix, rule), [[-55, 7, -15, 27]], atol=1e-4)


@pytest.mark.parametrize("image_hw", [(1080, 1920), (512, 512), (333, 777), (1, 1), (4000, 5000)])
@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_the_inverse_brings_boxes_back(image_hw, fit):
    matrix, (height, width) = affine.FITS[fit](image_hw, (256, 320)), image_hw
    boxes = np.random.default_rng(0).uniform(0, 1, (50, 4)).astype("f") * [width, height, width, height]
    boxes = np.concatenate(
        [np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], 1
    )
    boxes = np.concatenate([boxes, [[0, 0, width, height]]])
    moved = affine.move_boxes(boxes, matrix)
    assert moved.min() >= -1e-3 and moved[:, 2].max() <= 320.001 and moved[:, 3].max() <= 256.001
    np.testing.assert_allclose(affine.move_boxes(moved, affine.invert(matrix)), boxes, atol=0.01)


def test_two_moves_equal_the_product_and_tensors_equal_arrays():
    rng = np.random.default_rng(1)
    first, second = random_matrix(rng), random_matrix(rng)
    points = np.concatenate([rng.uniform(0, 500, (20, 2)), np.ones((20, 1))], 1).T
    np.testing.assert_allclose((second @ first) @ points, second @ (first @ points), rtol=1e-4, atol=0.01)
    boxes = rng.uniform(0, 500, (7, 4)).astype("f")
    for rule in affine.BOX_RULES:
        tensor = affine.move_boxes(tf.constant(boxes), tf.constant(first), rule)
        np.testing.assert_allclose(tensor, affine.move_boxes(boxes, first, rule), rtol=1e-5, atol=1e-3)
    for fit in affine.FITS.values():
        np.testing.assert_allclose(fit(tf.constant([333, 777]), (256, 320)), fit((333, 777), (256, 320)))


def test_leading_axes_go_box_by_box():
    rng = np.random.default_rng(2)
    matrices = np.stack([random_matrix(rng) for _ in range(3)])
    boxes = np.sort(rng.uniform(0, 500, (3, 5, 2, 2)), axis=2).reshape(3, 5, 4)
    together = affine.move_boxes(boxes, matrices)
    apart = [affine.move_boxes(each, matrix) for each, matrix in zip(boxes, matrices, strict=True)]
    np.testing.assert_allclose(together, apart, rtol=1e-5)
    assert affine.move_boxes(np.zeros((0, 4)), matrices[0]).shape == (0, 4)


def test_visible_shares_by_hand():
    boxes = np.array(
        [[0, 0, 64, 32], [-10, 0, 10, 8], [54, 24, 74, 40], [70, 0, 90, 9], [5, 5, 5, 5], [9, 9, 1, 1]]
    )
    np.testing.assert_allclose(affine.visible_shares(boxes, (32, 64)), [1, 0.5, 0.25, 0, 0, 0])


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="unknown box rule 'oval'.*corners, rounded, ellipse"):
        affine.move_boxes(np.zeros((1, 4)), np.eye(3), "oval")


def test_numpy_users_and_policy_readers_load_no_tensorflow():
    code = (
        "import sys, numpy as np, augment; augment.get_policy('standard').describe();"
        "augment.move_boxes(np.ones((1, 4)), augment.invert(augment.letterbox((9, 9), (4, 4))));"
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
