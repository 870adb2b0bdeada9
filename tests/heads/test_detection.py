"""The head's geometry, decoding and learning."""

import keras
import numpy as np
import pytest

from heads.assign import anchor_points
from heads.detection import DetectionHead
from heads.detection_decode import decode_detections, iou_one_to_many

STRIDES = (8, 16, 32)


def head_on_inputs(size_hw, head, channels=8):
    """A head straight on inputs shaped like a backbone's levels."""
    shapes = [(size_hw[0] // s, size_hw[1] // s) if size_hw else (None, None) for s in STRIDES]
    levels = {
        f"P{3 + i}": keras.Input((*shape, channels), name=f"P{3 + i}") for i, shape in enumerate(shapes)
    }
    return keras.Model(levels, head(levels))


def features(size_hw, channels=8, batch=2):
    """Noise of the levels' shapes."""
    rng = np.random.default_rng(0)
    shapes = {f"P{3 + i}": (batch, size_hw[0] // s, size_hw[1] // s, channels) for i, s in enumerate(STRIDES)}
    return {name: rng.normal(size=shape).astype("float32") for name, shape in shapes.items()}


def say_the_same_everywhere(model, distances):
    """Take the kernel away, so that each point answers with its bias alone."""
    layer = model.get_layer("head_distances")
    layer.set_weights([np.zeros_like(layer.get_weights()[0]), np.array(distances, "float32")])


@pytest.mark.parametrize("size_hw", [(64, 96), (96, 32)])
def test_boxes_lie_around_their_points_in_the_order_of_the_loss(size_hw):
    """softplus(bias) x stride to the left, top, right and bottom of `anchor_points`; not square on purpose."""
    model = head_on_inputs(size_hw, DetectionHead(2, channels=8, depth=1))
    bias = np.array([0.1, 0.5, 1.0, 2.0])
    say_the_same_everywhere(model, bias)
    points, strides = anchor_points(size_hw, STRIDES)
    reach = np.log1p(np.exp(bias)) * strides[:, None]
    expected = np.concatenate([points - reach[:, :2], points + reach[:, 2:]], axis=1)
    outputs = model.predict(features(size_hw), verbose=0)
    assert outputs.shape == (2, len(points), 6) and outputs.dtype == np.float32
    assert outputs[0, :, :4] == pytest.approx(expected, rel=1e-5)
    assert outputs[1, :, :4] == pytest.approx(expected, rel=1e-5)


def test_the_grid_follows_the_size_of_the_input():
    """One model, inputs of two sizes: the points of each."""
    model = head_on_inputs(None, DetectionHead(1, channels=8, depth=1))
    say_the_same_everywhere(model, [0.0] * 4)
    for size_hw in ((64, 64), (32, 96)):
        boxes = model.predict(features(size_hw), verbose=0)[0, :, :4]
        assert (boxes[:, :2] + boxes[:, 2:]) / 2 == pytest.approx(
            anchor_points(size_hw, STRIDES)[0], abs=1e-4
        )


def test_a_fresh_head_takes_nearly_everything_for_background():
    """About .01 for each class at each point, in whatever features."""
    model = head_on_inputs((64, 64), DetectionHead(3, channels=16))
    scores = 1 / (1 + np.exp(-model.predict(features((64, 64)), verbose=0)[..., 4:]))
    assert np.median(scores) == pytest.approx(0.01, rel=0.3)
    assert scores.max() < 0.1


def test_levels_share_their_convolutions_and_not_their_norms():
    """Three levels, two towers of two convolutions: 4 kernels, 12 norms."""
    names = [layer.name for layer in head_on_inputs((64, 64), DetectionHead(1, channels=8, depth=2)).layers]
    towers = [name for name in names if name.startswith(("head_class_", "head_box_"))]
    assert sum("conv" in name for name in towers) == 4
    assert sum("norm" in name for name in towers) == 12


def test_outputs_are_float32_in_mixed_precision():
    """Pixels of a wide image do not fit into bfloat16."""
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        model = head_on_inputs((32, 1024), DetectionHead(1, channels=8, depth=1))
    finally:
        keras.config.set_dtype_policy(before)
    say_the_same_everywhere(model, [0.0] * 4)
    boxes = model.predict(features((32, 1024)), verbose=0)
    assert boxes.dtype == np.float32
    centres = (boxes[0, :, :2] + boxes[0, :, 2:4]) / 2
    assert centres == pytest.approx(anchor_points((32, 1024), STRIDES)[0], abs=1e-3)


def test_no_classes_are_refused():
    """A head for nothing."""
    with pytest.raises(ValueError, match="at least one class, received num_classes=0"):
        DetectionHead(0)


def test_decoding_by_hand():
    """Two classes at one point, a double that goes, a weak one that is not looked at; image by image."""
    logit = {0.9: 2.1972246, 0.8: 1.3862944, 0.2: -1.3862944, 0.0: -200.0}
    rows = [
        ([0, 0, 8, 8], 0.8, 0.9),
        ([0, 0, 8, 7], 0.2, 0.0),
        ([20, 0, 28, 8], 0.2, 0.0),
    ]
    image = [[*box, logit[first], logit[second]] for box, first, second in rows]
    outputs = np.array([image, np.array(image) - [0, 0, 0, 0, 20, 20]], "float32")
    found, none = decode_detections(outputs, score=0.1, iou=0.5)
    boxes, scores, labels = found
    assert boxes.tolist() == [[0, 0, 8, 8], [0, 0, 8, 8], [20, 0, 28, 8]]
    assert scores == pytest.approx([0.9, 0.8, 0.2])
    assert labels.tolist() == [1, 0, 0]
    assert none[0].shape == (0, 4)
    assert len(decode_detections(outputs, score=0.1, iou=0.5, most=1)[0][0]) == 1


def painted(count, rng):
    """Dark images with one bright rectangle each: red ones are class 0, blue ones class 1."""
    images, rows = (
        rng.uniform(0, 40, (count, 64, 64, 3)).astype("float32"),
        np.full((count, 2, 5), -1, "float32"),
    )
    for i in range(count):
        x, y = rng.integers(2, 36, 2)
        width, height = rng.integers(12, 26, 2)
        images[i, y : y + height, x : x + width, 0 if i % 2 == 0 else 2] = 255
        rows[i, 0] = [x, y, x + width, y + height, i % 2]
    return images, rows


def small_backbone():
    """Six strided convolutions and nothing learnt before."""
    x = images = keras.Input((64, 64, 3))
    x, levels = keras.layers.Rescaling(1 / 255)(x), {}
    for number, channels in enumerate((8, 16, 32, 32, 32), start=1):
        x = keras.layers.Conv2D(channels, 3, 2, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.8)(x))
        levels[f"P{number}"] = x
    return images, {name: levels[name] for name in ("P3", "P4", "P5")}


def test_learns_eight_painted_images_by_heart():
    """The loss falls by more than half, and each rectangle is found where and as what it was painted."""
    keras.utils.set_random_seed(0)
    examples, rows = painted(8, np.random.default_rng(0))
    images, levels = small_backbone()
    head = DetectionHead(2, channels=32, depth=1)
    model = keras.Model(images, head(levels))
    model.compile(keras.optimizers.Adam(0.01), head.loss((64, 64)), jit_compile=False)
    history = model.fit(examples, rows, batch_size=8, epochs=35, shuffle=False, verbose=0).history["loss"]
    assert history[-1] < history[0] / 2
    decoded = decode_detections(model.predict(examples, verbose=0))
    for (boxes, scores, labels), row in zip(decoded, rows[:, 0], strict=True):
        assert iou_one_to_many(row[:4], boxes[:1])[0] > 0.5
        assert labels[0] == row[4]
        assert scores[0] > 0.3


@pytest.mark.parametrize("names", [("P3", "P4"), ("P3",)])
def test_a_pyramid_that_ends_early_trains_with_the_same_loss(names):
    """As many points as the loss counts on: 64 + 16 + 4 at 64 pixels."""
    images, levels = small_backbone()
    head = DetectionHead(num_classes=1, channels=16, depth=1)
    model = keras.Model(images, head({name: levels[name] for name in names}))
    assert model.output.shape[1:] == (84, 5)
    model.compile("sgd", head.loss((64, 64)), run_eagerly=True)
    truth = np.array([[[8, 8, 40, 40, 0.0]]], "float32")
    assert np.isfinite(model.train_on_batch(np.ones((1, 64, 64, 3), "float32"), truth))


@pytest.mark.parametrize("wrong", [{"channels": 0}, {"depth": -1}])
def test_a_head_without_width_is_refused(wrong):
    with pytest.raises(ValueError, match="a detection head cannot have channels="):
        DetectionHead(1, **wrong)
