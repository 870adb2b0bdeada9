"""Painted images, mixed, and what became of them found again in the pixels."""

import numpy as np
import pytest
import tensorflow as tf

from augment.mix_ops import MIN_VISIBLE
from augment.mixing import MIN_OPACITY, copy_paste, cutmix, mixup, mosaic
from augment.registry import TRANSFORMS

SIZE_HW = (48, 64)
ARGUMENTS = {
    "mosaic": {"x": 0.4, "y": 0.6},
    "mixup": {"share": 0.6},
    "cutmix": {"side": 0.5, "x": 0.3, "y": 0.8},
    "copy_paste": {"share": 1.0},
}
MIXES = {"mosaic": mosaic, "mixup": mixup, "cutmix": cutmix, "copy_paste": copy_paste}
each_mix = pytest.mark.parametrize("name", MIXES)


def boxes_of(rows, row_count):
    """Lists of (x1, y1, x2, y2, label), one per image -> padded `bounding_boxes`."""
    table = np.full((len(rows), row_count, 5), -1, np.float32)
    for image, boxes in enumerate(rows):
        table[image, : len(boxes)] = np.reshape(boxes, (-1, 5))
    return {"boxes": tf.constant(table[..., :4]), "labels": tf.constant(table[..., 4].astype(np.int32))}


def shades(count, size_hw=SIZE_HW):
    """Images of one shade each: 10, 20, 30, ..."""
    levels = np.arange(1, count + 1, dtype=np.float32)[:, None, None, None] * 10
    return tf.constant(np.tile(levels, (1, *size_hw, 3)))


def full_batch(count=4):
    rng = np.random.default_rng(count)
    corners = rng.integers(0, 30, (count, 3, 2))
    boxes = np.concatenate([corners, corners + rng.integers(4, 18, (count, 3, 2))], axis=2)
    rows = [[(*box, number) for number, box in enumerate(own)] for own in boxes]
    return {
        "images": tf.constant(rng.uniform(0, 255, (count, *SIZE_HW, 3)).astype(np.float32)),
        "bounding_boxes": boxes_of(rows, 5),
        "labels": tf.one_hot(np.arange(count) % 3, 3),
        "segmentation_masks": tf.constant(rng.integers(0, 9, (count, *SIZE_HW, 1)), tf.int32),
        "matrix": tf.eye(3, batch_shape=[count]),
        "image_id": tf.range(count),
    }


def run(name, batch, happens=None, **values):
    count = tf.shape(batch["images"])[0]
    values = {key: tf.zeros([count]) + value for key, value in (ARGUMENTS[name] | values).items()}
    if TRANSFORMS[name].seeded:
        values["seeds"] = tf.stack([tf.range(count), tf.range(count) + 7], axis=1)
    happens = tf.fill([count], True) if happens is None else happens
    return MIXES[name](batch, happens, **values)


def same(one, other):
    tf.nest.map_structure(np.testing.assert_array_equal, one, other)


def find(image):
    """The box around what is bright, and how many pixels that is; None where nothing is."""
    ys, xs = np.nonzero(np.asarray(image)[..., 0] > 127.5)
    return (np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]), len(xs)) if len(xs) else (None, 0)


def one_white(rows, image, number, size_hw=SIZE_HW):
    """All images black, but for one object of one of them."""
    images = np.zeros((len(rows), *size_hw, 3), np.float32)
    x1, y1, x2, y2 = rows[image][number][:4]
    images[image, y1:y2, x1:x2] = 255
    return tf.constant(images)


@each_mix
def test_images_that_nothing_happens_to_stay_bit_for_bit(name):
    batch = full_batch()
    same(run(name, batch, tf.fill([4], False)), batch)
    some = run(name, batch, tf.constant([True, False, False, True]))
    for row in (1, 2):
        same(*(tf.nest.map_structure(lambda value, row=row: value[row], each) for each in (some, batch)))
    assert not np.array_equal(some["images"][0], batch["images"][0])
    assert not np.array_equal(some["images"][3], batch["images"][3])


@each_mix
def test_batches_of_one_none_and_without_boxes(name):
    alone = run(name, full_batch(1))
    if name != "mosaic":
        same(alone, full_batch(1))
    none = tf.nest.map_structure(lambda value: value[:0], full_batch())
    same(run(name, none), none)
    for row_count in (0, 3):
        empty = full_batch() | {"bounding_boxes": boxes_of([[]] * 4, row_count)}
        mixed = run(name, empty)
        same(mixed["bounding_boxes"], empty["bounding_boxes"])
        assert np.isfinite(mixed["images"]).all()


@each_mix
def test_a_graph_of_unknown_batch_and_box_counts_gives_the_same(name):
    batch = full_batch(5)
    batches = tf.data.Dataset.from_tensor_slices(batch).padded_batch(3)  # the last one holds two
    mixed = batches.map(lambda each: run(name, each), num_parallel_calls=2)
    assert mixed.element_spec["images"].shape[1:] == (*SIZE_HW, 3)
    whole = tf.data.Dataset.from_tensor_slices(batch).batch(4, drop_remainder=True)
    assert whole.map(lambda each: run(name, each)).element_spec == whole.element_spec
    for before, after in zip(batches, mixed, strict=True):
        expected = run(name, before)
        tf.nest.map_structure(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-3), after, expected)


@each_mix
def test_types_shapes_and_what_else_a_batch_holds(name):
    batch = full_batch()
    for dtype in (tf.uint8, tf.float16):
        mixed = run(name, batch | {"images": tf.cast(batch["images"], dtype)})
        for before, after in zip(tf.nest.flatten(batch), tf.nest.flatten(mixed), strict=True):
            assert before.shape == after.shape
        assert mixed["images"].dtype == dtype and mixed["segmentation_masks"].dtype == tf.int32
        exact = run(name, batch)["images"]
        assert np.abs(tf.cast(mixed["images"], tf.float32) - exact).max() <= 1.51  # rounded before and after
        same(mixed["image_id"], batch["image_id"])
    images_alone = run(name, {"images": batch["images"]}) if name != "copy_paste" else {"images": 0}
    assert set(images_alone) == {"images"}


@each_mix
def test_what_else_is_known_of_boxes_goes_with_them(name):
    batch = full_batch()
    batch["bounding_boxes"]["track"] = batch["bounding_boxes"]["labels"] * 10
    mixed = run(name, batch)["bounding_boxes"]
    tracks = np.where(mixed["labels"] < 0, -1, mixed["labels"] * 10)
    np.testing.assert_array_equal(mixed["track"], tracks)


@each_mix
def test_class_numbers_are_refused(name):
    batch = full_batch() | {"labels": tf.constant([0, 1, 2, 0])}
    with pytest.raises(ValueError, match=rf"{name} .*class numbers.*int32, shape \(4,\).*tf.one_hot"):
        run(name, batch)


def test_batches_that_make_no_sense_are_refused():
    images = {"images": shades(2), "labels": tf.eye(2)}
    with pytest.raises(
        ValueError, match="mosaic needs bounding_boxes or segmentation_masks, .* images, labels"
    ):
        run("mosaic", images)
    with pytest.raises(ValueError, match="copy_paste needs bounding_boxes, the batch has images: remove it"):
        run("copy_paste", {"images": shades(2)})


def test_mosaic_shows_the_image_and_three_neighbours_by_area():
    batch = {"images": shades(6), "labels": tf.eye(6)}
    batch["segmentation_masks"] = tf.cast(batch["images"][..., :1], tf.uint8)
    mixed = run("mosaic", batch, x=0.375, y=2 / 3)  # 24 of 64 pixels, 32 of 48
    for row in range(6):
        field = [10 * (1 + (row + step) % 6) for step in range(4)]
        expected = np.full(SIZE_HW, field[0])
        expected[:32, 24:], expected[32:, :24], expected[32:, 24:] = field[1:]
        np.testing.assert_array_equal(mixed["segmentation_masks"][row, ..., 0], expected)
        off_seam = np.ones(SIZE_HW, bool)
        off_seam[31:33], off_seam[:, 23:25] = False, False
        np.testing.assert_allclose(mixed["images"][row, ..., 1][off_seam], expected[off_seam], atol=1e-3)
        shares = [np.mean(expected == 10 * (1 + number)) for number in range(6)]
        np.testing.assert_allclose(mixed["labels"][row], shares, atol=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "scale"), [(0.5, 0.5, 0.5), (0.7, 0.5, 0.7), (0.5, 0.3, 0.7), (0.35, 0.4, 0.65)]
)
def test_mosaic_puts_each_pixel_where_its_matrix_says(x, y, scale):
    ys, xs = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]] + 0.5
    own = np.stack([xs, ys, np.full(SIZE_HW, 200.0)], axis=-1)
    others = np.zeros((3, *SIZE_HW, 3))
    batch = {"images": tf.constant(np.concatenate([own[None], others]), tf.float32)}
    batch["matrix"] = tf.eye(3, batch_shape=[4]) * [[2.0], [2.0], [1.0]]
    mixed = run("mosaic", batch, x=x, y=y)
    matrix = mixed["matrix"][0].numpy() / [2, 2, 1]
    assert matrix[0, 0] == matrix[1, 1] == pytest.approx(scale, abs=0.01)
    assert np.diag(matrix)[:2] @ [64, 0] + matrix[0, 2] == pytest.approx(64 * x, abs=1e-3)
    image = mixed["images"][0].numpy()
    shown = image[..., 2] > 199.9
    assert shown.mean() == pytest.approx(x * y, abs=0.04)
    back = np.linalg.inv(matrix) @ np.stack([xs, ys, np.ones_like(xs)]).reshape(3, -1)
    np.testing.assert_allclose(image[shown][:, :2], back[:2].T.reshape(*SIZE_HW, 2)[shown], atol=0.02)


def test_mosaic_boxes_are_found_in_the_pixels():
    rng = np.random.default_rng(1)
    corners = rng.integers(0, (44, 28), (5, 3, 2))
    sizes = rng.integers(8, 20, (5, 3, 2))
    rows = [[(*corners[i, j], *(corners[i, j] + sizes[i, j]), 3 * i + j) for j in range(3)] for i in range(5)]
    place = {
        "x": tf.constant(rng.uniform(0.3, 0.7, 5), tf.float32),
        "y": tf.constant([0.5, 0.3, 0.4, 0.62, 0.7]),
    }
    kept = dropped = 0
    for i in range(5):
        for j in range(3):
            batch = {"images": one_white(rows, i, j), "bounding_boxes": boxes_of(rows, 12)}
            mixed = run("mosaic", batch, **place)
            for row in range(5):
                box, count = find(mixed["images"][row])
                labels = mixed["bounding_boxes"]["labels"][row].numpy()
                scale = max(*(max(p[row], 1 - p[row]) for p in (place["x"].numpy(), place["y"].numpy())))
                visible = count / (np.prod(sizes[i, j]) * scale**2)
                if rows[i][j][4] in labels:
                    where = np.flatnonzero(labels == rows[i][j][4])
                    assert len(where) == 1 and visible > MIN_VISIBLE - 0.1
                    assert np.abs(mixed["bounding_boxes"]["boxes"][row].numpy()[where[0]] - box).max() <= 1
                    kept += 1
                else:
                    assert visible < MIN_VISIBLE + 0.1
                    dropped += count > 0
    assert kept > 30 and dropped > 3


def test_mosaic_of_an_image_alone_shows_it_four_times():
    batch = {
        "images": one_white([[(20, 15, 40, 30)]], 0, 0),
        "bounding_boxes": boxes_of([[(20, 15, 40, 30, 6)]], 4),
    }
    mixed = run("mosaic", batch, x=0.5, y=0.5)
    np.testing.assert_array_equal(mixed["bounding_boxes"]["labels"], [[6, 6, 6, 6]])
    assert find(mixed["images"][0])[1] == pytest.approx(20 * 15, rel=0.1)


def test_of_too_many_boxes_the_largest_stay_in_order():
    rows = [[(0, 0, 8, 8, 0), (8, 8, 40, 40, 1)], [(0, 0, 20, 20, 2)], [(0, 0, 30, 30, 3)]]
    batch = {"images": shades(3), "bounding_boxes": boxes_of(rows, 2)}
    mixed = run("mixup", batch)["bounding_boxes"]
    np.testing.assert_array_equal(mixed["labels"], [[1, 2], [2, 3], [3, 1]])
    np.testing.assert_array_equal(mixed["boxes"][0], [[8, 8, 40, 40], [0, 0, 20, 20]])


def test_mixup_by_hand():
    rows = [[(0, 0, 8, 8, 4)], [(2, 2, 9, 9, 5), (1, 1, 4, 4, 6)], []]
    batch = {"images": shades(3), "bounding_boxes": boxes_of(rows, 3), "labels": tf.eye(3)}
    batch["segmentation_masks"] = tf.cast(batch["images"][..., :1], tf.uint8)
    mixed = run("mixup", batch, share=[0.75, 0.25, 0.5])
    np.testing.assert_allclose(mixed["images"][:, 3, 3, 0], [12.5, 27.5, 20], atol=1e-4)  # of 10, 20 and 30
    np.testing.assert_allclose(mixed["labels"], [[0.75, 0.25, 0], [0, 0.25, 0.75], [0.5, 0, 0.5]])
    np.testing.assert_array_equal(mixed["segmentation_masks"][:, 5, 5, 0], [10, 30, 30])
    np.testing.assert_array_equal(mixed["bounding_boxes"]["labels"], [[4, 5, 6], [5, 6, -1], [4, -1, -1]])
    np.testing.assert_array_equal(mixed["bounding_boxes"]["boxes"][1, 2], [-1, -1, -1, -1])


def test_mixup_drops_the_boxes_of_ghosts_too_faint_to_see():
    rows = [[(0, 0, 8, 8, 4)], [(2, 2, 9, 9, 5)]]
    batch = {"images": shades(2), "bounding_boxes": boxes_of(rows, 2)}
    for share, expected in ((1.0, [4, -1]), (1.01 - MIN_OPACITY, [4, -1]), (0.99 - MIN_OPACITY, [4, 5])):
        assert run("mixup", batch, share=share)["bounding_boxes"]["labels"][0].numpy().tolist() == expected
    assert run("mixup", batch, share=0.0)["bounding_boxes"]["labels"][0].numpy().tolist() == [5, -1]
