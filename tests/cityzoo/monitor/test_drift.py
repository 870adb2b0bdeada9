"""Drift scores equal SciPy's divergence, stay low for more of the same and rise for anything else."""

import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.monitor.drift import DriftWindow, Histogram, js_divergence, read_signals
from cityzoo.monitor.reference import NAME, make_reference, read_reference


def test_the_divergence_is_that_of_scipy():
    """SciPy returns its root."""
    from scipy.spatial.distance import jensenshannon

    random = np.random.default_rng(0)
    for _ in range(20):
        first, second = random.integers(0, 9, (2, 12))
        assert js_divergence(first, second) == pytest.approx(jensenshannon(first, second, 2) ** 2, abs=1e-12)


def test_a_window_forgets():
    """After as many new examples as it holds, its score is that of the new ones alone, counted by hand."""
    window = DriftWindow({"blur": Histogram((1.0, 2.0), (10, 80, 10))}, 64)
    for value in [0.5] * 500 + [1.5] * 64:
        window.add({"blur": [value], "unknown": [1.0]})
    assert window.scores()["blur"] == pytest.approx(
        js_divergence(np.array([0, 64, 0]), np.array([10, 80, 10]))
    )


def test_few_values_have_no_score():
    """Nor do those that are not numbers count."""
    window = DriftWindow({"blur": Histogram((1.0,), (50, 50))}, 128)
    for value in [np.nan] * 100 + [1.0] * 63:
        window.add({"blur": [value]})
    assert window.scores() == {}
    window.add({"blur": [1.0]})
    many = DriftWindow({"class": Histogram((1.0,), (50, 50))}, 128)
    for _ in range(63):
        many.add({"class": [1.0] * 20})  # of one image, so alike
    assert many.scores() == {}
    assert window.scores()["blur"] == pytest.approx(0.311, abs=0.001)


def rows(count, seed, mean=100.0, classes=2, score=0.8):
    """Examples of a camera with as many detections each as there are classes."""
    random = np.random.default_rng(seed)
    names = ("car", "bus")[:classes]
    return [
        read_signals(
            {"brightness": random.normal(mean, 10)},
            {"detections": [{"class": name, "score": random.uniform(score - 0.2, score)} for name in names]},
            ("car", "bus"),
            0.3,
        )
        for _ in range(count)
    ]


def scores_over_limits(reference, examples):
    """Signals that count as drift."""
    window = DriftWindow(reference.signals)
    for values in examples:
        window.add(values)
    return {name for name, score in window.scores().items() if score > reference.limits[name]}


def test_only_what_changed_drifts(tmp_path):
    """More of the same does not; brightness, classes and scores each show in their own signals; as read from a file."""
    make_reference(rows(300, 0), ("car", "bus"), 0.3, "val").write(tmp_path)
    reference = read_reference(tmp_path)
    assert reference == make_reference(rows(300, 0), ("car", "bus"), 0.3, "val")
    assert set(reference.signals) == {
        *("brightness", "class", "confidence", "detections", "score:bus", "score:car"),
    }
    assert scores_over_limits(reference, rows(128, 1)) == set()
    assert scores_over_limits(reference, rows(128, 1, mean=60)) == {"brightness"}
    assert scores_over_limits(reference, rows(128, 1, score=0.6)) == {"confidence", "score:bus", "score:car"}
    assert {"class", "detections"} <= scores_over_limits(reference, rows(128, 1, classes=1))


def test_parts_of_the_reference_are_no_drift():
    """Each of three cameras differs from all three together: the limits, made of parts, allow for it."""
    cameras = [rows(150, seed, mean) for seed, mean in enumerate((60, 100, 140))]
    together = make_reference([row for camera in cameras for row in camera])
    assert together.limits["brightness"] > 0.4
    for seed, mean in enumerate((60, 100, 140)):
        assert scores_over_limits(together, rows(128, 10 + seed, mean)) == set()
    assert "brightness" in scores_over_limits(together, rows(128, 20, 220))


def test_a_folder_without_a_reference_and_a_damaged_one(tmp_path):
    """None, and one line that names the file."""
    assert read_reference(tmp_path) is None
    (tmp_path / NAME).write_text('{"signals": 5}')
    with pytest.raises(InputError, match=r"reference.json' is damaged"):
        read_reference(tmp_path)


def test_small_sets_have_no_reference():
    """Two samples of a few dozen differ by chance."""
    assert make_reference(rows(20, 0)).signals == {}
