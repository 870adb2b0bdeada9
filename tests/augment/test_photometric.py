"""Tones, colors and noise of whole numbers against the functions of batches, which work in floating point."""

import numpy as np
import pytest
import tensorflow as tf

from augment import Policy, Step, get_policy, photometric
from augment.apply_policy import apply_batch_steps
from augment.placement import sample_parameters, steps_of

COUNT = 24
RNG = np.random.default_rng(0)
IMAGES = np.clip(RNG.normal(120, 50, (COUNT, 1, 1, 3)) + RNG.normal(0, 30, (COUNT, 20, 30, 3)), 0, 255)
IMAGES = IMAGES.astype(np.uint8)
KEYS = np.stack([np.zeros(COUNT), np.arange(COUNT), np.ones(COUNT)], axis=1).astype(int)


def both(policy):
    """The images by OpenCV, and by TensorFlow in floating point."""
    lots, seeds = sample_parameters(policy, KEYS)
    steps, fast = steps_of(policy, lots, seeds, "color", "pixels"), IMAGES.copy()
    assert photometric.leading(steps) == len(steps)
    photometric.change(fast, steps, lambda *job: [*map(*job)])
    batch = {"images": tf.constant(IMAGES, tf.float32), "lots": tf.constant(lots), "seed": tf.constant(seeds)}
    return fast.astype(float), apply_batch_steps(batch, policy)["images"].numpy(), steps


@pytest.mark.parametrize("name", ["light", "standard"])
def test_equal_but_for_rounding(name):
    """One level at most, whether tones, colors, both or none of them change."""
    steps = [step for step in get_policy(name).steps if step.transform != "noise"]
    fast, exact, sampled = both(Policy(name, tuple(steps)))
    assert np.abs(fast - exact).max() <= 1.01 and np.abs(fast - exact).mean() < 0.35
    changed = np.any([step.happens for step in sampled], axis=0)
    assert changed.any() and (fast[~changed] == IMAGES[~changed]).all()


def test_noise_has_its_deviation_and_the_seed_decides():
    fast, _, (step,) = both(Policy("noise", (Step("noise", {"deviation": (0.02, 0.04)}, 0.5),)))
    assert (fast[~step.happens] == IMAGES[~step.happens]).all()
    inner = (IMAGES > 40) & (IMAGES < 215) & step.happens[:, None, None, None]
    share = np.broadcast_to(255 * step.values["deviation"][:, None, None, None], fast.shape)
    scaled = ((fast - IMAGES) / share)[inner]
    assert abs(scaled.mean()) < 0.03 and abs(scaled.std() - 1) < 0.03
    assert abs(np.mean(scaled**4) - 3) < 0.4
    noise = (fast - IMAGES)[step.happens].reshape(step.happens.sum(), -1)
    assert np.abs(np.corrcoef(noise) - np.eye(len(noise))).max() < 0.15


def test_black_and_white_stay_within_range():
    policy = Policy(
        "dark", (Step("brightness", {"amount": (-1.0, -1.0)}), Step("noise", {"deviation": (1.0, 1.0)}))
    )
    fast, _, _ = both(policy)
    assert fast.min() == 0 and 0.4 < (fast == 0).mean() < 0.6 and fast.max() > 200


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (["gamma", "hue", "noise"], 3),
        (["brightness", "gamma"], 1),
        (["noise", "noise"], 1),
        (["gamma", "gamma"], 1),
        (["contrast", "grey", "jpeg", "noise"], 2),
        (["fog"], 0),
    ],
)
def test_what_comes_later_is_left_to_the_others(names, count):
    """Steps keep their order: those from the first that does not fit run on batches."""
    policy = Policy("p", tuple(Step(name, {"strength": (0.5, 0.5)}) for name in names))
    assert photometric.leading(steps_of(policy, *sample_parameters(policy, KEYS), "color", "pixels")) == count
