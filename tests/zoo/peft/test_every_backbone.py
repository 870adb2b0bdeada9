"""One backbone of every family, adapted in every way and merged again."""

import keras
import numpy as np
import pytest

import zoo
from zoo.peft.adapt import adapt, merge

NAMES = [
    "vgg16",
    "resnet50",
    "resnet50v2",
    "inception_v3",
    "inception_resnet_v2",
    "xception",
    "mobilenet_050",
]
NAMES += ["mobilenet_v2_035", "mobilenet_v3_small", "densenet121", "nasnet_mobile", "efficientnet_b0"]
NAMES += ["efficientnet_v2_b0", "convnext_tiny"]
WAYS = ["lora:2", "adalora:2", "adapter:4", "bias", "norm", "ssf"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_way_starts_as_the_base_and_merges(build, outputs, shake, name):
    size = max(64, -(-zoo.get(name).min_size // 32) * 32)
    base = build(name, size)
    images = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype("float32")
    untrained = outputs(base, images)
    without = {"vgg16": {"norm"}, "inception_v3": {"adapter:4"}, "inception_resnet_v2": {"adapter:4"}}
    for how in WAYS:
        if how in without.get(name, ()):
            with pytest.raises(ValueError, match="finds nothing to adapt"):
                adapt(base, how)
            continue
        adapted = adapt(base, how)
        start = outputs(adapted, images)
        merged = merge(shake(adapted))
        expected = outputs(adapted, images)
        for level, value in outputs(merged, images).items():
            np.testing.assert_array_equal(start[level], untrained[level], err_msg=how)
            largest = np.abs(expected[level]).max()
            np.testing.assert_allclose(value, expected[level], rtol=1e-4, atol=1e-4 * largest, err_msg=how)
            assert not np.array_equal(value, untrained[level])
    keras.backend.clear_session()
