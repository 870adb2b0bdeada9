"""Moved cameras and unlike examples are found among measured ones."""

from dataclasses import replace

import numpy as np
import pytest

from cityzoo.continual.drift import add_likeness, find_drift
from cityzoo.continual.drift_report import describe_cameras, describe_change
from cityzoo.monitor.reference_examples import MeasuredExamples

RNG = np.random.default_rng(0)
WIDE = np.kron(RNG.integers(0, 200, (40, 50)), np.ones((8, 8))).astype(np.uint8)
CAMERAS = ("north",) * 30 + ("south",) * 30


def frames(north=0):
    """Sixty frames of two cameras, that of the north displaced by so many pixels of 160."""
    scenes = {"north": WIDE[:120, 20 - north : 180 - north], "south": WIDE[150:270, 200:360]}
    images = np.stack([scenes[name] for name in CAMERAS]).astype(float) + RNG.normal(0, 8, (60, 120, 160))
    signals = {name: RNG.normal(100, 10, 60).astype(np.float32) for name in ("brightness", "blur")}
    features, names = RNG.normal(size=(60, 8)).astype(np.float32), tuple(f"{n}.png" for n in range(60))
    return MeasuredExamples(names, CAMERAS, features, signals, np.clip(images, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def reference():
    """Frames at evaluation."""
    return frames()


def test_one_moved_camera_of_two(reference):
    """Its likeness changes, and it alone is named, with its displacement."""
    drift = find_drift(frames(north=8), reference, permutations=0)
    cameras = describe_cameras(drift)
    assert drift.changed == ["likeness"] and not drift.is_new_camera
    assert cameras["north"]["state"].startswith("moved by +5.") and cameras["south"]["state"] == "as before"


def test_unchanged_cameras_are_no_drift(reference):
    """The same two, on another day."""
    drift = find_drift(frames(), reference, permutations=19)
    assert drift.changed == [] and drift.test.p_value > 0.05


def test_only_the_same_cameras_are_compared(reference):
    """Where the reference has 20 images of them; a camera that it does not have is new."""
    south = find_drift(frames().select(range(30, 60)), reference, permutations=0)
    assert set(south.reference.cameras) == {"south"}
    other = replace(frames(), cameras=("west",) * 60)
    assert find_drift(other, reference, permutations=0).is_new_camera


def test_photographs_have_no_likeness(reference):
    """A camera of which each image shows something else."""
    photographs = replace(reference, thumbnails=RNG.integers(0, 255, (60, 120, 160)).astype(np.uint8))
    found = add_likeness(photographs, frames(), np.arange(60))
    assert all(np.isnan(each.signals["likeness"]).all() for each in found)


def test_unlike_examples_come_first_once(reference):
    """Two alike that are far from all others, and one more."""
    new = frames()
    new.features[[7, 9]] = 0
    new.features[[7, 9], 3] = 20
    new.features[40] = 0
    new.features[40, 5] = -20
    chosen = find_drift(new, reference, permutations=0).rank_unlike(60)
    assert 40 in chosen and len({7, 9} & set(chosen)) == 1


def test_changes_in_words():
    """What rose and what fell; spread alone."""
    row = {"reference": 0.75, "new": 0.5, "shift": -1.0, "statistic": 0.5, "limit": 0.2}
    assert describe_change("confidence", row).startswith("answers with less confidence")
    assert describe_change("count:bus", {**row, "new": 2.0}).startswith("more of bus")
    assert "spread" in describe_change("blur", {**row, "new": 0.7501, "shift": 0.01})
