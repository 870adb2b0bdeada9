"""Demo data on disk: formats, caching, interruption, concurrent runs."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from cityzoo import tasks
from cityzoo.data.image.export import LabeledImage
from cityzoo.demo import Demo, write_demo
from cityzoo.demo.scenes.traffic_scene import draw_scene
from cityzoo.demo.write import scene_seed, write_once
from cityzoo.errors import InputError

COUNTS = {"train": 3, "val": 2}


def little(seed):
    """A scene that takes no time: one box whose place tells the seed."""
    image = np.full((48, 64, 3), seed % 251, np.uint8)
    place = seed % 7
    box = [[place + 0.5, 3.0, place + 20.5, 41.5]]
    return LabeledImage(image, np.array(box, np.float32), np.array([seed % 2], np.int32))


DEMO = Demo("little", 1, ("a", "b"), little)
VEHICLES = tasks.find("vehicle_detect").demo()


def test_yolo_boxes_come_back_within_a_hundredth_of_a_pixel(tmp_path):
    folder = write_demo(VEHICLES, {"train": 2, "val": 1}, seed=5, folder=tmp_path / "out")
    for split, count in (("train", 2), ("val", 1)):
        files = sorted((folder / "images" / split).iterdir())
        assert len(files) == count
        for number, file in enumerate(files):
            scene = draw_scene(scene_seed(5, split, number))
            rows = np.loadtxt(folder / "labels" / split / f"{file.stem}.txt", ndmin=2).reshape(-1, 5)
            center, size = rows[:, 1:3] * [384, 288], rows[:, 3:] * [384, 288]
            back = np.concatenate([center - size / 2, center + size / 2], axis=1)
            assert rows[:, 0].tolist() == scene.labels.tolist()
            assert np.abs(back - scene.boxes_xyxy).max(initial=0) < 0.01
            stored = np.asarray(Image.open(file), np.int32)
            assert np.abs(stored - scene.image).mean() < 4  # JPEG, and the right image beside its labels


def test_yolo_is_read_like_anyones_own_data(tmp_path):
    data = pytest.importorskip("cityzoo.data.image")
    folder = write_demo(VEHICLES, COUNTS, folder=tmp_path / "out")
    found = data.load(str(folder), progress=False)
    assert (len(found.train), len(found.val)) == (3, 2)
    assert tuple(found.train.class_names) == ("car", "bus", "truck", "motorbike")
    stored = sorted(found.train.examples, key=lambda image: image.path)
    for number, image in enumerate(stored):
        scene = draw_scene(scene_seed(0, "train", number))
        assert np.abs(image.boxes_xyxy - scene.boxes_xyxy).max() < 0.01


def test_coco_holds_the_boxes_as_they_are(tmp_path):
    folder = write_demo(DEMO, COUNTS, folder=tmp_path / "out", format="coco")
    content = json.loads((folder / "annotations" / "instances_val.json").read_text())
    assert [c["name"] for c in content["categories"]] == ["a", "b"]
    for image, row in zip(content["images"], content["annotations"], strict=True):
        scene = little(scene_seed(0, "val", image["id"] - 1))
        assert (folder / "val" / image["file_name"]).is_file()
        x, y, wide, high = row["bbox"]
        assert [x, y, x + wide, y + high] == scene.boxes_xyxy[0].tolist() and row["area"] == 20 * 38.5
        assert row["category_id"] == scene.labels[0] + 1 and row["image_id"] == image["id"]


def test_a_finished_folder_is_used_again_and_lies_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path))
    calls = []
    demo = Demo("little", 1, ("a", "b"), lambda seed: calls.append(seed) or little(seed))
    seen = []
    first = write_demo(demo, COUNTS, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 5) for k in range(1, 6)] and len(set(calls)) == 5
    assert write_demo(demo, COUNTS) == first and len(calls) == 5
    assert tmp_path in first.parents
    others = {write_demo(demo, COUNTS, seed=1), write_demo(Demo("little", 2, ("a", "b"), little), COUNTS)}
    assert first not in others and len(others) == 2


def test_an_interrupted_run_leaves_nothing_that_is_trusted(tmp_path):
    def stop(seed):
        if seed == 2:
            raise KeyboardInterrupt
        return little(seed)

    target = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        write_demo(Demo("little", 1, ("a", "b"), stop), COUNTS, folder=target)
    assert not target.exists() and not list(tmp_path.iterdir())
    (tmp_path / ".out-0123abcd.part" / "images").mkdir(parents=True)  # as a killed run leaves it
    folder = write_demo(DEMO, COUNTS, folder=target)
    assert len(list((folder / "images" / "train").iterdir())) == 3


def test_runs_at_once_make_one_whole_folder(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: write_demo(DEMO, COUNTS, folder=tmp_path / "out"), range(4)))
    assert set(made) == {tmp_path / "out"}
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_two_processes_draw_what_one_draws(tmp_path):
    alone = write_demo(VEHICLES, {"train": 2, "val": 1}, folder=tmp_path / "alone")
    shared = write_demo(VEHICLES, {"train": 2, "val": 1}, folder=tmp_path / "shared", workers=2)
    for image in sorted((alone / "images").rglob("*.jpg")):
        assert image.read_bytes() == (shared / image.relative_to(alone)).read_bytes()


def test_seeds_of_splits_never_meet():
    seeds = [
        scene_seed(s, split, n) for s in range(3) for split in ("train", "val", "test") for n in (0, 99_999)
    ]
    assert len(set(seeds)) == len(seeds) and seeds == sorted(seeds)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"counts": {"train": 0}}, "expected 1 to"),
        ({"counts": {}}, "at least one of train, val, test"),
        ({"counts": {"training": 1}}, "did you mean 'train'"),
        ({"seed": -1}, "expected 0 or more"),
        ({"format": "cocoa"}, "did you mean 'coco'"),
    ],
)
def test_bad_input_is_refused_in_one_line(tmp_path, changed, message):
    given = {"demo": DEMO, "counts": COUNTS, "folder": tmp_path / "out"} | changed
    with pytest.raises(InputError, match=message) as caught:
        write_demo(**given)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        write_demo(DEMO, COUNTS, folder=tmp_path)
    with pytest.raises(InputError, match="is a file"):
        write_demo(DEMO, COUNTS, folder=tmp_path / "mine.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    assert (write_demo(DEMO, COUNTS, folder=tmp_path / "out") / "data.yaml").is_file()


def test_the_task_knows_the_version_of_its_demo():
    assert tasks.find("vehicle_detect").demo().version >= 1


MADE = {"demo": "test", "seed": 0}


def test_a_folder_is_filled_once(tmp_path):
    calls = []

    def fill(draft):
        calls.append(draft)
        (draft / "x").write_text("1")

    assert write_once(tmp_path / "d", MADE, fill) == write_once(tmp_path / "d", MADE, fill) == tmp_path / "d"
    assert len(calls) == 1 and (tmp_path / "d" / "x").is_file()
    with pytest.raises(InputError, match="is not empty: expected a new or empty folder"):
        write_once(tmp_path / "d", {**MADE, "seed": 1}, fill)


def test_what_fails_leaves_nothing_behind(tmp_path):
    def fill(draft):
        (draft / "x").write_text("1")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_once(tmp_path / "d", MADE, fill)
    assert list(tmp_path.iterdir()) == []
