"""Variants of an exported detector against the head's own decoding."""

import keras
import numpy as np
import pytest

from cityzoo.errors import InputError
from cityzoo.export import detection_variants, graphs
from cityzoo.outputs.classification import Classification
from cityzoo.outputs.detection import Detection
from cityzoo.runtime import detection_outputs
from heads.detection import DetectionHead
from heads.detection_decode import decode_detections


@pytest.fixture(scope="module")
def detector():
    """A head on three levels that are pooled from an image of 64 x 32 pixels."""
    keras.utils.set_random_seed(3)
    image = keras.Input((64, 32, 3), name="images")
    levels = {f"P{n}": keras.layers.Conv2D(8, 3, 2**n, "same")(image) for n in (3, 4, 5)}
    return keras.Model(image, DetectionHead(3, channels=8, depth=1)(levels))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (2, 64, 32, 3)).astype("float32")


@pytest.mark.parametrize("variant", ["raw", "decoded"])
def test_variants_restore_what_the_model_returns(detector, images, variant):
    graph = graphs.make_graph(detector, Detection(("a", "b", "c")), variant)
    named = {name: np.asarray(value) for name, value in graph(images).items()}
    restored = detection_outputs.restorer(variant, 3)(named)
    wanted = np.asarray(detector(images))
    np.testing.assert_allclose(restored, wanted, rtol=1e-4, atol=1e-4)
    if variant == "raw":
        assert named["distances_P3"].shape == (2, 8, 4, 4) and named["logits_P5"].shape == (2, 2, 1, 3)


def test_detections_after_nms_decode_to_themselves():
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 50, (1, 40, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 20, (1, 40, 2))], axis=-1)
    fused = np.concatenate([boxes, rng.normal(0, 2, (1, 40, 2))], axis=-1).astype("float32")
    ((boxes, scores, labels),) = decode_detections(fused)
    padded = {
        "boxes": np.concatenate([boxes, -np.ones((3, 4))])[None],
        "scores": np.concatenate([scores, [-1.0] * 3])[None],
        "classes": np.concatenate([labels, [-1] * 3])[None],
    }
    ((again, same_scores, same_labels),) = decode_detections(detection_outputs.fused_from_nms(padded, 2))
    np.testing.assert_allclose(again, boxes)
    np.testing.assert_allclose(same_scores, scores, rtol=1e-5)
    assert same_labels.tolist() == labels.tolist()


def test_variants_are_of_detectors():
    with pytest.raises(InputError, match="detectors only"):
        graphs.choose_variant(Classification(("a", "b")), "raw", "onnx")
    with pytest.raises(InputError, match="no non-maximum suppression"):
        graphs.choose_variant(Detection(("a",)), "nms", "litert")
    assert graphs.choose_variant(Detection(("a",)), None, "litert", int8=True) == "raw"


def test_a_model_without_the_head_has_no_raw_variant():
    x = keras.Input((4, 4, 3))
    with pytest.raises(InputError, match="head_logits"):
        detection_variants.raw_outputs(keras.Model(x, keras.layers.Flatten()(x)))
