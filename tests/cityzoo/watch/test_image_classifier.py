"""The classifier of watch: probabilities by class, and how often it looks."""

import json
import shutil

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.watch.frames import Frame
from cityzoo.watch.image_classifier import ImageClassifier
from tests.cityzoo.watch.red_images import red_images

__all__ = ["red_images"]


def frame(seconds, color=(0, 0, 0), camera="north"):
    image = np.zeros((40, 60, 3), np.uint8)
    image[:] = color
    return Frame(camera, 0, seconds, seconds, image)


def test_probabilities_thresholds_and_rules(red_images):
    """By hand: the logits are -4.595 and 0 in the dark, 4.595 and -9.19 in red, and 0.99 is 1 / (1 + exp(-4.595))."""
    classifier = ImageClassifier(red_images / "model.onnx")
    (dark,) = classifier.classify([frame(0.0)])
    (red,) = classifier.classify([frame(1.0, (255, 0, 0))])
    assert dark == pytest.approx({"fire": 0.01, "smoke": 0.5}, abs=1e-3)
    assert red == pytest.approx({"fire": 0.99, "smoke": 0.0001}, abs=1e-3)
    assert classifier.thresholds == {"fire": 0.6, "smoke": None}
    assert classifier.rules == ("fire in 5 of 8 frames",)


def test_each_camera_has_its_own_rate(red_images):
    """Ten frames a second, of which two are classified, also across batches; the other camera begins later."""
    classifier = ImageClassifier(red_images, fps=2.0)
    north = [frame(k / 10) for k in range(20)]
    south = [frame(0.3 + k / 10, camera="south") for k in range(5)]
    found = classifier.classify([*north[:7], *south]) + classifier.classify(north[7:])
    looked = [row for row, classes in enumerate(found) if classes]
    assert looked == [0, 5, 7, 15, 20]  # north at 0.0 and 0.5 s, south at 0.3 s, north at 1.0 and 1.5 s


def test_what_is_no_classifier_is_refused(red_images, tmp_path):
    with pytest.raises(InputError, match="--incidents 'none' does not exist"):
        ImageClassifier(tmp_path.joinpath("none").relative_to(tmp_path))
    shutil.copytree(red_images, tmp_path / "other")
    about = json.loads((tmp_path / "other/preprocessing.json").read_text())
    (tmp_path / "other/preprocessing.json").write_text(json.dumps(about | {"output": "detection"}))
    with pytest.raises(InputError, match="does not classify images"):
        ImageClassifier(tmp_path / "other")
