"""Predictions that are kept: the same when they come back, made again when anything about them changes."""

import os
from dataclasses import replace

import numpy as np
import pytest

from cityzoo import predict
from cityzoo.kinds.anomaly import Anomaly, Strangeness
from cityzoo.kinds.classification import Classification
from cityzoo.kinds.counting import Count, Counting
from cityzoo.kinds.detection import Detection
from cityzoo.report import predictions
from cityzoo.sample import Detections, PictureSet

HEAT = np.arange(6, dtype=np.float32).reshape(2, 3)
RESULTS = {
    "arrays": (Classification(("bus", "car")), [np.array([0.1, 0.9]), np.array([0.3, 0.7])]),
    "detections, none in one picture": (
        Detection(("car",)),
        [
            Detections([[0, 0, 8.5, 8]], [0.9], [0]),
            Detections([], [], []),
            Detections([[1, 1, 2, 2]] * 2, [0.4, 0.3], [0, 0]),
        ],
    ),
    "counts with maps and without": (
        Counting(("car",)),
        [Count(2.5, HEAT, (0.0, -1.5, 8.0, 9.0)), Count(0.0), Count(1.0, HEAT[:1, :2], (0.0, 0.0, 1.0, 1.0))],
    ),
    "heat": (Anomaly(("normal", "odd")), [Strangeness(5.0, HEAT, (0.0, 0.0, 3.0, 2.0))]),
    "no pictures": (Detection(("car",)), []),
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
    kind, results = RESULTS[name]
    np.savez(tmp_path / "kept.npz", **predictions.packed(results))
    with np.load(tmp_path / "kept.npz", allow_pickle=False) as arrays:
        back = predictions.unpacked(dict(arrays), kind)
    assert len(back) == len(results)
    assert all(same(one, other) for one, other in zip(results, back, strict=True))


@pytest.fixture
def counted(monkeypatch, tmp_path, painted):
    """A run's model file, pictures, a kind, and how often a model had to look at pictures."""
    looks = []

    def all_of(model, pictures, kind):
        looks.append(len(pictures))
        return [np.array([0.25, 0.75])] * len(pictures)

    monkeypatch.setattr(predict, "all_of", all_of)
    file = tmp_path / "model.keras"
    file.write_bytes(b"weights")
    pictures = PictureSet(
        "val", ("bus", "car"), tuple(painted(f"{i}.png", (8, 8), (1, 1, 4, 4)) for i in range(3))
    )
    return file, pictures, Classification(("bus", "car")), looks


def ask(counted, **changes):
    """Predict with some of it changed."""
    file, pictures, kind, _ = counted
    given = {"model_file": file, "kind": kind, "truth": pictures, "run": file.parent, "model": object()}
    return predictions.predicted(**{**given, **changes})


def test_pictures_are_looked_at_once(counted):
    """The second time the kept results are given back."""
    first, again = ask(counted), ask(counted)
    assert counted[3] == [3]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_labels_play_no_part_but_pictures_model_and_choices_do(counted):
    """Other labels: the same results; another picture, touched file, weights or option: a new look."""
    file, pictures, kind, looks = counted
    ask(counted)
    ask(counted, truth=replace(pictures, pictures=tuple(replace(p, labels=[1]) for p in pictures.pictures)))
    assert looks == [3]
    ask(counted, truth=replace(pictures, pictures=pictures.pictures[:2]))
    ask(counted, kind=replace(kind, flips="yes"))
    os.utime(pictures.pictures[0].path, (1, 1))
    ask(counted)
    file.write_bytes(b"other weights")
    ask(counted)
    assert looks == [3, 2, 3, 3, 3]


def test_a_folder_that_cannot_be_written_costs_only_the_second_look(counted, tmp_path):
    """Somebody else's run is judged all the same."""
    (tmp_path / "predictions").write_text("in the way")
    assert len(ask(counted)) == len(ask(counted)) == 3
    assert counted[3] == [3, 3]
    assert not list(tmp_path.glob(".*npz"))


def test_results_of_a_type_of_ones_own_are_not_kept(counted, monkeypatch):
    """A task file may return anything; it is then asked each time."""
    monkeypatch.setattr(predict, "all_of", lambda model, pictures, kind: [{"free": "form"}] * len(pictures))
    assert ask(counted) == ask(counted) == [{"free": "form"}] * 3
    assert not (counted[0].parent / "predictions").exists()
