"""Weighted boxes fusion next to ensemble-boxes, whose numbers were recorded, and as a layer."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from heads.box_fusion import NO_CLASS, fuse_boxes, fuse_detectors
from heads.box_fusion_layer import MOST, WeightedBoxesFusion
from heads.detection_decode import decode_detections

CASES = json.loads((Path(__file__).parents[1] / "golden" / "box_fusion.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=[str(case["weights"]) for case in CASES])
def test_it_computes_as_ensemble_boxes_does(case):
    """Two and three detectors, other weights and IoUs, objects missed by some, found twice by others."""
    found = [tuple(map(np.array, each)) for each in case["found"]]
    boxes, scores, labels = fuse_boxes(found, case["weights"], case["iou"])
    np.testing.assert_allclose(boxes, case["boxes"], atol=1e-5)
    np.testing.assert_allclose(scores, case["scores"], atol=1e-5)
    assert labels.tolist() == case["labels"]


def test_nothing_found_is_nothing():
    """By none of the detectors."""
    empty = np.zeros((0, 4)), np.zeros(0), np.zeros(0, int)
    boxes, scores, labels = fuse_boxes([empty, empty], [1.0, 1.0])
    assert boxes.shape == (0, 4) and len(scores) == len(labels) == 0


@pytest.fixture
def outputs():
    """Of two detectors, for two images: 30 points and 3 classes."""
    rng = np.random.default_rng(1)
    start = rng.uniform(0, 80, (2, 2, 30, 2))
    boxes = np.concatenate([start, start + rng.uniform(10, 40, start.shape)], axis=-1)
    return np.concatenate([boxes, rng.normal(-3, 2, (2, 2, 30, 3))], axis=-1).astype("float32")


def test_the_result_has_the_form_of_a_detector(outputs):
    """A row has one class; decoding finds the fused boxes again, where no two of them overlap much."""
    rows = fuse_detectors(list(outputs), [0.5, 0.5], 0.5)
    assert rows.shape == (2, 100, 7) and ((rows[..., 4:] > NO_CLASS).sum(axis=-1) <= 1).all()
    for image in range(2):
        members = [decode_detections(each[image : image + 1])[0] for each in outputs]
        boxes, scores, labels = fuse_boxes(members, [0.5, 0.5], 0.5)
        found = decode_detections(rows[image : image + 1], iou=0.999)[0]
        kept = scores >= 0.001
        np.testing.assert_allclose(found[1], scores[kept][: len(found[1])], atol=1e-6)
        assert len(found[0]) == min(kept.sum(), 100)
        np.testing.assert_allclose(np.sort(found[0], axis=0), np.sort(boxes[kept][:100], axis=0), atol=1e-4)


def test_the_layer_is_saved_with_its_model(outputs, tmp_path):
    """Inside a compiled function, after loading, and with a batch of another size."""
    inputs = [keras.Input((30, 7), name=name) for name in "ab"]
    model = keras.Model(inputs, WeightedBoxesFusion([2.0, 1.0], 0.55)(inputs))
    assert model.output.shape == (None, MOST, 7)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    wanted = fuse_detectors(list(outputs), [2.0, 1.0], 0.55)
    np.testing.assert_allclose(loaded.predict(list(outputs), verbose=0), wanted, atol=1e-5)
    np.testing.assert_allclose(loaded([x[:1] for x in outputs]), wanted[:1], atol=1e-5)
