"""Batches from files, without a graph around them."""

import numpy as np
import pytest
from PIL import Image

from augment import Policy, get_policy
from augment.loader import Loader


@pytest.fixture
def paths(tmp_path):
    """Three grey images, 10, 20 and 30 bright."""
    for number in (1, 2, 3):
        Image.new("RGB", (40, 20), (10 * number,) * 3).save(tmp_path / f"{number}.png")
    return [str(tmp_path / f"{number}.png") for number in (1, 2, 3)]


def batch(load, rows):
    return dict(zip(load.specs, load(np.array(rows, np.int32)), strict=True))


def test_arrays_are_as_their_specs_say(paths):
    columns = {
        "path": paths,
        "boxes": [[[0, 0, 20, 20]], [], [[0, 0, 9, 9]] * 3],
        "labels": [[4], [], [1, 2, 3]],
    }
    columns |= {"masks": paths, "camera": ["north", "south", "north"], "weight": [0.5, 1.0, 2.0]}
    load = Loader(columns, get_policy("none"), (10, 20), max_boxes=2)
    found = batch(load, [(2, 0), (0, 5)])
    for name, spec in load.specs.items():
        assert spec.shape.is_compatible_with(found[name].shape), name
        assert found[name].dtype == spec.dtype.as_numpy_dtype or spec.dtype == "string", name
    assert found["images"][:, 5, 5, 0].tolist() == [30, 10] and found["image_id"].tolist() == [2, 0]
    assert found["segmentation_masks"][:, 5, 5, 0].tolist() == [30, 10]
    assert found["labels"].tolist() == [[1, 2], [4, -1]] and found["boxes"][1].tolist() == [
        [0, 0, 10, 10],
        [-1] * 4,
    ]
    assert found["camera"].tolist() == [b"north", b"north"] and found["weight"].tolist() == [2.0, 0.5]


def test_a_batch_without_any_box(paths):
    load = Loader({"path": paths, "boxes": [[]] * 3, "labels": [[]] * 3}, get_policy("standard"), (16, 16))
    found = batch(load, [(0, 0), (1, 0)])
    assert found["boxes"].tolist() == [[[-1] * 4]] * 2 and found["labels"].tolist() == [[-1]] * 2


def test_an_image_that_cannot_be_read_is_named(paths):
    load = Loader({"path": [*paths, "gone.png"]}, Policy("none"), (16, 16))
    with pytest.raises(ValueError, match="'gone.png' cannot be read"):
        load(np.array([[3, 0]], np.int32))
