import keras
import numpy as np
import pytest

import zoo
from tests.zoo.pruning.conftest import classifier
from zoo.pruning import cut as cutting
from zoo.pruning.channels import group_channels, trace_channels

QUICK = ("vgg16", "mobilenet_025", "mobilenet_v3_small_075")
SLOW = sorted(set(zoo.names()) - set(QUICK) - {"tiny"})
ALL = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]


def keep_some(channels, groups, seed=1):
    """Keep random channels of every group, between a third and four fifths."""
    rng, keep = np.random.default_rng(seed), channels.fixed.copy()
    for group in groups:
        kept = max(1, int(len(group.channels) * rng.uniform(0.33, 0.8)))
        keep[rng.permutation(group.channels)[:kept]] = True
    return keep


@pytest.mark.parametrize("name", ALL)
def test_every_backbone_is_cut_to_what_it_is_with_masked_channels(name):
    backbone, model = classifier(name)
    channels = trace_channels(model)
    keep = keep_some(channels, group_channels(model, channels))
    smaller = cutting.cut(model, channels, keep)
    assert smaller.count_params() < (0.7 if "convnext" in name else 0.5) * model.count_params()
    assert cutting.largest_difference(model, smaller, channels, keep) < 1e-4
    images = np.random.default_rng(0).uniform(0, 255, (2, *model.input.shape[1:])).astype("float32")
    assert (
        np.abs(np.asarray(model(images)) - np.asarray(smaller(images))).max() > 1e-3
    )  # the mask does something
    part = cutting.find_part(backbone, smaller)
    assert list(zoo.stages(part)) == list(zoo.stages(backbone))
    keras.backend.clear_session()


def test_all_rules_together(residual):
    """Depthwise, separable, shared, gated, concatenated and flattened layers; masked by hand, not by `mask`."""
    channels = trace_channels(residual)
    groups = group_channels(residual, channels)
    keep = keep_some(channels, groups)
    smaller = cutting.cut(residual, channels, keep)
    assert cutting.largest_difference(residual, smaller, channels, keep) < 1e-5
    # Only what writes removed channels is zeroed here; what reads them stays.
    twin = keras.models.clone_model(residual)
    twin.set_weights(residual.get_weights())
    weights = {(layer.name, w.name): w for layer in twin.layers for w in layer.weights}
    for slot in channels.slots:
        if not slot.reads:
            variable = weights[slot.layer, slot.weight]
            shape = [-1 if axis == slot.axis % variable.ndim else 1 for axis in range(variable.ndim)]
            variable.assign(np.asarray(variable) * keep[slot.channels].reshape(shape))
    images = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype("float32")
    assert np.allclose(twin(images), smaller(images), rtol=1e-4, atol=1e-4)


def test_a_masked_model_gets_its_weights_back(residual):
    before = residual.get_weights()
    channels = trace_channels(residual)
    with pytest.raises(RuntimeError), cutting.mask(residual, channels, channels.fixed):
        assert not np.asarray(residual.get_layer("stem").kernel).any()
        raise RuntimeError
    assert all(np.array_equal(a, b) for a, b in zip(before, residual.get_weights(), strict=True))


def test_a_cut_model_is_plain_keras(residual, tmp_path):
    channels = trace_channels(residual)
    smaller = cutting.cut(residual, channels, keep_some(channels, group_channels(residual, channels)))
    smaller.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images = np.ones((1, 16, 16, 3), "float32")
    assert np.allclose(loaded(images), smaller(images))
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in residual.layers]


def test_a_cut_backbone_splits_and_freezes_by_stage():
    """Prefix and suffix of the cut backbone make the cut model."""
    backbone, model = classifier("mobilenet_025")
    channels = trace_channels(model)
    smaller = cutting.cut(model, channels, keep_some(channels, group_channels(model, channels)))
    part = cutting.find_part(backbone, smaller)
    first = zoo.prefix(part, "C4")
    rest = zoo.suffix(first, smaller)
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    assert np.allclose(rest(first(images)), smaller(images), atol=1e-5)
    frozen = zoo.freeze(part, "C4")
    assert 0 < frozen.trainable < smaller.count_params()
    assert not smaller.get_layer("conv_pw_5").trainable and smaller.get_layer("conv_pw_13").trainable
