"""Frames of a camera: which are normal, what is left out of training, where masks go."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.errors import InputError
from cityzoo.tasks.scene_anomaly import NAMES, NormalFramesReader


@pytest.fixture(autouse=True)
def cache_home(tmp_path_factory, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def write(tmp_path):
    """Return a function that writes images of noise, no two alike, and returns the folder."""
    rng = np.random.default_rng(0)

    def write_all(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (24, 32, 3), np.uint8)).save(path)
        return str(tmp_path)

    return write_all


def read(source):
    """Both sides: path without folder, and whether it is normal."""
    found = NormalFramesReader()(source, progress=False)
    assert found.train.class_names == found.val.class_names == NAMES
    assert all(each.target.sum() == 1 for each in (*found.train.examples, *found.val.examples))
    return [
        {each.path.split("/")[-1]: bool(each.target[0]) for each in side.examples}
        for side in (found.train, found.val)
    ]


@pytest.mark.parametrize("usual", ["normal", "good", "OK", "none"])
def test_training_takes_normal_frames_alone(write, usual):
    """Of train's other frames none; of the held-out ones all, and all that is not normal is strange."""
    source = write(
        *(f"train/{usual}/{n}.png" for n in "abc"),
        "train/zebra/d.png",
        f"val/{usual}/e.png",
        "val/zebra/f.png",
        "val/flood/g.png",
    )
    train, val = read(source)
    assert train == {"a.png": True, "b.png": True, "c.png": True}
    assert val == {"e.png": True, "f.png": False, "g.png": False}


def test_a_plain_folder_is_all_normal(write):
    train, val = read(write(*(f"{n}.png" for n in range(12))))
    assert len(train) + len(val) == 12 and train and val
    assert all(train.values()) and all(val.values())


def test_without_normal_frames_the_classes_are_named(write):
    source = write(*(f"{part}/{name}/{part}.png" for part in ("train", "val") for name in ("flood", "zebra")))
    with pytest.raises(InputError, match=r"has no normal frames to learn from \(classes: flood, zebra\)"):
        read(source)


def test_masks_stay_with_their_frames(write, tmp_path):
    """In MVTec's layout: the mask of an odd frame, where its white is."""
    source = write("train/good/a.png", "train/good/b.png", "val/good/c.png", "val/hole/d.png")
    mask = np.zeros((24, 32), np.uint8)
    mask[4:9, 10:20] = 255
    folder = tmp_path / "ground_truth" / "hole"
    folder.mkdir(parents=True)
    Image.fromarray(mask).save(folder / "d_mask.png")
    found = NormalFramesReader()(source, progress=False)
    masks = {each.path.split("/")[-1]: each.mask for each in (*found.train.examples, *found.val.examples)}
    assert {name for name, file in masks.items() if file} == {"d.png"}
    with Image.open(masks["d.png"]) as opened:
        np.testing.assert_array_equal(np.asarray(opened), mask)


def test_what_is_trained_on_is_what_is_described(write):
    """The report's table counts normal frames of training, and both sorts of the others."""
    source = write(
        "train/good/a.png", "train/zebra/b.png", "val/good/c.png", "val/zebra/d.png", "val/zebra/e.png"
    )
    splits = NormalFramesReader()(source, progress=False).findings.splits
    assert splits["train"]["labels"] == {"normal": 1, "anomaly": 0}
    assert splits["val"]["labels"] == {"normal": 1, "anomaly": 2}
