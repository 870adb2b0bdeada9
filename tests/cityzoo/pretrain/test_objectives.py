"""Targets of masked images, metrics of pairs, and the target network of BYOL."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cityzoo.model import AssembledModel
from cityzoo.pretrain.momentum_target import TARGET, MomentumTarget, add_target
from cityzoo.pretrain.objectives import BYOL, MaskedImage, SimCLR

IMAGES = np.random.default_rng(0).integers(0, 255, (3, 64, 96, 3), dtype=np.uint8)


def test_the_share_of_patches_is_hidden_and_their_colors_are_the_target():
    """6 patches of 32 px, a third of them gray; the target of each cell is its mean color in -1..1."""
    output = MaskedImage(("frame",), mask=1 / 3)
    target = output.make_targets({"images": tf.constant(IMAGES)}).numpy()
    hidden = output.hide(tf.cast(IMAGES, tf.float32), target).numpy()
    assert target.shape == (3, 2, 3, 193) and target[..., -1].sum(axis=(1, 2)).tolist() == [2, 2, 2]
    again = output.make_targets({"images": tf.constant(IMAGES)}).numpy()
    np.testing.assert_array_equal(target, again)
    for image, row, column in np.argwhere(target[..., -1] > -1):
        window = slice(32 * row, 32 * row + 32), slice(32 * column, 32 * column + 32)
        shown, true = hidden[image][window], IMAGES[image][window].astype(float)
        if target[image, row, column, -1]:
            assert (shown == 127.5).all()
        else:
            np.testing.assert_array_equal(shown, true)
        first = true[:4, :4].mean(axis=(0, 1)) / 127.5 - 1
        np.testing.assert_allclose(target[image, row, column, :3], first, atol=1e-5)


def test_the_mean_color_is_the_error_to_beat():
    """A hidden patch of .4 next to a seen one of -.2, in -1..1: the mean of what is seen misses by .3 of the range."""
    target = np.full((1, 1, 2, 193), 0.4, np.float32)
    target[0, 0, :, -1] = 1, 0
    target[0, 0, 1, :-1] = -0.2
    output = MaskedImage(("frame",))
    found = output.metrics(None, output.measure(target, target[..., :-1]))
    assert found == {"masked_error": 0.0, "error_of_mean": pytest.approx(0.3, rel=1e-5)}


def test_pair_accuracy_and_spread():
    """Two of three other views are the nearest; equal projections have no spread."""
    views = np.array([[[1, 0], [1, 0.1]], [[0, 1], [0, 1]], [[-1, 0], [0.1, 1]]], float)
    found = SimCLR(("frame",), projection=2).metrics(None, list(views))
    assert found["pair_accuracy"] == pytest.approx(2 / 3)
    assert SimCLR(("frame",), projection=2).metrics(None, [np.ones((2, 2))] * 3)["spread"] == pytest.approx(0)


def test_the_target_follows_by_a_moving_average():
    """After a step at momentum .9 a target weight is .9 old + .1 new; half way .95, statistics included."""
    images = keras.Input((32, 32, 3))
    level = keras.layers.Conv2D(4, 3, strides=8, name="stem")(images)
    output = BYOL(("frame",), projection=2, target_momentum=0.9)
    made = add_target(
        AssembledModel(
            keras.Model(images, output.build_head({"P5": level})), keras.Model(images, level), None
        )
    )
    model = made.model
    old = [weight.numpy() for weight in model.get_layer(TARGET).weights]
    names = [layer.name for layer in model.get_layer(TARGET).layers]
    assert "stem" in names and not model.get_layer(TARGET).trainable_weights
    follow = MomentumTarget(model, 0.9, steps=4)
    model.compile("sgd", output.loss(None))
    follow.set_model(model)
    kernel, statistics = model.get_layer("stem").weights[0], model.get_layer("head_projection").weights[-1]
    for variable in (kernel, statistics):
        variable.assign(variable + 1.0)
    places = [i for i, weight in enumerate(old) if weight.shape == kernel.shape][0], len(old) - 1
    for iteration, share in ((0, 0.1), (2, 0.05)):
        before = [weight.numpy() for weight in model.get_layer(TARGET).weights]
        model.optimizer.iterations.assign(iteration)
        follow.on_train_batch_end(0)
        for place, variable in zip(places, (kernel, statistics), strict=True):
            wanted = before[place] + share * (variable.numpy() - before[place])
            np.testing.assert_allclose(model.get_layer(TARGET).weights[place].numpy(), wanted, rtol=1e-5)
