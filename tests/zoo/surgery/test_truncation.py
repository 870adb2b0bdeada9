import keras
import numpy as np
import pytest

import zoo
from zoo.surgery.operations import truncate


def separable(inputs, outputs):
    """Parameters of a MobileNet block: depthwise 3x3, norm, 1x1, norm."""
    return 9 * inputs + 4 * inputs + inputs * outputs + 4 * outputs


# 27 x 8 and a norm, then the blocks up to stride 16, the last six with 128 channels.
TO_C4 = (
    27 * 8
    + 4 * 8
    + sum(
        separable(*pair)
        for pair in [(8, 16), (16, 32), (32, 32), (32, 64), (64, 64), (64, 128), *[(128, 128)] * 5]
    )
)


def test_what_lies_behind_the_stage_is_gone_and_the_rest_is_as_it_was(backbone, outputs):
    short = truncate(backbone, "C4")
    assert list(short.output) == ["P3", "P4"]
    assert list(zoo.stages(short)) == ["C1", "C2", "C3", "C4"]
    assert short.count_params() == TO_C4
    found, expected = outputs(short), outputs(backbone)
    for level in found:
        np.testing.assert_array_equal(found[level], expected[level])
    assert list(backbone.output) == ["P3", "P4", "P5"]


def test_a_truncated_backbone_is_frozen_and_cut_as_any_other(backbone, images, outputs):
    short = truncate(backbone, "C4")
    assert zoo.freeze(short, "C3").trainable > 0
    assert zoo.freeze(short, "backbone").trainable == 0
    zoo.freeze(short, "none")
    first = zoo.prefix(short, "C3")
    found = zoo.suffix(first, short)(first(images))
    np.testing.assert_allclose(np.asarray(found["P4"]), outputs(backbone)["P4"], rtol=1e-5, atol=1e-5)


def test_a_pooled_backbone_averages_the_stage_that_is_last_now(images, outputs):
    pooled = zoo.build("mobilenet_025", 32, weights="random", levels=()).model
    short = truncate(pooled, "C4")
    cut = keras.Model(pooled.inputs, {"C4": zoo.stages(pooled)["C4"]})
    assert list(short.output) == ["pooled"]
    np.testing.assert_allclose(
        outputs(short)["pooled"], outputs(cut)["C4"].mean(axis=(1, 2)), rtol=1e-5, atol=1e-6
    )


def test_what_cannot_be_truncated_is_refused(backbone):
    with pytest.raises(ValueError, match="at C2.*P3, P4, P5: truncate at C3 or later"):
        truncate(backbone, "C2")
    with pytest.raises(ValueError, match="unknown stage 'c4': did you mean 'C4'"):
        truncate(backbone, "c4")
    with pytest.raises(ValueError, match="no stage 'C5'. Stages: C1, C2, C3, C4$"):
        truncate(truncate(backbone, "C4"), "C5")


def test_what_build_returns_has_no_tail(backbone):
    """MobileNet ends with its last block."""
    assert zoo.pyramid_outputs(backbone)["C5"] == "conv_pw_13_relu" == backbone.layers[-1].name


@pytest.mark.slow
def test_the_top_of_efficientnet_is_its_last_level(build):
    """The wide top convolution IS the level P5, and goes with it."""
    whole = build("efficientnet_v2_b0")
    assert zoo.pyramid_outputs(whole)["C5"] == "top_activation" == whole.layers[-1].name
    short = zoo.build("efficientnet_v2_b0", 32, weights="random", levels=("P3", "P4")).model
    assert "top_conv" not in [layer.name for layer in short.layers]
    assert short.count_params() == truncate(build("efficientnet_v2_b0"), "C4").count_params()
