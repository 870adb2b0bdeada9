"""The simulated gain: found where uncertain examples matter, not found where they do not."""

import numpy as np
import pytest

from cityzoo.outputs.classification import Classification
from cityzoo.sample import ExampleSet, ImageExample
from cityzoo.selection.probe_data import ProbeData
from cityzoo.selection.simulation import simulate_gain, summarize

CLASSES = ("bus", "car", "tram")


def _data(features, labels):
    targets = np.eye(len(CLASSES), dtype=np.float32)[labels]
    examples = tuple(ImageExample(f"{n}.jpg", (8, 8), target=row) for n, row in enumerate(targets))
    return ProbeData(ExampleSet("train", CLASSES, examples), features.astype(np.float32), targets)


def _places(count, seed, rare_share):
    """Twelve places, four of each class, that look alike each time; the first three are frequent, the others rare."""
    rng = np.random.default_rng(seed)
    frequent = rng.random(count) >= rare_share
    places = np.where(frequent, rng.integers(0, 3, count), rng.integers(3, 12, count))
    features = np.eye(12)[places] + rng.normal(0, 0.1, (count, 12))
    return _data(
        np.tile(features, (1, 64)), places % 3
    )  # as wide as those of a backbone, which the penalty fits


def test_rare_places_are_found_earlier():
    """Random labels show the frequent places again and again; on all places alike the metric grows more slowly."""
    train, val = _places(400, 0, 0.1), _places(200, 1, 0.9)
    found = simulate_gain(train, val, Classification(CLASSES), np.arange(400) % 5)
    assert found["is_better"] and found["gain"] > 0.02 and found["saved"] > 0.3
    assert found["curves"]["selected"]["y"][0] == found["curves"]["random"]["y"][0]
    assert found["seeds"] == 5 and found["metric"] == "balanced_accuracy"


def test_noise_has_no_gain():
    """Labels that no feature predicts."""
    rng = np.random.default_rng(0)
    train, val = (_data(rng.normal(size=(300, 4)), rng.integers(0, 3, 300)) for _ in range(2))
    found = simulate_gain(train, val, Classification(CLASSES), np.arange(300) % 5)
    assert not found["is_better"] and abs(found["gain"]) < 0.05


def test_more_labels_than_random_are_a_loss():
    """Selection reaches with 400 labels what random choice has with 200."""
    random, selected = np.array([[0.5, 0.6, 0.7]] * 2), np.array([[0.5, 0.55, 0.6]] * 2)
    assert summarize({"selected": selected, "random": random}, [100, 200, 400])["saved"] == pytest.approx(
        -0.5
    )
