"""Plans of batches against numbers worked out by hand, and each image alone."""

import numpy as np

from augment import Policy, Step, get_policy
from augment.placement import padded, plan, sample_parameters

KEYS = np.array([[0, number, 0] for number in range(5)])


def test_steps_act_in_order_on_the_images_they_happen_to():
    policy = Policy("p", (Step("flip", {}, 0.5), Step("translate", {"x": (0.25, 0.25), "y": (0.0, 0.0)})))
    lots = np.array([[0.1, 0, 0, 0, 0, 0], [0.9, 0, 0, 0, 0, 0]], np.float32)
    boxes = np.array([[[0, 0, 20, 40], [0, 0, 0, 0]], [[0, 0, 20, 40], [80, 0, 120, 10]]], np.float32)
    made = plan(policy, (100, 100), np.array([[200, 200], [200, 200]]), boxes, lots)
    np.testing.assert_allclose(made.matrices[0, 0], [-0.5, 0, 125], atol=1e-4)  # 0..200 -> 100..0 -> 125..25
    np.testing.assert_allclose(made.matrices[1, 0], [0.5, 0, 25], atol=1e-4)
    np.testing.assert_allclose(made.boxes[1], [[25, 0, 35, 20], [65, 0, 85, 5]], atol=1e-4)
    assert made.kept.tolist() == [[False, False], [True, True]] and made.reductions.tolist() == [2, 2]


def test_an_image_has_its_plan_whatever_its_batch():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 200, (5, 4, 2))
    boxes = np.concatenate([corner, corner + 30], axis=-1).astype(np.float32)
    sizes = rng.integers(100, 300, (5, 2))
    for name in ("standard", "strong", "randaugment"):
        lots, _ = sample_parameters(get_policy(name), KEYS)
        together = plan(get_policy(name), (64, 96), sizes, boxes, lots)
        for number in range(5):
            row = slice(number, number + 1)
            alone = plan(get_policy(name), (64, 96), sizes[row], boxes[row], lots[row])
            np.testing.assert_array_equal(alone.matrices[0], together.matrices[number])
            np.testing.assert_array_equal(alone.kept[0], together.kept[number])


def test_padding_keeps_the_largest_in_their_order():
    boxes = np.array([[0, 0, 2, 2], [0, 0, 9, 9], [0, 0, 5, 5]], np.float32)
    kept, labels = padded(boxes, np.array([7, 8, 9], np.int32), 2)
    assert labels.tolist() == [8, 9] and kept[:, 2].tolist() == [9, 5] and labels.dtype == np.int32
    kept, labels = padded(boxes[:0], np.zeros(0, np.int32), 2)
    assert labels.tolist() == [-1, -1] and (kept == -1).all() and kept.shape == (2, 4)
