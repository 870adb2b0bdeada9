"""Corruptions are the transforms of augment/, at their strengths, drawn from each image's own seed."""

import numpy as np
import pytest
import tensorflow as tf

from augment import Policy, Step
from augment.apply_policy import apply_batch_steps
from augment.placement import APART
from augment.registry import load_transforms
from cityzoo.evaluation import network_inputs as inputs_module
from cityzoo.evaluation.network_inputs import NetworkInputs
from cityzoo.evaluation.robustness.conditions import CORRUPTIONS, corrupt_batches
from cityzoo.outputs.detection import Detection
from cityzoo.sample import ImageExample, ImageSet


@pytest.fixture
def inputs(monkeypatch):
    """Five images of noise, in batches of two; the third has bars above and below."""
    monkeypatch.setattr(inputs_module, "BATCH", 2)
    chance = np.random.default_rng(0)
    images = chance.integers(0, 256, (5, 32, 40, 3), np.uint8)
    images[4] = images[0]
    inside = np.ones((5, 32, 40, 1), bool)
    inside[2, [0, 1, 30, 31]] = False
    examples = ImageSet("val", ("car",), tuple(ImageExample(f"{n}.jpg", (32, 40)) for n in range(5)))
    matrices = np.arange(5, dtype=np.float32)[:, None, None] * np.eye(3, dtype=np.float32)
    seeds = chance.integers(-(2**31), 2**31, (5, 2), np.int32)
    return NetworkInputs(examples, Detection(("car",)), images, np.zeros((5, 1, 5)), matrices, inside, seeds)


def under(inputs, name, *strengths):
    """All images at each strength, (strengths, N, h, w, 3), and the matrices that came with them."""
    batches = list(corrupt_batches(inputs, name, strengths))
    assert [len(images) for images, _ in batches] == [2, 2, 1] * len(strengths)
    images, matrices = (
        np.concatenate([np.asarray(each) for each in column]) for column in zip(*batches, strict=True)
    )
    return images.reshape(len(strengths), *inputs.images.shape), matrices


@pytest.mark.parametrize("name", ["JPEG", "noise"])
def test_what_a_policy_makes_of_the_same_images(inputs, name):
    """A policy of one step, given the seeds from which that step draws what we draw; bars stay as they are."""
    load_transforms()
    step = Step(CORRUPTIONS[name], {"strength": (0.6, 0.6)})
    seeds = tf.constant(inputs.seeds) - [0, APART]
    batch = {"images": tf.constant(inputs.images), "lots": tf.zeros((5, 3)), "seed": seeds}
    wanted = apply_batch_steps(batch, Policy("one", (step,)))["images"].numpy()
    (weaker, found), matrices = under(inputs, name, 0.2, 0.6)
    assert (found[inputs.inside[..., 0]] == wanted[inputs.inside[..., 0]]).all()
    changes = [np.abs(each - inputs.images).mean(axis=(1, 2, 3)) for each in (weaker, found)]
    assert (changes[0] > 0).all() and (changes[0] < changes[1]).all()
    assert (found[2, [0, 1, 30, 31]] == inputs.images[2, [0, 1, 30, 31]]).all()
    assert matrices[:, 0, 0].tolist() == [0, 1, 2, 3, 4] * 2


def test_cameras_shake_each_in_its_own_direction_the_same_at_all_strengths(inputs):
    """Along the shake neighbours become alike; two images are the same but for their seeds."""
    found, _ = under(inputs, "motion blur", 0.6, 1.0)
    assert (inputs.images[0] == inputs.images[4]).all() and (found[:, 0] != found[:, 4]).any()

    def way(image):
        """How much rougher across rows than along them."""
        rough = [np.abs(np.diff(image[8:-8, 8:-8], axis=axis)).mean() for axis in (0, 1)]
        return np.log(rough[0] / rough[1])

    ways = np.array([[way(image) for image in each] for each in found])
    assert ways.std(axis=1).min() > 0.05
    assert np.corrcoef(ways)[0, 1] > 0.8
    assert (under(inputs, "motion blur", 1.0)[0][0] == found[1]).all()
