"""Sheets of strange frames: found, missed, and the strangest normal ones."""

import numpy as np
import pytest
from PIL import Image

from cityzoo.outputs.anomaly import Anomaly, AnomalyResult
from cityzoo.sample import ImageExample, ImageSet
from cityzoo.visualize import anomaly_examples

NAMES = ("normal", "anomaly")


def drawn(monkeypatch, folder, strange, scores, threshold):
    """Scores that are drawn, in order, and the sheets that are there."""
    made, seen = [], []
    for number, is_strange in enumerate(strange):
        Image.new("RGB", (12, 10), (number, 0, 0)).save(folder / f"{number}.png")
        made.append(ImageExample(str(folder / f"{number}.png"), (10, 12), target=np.eye(2)[int(is_strange)]))

    def draw(image, example, result, output):
        assert scores[int(image[0, 0, 0])] == result.score and example.path.endswith(f"{image[0, 0, 0]}.png")
        seen.append(result.score)
        return image

    results = [AnomalyResult(score, np.ones((2, 2)), (0, 0, 12, 10)) for score in scores]
    monkeypatch.setattr(anomaly_examples, "draw", draw)
    truth, details = ImageSet("val", NAMES, tuple(made)), {"alarm": {"threshold": threshold}}
    anomaly_examples.write_examples(truth, results, Anomaly(NAMES), details, folder)
    names = ("found", "missed", "false")
    return seen, {name for name in names if (folder / f"{name}.png").is_file()}


def test_found_missed_and_false_in_their_order(monkeypatch, tmp_path):
    """Found and normal ones from the strangest down, missed ones from the least strange up."""
    strange = [1, 1, 1, 1, 0, 0, 0]
    scores = [5.0, 9.0, 2.0, 1.0, 0.5, 4.0, 3.0]
    seen, sheets = drawn(monkeypatch, tmp_path, strange, scores, 4.0)
    assert seen == [9, 5, 1, 2, 4, 3, 0.5] and sheets == {"found", "missed", "false"}


def test_the_threshold_itself_raises_the_alarm(monkeypatch, tmp_path):
    assert drawn(monkeypatch, tmp_path, [1], [4.0], 4.0)[1] == {"found"}


def test_without_a_threshold_nothing_is_found(monkeypatch, tmp_path):
    assert drawn(monkeypatch, tmp_path, [1, 1], [4.0, 7.0], None) == ([4, 7], {"missed"})


@pytest.mark.parametrize(
    ("strange", "left"), [([0], {"false"}), ([1], {"found"}), ([0, 1], {"false", "found"})]
)
def test_sheets_without_images_are_removed(monkeypatch, tmp_path, strange, left):
    for name in ("found", "missed", "false"):
        (tmp_path / f"{name}.png").write_bytes(b"old")
    assert drawn(monkeypatch, tmp_path, strange, [float(9 * each) for each in strange], 5.0)[1] == left
    assert all((tmp_path / f"{name}.png").read_bytes() != b"old" for name in left)


def test_six_of_each_at_most(monkeypatch, tmp_path):
    seen, _ = drawn(monkeypatch, tmp_path, [0] * 9, [float(n) for n in range(9)], 100.0)
    assert seen == [8, 7, 6, 5, 4, 3]


def test_targets_are_named_below_the_image():
    output = Anomaly(("normal", "anomaly"))
    image = np.full((60, 240, 3), 90, np.uint8)
    words = [
        anomaly_examples.draw_target(image, np.array(target), output)[60:] for target in ([1.0, 0], [0.0, 1])
    ]
    assert words[0].shape == words[1].shape and (words[0] != words[1]).any()
