"""Written formats: boxes read back, class folders with masks, empty labels, and what each format can hold."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cityzoo.data.image import load
from cityzoo.data.image.export import LabeledImage
from cityzoo.demo import Demo, write_demo
from cityzoo.demo.write import DEFAULT_COUNTS, scene_seed
from cityzoo.errors import InputError

COUNTS = {"train": 3, "val": 4, "test": 2}
NAMES = ("normal", "debris")


def bare(seed, mask=None, name=""):
    image = np.full((48, 64, 3), seed % 251, np.uint8)
    return LabeledImage(image, np.zeros((0, 4), np.float32), np.zeros(0, np.int32), mask, name)


def usual(seed):
    return bare(seed, name="normal")


def held_out(seed):
    if seed % 2:
        return usual(seed)
    mask = np.zeros((48, 64), bool)
    mask[seed % 7 : 30, 10:40] = True
    return bare(seed, mask, "debris")


DEMO = Demo("odd", 1, NAMES, usual, held_out, "class_folders", COUNTS)


def test_folders_hold_images_by_class_and_masks_beside_them(tmp_path):
    folder = write_demo(DEMO, seed=1, folder=tmp_path / "out")
    for split, count in COUNTS.items():
        images = sorted((folder / split).rglob("*.jpg"))
        assert len(images) == count
        for image in images:
            scene = (usual if split == "train" else held_out)(scene_seed(1, split, int(image.stem[-5:])))
            assert image.parent.name == scene.name and image.stem.startswith(split)
            assert abs(np.asarray(Image.open(image), int) - scene.image).max() <= 2
            file = folder / "masks" / split / scene.name / f"{image.stem}.png"
            assert file.is_file() == (scene.mask is not None)
            if scene.mask is not None:
                stored = np.asarray(Image.open(file))
                assert stored.dtype == np.uint8 and set(np.unique(stored)) <= {0, 255}
                assert np.array_equal(stored == 255, scene.mask)
    assert not (folder / "masks" / "train").exists()


def test_the_demo_says_format_and_counts_when_nobody_does(tmp_path, monkeypatch):
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path))
    folder = write_demo(DEMO)
    assert (
        folder.name.endswith("class_folders")
        and json.loads((folder / "demo.json").read_text())["counts"] == COUNTS
    )
    plain = Demo("plain", 1, NAMES, usual)
    assert plain.format == "yolo" and plain.counts == DEFAULT_COUNTS and plain.draw_held_out is None
    assert (
        plain.draw_of("val") is usual and DEMO.draw_of("test") is held_out and DEMO.draw_of("train") is usual
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_held_out_scenes_go_to_val_and_test_alone(tmp_path, workers):
    folder = write_demo(DEMO, folder=tmp_path / "out", workers=workers)
    assert {path.name for path in (folder / "train").iterdir()} == {"normal"}
    assert {path.name for path in (folder / "val").iterdir()} == {"normal", "debris"}


def test_a_scene_without_boxes_has_an_empty_label_file(tmp_path):
    folder = write_demo(DEMO, {"train": 2}, folder=tmp_path / "out", format="yolo")
    labels = sorted((folder / "labels" / "train").iterdir())
    assert [path.read_text() for path in labels] == ["", ""]


def test_a_scene_without_boxes_is_an_image_without_annotations(tmp_path):
    folder = write_demo(DEMO, {"train": 2}, folder=tmp_path / "out", format="coco")
    content = json.loads((folder / "annotations" / "instances_train.json").read_text())
    assert len(content["images"]) == 2 and content["annotations"] == []


@pytest.mark.parametrize("name", ["", "hail"])
def test_a_scene_without_a_known_name_cannot_be_written_as_folders(tmp_path, name):
    demo = Demo("nameless", 1, NAMES, lambda seed: bare(seed, name=name))
    with pytest.raises(InputError, match=f"'{name}'.*normal, debris; choose yolo or coco"):
        write_demo(demo, {"train": 1}, folder=tmp_path / "out", format="class_folders")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("format", "tolerance"), [("yolo", 1e-5), ("coco", 0)])
def test_awkward_boxes_are_read_back_the_same(tmp_path, format, tolerance):
    def draw(seed):
        boxes = np.random.default_rng(seed).uniform(0.001, 24, (seed % 4, 4)).astype(np.float32)
        boxes[:, 2:] += boxes[:, :2]
        return replace(bare(seed), boxes_xyxy=boxes, labels=np.arange(len(boxes), dtype=np.int32) % 2)

    folder = write_demo(
        Demo("boxes", 1, ("bus", "car"), draw), {"train": 8, "val": 3}, 0, tmp_path / "out", format
    )
    back = load(str(folder))
    for side in (back.train, back.val):
        assert side.class_names == ("bus", "car")
        for image in side.examples:
            scene = draw(scene_seed(0, side.split, int(Path(image.path).stem[-5:])))
            assert image.size_hw == (48, 64) and image.plain
            np.testing.assert_allclose(image.boxes_xyxy, scene.boxes_xyxy, rtol=0, atol=tolerance)
            np.testing.assert_array_equal(image.labels, scene.labels)
