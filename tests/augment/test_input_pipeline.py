"""The whole pipeline on files: any labels, any number of workers, any share of the hosts, the same images."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import augment

SIZE = (48, 64)
EVERYDAY = ("none", "light", "randaugment")  # the others do what one of these or MIXED does
MIXED = [  # one transform of each stage, with seeds and without
    {"transform": "translate", "x": [-0.1, 0.1], "y": [0, 0]},
    {"transform": "brightness", "amount": [-0.2, 0.2]},
    {"transform": "noise", "deviation": [0, 0.1], "probability": 0.5},
    {"transform": "copy_paste", "share": [0.5, 0.9], "probability": 0.5},
]


@pytest.fixture
def columns(tmp_path):
    """Six painted images, JPEG and PNG, with boxes and masks; the last one without boxes."""
    rng, paths, masks, boxes, labels = np.random.default_rng(0), [], [], [], []
    for number in range(6):
        image = rng.integers(0, 90, (60 + 7 * number, 100, 3), np.uint8)
        mask = np.zeros(image.shape[:2], np.uint8)
        x, y = 10 + 5 * number, 12 + number
        image[y : y + 20, x : x + 30], mask[y : y + 20, x : x + 30] = 255, number + 1
        paths.append(str(tmp_path / f"{number}.{'jpg' if number % 2 else 'png'}"))
        masks.append(str(tmp_path / f"mask{number}.png"))
        Image.fromarray(image).save(paths[-1], quality=95)
        Image.fromarray(mask).save(masks[-1])
        boxes.append([[x, y, x + 30, y + 20]] if number < 5 else [])
        labels.append([number] if number < 5 else [])
    return {"path": paths, "boxes": boxes, "labels": labels, "masks": masks}


def run(columns, policy="standard", batch_size=4, **more):
    """All batches as one."""
    batches = list(augment.pipeline(columns, policy, SIZE, batch_size, **more).as_numpy_iterator())
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)


def same(one, other):
    """Whether two runs gave the same, key by key."""
    return tf.nest.map_structure(np.array_equal, one, other)


def policies(names, everyday=EVERYDAY):
    """One test for each policy, slow where it is not for every day."""
    marks = {name: () if name in everyday else pytest.mark.slow for name in names}
    return pytest.mark.parametrize("policy", [pytest.param(name, marks=mark) for name, mark in marks.items()])


@policies([*augment.POLICIES, "mixed"], everyday=(*EVERYDAY, "mixed"))
def test_same_seed_same_images_with_any_number_of_workers(columns, policy):
    policy = MIXED if policy == "mixed" else policy
    first, second = run(columns, policy, seed=3, workers=1), run(columns, policy, seed=3, workers=5)
    assert all(tf.nest.flatten(same(first, second)))
    assert first["images"].shape == (6, *SIZE, 3) and first["images"].dtype == np.uint8
    if policy == "light":
        assert not same(first, run(columns, policy, seed=4))["images"]


@policies(["light", "standard", "night", "randaugment"], everyday=("night", "randaugment"))
def test_without_mixes_an_image_does_not_depend_on_its_batch(columns, policy):
    # Sums over batches of other sizes may round a pixel the other way.
    together, alone = run(columns, policy, batch_size=6), run(columns, policy, batch_size=1)
    assert np.abs(together["images"].astype(int) - alone["images"]).max() <= 1
    np.testing.assert_array_equal(together["matrix"], alone["matrix"])


def test_boxes_lie_on_their_painted_rectangles_and_masks_agree(columns):
    policy = [{"transform": "flip", "probability": 0.5}, {"transform": "scale", "factor": [0.7, 1.2]}]
    found = run(columns, policy, max_boxes=2)
    boxes = found["bounding_boxes"]["boxes"]
    assert boxes.shape == (6, 2, 4) and (boxes[5] == -1).all() and (boxes[:, 1] == -1).all()
    for number in range(5):
        ys, xs = np.nonzero(found["segmentation_masks"][number, ..., 0] == number + 1)
        painted = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
        assert np.abs(painted - boxes[number, 0]).max() <= 1
        x1, y1, x2, y2 = boxes[number, 0].round().astype(int)
        assert found["images"][number, y1 + 1 : y2 - 1, x1 + 1 : x2 - 1].mean() > 240
    np.testing.assert_array_equal(found["bounding_boxes"]["labels"][:, 0], [0, 1, 2, 3, 4, -1])


def test_hosts_share_the_batches_of_one(columns):
    whole = run(columns, "light", batch_size=2)
    parts = [run(columns, "light", batch_size=2, shard=(host, 2)) for host in (0, 1)]
    for host, part in enumerate(parts):
        np.testing.assert_array_equal(part["image_id"], whole["image_id"][host::2])
        assert np.abs(part["images"].astype(int) - whole["images"][host::2]).max() <= 1


def test_keeping_decoded_images_changes_no_pixel(columns, tmp_path):
    plain = run(columns, "light")
    kept = augment.DecodedCache(augment.read_file, tmp_path / "kept")
    rows = augment.sequential_order(6, views=2)
    twice = run(columns, "light", read=kept, rows=rows)
    np.testing.assert_array_equal(twice["images"][:6], plain["images"])
    assert not np.array_equal(twice["images"][6:], plain["images"])


def test_classification_and_plain_images(columns):
    paths = columns["path"]
    one_hot = np.eye(3, dtype="f")[[0, 1, 2, 0, 1, 2]]
    mixed = run(
        {"path": paths, "labels": one_hot}, [{"transform": "mixup", "share": [0.3, 0.3]}], batch_size=6
    )
    expected = 0.3 * np.roll(one_hot, -1, 0) + 0.7 * one_hot
    alternative = 0.7 * np.roll(one_hot, -1, 0) + 0.3 * one_hot
    assert np.allclose(mixed["labels"], expected, atol=1e-5) or np.allclose(
        mixed["labels"], alternative, atol=1e-5
    )
    assert (
        run({"path": paths, "labels": [0, 1, 2, 0, 1, 2]}, "randaugment")["labels"].tolist() == [0, 1, 2] * 2
    )
    assert set(run({"path": paths}, "light")) == {"images", "matrix", "image_id"}


def test_mixes_that_need_boxes_leave_other_images_alone(columns):
    policy = [{"transform": "mosaic"}, {"transform": "copy_paste"}]
    plain = {"path": columns["path"], "labels": np.eye(6, dtype="f")}
    assert all(tf.nest.flatten(same(run(plain, policy), run(plain, "none"))))
    assert not same(run(columns, policy), run(columns, "none"))["images"]


def test_from_a_view_on_images_are_mixed_no_more(columns):
    policy = [{"transform": "mosaic", "probability": 1.0}]
    rows = augment.sequential_order(6, views=2)
    found = run(columns, policy, batch_size=6, rows=rows, unmixed_from=1)
    plain = run(columns, "none", batch_size=6)
    np.testing.assert_array_equal(found["images"][6:], plain["images"])
    assert not np.array_equal(found["images"][:6], plain["images"])


def test_one_pixel_and_twenty_megapixels(tmp_path):
    for name, size in (("dot.png", (1, 1)), ("large.jpg", (5472, 3648))):
        Image.new("RGB", size, (200, 100, 50)).save(tmp_path / name)
    both = {"path": [str(tmp_path / "dot.png"), str(tmp_path / "large.jpg")]}
    found = run({**both, "boxes": [[[0, 0, 1, 1]], [[0, 0, 5472, 3648]]], "labels": [[0], [1]]})
    assert found["images"].shape == (2, *SIZE, 3) and np.isfinite(found["matrix"]).all()


def test_columns_that_do_not_fit_are_refused(columns):
    with pytest.raises(ValueError, match="columns have the lengths"):
        augment.pipeline({"path": columns["path"], "labels": [1]}, "none", SIZE, 2)
    with pytest.raises(ValueError, match="unknown augmentation policy"):
        augment.pipeline(columns, "nine", SIZE, 2)


def test_a_batch_without_a_graph_equals_that_of_the_pipeline(columns):
    whole = run(columns, MIXED, batch_size=6)
    alone = augment.load_batch(columns, MIXED, SIZE, [(row, 0) for row in range(6)])
    assert alone.keys() == whole.keys()
    assert (
        np.abs(alone["images"].numpy().astype(int) - whole["images"]).max() <= 1
    )  # fused graphs round otherwise
    np.testing.assert_array_equal(alone["bounding_boxes"]["boxes"], whole["bounding_boxes"]["boxes"])
