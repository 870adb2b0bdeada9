"""Samples through whole policies, as tf.data runs them."""

import numpy as np
import pytest
import tensorflow as tf

import augment
from augment import Policy, Step
from augment.geometric import Canvas, crop

SEED = tf.constant([3, 5])


def sample(image_hw=(60, 80), boxes=((10, 10, 40, 30), (50, 20, 80, 60))):
    rng = np.random.default_rng(0)
    return {
        "images": tf.constant(rng.integers(0, 256, (*image_hw, 3), np.uint8)),
        "bounding_boxes": {
            "boxes": tf.constant(np.array(boxes, np.float32).reshape(-1, 4)),
            "labels": tf.range(len(boxes), dtype=tf.int32),
        },
        "image_id": tf.constant(7),
    }


def test_none_at_its_own_size_is_bit_for_bit():
    before = sample()
    after = augment.apply(before, "none", (60, 80), SEED)
    np.testing.assert_array_equal(after["images"], before["images"])
    assert after["images"].dtype == tf.uint8 and after["image_id"] == 7
    np.testing.assert_allclose(after["bounding_boxes"]["boxes"], before["bounding_boxes"]["boxes"], atol=1e-4)
    np.testing.assert_array_equal(after["matrix"], np.eye(3))


def test_letterbox_bars_boxes_and_the_way_back():
    before = sample((40, 80), [(0, 0, 80, 40), (8, 4, 20, 36)])
    after = augment.apply(before, "none", (64, 64), SEED)
    assert np.all(after["images"][:16] == 114) and np.all(after["images"][48:] == 114)
    np.testing.assert_allclose(after["bounding_boxes"]["boxes"][0], [0, 16, 64, 48], atol=1e-3)
    back = augment.move_boxes(
        after["bounding_boxes"]["boxes"].numpy(), augment.invert(after["matrix"].numpy())
    )
    np.testing.assert_allclose(back, before["bounding_boxes"]["boxes"], atol=0.01)


def test_half_then_half_composes_the_matrix():
    whole = augment.apply(sample((64, 64)), "none", (32, 32), SEED)
    halved = augment.apply(sample((64, 64)), "none", (48, 48), SEED)
    again = augment.apply(halved, "none", (32, 32), SEED)
    np.testing.assert_allclose(again["matrix"], whole["matrix"], atol=1e-6)
    np.testing.assert_allclose(again["bounding_boxes"]["boxes"], whole["bounding_boxes"]["boxes"], atol=1e-3)


@pytest.mark.parametrize("name", ["light", "standard"])
def test_painted_rectangles_are_found_in_their_boxes(name):
    steps = [
        step
        for step in augment.get_policy(name).steps
        if step.transform in ("crop", "flip", "scale", "translate")
    ]
    policy = Policy(name, tuple(steps))
    image = np.zeros((90, 120, 3), np.uint8)
    image[30:60, 40:90] = 255
    before = sample((90, 120), [(40, 30, 90, 60)]) | {"images": tf.constant(image)}
    for number in range(20):
        after = augment.apply(before, policy, (64, 64), tf.constant([number, 1]))
        for box in after["bounding_boxes"]["boxes"].numpy():
            ys, xs = np.nonzero(after["images"].numpy()[..., 0] > 184)  # halfway from the grey bars to white
            found = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            assert np.abs(found - box).max() <= 1.0


def test_boxes_cut_below_the_visible_share_go_with_their_labels():
    shift = Policy("shift", (Step("translate", {"x": (0.5, 0.5), "y": (0.0, 0.0)}),))
    boxes = [(0, 0, 20, 20), (30, 0, 50, 20), (25, 0, 35, 20), (39, 0, 60, 20), (5, 5, 5, 9), (9, 9, 3, 3)]
    after = augment.apply(sample((80, 80), boxes), shift, (80, 80), SEED)["bounding_boxes"]
    np.testing.assert_array_equal(
        after["labels"], [0, 1, 2]
    )  # of box 3, 1 of 21 pixels stays; 4 and 5 are no boxes
    np.testing.assert_allclose(after["boxes"], [[40, 0, 60, 20], [70, 0, 80, 20], [65, 0, 75, 20]], atol=1e-3)


def test_same_seed_same_image_and_graph_equals_eager():
    run = tf.function(lambda each, seed: augment.apply(each, "standard", (48, 48), seed), autograph=False)
    first, second = run(sample(), SEED), run(sample(), SEED)
    for key in ("images", "matrix"):
        np.testing.assert_array_equal(first[key], second[key])
    eager = augment.apply(sample(), "standard", (48, 48), SEED)
    np.testing.assert_allclose(first["matrix"], eager["matrix"], atol=1e-4)
    others = [run(sample(), tf.constant([3, number]))["matrix"].numpy() for number in range(8)]
    assert len({matrix.tobytes() for matrix in others}) == 8


@pytest.mark.parametrize("name", list(augment.POLICIES))
def test_samples_without_boxes_empty_ones_and_extremes(name):
    bare = {"images": sample()["images"]}
    assert set(augment.apply(bare, name, (32, 32), SEED)) == {"images", "matrix"}
    empty = augment.apply(sample(boxes=[]), name, (32, 32), SEED)
    assert empty["bounding_boxes"]["boxes"].shape == (0, 4) and np.isfinite(empty["matrix"]).all()
    dot = augment.apply(sample((1, 1), [(0, 0, 1, 1)]), name, (32, 32), SEED)
    assert dot["images"].shape == (32, 32, 3)


def test_crop_keeps_every_box_and_its_middle():
    rng = np.random.default_rng(4)
    boxes = np.zeros((50, 3, 4), np.float32)  # what is not filled is padding
    for each in boxes:
        count = rng.integers(0, 4)
        corner = rng.uniform(0, 180, (count, 2))
        each[:count] = np.concatenate([corner, corner + rng.uniform(5, 60, corner.shape)], axis=1)
    canvas = Canvas((200, 200), boxes, np.tile(np.eye(3, dtype="f"), (50, 1, 1)))
    matrices = crop(canvas, *rng.uniform((0.2, 0, 0), 1, (50, 3)).astype("f").T)
    moved = augment.move_boxes(boxes, matrices)
    middle, before = ((each[..., :2] + each[..., 2:]) / 2 for each in (moved, boxes))
    inside = (before < 200).all(-1) & (boxes[..., 2] > 0)
    assert (matrices[:, 0, 0] >= 1).all() and ((middle >= -1e-3) & (middle <= 200.001))[inside].all()
    assert np.ptp(matrices[:, 0, 0]) > 1 and inside.sum() > 50
    window = augment.move_boxes(np.array([[0.0, 0.0, 200.0, 200.0]]), augment.invert(matrices))
    assert window.min() >= -1e-2 and window.max() <= 200.01


def test_masks_move_with_the_image():
    mask = np.zeros((60, 80, 1), np.uint8)
    mask[10:30, 10:40] = 3
    after = augment.apply(sample() | {"segmentation_masks": tf.constant(mask)}, "none", (120, 160), SEED)
    expected = np.kron(mask[..., 0], np.ones((2, 2), np.uint8))
    np.testing.assert_array_equal(after["segmentation_masks"][..., 0], expected)


def test_padding_fills_cuts_and_batches():
    boxes = [(0, 0, 9, 9), (0, 0, 2, 2), (0, 0, 8, 8)]
    padded = augment.pad_boxes(sample(boxes=boxes), 5)["bounding_boxes"]
    np.testing.assert_array_equal(padded["labels"], [0, 1, 2, -1, -1])
    np.testing.assert_array_equal(padded["boxes"][3:], -np.ones((2, 4)))
    np.testing.assert_array_equal(
        augment.pad_boxes(sample(boxes=boxes), 2)["bounding_boxes"]["labels"], [0, 2]
    )
    several = tf.data.Dataset.from_tensors(sample()).repeat(4).enumerate()
    several = several.map(
        lambda i, each: augment.apply(each, "light", (32, 32), tf.stack([0, tf.cast(i, tf.int32)]))
    )
    batch = next(iter(several.map(lambda each: augment.pad_boxes(each, 3)).batch(4)))
    assert batch["images"].shape == (4, 32, 32, 3) and batch["bounding_boxes"]["boxes"].shape == (4, 3, 4)


def test_an_unknown_transform_is_refused():
    with pytest.raises(
        ValueError, match="unknown transform 'twirl': Allowed: autocontrast, blur, brightness"
    ):
        augment.apply(sample(), Policy("mine", (Step("twirl", {}),)), (32, 32), SEED)
