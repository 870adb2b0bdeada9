import numpy as np
import pytest
from PIL import Image

from cityzoo.outputs.detection import Detection
from cityzoo.sample import Detections, ImageExample, ImageSet, no_boxes
from cityzoo.visualize import detection_examples
from cityzoo.visualize.boxes import TRUTH, class_color
from cityzoo.visualize.detection_examples import Case, pick_cases, write_examples

NOWHERE = [80, 80, 90, 90]
NEAR, FAR, BIG = [0, 0, 20, 20], [30, 0, 40, 10], [40, 40, 80, 80]


def street():
    """Return six images and what was found: perfect twice, poor, nothing, a false alarm, an empty one."""
    rows = (
        ([NEAR, FAR, BIG], [NEAR, FAR, BIG]),
        ([NEAR], [NEAR]),
        ([NEAR, FAR], [NEAR, NOWHERE, NOWHERE]),
        ([BIG], []),
        ([], [NOWHERE]),
        ([], []),
    )
    images = [
        ImageExample(f"{i}.jpg", (100, 100), t or no_boxes(), [0] * len(t)) for i, (t, _) in enumerate(rows)
    ]
    found = [Detections(d or no_boxes(), [0.9] * len(d), [0] * len(d)) for _, d in rows]
    return ImageSet("val", ("car", "bus"), tuple(images)), found


def test_cases_worked_out_by_hand():
    cases = pick_cases(*street(), threshold=0.5)
    assert [(c.row, c.f1) for c in cases["best"]] == [(0, 1.0), (1, 1.0), (2, 0.4)]  # most objects first
    # both F1 0 with one mistake; then 1 found, 2 false, 1 missed: F1 2/5; perfect images are no worst ones
    assert [c.row for c in cases["worst"]] == [3, 4, 2]
    assert cases["missed"] == [
        Case(3, 0.5, 0, 0, 1, pytest.approx(0.4)),  # one of 40 x 40 in 100 x 100
        Case(2, 0.5, 1, 2, 1, pytest.approx(0.1)),
    ]


def test_a_threshold_above_all_scores_misses_everything():
    cases = pick_cases(*street(), threshold=0.95)
    assert cases["best"] == []
    assert [c.row for c in cases["missed"]] == [0, 3, 2, 1]  # sizes .2 + .1 + .4, .4, .2 + .1, .2
    assert all(c.false_positives == 0 for kind in cases.values() for c in kind)


def test_no_more_than_asked_for():
    assert {kind: len(chosen) for kind, chosen in pick_cases(*street(), 0.5, n=1).items()} == {
        "best": 1,
        "worst": 1,
        "missed": 1,
        "false": 1,
    }


def test_drawn_cases_show_found_and_missed_objects(tmp_path, monkeypatch):
    truth, found = street()
    read = []

    def read_image(path):
        read.append(path)
        return np.full((100, 100, 3), 90, np.uint8)

    monkeypatch.setattr(detection_examples, "read_image", read_image)
    write_examples(truth, found, Detection(truth.class_names), {"operating_point": {"score": 0.5}}, tmp_path)
    files = {file.name for file in tmp_path.iterdir()}
    assert files == {"best.png", "worst.png", "missed.png", "false.png"}
    assert set(read) == {"0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg"}
    best = np.asarray(Image.open(tmp_path / "best.png"))
    missed = np.asarray(Image.open(tmp_path / "missed.png"))
    assert (best == class_color(0)).all(axis=-1).any()
    assert (missed == TRUTH).all(axis=-1).any()


def test_kinds_without_cases_get_no_file(tmp_path):
    truth = ImageSet("val", ("car",), (ImageExample("a.jpg", (10, 10)),))
    empty = [Detections(no_boxes(), [], [])]
    (tmp_path / "worst.png").write_bytes(b"of an earlier evaluation")
    write_examples(truth, empty, Detection(("car",)), {"operating_point": {"score": 0.5}}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_sure_is_drawn_and_the_rest_is_not():
    """A box of score .9 in its colour, one of .1 not at all."""
    truth = ImageExample("a.jpg", (99, 99), [[0, 0, 40, 40]], [0])
    found = Detections([[10, 10, 60, 60], [20, 70, 90, 95]], [0.9, 0.1], [0, 0])
    grey = np.full((99, 99, 3), 90, np.uint8)
    drawn = detection_examples.draw(grey, truth, found, Detection(("car", "bus", "truck")))
    assert (drawn[60, 30] != 90).any() and (drawn[85, 20] == 90).all() and (grey == 90).all()
