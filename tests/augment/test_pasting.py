"""Windows and objects pasted, and what they leave, found again in the pixels."""

import numpy as np
import tensorflow as tf

from augment.mix_ops import MIN_VISIBLE
from augment.pasting import copy_paste, cutmix

SIZE_HW = (48, 64)


def boxes_of(rows, row_count=6):
    """Lists of (x1, y1, x2, y2, label), one per image -> padded `bounding_boxes`."""
    table = np.full((len(rows), row_count, 5), -1, np.float32)
    for image, boxes in enumerate(rows):
        table[image, : len(boxes)] = np.reshape(boxes, (-1, 5))
    return {"boxes": tf.constant(table[..., :4]), "labels": tf.constant(table[..., 4].astype(np.int32))}


def noise(count):
    return tf.constant(np.random.default_rng(0).integers(0, 256, (count, *SIZE_HW, 3)).astype(np.float32))


def cut(batch, side, x, y, first_alone=True):
    count = len(batch["images"])
    happens = tf.constant([True] + [not first_alone] * (count - 1))
    return cutmix(batch, happens, *(tf.zeros([count]) + value for value in (side, x, y)))


def paste(batch, share=1.0, seed=3):
    count = len(batch["images"])
    seeds = tf.stack([tf.range(count), tf.fill([count], seed)], axis=1)
    return copy_paste(batch, tf.range(count) == 0, tf.zeros([count]) + share, seeds)


def labels_and_boxes(batch):
    labels, boxes = (batch["bounding_boxes"][key][0].numpy() for key in ("labels", "boxes"))
    return dict(zip(labels[labels >= 0].tolist(), boxes[labels >= 0].tolist(), strict=True))


def found(image):
    ys, xs = np.nonzero(np.asarray(image)[..., 0] > 127.5)
    return [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1] if len(xs) else None


def test_cutmix_pastes_a_window_of_whole_pixels_and_shares_labels_by_it():
    images = noise(3)
    batch = {"images": images, "labels": tf.eye(3)}
    batch["segmentation_masks"] = tf.constant(
        np.arange(3).reshape(3, 1, 1, 1) * np.ones((1, *SIZE_HW, 1), np.uint8)
    )
    mixed = cut(batch, side=0.3, x=1.0, y=0.25, first_alone=False)
    # 0.3 of 64 x 48 is 19 x 14 pixels, at the right edge and a quarter of the freedom of 34 down, at 8.
    inside = np.zeros(SIZE_HW, bool)
    inside[8:22, 45:64] = True
    for row in range(3):
        after = (row + 1) % 3
        expected = np.where(inside[..., None], images[after], images[row])
        np.testing.assert_allclose(mixed["images"][row], expected, atol=1e-3)
        np.testing.assert_array_equal(mixed["segmentation_masks"][row, ..., 0], np.where(inside, after, row))
        shares = np.eye(3)[row] * (1 - inside.mean()) + np.eye(3)[after] * inside.mean()
        np.testing.assert_allclose(mixed["labels"][row], shares, atol=1e-6)


def test_cutmix_with_no_window_changes_nothing_and_with_a_whole_one_everything():
    batch = {
        "images": noise(2),
        "labels": tf.eye(2),
        "bounding_boxes": boxes_of([[(1, 1, 9, 9, 0)], [(2, 2, 8, 8, 1)]]),
    }
    none, whole = cut(batch, 0.0, 0.5, 0.5), cut(batch, 1.0, 0.5, 0.5)
    tf.nest.map_structure(np.testing.assert_array_equal, none, batch)
    np.testing.assert_allclose(whole["images"][0], batch["images"][1], atol=1e-3)
    assert labels_and_boxes(whole) == {1: [2, 2, 8, 8]} and whole["labels"][0].numpy().tolist() == [0, 1]


def test_cutmix_boxes_are_what_is_seen_of_them():
    rng = np.random.default_rng(5)
    outcomes = {"kept": 0, "shortened": 0, "dropped": 0}
    for number in range(80):
        corner = rng.integers(0, (44, 28))
        box = (*corner, *(corner + rng.integers(4, 20, 2)))
        image = np.zeros((2, *SIZE_HW, 3), np.float32)
        whose = number % 2
        image[whose, box[1] : box[3], box[0] : box[2]] = 255
        rows = [[], []]
        rows[whose] = [(*box, 7)]
        batch = {"images": tf.constant(image), "bounding_boxes": boxes_of(rows)}
        mixed = cut(batch, *rng.uniform((0.2, 0, 0), (0.9, 1, 1)))
        share = np.mean(mixed["images"][0, box[1] : box[3], box[0] : box[2], 0] > 127)
        after = labels_and_boxes(mixed)
        if 7 in after:
            assert share >= MIN_VISIBLE - 1e-6 and after[7] == found(mixed["images"][0])
            outcomes["kept" if after[7] == list(box) else "shortened"] += 1
        else:
            assert share < MIN_VISIBLE
            outcomes["dropped"] += 1
    assert min(outcomes.values()) > 5, outcomes


def test_pasted_objects_come_whole_and_far_from_them_nothing_changes():
    rows = [[(2, 30, 20, 46, 0)], [(30, 4, 50, 14, 1), (40, 24, 44, 40, 2)]]
    images = noise(2)
    batch = {"images": images, "bounding_boxes": boxes_of(rows), "labels": tf.eye(2)}
    batch["segmentation_masks"] = tf.cast(images[..., :1] * 0, tf.int32) + tf.reshape([5, 6], (2, 1, 1, 1))
    mixed = paste(batch)
    image, own, other = mixed["images"][0].numpy(), images[0].numpy(), images[1].numpy()
    far = np.ones(SIZE_HW, bool)
    for x1, y1, x2, y2, _ in rows[1]:
        np.testing.assert_allclose(image[y1:y2, x1:x2], other[y1:y2, x1:x2], atol=1e-3)
        assert (mixed["segmentation_masks"][0, y1:y2, x1:x2] == 6).numpy().all()
        far[y1 - 2 : y2 + 2, x1 - 2 : x2 + 2] = False
    np.testing.assert_array_equal(image[far], own[far])
    assert (mixed["segmentation_masks"][0].numpy()[far] == 5).all()
    assert labels_and_boxes(mixed) == {0: [2, 30, 20, 46], 1: [30, 4, 50, 14], 2: [40, 24, 44, 40]}
    area = mixed["labels"][0, 1].numpy()
    assert (20 * 10 + 4 * 16) / (48 * 64) <= area <= (24 * 14 + 8 * 20) / (48 * 64)
    assert mixed["labels"][0, 0] == 1 - area


def test_pasted_edges_are_soft():
    images = tf.reshape([0.0, 200.0], (2, 1, 1, 1)) * tf.ones((1, *SIZE_HW, 3))
    batch = {"images": images, "bounding_boxes": boxes_of([[], [(10, 4, 50, 44, 1)]])}
    batch["segmentation_masks"] = tf.cast(images[..., :1] > 0, tf.int32)
    mixed = paste(batch)
    row = mixed["images"][0, 24, :, 0].numpy()
    np.testing.assert_array_equal(mixed["segmentation_masks"][0, 24, :, 0], row > 100)
    np.testing.assert_array_equal(row[10:50], 200)
    np.testing.assert_allclose(row[4:11], [0, 0, 40, 80, 120, 160, 200], atol=1e-3)  # 4 pixels, a tenth of 40
    np.testing.assert_allclose(row[4:11], row[49:56][::-1], atol=1e-3)


def test_no_share_pastes_nothing_and_half_of_it_about_half():
    grid = [(8 * (k % 8), 8 * (k // 8), 8 * (k % 8) + 5, 8 * (k // 8) + 5, k) for k in range(48)]
    batch = {"images": noise(2), "bounding_boxes": boxes_of([[], grid], 48)}
    tf.nest.map_structure(np.testing.assert_array_equal, paste(batch, share=0.0), batch)
    chosen = [frozenset(labels_and_boxes(paste(batch, share=0.5, seed=seed))) for seed in range(6)]
    assert 0.4 < np.mean([len(each) for each in chosen]) / 48 < 0.6 and len(set(chosen)) == 6
    assert chosen[0] == frozenset(labels_and_boxes(paste(batch, share=0.5, seed=0)))
    fewer = frozenset(labels_and_boxes(paste(batch, share=0.25, seed=0)))
    assert fewer < chosen[0]


def test_what_is_pasted_depends_on_the_own_seed_and_the_neighbour_alone():
    grid = [(8 * k, 8, 8 * k + 6, 20, k) for k in range(8)]
    images, rows = noise(3), [[], grid, [(0, 30, 9, 39, 9)]]
    seeds = tf.constant([[4, 1], [4, 2], [4, 3]])

    def run(order):
        batch = {"images": tf.gather(images, order), "bounding_boxes": boxes_of([rows[i] for i in order], 9)}
        return copy_paste(
            batch, tf.fill([len(order)], True), tf.fill([len(order)], 0.5), tf.gather(seeds, order)
        )

    first, second = run([0, 1]), run([2, 0, 1])
    np.testing.assert_array_equal(first["images"][0], second["images"][1])
    np.testing.assert_array_equal(first["bounding_boxes"]["labels"][0], second["bounding_boxes"]["labels"][1])


def test_objects_keep_off_those_that_are_there():
    own = (20, 10, 40, 30, 0)
    cases = {
        (22, 12, 38, 28, 1): False,  # on top of it
        (22, 12, 32, 22, 1): False,  # small, and on top of it
        (10, 0, 50, 40, 1): False,  # all over it
        (35, 10, 60, 30, 1): True,  # a quarter of it
        (30, 10, 60, 30, 1): False,  # half of it
        (41, 10, 60, 30, 1): True,  # beside it
    }
    for box, pasted in cases.items():
        batch = {"images": noise(2), "bounding_boxes": boxes_of([[own], [box]])}
        mixed = paste(batch)
        assert (1 in labels_and_boxes(mixed)) == pasted, box
        assert np.array_equal(mixed["images"][0], batch["images"][0]) != pasted, box
    quarter = paste({"images": noise(2), "bounding_boxes": boxes_of([[own], [(35, 8, 60, 32, 1)]])})
    assert labels_and_boxes(quarter) == {0: [20, 10, 35, 30], 1: [35, 8, 60, 32]}


def test_own_objects_hidden_by_several_are_dropped():
    own = (20, 10, 40, 30, 0)
    others = [(0, 8, 26, 32, 1), (34, 8, 60, 32, 2), (26, 24, 34, 47, 3)]  # 30, 30 and 12 % of it
    two = paste({"images": noise(2), "bounding_boxes": boxes_of([[own], others[:2]])})
    assert labels_and_boxes(two)[0] == [26, 10, 34, 30]
    three = paste({"images": noise(2), "bounding_boxes": boxes_of([[own], others])})
    assert set(labels_and_boxes(three)) == {1, 2, 3}


def test_objects_come_with_those_seen_in_their_boxes_or_not_at_all():
    bus, rider, far = (10, 10, 50, 40, 1), (12, 30, 20, 46, 2), (52, 2, 60, 8, 3)
    seeds_that_paste_the_bus = 0
    for seed in range(12):
        after = labels_and_boxes(
            paste({"images": noise(2), "bounding_boxes": boxes_of([[], [bus, rider, far]])}, 0.5, seed)
        )
        assert 2 in after or 1 not in after
        seeds_that_paste_the_bus += 1 in after
    assert 0 < seeds_that_paste_the_bus < 12
    below_the_rider = (10, 40, 22, 48, 0)
    blocked = paste({"images": noise(2), "bounding_boxes": boxes_of([[below_the_rider], [bus, rider, far]])})
    assert set(labels_and_boxes(blocked)) == {0, 3}


def test_padding_is_never_pasted():
    padding = {
        "boxes": tf.constant([[[41.0, 1, 60, 4]], [[5, 5, 40, 40]]]),
        "labels": tf.constant([[0], [-1]]),
    }
    batch = {"images": noise(2), "bounding_boxes": padding}
    tf.nest.map_structure(np.testing.assert_array_equal, paste(batch), batch)
    flat = {"images": noise(2), "bounding_boxes": boxes_of([[], [(5, 5, 5, 30, 2), (9, 9, 3, 3, 4)]])}
    assert labels_and_boxes(paste(flat)) == {}
    np.testing.assert_array_equal(paste(flat)["images"][0], flat["images"][0])
