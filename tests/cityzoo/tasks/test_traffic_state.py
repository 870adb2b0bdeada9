"""States of traffic made from boxes: thresholds at their borders, and the reader on both sorts of labels."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.sample import ImageExample, ImageSet
from cityzoo.tasks.traffic_state import TrafficStateReader


@pytest.fixture(autouse=True)
def cache_home(tmp_path_factory, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setenv("CITYZOO_HOME", str(tmp_path_factory.mktemp("home")))


def road(count, cover):
    """An image of 100 x 100 with so many boxes, that cover that share of it in one block."""
    boxes = np.tile([0, 0, 100, 100 * cover], (count, 1))
    return ImageExample("a.jpg", (100, 100), boxes, [0] * count)


@pytest.mark.parametrize(
    ("count", "cover", "state"),
    [
        (0, 0.0, "free"),
        (5, 0.11, "free"),
        (6, 0.01, "dense"),  # six of them, however small
        (1, 0.12, "dense"),  # one bus in front
        (1, 0.90, "dense"),  # and it is no jam
        (13, 0.50, "dense"),
        (14, 0.09, "dense"),  # many far away
        (14, 0.10, "jammed"),
        (40, 1.0, "jammed"),
    ],
)
def test_three_states_by_their_usual_thresholds(count, cover, state):
    assert TrafficStateReader().state(road(count, cover)) == state
    assert TrafficStateReader(states="two").state(road(count, cover)) == (
        "jammed" if state == "jammed" else "flowing"
    )


def test_thresholds_can_be_set():
    """Each of the four changes what it is for."""
    assert TrafficStateReader(dense_count=3).state(road(3, 0.0)) == "dense"
    assert TrafficStateReader(dense_cover=0.05).state(road(1, 0.05)) == "dense"
    assert TrafficStateReader(jam_count=7).state(road(7, 0.1)) == "jammed"
    assert TrafficStateReader(jam_cover=0.6).state(road(20, 0.5)) == "dense"


@pytest.mark.parametrize(
    ("states", "names"), [("three", ("free", "dense", "jammed")), ("two", ("flowing", "jammed"))]
)
def test_boxes_become_one_state_an_image(states, names):
    side = ImageSet("val", ("car", "bus"), (road(20, 0.5), road(0, 0)))
    made = TrafficStateReader(states=states).of_boxes(side)
    assert made.class_names == names and made.split == "val"
    said = [names[int(np.argmax(each.target))] for each in made.examples]
    assert said == ["jammed", names[0]] and all(each.target.sum() == 1 for each in made.examples)
    assert all(len(each.boxes_xyxy) == 0 for each in made.examples)


def paint(path, shade):
    """An image of one shade."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(shade).integers(0, 255, (40, 40, 3), np.uint8)).save(path)


def test_class_folders_are_taken_as_they_are(tmp_path):
    """Labels that people gave, whatever they call the states."""
    for number, name in enumerate(("calm", "stuck") * 4):
        paint(tmp_path / ("train" if number < 4 else "val") / name / f"{number}.png", number)
    found = TrafficStateReader()(str(tmp_path), progress=False)
    assert found.train.class_names == ("calm", "stuck")
    assert sorted(each.target.tolist() for each in found.val.examples) == [[0, 1]] * 2 + [[1, 0]] * 2


def test_boxes_of_a_data_set_are_read_and_described(tmp_path):
    """A CSV with twenty large boxes on one image of each side and one small one on the others."""
    rows = []
    for number in range(8):
        paint(tmp_path / f"{number}.png", number)
        boxes = [(0, 0, 30, 30)] * 20 if number % 2 else [(0, 0, 8, 8)]
        rows += [f"{number}.png,{','.join(map(str, box))},car" for box in boxes]
    (tmp_path / "roads.csv").write_text("\n".join(rows))
    found = TrafficStateReader()(str(tmp_path), progress=False, val_fraction=0.5)
    assert found.train.class_names == ("free", "dense", "jammed")
    for image in (*found.train.examples, *found.val.examples):
        jammed = int(image.path[-5]) % 2
        assert image.target.tolist() == [1 - jammed, 0, jammed]
    described = found.findings.splits["train"]["labels"]
    assert described["dense"] == 0 and sum(described.values()) == len(found.train)
