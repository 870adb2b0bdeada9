"""Cached predictions: read back as they were, computed again when anything about them changes."""

import os
from dataclasses import replace

import numpy as np
import pytest

from cityzoo.evaluation import predictions
from cityzoo.modalities.image import IMAGE
from cityzoo.outputs.anomaly import Anomaly, AnomalyResult
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.counting import Counting, CountResult
from cityzoo.outputs.detection import Detection
from cityzoo.sample import Detections, ImageSet

HEAT = np.arange(6, dtype=np.float32).reshape(2, 3)
RESULTS = {
    "arrays": (Classification(("bus", "car")), [np.array([0.1, 0.9]), np.array([0.3, 0.7])]),
    "detections, none in one image": (
        Detection(("car",)),
        [
            Detections([[0, 0, 8.5, 8]], [0.9], [0]),
            Detections([], [], []),
            Detections([[1, 1, 2, 2]] * 2, [0.4, 0.3], [0, 0]),
        ],
    ),
    "counts with maps and without": (
        Counting(("car",)),
        [
            CountResult(2.5, HEAT, (0.0, -1.5, 8.0, 9.0)),
            CountResult(0.0),
            CountResult(1.0, HEAT[:1, :2], (0.0, 0.0, 1.0, 1.0)),
        ],
    ),
    "heat": (Anomaly(("normal", "odd")), [AnomalyResult(5.0, HEAT, (0.0, 0.0, 3.0, 2.0))]),
    "no images": (Detection(("car",)), []),
}


def same(one, other):
    """Whether two results hold the same, types of numbers included."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if hasattr(one, "__dict__"):
        return type(one) is type(other) and all(same(v, vars(other)[k]) for k, v in vars(one).items())
    if isinstance(one, tuple):
        return type(one) is type(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("name", RESULTS)
def test_results_come_back_as_they_were(name, tmp_path):
    """Through a file, for every kind: arrays, dataclasses, named tuples, None among them."""
    output, results = RESULTS[name]
    np.savez(tmp_path / "kept.npz", **predictions.packed(results))
    with np.load(tmp_path / "kept.npz", allow_pickle=False) as arrays:
        back = predictions.unpacked(dict(arrays), output)
    assert len(back) == len(results)
    assert all(same(one, other) for one, other in zip(results, back, strict=True))


@pytest.fixture
def counted(monkeypatch, tmp_path, painted):
    """A run's model file, images, a kind, and how often a model had to look at images."""
    looks = []

    def predict(model, images, output):
        looks.append(len(images))
        return [np.array([0.25, 0.75])] * len(images)

    monkeypatch.setattr(IMAGE, "predict", predict)
    file = tmp_path / "model.keras"
    file.write_bytes(b"weights")
    images = ImageSet(
        "val", ("bus", "car"), tuple(painted(f"{i}.png", (8, 8), (1, 1, 4, 4)) for i in range(3))
    )
    return file, images, Classification(("bus", "car")), looks


def ask(counted, **changes):
    """Predict with some of it changed."""
    file, images, output, _ = counted
    given = {"model_file": file, "modality": IMAGE, "output": output, "truth": images, "run": file.parent}
    return predictions.cached_predictions(**{**given, "model": object(), **changes})


def test_images_are_looked_at_once(counted):
    """The second time the kept results are given back."""
    first, again = ask(counted), ask(counted)
    assert counted[3] == [3]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_labels_play_no_part_but_images_model_and_choices_do(counted):
    """Other labels: the same results; another image, touched file, weights or option: a new look."""
    file, images, output, looks = counted
    ask(counted)
    ask(counted, truth=replace(images, examples=tuple(replace(p, labels=[1]) for p in images.examples)))
    assert looks == [3]
    ask(counted, truth=replace(images, examples=images.examples[:2]))
    ask(counted, output=replace(output, flips=True))
    os.utime(images.examples[0].path, (1, 1))
    ask(counted)
    file.write_bytes(b"other weights")
    ask(counted)
    assert looks == [3, 2, 3, 3, 3]


def test_a_folder_that_cannot_be_written_costs_only_the_second_look(counted, tmp_path):
    """A run folder of another user is evaluated all the same."""
    (tmp_path / "predictions").write_text("in the way")
    assert len(ask(counted)) == len(ask(counted)) == 3
    assert counted[3] == [3, 3]
    assert not list(tmp_path.glob(".*npz"))


def test_results_of_a_type_of_ones_own_are_not_kept(counted, monkeypatch):
    """A task file may return anything; it is then asked each time."""
    monkeypatch.setattr(IMAGE, "predict", lambda model, images, output: [{"free": "form"}] * len(images))
    assert ask(counted) == ask(counted) == [{"free": "form"}] * 3
    assert not (counted[0].parent / "predictions").exists()
